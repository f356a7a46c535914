/** `fs.ReadStream` and `fs.WriteStream`: functions, which old packages call without `new`. */

import { Buffer } from './buffer.ts';
import { type Options, toOptions, toPath } from './fs-arguments.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType, nodeError, outOfRange } from './node-errors.ts';
import { exported as stream } from './stream.ts';
import type { Done, ReadableStream, StreamModule, WritableStream } from './stream-types.ts';
import { validateBoolean, validateFunction, validateInteger } from './validators.ts';

const { Readable, Writable } = stream as unknown as StreamModule;
const READ_AHEAD = 65_536;

type Callback = (...results: never[]) => void;
type Call = (...args: unknown[]) => void;

/** The functions a stream works with: those of `node:fs`, as a program may have replaced them. */
export interface FileCalls {
  open: Call;
  close: Call;
  read?: Call | undefined;
  write?: Call | undefined;
  writev?: Call | null | undefined;
  fsync?: Call | undefined;
}

/** An open `FileHandle`, as far as streams use one. */
export interface HandleLike {
  readonly fd: number;
  readonly calls: FileCalls;
  hold(): void;
  onClose(callback: () => void): void;
}

export const defaults: {
  calls: FileCalls | undefined;
  handleOf(value: unknown): HandleLike | undefined;
} = { calls: undefined, handleOf: () => undefined };

const kCalls = Symbol('kFs');
const kBusy = Symbol('kIsPerformingIO');
const kIdle = Symbol('kIoDone');

interface FileStreamFields {
  fd: number | null;
  path: unknown;
  flags: unknown;
  mode: unknown;
  start: number | undefined;
  end: number | undefined;
  pos: number | undefined;
  flush: boolean;
  bytesRead: number;
  bytesWritten: number;
  closed: boolean;
  open?: () => void;
  [kCalls]: FileCalls;
  [kBusy]: boolean;
}

type FileReader = ReadableStream & FileStreamFields;
type FileWriter = WritableStream & FileStreamFields;
type FileStream = FileReader | FileWriter;

/** Takes over a descriptor or handle given in the options; a path otherwise. */
function attach(self: FileStream, given: unknown, options: Options, defaultFlags: string): void {
  const calls = (options.fs ?? defaults.calls) as FileCalls;
  self[kCalls] = calls;
  self[kBusy] = false;
  const handle = defaults.handleOf(options.fd);
  if (options.fd == null) {
    self.fd = null;
    const path = toPath(given);
    self.path = ArrayBuffer.isView(given) ? given : path;
    self.flags = options.flags === undefined ? defaultFlags : options.flags;
    self.mode = options.mode === undefined ? 0o666 : options.mode;
    return;
  }
  if (typeof options.fd === 'number') self.fd = options.fd;
  else if (handle === undefined) throw invalidArgType('fd', ['number', 'FileHandle'], options.fd);
  else if (options.fs) {
    const text = 'The FileHandle with fs method is not implemented';
    throw nodeError(Error, 'ERR_METHOD_NOT_IMPLEMENTED', text);
  } else {
    self[kCalls] = handle.calls;
    self.fd = handle.fd;
    handle.hold();
    handle.onClose(() => void self.destroy());
  }
}

function checkCalls(options: Options, names: readonly string[]): void {
  if (options.fs === undefined) return;
  for (const name of names) {
    validateFunction((options.fs as Record<string, unknown>)[name], `options.fs.${name}`);
  }
}

function construct(this: FileStream, done: Done): void {
  const self = this;
  if (typeof self.fd === 'number') {
    done();
    return;
  }
  if (self.open !== openNothing) {
    // Somebody put an `open` of the old days in its place.
    const { emit } = self;
    self.emit = function spy(this: FileStream, ...args: [string, ...unknown[]]): boolean {
      if (args[0] === 'open') {
        self.emit = emit;
        done();
        return emit.apply(self, args);
      }
      if (args[0] === 'error') {
        self.emit = emit;
        done(args[1] as Error);
        return false;
      }
      return emit.apply(self, args);
    };
    self.open?.();
    return;
  }
  self[kCalls].open(self.path, self.flags, self.mode, (error: Error | null, fd: number) => {
    if (error) {
      done(error);
      return;
    }
    self.fd = fd;
    done();
    self.emit('open', fd);
    self.emit('ready');
  });
}

function openNothing(): void {}

function close(self: FileStream, error: Error | null, done: Done): void {
  if (self.fd === null) {
    done(error);
    return;
  }
  const { fd } = self;
  self.fd = null;
  const finish = (): void => self[kCalls].close(fd, (late?: Error | null) => done(late ?? error));
  const { fsync } = self[kCalls];
  if (!self.flush || fsync === undefined) finish();
  else {
    fsync(fd, (late?: Error | null) => {
      if (late) self[kCalls].close(fd, () => done(late));
      else finish();
    });
  }
}

