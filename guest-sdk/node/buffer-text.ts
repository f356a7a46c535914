/** Text in and out of existing bytes: `write`, `fill`, and the undocumented `utf8Slice` family. */

import { ENCODING } from '../../log-format/abi.ts';
import {
  decodeBytes,
  type EncodingId,
  encodeText,
  encodingId,
  wholeUtf8,
} from './buffer-encodings.ts';
import { invalidArgValue, nodeError, unknownEncoding } from './node-errors.ts';
import { validateInteger, validateString } from './validators.ts';

/** Limits of `node:buffer`. The engine's own limits are lower and raise its RangeError. */
export const MAX_LENGTH = 4_294_967_296;
export const MAX_STRING_LENGTH = 536_870_888;

/** Writes at most `length` bytes of `text` at `offset`, whole characters only; returns the count. */
export function writeText(
  target: Uint8Array,
  text: unknown,
  encoding: EncodingId,
  offset: number,
  length: number,
): number {
  if (typeof text !== 'string') {
    const error = new TypeError('argument must be a string') as TypeError & { code: string };
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  const bytes = new Uint8Array(encodeText(text, encoding));
  const room = Math.min(length, target.length - offset);
  let count = Math.min(room, bytes.length);
  if (encoding === ENCODING.utf8) count = wholeUtf8(bytes, count);
  else if (encoding === ENCODING.utf16le) count -= count % 2;
  target.set(count === bytes.length ? bytes : bytes.subarray(0, count), offset);
  return count;
}

/** Buffer.prototype.write with its four argument forms. */
export function writeAny(
  target: Uint8Array,
  text: unknown,
  offset: unknown,
  length: unknown,
  encoding: unknown,
): number {
  if (offset === undefined) return writeText(target, text, ENCODING.utf8, 0, target.length);
  if (length === undefined && typeof offset === 'string') {
    return writeText(target, text, knownEncoding(offset), 0, target.length);
  }
  validateInteger(offset, 'offset', 0, target.length);
  const remaining = target.length - offset;
  if (length === undefined) {
    return writeText(target, text, knownEncoding(encoding), offset, remaining);
  }
  if (typeof length === 'string') {
    return writeText(target, text, knownEncoding(length), offset, remaining);
  }
  validateInteger(length, 'length', 0, target.length);
  return writeText(target, text, knownEncoding(encoding), offset, Math.min(length, remaining));
}

/** Any falsy encoding means utf8; an unknown one throws. */
function knownEncoding(encoding: unknown): EncodingId {
  if (!encoding) return ENCODING.utf8;
  const id = encodingId(encoding);
  if (id === undefined) throw unknownEncoding(encoding);
  return id;
}

/** The bytes to repeat, or one byte. */
function fillPattern(value: unknown, encoding: unknown): number | Uint8Array {
  if (typeof value !== 'string') {
    if (value instanceof Uint8Array) return value;
    return Number(value) & 255;
  }
  const id = encoding === undefined || encoding === null ? ENCODING.utf8 : encodingId(encoding);
  if (id === undefined) {
    validateString(encoding, 'encoding');
    throw unknownEncoding(encoding);
  }
  if (value.length === 0) return 0;
  return new Uint8Array(encodeText(value, id));
}

/** Buffer.prototype.fill with its argument forms; fills `target` in place. */
export function fillAny<T extends Uint8Array>(
  target: T,
  value: unknown,
  offset: unknown,
  end: unknown,
  encoding: unknown,
): T {
  let from = offset;
  let to = end;
  let name = encoding;
  if (typeof value === 'string') {
    if (from === undefined || typeof from === 'string') {
      name = from;
      from = undefined;
    } else if (typeof to === 'string') {
      name = to;
      to = undefined;
    }
  }
  const pattern = fillPattern(value, name);
  let start = 0;
  let stop = target.length;
  if (from !== undefined) {
    validateInteger(from, 'offset', 0, MAX_LENGTH);
    start = from;
    if (to !== undefined) {
      validateInteger(to, 'end', 0, target.length);
      stop = to;
    }
  }
  if (start >= stop) return target;
  if (typeof pattern === 'number') {
    Uint8Array.prototype.fill.call(target, pattern, start, stop);
    return target;
  }
  if (pattern.length === 0) throw invalidArgValue('value', value);
  const first = pattern.subarray(0, stop - start);
  target.set(first, start);
  // Doubling: a log2 number of native copies instead of a loop over bytes.
  for (let done = first.length; start + done < stop; done *= 2) {
    target.copyWithin(start + done, start, Math.min(start + done, stop - done));
  }
  return target;
}

function sliceBound(value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  const index = Math.trunc(Number(value)) || 0;
  if (index < 0) throw nodeError(RangeError, 'ERR_OUT_OF_RANGE', 'Index out of range');
  return index;
}

type Slice = (this: Uint8Array, start?: number, end?: number) => string;
type WriteSlice = (this: Uint8Array, text: string, offset?: number, length?: number) => number;
const names = ['ascii', 'base64', 'base64url', 'latin1', 'hex', 'ucs2', 'utf8'] as const;
type Name = (typeof names)[number];

export type TextMethods = { [K in `${Name}Slice`]: Slice } & { [K in `${Name}Write`]: WriteSlice };

const methods: Record<string, unknown> = {};
for (const name of names) {
  const id = name === 'ucs2' ? ENCODING.utf16le : ENCODING[name];
  const slice: Slice = function (start, end) {
    const stop = Math.min(sliceBound(end, this.length), this.length);
    return decodeBytes(this, id, sliceBound(start, 0), stop);
  };
  const write: WriteSlice = function (text, offset, length) {
    const at = sliceBound(offset, 0);
    if (at > this.length) {
      const message = '"offset" is outside of buffer bounds';
      throw nodeError(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', message);
    }
    return writeText(this, text, id, at, sliceBound(length, this.length - at));
  };
  methods[`${name}Slice`] = slice;
  methods[`${name}Write`] = write;
  Object.defineProperty(slice, 'name', { value: `${name}Slice` });
  Object.defineProperty(write, 'name', { value: `${name}Write` });
}

/** Methods for Buffer.prototype that libraries call although no manual names them. */
export const textMethods: TextMethods = methods as unknown as TextMethods;
