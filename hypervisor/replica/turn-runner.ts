/**
 * Runs the guest on a primary, group by group: take what waits, stamp it, append and ship it, and
 * only then run it, so that the backups compute at the same time and their acks are under way before
 * there is any output to hold.
 */

import {
  INTERRUPT,
  type InterruptRecord,
  type Lsn,
  type MidTurnRecord,
} from '../../log-format/index.ts';
import type {
  Checkpointer,
  Clock,
  HostInterrupt,
  MachinePort,
  Output,
  TurnsResult,
} from '../ports.ts';
import type { View } from '../protocol/messages.ts';
import { Alarm } from './alarm.ts';
import type { MachineState } from './handover.ts';
import { Inbox } from './inbox.ts';
import type { Journal } from './journal.ts';
import type { Meters } from './meters.ts';
import { weightOf } from './output-release.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** As kill(2) has it: nothing is sent. */
const NO_SIGNAL = 0;

export interface TurnRunnerOptions {
  readonly clock: Clock;
  readonly virtual: VirtualClock;
  readonly machine: MachinePort;
  readonly journal: Journal;
  readonly checkpoints?: Checkpointer | undefined;
  readonly meters?: Meters | undefined;
  /** Bytes of an output for an `output` record; undefined: outputs are not recorded. */
  readonly recordOutput: ((output: Output) => Uint8Array) | undefined;
  readonly view: () => View;
  /** Nothing but the own log keeps outputs back: what comes behind them must not reach it first. */
  readonly outputsWait: () => boolean;
  /** Live, and with room in the buffers. */
  readonly mayRun: () => boolean;
  /** Append and ship what the journal holds. */
  readonly flush: () => void;
  /** Outputs of records up to `lsn`. */
  readonly produced: (result: TurnsResult, lsn: Lsn) => void;
  readonly halted: (code: number, reason: string) => void;
}

export class TurnRunner {
  readonly #options: TurnRunnerOptions;
  readonly #inbox = new Inbox();
  readonly #alarm: Alarm;
  /** What has to wait until the group under way has its `end`. */
  #between: (() => void)[] = [];
  #scheduled = false;
  /** The last group ended in a checkpoint whose snapshot is not taken yet. */
  #checkpointDue = false;
  /** Until the first state is known nothing runs. */
  #busy = true;
  #closed = false;

