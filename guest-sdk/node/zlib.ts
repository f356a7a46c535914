/**
 * `node:zlib`. What it writes is a valid stream of its format and the same in every run, but not
 * byte for byte what the zlib of a Node writes.
 */

import { inLate } from '../late.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType } from './node-errors.ts';
import { refusal } from './refusals.ts';
import { validateFunction, validateUint32 } from './validators.ts';
import { BrotliDecoder, BrotliEncoder } from './zlib-brotli.ts';
import { codes, constants, FLUSH, legacyNames, MODE, type Mode } from './zlib-constants.ts';
import { crc32Of, makeCodec } from './zlib-engine.ts';
import {
  bytesOf,
  checkParams,
  codecOptions,
  inRange,
  LEVELS,
  STRATEGIES,
  type ZlibOptions,
} from './zlib-options.ts';
import {
  BROTLI_FLUSHES,
  processChunkSync,
  processWhole,
  ZLIB_FLUSHES,
  ZlibBase,
  type ZlibStream,
  zlibError,
} from './zlib-stream.ts';
import { ZstdDecoder, ZstdEncoder } from './zlib-zstd.ts';

type Callback = (error: Error | null, result?: unknown) => void;
type Construct = new (options?: ZlibOptions) => ZlibStream;
type Initialize = (self: ZlibStream, options: ZlibOptions | undefined) => void;

function Zlib(this: ZlibStream, options: ZlibOptions | undefined, mode: Mode): void {
  const checked = codecOptions(options ?? {}, mode);
  const codec = inLate(() => makeCodec(mode, checked));
  ZlibBase.call(this, options, mode, codec, ZLIB_FLUSHES);
  this._level = checked.level;
  this._strategy = checked.strategy;
}
Object.setPrototypeOf(Zlib, ZlibBase);
Object.setPrototypeOf(Zlib.prototype, ZlibBase.prototype);

Zlib.prototype.params = function (
  this: ZlibStream,
  level: unknown,
  strategy: unknown,
  callback: (error?: Error) => void,
): void {
  const newLevel = inRange(level, 'level', LEVELS, -1);
  const newStrategy = inRange(strategy, 'strategy', STRATEGIES, 0);
  if (this._level === newLevel && this._strategy === newStrategy) {
    kernel().nextTick(callback);
    return;
  }
  // What was written before is compressed as it was to be.
  this.flush(FLUSH.sync, (): void => {
    const problem = inLate(() => this._handle?.params(newLevel, newStrategy));
    if (problem !== undefined) {
      this.destroy(zlibError(problem));
      return;
    }
    this._level = newLevel;
    this._strategy = newStrategy;
    callback?.();
  });
};

function BrotliBase(this: ZlibStream, options: ZlibOptions | undefined, mode: Mode): void {
  checkParams(options ?? {}, 'Brotli');
  const codec = mode === MODE.brotliEncode ? new BrotliEncoder() : new BrotliDecoder();
  ZlibBase.call(this, options, mode, codec, BROTLI_FLUSHES);
}
Object.setPrototypeOf(BrotliBase, ZlibBase);
Object.setPrototypeOf(BrotliBase.prototype, ZlibBase.prototype);

function ZstdBase(this: ZlibStream, options: ZlibOptions | undefined, mode: Mode): void {
  checkParams(options ?? {}, 'Zstd');
  if (options?.dictionary !== undefined)
    throw refusal('zlib', 'the option dictionary of zstd', 'zstd without a dictionary');
  const codec = mode === MODE.zstdEncode ? new ZstdEncoder() : new ZstdDecoder();
  ZlibBase.call(this, options, mode, codec, BROTLI_FLUSHES);
}
Object.setPrototypeOf(ZstdBase, ZlibBase);
Object.setPrototypeOf(ZstdBase.prototype, ZlibBase.prototype);

