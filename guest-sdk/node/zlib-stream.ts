/**
 * The streams of `node:zlib`: Transforms around a codec. Each step of one runs in a turn of its own
 * (Node has a thread for it), so that listeners and order of events are as a program expects them.
 */

import { inLate } from '../late.ts';
import { Buffer, constants as bufferConstants } from './buffer.ts';
import { kernel } from './kernel-hooks.ts';
import { type CodedError, nodeError } from './node-errors.ts';
import { exported as stream } from './stream.ts';
import type { Done, DuplexStream } from './stream-types.ts';
import { setImmediate } from './timers.ts';
import { validateFunction } from './validators.ts';
import { BROTLI_OPERATION, constants, FLUSH, type Mode } from './zlib-constants.ts';
import { type Codec, newSpan, type Problem, type Span } from './zlib-engine.ts';
import { type Bounds, chunkSizeOf, inRange, type ZlibOptions } from './zlib-options.ts';

export interface FlushFlags {
  readonly flush: number;
  readonly finishFlush: number;
  readonly fullFlush: number;
  readonly bounds: Bounds;
}

export const ZLIB_FLUSHES: FlushFlags = {
  flush: FLUSH.none,
  finishFlush: FLUSH.finish,
  fullFlush: FLUSH.full,
  bounds: { min: FLUSH.none, max: FLUSH.block },
};
export const BROTLI_FLUSHES: FlushFlags = {
  flush: BROTLI_OPERATION.process,
  finishFlush: BROTLI_OPERATION.finish,
  fullFlush: BROTLI_OPERATION.flush,
  bounds: { min: 0, max: 3 },
};

export interface ZlibStream extends DuplexStream {
  bytesWritten: number;
  _handle: Codec | null;
  _chunkSize: number;
  _outBuffer: Buffer;
  _outOffset: number;
  _defaultFlushFlag: number;
  _finishFlushFlag: number;
  _defaultFullFlushFlag: number;
  _info: unknown;
  _maxOutputLength: number;
  _level: number;
  _strategy: number;
  readonly writableNeedDrain: boolean;
  readonly _closed: boolean;
  bytesRead: number;
  reset(): void;
  flush(kind?: unknown, callback?: () => void): void;
  close(callback?: () => void): void;
  params(level: unknown, strategy: unknown, callback: (error?: Error) => void): void;
  _read(size?: number): void;
  _transform(chunk: Buffer, encoding: string, done: Done): void;
  _processChunk(chunk: Buffer, flag: number, done?: Done): Buffer | undefined;
}

/** Which of two flushes does more; Brotli's numbers lie in the same order. */
const STRENGTH = [0, 2, 3, 4, 5, 1];
const stronger = (a: number, b: number): number =>
  (STRENGTH[a] ?? 0) > (STRENGTH[b] ?? 0) ? a : b;

/** Empty chunks that stand for a flush between others. */
const flushChunks = new Map<unknown, number>();
const chunkOfFlush: Buffer[] = [];
function flushChunk(kind: number): Buffer {
  let chunk = chunkOfFlush[kind];
  if (chunk === undefined) {
    chunk = Buffer.alloc(0);
    chunkOfFlush[kind] = chunk;
    flushChunks.set(chunk, kind);
  }
  return chunk;
}

export function zlibError({ message, errno, code }: Problem): CodedError {
  const error = new Error(message) as CodedError & { errno: number };
  error.errno = errno;
  error.code = code;
  return error;
}

export function tooLarge(bytes: number): CodedError {
  const text = `Cannot create a Buffer larger than ${bytes} bytes`;
  return nodeError(RangeError, 'ERR_BUFFER_TOO_LARGE', text);
}

const { MAX_LENGTH } = bufferConstants;

