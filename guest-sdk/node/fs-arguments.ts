/** Arguments of `node:fs`: paths, flags, modes, times, encodings, views. */

import { wellFormed } from '../web/usv.ts';
import { Buffer } from './buffer.ts';
import { encodingId } from './buffer-encodings.ts';
import { invalidArgType, invalidArgValue, nodeError, outOfRange } from './node-errors.ts';
import { files as O } from './platform-constants.ts';
import { fileURLToPath } from './url-files.ts';
import { isDate, isUint8Array } from './util-types.ts';
import { validateAbortSignal, validateInteger, validateUint32 } from './validators.ts';

const DESCRIPTOR_MAX = 2_147_483_647;
const UTF8 = new Set([undefined, null, 'utf8', 'utf-8']);

export interface Options {
  readonly [name: string]: unknown;
}

/** A path given as text, bytes or URL, as text. */
export function toPath(given: unknown, name = 'path'): string {
  const isUrl =
    typeof given === 'object' &&
    given !== null &&
    Boolean((given as { href?: unknown }).href && (given as { protocol?: unknown }).protocol) &&
    (given as { auth?: unknown }).auth === undefined;
  const value = isUrl ? fileURLToPath(given) : given;
  if (typeof value !== 'string' && !isUint8Array(value)) {
    throw invalidArgType(name, ['string', 'Buffer', 'URL'], value);
  }
  const text =
    typeof value === 'string' ? wellFormed(value) : Buffer.from(value as Uint8Array).toString();
  if (text.includes('\0')) {
    const reason = 'must be a string, Uint8Array, or URL without null bytes';
    throw invalidArgValue(name, value, reason);
  }
  return text;
}

/** A descriptor. */
export function toFd(given: unknown, name = 'fd'): number {
  validateInteger(given, name, 0, DESCRIPTOR_MAX);
  return given;
}

const FLAGS: Readonly<Record<string, string>> = {
  r: 'O_RDONLY',
  rs: 'O_RDONLY O_SYNC',
  sr: 'O_RDONLY O_SYNC',
  'r+': 'O_RDWR',
  'rs+': 'O_RDWR O_SYNC',
  'sr+': 'O_RDWR O_SYNC',
  w: 'O_TRUNC O_CREAT O_WRONLY',
  wx: 'O_TRUNC O_CREAT O_WRONLY O_EXCL',
  xw: 'O_TRUNC O_CREAT O_WRONLY O_EXCL',
  'w+': 'O_TRUNC O_CREAT O_RDWR',
  'wx+': 'O_TRUNC O_CREAT O_RDWR O_EXCL',
  'xw+': 'O_TRUNC O_CREAT O_RDWR O_EXCL',
  a: 'O_APPEND O_CREAT O_WRONLY',
  ax: 'O_APPEND O_CREAT O_WRONLY O_EXCL',
  xa: 'O_APPEND O_CREAT O_WRONLY O_EXCL',
  as: 'O_APPEND O_CREAT O_WRONLY O_SYNC',
  sa: 'O_APPEND O_CREAT O_WRONLY O_SYNC',
  'a+': 'O_APPEND O_CREAT O_RDWR',
  'ax+': 'O_APPEND O_CREAT O_RDWR O_EXCL',
  'xa+': 'O_APPEND O_CREAT O_RDWR O_EXCL',
  'as+': 'O_APPEND O_CREAT O_RDWR O_SYNC',
  'sa+': 'O_APPEND O_CREAT O_RDWR O_SYNC',
};

export function toFlags(given: unknown, name = 'flags'): number {
  if (typeof given === 'number') {
    validateInteger(given, name, -2_147_483_648, DESCRIPTOR_MAX);
    return given;
  }
  if (given == null) return 0;
  const words = typeof given === 'string' && Object.hasOwn(FLAGS, given) ? FLAGS[given] : undefined;
  if (words === undefined) throw invalidArgValue(name, given);
  return words.split(' ').reduce((sum, word) => sum | (O[word] ?? 0), 0);
}

/** Permission bits, as a number or its octal digits. */
export function toMode(given: unknown, name: string, absent?: number): number {
  if (given == null && absent !== undefined) return absent;
  let value = given;
  if (typeof given === 'string') {
    if (!/^[0-7]+$/.test(given)) {
      throw invalidArgValue(name, given, 'must be a 32-bit unsigned integer or an octal string');
    }
    value = Number.parseInt(given, 8);
  }
  validateUint32(value, name);
  return value;
}

