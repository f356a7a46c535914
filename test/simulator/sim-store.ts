/**
 * A log on a simulated disk, as a primary writes it and as a backup receives it: the same bytes. What
 * is appended is first in the process, then with the kernel, then on the disk; a crash leaves what had
 * come far enough and any part of the rest, torn anywhere.
 */

import type {
  BackupStore,
  LogBase,
  LogReading,
  LogStore,
  SuffixEnd,
} from '../../hypervisor/ports.ts';
import { EpochHistory, type History } from '../../hypervisor/protocol/history.ts';
import type { View } from '../../hypervisor/protocol/messages.ts';
import type { ReleasedAt } from '../../hypervisor/replica/released-mark.ts';
import {
  asLsn,
  asMicros,
  type Batch,
  decodeBatch,
  type EncodedBatch,
  FRAME,
  FRAME_HEAD_BYTES,
  FrameReader,
  type LogHeader,
  type Lsn,
  type Micros,
  peekBatch,
} from '../../log-format/index.ts';
import type { SimSnapshot } from './sim-snapshots.ts';
import { type SimProcess, WALL_START } from './world.ts';

const HASH = '00'.repeat(32);
/** Below any host's skewed clock: no record may be older than its log. */
export const STARTED_AT: Micros = asMicros(WALL_START - 1_000_000);

/** Header of a log without a real machine. */
export const HEADER: LogHeader = {
  formatVersion: 2,
  machineVersion: 4,
  turnTicksMax: 0,
  secondTicksMax: 0,
  hvVersion: '0.0.0',
  vm: 'toy-00000000',
  name: 'toy',
  ticksSemantics: 'quickjs-interrupt-polls/1',
  engineHash: HASH,
  helperHash: HASH,
  firmwareHash: HASH,
  imageHash: HASH,
  sourceMapHash: HASH,
  memoryPages: 1,
  stackBytes: 1,
  ticksPerMicro: 128,
  zoneOffsetMinutes: 0,
  seed: HASH,
  startedAt: STARTED_AT,
  script: 'toy.js',
  segment: 1,
  firstLsn: asLsn(1),
  chain: HASH,
};

/** Batches streamed at once: a state transfer has a middle that something can happen in. */
const STREAM_BATCHES = 6;

export type DiskMood = 'well' | 'slow' | 'full' | 'failsSync' | 'failsWrite';

/** The disk of one host; it outlives its processes. */
export class SimDisk {
  mood: DiskMood = 'well';
  /** An append takes up to so long to reach the kernel; 0: none. */
  readonly writeMs: number;
  /** Asked for every sync: true, and it fails. */
  failsSync: (() => boolean) | undefined;
  /** Asked for every append: true, and there is no room for it. */
  isFull: (() => boolean) | undefined;

  constructor(writeMs: number) {
    this.writeMs = writeMs;
  }
}

export interface StoreOptions {
  readonly disk: SimDisk;
  readonly header: LogHeader;
  /** Header and blobs, framed. */
  readonly frames: readonly Uint8Array[];
  /** Every batch that enters the log. */
  readonly onAppend: (batch: EncodedBatch, epochBefore: number) => void;
  /** The disk refused; the log takes nothing any more and no callback comes. */
  readonly onError: (kind: 'disk.full' | 'disk.failedSync' | 'disk.failedWrite') => void;
}

/** Names of records and what led to them; `origin`: what the batches go on behind. */
export function historyOf(
  batches: readonly EncodedBatch[],
  origin: SimSnapshot | undefined,
): EpochHistory {
  const history = new EpochHistory(origin && historyBehind(origin));
  for (const batch of batches) history.appended(batch);
  return history;
}

/** A log without its first records begins, as far as it knows, in the epoch of its snapshot. */
function historyBehind({ lsn, epoch }: SimSnapshot): History {
  const lsnFirst = asLsn(lsn + 1);
  return { epochs: [{ epoch, firstLsn: lsnFirst }], lsnFirst, lsnLast: lsn };
}

