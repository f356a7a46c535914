/**
 * Feeds the recorded inputs of a run to another version of its guest and compares the outputs: the
 * recorded guest is replayed and verified, the changed one runs beside it, input by input.
 * Synchronous and without I/O; whoever owns the log pushes its batches in order.
 */

import {
  asLsn,
  asMicros,
  type Batch,
  INTERRUPT,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type Micros,
  type MidTurnRecord,
} from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import { REFEED_AFTERMATH_MICROS } from '../base/limits.ts';
import { compareEnd } from '../machine/group-checks.ts';
import type { MachineDivergence, MachinePort, TurnsResult } from '../ports.ts';
import {
  ChangedGuest,
  type ChangedMachine,
  type ClockCut,
  type GuestExit,
  type OwnWaits,
} from './changed-guest.ts';
import { Comparison, type ComparisonTotals, type StreamFinding } from './comparison.ts';
import type { Divergence } from './divergence.ts';
import { addressText, type GuestListener, type Place } from './guest-state.ts';
import { Matching } from './matching.ts';
import { ObservedGuest } from './observed-guest.ts';
import type { UntakenInputs } from './untaken.ts';

export interface RefeedOptions {
  /** Machine with the recorded image, before its first turn. */
  readonly recorded: MachinePort;
  /** Machine with the changed image, before its first turn. */
  readonly replayed: ChangedMachine;
  readonly startedAt: Micros;
  /** Outgoing connections that have inputs anywhere in the log; see `countConnects`. */
  readonly connectsInLog: number;
  /** Text that does not count, see `maskPattern`. */
  readonly ignore: RegExp | undefined;
  /** Ticks one turn of the changed guest may use. */
  readonly turnTicksMax: number;
}

/** What differs that is no stream. */
export type OtherFinding = { readonly first: Place } & (
  | {
      readonly type: 'listen';
      /** Where each listens; undefined: not at all. */
      readonly recorded: string | undefined;
      readonly replayed: string | undefined;
    }
  | {
      readonly type: 'exit';
      /** How each ended; undefined: it still ran where the log ends. */
      readonly recorded: GuestExit | undefined;
      readonly replayed: GuestExit | undefined;
    }
  | { readonly type: 'unanswerable'; readonly what: string }
);

export type Finding = StreamFinding | OtherFinding;

export interface RefeedReport {
  readonly records: number;
  readonly lastLsn: Lsn;
  readonly turns: { readonly recorded: number; readonly replayed: number };
  /** In order of the first sign of each. Empty: the runs are equal. */
  readonly findings: readonly Finding[];
  /** Differing streams beyond the limit: counted in `totals`, not described. */
  readonly findingsDropped: number;
  readonly totals: ComparisonTotals;
  readonly untaken: readonly UntakenInputs[];
  /** All inputs without a taker, also those beyond the rows of `untaken`. */
  readonly untakenInputs: number;
  /** Inputs of the log after the changed guest's end. */
  readonly inputsAfterExit: number;
  /** The recorded run was stopped in the middle of a turn; the changed one was not. */
  readonly recordedStop: { readonly lsn: Lsn; readonly reason: string } | undefined;
  readonly turnLimitHit: boolean;
  readonly roundsCut: boolean;
}

interface Placed<R extends LogRecord = LogRecord> {
  readonly lsn: Lsn;
  readonly record: R;
}

const CONTEXT_RECORDS = 5;

export class Refeed {
  readonly #options: RefeedOptions;
  readonly #comparison: Comparison;
  readonly #recorded: ObservedGuest;
  readonly #replayed: ObservedGuest;
  readonly #matching: Matching;
  readonly #changed: ChangedGuest;
  #group: Placed[] = [];
  #before: Placed[] = [];
  #records = 0;
  #turns = 0;
  #lastLsn: Lsn = asLsn(0);
  #lastTime: Micros;
  /** Of the recorded guest after its last turn. */
  #result: TurnsResult | undefined;
  #exit: GuestExit | undefined;
  #stop: RefeedReport['recordedStop'];
  #checks = 0;
  /** Of either machine before its first turn: the firmware is the same. */
  readonly #ticksBooted: number;
  #inputsAfterExit = 0;
  #divergence: Divergence | undefined;