/** For functions whose options may be an encoding alone. `name` is that of the argument. */
export function toOptions(given: unknown, defaults: Options = {}): Options {
  if (given == null || typeof given === 'function') return defaults;
  let options: Options;
  if (typeof given === 'string') options = { ...defaults, encoding: given };
  else if (typeof given === 'object') options = { ...defaults, ...copyOf(given) };
  else throw invalidArgType('options', ['string', 'Object'], given);
  if (options.encoding !== 'buffer') checkEncoding(options.encoding);
  validateAbortSignal(options.signal, 'options.signal');
  return options;
}

/** All it has, inherited properties too, but those that say nothing. */
function copyOf(given: object): Options {
  const copy: Record<string, unknown> = {};
  for (const key in given) {
    const value = (given as Options)[key];
    if (value !== undefined) copy[key] = value;
  }
  return copy;
}

export function checkEncoding(encoding: unknown, name = 'encoding'): void {
  if (!encoding || encodingId(encoding) !== undefined) return;
  throw invalidArgValue(name, encoding, 'is invalid encoding');
}

/** A name of the disk as the caller wants it: text in `encoding`, or bytes. */
export function encodeName(name: string, encoding: unknown): string | Uint8Array {
  if (UTF8.has(encoding as string)) return name;
  const bytes = Buffer.from(name);
  return encoding === 'buffer' ? bytes : bytes.toString(encoding as string);
}

/** The bytes of a view, not a copy. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
}

export function toView(given: unknown, name = 'buffer'): Uint8Array {
  if (!ArrayBuffer.isView(given)) {
    throw invalidArgType(name, ['Buffer', 'TypedArray', 'DataView'], given);
  }
  return bytesOf(given as ArrayBufferView);
}

export function toViews(given: unknown): Uint8Array[] {
  if (!Array.isArray(given) || !given.every((one) => ArrayBuffer.isView(one))) {
    throw invalidArgType('buffers', 'ArrayBufferView[]', given);
  }
  return given.map((one) => bytesOf(one as ArrayBufferView));
}

/** Text or bytes to write. */
export function toData(given: unknown, encoding: unknown, name = 'data'): Uint8Array {
  if (typeof given === 'string') {
    return Buffer.from(given, (encoding || 'utf8') as 'utf8') as unknown as Uint8Array;
  }
  if (!ArrayBuffer.isView(given)) {
    throw invalidArgType(name, ['string', 'Buffer', 'TypedArray', 'DataView'], given);
  }
  return bytesOf(given as ArrayBufferView);
}

/** A place in a file; -1 stands for the file's own. */
export function toPosition(given: unknown, length = 0): number {
  if (given == null || given === -1 || given === -1n) return -1;
  if (typeof given === 'bigint') {
    const limit = 2n ** 63n - 1n - BigInt(length);
    if (given < -1n || given > limit) {
      throw outOfRange('position', `>= -1 && <= ${limit}`, given);
    }
    return Number(given);
  }
  if (typeof given !== 'number') throw invalidArgType('position', ['integer', 'bigint'], given);
  validateInteger(given, 'position', -1);
  return given;
}

/** Seconds as microseconds: a number, its text, or a date. */
export function toMicros(given: unknown, name: string): number {
  if (typeof given === 'string' && `${Number(given)}` === given) return Number(given) * 1e6;
  if (typeof given === 'number' && Number.isFinite(given)) {
    return given < 0 ? Date.now() * 1000 : given * 1e6;
  }
  if (isDate(given)) return (given as Date).getTime() * 1000;
  throw invalidArgType(name, ['Date', 'Time in seconds'], given);
}

/** Where in `view` to read or write: offset and length with Node's limits. */
export function checkRange(view: Uint8Array, offset: number, length: number): void {
  if (offset > view.length) throw outOfRange('offset', `<= ${view.length}`, offset);
  if (length > view.length - offset) {
    throw outOfRange('length', `<= ${view.length - offset}`, length);
  }
  if (length < 0) throw outOfRange('length', '>= 0', length);
  validateInteger(length, 'length', -2_147_483_648, DESCRIPTOR_MAX);
}

export function tooLarge(size: number): Error {
  const text = `File size (${size}) is greater than 2 GiB`;
  return nodeError(RangeError, 'ERR_FS_FILE_TOO_LARGE', text);
}
