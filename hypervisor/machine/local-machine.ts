/**
 * The machine behind its port, in the caller's own thread: runs turns live, replays recorded groups
 * and settles the tail of a dead primary. What is nondeterministic about a live turn (how late the
 * host's clock is, whether somebody wants the guest stopped) arrives through `LiveWorld`.
 */

import {
  asLsn,
  asMicros,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type Micros,
  type MidTurnRecord,
  type PendingCommit,
  type Ticks,
} from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import {
  MID_TURN_TICKS_MAX,
  PREEMPT_RETRY_TICKS,
  RESYNC_LAG_MICROS,
  SLICE_TICKS_MAX,
} from '../base/limits.ts';
import type {
  CheckpointFigures,
  HeldOutput,
  MachineDivergence,
  MachinePort,
  NetTable,
  ReplayGroup,
  TurnsResult,
} from '../ports.ts';
import type { MidTurnSource } from './cpu.ts';
import { compareGroup } from './group-checks.ts';
import type { Machine } from './machine.ts';
import { packChecks } from './tally.ts';

/** What a live turn may ask of the world, at interrupt polls only. */
export interface LiveWorld {
  /** Wall clock of the host, microseconds. */
  wall(): Micros;
  /** Somebody wants the guest stopped now. */
  stopRequested(): { readonly code: number; readonly reason: string } | undefined;
  /** The machine begins the turn of this lsn; 0: it has nothing to do. For the watchdog. */
  busy?(lsn: number): void;
}

const NOTHING: MidTurnSource = {
  nextTicks: () => Number.POSITIVE_INFINITY,
  poll: () => undefined,
};

export class LocalMachine implements MachinePort {
  readonly machine: Machine;
  readonly #world: LiveWorld;
  readonly #onReplayed: ((turn: Lsn, result: TurnsResult) => void) | undefined;

  /**
   * `onReplayed` hears of every recorded turn once it has run, and what it alone produced, before the
   * group it belongs to is checked.
   */
  constructor(
    machine: Machine,
    world: LiveWorld,
    onReplayed?: (turn: Lsn, result: TurnsResult) => void,
  ) {
    this.machine = machine;
    this.#world = world;
    this.#onReplayed = onReplayed;
  }

