/** `fs.Dir`: an open directory. What it lists is fixed when it is opened. */

import { encodeName, type Options, toOptions, toPath } from './fs-arguments.ts';
import { Fault, type Inode } from './fs-inode.ts';
import type { Job } from './fs-jobs.ts';
import { later, promiseLater } from './fs-queue.ts';
import { type Dirent, direntOf } from './fs-stats.ts';
import { volume } from './fs-volume.ts';
import { invalidArgType, invalidThis, missingArgs, nodeError } from './node-errors.ts';
import { exported as path } from './path.ts';
import { validateBoolean, validateFunction, validateUint32 } from './validators.ts';

type Callback = (...results: unknown[]) => void;

function closedError(): Error {
  return nodeError(Error, 'ERR_DIR_CLOSED', 'Directory handle was closed');
}

function busyError(): Error {
  const text =
    'Cannot do synchronous work on directory handle with concurrent asynchronous operations';
  return nodeError(Error, 'ERR_DIR_CONCURRENT_OPERATION', text);
}

interface Listed {
  readonly name: string;
  readonly node: Inode;
  readonly base: string;
}

/** Made by `opendir` alone. */
const kMake = Symbol('make');

export class Dir {
  readonly #path: unknown;
  readonly #encoding: unknown;
  readonly #recursive: boolean;
  readonly #list: Listed[];
  #closed = false;
  /** Asynchronous calls that have not answered. */
  #pending = 0;

  constructor(make: unknown, path?: unknown, options?: Options, list: Listed[] = []) {
    if (make === undefined) throw missingArgs('handle');
    if (make !== kMake) throw invalidArgType('handle', 'DirHandle', make);
    this.#path = path;
    this.#encoding = options?.encoding;
    this.#recursive = options?.recursive === true;
    this.#list = list;
  }

  get path(): unknown {
    if (!(#path in this)) throw invalidThis('Dir');
    return this.#path;
  }

  #next(): Dirent | null {
    const entry = this.#list.shift();
    if (entry === undefined) return null;
    const { name, node, base } = entry;
    if (this.#recursive && node.kind === 'directory') {
      const inner = path.join(base, name);
      for (const [child, below] of node.entries) {
        this.#list.push({ name: child, node: below, base: inner });
      }
    }
    return direntOf(encodeName(name, this.#encoding), node, base);
  }

  #start(callback: Callback | undefined, act: () => unknown): Promise<unknown> | undefined {
    this.#pending += 1;
    const run = (): unknown => {
      this.#pending -= 1;
      return act();
    };
    if (callback === undefined) return promiseLater({ subject: { syscall: 'scandir' }, run });
    later(() => {
      const value = run();
      if (value === undefined) callback(null);
      else callback(null, value);
    });
    return undefined;
  }

  read(callback?: unknown): Promise<unknown> | undefined {
    if (callback !== undefined) validateFunction(callback, 'cb');
    if (this.#closed) {
      if (callback === undefined) return Promise.reject(closedError());
      later(() => (callback as unknown as Callback)(closedError()));
      return undefined;
    }
    return this.#start(callback as Callback | undefined, () => this.#next());
  }

  readSync(): Dirent | null {
    if (this.#closed) throw closedError();
    if (this.#pending > 0) throw busyError();
    return this.#next();
  }

  close(callback?: unknown): Promise<unknown> | undefined {
    if (callback !== undefined) validateFunction(callback, 'cb');
    if (this.#closed) {
      if (callback === undefined) return Promise.reject(closedError());
      later(() => (callback as unknown as Callback)(closedError()));
      return undefined;
    }
    this.#closed = true;
    return this.#start(callback as Callback | undefined, () => undefined);
  }

  closeSync(): void {
    if (this.#closed) throw closedError();
    if (this.#pending > 0) throw busyError();
    this.#closed = true;
  }

  async *entries(): AsyncGenerator<Dirent, void, undefined> {
    try {
      for (;;) {
        const entry = (await this.read()) as Dirent | null;
        if (entry === null) return;
        yield entry;
      }
    } finally {
      await this.close();
    }
  }

  declare [Symbol.asyncIterator]: () => AsyncGenerator<Dirent, void, undefined>;

  static {
    Object.defineProperty(Dir.prototype, Symbol.asyncIterator, {
      value: Dir.prototype.entries,
      enumerable: false,
      writable: true,
      configurable: true,
    });
    for (const name of ['asyncDispose', 'dispose'] as const) {
      const symbol = (Symbol as unknown as Record<string, symbol | undefined>)[name];
      if (symbol === undefined) continue;
      Object.defineProperty(Dir.prototype, symbol, {
        value(this: Dir): unknown {
          return name === 'dispose' ? this.closeSync() : this.close();
        },
        configurable: true,
        writable: true,
      });
    }
  }
}

export function opendirJob(given: unknown, options?: unknown): Job {
  const where = toPath(given);
  const checked = toOptions(options, { encoding: 'utf8' });
  if (checked.bufferSize !== undefined) {
    validateUint32(checked.bufferSize, 'options.bufferSize', { positive: true });
  }
  if (checked.recursive != null) validateBoolean(checked.recursive, 'options.recursive');
  const run = (): Dir => {
    const node = volume.lookup(where);
    if (node.kind !== 'directory') throw new Fault('ENOTDIR');
    node.require(4);
    const list = [...node.entries].map(([name, child]) => ({ name, node: child, base: where }));
    return new Dir(kMake, where, checked, list);
  };
  return { subject: { syscall: 'opendir', path: where }, run };
}
