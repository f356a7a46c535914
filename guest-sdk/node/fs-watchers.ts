/** `fs.watch` and `fs.watchFile`: changes are those this guest makes, there is nobody else. */

import { handleClosed, handleOpened } from '../loop.ts';
import { EventEmitter as Emitter } from './events.ts';
import type { EventEmitter } from './events-types.ts';
import { encodeName, type Options, toOptions, toPath } from './fs-arguments.ts';
import { guarded } from './fs-errors.ts';
import { Fault, type Inode } from './fs-inode.ts';
import { later, named } from './fs-queue.ts';
import { type Stats, statsOf } from './fs-stats.ts';
import { type Change, volume } from './fs-volume.ts';
import { kernel } from './kernel-hooks.ts';
import { AbortError, invalidArgType } from './node-errors.ts';
import { exported as path } from './path.ts';
import { clearInterval, setInterval } from './timers.ts';
import { validateBoolean, validateFunction, validateUint32 } from './validators.ts';

const POLL_MS = 5007;

interface SignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(name: string, listener: () => void, options?: object): void;
  removeEventListener(name: string, listener: () => void): void;
}

/** Name of `change` for whoever watches `watched`, as given; undefined when it is none of theirs. */
function nameFor(
  change: Change,
  watched: Inode,
  where: string,
  recursive: boolean,
): string | undefined {
  if (watched.kind !== 'directory') {
    return change.node === watched ? path.basename(where) : undefined;
  }
  if (change.directory === watched) return change.name;
  if (!recursive) return undefined;
  let name = change.name;
  for (let up: Inode | undefined = change.directory; up !== undefined && up !== volume.root; ) {
    if (up === watched) return name;
    const parent: Inode | undefined = up.parent;
    for (const [own, child] of parent?.entries ?? []) if (child === up) name = `${own}/${name}`;
    up = parent;
  }
  return undefined;
}

interface WatchOptions {
  readonly persistent: boolean;
  readonly recursive: boolean;
  readonly encoding: unknown;
}

const FSWatcherBase = Emitter as unknown as new () => EventEmitter;

export class FSWatcher extends FSWatcherBase {
  #stop: (() => void) | undefined;
  #referenced = false;
  #closed = false;

