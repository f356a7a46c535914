/** Checks of what a program gives to `node:zlib`, with Node's errors. */

import { Buffer } from './buffer.ts';
import { invalidArgType, nodeError, outOfRange } from './node-errors.ts';
import { isAnyArrayBuffer } from './util-types.ts';
import { constants, MODE, type Mode } from './zlib-constants.ts';

export interface ZlibOptions {
  readonly flush?: unknown;
  readonly finishFlush?: unknown;
  readonly chunkSize?: unknown;
  readonly windowBits?: unknown;
  readonly level?: unknown;
  readonly memLevel?: unknown;
  readonly strategy?: unknown;
  readonly dictionary?: unknown;
  readonly info?: unknown;
  readonly maxOutputLength?: unknown;
  readonly params?: unknown;
  readonly encoding?: unknown;
  readonly objectMode?: unknown;
  readonly readableObjectMode?: unknown;
  readonly writableObjectMode?: unknown;
}

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

const LIMIT = constants as Readonly<{
  Z_MIN_WINDOWBITS: number;
  Z_MAX_WINDOWBITS: number;
  Z_MIN_CHUNK: number;
}>;

/** False for what is as good as not given. */
function isGiven(value: unknown, name: string): value is number {
  if (value === undefined || Number.isNaN(value)) return false;
  if (typeof value !== 'number') throw invalidArgType(name, 'number', value);
  if (!Number.isFinite(value)) throw outOfRange(name, 'a finite number', value);
  return true;
}

export function inRange(
  value: unknown,
  name: string,
  { min, max }: Bounds,
  absent: number,
): number {
  if (!isGiven(value, name)) return absent;
  if (value < min || value > max) throw outOfRange(name, `>= ${min} and <= ${max}`, value);
  return value;
}

export function chunkSizeOf(options: ZlibOptions, absent: number): number {
  const { chunkSize } = options;
  if (!isGiven(chunkSize, 'options.chunkSize')) return absent;
  if (chunkSize < LIMIT.Z_MIN_CHUNK) {
    throw outOfRange('options.chunkSize', `>= ${LIMIT.Z_MIN_CHUNK}`, chunkSize);
  }
  return chunkSize;
}

function windowBitsOf({ windowBits }: ZlibOptions, mode: Mode): number {
  const reads = mode === MODE.inflate || mode === MODE.gunzip || mode === MODE.unzip;
  // The header says it.
  if (reads && (windowBits === undefined || windowBits === null || windowBits === 0)) return 0;
  const min = LIMIT.Z_MIN_WINDOWBITS + (mode === MODE.gzip ? 1 : 0);
  const max = LIMIT.Z_MAX_WINDOWBITS;
  const bits = inRange(windowBits, 'options.windowBits', { min, max }, max);
  // zlib has no raw streams of 8 bits.
  return mode === MODE.deflateRaw && bits === 8 ? 9 : bits;
}

function dictionaryOf({ dictionary }: ZlibOptions): Uint8Array | undefined {
  if (dictionary === undefined) return undefined;
  if (isAnyArrayBuffer(dictionary)) return new Uint8Array(dictionary as ArrayBuffer);
  if (ArrayBuffer.isView(dictionary)) {
    return new Uint8Array(dictionary.buffer, dictionary.byteOffset, dictionary.byteLength);
  }
  const types = ['Buffer', 'TypedArray', 'DataView', 'ArrayBuffer'];
  throw invalidArgType('options.dictionary', types, dictionary);
}

export const LEVELS: Bounds = { min: -1, max: 9 };
export const STRATEGIES: Bounds = { min: 0, max: 4 };

export function codecOptions(
  options: ZlibOptions,
  mode: Mode,
): {
  windowBits: number;
  level: number;
  memLevel: number;
  strategy: number;
  dictionary: Uint8Array | undefined;
} {
  return {
    windowBits: windowBitsOf(options, mode),
    level: inRange(options.level, 'options.level', LEVELS, -1),
    memLevel: inRange(options.memLevel, 'options.memLevel', { min: 1, max: 9 }, 8),
    strategy: inRange(options.strategy, 'options.strategy', STRATEGIES, 0),
    dictionary: dictionaryOf(options),
  };
}

/** Of each kind that takes parameters: their numbers. */
const PARAMETERS: Readonly<Record<'Brotli' | 'Zstd', (key: number) => boolean>> = {
  Brotli: (key) => key >= 0 && key <= 8,
  Zstd: (key) => (key >= 100 && key <= 107) || /^(?:16[0-4]|20[0-2]|40[0-2])$/.test(String(key)),
};

/** They are checked, and make no difference to what is written. */
export function checkParams({ params }: ZlibOptions, kind: keyof typeof PARAMETERS): void {
  const given = new Set<number>();
  for (const [name, value] of Object.entries((params ?? {}) as object)) {
    const key = Number(name);
    if (!PARAMETERS[kind](key) || given.has(key)) {
      const text = `${name} is not a valid ${kind} parameter`;
      throw nodeError(RangeError, `ERR_${kind.toUpperCase()}_INVALID_PARAM`, text);
    }
    if (typeof value !== 'number' && typeof value !== 'boolean') {
      throw invalidArgType('options.params[key]', 'number', value);
    }
    given.add(key);
  }
}

/** Bytes of what is to be (de)compressed at once. */
export function bytesOf(input: unknown): Buffer {
  if (typeof input === 'string') return Buffer.from(input);
  if (ArrayBuffer.isView(input)) {
    return Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  }
  if (isAnyArrayBuffer(input)) return Buffer.from(input as ArrayBuffer);
  const types = ['string', 'Buffer', 'TypedArray', 'DataView', 'ArrayBuffer'];
  throw invalidArgType('buffer', types, input);
}
