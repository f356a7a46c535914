/**
 * Takes snapshots of a running machine beside its log. The machine stands still only while its shadow
 * catches up; packing and writing happen afterwards, from the shadow, a mebibyte at a time, and one
 * snapshot at a time. A snapshot that fails costs nothing but itself.
 */

import { join } from 'node:path';
import {
  asLsn,
  CHAIN_START,
  decodeValue,
  EncodeError,
  encodeValue,
  type Lsn,
  type Micros,
  type SnapshotHead,
  type SnapshotOwner,
  type SnapshotPosition,
  type SnapshotState,
  type SnapshotView,
  snapshotName,
} from '../../log-format/index.ts';
import { assert, InvariantError } from '../base/assert.ts';
import type { HvError } from '../base/errors.ts';
import { CHECKPOINT_DIFFERENCE_SHARE, CHECKPOINT_DIFFERENCES_MAX } from '../base/limits.ts';
import type { Machine } from '../machine/machine.ts';
import type { Shadow } from '../machine/shadow.ts';
import { checkpointError } from './checkpoint-errors.ts';
import { removeUnfinished } from './checkpoint-files.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { piecesOf, writeSnapshot } from './snapshot-writer.ts';

/** Where the machine stands when a snapshot of it is taken: behind the last record of a batch. */
export interface CheckpointPlace {
  readonly position: SnapshotPosition;
  /** Newest time in the log. */
  readonly time: Micros;
  readonly view: SnapshotView;
  /** Calls `done` when the log is on disk up to `position`; never, if the disk has failed. */
  readonly logDurable: (done: () => void) => void;
}

/**
 * A place that is known once the log has got there: on a backup another thread writes it. Nothing of the
 * snapshot is written before.
 */
export interface LaterPlace {
  readonly lsn: Lsn;
  /** Rejects where it will never be known. */
  readonly located: Promise<CheckpointPlace>;
}

/** A snapshot that is on disk. Times in milliseconds. */
export interface TakenCheckpoint {
  readonly lsn: Lsn;
  /** 0: complete. */
  readonly base: Lsn;
  readonly bytes: number;
  readonly pages: number;
  /** How long the machine stood still. */
  readonly pauseMs: number;
  /** In the compressor, on another thread. */
  readonly compressMs: number;
  /** From the end of the pause until all was on disk. */
  readonly writeMs: number;
}

export interface CheckpointStoreOptions {
  /** The log's. */
  readonly dir: string;
  /** Of the log; more fields than these are ignored. */
  readonly owner: SnapshotOwner;
  readonly onTaken: (taken: TakenCheckpoint) => void;
  /** Once for each snapshot that could not be written: HV_E_CHECKPOINT_WRITE. */
  readonly onError: (error: HvError) => void;
  readonly disk?: Disk;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
  readonly differencesMax?: number;
}

/** The complete snapshot since which the shadow marks what changes. */
interface Base {
  readonly lsn: Lsn;
  readonly chain: string;
  /** Pages in it. */
  readonly pages: number;
  readonly shadow: Shadow;
  readonly mark: number;
  differences: number;
}

/** What the pause leaves to be written. */
interface Job {
  readonly place: CheckpointPlace;
  readonly state: Uint8Array;
  readonly extent: number;
  readonly shadow: Shadow;
  readonly mark: number;
  /** Undefined: all of the shadow is written. */
  readonly base: Base | undefined;
  readonly pauseMs: number;
}

export class CheckpointStore {
  readonly #options: CheckpointStoreOptions;
  readonly #disk: Disk;
  readonly #now: () => number;
  #shadow: Shadow | undefined;
  #base: Base | undefined;
  #lsnLast: Lsn = asLsn(0);
  /** Of the last complete one, and of the last difference. */
  #completeBytes = 0;
  #differenceBytes = 0;
  #busy = false;
  #unfinishedGone = false;
  #idleWaiters: (() => void)[] = [];

