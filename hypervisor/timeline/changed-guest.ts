/**
 * The changed guest of a refeed: gets what is recorded of the world, and is driven otherwise by
 * itself. Its alarms ring when they are due, its immediates go round, and what no record answers is
 * answered as `Matching` says.
 */

import {
  asMicros,
  asTicks,
  INTERRUPT,
  type InterruptRecord,
  type Lsn,
  type Micros,
} from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { REFEED_ALARM_MICROS, REFEED_ROUND_MICROS, REFEED_ROUNDS_MAX } from '../base/limits.ts';
import type { MidTurnSource } from '../machine/cpu.ts';
import type { Machine } from '../machine/machine.ts';
import type { HostInterrupt } from '../ports.ts';
import type { Place } from './guest-state.ts';
import type { Matching } from './matching.ts';
import type { ObservedGuest } from './observed-guest.ts';

/** A clock correction in the middle of a turn, `ticks` counted from the turn's start. */
export interface ClockCut {
  readonly ticks: number;
  readonly time: Micros;
}

/** What the recorded guest is waiting for of its own: the log will bring it. */
export interface OwnWaits {
  readonly alarmAt: Micros | undefined;
  /** Rounds of immediates that are due. */
  readonly checks: number;
}

export interface GuestExit {
  readonly code: number;
  readonly reason: string;
  readonly place: Place;
}

export type ChangedMachine = Pick<Machine, 'turn' | 'collect' | 'ticks' | 'now'>;

/** Exit status of a guest stopped by the tick limit; as hv's own status for limits. */
const TURN_LIMIT_CODE = 124;

export class ChangedGuest {
  readonly #machine: ChangedMachine;
  readonly #observed: ObservedGuest;
  readonly #matching: Matching;
  readonly #turnTicksMax: number;
  #queue: HostInterrupt[] = [];
  #alarmAt: Micros | undefined;
  #immediatesLeft = false;
  #checks = 0;
  #last: Micros = asMicros(0);
  #lsn: Lsn | undefined;
  #turns = 0;
  #exit: GuestExit | undefined;
  #limitHit = false;
  #roundsCut = false;

  constructor(
    machine: ChangedMachine,
    observed: ObservedGuest,
    options: { readonly matching: Matching; readonly turnTicksMax: number },
  ) {
    this.#machine = machine;
    this.#observed = observed;
    this.#matching = options.matching;
    this.#turnTicksMax = options.turnTicksMax;
  }

  get exit(): GuestExit | undefined {
    return this.#exit;
  }

  get turns(): number {
    return this.#turns;
  }

  /** It was stopped because one turn took too many ticks. */
  get limitHit(): boolean {
    return this.#limitHit;
  }

  /** It went round its immediates so often that the log had to go on without waiting. */
  get roundsCut(): boolean {
    return this.#roundsCut;
  }

