/**
 * Checkpoints of a running guest: asks the policy after each group, brings the shadow of memory near, piece by
 * piece while the guest goes on, takes the snapshot at the end of the next group, and afterwards thins the
 * old ones out and trims the log to what is to be kept. All of it is the host's own affair; trouble with it
 * costs nothing but the way back.
 */

import {
  asLsn,
  type LogHeader,
  type Lsn,
  type Micros,
  type SnapshotPosition,
} from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import {
  CHECKPOINT_AT_ONCE_BYTES,
  CHECKPOINT_PIECE_MS,
  CHECKPOINT_ROUND_MS,
  CHECKPOINTS_MAX,
} from '../base/limits.ts';
import type { Machine } from '../machine/machine.ts';
import type { Checkpointer } from '../ports.ts';
import type { View } from '../protocol/messages.ts';
import { type CheckpointEvery, isCheckpointDue } from '../replica/checkpoint-policy.ts';
import {
  checkpointLsns,
  type ListedCheckpoint,
  listCheckpoints,
  thin,
} from './checkpoint-files.ts';
import { CheckpointPause, noRoom, roomFault } from './checkpoint-room.ts';
import { type CheckpointPlace, CheckpointStore, type TakenCheckpoint } from './checkpoint-store.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import type { LogPosition } from './log-cursor.ts';
import { logBytes, segmentNumbers } from './log-files.ts';
import { trimLog } from './log-trim.ts';

const THIN_AT_ONCE = 64;
const DIFFERENCES_WHEN_FORGETTING = 7;

/** How much of the past is kept: all, or what a replay from its oldest checkpoint still shows. */
export type KeepPolicy =
  | { readonly type: 'all' }
  | { readonly type: 'records' | 'bytes' | 'micros'; readonly amount: number };

/** What the checkpointer needs of the log's store. */
export interface PlacedLog {
  readonly position: LogPosition | undefined;
  /** Of batches, since the store was made. */
  readonly bytesAppended: number;
  write(done: () => void): void;
  sync(done: () => void): void;
}

/** Hears what became of a checkpoint that was asked for. */
export type CheckpointAnswer = (outcome: TakenCheckpoint | HvError) => void;

export interface CheckpointerOptions {
  readonly dir: string;
  readonly header: LogHeader;
  readonly machine: Machine;
  readonly log: PlacedLog;
  readonly every: CheckpointEvery;
  readonly keep: KeepPolicy;
  /** Last record and newest time of the log when the run begins or goes on. */
  readonly lsn: Lsn;
  readonly time: Micros;
  readonly onTaken: (taken: TakenCheckpoint) => void;
  /** Trouble that costs a checkpoint, or room on the disk, and nothing else. Of the disk's once until it is over. */
  readonly onTrouble: (error: HvError) => void;
  /** The disk takes snapshots again: the first one after such trouble is there. */
  readonly onRecovered?: (lsn: Lsn) => void;
  readonly disk?: Disk;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
  /** Tests pass smaller ones. */
  readonly limits?: { readonly differencesMax: number; readonly snapshotsMax: number };
}

