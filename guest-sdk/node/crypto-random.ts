/** Randomness of `node:crypto`: bytes from the entropy device, whose seed is recorded and renewed at a failover. */

import { traps } from '../drivers/traps.ts';
import { Buffer } from './buffer.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType, nodeError, outOfRange } from './node-errors.ts';
import { isAnyArrayBuffer } from './util-types.ts';
import { validateBoolean, validateFunction, validateNumber, validateObject } from './validators.ts';

type BytesCallback = (error: Error | null, bytes: Buffer) => void;
type FillCallback = (error: Error | null, target: unknown) => void;

const SIZE_MAX = 2 ** 31 - 1;
/** Integers are drawn from 48 bits, as in Node: every safe range of them is unbiased below. */
const INT_RANGE_MAX = 2 ** 48 - 1;

/** `value` elements of `width` bytes as bytes, if they are at most `max`. */
function checkSize(value: unknown, name: string, max: number, width = 1): number {
  validateNumber(value, name);
  const bytes = value * width;
  if (Number.isNaN(bytes) || bytes > max || bytes < 0) {
    throw outOfRange(name, `>= 0 && <= ${max}`, bytes);
  }
  return bytes >>> 0;
}

export function randomBytes(size: unknown, callback?: BytesCallback): Buffer | undefined {
  const length = checkSize(size, 'size', SIZE_MAX);
  if (callback !== undefined) validateFunction(callback, 'callback');
  const bytes = Buffer.from(traps.entropy(length));
  if (callback === undefined) return bytes;
  kernel().setImmediate(callback as never, null, bytes);
  return undefined;
}

function bytesOf(target: unknown): Uint8Array {
  if (isAnyArrayBuffer(target)) return new Uint8Array(target as ArrayBuffer);
  if (ArrayBuffer.isView(target)) {
    return new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  }
  throw invalidArgType('buf', ['ArrayBuffer', 'ArrayBufferView'], target);
}

function fill(target: unknown, offset: unknown, size: unknown): void {
  const bytes = bytesOf(target);
  const width = (target as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
  const start = offset === undefined ? 0 : checkSize(offset, 'offset', bytes.length, width);
  let length = bytes.length - start;
  if (size !== undefined) {
    length = checkSize(size, 'size', SIZE_MAX, width);
    if (start + length > bytes.length) {
      throw outOfRange('size + offset', `<= ${bytes.length}`, start + length);
    }
  }
  if (length > 0) bytes.set(new Uint8Array(traps.entropy(length)), start);
}

export function randomFillSync(target: unknown, offset?: unknown, size?: unknown): unknown {
  fill(target, offset, size);
  return target;
}

export function randomFill(target: unknown, ...rest: unknown[]): void {
  bytesOf(target);
  const at = rest.findIndex((one) => typeof one === 'function');
  const callback = rest[at < 0 ? 2 : at];
  validateFunction(callback, 'callback');
  const [offset, size] = at < 0 ? rest : rest.slice(0, at);
  fill(target, offset, size);
  kernel().setImmediate(callback as never, null, target);
}

/** A multiple of the range is accepted, the rest of the 48 bits drawn again: no bias. */
function drawBelow(range: number): number {
  const limit = 2 ** 48 - (2 ** 48 % range);
  for (;;) {
    const bytes = Buffer.from(traps.entropy(6));
    const drawn = bytes.readUIntBE(0, 6);
    if (drawn < limit) return drawn % range;
  }
}

function requireSafeInteger(value: unknown, name: string): asserts value is number {
  if (!Number.isSafeInteger(value)) throw invalidArgType(name, 'a safe integer', value);
}

export function randomInt(...args: unknown[]): number | undefined {
  const callback = typeof args.at(-1) === 'function' ? (args.pop() as FillCallback) : undefined;
  const [min, max] = args[1] === undefined ? [0, args[0]] : args;
  if (callback === undefined && args.length > 2 && args[2] !== undefined) {
    validateFunction(args[2], 'callback');
  }
  requireSafeInteger(min, 'min');
  requireSafeInteger(max, 'max');
  if (max <= min) {
    throw outOfRange('max', `greater than the value of "min" (${min})`, max);
  }
  if (max - min > INT_RANGE_MAX) {
    const name = args[1] === undefined ? 'max' : 'max - min';
    throw outOfRange(name, `<= ${INT_RANGE_MAX}`, max - min);
  }
  const drawn = min + drawBelow(max - min);
  if (callback === undefined) return drawn;
  kernel().nextTick(callback as never, undefined, drawn);
  return undefined;
}

export function randomUUID(options?: { readonly disableEntropyCache?: unknown }): string {
  if (options !== undefined) {
    validateObject(options, 'options');
    const { disableEntropyCache } = options;
    if (disableEntropyCache !== undefined) {
      validateBoolean(disableEntropyCache, 'options.disableEntropyCache');
    }
  }
  const bytes = Buffer.from(traps.entropy(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function notBinary(name: string): Error {
  const text = `The "${name}" argument must be an instance of ArrayBuffer, Buffer, TypedArray, or DataView.`;
  return nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', text);
}

export function timingSafeEqual(a: unknown, b: unknown): boolean {
  const isBinary = (value: unknown): boolean =>
    isAnyArrayBuffer(value) || ArrayBuffer.isView(value);
  if (!isBinary(a)) throw notBinary('buf1');
  if (!isBinary(b)) throw notBinary('buf2');
  const [x, y] = [bytesOf(a), bytesOf(b)];
  if (x.length !== y.length) {
    const text = 'Input buffers must have the same byte length';
    throw nodeError(RangeError, 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', text);
  }
  // Every byte is looked at, however early the first difference is.
  let difference = 0;
  for (let i = 0; i < x.length; i++) difference |= (x[i] as number) ^ (y[i] as number);
  return difference === 0;
}
