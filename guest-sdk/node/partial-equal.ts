/** `assert.partialDeepStrictEqual`: whether one value has everything that another one asks for. */

import { isDeepEqual } from './deep-equal.ts';
import { isIndexKey, isMap, isNativeError, isSet } from './util-types.ts';

type Keyed = Record<PropertyKey, unknown>;

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const kindOf = (value: unknown): string => Object.prototype.toString.call(value);

/** Strictly equal as a whole: there are no parts, or parts of these are no subset of anything. */
function isWhole(value: object): boolean {
  if (Array.isArray(value) || isMap(value) || isSet(value) || isNativeError(value)) return false;
  return ArrayBuffer.isView(value) || kindOf(value) !== '[object Object]';
}

/** Each of `wanted`, in order, is somewhere in the rest of `there`. */
function inOrder(there: readonly unknown[], wanted: readonly unknown[], seen: Seen): boolean {
  let at = 0;
  return wanted.every((value, index) => {
    if (!Object.hasOwn(wanted, index)) return true;
    for (; at < there.length; at++) {
      // What is not there at all is not even undefined.
      if (Object.hasOwn(there, at) && holds(there[at], value, seen)) return at++ >= 0;
    }
    return false;
  });
}

/** Each of `wanted` is another one of `there`. */
function inAnyOrder(there: Iterable<unknown>, wanted: Iterable<unknown>, seen: Seen): boolean {
  const left = new Set(there);
  for (const value of wanted) {
    const match = left.has(value) ? value : [...left].find((one) => holds(one, value, seen));
    if (!left.delete(match)) return false;
  }
  return true;
}

function entriesIn(
  there: Map<unknown, unknown>,
  wanted: Map<unknown, unknown>,
  seen: Seen,
): boolean {
  for (const [key, value] of wanted) {
    if (there.has(key)) {
      if (!holds(there.get(key), value, seen)) return false;
    } else if (
      ![...there].some(([other, its]) => holds(other, key, seen) && holds(its, value, seen))
    ) {
      return false;
    }
  }
  return true;
}

/** Objects of both sides that are being looked at, further up. */
type Seen = Set<object>;

function keysOf(value: object): PropertyKey[] {
  const symbols = Object.getOwnPropertySymbols(value).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(value, key),
  );
  const names = Object.keys(value);
  const isList = Array.isArray(value);
  return [...(isList ? names.filter((name) => !isIndexKey(name)) : names), ...symbols];
}

function holds(actual: unknown, expected: unknown, seen: Seen): boolean {
  if (Object.is(actual, expected)) return true;
  if (!isObject(actual) || !isObject(expected)) return false;
  if (Object.getPrototypeOf(actual) !== Object.getPrototypeOf(expected)) return false;
  if (isWhole(expected)) return isDeepEqual(actual, expected, { strict: true });
  if (kindOf(actual) !== kindOf(expected)) return false;
  const added = [actual, expected].filter((one) => !seen.has(one));
  if (added.length < 2) return added.length === 0;
  for (const one of added) seen.add(one);
  try {
    return partsIn(actual, expected, seen);
  } finally {
    for (const one of added) seen.delete(one);
  }
}

function partsIn(actual: object, expected: object, seen: Seen): boolean {
  if (Array.isArray(expected)) {
    const there = actual as unknown[];
    if (expected.length > there.length || !inOrder(there, expected, seen)) return false;
  }
  if (isSet(expected)) {
    const [there, wanted] = [actual as Set<unknown>, expected as Set<unknown>];
    if (wanted.size > there.size || !inAnyOrder(there, wanted, seen)) return false;
  }
  if (isMap(expected)) {
    const [there, wanted] = [actual as Map<unknown, unknown>, expected as Map<unknown, unknown>];
    if (wanted.size > there.size || !entriesIn(there, wanted, seen)) return false;
  }
  if (isNativeError(expected)) {
    const [there, wanted] = [actual as Error, expected as Error];
    if (there.message !== wanted.message || there.name !== wanted.name) return false;
    for (const name of ['cause', 'errors'] as const) {
      if (Object.hasOwn(wanted, name) !== Object.hasOwn(there, name)) return false;
      if (!holds((there as unknown as Keyed)[name], (wanted as unknown as Keyed)[name], seen))
        return false;
    }
  }
  return keysOf(expected).every(
    (key) =>
      Object.prototype.propertyIsEnumerable.call(actual, key) &&
      holds((actual as Keyed)[key], (expected as Keyed)[key], seen),
  );
}

/** Every part of `expected` is in `actual`, strictly equal; `actual` may have more. */
export function isPartOf(actual: unknown, expected: unknown): boolean {
  return holds(actual, expected, new Set());
}
