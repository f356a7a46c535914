/**
 * The primary's own log as a condition for outputs. While a backup holds the log, its memory is what
 * makes an output safe (VMware FT does not wait for disks either). Without one, the file is all there
 * is: an output leaves only when its cause is in it, or a restart would contradict what was answered.
 */

import { asLsn, type Lsn } from '../../log-format/index.ts';

/**
 * `written`: without a backup, outputs wait until the kernel has the log: it survives the process.
 * `durable`: outputs always wait until the disk has it: it survives the power. `none`: no log is kept.
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

  /**
   * Outputs up to here may leave, if all needed backups have acknowledged `lowestAck` (Infinity: none).
   * `alone`: no view names a backup, so that nobody but this log could go on.
   */
  limit(lowestAck: number, alone: boolean): number {
    return this.#matters(lowestAck, alone) ? Math.min(lowestAck, this.#lsn) : lowestAck;
  }

  #matters(lowestAck: number, alone: boolean): boolean {
    if (this.#mode === 'written') return alone || lowestAck === Infinity;
    return this.#mode === 'durable';
  }

  /** Whether to ask for the file now: an output waits for it and nobody has asked. */
  ask(facts: {
    readonly lsnOldest: Lsn | undefined;
    readonly lsnAppended: Lsn;
    readonly lowestAck: number;
    readonly alone: boolean;
  }): boolean {
    const { lsnOldest, lsnAppended, lowestAck, alone } = facts;
    if (lsnOldest === undefined || lsnOldest <= this.#lsn || !this.#matters(lowestAck, alone))
      return false;
    if (this.#asked > this.#lsn) return false;
    this.#asked = lsnAppended;
    return true;
  }
}