  constructor(options: RefeedOptions) {
    this.#options = options;
    this.#lastTime = options.startedAt;
    this.#ticksBooted = options.replayed.ticks;
    this.#comparison = new Comparison(options.ignore);
    this.#recorded = new ObservedGuest('recorded', this.#comparison);
    this.#replayed = new ObservedGuest('replayed', this.#comparison);
    const { connectsInLog, turnTicksMax } = options;
    this.#matching = new Matching(this.#recorded.state, this.#replayed.state, connectsInLog);
    const matching = this.#matching;
    this.#changed = new ChangedGuest(options.replayed, this.#replayed, { matching, turnTicksMax });
  }

  /** Set once the recorded guest itself does not do what the log says: nothing can be compared. */
  get divergence(): Divergence | undefined {
    return this.#divergence;
  }

  /** Runs what `batch` completes. False: the replay has diverged and takes nothing more. */
  push(batch: Batch): boolean {
    for (const [index, record] of batch.records.entries()) {
      if (this.#divergence !== undefined) return false;
      this.#records += 1;
      this.#lastLsn = asLsn(batch.firstLsn + index);
      this.#group.push({ lsn: this.#lastLsn, record });
      // Records of the middle of a turn may come at any place before their group's end.
      if (record.type === 'end') this.#runGroup();
    }
    return this.#divergence === undefined;
  }

  /** Runs the tail that no `end` closes, lets the changed guest come to its end, and reports. */
  finish(): RefeedReport {
    this.#runGroup();
    this.#changed.advance(asMicros(this.#lastTime + 1), this.#waits());
    this.#matching.logEnded();
    const alone = this.#exit !== undefined && this.#stop === undefined;
    const more = alone ? REFEED_AFTERMATH_MICROS : 1;
    this.#changed.advance(asMicros(this.#lastTime + more), this.#waits());
    const { findings, dropped, totals } = this.#comparison.finish();
    const all: readonly Finding[] = [...findings, ...this.#otherFindings()];
    return {
      records: this.#records,
      lastLsn: this.#lastLsn,
      turns: { recorded: this.#turns, replayed: this.#changed.turns },
      findings: [...all].sort((a, b) => a.first.lsn - b.first.lsn || a.first.time - b.first.time),
      findingsDropped: dropped,
      totals,
      untaken: this.#matching.untaken.rows,
      untakenInputs: this.#matching.untaken.inputs,
      inputsAfterExit: this.#inputsAfterExit,
      recordedStop: this.#stop,
      turnLimitHit: this.#changed.limitHit,
      roundsCut: this.#changed.roundsCut,
    };
  }

  #runGroup(): void {
    const group = this.#group;
    this.#group = [];
    const cuts = new Map<Lsn, MidTurnRecord[]>();
    for (const { record } of group) {
      const cut = midTurnOf(record);
      if (cut !== undefined) cuts.set(cut.turn, [...(cuts.get(cut.turn) ?? []), cut]);
    }
    for (const { lsn, record } of group)
      if (record.type === 'interrupt') this.#input({ lsn, record }, cuts.get(lsn) ?? []);
    const last = group.at(-1);
    if (last?.record.type === 'end' && this.#result !== undefined) {
      const divergence = compareEnd(last.lsn, last.record, this.#result.end);
      if (divergence !== undefined) this.#diverged(divergence, group);
      if (this.#result.immediatesLeft) this.#checks += 1;
      this.#changed.groupEnded();
    }
    this.#before = [...this.#before, ...group].slice(-CONTEXT_RECORDS);
  }

  #input(placed: Placed<InterruptRecord>, cuts: readonly MidTurnRecord[]): void {
    const { lsn, record } = placed;
    const place: Place = { lsn, time: record.time };
    this.#changed.advance(record.time, this.#waits());
    const ticks = this.#result?.end.ticks ?? this.#ticksBooted;
    const clockCuts = cuts.flatMap((cut) => clockCutOf(cut, ticks));
    this.#lastTime = asMicros(
      Math.max(this.#lastTime, record.time, ...clockCuts.map((c) => c.time)),
    );
    if (record.kind === INTERRUPT.check) this.#checks = Math.max(0, this.#checks - 1);
    if (this.#changed.exit !== undefined) this.#inputsAfterExit += 1;
    // The changed guest first: what a record means to it depends on what the other held before it.
    this.#changed.feed(record, place, clockCuts);
    this.#runRecorded(placed, place, cuts);
    if (record.kind === INTERRUPT.netAccept && !this.#replayed.state.connections.has(record.id))
      this.#comparison.gone('replayed', `accepted ${record.id}`);
  }

  #runRecorded({ lsn, record }: Placed, place: Place, cuts: readonly MidTurnRecord[]): void {
    if (record.type !== 'interrupt') return;
    this.#recorded.input(record, place);
    this.#turns += 1;
    this.#options.recorded.settle({ firstLsn: lsn, records: [record, ...cuts] }, (result) => {
      for (const { output } of result.outputs) this.#recorded.output(output, place);
      this.#result = result;
      if (result.halted !== undefined) this.#exit ??= { ...result.halted, place };
    });
    const stop = cuts.find((cut) => cut.type === 'stopAt');
    if (stop?.type === 'stopAt') this.#stop = { lsn, reason: stop.reason };
  }

  #waits(): OwnWaits {
    if (this.#exit !== undefined) return { alarmAt: undefined, checks: 0 };
    return { alarmAt: this.#result?.alarmAt, checks: this.#checks };
  }

  #diverged(divergence: MachineDivergence, group: readonly Placed[]): void {
    this.#divergence = {
      ...divergence,
      turns: group.flatMap(({ lsn, record }) =>
        record.type === 'interrupt' ? [{ lsn, record }] : [],
      ),
      around: [...this.#before, ...group],
      startedAt: this.#options.startedAt,
    };
  }

  #otherFindings(): readonly OtherFinding[] {
    const { moved, onlyRecorded, onlyReplayed } = this.#matching.pairs.differences();
    const listens: OtherFinding[] = [
      ...moved.map((pair) => listenFinding(pair.recorded, pair.replayed)),
      ...onlyRecorded.map((recorded) => listenFinding(recorded, undefined)),
      ...onlyReplayed.map((replayed) => listenFinding(undefined, replayed)),
    ];
    const unanswerable: OtherFinding[] = this.#matching.unanswerable.map(({ what, place }) => ({
      type: 'unanswerable',
      what,
      first: place,
    }));
    return [...this.#exitFinding(), ...listens, ...unanswerable];
  }

  #exitFinding(): OtherFinding[] {
    // An operator stopped the recorded run: how it would have ended is not known.
    const recorded = this.#stop === undefined ? this.#exit : undefined;
    const replayed = this.#changed.exit;
    if (recorded?.code === replayed?.code) return [];
    const first = earliest(recorded?.place, replayed?.place);
    return first === undefined ? [] : [{ type: 'exit', recorded, replayed, first }];
  }
}

