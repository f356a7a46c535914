/** Deep equality of `util.isDeepStrictEqual` and `assert.deepEqual`, cycles included. */

import { compareBytes } from './buffer-search.ts';
import {
  isAnyArrayBuffer,
  isBigIntObject,
  isBooleanObject,
  isBoxedPrimitive,
  isDate,
  isFloat32Array,
  isFloat64Array,
  isIndexKey,
  isMap,
  isNativeError,
  isNumberObject,
  isRegExp,
  isSet,
  isStringObject,
  types,
} from './util-types.ts';

type Keyed = Record<PropertyKey, unknown>;

/**
 * Asked about objects that keep what they are to themselves, by the modules whose they are; undefined
 * from those that do not know them.
 */
export const opaqueKinds: ((a: object, b: object) => boolean | undefined)[] = [
  (a, b) => (tagOf(a) === '[object URL]' ? (a as Keyed).href === (b as Keyed).href : undefined),
];

interface Comparison {
  readonly strict: boolean;
  /** Objects of different classes may be equal. */
  readonly anyPrototype: boolean;
  /** Objects that are being compared further up: two of them meeting means equal so far. */
  readonly seen: Set<object>;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const tagOf = (value: unknown): string => Object.prototype.toString.call(value);
const isEnumerable = (value: object, key: PropertyKey): boolean =>
  Object.prototype.propertyIsEnumerable.call(value, key);

function primitivesEqual(a: unknown, b: unknown, strict: boolean): boolean {
  if (strict) return Object.is(a, b);
  // biome-ignore lint/suspicious/noDoubleEquals: loose equality is what is asked for.
  return a == b || (Number.isNaN(a) && Number.isNaN(b));
}

function equal(a: unknown, b: unknown, how: Comparison): boolean {
  if (a === b) return a !== 0 || !how.strict || Object.is(a, b);
  if (!isObject(a) || !isObject(b)) {
    if (isObject(a) || isObject(b)) return false;
    return primitivesEqual(a, b, how.strict);
  }
  if (how.strict && !how.anyPrototype && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b))
    return false;
  if (tagOf(a) !== tagOf(b)) return false;
  if (!contentsEqual(a, b, how)) return false;
  return propertiesEqual(a, b, how);
}

/** Compares what the classes hold inside; properties and elements are propertiesEqual's. */
function contentsEqual(a: object, b: object, { strict }: Comparison): boolean {
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length;
  }
  if (isDate(a) || isDate(b)) {
    return isDate(a) && isDate(b) && timeOf(a) === timeOf(b);
  }
  if (isRegExp(a) || isRegExp(b)) {
    if (!isRegExp(a) || !isRegExp(b)) return false;
    const [x, y] = [a as RegExp, b as RegExp];
    return x.source === y.source && x.flags === y.flags && x.lastIndex === y.lastIndex;
  }
  if (isErrorLike(a) || isErrorLike(b)) {
    if (!isErrorLike(a) || !isErrorLike(b)) return false;
    return a.message === b.message && a.name === b.name;
  }
  if (ArrayBuffer.isView(a) || ArrayBuffer.isView(b)) {
    return ArrayBuffer.isView(a) && ArrayBuffer.isView(b) && viewsEqual(a, b, strict);
  }
  if (isAnyArrayBuffer(a) || isAnyArrayBuffer(b)) {
    if (!isAnyArrayBuffer(a) || !isAnyArrayBuffer(b)) return false;
    return bytesEqual(new Uint8Array(a as ArrayBuffer), new Uint8Array(b as ArrayBuffer));
  }
  if (isBoxedPrimitive(a) || isBoxedPrimitive(b)) {
    if (!isBoxedPrimitive(a) || !isBoxedPrimitive(b)) return false;
    // Not their own `valueOf`, which may be anything.
    return Object.is(unbox(a), unbox(b));
  }
  if (isSet(a) !== isSet(b) || isMap(a) !== isMap(b)) return false;
  if (types.isWeakMap?.(a) || types.isWeakSet?.(a)) return false;
  for (const answer of opaqueKinds) {
    const isSame = answer(a, b);
    if (isSame !== undefined) return isSame;
  }
  return !(isSet(a) || isMap(a)) || (a as Set<unknown>).size === (b as Set<unknown>).size;
}

/** Not by its own `getTime`, which may be anything. */
const timeOf = (date: unknown): number => Date.prototype.getTime.call(date);

/** The primitive inside a Number, String, Boolean, BigInt or Symbol object. */
function unbox(box: object): unknown {
  if (isNumberObject(box)) return Number.prototype.valueOf.call(box);
  if (isStringObject(box)) return String.prototype.valueOf.call(box);
  if (isBooleanObject(box)) return Boolean.prototype.valueOf.call(box);
  if (isBigIntObject(box)) return BigInt.prototype.valueOf.call(box);
  return Symbol.prototype.valueOf.call(box);
}

function isErrorLike(value: unknown): value is Error {
  return isNativeError(value) || value instanceof Error;
}

function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

