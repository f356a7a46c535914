/**
 * Looks at one mounted directory again and again, and tells the guest what somebody else has changed there.
 * Only while all that the guest has done is done on the host, too, so that its own acts are no news, and nothing
 * old comes back. Whether something is news is decided by comparing it with what the guest has.
 */

import { MOUNT_BYTES_MAX, MOUNT_LOOK_MS, MOUNT_LOOK_SHARE } from '../base/disk-limits.ts';
import type { DiskView } from '../machine/devices/disk.ts';
import { codeOf, type FoundFile, type MountFiles } from './mount-files.ts';
import { hasContent, NewsWriter, nodeAt, pathsOf } from './mount-news.ts';

/** Bytes that are compared before other events have their turn. */
const SLICE_BYTES = 4 * 1024 * 1024;
/** A guest that writes all the time is between two writes soon. */
const UNSETTLED_MS = 20;

export interface MountWatchOptions {
  readonly files: MountFiles;
  readonly disk: DiskView;
  /** Inode of the mount in the guest; undefined before its boot. */
  root(): number | undefined;
  /** Nothing of the guest's is on its way to the host, and nothing of the host's to the guest. */
  isSettled(): boolean;
  tell(payload: Uint8Array): void;
  /** A file that does not fit, or that cannot be read. */
  refused(path: string, reason: string): void;
}

export class MountWatch {
  readonly #options: MountWatchOptions;
  /** What the guest is known to have, as the host's file system names it. */
  readonly #known = new Map<string, string>();
  /** Told in the last look: the guest may have kept its own. */
  #told: string[] = [];
  /** Nothing is known yet of what the guest has and the host has not. */
  #isFirst = true;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: MountWatchOptions) {
    this.#options = options;
  }

  /** The guest has, or gets, exactly what was found. */
  knows(found: ReadonlyMap<string, FoundFile>): void {
    for (const [path, { key }] of found) this.#known.set(path, key);
    this.#isFirst = false;
  }

  /** The guest's own act has made it what it is now. */
  acted(path: string, found: FoundFile | undefined): void {
    if (found === undefined) this.#known.delete(path);
    else this.#known.set(path, found.key);
  }

  /** It may not be what the guest thinks. */
  doubts(path: string): void {
    this.#told.push(path);
  }

  start(ms: number = MOUNT_LOOK_MS): void {
    if (this.#closed) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const since = performance.now();
      void this.look().then((isDone) => {
        const tookMs = performance.now() - since;
        const restMs = Math.max(MOUNT_LOOK_MS, tookMs * MOUNT_LOOK_SHARE);
        this.start(isDone ? restMs : Math.max(UNSETTLED_MS, tookMs));
      });
    }, ms).unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Tells what is new. False: some of it has to wait until all is settled. */
  async look(): Promise<boolean> {
    const { files, disk, root } = this.#options;
    const number = root();
    if (number === undefined) return true;
    const found = await files.list();
    const doubted = new Set(this.#told);
    this.#told = [];
    for (const path of this.#isFirst ? pathsOf(disk, number) : this.#known.keys())
      if (!found.has(path)) doubted.add(path);
    for (const [path, { key }] of found) if (this.#known.get(path) !== key) doubted.add(path);
    this.#isFirst = false;
    await this.#examineAll([...doubted].sort(), number);
    return this.#told.length === 0;
  }

  async #examineAll(paths: readonly string[], root: number): Promise<void> {
    const { disk, isSettled } = this.#options;
    let bytes = 0;
    let news = this.#news();
    for (const path of paths) {
      if (bytes > SLICE_BYTES) {
        bytes = 0;
        news.flush();
        await new Promise((resolve) => setImmediate(resolve));
        news = this.#news();
      }
      // The guest has done something meanwhile: what is left is looked at the next time.
      if (this.#closed || disk.acts !== news.acts || !isSettled()) {
        this.#told.push(path);
        continue;
      }
      bytes += this.#examine(path, root, news);
    }
    news.flush();
  }

  #news(): NewsWriter {
    return new NewsWriter(this.#options.disk.acts, (payload) => this.#options.tell(payload));
  }

  /** Bytes it read. */
  #examine(path: string, root: number, news: NewsWriter): number {
    const { files, disk, refused } = this.#options;
    const has = nodeAt(disk, root, path);
    try {
      const there = files.look(path);
      if (there === undefined) {
        this.#known.delete(path);
        if (has !== undefined) news.gone(path);
        return 0;
      }
      this.#known.set(path, there.key);
      if (there.kind === 'directory') {
        if (has?.kind === 'directory') return 0;
        news.directory(path);
        this.#told.push(path);
        return 0;
      }
      const bytes = files.read(path, MOUNT_BYTES_MAX);
      if (bytes === undefined) {
        refused(path, `it is larger than ${MOUNT_BYTES_MAX} bytes`);
        return 0;
      }
      if (has !== undefined && hasContent(disk, has, bytes)) return bytes.length;
      news.file(path, bytes, there);
      this.#told.push(path);
      return bytes.length;
    } catch (error) {
      // Of the file system; gone in this moment is what the next look tells.
      if (codeOf(error) === '') throw error;
      if (codeOf(error) !== 'ENOENT') refused(path, (error as Error).message);
      return 0;
    }
  }
}
