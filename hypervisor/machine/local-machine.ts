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
  MachineDivergence,
  MachinePort,
  NetTable,
  ReplayGroup,
  TurnsResult,
} from '../ports.ts';
import type { MidTurnSource } from './cpu.ts';
import { compareGroup } from './group-checks.ts';
import type { Machine } from './machine.ts';

/** What a live turn may ask of the world, at interrupt polls only. */
export interface LiveWorld {
  /** Wall clock of the host, microseconds. */
  wall(): Micros;
  /** Somebody wants the guest stopped now. */
  stopRequested(): { readonly code: number; readonly reason: string } | undefined;
}

const NOTHING: MidTurnSource = {
  nextTicks: () => Number.POSITIVE_INFINITY,
  poll: () => undefined,
};

export class LocalMachine implements MachinePort {
  readonly machine: Machine;
  readonly #world: LiveWorld;

  constructor(machine: Machine, world: LiveWorld) {
    this.machine = machine;
    this.#world = world;
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
    this.#runRecorded(group);
    const result = this.machine.collect();
    done(
      result,
      compareGroup(group, result, () => this.machine.figures()),
    );
  }

  settle(group: ReplayGroup, done: (result: TurnsResult) => void): void {
    this.#runRecorded(group);
    done(this.machine.collect());
  }

  netTable(): NetTable {
    return this.machine.netTable();
  }

  #runRecorded(group: ReplayGroup): void {
    const cuts = midTurnsByTurn(group);
    for (const [index, record] of group.records.entries()) {
      if (record.type !== 'interrupt') continue;
      const lsn = asLsn(group.firstLsn + index);
      const waiting = cuts.get(lsn);
      this.machine.turn(record, lsn, waiting === undefined ? NOTHING : recordedSource(waiting));
      // A record whose tick was never reached means this machine took another path: say so at the
      // end record, where the figures differ, and not here.
    }
  }

  #live(turn: Lsn, onMidTurn: (record: MidTurnRecord) => Lsn): MidTurnSource {
    const world = this.#world;
    const log = (record: MidTurnRecord): { record: MidTurnRecord; lsn: Lsn } => ({
      record,
      lsn: onMidTurn(record),
    });
    return {
      nextTicks: () => Number.POSITIVE_INFINITY,
      poll: (ticks: Ticks) => {
        const stop = world.stopRequested();
        if (stop !== undefined) return log({ type: 'stopAt', turn, ticks, ...stop });
        const time = world.wall();
        if (time - this.machine.now < RESYNC_LAG_MICROS) return undefined;
        return log({ type: 'resync', turn, ticks, time });
      },
    };
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