  /**
   * Runs what is due before an input at `until`. What `waits` holds as well is left to the log: a
   * recorded alarm or round comes at its recorded time.
   */
  advance(until: Micros, waits: OwnWaits): void {
    if (this.#lsn === undefined) return;
    for (let rounds = 0; this.#exit === undefined; ) {
      if (this.#queue.length === 0) this.#queue = this.#matching.answers(this.#last);
      const roundDue = this.#queue.length > 0 || this.#roundDue(waits);
      if (roundDue && rounds >= REFEED_ROUNDS_MAX) this.#roundsCut = true;
      else if (roundDue && (rounds === 0 || this.#last < until)) {
        rounds += 1;
        this.#round();
        continue;
      }
      if (!this.#skipTo(until, waits)) return;
    }
  }

  /** Gives it one input of the log, or nothing when it has no use for it. */
  feed(record: InterruptRecord, place: Place, cuts: readonly ClockCut[]): void {
    this.#lsn = place.lsn;
    if (this.#exit !== undefined) return;
    const input = this.#wanted(record, place);
    if (input === undefined) return;
    // Its own clock may be later already: as on a primary it never runs back.
    this.#turn(input, record.time, cuts);
  }

  /** The recorded group is over: as on a primary, immediates left are a round to come. */
  groupEnded(): void {
    if (this.#immediatesLeft) this.#checks += 1;
  }

  #wanted(record: InterruptRecord, place: Place): HostInterrupt | undefined {
    if (record.kind === INTERRUPT.alarm)
      return this.#alarmAt !== undefined && this.#alarmAt <= record.time ? record : undefined;
    if (record.kind === INTERRUPT.check) {
      if (this.#checks === 0) return undefined;
      this.#checks -= 1;
      return record;
    }
    return this.#matching.translate(record, place);
  }

  #roundDue({ checks }: OwnWaits): boolean {
    if (!this.#immediatesLeft) this.#checks = Math.min(this.#checks, checks);
    return this.#checks > checks;
  }

  /** Answers first, then one round of immediates. */
  #round(): void {
    const queue = this.#queue;
    this.#queue = [];
    const time = asMicros(this.#last + REFEED_ROUND_MICROS);
    if (queue.length === 0) {
      this.#checks -= 1;
      this.#turn({ kind: INTERRUPT.check, id: 0, num: 0, payload: undefined }, time, []);
    }
    for (const interrupt of queue) this.#turn(interrupt, time, []);
    if (this.#immediatesLeft) this.#checks = Math.max(this.#checks, 1);
  }

  /** Rings the alarm, or lets time pass until a connect is refused. False: nothing is due. */
  #skipTo(until: Micros, waits: OwnWaits): boolean {
    const alarmAt = this.#alarmAt;
    const refusalAt = this.#matching.refusalAt;
    const rings = alarmAt !== undefined && alarmAt < until && !sameAlarm(alarmAt, waits.alarmAt);
    if (refusalAt !== undefined && refusalAt < until && !(rings && alarmAt < refusalAt)) {
      // Already past: the queue is waiting for the time after `until`.
      if (this.#last >= refusalAt) return false;
      this.#last = refusalAt;
      return true;
    }
    if (!rings) return false;
    const alarm = { kind: INTERRUPT.alarm, id: 0, num: 0, payload: undefined };
    this.#turn(alarm, asMicros(Math.max(this.#last, alarmAt)), []);
    if (this.#immediatesLeft) this.#checks = Math.max(this.#checks, 1);
    return true;
  }

  #turn(interrupt: HostInterrupt, time: Micros, cuts: readonly ClockCut[]): void {
    const lsn = this.#lsn;
    if (this.#exit !== undefined || lsn === undefined) return;
    const { kind, id, num, payload } = interrupt;
    const place: Place = { lsn, time };
    this.#turns += 1;
    this.#observed.input({ kind, id, num, payload, time }, place);
    const record: InterruptRecord = { type: 'interrupt', kind, time, id, num, payload };
    this.#machine.turn(record, lsn, this.#source(lsn, cuts));
    this.#last = asMicros(Math.max(this.#last, time, Math.ceil(this.#machine.now)));
    const result = this.#machine.collect();
    for (const { output } of result.outputs) {
      this.#observed.output(output, place);
      this.#matching.noteOutput(output);
    }
    this.#alarmAt = result.alarmAt;
    this.#immediatesLeft = result.immediatesLeft;
    if (result.halted !== undefined) this.#exit = { ...result.halted, place };
  }

  /** Recorded clock corrections at the same distance from the turn's start, and the tick limit. */
  #source(turn: Lsn, cuts: readonly ClockCut[]): MidTurnSource {
    const start = this.#machine.ticks;
    const limit = start + this.#turnTicksMax;
    let next = 0;
    const due = (): number => {
      const cut = cuts[next];
      return cut === undefined ? limit : Math.min(limit, start + cut.ticks);
    };
    return {
      nextTicks: due,
      poll: (ticks) => {
        if (ticks < due()) return undefined;
        if (ticks >= limit) {
          this.#limitHit = true;
          const reason = `one turn used ${this.#turnTicksMax} ticks (--turn-ticks)`;
          const code = TURN_LIMIT_CODE;
          return {
            lsn: turn,
            record: { type: 'stopAt', turn, ticks: asTicks(ticks), code, reason },
          };
        }
        const { time } = defined(cuts[next], 'a due clock correction exists');
        next += 1;
        return { lsn: turn, record: { type: 'resync', turn, ticks: asTicks(ticks), time } };
      },
    };
  }
}

function sameAlarm(own: Micros, recorded: Micros | undefined): boolean {
  return recorded !== undefined && Math.abs(own - recorded) < REFEED_ALARM_MICROS;
}