export function ZlibBase(
  this: ZlibStream,
  options: ZlibOptions | undefined,
  _mode: Mode,
  codec: Codec,
  flags: FlushFlags,
): void {
  const given = options ?? {};
  const { flush, finishFlush, maxOutputLength, encoding, objectMode } = given;
  const chunkSize = chunkSizeOf(given, constants.Z_DEFAULT_CHUNK as number);
  this._defaultFlushFlag = inRange(flush, 'options.flush', flags.bounds, flags.flush);
  this._finishFlushFlag = inRange(
    finishFlush,
    'options.finishFlush',
    flags.bounds,
    flags.finishFlush,
  );
  this._maxOutputLength = inRange(
    maxOutputLength,
    'options.maxOutputLength',
    { min: 1, max: MAX_LENGTH },
    MAX_LENGTH,
  );
  const isPlain =
    !encoding && !objectMode && !given.readableObjectMode && !given.writableObjectMode;
  const streamOptions = isPlain
    ? given
    : {
        ...given,
        encoding: null,
        objectMode: false,
        readableObjectMode: false,
        writableObjectMode: false,
      };
  stream.Transform.call(this, { autoDestroy: true, ...streamOptions });
  this.bytesWritten = 0;
  this._handle = codec;
  this._outBuffer = Buffer.alloc(chunkSize);
  this._outOffset = 0;
  this._chunkSize = chunkSize;
  this._defaultFullFlushFlag = flags.fullFlush;
  this._info = given.info;
}

/** Room for output; the bytes given out before are the reader's. */
function room(self: ZlibStream): Span {
  if (self._outOffset >= self._chunkSize) {
    self._outOffset = 0;
    self._outBuffer = Buffer.alloc(self._chunkSize);
  }
  const span = newSpan(new Uint8Array(0), self._outBuffer);
  span.outputAt = self._outOffset;
  span.outputLeft = self._chunkSize - self._outOffset;
  return span;
}

interface StepResult {
  readonly problem: Problem | undefined;
  readonly made: Buffer;
  /** No room was left: there may be more. */
  readonly isFull: boolean;
}

/** One call of the codec; `input` is moved. */
function step(self: ZlibStream, codec: Codec, input: Span, flag: number): StepResult {
  const span = room(self);
  const start = span.outputAt;
  span.input = input.input;
  span.inputAt = input.inputAt;
  span.inputLeft = input.inputLeft;
  const problem = inLate(() => codec.step(span, flag));
  const made = self._outBuffer.subarray(start, span.outputAt) as Buffer;
  self._outOffset = span.outputAt;
  input.inputAt = span.inputAt;
  input.inputLeft = span.inputLeft;
  return { problem, made, isFull: span.outputLeft === 0 };
}

/** All of `chunk` at once; closes the stream. */
export function processChunkSync(self: ZlibStream, chunk: Uint8Array, flag: number): Buffer {
  const input = newSpan(chunk, chunk);
  const parts: Buffer[] = [];
  let total = 0;
  for (;;) {
    const codec = self._handle;
    if (codec === null) break;
    const { problem, made, isFull } = step(self, codec, input, flag);
    if (problem !== undefined) {
      closeCodec(self);
      throw zlibError(problem);
    }
    if (made.length > 0) {
      parts.push(made);
      total += made.length;
      if (total > self._maxOutputLength) {
        closeCodec(self);
        throw tooLarge(self._maxOutputLength);
      }
    }
    if (!isFull) break;
  }
  self.bytesWritten = input.inputAt;
  closeCodec(self);
  const [only] = parts;
  return only !== undefined && parts.length === 1 ? only : Buffer.concat(parts, total);
}

function closeCodec(self: ZlibStream): void {
  self._handle = null;
}

interface Work {
  readonly input: Span;
  readonly flag: number;
  readonly done: Done;
}

function schedule(self: ZlibStream, work: Work): void {
  setImmediate(() => runStep(self, work));
}

function runStep(self: ZlibStream, work: Work): void {
  const { input, flag, done } = work;
  const codec = self._handle;
  if (self.destroyed || codec === null) {
    done();
    return;
  }
  const before = input.inputAt;
  const { problem, made, isFull } = step(self, codec, input, flag);
  if (problem !== undefined) {
    self.destroy(zlibError(problem));
    closeCodec(self);
    return;
  }
  self.bytesWritten += input.inputAt - before;
  const wantsMore = made.length === 0 || self.push(made);
  if (self.destroyed) {
    done();
    return;
  }
  if (isFull) {
    if (wantsMore) schedule(self, work);
    else goOnWhenRead(self, work);
    return;
  }
  if (input.inputLeft > 0) {
    // The compressed stream has ended, whatever follows it.
    self.push(null);
    return;
  }
  done();
}

