/** `process.env`. */

import { nodeError } from './node-errors.ts';

/** Nothing but an ordinary property can become a variable. */
function checkVariable(descriptor: PropertyDescriptor): void {
  const { configurable, writable, enumerable, get, set } = descriptor;
  const isPlain = configurable === true && writable === true && enumerable === true;
  if ('value' in descriptor && isPlain) return;
  const problem =
    get !== undefined || set !== undefined
      ? 'does not accept an accessor(getter/setter) descriptor'
      : 'only accepts a configurable, writable, and enumerable data descriptor';
  throw nodeError(TypeError, 'ERR_INVALID_OBJECT_DEFINE_PROPERTY', `'process.env' ${problem}`);
}

/** Environment variables hold strings: what is assigned is converted, as the real environment does. */
export function environment(variables: Readonly<Record<string, string>>): object {
  return new Proxy(
    { ...variables },
    {
      set(target, name, value): boolean {
        if (typeof name === 'symbol' || typeof value === 'symbol') {
          throw new TypeError('Cannot convert a Symbol value to a string');
        }
        target[name] = String(value);
        return true;
      },
      defineProperty(target, name, descriptor): boolean {
        checkVariable(descriptor);
        const text = { ...descriptor, value: String(descriptor.value) };
        return Reflect.defineProperty(target, name, text);
      },
    },
  );
}