  constructor(options: CheckpointStoreOptions) {
    this.#options = options;
    this.#disk = options.disk ?? REAL_DISK;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Bytes kept between snapshots: as much as the memory the guest has used. */
  get memoryBytes(): number {
    return this.#shadow?.bytes ?? 0;
  }

  /** About what the next snapshot will take on the disk; 0: none was taken yet. */
  get bytesExpected(): number {
    return this.#base === undefined ? this.#completeBytes : this.#differenceBytes;
  }

  /** A snapshot is being written. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Takes a snapshot of a machine between turns, collected and not halted. Returns false, and does
   * nothing, while an earlier one is being written. The rest happens behind the machine's back.
   */
  take(
    machine: Pick<Machine, 'shadow' | 'saveState'>,
    place: CheckpointPlace | LaterPlace,
  ): boolean {
    const lsn = 'located' in place ? place.lsn : place.position.lastLsn;
    assert(lsn > this.#lsnLast, 'snapshots are taken one after the other');
    if (this.#busy) return false;
    this.#lsnLast = lsn;
    const started = this.#now();
    // The devices hand out what they hold: encoded now, because they go on.
    const state = encodeValue(machine.saveState());
    const shadow = machine.shadow.now();
    this.#shadow = shadow;
    const base = this.#baseFor(shadow);
    if (base === undefined) this.#base = undefined;
    const mark = base === undefined ? shadow.mark() : base.mark;
    shadow.pin();
    this.#busy = true;
    const pauseMs = this.#now() - started;
    void this.#write({ state, extent: shadow.extent, shadow, mark, base, pauseMs }, place);
    return true;
  }

  /** The next snapshot is complete. */
  forgetBase(): void {
    this.#base = undefined;
  }

  /** Calls `done` when nothing is being written; at once if so. */
  whenIdle(done: () => void): void {
    if (this.#busy) this.#idleWaiters.push(done);
    else done();
  }

  /** Undefined: the next snapshot is complete. */
  #baseFor(shadow: Shadow): Base | undefined {
    const base = this.#base;
    const max = this.#options.differencesMax ?? CHECKPOINT_DIFFERENCES_MAX;
    if (base === undefined || base.differences >= max) return undefined;
    if (base.shadow !== shadow || base.mark !== shadow.marked) return undefined;
    const isSmall = shadow.changedCount <= base.pages * CHECKPOINT_DIFFERENCE_SHARE;
    return isSmall ? base : undefined;
  }

  async #write(taken: Omit<Job, 'place'>, at: CheckpointPlace | LaterPlace): Promise<void> {
    const ended = this.#now();
    const lsn = 'located' in at ? at.lsn : at.position.lastLsn;
    let tell: () => void;
    try {
      const place = 'located' in at ? await at.located : at;
      assert(place.position.lastLsn === lsn, 'a snapshot is located where it was taken');
      const job = { ...taken, place };
      await this.#removeUnfinished();
      const written = await (job.base === undefined
        ? this.#writeComplete(job)
        : this.#writeDifference(job, job.base));
      const report = { ...written, pauseMs: job.pauseMs, writeMs: this.#now() - ended };
      tell = () => this.#options.onTaken(report);
    } catch (error) {
      if (error instanceof InvariantError || error instanceof EncodeError) throw error;
      this.#unfinishedGone = false;
      const path = join(this.#options.dir, snapshotName(lsn));
      tell = () => this.#options.onError(checkpointError(path, error));
    }
    taken.shadow.unpin();
    this.#busy = false;
    tell();
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const done of waiters) done();
  }

  async #writeComplete(job: Job): Promise<Omit<TakenCheckpoint, 'pauseMs' | 'writeMs'>> {
    const pages = job.shadow.filledPages();
    const head = this.#head(job, { lsn: asLsn(0), chain: CHAIN_START });
    const written = await writeSnapshot(this.#target(job), head, piecesOf(job.shadow, pages));
    const { chain, bytes, compressMs } = written;
    this.#completeBytes = bytes;
    const { shadow, mark } = job;
    this.#base = { lsn: head.lsn, chain, pages: pages.length, shadow, mark, differences: 0 };
    return { lsn: head.lsn, base: head.base, bytes, pages: pages.length, compressMs };
  }

  async #writeDifference(
    job: Job,
    base: Base,
  ): Promise<Omit<TakenCheckpoint, 'pauseMs' | 'writeMs'>> {
    const pages = job.shadow.changedPages();
    this.#demandBase(base);
    const head = this.#head(job, base);
    const written = await writeSnapshot(this.#target(job), head, piecesOf(job.shadow, pages));
    base.differences += 1;
    const { bytes, compressMs } = written;
    this.#differenceBytes = bytes;
    return { lsn: head.lsn, base: head.base, bytes, pages: pages.length, compressMs };
  }

  /** Whoever tidies up in the directory by hand must not leave us writing differences to nothing. */
  #demandBase(base: Base): void {
    if (this.#disk.list(this.#options.dir).includes(snapshotName(base.lsn))) return;
    this.#base = undefined;
    throw new Error(`${snapshotName(base.lsn)}, to which it is a difference, has been deleted`);
  }

  #target({ place }: Job): Parameters<typeof writeSnapshot>[0] {
    const { dir } = this.#options;
    return { disk: this.#disk, dir, now: this.#now, logDurable: place.logDurable };
  }

  #head(
    { place, state, extent, shadow }: Job,
    base: { readonly lsn: Lsn; readonly chain: string },
  ): SnapshotHead {
    const { position, time, view } = place;
    const { segment, offset, chain, epoch, lastLsn, records, batches } = position;
    const { owner } = this.#options;
    return {
      vm: owner.vm,
      epoch,
      lsn: lastLsn,
      time,
      engineHash: owner.engineHash,
      helperHash: owner.helperHash,
      firmwareHash: owner.firmwareHash,
      imageHash: owner.imageHash,
      machineVersion: owner.machineVersion,
      memoryPages: owner.memoryPages,
      stackBytes: owner.stackBytes,
      base: base.lsn,
      baseChain: base.chain,
      state: decodeValue(state) as SnapshotState,
      position: { segment, offset, chain, epoch, lastLsn, records, batches },
      view: { epoch: view.epoch, primary: view.primary, backups: view.backups },
      extent,
      memory: shadow.hash(),
    };
  }

  /** What an earlier snapshot left behind that the disk would not even let go of. */
  async #removeUnfinished(): Promise<void> {
    if (this.#unfinishedGone) return;
    await removeUnfinished(this.#options.dir, this.#disk);
    this.#unfinishedGone = true;
  }
}
