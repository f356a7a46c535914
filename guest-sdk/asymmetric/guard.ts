/** Classes of this library that guests hold: their methods run as late code (guest-sdk/late.ts). */

import { inLate } from '../late.ts';

type Callable = (this: unknown, ...args: unknown[]) => unknown;

function guarded(act: Callable): Callable {
  const made: Callable = {
    method(this: unknown, ...args: unknown[]): unknown {
      return inLate(() => act.apply(this, args));
    },
  }.method;
  for (const name of ['name', 'length']) {
    Object.defineProperty(made, name, { value: Reflect.get(act, name), configurable: true });
  }
  return made;
}

function guardAll(target: object, except: readonly string[]): void {
  for (const [name, found] of Object.entries(Object.getOwnPropertyDescriptors(target))) {
    if (except.includes(name)) continue;
    const { value, get } = found as PropertyDescriptor;
    if (typeof value === 'function') {
      Object.defineProperty(target, name, { ...found, value: guarded(value as Callable) });
    } else if (get) Object.defineProperty(target, name, { ...found, get: guarded(get) });
  }
}

/** The bundle has short names of its own: `name` is the one guests see. */
export function guardClass(made: object, name: string): void {
  Object.defineProperty(made, 'name', { value: name, configurable: true });
  guardAll(made, ['prototype']);
  guardAll(Reflect.get(made, 'prototype') as object, ['constructor']);
}