function destroy(this: FileStream, error: Error | null, done: Done): void {
  if (this[kBusy]) {
    this.once(
      kIdle as unknown as string,
      ((late?: Error) => close(this, late ?? error, done)) as Callback,
    );
  } else close(this, error, done);
}

function closeStream(this: FileStream, callback?: unknown): void {
  if (typeof callback === 'function') {
    if (this.closed) {
      kernel().nextTick(callback as Callback);
      return;
    }
    this.on('close', callback as Callback);
  }
  if (!('writableEnded' in this)) {
    this.destroy();
    return;
  }
  // Without autoClose nothing closes it at the end.
  const self = this as FileWriter & { readonly autoClose: boolean };
  if (!self.autoClose) self.on('finish', () => void self.destroy());
  self.end();
}

/** An error ends the stream, but for one that is to stay open. */
function fail(self: FileReader, error: Error): void {
  const state = stateOf(self as unknown as Stated) as { autoDestroy: boolean; errored?: unknown };
  if (!state.autoDestroy) state.errored ??= error;
  if (state.autoDestroy) self.destroy(error);
  else self.emit('error', error);
}

function read(this: FileReader, wanted: number): void {
  const end = this.end ?? Number.POSITIVE_INFINITY;
  const count = Math.min(end - (this.pos ?? this.bytesRead) + 1, wanted);
  if (count <= 0) {
    this.push(null);
    return;
  }
  const buffer = Buffer.allocUnsafeSlow(count);
  this[kBusy] = true;
  const answer = (error: Error | null, bytesRead: number, filled: Buffer): void => {
    this[kBusy] = false;
    if (this.destroyed) {
      this.emit(kIdle as unknown as string, error);
      return;
    }
    if (error || bytesRead <= 0) {
      if (error) fail(this, error);
      else this.push(null);
      return;
    }
    if (this.pos !== undefined) this.pos += bytesRead;
    this.bytesRead += bytesRead;
    // A large buffer for a few bytes would be kept alive by them.
    const part = filled as unknown as Uint8Array;
    if (bytesRead === part.length) this.push(part);
    else this.push(Buffer.from(part.subarray(0, bytesRead)) as unknown as Uint8Array);
  };
  this[kCalls].read?.(this.fd, buffer, 0, count, this.pos, answer);
}

function makeReadStream(self: FileReader, given: unknown, settings: unknown): void {
  const options: Record<string, unknown> = { ...toOptions(settings) };
  if (options.highWaterMark === undefined) options.highWaterMark = READ_AHEAD;
  options.autoDestroy = options.autoClose === undefined ? true : options.autoClose;
  checkCalls(options, options.fd == null ? ['open', 'read'] : ['read']);
  if (options.autoDestroy) checkCalls(options, ['close']);
  attach(self, given, options, 'r');
  const { start, end } = options;
  self.start = start as number | undefined;
  self.end = (end ?? Number.POSITIVE_INFINITY) as number;
  self.pos = undefined;
  self.bytesRead = 0;
  self.flush = false;
  if (start !== undefined) {
    validateInteger(start, 'start', 0);
    self.pos = start;
  }
  if (end === undefined) self.end = Number.POSITIVE_INFINITY;
  else if (end !== Number.POSITIVE_INFINITY) {
    validateInteger(end, 'end', 0);
    if (start !== undefined && (start as number) > end) {
      throw outOfRange('start', `<= "end" (here: ${end})`, start);
    }
  }
  Readable.call(self, options);
  if (options.encoding) {
    (self as unknown as { setEncoding(name: unknown): void }).setEncoding(options.encoding);
  }
}

export interface StreamFunction {
  new (path: unknown, options?: unknown): object;
  (this: unknown, path: unknown, options?: unknown): object;
  prototype: object;
}

export const ReadStream: StreamFunction = function ReadStream(
  this: unknown,
  path: unknown,
  options?: unknown,
): unknown {
  if (!(this instanceof ReadStream)) return new (ReadStream as StreamFunction)(path, options);
  makeReadStream(this as unknown as FileReader, path, options);
  return this;
} as unknown as StreamFunction;

/** What a write ends with. A stream that is destroyed meanwhile waits for it. */
function written(self: FileWriter, done: Done): (error: Error | null, bytes?: number) => void {
  self[kBusy] = true;
  return (error, bytes = 0) => {
    self[kBusy] = false;
    if (self.destroyed) {
      done(error);
      self.emit(kIdle as unknown as string, error);
      return;
    }
    if (!error) self.bytesWritten += bytes;
    done(error);
  };
}

