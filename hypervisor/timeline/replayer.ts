/**
 * Offline replay: feeds a recorded log to a machine, group by group, and compares at every `end`.
 * Synchronous and without I/O; whoever owns the log pushes its batches in order.
 */

import {
  asLsn,
  type Batch,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type Micros,
} from '../../log-format/index.ts';
import type { HeldOutput, MachineDivergence, MachinePort, TurnsResult } from '../ports.ts';
import type { Divergence } from './divergence.ts';

export interface ReplayReport {
  /** Records read, turns run, ends that agreed. */
  readonly records: number;
  readonly turns: number;
  readonly verified: number;
  readonly lastLsn: Lsn;
  /** Turns at the tail of an unsealed log whose `end` was never written: run, not compared. */
  readonly unverifiedTurns: number;
  readonly divergence: Divergence | undefined;
  /** The guest's end, when the log contains it. */
  readonly exit: { readonly code: number; readonly reason: string } | undefined;
  /** Figures at the end of the log. */
  readonly end: Omit<TurnsResult['end'], 'checks'> | undefined;
}

interface Placed {
  readonly lsn: Lsn;
  readonly record: LogRecord;
}

const CONTEXT_RECORDS = 5;

export class Replayer {
  readonly #machine: MachinePort;
  readonly #startedAt: Micros;
  readonly #onOutput: (held: HeldOutput) => void;
  #group: Placed[] = [];
  #before: Placed[] = [];
  #records = 0;
  #turns = 0;
  #verified = 0;
  #unverifiedTurns = 0;
  #lastLsn = asLsn(0);
  #divergence: Divergence | undefined;
  #exit: ReplayReport['exit'];
  #end: ReplayReport['end'];

  constructor(machine: MachinePort, startedAt: Micros, onOutput: (held: HeldOutput) => void) {
    this.#machine = machine;
    this.#startedAt = startedAt;
    this.#onOutput = onOutput;
  }

  /** Runs what `batch` completes. False: the replay has diverged and takes nothing more. */
  push(batch: Batch): boolean {
    for (const [index, record] of batch.records.entries()) {
      if (this.#divergence !== undefined) return false;
      this.#take({ lsn: asLsn(batch.firstLsn + index), record });
    }
    return this.#divergence === undefined;
  }

  /** Runs the tail that no `end` closes, and reports. */
  finish(): ReplayReport {
    const tail = this.#group;
    this.#group = [];
    const [first] = tail;
    if (first !== undefined && this.#divergence === undefined) {
      this.#unverifiedTurns = countTurns(tail);
      this.#machine.settle(groupOf(first, tail), (result) => this.#note(result));
    }
    return {
      records: this.#records,
      turns: this.#turns,
      verified: this.#verified,
      lastLsn: this.#lastLsn,
      unverifiedTurns: this.#unverifiedTurns,
      divergence: this.#divergence,
      exit: this.#exit,
      end: this.#end,
    };
  }

  #take(placed: Placed): void {
    this.#records += 1;
    this.#lastLsn = placed.lsn;
    this.#group.push(placed);
    if (placed.record.type !== 'end') return;
    const group = this.#group;
    this.#group = [];
    this.#turns += countTurns(group);
    this.#machine.replay(groupOf(group[0] ?? placed, group), (result, divergence) => {
      if (divergence === undefined) this.#verified += 1;
      else this.#divergence = this.#describe(divergence, group);
      this.#note(result);
    });
    this.#before = [...this.#before, ...group].slice(-CONTEXT_RECORDS);
  }

  #note(result: TurnsResult): void {
    const { checks: _, ...end } = result.end;
    this.#end = end;
    this.#exit ??= result.halted;
    for (const held of result.outputs) this.#onOutput(held);
  }

  #describe(divergence: MachineDivergence, group: readonly Placed[]): Divergence {
    return {
      ...divergence,
      turns: group.filter(isTurn),
      around: [...this.#before, ...group],
      startedAt: this.#startedAt,
    };
  }
}

function isTurn(placed: Placed): placed is { lsn: Lsn; record: InterruptRecord } {
  return placed.record.type === 'interrupt';
}

function countTurns(group: readonly Placed[]): number {
  return group.filter(isTurn).length;
}

function groupOf(
  first: Placed,
  group: readonly Placed[],
): { firstLsn: Lsn; records: readonly LogRecord[] } {
  return { firstLsn: first.lsn, records: group.map(({ record }) => record) };
}
