/** `FileHandle` of `fs/promises`. */

import { EventEmitter as Emitter } from './events.ts';
import type { EventEmitter } from './events-types.ts';
import { type Options, toData, toOptions } from './fs-arguments.ts';
import {
  appendFileJob,
  readFileJob,
  readJob,
  readvJob,
  WRITE_DEFAULTS,
  writeFileJob,
  writeJob,
  writevJob,
} from './fs-content.ts';
import { type Job, jobs } from './fs-jobs.ts';
import { checkAborted, named, promiseLater } from './fs-queue.ts';
import {
  defaults,
  type FileCalls,
  type HandleLike,
  ReadStream,
  WriteStream,
} from './fs-streams.ts';
import { exported as readline } from './readline.ts';
import { throwing } from './refusals.ts';

const Base = Emitter as unknown as new () => EventEmitter;

function closedError(syscall: string): Error {
  return Object.assign(new Error('file closed'), { code: 'EBADF', syscall });
}

type Results = Readonly<Record<string, unknown>>;

export class FileHandle extends Base {
  #fd: number;
  #closing: Promise<unknown> | undefined;
  /** Streams that use it; `close` waits for them. */
  #held = 1;
  #released: (() => void) | undefined;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  get fd(): number {
    return this.#fd;
  }

  getAsyncId(): number {
    return 0;
  }

  async #run(name: string, prepare: (fd: number) => Job): Promise<unknown> {
    if (this.#fd === -1) throw closedError(name);
    return promiseLater(prepare(this.#fd));
  }

  /** The figure of a transfer and what it went through, under Node's names. */
  async #count(
    name: string,
    key: string,
    data: unknown,
    prepare: (fd: number) => Job,
  ): Promise<Results> {
    let buffer = data;
    const count = await this.#run(name, (fd) => {
      const job = prepare(fd);
      buffer = job.results?.(0 as never)[1] ?? data;
      return job;
    });
    const figure = name.startsWith('read') ? 'bytesRead' : 'bytesWritten';
    return Object.assign(Object.create(null), { [figure]: count, [key]: buffer });
  }

  appendFile(data: unknown, options?: unknown): Promise<unknown> {
    return writeContent(this, data, toOptions(options, WRITE_DEFAULTS), (fd, bytes, rest) =>
      appendFileJob(fd, bytes, rest),
    );
  }
  chmod(mode: unknown): Promise<unknown> {
    return this.#run('fchmod', (fd) => jobs.fchmod(fd, mode));
  }
  chown(uid: unknown, gid: unknown): Promise<unknown> {
    return this.#run('fchown', (fd) => jobs.fchown(fd, uid, gid));
  }
  datasync(): Promise<unknown> {
    return this.#run('fdatasync', (fd) => jobs.fdatasync(fd));
  }
  sync(): Promise<unknown> {
    return this.#run('fsync', (fd) => jobs.fsync(fd));
  }
  read(buffer?: unknown, ...range: unknown[]): Promise<Results> {
    return this.#count('read', 'buffer', buffer, (fd) => readJob(fd, buffer, ...range));
  }
  readv(buffers: unknown, position?: unknown): Promise<Results> {
    return this.#count('readv', 'buffers', buffers, (fd) => readvJob(fd, buffers, position));
  }
  readFile(options?: unknown): Promise<unknown> {
    return this.#run('readFile', (fd) => readFileJob(fd, options));
  }
  readLines(options?: unknown): unknown {
    const { createInterface } = readline as { createInterface: (options: object) => unknown };
    return createInterface({
      input: this.createReadStream(options),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
  }
  stat(options?: unknown): Promise<unknown> {
    return this.#run('fstat', (fd) => jobs.fstat(fd, options));
  }
  truncate(size: unknown = 0): Promise<unknown> {
    return this.#run('ftruncate', (fd) => jobs.ftruncate(fd, size));
  }
  utimes(atime: unknown, mtime: unknown): Promise<unknown> {
    return this.#run('futimes', (fd) => jobs.futimes(fd, atime, mtime));
  }
  write(data: unknown, ...range: unknown[]): Promise<Results> {
    return this.#count('write', 'buffer', data, (fd) => writeJob(fd, data, ...range));
  }
  writev(buffers: unknown, position?: unknown): Promise<Results> {
    return this.#count('writev', 'buffers', buffers, (fd) => writevJob(fd, buffers, position));
  }
  writeFile(data: unknown, options?: unknown): Promise<unknown> {
    return writeContent(this, data, toOptions(options, WRITE_DEFAULTS), (fd, bytes, rest) =>
      writeFileJob(fd, bytes, rest),
    );
  }

  close = (): Promise<unknown> => {
    if (this.#fd === -1) return Promise.resolve();
    if (this.#closing !== undefined) return this.#closing;
    this.#held -= 1;
    const close = async (): Promise<void> => {
      const fd = this.#fd;
      this.#fd = -1;
      try {
        await promiseLater(jobs.close(fd));
      } finally {
        this.#closing = undefined;
      }
    };
    if (this.#held === 0) this.#closing = close();
    else {
      this.#closing = new Promise<void>((resolve) => {
        this.#released = resolve;
      }).then(close);
    }
    this.emit('close');
    return this.#closing;
  };

  createReadStream(options?: unknown): object {
    return new ReadStream(undefined, { ...toOptions(options), fd: this });
  }
  createWriteStream(options?: unknown): object {
    return new WriteStream(undefined, { ...toOptions(options), fd: this });
  }

  /** For streams: holds it open, and answers by callbacks. */
  static handleOf(value: unknown): HandleLike | undefined {
    if (!(value instanceof FileHandle)) return undefined;
    return {
      fd: value.#fd,
      calls: callsOf(value),
      hold: () => {
        value.#held += 1;
      },
      onClose: (callback) => void value.once('close', callback as never),
    };
  }

  static release(handle: FileHandle): void {
    handle.#held -= 1;
    if (handle.#held === 0) handle.#released?.();
  }
}

Object.defineProperty(FileHandle.prototype, 'readableWebStream', {
  value: throwing('fs', 'readableWebStream', 'filehandle.createReadStream()'),
  writable: true,
  configurable: true,
});
const { asyncDispose } = Symbol as unknown as { asyncDispose?: symbol };
if (asyncDispose !== undefined) {
  Object.defineProperty(FileHandle.prototype, asyncDispose, {
    async value(this: FileHandle): Promise<void> {
      await this.close();
    },
    writable: true,
    configurable: true,
  });
}

type Callback = (error: unknown, ...results: unknown[]) => void;

function answer(promise: Promise<Results>, callback: Callback, ...keys: string[]): void {
  promise.then(
    (results) => callback(null, ...keys.map((key) => results[key])),
    (error) => callback(error),
  );
}

function callsOf(handle: FileHandle): FileCalls {
  return {
    open: () => {},
    read: (_fd, buffer, offset, length, position, callback) =>
      answer(
        handle.read(buffer, offset, length, position),
        callback as Callback,
        'bytesRead',
        'buffer',
      ),
    write: (_fd, buffer, offset, length, position, callback) =>
      answer(
        handle.write(buffer, offset, length, position),
        callback as Callback,
        'bytesWritten',
        'buffer',
      ),
    writev: (_fd, buffers, position, callback) =>
      answer(handle.writev(buffers, position), callback as Callback, 'bytesWritten', 'buffers'),
    fsync: (_fd, callback) =>
      answer(
        handle.sync().then(() => ({})),
        callback as Callback,
      ),
    close: (_fd, callback) => {
      FileHandle.release(handle);
      answer(
        handle.close().then(() => ({})),
        callback as Callback,
      );
    },
  };
}

defaults.handleOf = FileHandle.handleOf;
named('FileHandle', FileHandle);

function isIterable(data: unknown): data is AsyncIterable<unknown> | Iterable<unknown> {
  return (
    typeof data === 'object' &&
    data !== null &&
    !ArrayBuffer.isView(data) &&
    (Symbol.asyncIterator in data || Symbol.iterator in data)
  );
}

/** Writes what `data` is or yields to an open file, a chunk after the other. */
export async function writeContent(
  handle: FileHandle,
  data: unknown,
  options: Options,
  prepare: (fd: number, data: unknown, options: Options) => Job,
): Promise<void> {
  checkAborted(options.signal);
  if (handle.fd === -1) throw closedError('writeFile');
  if (!isIterable(data)) {
    await promiseLater(prepare(handle.fd, data, options));
    return;
  }
  for await (const chunk of data) {
    checkAborted(options.signal);
    const bytes = toData(chunk, options.encoding);
    await promiseLater(writeFileJob(handle.fd, bytes));
    checkAborted(options.signal);
  }
}
