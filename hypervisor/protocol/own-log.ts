/**
 * The primary's own log as a condition for outputs: one leaves only when its cause is in the file, or a
 * restart from that file would contradict what was answered. That a backup holds it is no excuse: it may be
 * gone as well when this process begins again. The write goes out beside the batch, so nothing waits longer for it.
 */

import { asLsn, type Lsn } from '../../log-format/index.ts';

/**
 * `written`: outputs wait until the kernel has the log: it survives the process. `durable`: until the disk
 * has it: it survives the power. `none`: no log is kept.
 */
export type OwnLogMode = 'written' | 'durable' | 'none';

export class OwnLog {
  readonly #mode: OwnLogMode;
  #lsn: Lsn;
  #asked: Lsn;

  /** `lsn`: what is in the file already. */
  constructor(mode: OwnLogMode, lsn: Lsn) {
    this.#mode = mode;
    this.#lsn = lsn;
    this.#asked = lsn;
  }

  get durable(): boolean {
    return this.#mode === 'durable';
  }

  /** The file holds everything up to `lsn`; `durable`: the disk does. */
  written(lsn: Lsn, { durable }: { readonly durable: boolean } = { durable: true }): void {
    if (durable || !this.durable) this.#lsn = asLsn(Math.max(this.#lsn, lsn));
  }

  /** Outputs up to here may leave, if all needed backups have acknowledged `lowestAck` (Infinity: none). */
  limit(lowestAck: number): number {
    return this.#mode === 'none' ? lowestAck : Math.min(lowestAck, this.#lsn);
  }

  /** Whether to ask for the file now: an output waits for it and nobody has asked. */
  ask(facts: { readonly lsnOldest: Lsn | undefined; readonly lsnAppended: Lsn }): boolean {
    const { lsnOldest, lsnAppended } = facts;
    if (this.#mode === 'none' || lsnOldest === undefined || lsnOldest <= this.#lsn) return false;
    if (this.#asked > this.#lsn) return false;
    this.#asked = lsnAppended;
    return true;
  }
}
