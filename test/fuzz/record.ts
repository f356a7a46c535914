/** Runs a program live under a schedule and keeps what a log would hold, and every turn's answer. */

import { LocalMachine } from '../../hypervisor/machine/local-machine.ts';
import type { Machine } from '../../hypervisor/machine/machine.ts';
import type { HostInterrupt, ReplayGroup, TurnsResult } from '../../hypervisor/ports.ts';
import type { Side } from '../../hypervisor/timeline/compare-runs.ts';
import { asMicros, INTERRUPT } from '../../log-format/index.ts';
import { TEST_CONFIG, TEST_HEADER } from '../support/guest-runner.ts';
import { type Built, extent } from './machines.ts';
import {
  asLsn,
  endOf,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type MidTurnRecord,
  resyncAt,
  stamped,
  stopAt,
} from './records.ts';
import type { Schedule } from './schedule.ts';
import { World } from './world.ts';

/** Rounds of a program that never runs out of things to do. */
const ROUNDS_MAX = 60;
/** Ticks after which any turn of a fuzzed program is stopped. */
const TURN_TICKS_MAX = 400_000;

export interface Recording {
  readonly groups: readonly ReplayGroup[];
  /** Answers by the lsn of the turn. */
  readonly answers: ReadonlyMap<Lsn, TurnsResult>;
  readonly built: Built;
  readonly midTurns: number;
}

/** The recorded run as one side of a comparison. */
export function recordedSide({ answers, built }: Recording): Side {
  return {
    name: 'recorded',
    settle: ({ firstLsn }, done) => {
      const answer = answers.get(firstLsn);
      if (answer === undefined) throw new Error(`no turn was recorded at lsn ${firstLsn}`);
      done(answer);
    },
    memory: () => extent(built),
  };
}

export function record(built: Built, schedule: Schedule): Recording {
  return new Recorder(built, schedule).run();
}

class Recorder {
  readonly #built: Built;
  readonly #schedule: Schedule;
  readonly #world = new World();
  readonly #port: LocalMachine;
  readonly #groups: ReplayGroup[] = [];
  readonly #answers = new Map<Lsn, TurnsResult>();
  #lsn = 0;
  #time: number = TEST_HEADER.startedAt;
  #turns = 0;
  #polls = 0;
  #midTurns = 0;

  constructor(built: Built, schedule: Schedule) {
    this.#built = built;
    this.#schedule = schedule;
    this.#port = new LocalMachine(built.machine, {
      wall: () => asMicros(Math.ceil(this.#machine.now) + this.#lag()),
      stopRequested: () =>
        this.#polls > (schedule.stopAtPoll ?? Number.POSITIVE_INFINITY)
          ? { code: 143, reason: 'the schedule says so' }
          : undefined,
    });
  }

  get #machine(): Machine {
    return this.#built.machine;
  }

  run(): Recording {
    const payload = new TextEncoder().encode(JSON.stringify(TEST_CONFIG));
    this.#group([{ kind: INTERRUPT.boot, id: 0, num: 0, payload }], 1000);
    const steps = [...this.#schedule.steps];
    for (let round = 0; round < ROUNDS_MAX && this.#machine.halted === undefined; round++) {
      const step = steps.shift();
      if (step === undefined && !this.#world.busy) break;
      const wanted: HostInterrupt[] = [];
      const first = step && this.#world.act(step);
      if (first !== undefined) wanted.push(first);
      while (step !== undefined && wanted.length < step.group && steps.length > 0) {
        const next = steps.shift();
        const more = next && this.#world.act(next);
        if (more !== undefined) wanted.push(more);
      }
      if (this.#world.busy && (wanted.length === 0 || step?.action === 0))
        wanted.push(this.#world.due());
      if (wanted.length > 0) this.#group(wanted, step?.afterMicros ?? 0);
    }
    const { built } = { built: this.#built };
    return { groups: this.#groups, answers: this.#answers, built, midTurns: this.#midTurns };
  }

  /** Logs the interrupts, runs their turns one by one and closes the group. */
  #group(interrupts: readonly HostInterrupt[], afterMicros: number): void {
    const alarm = interrupts.some(({ kind }) => kind === INTERRUPT.alarm);
    const earliest = Math.max(this.#time + afterMicros, Math.ceil(this.#machine.now));
    this.#time = Math.max(earliest, alarm ? Math.ceil(this.#world.alarmAt ?? 0) : 0);
    const records: LogRecord[] = interrupts.map((one) => stamped(one, this.#time));
    const firstLsn = asLsn(this.#lsn + 1);
    this.#lsn += records.length;
    const log = (one: MidTurnRecord): Lsn => {
      records.push(one);
      this.#midTurns += 1;
      if (one.type === 'resync') this.#time = Math.max(this.#time, one.time);
      return asLsn(++this.#lsn);
    };
    let last: TurnsResult | undefined;
    for (const index of interrupts.keys()) {
      const lsn = asLsn(firstLsn + index);
      last = this.#turn(lsn, records[index] as InterruptRecord, log);
      this.#answers.set(lsn, last);
    }
    if (last === undefined) throw new Error('a group has a turn');
    records.push(endOf(last));
    this.#lsn += 1;
    this.#groups.push({ firstLsn, records });
    for (const index of interrupts.keys()) {
      const answer = this.#answers.get(asLsn(firstLsn + index));
      if (answer !== undefined) this.#world.hear(answer);
    }
  }

  #turn(lsn: Lsn, one: InterruptRecord, log: (record: MidTurnRecord) => Lsn): TurnsResult {
    const number = this.#turns++;
    if (this.#schedule.live === 'host') {
      let result: TurnsResult | undefined;
      this.#port.run([{ lsn, record: one }], log, (given) => {
        result = given;
      });
      if (result === undefined) throw new Error('a machine answers before it returns');
      return result;
    }
    this.#machine.turn(one, lsn, this.#cuts(lsn, number, log));
    return this.#machine.collect();
  }

  #lag(): number {
    this.#polls += 1;
    const { lags } = this.#schedule;
    return lags[this.#polls % lags.length] ?? 0;
  }

  /** Mid-turn records at the scheduled ticks of this turn; a runaway one is stopped. */
  #cuts(
    turn: Lsn,
    number: number,
    log: (record: MidTurnRecord) => Lsn,
  ): Parameters<Machine['turn']>[2] {
    const from = this.#machine.ticks;
    const cuts = this.#schedule.cuts
      .filter((cut) => cut.turn === number)
      .map(({ ticks, forward }) => ({ at: from + ticks, forward }));
    cuts.push({ at: from + TURN_TICKS_MAX, forward: undefined });
    cuts.sort((a, b) => a.at - b.at);
    return {
      nextTicks: () => cuts[0]?.at ?? Number.POSITIVE_INFINITY,
      poll: (ticks) => {
        while (cuts[0] !== undefined && cuts[0].at < ticks) cuts.shift();
        const [cut] = cuts;
        if (cut?.at !== ticks) return undefined;
        cuts.shift();
        const time = Math.ceil(this.#machine.now) + (cut.forward ?? 0);
        const made =
          cut.forward === undefined ? stopAt(turn, ticks, 9) : resyncAt(turn, ticks, time);
        return { record: made, lsn: log(made) };
      },
    };
  }
}
