/** What leaves a primary and when: the gate, opened by the backups' acks and by the own log. */

import { asLsn, type Lsn } from '../../log-format/index.ts';
import type { AckLevel } from './ack-level.ts';
import { type Commit, Commits } from './commits.ts';
import { type Gated, OutputGate } from './output-gate.ts';
import { OwnLog, type OwnLogMode } from './own-log.ts';
import type { PrimaryEffect } from './primary-events.ts';

export interface OutletFacts {
  /** What of the log is as safe on the backups as this level; Infinity if none is needed. */
  limit(level: AckLevel): number;
  /** Of the guest's rule. */
  readonly level: AckLevel;
  /** Last record in the own log, written or not. */
  readonly lsnAppended: Lsn;
}

export class Outlet<T> {
  readonly #gate: OutputGate<T>;
  readonly #ownLog: OwnLog;
  /** For commits: asked for the disk even where outputs are not held for it. */
  readonly #ownDisk: OwnLog;
  readonly #commits = new Commits();

  constructor(start: {
    readonly ownLog: OwnLogMode;
    readonly lsnReleased: Lsn;
  }) {
    this.#gate = new OutputGate(start.lsnReleased);
    // What an earlier life, or the backup that this was, has last appended may still be on its way.
    const nothing = asLsn(0);
    this.#ownLog = new OwnLog(start.ownLog, nothing);
    this.#ownDisk = new OwnLog(start.ownLog === 'none' ? 'none' : 'durable', nothing);
  }

  /** For looking at. */
  get gate(): Pick<OutputGate<T>, 'lsnReleased' | 'size' | 'bytes'> {
    return this.#gate;
  }

  /** A record whose safety on disk a commit waits for, if any does. */
  get lsnDurableWanted(): Lsn | undefined {
    return this.#commits.lsnDurable;
  }

  /** A commit waits for the backups' own hashes. */
  get verifies(): boolean {
    return this.#commits.verifies;
  }

  /** All outputs of records up to `lsn`. */
  produced(outputs: readonly Gated<T>[], lsn: Lsn): void {
    for (const output of outputs) this.#gate.hold(output);
    this.#gate.produced(lsn);
  }

  commit(commit: Commit): void {
    this.#commits.add(commit);
  }

  /** `durable`: the disk has it, not just the kernel. */
  written(lsn: Lsn, { durable }: { readonly durable: boolean }): void {
    if (durable) this.#ownDisk.written(lsn);
    this.#ownLog.written(lsn, { durable });
  }

  /** Lets out what may leave, and asks for the own log where an output waits for it. */
  advance(facts: OutletFacts, effects: PrimaryEffect<T>[]): void {
    const { lsnAppended } = facts;
    const outputs = this.#gate.release(this.#ownLog.limit(facts.limit(facts.level)));
    if (outputs.length > 0) effects.push({ type: 'release', outputs });
    this.#advanceCommits(facts, effects);
    const lsnOldest = later(this.#gate.lsnOldest, this.#commits.lsnWritten);
    if (this.#ownLog.ask({ lsnOldest, lsnAppended }))
      effects.push({ type: 'write', durable: this.#ownLog.durable });
  }

  /** Throws away what is held; returns how much. */
  discard(): number {
    return this.#gate.drain().length;
  }

  #advanceCommits(facts: OutletFacts, effects: PrimaryEffect<T>[]): void {
    if (this.#commits.empty) return;
    const reached = this.#commits.reached((level) => {
      const limit = facts.limit(level);
      const own = level === 'durable' ? this.#ownDisk : this.#ownLog;
      return Math.min(own.limit(limit), this.#gate.lsnProduced);
    });
    for (const { id } of reached) effects.push({ type: 'committed', id });
    const lsnOldest = this.#commits.lsnDurable;
    if (this.#ownDisk.ask({ lsnOldest, lsnAppended: facts.lsnAppended }))
      effects.push({ type: 'write', durable: true });
  }
}

/** Of two records that the file must have. */
function later(one: Lsn | undefined, other: Lsn | undefined): Lsn | undefined {
  return one === undefined || (other ?? 0) > one ? other : one;
}