  constructor(options: TurnRunnerOptions) {
    this.#options = options;
    options.checkpoints?.onWanted(() => this.#wake());
    this.#alarm = new Alarm(options.clock, options.virtual, () => {
      this.push({ kind: INTERRUPT.alarm, id: 0, num: 0, payload: undefined });
    });
  }

  push(interrupt: HostInterrupt): void {
    if (this.#closed) return;
    this.#inbox.push(interrupt);
    this.schedule();
  }

  /** Ahead of all that waits. */
  pushUrgent(interrupt: HostInterrupt): void {
    if (!this.#closed) this.#inbox.pushUrgent(interrupt);
  }

  /** Does `act` now, or once the group under way is closed by its `end`. */
  betweenGroups(act: () => void): void {
    if (this.#busy) this.#between.push(act);
    else act();
  }

  /** The machine stands at `state`: turns may run from here on. */
  begin(state: MachineState): void {
    this.#busy = false;
    for (const act of this.#between.splice(0)) act();
    this.#goOn(state);
  }

  /** Looks for work. Call whenever something may have changed that kept turns from running. */
  schedule(): void {
    if (this.#scheduled || !this.#ready) return;
    this.#scheduled = true;
    this.#options.clock.defer(() => {
      this.#scheduled = false;
      if (this.#ready) this.#round();
    });
  }

  /** No turn starts any more; one under way still reports. */
  close(): void {
    this.#closed = true;
    this.#inbox.clear();
    this.#alarm.cancel();
  }

  /**
   * Somebody waits for a checkpoint. Signal 0, which no guest can listen for, makes a group without a word
   * to the guest: an interrupt like any other in the log, and on every replica nothing but a turn.
   */
  #wake(): void {
    if (this.#busy || this.#inbox.size > 0) return;
    this.push({ kind: INTERRUPT.signal, id: NO_SIGNAL, num: 0, payload: undefined });
  }

  get #ready(): boolean {
    if (this.#closed || this.#busy || this.#inbox.size === 0) return false;
    return this.#options.mayRun();
  }

  #round(): void {
    this.#takeCheckpoint();
    const { clock, virtual, journal, machine, flush } = this.#options;
    const time = virtual.stamp(clock.wall(), clock.now());
    const turns: { readonly lsn: Lsn; readonly record: InterruptRecord }[] = [];
    for (const { kind, id, num, payload } of this.#inbox.take()) {
      if (kind === INTERRUPT.alarm) this.#alarm.taken();
      const record: InterruptRecord = { type: 'interrupt', kind, time, id, num, payload };
      turns.push({ lsn: journal.add(record), record });
    }
    this.#busy = true;
    flush();
    const before = clock.now();
    machine.run(
      turns,
      (record) => this.midTurn(record),
      (result) => this.#ran(result, { turns: turns.length, runMs: clock.now() - before }),
    );
  }

  /** Logs and ships a record that cuts the turn under way. */
  midTurn(record: MidTurnRecord): Lsn {
    const { virtual, journal, flush } = this.#options;
    if (record.type !== 'stopAt') virtual.reached(record.time);
    const lsn = journal.add(record);
    flush();
    return lsn;
  }

  /** The `end` record travels with whatever comes next; outputs depend on the records before it. */
  #ran(result: TurnsResult, group: { readonly turns: number; readonly runMs: number }): void {
    const { journal, produced, recordOutput } = this.#options;
    const lsn = journal.lsnLast;
    this.#count(result, group);
    if (recordOutput !== undefined)
      for (const { output } of result.outputs)
        journal.add({ type: 'output', bytes: recordOutput(output) });
    this.#checkpointDue = this.#addCheckpoint(result, group.runMs);
    journal.add({ type: 'end', ...result.end });
    this.#busy = false;
    produced(result, lsn);
    if (!this.#options.outputsWait()) this.#takeCheckpoint();
    for (const act of this.#between.splice(0)) act();
    this.#goOn(result);
  }

  #count(
    { outputs, end }: TurnsResult,
    { turns, runMs }: { readonly turns: number; readonly runMs: number },
  ): void {
    const { meters, clock } = this.#options;
    if (meters === undefined) return;
    meters.ran(turns, runMs, end.ticks);
    const last = outputs.at(-1);
    if (last !== undefined) meters.held(clock.now(), last.lsn, outputs.length, weightOf(outputs));
  }

  #addCheckpoint(result: TurnsResult, runMs: number): boolean {
    const { journal, checkpoints, machine, virtual } = this.#options;
    if (checkpoints === undefined || result.halted !== undefined) return false;
    const time = virtual.last;
    if (!checkpoints.ran({ lsn: journal.lsnLast, time, runMs })) return false;
    journal.add({ type: 'checkpoint', time, ...machine.figures() });
    return true;
  }

  /** At once, or before the next round: the `end` may not be in the log before the outputs have left. */
  #takeCheckpoint(): void {
    if (!this.#checkpointDue) return;
    this.#checkpointDue = false;
    const { journal, checkpoints, flush, view, virtual } = this.#options;
    flush();
    checkpoints?.take({ lsn: journal.lsnLast, time: virtual.last, view: view() });
  }

  #goOn(state: MachineState): void {
    if (state.halted !== undefined) {
      this.#options.halted(state.halted.code, state.halted.reason);
      return;
    }
    if (this.#closed) return;
    this.#alarm.set(state.alarmAt);
    if (state.immediatesLeft) {
      this.#inbox.push({ kind: INTERRUPT.check, id: 0, num: 0, payload: undefined });
    }
    this.schedule();
  }
}
