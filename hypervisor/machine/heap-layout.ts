/**
 * Where the engine keeps what it keeps: offsets in bytes within its structures (QuickJS 2025-09-13,
 * 32-bit, NaN boxing), as far as hv reads them. Constants of the one pinned engine; heap-probe.ts
 * reads a sample of everything through them and refuses when any answer is not the expected one.
 */

/** JSRuntime, from its address. */
export const RUNTIME = {
  /** Array of pointers to the strings of atoms. */
  atomArray: 56,
  /** Array of classes, CLASS_BYTES each. */
  classArray: 68,
  /** List of all objects the collector knows: two pointers, the second to the first member. */
  objects: 80,
} as const;

/** JSContext, from its address: values, not pointers. */
export const CONTEXT = { evalFunction: 200, globalObject: 208, globalScope: 216 } as const;

export const CLASS_BYTES = 24;
export const CLASS_NAME = 4;

/** JSGCObjectHeader. A link of the list points at `link` of the member, not at its start. */
export const HEADER = { references: 0, kind: 4, link: 8 } as const;
/** Low four bits at HEADER.kind. */
export const KIND_MASK = 15;
export const KIND_OBJECT = 0;

/** JSObject. `payload` is a union by class. */
export const OBJECT = { flags: 5, classId: 6, shape: 20, properties: 24, payload: 32 } as const;
/** Bit of OBJECT.flags: elements lie in an array of their own. */
export const FAST_ARRAY = 8;

/** JSShape; properties follow it, PROPERTY_BYTES each: hash and flags, then the name. */
export const SHAPE = { count: 32, prototype: 44, properties: 48 } as const;
export const PROPERTY_BYTES = 8;
export const PROPERTY_FLAGS_SHIFT = 26;
export const PROPERTY_ENUMERABLE = 4;
export const PROPERTY_TYPE_SHIFT = 4;
/** Kinds of a property's slot: a value, getter and setter, a pointer to a variable, not yet made. */
export const PROPERTY_TYPE = { value: 0, accessor: 1, variable: 2, lazy: 3 } as const;

/** Payloads of JSObject. */
export const FUNCTION = { bytecode: 32, variables: 36 } as const;
export const ARRAY = { elements: 36, count: 40 } as const;
/** JSTypedArray, which the payload of a DataView points to. */
export const TYPED_ARRAY = { length: 20 } as const;
export const PROMISE = { state: 0, result: 24 } as const;
/** JSMapState and its records, which are linked by `link`. */
export const MAP = { records: 4, count: 12 } as const;
export const RECORD = { empty: 4, link: 8, key: 24, value: 32 } as const;

/** JSFunctionBytecode. */
export const BYTECODE = {
  name: 28,
  closure: 36,
  constants: 56,
  constantCount: 60,
  closureCount: 64,
  file: 68,
  sourceLength: 72,
  positionLength: 76,
  positions: 80,
} as const;
/** JSClosureVar: type in the low three bits, index in the high half, then the name. */
export const CLOSURE_BYTES = 8;
export const CLOSURE_TYPE_MASK = 7;
/** A local or argument of the enclosing function, or a closure variable of it. */
export const CLOSURE_TYPE = { local: 0, argument: 1, outer: 2 } as const;

/** JSVarRef: a captured variable, shared by all closures over it. */
export const VARIABLE = { value: 16 } as const;

/** JSString and the strings of atoms. */
export const STRING = { length: 4, hash: 8, characters: 16 } as const;
export const ATOM_TYPE_SHIFT = 30;
export const ATOM_TYPE_STRING = 1;
export const ATOM_HASH_MASK = 0x3fffffff;
/** Hash of private names (`#x`). */
export const ATOM_HASH_PRIVATE = 0x3fffffff;
/** JSStringRope: a concatenation not carried out yet. */
export const ROPE = { length: 4, left: 16, right: 24 } as const;
/** JSBigInt: two's complement in words of 32 bits. */
export const BIGINT = { length: 4, words: 8 } as const;

/** Tags that TAG of engine-abi.ts does not list. */
export const HEAP_TAG = {
  bigint: -9,
  symbol: -8,
  string: -7,
  rope: -6,
  bytecode: -2,
  uninitialized: 4,
  shortBigint: 7,
} as const;
/** A high word in this range is a tag; any other belongs to a boxed double. */
export const TAG_MIN = -9;
export const TAG_MAX = 7;

/** Ids of classes whose payload is read. */
export const CLASS_ID = {
  array: 2,
  error: 3,
  number: 4,
  string: 5,
  boolean: 6,
  symbol: 7,
  arguments: 8,
  mappedArguments: 9,
  date: 10,
  nativeFunction: 12,
  bytecodeFunction: 13,
  boundFunction: 14,
  nativeClosure: 15,
  generatorFunction: 16,
  regexp: 18,
  arrayBuffer: 19,
  dataView: 33,
  map: 35,
  set: 36,
  proxy: 50,
  promise: 51,
  asyncFunction: 54,
  asyncGeneratorFunction: 58,
} as const;
