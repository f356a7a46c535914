/** Checks of arguments as the interfaces of fetch make them, in the words Node has for them. */

import { nodeError } from '../node/node-errors.ts';

export function illegalInvocation(): Error {
  return nodeError(TypeError, 'ERR_INVALID_THIS', 'Illegal invocation');
}

/** Throws unless `args` holds `count` arguments or more; `where` is "Class.method". */
export function checkCount(args: readonly unknown[], count: number, where: string): void {
  if (args.length >= count) return;
  const noun = count === 1 ? 'argument' : 'arguments';
  const found = `${args.length === 0 ? '' : 'only '}${args.length}`;
  throw new TypeError(`${where}: ${count} ${noun} required, but ${found} found.`);
}

/** A callback for `forEach`. */
export function checkCallback(
  callback: unknown,
  name: string,
): asserts callback is (...args: unknown[]) => void {
  if (typeof callback === 'function') return;
  const text = `Failed to execute 'forEach' on '${name}': parameter 1 is not of type 'Function'.`;
  throw new TypeError(text);
}

const BYTE_MAX = 255;

/** Text whose units are bytes; `where` and `what` name the place in errors. */
export function toByteString(value: unknown, where: string, what: string): string {
  if (typeof value === 'symbol') {
    const text = `${where}: ${what} is a symbol, which cannot be converted to a DOMString.`;
    throw new TypeError(text);
  }
  const text = `${value}`;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > BYTE_MAX) {
      throw new TypeError(
        `Cannot convert argument to a ByteString because the character at index ${i} has a value of ${unit} which is greater than 255.`,
      );
    }
  }
  return text;
}

/** Lengths of methods that take their arguments as a list. */
export function setLengths(prototype: object, lengths: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(lengths)) {
    const method = (prototype as Record<string, object>)[name] as object;
    Object.defineProperty(method, 'length', { value, configurable: true });
  }
}

/** An optional dictionary; `where` is "Class constructor". */
export function checkDictionary(value: unknown, where: string): asserts value is object | null {
  if (value === undefined || value === null) return;
  if (typeof value === 'object' || typeof value === 'function') return;
  const shown = typeof value === 'string' ? `"${value}"` : String(value);
  throw new TypeError(`${where}: Expected ${shown} to be one of: Null, Undefined, Object.`);
}