function goOnWhenRead(self: ZlibStream, work: Work): void {
  const read = self._read;
  self._read = function (this: ZlibStream): void {
    this._read = read;
    schedule(this, work);
  };
}

function flushNow(self: ZlibStream, kind: number, callback?: () => void): void {
  if (self.writableFinished) {
    if (callback) kernel().nextTick(callback);
  } else if (self.writableEnded) {
    if (callback) self.once('end', callback);
  } else {
    self.write(flushChunk(kind), '', callback);
  }
}

/** Members every stream of the module has. */
const methods = {
  reset(this: ZlibStream): void {
    if (this._handle === null) {
      throw nodeError(Error, 'ERR_INTERNAL_ASSERTION', 'zlib binding closed');
    }
    const codec = this._handle;
    const problem = inLate(() => codec.reset());
    if (problem !== undefined) this.destroy(zlibError(problem));
  },

  _flush(this: ZlibStream, done: Done): void {
    this._transform(Buffer.alloc(0), '', done);
  },

  _final(this: ZlibStream, done: Done): void {
    done();
  },

  flush(this: ZlibStream, kind?: unknown, callback?: () => void): void {
    if (typeof kind === 'function' || (kind === undefined && callback === undefined)) {
      flushNow(this, this._defaultFullFlushFlag, kind as (() => void) | undefined);
    } else flushNow(this, kind as number, callback);
  },

  close(this: ZlibStream, callback?: () => void): void {
    if (callback) stream.finished(this, callback);
    this.destroy();
  },

  _destroy(this: ZlibStream, error: Error | null, done: Done): void {
    closeCodec(this);
    done(error);
  },

  _transform(this: ZlibStream, chunk: Buffer, _encoding: string, done: Done): void {
    let flag = this._defaultFlushFlag;
    const asked = flushChunks.get(chunk);
    if (asked !== undefined) flag = asked;
    if (this.writableEnded && this.writableLength === chunk.byteLength) {
      flag = stronger(flag, this._finishFlushFlag);
    }
    this._processChunk(chunk, flag, done);
  },

  _processChunk(this: ZlibStream, chunk: Buffer, flag: number, done?: Done): Buffer | undefined {
    if (typeof done !== 'function') return processChunkSync(this, chunk, flag);
    if (this._handle === null) kernel().nextTick(done);
    else schedule(this, { input: newSpan(chunk, chunk), flag, done });
    return undefined;
  },
};

const accessors = {
  get _closed(): boolean {
    return (this as unknown as ZlibStream)._handle === null;
  },
  get bytesRead(): number {
    return (this as unknown as ZlibStream).bytesWritten;
  },
  set bytesRead(value: number) {
    (this as unknown as ZlibStream).bytesWritten = value;
  },
};

Object.setPrototypeOf(ZlibBase, stream.Transform);
Object.setPrototypeOf(ZlibBase.prototype, stream.Transform.prototype);
for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(accessors))) {
  Object.defineProperty(ZlibBase.prototype, name, {
    ...descriptor,
    enumerable: name === 'bytesRead',
  });
}
Object.assign(ZlibBase.prototype, methods);

/** The whole output of `self` for `input`, to `callback`. */
export function processWhole(
  self: ZlibStream,
  input: Buffer,
  callback: (error: Error | null, result?: unknown) => void,
): void {
  validateFunction(callback, 'callback');
  const parts: Buffer[] = [];
  let total = 0;
  let isOver = false;
  const finish = (...answer: [error: Error] | [error: null, result: unknown]): void => {
    if (isOver) return;
    isOver = true;
    (callback as (...args: unknown[]) => void)(...answer);
  };
  self.on('data', (chunk: Buffer): void => {
    parts.push(chunk);
    total += chunk.length;
    if (total <= self._maxOutputLength) return;
    self.close();
    finish(tooLarge(self._maxOutputLength));
  });
  self.on('error', (error: Error): void => finish(error));
  self.on('end', (): void => {
    if (isOver) return;
    const [only] = parts;
    const buffer = only !== undefined && parts.length === 1 ? only : Buffer.concat(parts, total);
    self.close();
    if (self._info) finish(null, { buffer, engine: self });
    else finish(null, buffer);
  });
  self.end(input);
}