/** A class of the module, which is callable without `new`. */
function makeClass(name: string, parent: { prototype: object }, initialize: Initialize): Construct {
  function ZlibClass(this: ZlibStream | undefined, options?: ZlibOptions): ZlibStream | undefined {
    if (!(this instanceof ZlibClass)) return new made(options);
    initialize(this as unknown as ZlibStream, options);
    return undefined;
  }
  const made = ZlibClass as unknown as Construct;
  Object.defineProperty(ZlibClass, 'name', { value: name, configurable: true });
  Object.defineProperty(ZlibClass, 'length', { value: 1, configurable: true });
  Object.setPrototypeOf(ZlibClass, parent);
  Object.setPrototypeOf(ZlibClass.prototype, parent.prototype);
  return made;
}

const zlibClass = (name: string, mode: Mode): Construct =>
  makeClass(name, Zlib, (self, options) => Zlib.call(self, options, mode));

const classes = {
  Deflate: zlibClass('Deflate', MODE.deflate),
  Inflate: zlibClass('Inflate', MODE.inflate),
  Gzip: zlibClass('Gzip', MODE.gzip),
  Gunzip: zlibClass('Gunzip', MODE.gunzip),
  DeflateRaw: zlibClass('DeflateRaw', MODE.deflateRaw),
  InflateRaw: zlibClass('InflateRaw', MODE.inflateRaw),
  Unzip: zlibClass('Unzip', MODE.unzip),
  BrotliCompress: makeClass('BrotliCompress', BrotliBase, (self, options) =>
    BrotliBase.call(self, options, MODE.brotliEncode),
  ),
  BrotliDecompress: makeClass('BrotliDecompress', BrotliBase, (self, options) =>
    BrotliBase.call(self, options, MODE.brotliDecode),
  ),
  ZstdCompress: makeClass('ZstdCompress', ZstdBase, (self, options) =>
    ZstdBase.call(self, options, MODE.zstdEncode),
  ),
  ZstdDecompress: makeClass('ZstdDecompress', ZstdBase, (self, options) =>
    ZstdBase.call(self, options, MODE.zstdDecode),
  ),
};

function whole(Class: Construct): (buffer: unknown, options?: unknown, callback?: unknown) => void {
  return function asyncBufferWrapper(buffer, options, callback): void {
    const given = typeof options === 'function' ? {} : options;
    const then = typeof options === 'function' ? options : callback;
    const self = new Class((given ?? {}) as ZlibOptions);
    validateFunction(then, 'callback');
    processWhole(self, bytesOf(buffer), then as unknown as Callback);
  };
}

function wholeSync(Class: Construct): (buffer: unknown, options?: ZlibOptions) => unknown {
  return function syncBufferWrapper(buffer, options): unknown {
    const self = new Class(options);
    const bytes = bytesOf(buffer);
    const result = processChunkSync(self, bytes, self._finishFlushFlag);
    return self._info ? { buffer: result, engine: self } : result;
  };
}

function crc32(data: unknown, value: unknown = 0): number {
  if (typeof data !== 'string' && !ArrayBuffer.isView(data)) {
    throw invalidArgType('data', ['Buffer', 'TypedArray', 'DataView', 'string'], data);
  }
  validateUint32(value, 'value');
  const bytes = bytesOf(data);
  return inLate(() => crc32Of(bytes, value));
}

const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

function makeExports(): Record<string, unknown> {
  const table: Record<string, unknown> = { crc32, ...classes };
  for (const [name, Class] of Object.entries(classes)) {
    table[lower(name)] = whole(Class);
    table[`${lower(name)}Sync`] = wholeSync(Class);
  }
  for (const [name, Class] of Object.entries(classes)) {
    Object.defineProperty(table, `create${name}`, {
      value: (options?: ZlibOptions): ZlibStream => new Class(options),
      enumerable: true,
      configurable: true,
    });
  }
  Object.defineProperty(table, 'constants', { value: constants, enumerable: true });
  Object.defineProperty(table, 'codes', { value: codes, enumerable: true });
  for (const name of legacyNames) Object.defineProperty(table, name, { value: constants[name] });
  return table;
}

export const exported: Record<string, unknown> = makeExports();
