/**
 * What a replica counts while it works, as plain numbers in memory that another thread may read at any
 * time, also while the guest computes. Whoever works calls the hooks; whoever is asked reads. Nothing
 * here decides anything: a replica without a reader runs the same.
 *
 * Times are milliseconds of the caller's monotonic clock.
 */

import { INTERRUPT, type LogRecord, type Lsn } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { Distribution, SECONDS_BOUNDS, TICKS_BOUNDS } from './distribution.ts';
import { Marks } from './marks.ts';

/** Every kind of record that is counted: those of interrupts, then the other types. */
export const RECORD_KINDS: readonly string[] = [
  ...Object.keys(INTERRUPT),
  ...['resync', 'stopAt', 'preempt', 'end', 'output', 'checkpoint', 'view', 'stop'],
];

const KIND_OF_INTERRUPT: readonly number[] = interruptKinds();
const KIND_OF_TYPE: ReadonlyMap<string, number> = new Map(
  RECORD_KINDS.map((name, index) => [name, index]),
);

/** Single figures and their words. Literals: a look-up by name would cost more than the counting. */
const AT = {
  lsnAppended: 0,
  lsnSent: 1,
  lsnAcked: 2,
  lsnReplayed: 3,
  lsnReleased: 4,
  lsnDurable: 5,
  /** When the oldest record that is behind was written, by the writer's clock; 0: none is behind. */
  behindSince: 6,
  behindBytes: 7,
  rawBytes: 8,
  wireBytes: 9,
  diskBytes: 10,
  segments: 11,
  heldCount: 12,
  heldBytes: 13,
  heldSince: 14,
  released: 15,
  suppressed: 16,
  turns: 17,
  ticks: 18,
  replayedRecords: 19,
  replayedMs: 20,
  /** First and newest time of the guest that was replayed, in microseconds. */
  replayedFrom: 21,
  replayedTo: 22,
  stoppedMs: 23,
  /** Since when input is stopped; 0: it is not. */
  stoppedSince: 24,
  /** Of the writer's clock, on that of the whole process: see `host/meters-clock.ts`. */
  origin: 25,
} as const;
export type FigureName = keyof typeof AT;

const KINDS_AT: number = Object.keys(AT).length;

/** What is true of one copy of a log only. */
const COPY_FIGURES: readonly FigureName[] = [
  ...(['lsnAppended', 'lsnReplayed', 'ticks', 'turns'] as const),
  ...(['replayedRecords', 'replayedMs', 'replayedFrom', 'replayedTo'] as const),
];

const SECONDS_WORDS = Distribution.wordsFor(SECONDS_BOUNDS);
const DISTRIBUTIONS_AT = KINDS_AT + RECORD_KINDS.length;
const TICKS_AT = DISTRIBUTIONS_AT + 4 * SECONDS_WORDS;
export const METER_WORDS: number = TICKS_AT + Distribution.wordsFor(TICKS_BOUNDS);

export class Meters {
  /** How long outputs were held, by output; observed when the last one of a group leaves. */
  readonly hold: Distribution;
  /** From a batch's way to the backups until all of them whose acks are needed have it. */
  readonly ack: Distribution;
  /** One turn, as its group's time divided by its turns. */
  readonly turn: Distribution;
  readonly turnTicks: Distribution;
  /** One sync of the log's file. */
  readonly sync: Distribution;
  readonly #words: Float64Array;
  /** Batches that are not everywhere yet: not acked on a primary, not replayed on a backup. */
  readonly #behind = new Marks();
  readonly #held = new Marks();
  readonly #ackTook = (ms: number): void => this.ack.observe(ms / 1000);
  readonly #holdTook = (ms: number, count: number): void => this.hold.observe(ms / 1000, count);

  /** `words` (METER_WORDS of them, zero) may be shared; only one thread may call hooks. */
  constructor(words: Float64Array = new Float64Array(METER_WORDS)) {
    assert(words.length === METER_WORDS, 'meters have their number of words');
    this.#words = words;
    const seconds = (index: number): Distribution => {
      const at = DISTRIBUTIONS_AT + index * SECONDS_WORDS;
      return new Distribution(SECONDS_BOUNDS, words.subarray(at, at + SECONDS_WORDS));
    };
    this.hold = seconds(0);
    this.ack = seconds(1);
    this.turn = seconds(2);
    this.sync = seconds(3);
    this.turnTicks = new Distribution(TICKS_BOUNDS, words.subarray(TICKS_AT));
  }

  figure(name: FigureName): number {
    return this.#words[AT[name]] as number;
  }

  /** Records so far by kind, those that were never seen left out. */
  records(): ReadonlyMap<string, number> {
    const found = RECORD_KINDS.map((name, index): [string, number] => [
      name,
      this.#words[KINDS_AT + index] as number,
    ]);
    return new Map(found.filter(([, count]) => count > 0));
  }

  /** A record enters the log. */
  recorded(record: LogRecord): void {
    let kind: number | undefined;
    if (record.type === 'interrupt') {
      kind = KIND_OF_INTERRUPT[record.kind];
      this.#add(AT.rawBytes, record.payload?.length ?? 0);
    } else kind = KIND_OF_TYPE.get(record.type);
    if (kind === undefined) return;
    const at = KINDS_AT + kind;
    this.#words[at] = (this.#words[at] as number) + 1;
  }

