/** What leaves a primary and when: the gate, opened by the backups' acks and by the own log. */

import type { Lsn } from '../../log-format/index.ts';
import { type Gated, OutputGate } from './output-gate.ts';
import { OwnLog, type OwnLogMode } from './own-log.ts';
import type { PrimaryEffect } from './primary-events.ts';

export interface OutletFacts {
  /** Acknowledged by all needed backups; Infinity if there is none. */
  readonly lowestAck: number;
  /** Last record in the own log, written or not. */
  readonly lsnAppended: Lsn;
}

export class Outlet<T> {
  readonly #gate: OutputGate<T>;
  readonly #ownLog: OwnLog;

  constructor(start: {
    readonly ownLog: OwnLogMode;
    readonly lsnAppended: Lsn;
    readonly lsnReleased: Lsn;
  }) {
    this.#gate = new OutputGate(start.lsnReleased);
    this.#ownLog = new OwnLog(start.ownLog, start.lsnAppended);
  }

  /** For looking at. */
  get gate(): Pick<OutputGate<T>, 'lsnReleased' | 'size' | 'bytes'> {
    return this.#gate;
  }

  /** All outputs of records up to `lsn`. */
  produced(outputs: readonly Gated<T>[], lsn: Lsn): void {
    for (const output of outputs) this.#gate.hold(output);
    this.#gate.produced(lsn);
  }

  written(lsn: Lsn): void {
    this.#ownLog.written(lsn);
  }

  /** Lets out what may leave, and asks for the own log where an output waits for it. */
  advance({ lowestAck, lsnAppended }: OutletFacts, effects: PrimaryEffect<T>[]): void {
    const outputs = this.#gate.release(this.#ownLog.limit(lowestAck));
    if (outputs.length > 0) effects.push({ type: 'release', outputs });
    const { lsnOldest } = this.#gate;
    if (this.#ownLog.ask({ lsnOldest, lsnAppended, lowestAck })) effects.push({ type: 'write' });
  }

  /** Throws away what is held; returns how much. */
  discard(): number {
    return this.#gate.drain().length;
  }
}