  /** Begins to watch; `watch` calls it. */
  static start(watcher: FSWatcher, where: string, options: WatchOptions): void {
    const subject = { syscall: 'watch', path: where };
    let watched: Inode;
    try {
      watched = guarded(subject, () => volume.lookup(where));
    } catch (error) {
      throw Object.assign(error as Error, { filename: where });
    }
    watcher.#stop = volume.listen((change) => {
      const name = nameFor(change, watched, where, options.recursive);
      if (name === undefined) return;
      later(() => {
        if (watcher.#closed) return;
        watcher.emit('change', change.type, encodeName(name, options.encoding));
      });
    });
    if (options.persistent) watcher.ref();
  }

  #release(): void {
    if (!this.#referenced) return;
    this.#referenced = false;
    handleClosed();
  }

  ref(): this {
    if (this.#stop === undefined || this.#referenced) return this;
    this.#referenced = true;
    handleOpened();
    return this;
  }

  unref(): this {
    this.#release();
    return this;
  }

  close(): void {
    if (this.#closed || this.#stop === undefined) return;
    this.#closed = true;
    this.#stop();
    this.#release();
    kernel().nextTick(() => this.emit('close'));
  }
}

function watchOptions(given: unknown): WatchOptions & { signal: SignalLike | undefined } {
  const options = toOptions(given);
  const { persistent = true, recursive = false, encoding, signal } = options;
  validateBoolean(persistent, 'options.persistent');
  validateBoolean(recursive, 'options.recursive');
  return { persistent, recursive, encoding, signal: signal as SignalLike | undefined };
}

export function watch(given: unknown, options?: unknown, listener?: unknown): FSWatcher {
  const where = toPath(given, 'filename');
  const checked = watchOptions(options);
  const heard = typeof options === 'function' ? options : listener;
  const watcher = new FSWatcher();
  const { signal } = checked;
  FSWatcher.start(watcher, where, checked);
  if (typeof heard === 'function') watcher.on('change', heard as never);
  if (signal?.aborted) kernel().nextTick(() => watcher.close());
  else if (signal !== undefined) {
    const close = (): void => watcher.close();
    signal.addEventListener('abort', close, { once: true });
    watcher.once('close', () => signal.removeEventListener('abort', close));
  }
  return watcher;
}

/** Node's own listeners of aborted signals see the abort as the iteration's error. */
export async function* watchPromise(
  given: unknown,
  options: unknown = {},
): AsyncGenerator<object, void, undefined> {
  const where = toPath(given);
  if (typeof options !== 'object' && typeof options !== 'string') {
    throw invalidArgType('options', ['string', 'Object'], options);
  }
  const checked = watchOptions(options);
  const { signal } = checked;
  const aborted = (): Error => new AbortError(undefined, { cause: signal?.reason });
  if (signal?.aborted) throw aborted();
  const events: object[] = [];
  let wake: (() => void) | undefined;
  const watcher = new FSWatcher();
  FSWatcher.start(watcher, where, checked);
  watcher.on('change', ((eventType: string, filename: unknown) => {
    events.push({ eventType, filename });
    wake?.();
  }) as never);
  const abort = (): void => wake?.();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    for (;;) {
      const next = events.shift();
      if (next !== undefined) yield next;
      else if (signal?.aborted) throw aborted();
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    watcher.close();
  }
}

named('FSWatcher', FSWatcher);

const watchedFiles = new Map<string, StatWatcher>();

function statsAt(where: string, bigint: boolean): Stats {
  try {
    return statsOf(volume.lookup(where), bigint);
  } catch (error) {
    if (error instanceof Fault) return statsOf(undefined, bigint);
    throw error;
  }
}

const shown = (stats: Stats): string =>
  [stats.ino, stats.mode, stats.size, stats.mtimeMs, stats.ctimeMs, stats.nlink].join();

class StatWatcher extends FSWatcherBase {
  readonly #where: string;
  readonly #bigint: boolean;
  #last: Stats;
  #timer: ReturnType<typeof setInterval> | undefined;
  #first = true;

  constructor(where: string, bigint: boolean) {
    super();
    this.#where = where;
    this.#bigint = bigint;
    this.#last = statsOf(undefined, bigint);
  }

  start(interval: number, persistent: boolean): void {
    this.#timer = setInterval((() => this.#look()) as never, interval);
    if (!persistent) this.#timer.unref();
    later(() => this.#look());
  }

  #look(): void {
    if (this.#timer === undefined) return;
    const [before, now] = [this.#last, statsAt(this.#where, this.#bigint)];
    const isFirst = this.#first;
    this.#first = false;
    this.#last = now;
    // The first look is where changes count from; that there is no file is told at once.
    const isThere = Number(now.ino) !== 0;
    if (isFirst ? !isThere : shown(now) !== shown(before)) this.emit('change', now, before);
  }

  ref(): this {
    this.#timer?.ref();
    return this;
  }

  unref(): this {
    this.#timer?.unref();
    return this;
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    kernel().nextTick(() => this.emit('stop'));
  }
}

named('StatWatcher', StatWatcher);

export function watchFile(given: unknown, options: unknown, listener?: unknown): StatWatcher {
  const where = path.resolve(toPath(given, 'filename'));
  const heard = typeof options === 'function' ? options : listener;
  const {
    persistent = true,
    interval = POLL_MS,
    bigint = false,
  } = (typeof options === 'object' && options !== null ? options : {}) as Options;
  validateFunction(heard, 'listener');
  validateUint32(interval, 'interval');
  let watcher = watchedFiles.get(where);
  if (watcher === undefined) {
    watcher = new StatWatcher(where, Boolean(bigint));
    watcher.start(interval, Boolean(persistent));
    watchedFiles.set(where, watcher);
  }
  watcher.on('change', heard as never);
  return watcher;
}

export function unwatchFile(given: unknown, listener?: unknown): void {
  const where = path.resolve(toPath(given, 'filename'));
  const watcher = watchedFiles.get(where);
  if (watcher === undefined) return;
  if (typeof listener === 'function') watcher.removeListener('change', listener as never);
  else watcher.removeAllListeners('change');
  if (watcher.listenerCount('change') > 0) return;
  watcher.stop();
  watchedFiles.delete(where);
}