  /** Where the clock of whoever calls the hooks has its zero. */
  setOrigin(ms: number): void {
    this.#set(AT.origin, ms);
  }

  /** A copy of a log begins, in place of the one before. */
  begun(now: number): void {
    this.#behind.settle(Number.POSITIVE_INFINITY, now, undefined);
    this.#behindChanged();
    for (const name of COPY_FIGURES) this.#set(AT[name], 0);
  }

  /** A batch was appended here and is on its way to every backup; on a backup: it has come. */
  shipped(now: number, lsn: Lsn, bytes: number): void {
    this.#set(AT.lsnAppended, lsn);
    this.#behind.pass(lsn, now, 1, bytes);
    this.#behindChanged();
  }

  /** Bytes were handed to the link of one backup. */
  sent(lsn: Lsn | undefined, bytes: number): void {
    if (lsn !== undefined && lsn > this.#get(AT.lsnSent)) this.#set(AT.lsnSent, lsn);
    this.#add(AT.wireBytes, bytes);
  }

  /** All `backups` that outputs wait for have the log up to `lsn`. With none no wait is measured. */
  settled(now: number, lsn: Lsn, backups: number): void {
    if (backups > 0) this.#set(AT.lsnAcked, lsn);
    this.#behind.settle(lsn, now, backups > 0 ? this.#ackTook : undefined);
    this.#behindChanged();
  }

  /** A group of turns has run live. `ticks` since the guest's boot. */
  ran(turns: number, runMs: number, ticks: number): void {
    const before = this.#get(AT.ticks);
    this.#set(AT.ticks, ticks);
    if (turns === 0) return;
    this.#add(AT.turns, turns);
    this.turn.observe(runMs / 1000 / turns, turns);
    // The figures of an earlier life are no turn's.
    if (before > 0) this.turnTicks.observe((ticks - before) / turns, turns);
  }

  /** Outputs up to `lsn` wait in the gate. */
  held(now: number, lsn: Lsn, count: number, bytes: number): void {
    if (count === 0) return;
    this.#held.pass(lsn, now, count, bytes);
    this.#heldChanged();
  }

  /** `count` outputs have left, the last one of `lsn`. */
  released(now: number, lsn: Lsn, count: number): void {
    this.#add(AT.released, count);
    this.#set(AT.lsnReleased, lsn);
    this.#held.settle(lsn, now, this.#holdTook);
    this.#heldChanged();
  }

  /** A backup has replayed up to `lsn`: `outputs` stay here. */
  replayed(now: number, lsn: Lsn, done: ReplayedGroup): void {
    this.#set(AT.lsnReplayed, lsn);
    this.#add(AT.suppressed, done.outputs);
    this.#add(AT.replayedRecords, done.records);
    this.#add(AT.replayedMs, done.ms);
    if (this.#get(AT.replayedFrom) === 0) this.#set(AT.replayedFrom, done.time);
    this.#set(AT.replayedTo, done.time);
    this.ran(done.turns, done.ms, done.ticks);
    this.#behind.settle(lsn, now, undefined);
    this.#behindChanged();
  }

  /** A backup needs no machine for what is left up to `lsn`: it has been run before, or is control records. */
  passed(now: number, lsn: Lsn): void {
    this.#set(AT.lsnReplayed, lsn);
    if (lsn > this.#get(AT.lsnAppended)) this.#set(AT.lsnAppended, lsn);
    this.#behind.settle(lsn, now, undefined);
    this.#behindChanged();
  }

  /** Input is stopped because a window is full, or goes on. */
  stopped(now: number, on: boolean): void {
    const since = this.#get(AT.stoppedSince);
    if (since !== 0) this.#add(AT.stoppedMs, now - since);
    this.#set(AT.stoppedSince, on ? now : 0);
  }

  /** The log's file of number `segment` has `bytes` more. */
  wrote(bytes: number, segment: number): void {
    this.#add(AT.diskBytes, bytes);
    this.#set(AT.segments, segment);
  }

  /** The log is on disk up to `lsn`. */
  synced(lsn: Lsn, ms: number): void {
    this.#set(AT.lsnDurable, lsn);
    this.sync.observe(ms / 1000);
  }

  #behindChanged(): void {
    this.#set(AT.behindSince, this.#behind.since);
    this.#set(AT.behindBytes, this.#behind.bytes);
  }

  #heldChanged(): void {
    this.#set(AT.heldCount, this.#held.count);
    this.#set(AT.heldBytes, this.#held.bytes);
    this.#set(AT.heldSince, this.#held.since);
  }

  #get(at: number): number {
    return this.#words[at] as number;
  }

  #set(at: number, value: number): void {
    this.#words[at] = value;
  }

  #add(at: number, value: number): void {
    this.#words[at] = (this.#words[at] as number) + value;
  }
}

/** One group as a backup has replayed it. */
export interface ReplayedGroup {
  readonly records: number;
  readonly turns: number;
  readonly outputs: number;
  readonly ms: number;
  /** Since the guest's boot. */
  readonly ticks: number;
  /** Of the guest, in microseconds. */
  readonly time: number;
}

function interruptKinds(): readonly number[] {
  const kinds: number[] = [];
  for (const [index, id] of Object.values(INTERRUPT).entries()) kinds[id] = index;
  return kinds;
}
