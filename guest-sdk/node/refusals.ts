/**
 * What a guest cannot have, module by module: every name is there and every module loads; the call
 * fails in the way its API fails, and the error says what to use instead and where to read on.
 */

import { unsupported } from '../errors.ts';
import { kernel } from './kernel-hooks.ts';
import { markNodeError } from './node-errors.ts';

/** Marks functions that exist to fail, for the list of docs/guest-api.md. */
const kRefused = Symbol.for('hv.refused');

/** The error of `module.name`. `anchor` is the heading of docs/guest-api.md. */
export function refusal(module: string, name: string, instead?: string): Error {
  const error = unsupported(module, name, instead);
  const anchor = module.toLowerCase().replace(/[^a-z0-9_ -]/g, '');
  error.message += ` See docs/guest-api.md#${anchor}`;
  markNodeError(error);
  return error;
}

export function markRefused<T extends object>(value: T, name?: string): T {
  Object.defineProperty(value, kRefused, { value: true });
  if (name !== undefined) Object.defineProperty(value, 'name', { value: name, configurable: true });
  return value;
}

/** A function, or a class to be called with `new`, that throws. */
export function throwing(module: string, name: string, instead?: string): () => never {
  function refused(): never {
    throw refusal(module, name, instead);
  }
  return markRefused(refused, name);
}

/** Functions that throw, by name. */
export function throwers(
  module: string,
  names: string,
  instead?: string,
): Record<string, () => never> {
  return Object.fromEntries(
    names.split(' ').map((name) => [name, throwing(module, name, instead)]),
  );
}

/** A function that rejects. */
export function rejecting(module: string, name: string, instead?: string): () => Promise<never> {
  return markRefused((): Promise<never> => Promise.reject(refusal(module, name, instead)), name);
}

/** A function whose last argument is a callback, which gets the error. Without one it throws. */
export function failing(
  module: string,
  name: string,
  instead?: string,
): (...args: unknown[]) => void {
  return markRefused((...args: unknown[]): void => {
    const callback = args.at(-1);
    if (typeof callback !== 'function') throw refusal(module, name, instead);
    kernel().nextTick(callback as never, refusal(module, name, instead));
  }, name);
}
