/**
 * `node:buffer`. Buffer is a function over a class, as in Node: `new Buffer(5)` and `Buffer(5)` both
 * work, and its instances are Uint8Arrays. Memory is always zeroed: nothing uninitialised may be seen,
 * for it would differ between a recording and its replay.
 */

import { ENCODING } from '../../log-format/abi.ts';
import { atob, btoa } from '../web/base64.ts';
import { Blob, File } from '../web/blob.ts';
import { resolveObjectURL } from '../web/object-urls.ts';
import {
  asBuffer,
  type Buffer as BufferInstance,
  FastBuffer,
  requireBytes,
  settings,
} from './buffer-class.ts';
import { decodeBytes, encodedLength, encodeText, encodingId } from './buffer-encodings.ts';
import { numberMethods } from './buffer-numbers.ts';
import { compareBytes } from './buffer-search.ts';
import { fillAny, MAX_LENGTH, MAX_STRING_LENGTH, textMethods } from './buffer-text.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType, nodeError, unknownEncoding } from './node-errors.ts';
import { isAnyArrayBuffer } from './util-types.ts';
import { validateArray, validateInteger, validateNumber } from './validators.ts';

export type Buffer = BufferInstance;

const kInspect = Symbol.for('nodejs.util.inspect.custom');

function allocate(size: number): Buffer {
  return asBuffer(new FastBuffer(size));
}

function fromString(text: string, encoding: unknown): Buffer {
  if (typeof encoding !== 'string' || encoding.length === 0) {
    return asBuffer(new FastBuffer(encodeText(text, ENCODING.utf8)));
  }
  const id = encodingId(encoding);
  if (id === undefined) throw unknownEncoding(encoding);
  return asBuffer(new FastBuffer(encodeText(text, id)));
}

function fromArrayLike(source: ArrayLike<unknown>): Buffer {
  if (!(source.length > 0)) return allocate(0);
  const bytes = allocate(source.length);
  bytes.set(source as ArrayLike<number>);
  return bytes;
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return isAnyArrayBuffer(value);
}

