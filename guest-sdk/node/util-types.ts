/**
 * `util.types`. A class is told by a method that refuses foreign receivers, never by a name: objects
 * with borrowed prototypes and `Symbol.toStringTag` must not fool it.
 */

type Test = (value: unknown) => boolean;

const toStringOf = (value: unknown): string => Object.prototype.toString.call(value);
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function getterOf(prototype: object, name: PropertyKey): (this: unknown) => unknown {
  const getter = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  if (getter === undefined) throw new TypeError(`no getter ${String(name)}`);
  return getter;
}

/** True for objects that `probe` accepts as its receiver. */
function branded(probe: (this: unknown) => unknown): Test {
  return (value) => {
    if (!isObject(value)) return false;
    try {
      probe.call(value);
      return true;
    } catch {
      // A receiver of another class: that is the answer.
      return false;
    }
  };
}

const tagOf = getterOf(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);
const typedArray =
  (name: string): Test =>
  (value) =>
    tagOf.call(value) === name;

/** True for keys of an array's elements; from 2^32 - 1 on a number is a name like any other. */
export const isIndexKey = (key: string): boolean =>
  /^(?:0|[1-9]\d*)$/.test(key) && Number(key) < 2 ** 32 - 1;

const prototypeOf = (value: unknown): object | null => Object.getPrototypeOf(value);
const isInChain = (prototype: object | null, value: object): boolean =>
  Object.prototype.isPrototypeOf.call(prototype, value);
/** Functions are told by the kind of function their prototype chain ends in. */
const functionKind =
  (...samples: readonly object[]): Test =>
  (value) => {
    if (typeof value !== 'function') return false;
    return samples.some((sample) => isInChain(prototypeOf(sample), value));
  };
const inherits =
  (prototype: object | null): Test =>
  (value) =>
    isObject(value) && isInChain(prototype, value);

const generator = function* (): Generator {};
const asyncGenerator = async function* (): AsyncGenerator {};
const isRegExpBrand = branded(getterOf(RegExp.prototype, 'source'));
const nativeIsError = (Error as { isError?: Test }).isError;

export const isDate: Test = branded(Date.prototype.getTime);
export const isRegExp: Test = (value) => value !== RegExp.prototype && isRegExpBrand(value);
export const isMap: Test = branded(getterOf(Map.prototype, 'size'));
export const isSet: Test = branded(getterOf(Set.prototype, 'size'));
export const isArrayBuffer: Test = branded(getterOf(ArrayBuffer.prototype, 'byteLength'));
export const isSharedArrayBuffer: Test = branded(
  getterOf(SharedArrayBuffer.prototype, 'byteLength'),
);
export const isAnyArrayBuffer: Test = (value) => isArrayBuffer(value) || isSharedArrayBuffer(value);
export const isNumberObject: Test = branded(Number.prototype.valueOf);
export const isStringObject: Test = branded(String.prototype.valueOf);
export const isBooleanObject: Test = branded(Boolean.prototype.valueOf);
export const isBigIntObject: Test = branded(BigInt.prototype.valueOf);
export const isSymbolObject: Test = branded(Symbol.prototype.valueOf);
export const isBoxedPrimitive: Test = (value) =>
  isNumberObject(value) ||
  isStringObject(value) ||
  isBooleanObject(value) ||
  isBigIntObject(value) ||
  isSymbolObject(value);
export const isNativeError: Test =
  nativeIsError ?? ((value) => isObject(value) && toStringOf(value) === '[object Error]');
export const isTypedArray: Test = (value) => tagOf.call(value) !== undefined;
export const isUint8Array: Test = typedArray('Uint8Array');
export const isFloat32Array: Test = typedArray('Float32Array');
export const isFloat64Array: Test = typedArray('Float64Array');

const typedArrayNames = [
  'Uint8ClampedArray',
  'Uint16Array',
  'Uint32Array',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'BigInt64Array',
  'BigUint64Array',
] as const;

/** A key in the collection asked for: any object does, for it is only the receiver that matters. */
const probeKey = {};

export const types: Readonly<Record<string, Test>> = {
  // The engine has no way to see through a proxy or to hold a foreign pointer.
  isExternal: () => false,
  isProxy: () => false,
  // The two below are replaced by crypto.ts.
  isKeyObject: () => false,
  isCryptoKey: () => false,
  isDate,
  isArgumentsObject: (value) =>
    isObject(value) && !(Symbol.toStringTag in value) && toStringOf(value) === '[object Arguments]',
  isBigIntObject,
  isBooleanObject,
  isNumberObject,
  isStringObject,
  isSymbolObject,
  isBoxedPrimitive,
  isNativeError,
  isRegExp,
  isAsyncFunction: functionKind(async () => {}, asyncGenerator),
  isGeneratorFunction: functionKind(generator, asyncGenerator),
  isGeneratorObject: (value) =>
    inherits(prototypeOf(generator.prototype))(value) ||
    inherits(prototypeOf(asyncGenerator.prototype))(value),
  isPromise: (value) => value instanceof Promise,
  isMap,
  isSet,
  isMapIterator: inherits(prototypeOf(new Map().keys())),
  isSetIterator: inherits(prototypeOf(new Set().keys())),
  isWeakMap: branded(function (this: unknown) {
    return WeakMap.prototype.has.call(this as WeakMap<object, unknown>, probeKey);
  }),
  isWeakSet: branded(function (this: unknown) {
    return WeakSet.prototype.has.call(this as WeakSet<object>, probeKey);
  }),
  isArrayBuffer,
  isSharedArrayBuffer,
  isAnyArrayBuffer,
  isDataView: branded(getterOf(DataView.prototype, 'byteLength')),
  isArrayBufferView: (value) => ArrayBuffer.isView(value),
  isTypedArray,
  isUint8Array,
  isFloat32Array,
  isFloat64Array,
  ...Object.fromEntries(typedArrayNames.map((name) => [`is${name}`, typedArray(name)])),
  isModuleNamespaceObject: (value) =>
    isObject(value) && prototypeOf(value) === null && toStringOf(value) === '[object Module]',
};