export class SimStore implements LogStore, BackupStore {
  readonly process: SimProcess;
  readonly #options: StoreOptions;
  batches: EncodedBatch[] = [];
  /** What lies before the batches; undefined: nothing does. */
  origin: SimSnapshot | undefined;
  /** On the disk, the oldest first: those of the log, and `origin`. */
  snapshots: SimSnapshot[] = [];
  /** Epoch under which each record was written, by lsn: with the lsn, its name for ever. */
  epochs: number[] = [0];
  sealed = false;
  /** Hears of every checkpoint of a copy. */
  onPlace: ((lsn: Lsn) => void) | undefined;
  /** What had left when, beside the log; the newest last. */
  readonly marks: ReleasedAt[] = [];
  #lsnReplayed = 0;
  /** Last record the kernel has, and the disk. */
  #written = 0;
  #synced = 0;
  #writtenBy = 0;
  /** Checkpoints of the log that no snapshot was taken at yet, with the view in force. */
  readonly #places = new Map<number, View>();
  #broken = false;

  constructor(process: SimProcess, options: StoreOptions) {
    this.process = process;
    this.#options = options;
  }

  /** With the kernel: what a killed process leaves. */
  get lsnWritten(): number {
    return this.#written;
  }

  /** On disk. */
  get lsnSynced(): number {
    return this.#synced;
  }

  /** Run by a machine beside it, which did not differ. */
  get lsnReplayed(): number {
    return this.#lsnReplayed;
  }

  replayed(lsn: number): void {
    this.#lsnReplayed = Math.max(this.#lsnReplayed, lsn);
  }

  get lsnLast(): Lsn {
    return asLsn(this.epochs.length - 1);
  }

  released(mark: ReleasedAt): void {
    this.marks.push(mark);
  }

  /** The mark a new process finds: nobody has synced it, so a power cut leaves any. */
  markAfterCrash({ power }: { readonly power: boolean }): ReleasedAt | undefined {
    if (!power || this.marks.length === 0) return this.marks.at(-1);
    return this.process.world.random.pick(this.marks);
  }

  append(batch: EncodedBatch): void {
    if (batch.firstLsn !== this.lsnLast + 1) throw new Error('a store has no gap');
    this.#options.onAppend(batch, this.epochs.at(-1) ?? 0);
    this.batches.push(batch);
    for (let lsn = batch.firstLsn as number; lsn <= batch.lastLsn; lsn++) {
      this.epochs.push(batch.epoch);
    }
    this.#write();
  }

  /** Takes over what an earlier process has left of `dead`. */
  load(dead: SimStore, batches: readonly EncodedBatch[]): void {
    if (dead.origin !== undefined) this.begin(dead.origin);
    this.snapshots = [...dead.snapshots];
    for (const batch of batches) this.append(batch);
    this.#written = this.lsnLast;
    this.#synced = this.lsnLast;
  }

  /** Begins behind `snapshot`, which is on the disk. */
  begin(snapshot: SimSnapshot): void {
    this.origin = snapshot;
    this.snapshots = [snapshot];
    this.epochs = [...snapshot.epochs];
    this.#written = snapshot.lsn;
    this.#synced = snapshot.lsn;
  }

  /** It has its name, and is used, once the log is on the disk up to it. */
  keep(snapshot: SimSnapshot, done: () => void = () => undefined): void {
    this.sync(() => {
      if (snapshot.lsn > this.lsnLast || this.epochs[snapshot.lsn] !== snapshot.epoch) return;
      // A newer one was quicker, and the log may begin behind it by now.
      if (snapshot.lsn <= (this.snapshots.at(-1)?.lsn ?? 0)) return;
      this.snapshots.push(snapshot);
      done();
    });
  }

  /** The newest at or below `lsn`. */
  newest(lsn: number): SimSnapshot | undefined {
    return this.snapshots.findLast((one) => one.lsn <= lsn);
  }