function viewsEqual(a: ArrayBufferView, b: ArrayBufferView, strict: boolean): boolean {
  if (a.byteLength !== b.byteLength) return false;
  if (!strict && (isFloat32Array(a) || isFloat64Array(a))) {
    // Loosely, 0 and -0 are equal, which their bytes are not.
    const [x, y] = [a as Float64Array, b as Float64Array];
    return x.length === y.length && x.every((value, index) => value === y[index]);
  }
  return bytesEqual(
    new Uint8Array(a.buffer, a.byteOffset, a.byteLength),
    new Uint8Array(b.buffer, b.byteOffset, b.byteLength),
  );
}

/** Enumerable own keys; of arrays and views without the indexes. */
function keysOf(value: object, strict: boolean): PropertyKey[] {
  const indexed = Array.isArray(value) || ArrayBuffer.isView(value);
  const keys: PropertyKey[] = Object.keys(value).filter((key) => !indexed || !isIndexKey(key));
  if (!strict) return keys;
  const symbols = Object.getOwnPropertySymbols(value).filter((key) => isEnumerable(value, key));
  return [...keys, ...symbols];
}

function propertiesEqual(a: object, b: object, how: Comparison): boolean {
  const keys = keysOf(a, how.strict);
  if (keys.length !== keysOf(b, how.strict).length) return false;
  if (!keys.every((key) => isEnumerable(b, key))) return false;
  const added = [a, b].filter((one) => !how.seen.has(one));
  // One that meets itself further up, where the other does not, is a cycle of another length.
  if (added.length < 2) return added.length === 0;
  for (const one of added) how.seen.add(one);
  const answer =
    elementsEqual(a, b, how) &&
    (!isErrorLike(a) || reasonsEqual(a, b as Error, how)) &&
    keys.every((key) => equal((a as Keyed)[key], (b as Keyed)[key], how));
  for (const one of added) how.seen.delete(one);
  return answer;
}

function elementsEqual(a: object, b: object, how: Comparison): boolean {
  if (Array.isArray(a)) {
    return arraysEqual(a, b as unknown[], how);
  }
  if (isSet(a)) return setsEqual(a as Set<unknown>, b as Set<unknown>, how);
  if (isMap(a)) return mapsEqual(a as Map<unknown, unknown>, b as Map<unknown, unknown>, how);
  return true;
}

/** What lies behind two errors; properties that are enumerable are compared as all others are. */
function reasonsEqual(a: Error, b: Error, how: Comparison): boolean {
  return ['cause', 'errors'].every((name) => {
    if (Object.hasOwn(a, name) !== Object.hasOwn(b, name)) return false;
    if (!Object.hasOwn(a, name) || isEnumerable(b, name)) return true;
    return equal((a as unknown as Keyed)[name], (b as unknown as Keyed)[name], how);
  });
}

function arraysEqual(a: unknown[], b: unknown[], how: Comparison): boolean {
  for (let i = 0; i < a.length; i++) {
    if (Object.hasOwn(a, i) !== Object.hasOwn(b, i)) return false;
    if (!equal(a[i], b[i], how)) return false;
  }
  return true;
}

/** Removes and accepts the first candidate equal to `value`. */
function takeEqual<T>(candidates: Set<T>, isMatch: (candidate: T) => boolean): boolean {
  for (const candidate of candidates) {
    if (!isMatch(candidate)) continue;
    candidates.delete(candidate);
    return true;
  }
  return false;
}

/** Elements found by identity are matched first: only the rest is compared each with each. */
function setsEqual(a: Set<unknown>, b: Set<unknown>, how: Comparison): boolean {
  const left: unknown[] = [];
  for (const value of a) {
    if (b.has(value)) continue;
    if (how.strict && !isObject(value)) return false;
    left.push(value);
  }
  const candidates = new Set([...b].filter((value) => !a.has(value)));
  return left.every((value) => takeEqual(candidates, (other) => equal(value, other, how)));
}

function mapsEqual(a: Map<unknown, unknown>, b: Map<unknown, unknown>, how: Comparison): boolean {
  const left: unknown[] = [];
  for (const [key, value] of a) {
    if (!b.has(key)) {
      if (how.strict && !isObject(key)) return false;
      left.push(key);
    } else if (!equal(value, b.get(key), how)) {
      if (how.strict || isObject(key)) return false;
      left.push(key);
    }
  }
  const candidates = new Set([...b.keys()].filter((key) => !a.has(key) || left.includes(key)));
  return left.every((key) =>
    takeEqual(
      candidates,
      (other) => equal(key, other, how) && equal(a.get(key), b.get(other), how),
    ),
  );
}

/**
 * `assert.deepStrictEqual`'s notion, or with `strict: false` that of `assert.deepEqual`; with
 * `anyPrototype` objects of different classes may be equal.
 */
export function isDeepEqual(
  a: unknown,
  b: unknown,
  how: { readonly strict: boolean; readonly anyPrototype?: boolean },
): boolean {
  const { strict, anyPrototype = false } = how;
  return equal(a, b, { strict, anyPrototype, seen: new Set() });
}