function fromArrayBuffer(source: ArrayBuffer, byteOffset: unknown, length: unknown): Buffer {
  const offset = Math.trunc(Number(byteOffset)) || 0;
  const available = source.byteLength - offset;
  const outside = (name: string) =>
    nodeError(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', `"${name}" is outside of buffer bounds`);
  if (available < 0) throw outside('offset');
  if (length === undefined) return asBuffer(new FastBuffer(source, offset, available));
  const wanted = Math.max(Math.trunc(Number(length)) || 0, 0);
  if (wanted > available) throw outside('length');
  return asBuffer(new FastBuffer(source, offset, wanted));
}

/** Array-likes and what `toJSON` made; undefined when `source` is neither. */
function fromObject(source: object): Buffer | undefined {
  const like = source as { length?: unknown; buffer?: unknown; type?: unknown; data?: unknown };
  if (like.length !== undefined || isArrayBuffer(like.buffer)) {
    if (typeof like.length !== 'number') return allocate(0);
    return fromArrayLike(source as ArrayLike<unknown>);
  }
  if (like.type === 'Buffer' && Array.isArray(like.data)) return fromArrayLike(like.data);
  return undefined;
}

function from(value: unknown, encodingOrOffset?: unknown, length?: unknown): Buffer {
  if (typeof value === 'string') return fromString(value, encodingOrOffset);
  if (typeof value === 'object' && value !== null) {
    if (isArrayBuffer(value)) return fromArrayBuffer(value, encodingOrOffset, length);
    const primitive: unknown = value.valueOf?.();
    const wraps = primitive != null && primitive !== value;
    if (wraps && (typeof primitive === 'string' || typeof primitive === 'object')) {
      return from(primitive, encodingOrOffset, length);
    }
    const bytes = fromObject(value);
    if (bytes !== undefined) return bytes;
    const convert = (value as { [Symbol.toPrimitive]?: unknown })[Symbol.toPrimitive];
    if (typeof convert === 'function') {
      const text: unknown = convert.call(value, 'string');
      if (typeof text === 'string') return fromString(text, encodingOrOffset);
    }
  }
  const types = ['string', 'Buffer', 'ArrayBuffer', 'Array', 'an Array-like Object'];
  throw invalidFirstArgument(types, value);
}

/** Node's own list for Buffer.from: the last expectation is prose, not a class. */
function invalidFirstArgument(expected: readonly string[], value: unknown): Error {
  const error = invalidArgType('first argument', expected.slice(0, -1), value);
  error.message = error.message.replace('or Array.', `or Array or ${expected[4]}.`);
  return error;
}

function alloc(size: number, fill?: unknown, encoding?: unknown): Buffer {
  // Small integers pass without the general check, which costs more than the allocation.
  if ((size | 0) !== size || size < 0) validateNumber(size, 'size', 0, MAX_LENGTH);
  const bytes = allocate(size);
  if (fill === undefined || fill === 0 || size <= 0) return bytes;
  return fillAny(bytes, fill, 0, bytes.length, encoding);
}

function concat(list: readonly Uint8Array[], length?: number): Buffer {
  validateArray(list, 'list');
  // Of nothing there is nothing, however long it was to be.
  if (list.length === 0) return allocate(0);
  let total = length;
  if (total === undefined) {
    total = 0;
    for (const item of list) total += (item as { length?: number })?.length || 0;
  } else {
    validateInteger(total, 'length', 0, MAX_LENGTH);
  }
  const joined = allocate(total);
  let at = 0;
  for (const [index, item] of list.entries()) {
    requireBytes(item, `list[${index}]`);
    const room = total - at;
    joined.set(item.length > room ? item.subarray(0, room) : item, at);
    at += Math.min(item.length, room);
  }
  return joined;
}

function byteLength(value: unknown, encoding?: unknown): number {
  if (typeof value !== 'string') {
    if (ArrayBuffer.isView(value) || isArrayBuffer(value)) return value.byteLength;
    throw invalidArgType('string', ['string', 'Buffer', 'ArrayBuffer'], value);
  }
  const id = encoding ? encodingId(encoding) : ENCODING.utf8;
  return encodedLength(value, id ?? ENCODING.utf8);
}

/** Bytes of a view's elements `[offset, offset + length)`, copied. */
function copyBytesFrom(view: unknown, offset?: number, length?: number): Buffer {
  if (!ArrayBuffer.isView(view) || view instanceof DataView) {
    throw invalidArgType('view', 'TypedArray', view);
  }
  const source = view as Uint8Array;
  if (source.length === 0) return allocate(0);
  if (offset !== undefined) validateInteger(offset, 'offset', 0);
  if (length !== undefined) validateInteger(length, 'length', 0);
  const start = offset ?? 0;
  const end = length === undefined ? source.length : Math.min(start + length, source.length);
  const part = Uint8Array.prototype.slice.call(source, start, end);
  return fromArrayLike(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
}

let deprecationShown = false;

/** Node spares packages the warning; their position shows in the stack. */
function warnConstructor(): void {
  if (deprecationShown) return;
  if (String(new Error().stack).includes('/node_modules/')) return;
  deprecationShown = true;
  const text =
    'Buffer() is deprecated due to security and usability issues. Please use the Buffer.alloc(), Buffer.allocUnsafe(), or Buffer.from() methods instead.';
  kernel().emitWarning(text, 'DeprecationWarning', 'DEP0005');
}

/** Functions and no methods: packages call `new Buffer.allocUnsafeSlow(size)`. */
const statics = {
  poolSize: 8192,
  from,
  copyBytesFrom,
  of: function of(...items: number[]): Buffer {
    return fromArrayLike(items);
  },
  alloc,
  allocUnsafe: function allocUnsafe(size: number): Buffer {
    validateNumber(size, 'size', 0, MAX_LENGTH);
    return allocate(size);
  },
  allocUnsafeSlow: function allocUnsafeSlow(size: number): Buffer {
    validateNumber(size, 'size', 0, MAX_LENGTH);
    return allocate(size);
  },
  isBuffer: function isBuffer(value: unknown): value is Buffer {
    return value instanceof FastBuffer;
  },
  compare: function compare(a: unknown, b: unknown): -1 | 0 | 1 {
    requireBytes(a, 'buf1');
    requireBytes(b, 'buf2');
    return compareBytes(a, b);
  },
  isEncoding: function isEncoding(name: unknown): boolean {
    return typeof name === 'string' && name.length !== 0 && encodingId(name) !== undefined;
  },
  concat,
  byteLength,
};

/** Type of the `Buffer` function. */
export interface BufferFunction {
  (value: unknown, encodingOrOffset?: unknown, length?: unknown): Buffer;
  new (value: unknown, encodingOrOffset?: unknown, length?: unknown): Buffer;
  readonly prototype: Buffer;
  poolSize: number;
  from(value: unknown, encodingOrOffset?: unknown, length?: unknown): Buffer;
  copyBytesFrom(view: unknown, offset?: number, length?: number): Buffer;
  of(...items: number[]): Buffer;
  alloc(size: number, fill?: unknown, encoding?: unknown): Buffer;
  allocUnsafe(size: number): Buffer;
  allocUnsafeSlow(size: number): Buffer;
  isBuffer(value: unknown): value is Buffer;
  compare(a: unknown, b: unknown): -1 | 0 | 1;
  isEncoding(name: unknown): boolean;
  concat(list: readonly Uint8Array[], length?: number): Buffer;
  byteLength(value: unknown, encoding?: unknown): number;
}

function makeBuffer(): BufferFunction {
  function Buffer(value: unknown, encodingOrOffset?: unknown, length?: unknown): Buffer {
    warnConstructor();
    if (typeof value !== 'number') return from(value, encodingOrOffset, length);
    if (typeof encodingOrOffset === 'string') throw invalidArgType('string', 'string', value);
    return alloc(value);
  }
  // Enumerable, as in Node: libraries copy the statics and the prototype with `for in`.
  Object.assign(Buffer, statics);
  Object.setPrototypeOf(Buffer, Uint8Array);
  Object.defineProperty(Buffer, Symbol.species, { get: () => FastBuffer, configurable: true });
  const prototype = FastBuffer.prototype as unknown as Record<PropertyKey, unknown>;
  for (const name of Object.getOwnPropertyNames(prototype)) {
    Object.defineProperty(prototype, name, { enumerable: name !== 'constructor' });
  }
  Object.assign(prototype, numberMethods, textMethods);
  const hidden = { configurable: true, writable: true };
  Object.defineProperty(prototype, kInspect, { ...hidden, value: FastBuffer.prototype.inspect });
  Object.defineProperty(prototype, 'constructor', { ...hidden, value: Buffer });
  Object.defineProperty(Buffer, 'prototype', { value: prototype, writable: false });
  return Buffer as unknown as BufferFunction;
}

export const Buffer: BufferFunction = makeBuffer();
Object.defineProperty(Buffer, 'name', { value: 'Buffer', configurable: true });

/** Node's SlowBuffer: an unpooled Buffer; ours never pool. */
export function SlowBuffer(size: number): Buffer {
  return statics.allocUnsafeSlow(size);
}
Object.setPrototypeOf(SlowBuffer.prototype, Uint8Array.prototype);
Object.setPrototypeOf(SlowBuffer, Uint8Array);

function requireBinary(value: unknown): Uint8Array {
  const memory = ArrayBuffer.isView(value) ? value.buffer : value;
  if ((memory as { detached?: boolean } | null)?.detached === true) {
    const text = 'Cannot validate on a detached buffer';
    throw nodeError(Error, 'ERR_INVALID_STATE', text);
  }
  if (isArrayBuffer(value)) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
  }
  throw invalidArgType('input', ['ArrayBuffer', 'Buffer', 'TypedArray'], value);
}

/** True when the decoder replaced nothing: every U+FFFD in the text was spelled out in the bytes. */
export function isUtf8(input: unknown): boolean {
  const bytes = requireBinary(input);
  const text = decodeBytes(bytes, ENCODING.utf8);
  if (!text.includes('\ufffd')) return true;
  const spelled = decodeBytes(bytes, ENCODING.latin1).split('\xef\xbf\xbd').length;
  return text.split('\ufffd').length === spelled;
}

export function isAscii(input: unknown): boolean {
  const text = decodeBytes(requireBinary(input), ENCODING.latin1);
  return /^[\0-\x7f]*$/.test(text);
}

/** Re-encodes; characters the target lacks become "?". */
export function transcode(source: unknown, fromEncoding: string, toEncoding: string): Buffer {
  requireBytes(source, 'source');
  if (source.length === 0) return allocate(0);
  const before = encodingId(fromEncoding);
  const after = encodingId(toEncoding);
  const supported = [ENCODING.utf8, ENCODING.utf16le, ENCODING.latin1, ENCODING.ascii] as unknown[];
  if (!supported.includes(before) || !supported.includes(after) || before === undefined) {
    const error = new Error('Unable to transcode Buffer [U_ILLEGAL_ARGUMENT_ERROR]');
    throw Object.assign(error, { code: 'U_ILLEGAL_ARGUMENT_ERROR', errno: 1 });
  }
  let text = decodeBytes(source, before);
  if (after === ENCODING.latin1) text = text.replace(/[^\0-\xff]/gu, '?');
  if (after === ENCODING.ascii) text = text.replace(/[^\0-\x7f]/gu, '?');
  return fromString(text, toEncoding);
}

export const constants: { readonly MAX_LENGTH: number; readonly MAX_STRING_LENGTH: number } = {
  MAX_LENGTH,
  MAX_STRING_LENGTH,
};

export const exported: {
  Buffer: BufferFunction;
  INSPECT_MAX_BYTES: number;
  [name: string]: unknown;
} = {
  Buffer,
  SlowBuffer,
  transcode,
  isUtf8,
  isAscii,
  kMaxLength: MAX_LENGTH,
  kStringMaxLength: MAX_STRING_LENGTH,
  btoa,
  atob,
  Blob,
  File,
  resolveObjectURL,
  constants,
  get INSPECT_MAX_BYTES() {
    return settings.INSPECT_MAX_BYTES;
  },
  set INSPECT_MAX_BYTES(count: number) {
    validateNumber(count, 'INSPECT_MAX_BYTES', 0);
    settings.INSPECT_MAX_BYTES = count;
  },
};
