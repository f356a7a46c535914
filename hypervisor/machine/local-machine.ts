/**
 * The machine behind its port, in the caller's own thread: runs turns live, replays recorded groups
 * and settles the tail of a dead primary. What is nondeterministic about a live turn (how late the
 * host's clock is, whether somebody wants the guest stopped) arrives through `LiveWorld`.
 */

import {
  asLsn,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type Micros,
  type MidTurnRecord,
  type Ticks,
} from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { RESYNC_LAG_MICROS } from '../base/limits.ts';
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
  /** Ticks one turn may use; Infinity for no limit. */
  readonly turnTicksMax: number;
}

/** Exit status of a guest stopped by its own tick limit; as hv's own status for limits. */
const TURN_LIMIT_CODE = 124;

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
    for (const { lsn, record } of turns) this.machine.turn(record, lsn, this.#live(lsn, onMidTurn));
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

  settle(group: ReplayGroup, done: (result: TurnsResult) => void): void {
    done(this.#runRecorded(group));
  }

  netTable(): NetTable {
    return this.machine.netTable();
  }

  figures(): CheckpointFigures {
    return this.machine.figures();
  }

  #runRecorded(group: ReplayGroup): TurnsResult {
    const sourceOf = recordedSources(group);
    const outputs: HeldOutput[] = [];
    const checks: number[] = [];
    for (const [index, record] of group.records.entries()) {
      if (record.type !== 'interrupt') continue;
      const lsn = asLsn(group.firstLsn + index);
      const hadEnded = this.machine.halted !== undefined;
      this.machine.turn(record, lsn, sourceOf(lsn));
      // A record whose tick was never reached means this machine took another path: say so at the
      // end record, where the figures differ, and not here.
      if (this.#onReplayed === undefined) continue;
      const result = this.machine.collect();
      for (const output of result.outputs) outputs.push(output);
      if (!hadEnded) checks.push(result.end.digest & 0xffff);
      this.#onReplayed(lsn, result);
    }
    const result = this.machine.collect();
    if (this.#onReplayed === undefined) return result;
    return { ...result, outputs, end: { ...result.end, checks: packChecks(checks) } };
  }

  #live(turn: Lsn, onMidTurn: (record: MidTurnRecord) => Lsn): MidTurnSource {
    const world = this.#world;
    const ticksAtStart = this.machine.ticks;
    const limit = ticksAtStart + world.turnTicksMax;
    const log = (record: MidTurnRecord): { record: MidTurnRecord; lsn: Lsn } => ({
      record,
      lsn: onMidTurn(record),
    });
    return {
      nextTicks: () => limit,
      poll: (ticks: Ticks) => {
        const stop = world.stopRequested();
        if (stop !== undefined) return log({ type: 'stopAt', turn, ticks, ...stop });
        if (ticks >= limit)
          return log({
            type: 'stopAt',
            turn,
            ticks,
            code: TURN_LIMIT_CODE,
            reason: `one turn used ${world.turnTicksMax} ticks (--turn-ticks)`,
          });
        const time = world.wall();
        if (time - this.machine.now < RESYNC_LAG_MICROS) return undefined;
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