function advance(self: FileWriter, bytes: number): number | undefined {
  const at = self.pos;
  if (at !== undefined) self.pos = at + bytes;
  return at;
}

function writeAll(self: FileWriter, data: Uint8Array, at: number | undefined, done: Done): void {
  const end = written(self, done);
  let sum = 0;
  const next = (error: Error | null, bytes: number): void => {
    if (error && (error as { code?: unknown }).code === 'EAGAIN') bytes = 0;
    else if (error) {
      end(error);
      return;
    }
    sum += bytes;
    if (sum < data.length && !self.destroyed) go();
    else end(null, sum);
  };
  const go = (): void => {
    const place = at === undefined ? undefined : at + sum;
    self[kCalls].write?.(self.fd, data, sum, data.length - sum, place, next);
  };
  go();
}

function write(this: FileWriter, data: Uint8Array, _encoding: unknown, done: Done): void {
  writeAll(this, data, advance(this, data.length), done);
}

function writev(this: FileWriter, chunks: readonly { chunk: Uint8Array }[], done: Done): void {
  const views = chunks.map(({ chunk }) => chunk);
  const size = views.reduce((sum, view) => sum + view.length, 0);
  const at = advance(this, size);
  this[kCalls].writev?.(this.fd, views, at, written(this, done));
}

function makeWriteStream(self: FileWriter, given: unknown, settings: unknown): void {
  const options: Record<string, unknown> = { ...toOptions(settings) };
  options.decodeStrings = true;
  options.autoDestroy = options.autoClose === undefined ? true : options.autoClose;
  const { fs } = options as { fs?: Record<string, unknown> };
  if (fs !== undefined && !fs.write && !fs.writev) {
    throw invalidArgType('options.fs.write', 'Function', fs.write);
  }
  if (fs?.write) checkCalls(options, ['write']);
  if (fs?.writev) checkCalls(options, ['writev']);
  checkCalls(options, options.fd == null ? ['open'] : []);
  if (options.autoDestroy) checkCalls(options, ['close']);
  if (options.flush != null) validateBoolean(options.flush, 'options.flush');
  attach(self, given, options, 'w');
  self.flush = options.flush === true;
  self.start = options.start as number | undefined;
  self.pos = undefined;
  self.bytesWritten = 0;
  // Without them the stream writes one chunk at a time, or all of them in one call.
  const hidden = self as unknown as { _write?: unknown; _writev?: unknown };
  if (!self[kCalls].write) hidden._write = null;
  if (!self[kCalls].writev) hidden._writev = null;
  if (options.start !== undefined) {
    validateInteger(options.start, 'start', 0);
    self.pos = options.start;
  }
  Writable.call(self, options);
  if (options.encoding) {
    const { setDefaultEncoding } = self as unknown as { setDefaultEncoding(name: unknown): void };
    setDefaultEncoding.call(self, options.encoding);
  }
}

export const WriteStream: StreamFunction = function WriteStream(
  this: unknown,
  path: unknown,
  options?: unknown,
): unknown {
  if (!(this instanceof WriteStream)) return new (WriteStream as StreamFunction)(path, options);
  makeWriteStream(this as unknown as FileWriter, path, options);
  return this;
} as unknown as StreamFunction;

function equip(Class: StreamFunction, Base: { readonly prototype: object }, own: object): void {
  Object.setPrototypeOf(Class, Base);
  Object.setPrototypeOf(Class.prototype, Base.prototype);
  const members = { open: openNothing, _construct: construct, _destroy: destroy, ...own };
  Object.assign(Class.prototype, members, { close: closeStream });
  Object.defineProperty(Class.prototype, 'pending', {
    get(this: FileStream) {
      return this.fd === null;
    },
    configurable: true,
  });
  Object.defineProperty(Class.prototype, 'autoClose', {
    get(this: Stated) {
      return stateOf(this).autoDestroy;
    },
    set(this: Stated, value: boolean) {
      stateOf(this).autoDestroy = value;
    },
    configurable: true,
  });
}

interface Stated {
  _readableState?: { autoDestroy: boolean };
  _writableState?: { autoDestroy: boolean };
}

function stateOf(self: Stated): { autoDestroy: boolean } {
  return self._readableState ?? self._writableState ?? { autoDestroy: true };
}

equip(ReadStream, Readable, { _read: read });
equip(WriteStream, Writable, { _write: write, _writev: writev });
Object.assign(WriteStream.prototype, {
  destroySoon: (Writable.prototype as unknown as { end: unknown }).end,
});