  run(
    turns: readonly { readonly lsn: Lsn; readonly record: InterruptRecord }[],
    onMidTurn: (record: MidTurnRecord) => Lsn,
    done: (result: TurnsResult) => void,
  ): void {
    for (const { lsn, record } of turns) {
      this.#world.busy?.(lsn);
      this.machine.turn(record, lsn, this.#live(lsn, onMidTurn));
    }
    this.#world.busy?.(0);
    done(this.machine.collect());
  }

  replay(
    group: ReplayGroup,
    done: (result: TurnsResult, divergence: MachineDivergence | undefined) => void,
  ): void {
    const result = this.#runRecorded(group);
    done(
      result,
      compareGroup(group, result, () => this.machine.figures()),
    );
  }

  settle(
    group: ReplayGroup,
    done: (result: TurnsResult) => void,
    onMidTurn?: (record: MidTurnRecord) => Lsn,
  ): void {
    done(this.#runRecorded(group, onMidTurn));
  }

  netTable(): NetTable {
    return this.machine.netTable();
  }

  pendingCommits(): readonly PendingCommit[] {
    return this.machine.pendingCommits;
  }

  figures(): CheckpointFigures {
    return this.machine.figures();
  }

  #runRecorded(group: ReplayGroup, onMidTurn?: (record: MidTurnRecord) => Lsn): TurnsResult {
    const cuts = midTurnsByTurn(group);
    const lastCut = Math.max(0, ...cuts.keys());
    const outputs: HeldOutput[] = [];
    const checks: number[] = [];
    for (const [index, record] of group.records.entries()) {
      if (record.type !== 'interrupt') continue;
      const lsn = asLsn(group.firstLsn + index);
      const waiting = cuts.get(lsn);
      this.#world.busy?.(lsn);
      const recorded = waiting === undefined ? NOTHING : recordedSource(waiting);
      // A turn before one that was cut came to its end as it was recorded.
      const open = onMidTurn !== undefined && lsn >= lastCut;
      const source = open
        ? this.#settling(recorded, waiting, this.#live(lsn, onMidTurn))
        : recorded;
      const hadEnded = this.machine.halted !== undefined;
      this.machine.turn(record, lsn, source);
      // A record whose tick was never reached means this machine took another path: say so at the
      // end record, where the figures differ, and not here.
      if (this.#onReplayed === undefined) continue;
      const result = this.machine.collect();
      for (const output of result.outputs) outputs.push(output);
      if (!hadEnded) checks.push(result.end.digest & 0xffff);
      this.#onReplayed(lsn, result);
    }
    this.#world.busy?.(0);
    const result = this.machine.collect();
    if (this.#onReplayed === undefined) return result;
    return { ...result, outputs, end: { ...result.end, checks: packChecks(checks) } };
  }

  /** As recorded, and live from where the recording primary must have logged something more. */
  #settling(
    recorded: MidTurnSource,
    waiting: readonly Cut[] | undefined,
    live: MidTurnSource,
  ): MidTurnSource {
    const last = waiting?.at(-1)?.record.ticks ?? this.machine.ticks;
    const from = last + MID_TURN_TICKS_MAX;
    let isLive = false;
    return {
      nextTicks: () => (isLive ? live.nextTicks() : Math.min(recorded.nextTicks(), from)),
      poll: (ticks) => {
        isLive ||= ticks >= from;
        return isLive ? live.poll(ticks) : recorded.poll(ticks);
      },
    };
  }

  #live(turn: Lsn, onMidTurn: (record: MidTurnRecord) => Lsn): MidTurnSource {
    const world = this.#world;
    let quietTicks = this.machine.ticks + MID_TURN_TICKS_MAX;
    const log = (record: MidTurnRecord): { record: MidTurnRecord; lsn: Lsn } => {
      quietTicks = record.ticks + MID_TURN_TICKS_MAX;
      return { record, lsn: onMidTurn(record) };
    };
    const preemption = new Preemption();
    return {
      nextTicks: () => Math.min(quietTicks, preemption.nextTicks(this.machine.preemptAt)),
      poll: (ticks: Ticks) => {
        const stop = world.stopRequested();
        if (stop !== undefined) return log({ type: 'stopAt', turn, ticks, ...stop });
        // A wall clock that was set back must not take the log's times back.
        const time = asMicros(Math.max(world.wall(), Math.ceil(this.machine.now)));
        if (preemption.due(this.machine.preemptAt, time, ticks))
          return log({ type: 'preempt', turn, ticks, time });
        if (ticks < quietTicks && time - this.machine.now < RESYNC_LAG_MICROS) return undefined;
        return log({ type: 'resync', turn, ticks, time });
      },
    };
  }
}

/** For each turn of a recorded group, what it takes in its middle. A source serves one run. */
export function recordedSources(group: ReplayGroup): (turn: Lsn) => MidTurnSource {
  const cuts = midTurnsByTurn(group);
  return (turn) => {
    const waiting = cuts.get(turn);
    return waiting === undefined ? NOTHING : recordedSource(waiting);
  };
}

/** When to preempt within one turn. A guest that cannot take it now is asked again, ever less often. */
class Preemption {
  #triedAt: number | undefined;
  #retryTicks = 0;
  #pauseTicks = 0;

  /** `at`: when the guest wants it; unchanged after a try that came at a bad moment. */
  due(at: number | undefined, time: Micros, ticks: Ticks): boolean {
    if (at === undefined || time < at) return false;
    if (at !== this.#triedAt) this.#pauseTicks = PREEMPT_RETRY_TICKS;
    else if (ticks < this.#retryTicks) return false;
    else this.#pauseTicks = Math.min(this.#pauseTicks * 2, SLICE_TICKS_MAX);
    this.#triedAt = at;
    this.#retryTicks = ticks + this.#pauseTicks;
    return true;
  }

  nextTicks(at: number | undefined): number {
    return at !== undefined && at === this.#triedAt ? this.#retryTicks : Number.POSITIVE_INFINITY;
  }
}

type Cut = { readonly record: MidTurnRecord; readonly lsn: Lsn };

function midTurnsByTurn(group: ReplayGroup): Map<Lsn, Cut[]> {
  const cuts = new Map<Lsn, Cut[]>();
  for (const [index, record] of group.records.entries()) {
    if (!isMidTurn(record)) continue;
    const cut = { record, lsn: asLsn(group.firstLsn + index) };
    const list = cuts.get(record.turn);
    if (list === undefined) cuts.set(record.turn, [cut]);
    else list.push(cut);
  }
  return cuts;
}

function isMidTurn(record: LogRecord): record is MidTurnRecord {
  return record.type === 'resync' || record.type === 'stopAt' || record.type === 'preempt';
}

function recordedSource(cuts: readonly Cut[]): MidTurnSource {
  let next = 0;
  return {
    nextTicks: () => cuts[next]?.record.ticks ?? Number.POSITIVE_INFINITY,
    poll: (ticks) => {
      if (cuts[next]?.record.ticks !== ticks) return undefined;
      return defined(cuts[next++], 'a due mid-turn record exists');
    },
  };
}
