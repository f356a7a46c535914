/**
 * The primary's own hash of its outputs at every group's end, kept until the backups have told theirs
 * (comparison of outputs as in COLO, SOCC 2013, here to find a divergence before the world does). The
 * hash is cumulative: one that agrees vouches for all outputs before it.
 */

import type { Lsn } from '../../log-format/index.ts';

/** Forgotten entries are cut off when there are this many, not one by one. */
const COMPACT_ENTRIES = 1_024;

export class Verifier {
  #lsns: number[] = [];
  #crcs: number[] = [];
  #first = 0;

  /** A group ends at `lsn`. Ends come in order. */
  ended(lsn: Lsn, outputsCrc: number): void {
    this.#lsns.push(lsn);
    this.#crcs.push(outputsCrc);
  }

  /** Of all outputs up to `lsn`, which is no record inside a group; undefined if it is not known. */
  outputsCrc(lsn: Lsn): number | undefined {
    let low = this.#first;
    let high = this.#lsns.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#lsns[middle] ?? 0) <= lsn) low = middle + 1;
      else high = middle;
    }
    return low === this.#first ? undefined : this.#crcs[low - 1];
  }

  get empty(): boolean {
    return this.#lsns.length === 0;
  }

  /** From here on ends are left out. */
  clear(): void {
    if (this.empty) return;
    this.#lsns = [];
    this.#crcs = [];
    this.#first = 0;
  }

  /** No backup will speak of anything below `lsn` any more. The newest is kept: it is true until the next. */
  forget(lsn: number): void {
    const newest = this.#lsns.length - 1;
    while (this.#first < newest && (this.#lsns[this.#first + 1] ?? 0) <= lsn) this.#first += 1;
    if (this.#first < COMPACT_ENTRIES) return;
    this.#lsns = this.#lsns.slice(this.#first);
    this.#crcs = this.#crcs.slice(this.#first);
    this.#first = 0;
  }
}