  /** Forgets what lies before `snapshot`. */
  trim(snapshot: SimSnapshot): void {
    this.origin = snapshot;
    this.batches = this.batches.filter(({ lastLsn }) => lastLsn > snapshot.lsn);
    this.snapshots = this.snapshots.filter(({ lsn }) => lsn >= snapshot.lsn);
  }

  /** Header and blobs. */
  get beginning(): Uint8Array {
    return Buffer.concat(this.#options.frames);
  }

  appendFrames(bytes: Uint8Array): void {
    const reader = new FrameReader(1 << 24);
    reader.push(bytes);
    for (let next = reader.next(); next.type !== 'more'; next = reader.next()) {
      if (next.type === 'damaged') throw new Error(next.reason);
      if (next.frame.type === FRAME.batch) this.append(peekBatch(next.frame.bytes));
    }
  }

  write(done: () => void): void {
    if (this.#broken) return;
    if (this.#written === this.lsnLast) {
      done();
      return;
    }
    const { world } = this.process;
    world.at(this.#writtenBy, this.process, () => {
      if (!this.#broken) done();
    });
  }

  sync(done: () => void): void {
    const upTo = this.lsnLast;
    this.#soon(() => {
      if (this.#broken) return;
      const { disk } = this.#options;
      if (disk.mood === 'failsSync' || (disk.failsSync?.() ?? false)) {
        this.#fail('disk.failedSync');
        return;
      }
      this.#synced = Math.max(this.#synced, upTo);
      this.#written = Math.max(this.#written, upTo);
      done();
    });
  }

  readAll(onFrames: (bytes: Uint8Array) => void, done: (lastLsn: Lsn) => void): void {
    this.readFrom(asLsn(0), onFrames, (end) => {
      if (end.type === 'caughtUp') done(end.lastLsn);
    });
  }

  readFrom(
    lsn: Lsn,
    onFrames: (bytes: Uint8Array) => void,
    done: (end: SuffixEnd) => void,
  ): LogReading {
    const inside = this.batches.find((batch) => batch.lastLsn > lsn);
    const from = asLsn(Math.min(lsn, (inside?.firstLsn ?? lsn + 1) - 1));
    let sent: Lsn = from;
    let [begun, paused, cancelled] = [lsn > 0, false, false];
    const next = (): void => {
      if (paused || cancelled) return;
      if (sent < (this.origin?.lsn ?? 0)) {
        done({ type: 'trimmed' });
        return;
      }
      const part = this.batches.filter((batch) => batch.lastLsn > sent).slice(0, STREAM_BATCHES);
      const bytes = part.map((batch) => batch.bytes);
      if (!begun) bytes.unshift(...this.#options.frames);
      begun = true;
      sent = part.at(-1)?.lastLsn ?? sent;
      if (bytes.length > 0) onFrames(Buffer.concat(bytes));
      if (sent < this.lsnLast) this.#soon(next);
      // In the very call: what is appended from now on is the caller's to send.
      else if (!cancelled) done({ type: 'caughtUp', from, lastLsn: sent });
    };
    this.#soon(next);
    return {
      pause: () => {
        paused = true;
      },
      resume: () => {
        if (paused) this.#soon(next);
        paused = false;
      },
      cancel: () => {
        cancelled = true;
      },
    };
  }

  checkpoint(lsn: Lsn, view: View | undefined): void {
    if (view === undefined) return;
    this.#places.set(lsn, view);
    this.onPlace?.(lsn);
  }

  /** The view in force at a checkpoint of the log, once. */
  placeAt(lsn: number): View | undefined {
    const view = this.#places.get(lsn);
    this.#places.delete(lsn);
    return view;
  }

  /** As a disk would have it for the next life: batches up to `lsn`, header and blobs. */
  cut(lsn: Lsn): void {
    this.batches = this.batches.filter(({ lastLsn }) => lastLsn <= lsn);
    const last = this.batches.at(-1)?.lastLsn ?? this.origin?.lsn ?? 0;
    this.epochs.length = last + 1;
    this.snapshots = this.snapshots.filter((one) => one.lsn <= last);
    this.#written = Math.min(this.#written, last);
    this.#synced = Math.min(this.#synced, last);
    this.#lsnReplayed = Math.min(this.#lsnReplayed, last);
    this.sealed = false;
  }

  /** Whole, as it was streamed. */
  get base(): LogBase {
    return { header: this.#options.header, blobs: this.#options.frames.slice(1) };
  }

  /** The batches behind `lsn`, as a replica reads them. */
  decoded(lsn: Lsn): readonly Batch[] {
    const from = this.batches.filter(({ lastLsn }) => lastLsn > lsn);
    return from.map(({ bytes }) => decodeBatch(bytes.subarray(FRAME_HEAD_BYTES), STARTED_AT));
  }

  get history(): History {
    return historyOf(this.batches, this.origin);
  }

  seal(done: () => void): void {
    this.sealed = true;
    this.#soon(done);
  }

  close(done: () => void): void {
    this.#soon(done);
  }

  /**
   * The batches a new process finds after a crash: all that had come far enough and any part of the
   * rest, with a torn one cut off. `power`: the kernel is gone, too.
   */
  afterCrash({ power }: { readonly power: boolean }): readonly EncodedBatch[] {
    const { random, coverage } = this.process.world;
    const lsnSure = power ? this.#synced : this.#written;
    const sure = this.batches.filter(({ lastLsn }) => lastLsn <= lsnSure).length;
    const kept = random.integer(sure, this.batches.length);
    const torn = this.batches[kept];
    if (torn === undefined) return this.batches.slice();
    coverage.count('disk.lostTail');
    const cut = random.integer(0, torn.bytes.length - 1);
    if (cut > 0) coverage.count('disk.torn');
    const bytes = this.batches.slice(0, kept).map((batch) => batch.bytes);
    return readBack(Buffer.concat([...bytes, torn.bytes.subarray(0, cut)]));
  }

  #write(): void {
    const { disk } = this.#options;
    const { world } = this.process;
    const full = disk.isFull?.() ?? false;
    const upTo = this.lsnLast;
    const before = (this.batches.at(-1)?.firstLsn ?? 1) - 1;
    const isQuick = disk.writeMs === 0 && disk.mood === 'well' && !full;
    // Behind one that is still on its way, it waits for that.
    if (isQuick && this.#written === before) {
      this.#written = upTo;
      return;
    }
    const at = world.now + world.random.next() * disk.writeMs + this.#slowMs();
    this.#writtenBy = Math.max(this.#writtenBy, at);
    world.at(this.#writtenBy, this.process, () => {
      if (this.#broken) return;
      if (full || disk.mood === 'full') this.#fail('disk.full');
      else if (disk.mood === 'failsWrite') this.#fail('disk.failedWrite');
      else this.#written = Math.max(this.#written, upTo);
    });
  }

  #slowMs(): number {
    if (this.#options.disk.mood !== 'slow') return 0;
    const { coverage, random } = this.process.world;
    coverage.count('disk.slow');
    return random.between(2, 40);
  }

  #fail(kind: 'disk.full' | 'disk.failedSync' | 'disk.failedWrite'): void {
    this.#broken = true;
    this.process.world.coverage.count(kind);
    this.#options.onError(kind);
  }

  #soon(run: () => void): void {
    const { world } = this.process;
    world.at(world.now + world.random.between(0.05, 0.4) + this.#slowMs(), this.process, run);
  }
}

/** Whole batches from the start of `bytes`; a torn one at the end is none. */
function readBack(bytes: Uint8Array): readonly EncodedBatch[] {
  const reader = new FrameReader(1 << 24);
  reader.push(bytes);
  const batches: EncodedBatch[] = [];
  for (let next = reader.next(); next.type === 'frame'; next = reader.next())
    batches.push(peekBatch(next.frame.bytes));
  return batches;
}
