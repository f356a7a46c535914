/**
 * What node-inspect-extracted must find in the global scope while it is evaluated, for it copies the
 * built-ins then: stand-ins for what the engine lacks, and two built-ins that do more than the
 * engine's. inspect.ts imports this file first and calls `restoreGlobals` after the package.
 */

import { describeError } from '../errors.ts';
import { isIndexKey } from './util-types.ts';

const scope = globalThis as unknown as { Atomics?: unknown; URL?: unknown };
const undo: (() => void)[] = [];

/** Sets `target[name]` until `restoreGlobals`. */
function lend(target: object, name: PropertyKey, value: unknown): void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value, writable: true, configurable: true });
  undo.push(() => {
    if (before === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, before);
  });
}

/** An error the engine threw by itself has a stack in the engine's format until it is shown. */
function repairStack(error: object): void {
  const own = Object.getOwnPropertyDescriptor(error, 'stack');
  if (own === undefined || typeof own.value !== 'string' || own.configurable !== true) return;
  const text = describeError(error);
  if (text !== own.value) Object.defineProperty(error, 'stack', { ...own, value: text });
}

const nativeIsError = (Error as { isError?: (value: unknown) => boolean }).isError;

/** `Error.isError` of the package: it asks before it reads a stack, so the stack is repaired here. */
function isError(value: unknown): boolean {
  const answer = value instanceof Error || nativeIsError?.(value) === true;
  if (answer) repairStack(value as object);
  return answer;
}

/** Stands in for a missing `URL`; its instances are those of the one the global scope gets later. */
function LateUrl(this: { pathname: string; readonly href: string }): void {
  this.pathname = '';
  Object.defineProperty(this, 'href', { get: () => `file://${this.pathname}` });
}
Object.defineProperty(LateUrl, Symbol.hasInstance, {
  value: (one: unknown) => typeof scope.URL === 'function' && one instanceof scope.URL,
});

const nativeDescriptors = Object.getOwnPropertyDescriptors;

/** For arrays the package throws indexes away again: a large buffer must not cost one object each. */
function getOwnPropertyDescriptors(value: object): Record<PropertyKey, PropertyDescriptor> {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return nativeDescriptors(value);
  const descriptors: Record<PropertyKey, PropertyDescriptor> = {};
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === 'string' && isIndexKey(key)) continue;
    descriptors[key] = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor;
  }
  return descriptors;
}

const symbolToString = Symbol.prototype.toString;
const regExpReplace = RegExp.prototype[Symbol.replace];
let lastSymbolText: string | undefined;

/** The package follows a later Node in showing symbol keys bare; Node 20 has them in brackets. */
function bracketSymbolKeys(): void {
  lend(Symbol.prototype, 'toString', function (this: symbol): string {
    lastSymbolText = symbolToString.call(this);
    return lastSymbolText;
  });
  const replace = function (this: RegExp, text: string, by: never): string {
    // Of symbols' texts only those of keys are escaped, and right after they were made.
    const isKey = text === lastSymbolText;
    lastSymbolText = undefined;
    const replaced = regExpReplace.call(this, text, by);
    return isKey ? `[${replaced}]` : replaced;
  };
  lend(RegExp.prototype, Symbol.replace, replace);
}

if (scope.Atomics === undefined) lend(scope, 'Atomics', {});
if (scope.URL === undefined) lend(scope, 'URL', LateUrl);
lend(Error, 'isError', isError);
lend(Object, 'getOwnPropertyDescriptors', getOwnPropertyDescriptors);

bracketSymbolKeys();

/** Gives back what the package has copied. */
export function restoreGlobals(): void {
  for (const restore of undo.splice(0)) restore();
}
