/**
 * The writing half of a log store: a queue of frames, one loop that writes what has gathered, segment
 * cuts, and disk syncs shared by all who wait. It knows frames only by their bytes; what they mean
 * and whether they may follow each other is log-store.ts.
 */

import { dirname, join } from 'node:path';
import type { Lsn } from '../../log-format/index.ts';
import { defined, InvariantError } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { SEGMENT_BYTES } from '../base/limits.ts';
import type { Meters } from '../replica/meters.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { type LogCursor, type NotedHead, segmentName } from './log-cursor.ts';
import { logWriteError } from './log-errors.ts';
import type { SegmentFile } from './log-segment-file.ts';
import { type SegmentEnding, writeSignature } from './log-signatures.ts';
import { signKey } from './sign-keys.ts';

/** Buffers per write: below the kernel's limit of 1,024. */
const WRITE_BUFFERS_MAX = 512;
/** Bytes per write, past which the rest waits for the next: keeps a single write short. */
const WRITE_BYTES_MAX = 4_194_304;
/**
 * Written bytes are synced to disk at the latest this much later when nobody asks. A killed process
 * loses nothing written; this bounds what a power cut takes, at 20 syncs a second while busy.
 */
const SYNC_DELAY_MS = 50;

export interface LogStoreOptions {
  /** Called once, at the first error of the disk; nothing is written after it. */
  readonly onError: (error: HvError) => void;
  /** Called once, when the file that is written is not there any more; undefined: nobody looks. */
  readonly onLost?: (path: string) => void;
  /** A new segment begins at the first batch past this size. The same on every replica. */
  readonly segmentBytes?: number;
  /** Counts what is written and synced. */
  readonly meters?: Pick<Meters, 'wrote' | 'synced'> | undefined;
  /** Tests pass one that fails. */
  readonly disk?: Disk;
  /** Of a sealed log that goes on: see `AppendPlace`. */
  readonly fileBytes?: number | undefined;
  /** Called before each further segment is begun. */
  readonly beforeNext?: (() => void) | undefined;
  /** Called once, when the log has ended on purpose and that is on disk. */
  readonly onSealed?: (head: NotedHead) => void;
}

/** One frame on its way to the file. `take` moves the cursor over it, right before it is written. */
export interface QueuedFrame {
  readonly type: 'header' | 'blob' | 'batch';
  readonly bytes: Uint8Array;
  readonly take: (cursor: LogCursor) => void;
}

interface Waiter {
  /** Number of queued frames, since the start, that must be on disk. */
  readonly upTo: number;
  readonly done: () => void;
}

type Ending = 'seal' | 'close';

/** Frames are gathered for this long, or until there are this many bytes of them. */
const GATHER_MS = 2;
const GATHER_BYTES = 256 * 1024;

export class LogWriter {
  readonly #dir: string;
  readonly #options: LogStoreOptions;
  readonly #disk: Disk;
  readonly #cursor: LogCursor;
  #file: SegmentFile;
  #queue: QueuedFrame[] = [];
  #inFlight: readonly QueuedFrame[] = [];
  /** Frames queued, written and synced since the start. */
  #queued = 0;
  #queuedBytes = 0;
  #gatherTimer: NodeJS.Timeout | undefined;
  #written = 0;
  #synced = 0;
  #lsnWritten: Lsn;
  #writtenTo: { readonly segment: number; readonly offset: number };
  #draining = false;
  #syncing: Promise<void> | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  /** The first file was made and its name is not yet on disk. */
  #newName: boolean;
  #waiters: Waiter[] = [];
  #writeWaiters: Waiter[] = [];
  #ending: Ending | undefined;
  #ended: 'no' | 'soon' | 'yes' = 'no';
  #endWaiters: (() => void)[] = [];
  #error: HvError | undefined;

  /** Opens the file at the cursor. Throws HV_E_LOG_WRITE when the disk refuses. */
  constructor(dir: string, cursor: LogCursor, options: LogStoreOptions) {
    this.#dir = dir;
    this.#options = options;
    this.#disk = options.disk ?? REAL_DISK;
    this.#cursor = cursor;
    this.#lsnWritten = cursor.lastLsn;
    this.#writtenTo = { segment: cursor.segment, offset: cursor.offset };
    this.#newName = cursor.offset === 0;
    this.#file = this.#open(cursor.segment, cursor.offset, options.fileBytes);
  }

  /** Set at the first error; the writer does nothing any more but end. */
  get error(): HvError | undefined {
    return this.#error;
  }

  /** An end was asked for; no frame may follow. */
  get ending(): boolean {
    return this.#ending !== undefined;
  }

  /** How far the files are written. */
  get writtenTo(): { readonly segment: number; readonly offset: number } {
    return this.#writtenTo;
  }

  /** Of a sealed segment: bytes of its file. For who goes on with it, when this writer has ended. */
  get fileBytes(): number | undefined {
    return this.#file.fileBytes;
  }