export class FileCheckpointer implements Checkpointer {
  #options: CheckpointerOptions;
  readonly #store: CheckpointStore;
  /** Where the last one was taken. */
  #last: { readonly lsn: Lsn; readonly time: Micros; readonly bytes: number; readonly at: number };
  #runMs = 0;
  /** Of the last one, or the one under way: what this thread and the compressor have worked for it. */
  #costMs = 0;
  #nearing: 'no' | 'underWay' | 'done' = 'no';
  /** Work of the round under way, and how many have come round. */
  #roundMs = 0;
  #rounds = 0;
  /** How long the guest stood still before the checkpoint's record. */
  #caughtUpMs = 0;
  #wake: () => void = () => undefined;
  #tidying = false;
  readonly #pause = new CheckpointPause();
  #lsnTaken: Lsn | undefined;
  /** Who waits for one that was asked for: not begun yet, and being written. */
  #requests: CheckpointAnswer[] = [];
  #answering: CheckpointAnswer[] = [];

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    const { dir, header, lsn, time, disk, keep, limits } = options;
    // What is forgotten lies before a complete one: where little is kept there are more of them.
    const differencesMax =
      limits?.differencesMax ?? (keep.type === 'all' ? undefined : DIFFERENCES_WHEN_FORGETTING);
    this.#last = { lsn, time, bytes: 0, at: performance.now() };
    options.machine.shadow.keep();
    this.#store = new CheckpointStore({
      dir,
      owner: header,
      ...(differencesMax === undefined ? {} : { differencesMax }),
      onTaken: (taken) => this.#taken(taken),
      onError: (error) => this.#failed(error),
      ...(disk === undefined ? {} : { disk }),
    });
  }

  /** Of the newest snapshot this run has put on disk. */
  get lsnTaken(): Lsn | undefined {
    return this.#lsnTaken;
  }

  /**
   * Takes a checkpoint soon, whatever the policy says, and calls `done` once it is on disk or has failed; not
   * at all if the run ends before. `complete`: no difference, because a snapshot on disk turned out to be
   * bad.
   */
  request(options: { readonly complete: boolean }, done: CheckpointAnswer): void {
    if (options.complete) this.#store.forgetBase();
    this.#requests.push(done);
    this.#store.whenIdle(() => {
      if (this.#requests.length === 0 || this.#isKeptBack(this.#last.lsn)) return;
      if (this.#nearing === 'done') this.#wake();
      else this.#near();
    });
  }

  onWanted(wake: () => void): void {
    this.#wake = wake;
  }

  ran(group: { readonly lsn: Lsn; readonly time: Micros; readonly runMs: number }): boolean {
    this.#runMs += group.runMs;
    if (this.#store.busy) return false;
    if (this.#requests.length === 0 && !this.#isDue(group)) return false;
    if (this.#nearing === 'no' && this.#isKeptBack(group.lsn)) return false;
    this.#near();
    if (this.#nearing !== 'done') return false;
    const began = performance.now();
    this.#options.machine.shadow.now();
    this.#caughtUpMs = performance.now() - began;
    this.#nearing = 'no';
    this.#options.machine.report.checkpointTaken();
    return true;
  }

  /**
   * The disk has just refused a snapshot, or has room for the log alone. Found out before the guest stops for
   * one; what may be forgotten is, so that there is more room. Who asked for one is not kept waiting.
   */
  #isKeptBack(lsn: Lsn): boolean {
    if (this.#requests.length === 0 && !this.#pause.isOver(this.#now())) return true;
    const { dir, disk = REAL_DISK } = this.#options;
    const fault = roomFault(disk, dir, this.#store.bytesExpected);
    if (fault === undefined) return false;
    this.#answering.push(...this.#requests.splice(0));
    this.#failed(noRoom(dir, fault));
    if (this.#options.keep.type !== 'all') this.#tidySoon({ lsn, base: asLsn(0) });
    return true;
  }

  #now(): number {
    return this.#options.now?.() ?? performance.now();
  }

  #isDue(group: { readonly lsn: Lsn; readonly time: Micros }): boolean {
    if (this.#options.every.type === 'off') return false;
    const { lsn, time, bytes, at } = this.#last;
    return isCheckpointDue(this.#options.every, {
      records: group.lsn - lsn,
      bytes: this.#options.log.bytesAppended - bytes,
      virtualMicros: group.time - time,
      runMs: this.#runMs,
      elapsedMs: performance.now() - at,
      lastCostMs: this.#costMs,
      isWelcome: this.#options.machine.report.isCheckpointWelcome,
    });
  }

  /** Begins to bring the shadow near, unless it is near or on its way. */
  #near(): void {
    if (this.#nearing !== 'no') return;
    this.#costMs = 0;
    this.#rounds = 0;
    this.#roundMs = 0;
    if (this.#options.machine.usedMemory().length <= CHECKPOINT_AT_ONCE_BYTES) this.#isNear();
    else {
      this.#nearing = 'underWay';
      this.#goNearer();
    }
  }

  #isNear(): void {
    this.#nearing = 'done';
    if (this.#requests.length > 0) this.#wake();
  }

  /** Between two turns of the guest, for a millisecond at a time. */
  #goNearer(): void {
    // A snapshot is being written after all: when the next one is due it begins again.
    if (this.#store.busy) {
      this.#nearing = 'no';
      return;
    }
    const began = performance.now();
    const isRound = this.#options.machine.shadow.advance(
      () => performance.now() - began < CHECKPOINT_PIECE_MS,
    );
    this.#roundMs += performance.now() - began;
    if (isRound && (this.#rounds > 0 || this.#roundMs < CHECKPOINT_ROUND_MS)) {
      this.#costMs += this.#roundMs;
      this.#isNear();
      return;
    }
    if (isRound) {
      this.#costMs += this.#roundMs;
      this.#roundMs = 0;
      this.#rounds += 1;
    }
    setImmediate(() => this.#goNearer());
  }

  take(at: { readonly lsn: Lsn; readonly time: Micros; readonly view: View }): void {
    const { log, machine } = this.#options;
    // The snapshot belongs behind the last batch, and the writer has to be there to say where that is.
    log.write(() => undefined);
    const { position } = log;
    if (position?.lastLsn !== at.lsn) return;
    const { time, view } = at;
    const logDurable = (done: () => void): void => log.sync(done);
    const began = performance.now();
    if (!this.#store.take(machine, { position, time, view, logDurable })) return;
    this.#answering = this.#requests.splice(0);
    const now = performance.now();
    this.#costMs += this.#caughtUpMs + now - began;
    this.#last = { lsn: at.lsn, time, bytes: log.bytesAppended, at: now };
    this.#runMs = 0;
  }

  /**
   * On a backup: its replay stands behind the group of a checkpoint record of the primary. False, and
   * nothing happens, while an earlier one is being written, or where there is no room for it.
   */
  follow(at: {
    readonly lsn: Lsn;
    readonly time: Micros;
    readonly located: Promise<CheckpointPlace>;
  }): boolean {
    const { lsn, time, located } = at;
    if (this.#store.busy || this.#isKeptBack(lsn)) return false;
    if (!this.#store.take(this.#options.machine, { lsn, located })) return false;
    this.#last = { lsn, time, bytes: 0, at: performance.now() };
    this.#runMs = 0;
    this.#caughtUpMs = 0;
    return true;
  }

  /** The backup has become primary: from here on it decides itself, in a log that it writes itself. */
  goLive(given: Pick<CheckpointerOptions, 'log' | 'every' | 'keep'>): void {
    this.#options = { ...this.#options, ...given };
    this.#last = { ...this.#last, bytes: given.log.bytesAppended };
  }

  /** Calls `done` when nothing is being written any more. */
  close(done: () => void): void {
    this.#store.whenIdle(done);
  }

  #taken(taken: TakenCheckpoint): void {
    this.#lsnTaken = taken.lsn;
    // Another thread's time, but this machine's.
    this.#costMs += taken.compressMs;
    this.#options.onTaken({ ...taken, pauseMs: taken.pauseMs + this.#caughtUpMs });
    this.#answer(taken);
    if (this.#pause.succeeded()) this.#options.onRecovered?.(taken.lsn);
    this.#tidySoon(taken);
  }

  #tidySoon(after: Pick<TakenCheckpoint, 'lsn' | 'base'>): void {
    if (this.#tidying) return;
    this.#tidying = true;
    this.#tidy(after)
      .catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        const trouble = `the past could not be tidied up: ${text}`;
        this.#options.onTrouble(
          error instanceof HvError ? error : new HvError('HV_E_CHECKPOINT_WRITE', trouble),
        );
      })
      .finally(() => {
        this.#tidying = false;
      });
  }

  #failed(error: HvError): void {
    if (this.#pause.failed(error, this.#now())) this.#options.onTrouble(error);
    this.#answer(error);
  }

  #answer(outcome: TakenCheckpoint | HvError): void {
    for (const done of this.#answering.splice(0)) done(outcome);
  }

  async #tidy({ lsn, base }: Pick<TakenCheckpoint, 'lsn' | 'base'>): Promise<void> {
    const { dir, header, keep, limits, disk = REAL_DISK } = this.#options;
    if (keep.type !== 'all' && base === 0) {
      const upTo = oldestKept(listCheckpoints(dir, disk).checkpoints, keep, lsn, dir);
      if (upTo !== undefined) await trimLog(dir, header, upTo, disk);
    }
    // Reading their heads takes a while: some more are let gather first.
    const snapshotsMax = limits?.snapshotsMax ?? CHECKPOINTS_MAX;
    const many = snapshotsMax + (limits === undefined ? THIN_AT_ONCE : 1);
    if (checkpointLsns(dir, disk).length < many) return;
    const usable = this.#lsnTaken;
    await thin(dir, header, { snapshotsMax, ...(usable === undefined ? {} : { usable }) }, disk);
  }
}

/** The newest complete checkpoint that leaves enough behind it. `checkpoints`: newest first. */
function oldestKept(
  checkpoints: readonly ListedCheckpoint[],
  keep: Exclude<KeepPolicy, { readonly type: 'all' }>,
  lsn: Lsn,
  dir: string,
): Lsn | undefined {
  const newest = checkpoints[0]?.head;
  if (newest === undefined) return undefined;
  const behind = ({ head }: ListedCheckpoint): number => {
    switch (keep.type) {
      case 'records':
        return lsn - head.lsn;
      case 'micros':
        return newest.time - head.time;
      case 'bytes':
        return bytesBehind(dir, head.position);
      default:
        return unreachable(keep.type);
    }
  };
  return checkpoints.find((one) => one.head.base === 0 && behind(one) >= keep.amount)?.lsn;
}

/** The place may be in a segment of another replica's log that this one has never had. */
function bytesBehind(dir: string, { segment, offset }: SnapshotPosition): number {
  const there = segmentNumbers(dir).includes(segment);
  return logBytes(dir, segment) - (there ? offset : 0);
}