/** Outgoing connections that records of `batch` tell of, as the highest of their order numbers. */
export function countConnects(batch: Batch): number {
  let most = 0;
  for (const record of batch.records) {
    if (record.type !== 'interrupt') continue;
    const { kind, id } = record;
    // The guest's own connections have the odd ids 1, 3, 5 …; listeners have theirs apart.
    const opens = kind === INTERRUPT.netConnected || kind === INTERRUPT.netClose;
    if (opens && id % 2 === 1) most = Math.max(most, (id + 1) / 2);
  }
  return most;
}

function midTurnOf(record: LogRecord): MidTurnRecord | undefined {
  switch (record.type) {
    case 'resync':
    case 'stopAt':
    case 'preempt':
      return record;
    case 'interrupt':
    case 'end':
    case 'output':
    case 'checkpoint':
    case 'view':
    case 'stop':
      return undefined;
    default:
      return unreachable(record);
  }
}

/** The clock goes on as recorded; a stop and a preemption belong to ticks of the other guest only. */
function clockCutOf(cut: MidTurnRecord, ticksBefore: number): ClockCut[] {
  switch (cut.type) {
    case 'resync':
      return [{ ticks: cut.ticks - ticksBefore, time: cut.time }];
    case 'stopAt':
    case 'preempt':
      return [];
    default:
      return unreachable(cut);
  }
}

function listenFinding(
  recorded: GuestListener | undefined,
  replayed: GuestListener | undefined,
): OtherFinding {
  const text = (one: GuestListener | undefined): string | undefined =>
    one === undefined ? undefined : addressText(one.host, one.port);
  const first = earliest(recorded?.asked, replayed?.asked) as Place;
  return { type: 'listen', recorded: text(recorded), replayed: text(replayed), first };
}

function earliest(left: Place | undefined, right: Place | undefined): Place | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return right.lsn < left.lsn || (right.lsn === left.lsn && right.time < left.time) ? right : left;
}