  /** Frames queued behind `writtenTo`, oldest first. */
  get unwritten(): readonly QueuedFrame[] {
    return [...this.#inFlight, ...this.#queue];
  }

  enqueue(frame: QueuedFrame): void {
    if (this.#error) return;
    this.#queue.push(frame);
    this.#queued++;
    this.#queuedBytes += frame.bytes.length;
    if (this.#draining) return;
    // Not now: more will come, and a write for each batch costs a trip to another thread each (8 of 52
    // microseconds of processor time per small request). Nobody waits for the file unless it syncs.
    if (this.#queuedBytes >= GATHER_BYTES) this.#drainSoon();
    else this.#gatherTimer ??= setTimeout(() => void this.#drain(), GATHER_MS);
  }

  /**
   * `done` is called when all frames queued so far are with the kernel, in this call unless a write or
   * a change of segments is under way; after an error never.
   */
  write(done: () => void): void {
    if (this.#error) return;
    if (!this.#draining) this.#writeNow();
    if (this.#error) return;
    if (this.#written === this.#queued) {
      done();
      return;
    }
    this.#writeWaiters.push({ upTo: this.#queued, done });
    if (!this.#draining) this.#drainSoon();
  }

  /** All that needs no new segment. */
  #writeNow(): void {
    clearTimeout(this.#gatherTimer);
    this.#gatherTimer = undefined;
    try {
      while (this.#queue.length > 0 && !this.#rotatesBefore(this.#queue[0])) {
        const taken = this.#takeSome();
        this.#file.writeSync(taken.map((frame) => frame.bytes));
        this.#wrote(taken);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#syncSoon();
  }

  /** `done` is called when all frames queued so far are on disk; after an error never. */
  sync(done: () => void): void {
    if (this.#error || this.#ended === 'yes') return;
    this.#waiters.push({ upTo: this.#queued, done });
    if (this.#queue.length > 0) this.#drainSoon();
    this.#syncIfAsked();
  }

  /** Writes what is queued, then the seal if asked, syncs and closes. `done` is always called. */
  end(how: Ending, done: () => void): void {
    if (this.#ended === 'yes') {
      setImmediate(done);
      return;
    }
    this.#endWaiters.push(done);
    if (this.#ending) return;
    this.#ending = how;
    setImmediate(() => void this.#drain());
  }

  #drainSoon(): void {
    clearTimeout(this.#gatherTimer);
    this.#gatherTimer = undefined;
    setImmediate(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    clearTimeout(this.#gatherTimer);
    this.#gatherTimer = undefined;
    try {
      while (this.#queue.length > 0 && !this.#error) {
        if (this.#rotatesBefore(this.#queue[0])) await this.#rotate();
        await this.#writeSome();
        this.#syncIfAsked();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#draining = false;
    if (this.#ending) await this.#finish(this.#ending);
    else this.#syncSoon();
  }

  /** The rule that cuts segments. It may depend on nothing but the frames written so far. */
  #rotatesBefore(frame: QueuedFrame | undefined): boolean {
    const limit = this.#options.segmentBytes ?? SEGMENT_BYTES;
    return frame?.type === 'batch' && this.#cursor.batches > 0 && this.#cursor.offset >= limit;
  }

  async #writeSome(): Promise<void> {
    const taken = this.#takeSome();
    await this.#file.write(taken.map((frame) => frame.bytes));
    this.#wrote(taken);
    const ready = this.#writeWaiters.filter((waiter) => waiter.upTo <= this.#written);
    this.#writeWaiters = this.#writeWaiters.filter((waiter) => waiter.upTo > this.#written);
    for (const waiter of ready) waiter.done();
  }

  /** Moves the cursor over what is written next. */
  #takeSome(): readonly QueuedFrame[] {
    const taken: QueuedFrame[] = [];
    let bytes = 0;
    for (const frame of this.#queue) {
      if (taken.length === WRITE_BUFFERS_MAX || bytes > WRITE_BYTES_MAX) break;
      if (this.#rotatesBefore(frame)) break;
      frame.take(this.#cursor);
      taken.push(frame);
      bytes += frame.bytes.length;
    }
    this.#queuedBytes -= bytes;
    this.#queue.splice(0, taken.length);
    this.#inFlight = taken;
    return taken;
  }

  #wrote(taken: readonly QueuedFrame[]): void {
    this.#inFlight = [];
    this.#written += taken.length;
    this.#lsnWritten = this.#cursor.lastLsn;
    const { meters } = this.#options;
    for (const { bytes } of taken) meters?.wrote(bytes.length, this.#cursor.segment);
    this.#writtenTo = { segment: this.#cursor.segment, offset: this.#cursor.offset };
  }

  /**
   * The next segment is on disk, name and header, before this one is sealed: wherever the process
   * dies or the power fails, a segment with a seal has a successor, so a successor that is missing
   * was lost and is not merely unborn.
   */
  async #rotate(): Promise<void> {
    const seal = this.#cursor.seal({ final: false });
    const ending = this.#sealedEnding({ final: false });
    const header = this.#cursor.next();
    this.#options.beforeNext?.();
    const next = this.#open(this.#cursor.segment, 0);
    await next.write([header]);
    await next.sync();
    await this.#disk.syncDirectory(this.#dir);
    const old = this.#file;
    await old.write([seal]);
    await old.sync();
    await this.#sign(ending);
    // A sync that ends may start another one on the old file.
    while (this.#syncing) await this.#syncing;
    this.#file = next;
    this.#writtenTo = { segment: this.#cursor.segment, offset: this.#cursor.offset };
    await old.close();
  }

  /** Of the segment that the cursor has just sealed. */
  #sealedEnding({ final }: { readonly final: boolean }): SegmentEnding {
    const { segment, lastLsn, chain: head } = this.#cursor;
    const { vm } = defined(this.#cursor.header, 'a seal comes after a header');
    return { vm, segment, lastLsn, head, final };
  }

  /** A process that dies before this leaves a segment that the next signature vouches for. */
  async #sign(ending: SegmentEnding): Promise<void> {
    const key = signKey();
    if (key !== undefined) await writeSignature(this.#dir, { ending, key }, this.#disk);
  }

  #open(segment: number, offset: number, fileBytes?: number): SegmentFile {
    const path = join(this.#dir, segmentName(segment));
    try {
      return this.#disk.openFile(path, {
        offset,
        ...(fileBytes === undefined ? {} : { fileBytes }),
      });
    } catch (error) {
      if (error instanceof HvError) throw error;
      throw logWriteError(path, error);
    }
  }

  #syncIfAsked(): void {
    const asked = this.#waiters.some((waiter) => waiter.upTo <= this.#written);
    if (asked && !this.#syncing && !this.#error) this.#syncing = this.#syncOnce();
  }

  async #syncOnce(): Promise<void> {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    const covered = this.#written;
    const lsn = this.#lsnWritten;
    const began = performance.now();
    try {
      await (covered > this.#synced ? this.#syncFile() : undefined);
      if (covered > this.#synced) this.#options.meters?.synced(lsn, performance.now() - began);
      this.#synced = covered;
    } catch (error) {
      this.#fail(error);
    }
    this.#syncing = undefined;
    if (this.#error) return;
    const ready = this.#waiters.filter((waiter) => waiter.upTo <= covered);
    this.#waiters = this.#waiters.filter((waiter) => waiter.upTo > covered);
    for (const waiter of ready) waiter.done();
    this.#syncIfAsked();
    this.#syncSoon();
  }

  async #syncFile(): Promise<void> {
    await this.#file.sync();
    if (!this.#newName) return;
    // A file whose directory entry is lost in a power cut is lost with all its synced bytes, and so is
    // a directory.
    await this.#disk.syncDirectory(this.#dir);
    await this.#disk.syncDirectory(dirname(this.#dir));
    this.#newName = false;
  }

  #syncSoon(): void {
    const needed = this.#written > this.#synced && !this.#error && !this.#ending;
    if (!needed || this.#syncing || this.#syncTimer) return;
    this.#syncTimer = setTimeout(() => {
      this.#syncTimer = undefined;
      if (!this.#syncing) this.#syncing = this.#syncOnce();
    }, SYNC_DELAY_MS);
    // Durability against a power cut alone is no reason to keep the process alive.
    this.#syncTimer.unref();
  }

  /** Runs when the queue is empty or given up; always ends by calling those who wait for the end. */
  async #finish(how: Ending): Promise<void> {
    if (this.#ended !== 'no') return;
    this.#ended = 'soon';
    clearTimeout(this.#syncTimer);
    while (this.#syncing) await this.#syncing;
    try {
      if (!this.#error && this.#cursor.header) {
        const noted = this.#cursor.notedHead;
        if (how === 'seal') await this.#file.write([this.#cursor.seal({ final: true })]);
        await this.#syncFile();
        if (how === 'seal') {
          await this.#sign(this.#sealedEnding({ final: true }));
          this.#options.onSealed?.(noted);
        }
      }
      await this.#file.close();
    } catch (error) {
      this.#fail(error);
    }
    this.#ended = 'yes';
    if (!this.#error) for (const waiter of this.#waiters) waiter.done();
    this.#waiters = [];
    for (const done of this.#endWaiters) done();
    this.#endWaiters = [];
  }

  #fail(error: unknown): void {
    if (error instanceof InvariantError) throw error;
    if (this.#error) return;
    this.#error = error instanceof HvError ? error : logWriteError(this.#dir, error);
    clearTimeout(this.#syncTimer);
    this.#queue = [];
    this.#inFlight = [];
    this.#waiters = [];
    this.#writeWaiters = [];
    this.#options.onError(this.#error);
  }
}
