/** A log in memory, as a primary writes it and as a backup receives it: the same bytes. */

import type {
  BackupStore,
  LogBase,
  LogReading,
  LogStore,
  SuffixEnd,
} from '../../hypervisor/ports.ts';
import { EpochHistory, type History } from '../../hypervisor/protocol/history.ts';
import { LogIntake } from '../../hypervisor/replica/log-intake.ts';
import {
  asLsn,
  asMicros,
  type Batch,
  type EncodedBatch,
  encodeBlob,
  encodeHeader,
  FRAME,
  FrameReader,
  type LogHeader,
  type Lsn,
  type Micros,
  peekBatch,
} from '../../log-format/index.ts';
import { type SimProcess, WALL_START } from './world.ts';

const HASH = '00'.repeat(32);
/** Below any host's skewed clock: no record may be older than its log. */
export const STARTED_AT: Micros = asMicros(WALL_START - 1_000_000);

const HEADER: LogHeader = {
  formatVersion: 2,
  machineVersion: 2,
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

const HEADER_FRAMES: readonly Uint8Array[] = [
  encodeHeader(HEADER),
  encodeBlob({ name: 'image', hash: HASH, encoding: 'identity', bytes: new Uint8Array(4) }),
];

/** Batches streamed at once: a state transfer has a middle that something can happen in. */
const STREAM_BATCHES = 6;

export class SimStore implements LogStore, BackupStore {
  readonly process: SimProcess;
  batches: EncodedBatch[] = [];
  /** Epoch under which each record was written, by lsn: with the lsn, its name for ever. */
  readonly epochs: number[] = [0];
  sealed = false;

  constructor(process: SimProcess) {
    this.process = process;
  }

  get lsnLast(): Lsn {
    return asLsn(this.epochs.length - 1);
  }

  append(batch: EncodedBatch): void {
    if (batch.firstLsn !== this.lsnLast + 1) throw new Error('a store has no gap');
    this.batches.push(batch);
    for (let lsn = batch.firstLsn as number; lsn <= batch.lastLsn; lsn++) {
      this.epochs.push(batch.epoch);
    }
  }

  appendFrames(bytes: Uint8Array): void {
    const reader = new FrameReader(1 << 24);
    reader.push(bytes);
    for (let next = reader.next(); next.type !== 'more'; next = reader.next()) {
      if (next.type === 'damaged') throw new Error(next.reason);
      if (next.frame.type === FRAME.batch) this.append(peekBatch(next.frame.bytes));
    }
  }

  /** What is appended is in the file: a simulated process has no kernel that could lose it. */
  write(done: () => void): void {
    done();
  }

  sync(done: () => void): void {
    this.#soon(done);
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
    const first = this.batches.findIndex((batch) => batch.lastLsn > lsn);
    const from = first < 0 ? lsn : asLsn((this.batches[first]?.firstLsn ?? 1) - 1);
    let at = first < 0 ? this.batches.length : first;
    let [begun, paused, cancelled] = [lsn > 0, false, false];
    const next = (): void => {
      if (paused || cancelled) return;
      const part = this.batches.slice(at, at + STREAM_BATCHES).map((batch) => batch.bytes);
      if (!begun) part.unshift(...HEADER_FRAMES);
      begun = true;
      at += STREAM_BATCHES;
      if (part.length > 0) onFrames(Buffer.concat(part));
      const lastLsn = this.batches[at - 1]?.lastLsn ?? this.batches.at(-1)?.lastLsn ?? asLsn(0);
      if (at < this.batches.length) this.#soon(next);
      else this.#soon(() => cancelled || done({ type: 'caughtUp', from, lastLsn }));
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

  checkpoint(): void {}

  /** As a disk would have it for the next life: batches up to `lsn`, header and blobs. */
  cut(lsn: Lsn): void {
    this.batches = this.batches.filter(({ lastLsn }) => lastLsn <= lsn);
    this.epochs.length = (this.batches.at(-1)?.lastLsn ?? 0) + 1;
    this.sealed = false;
  }

  /** Whole, as it was streamed. */
  get base(): LogBase {
    return { header: HEADER, blobs: HEADER_FRAMES.slice(1) };
  }

  /** All batches, as a replica reads them. */
  decoded(): readonly Batch[] {
    const bytes = Buffer.concat([...HEADER_FRAMES, ...this.batches.map((batch) => batch.bytes)]);
    const result = new LogIntake().frames(bytes);
    if (result.type === 'damaged') throw new Error(result.reason);
    return result.batches.map(({ batch }) => batch);
  }

  get history(): History {
    const history = new EpochHistory();
    for (const batch of this.batches) history.appended(batch);
    return history;
  }

  seal(done: () => void): void {
    this.sealed = true;
    this.#soon(done);
  }

  close(done: () => void): void {
    this.#soon(done);
  }

  #soon(run: () => void): void {
    const { world } = this.process;
    world.at(world.now + world.random.between(0.05, 0.4), this.process, run);
  }
}
