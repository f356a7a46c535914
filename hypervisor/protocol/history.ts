/**
 * The history of a log as its epochs: where the first batch of each begins. An epoch has one primary and
 * a primary writes one sequence of records on top of the log it won with, so two logs that hold the same
 * epoch are equal up to where the shorter of the two leaves it. That is all it takes to find out what
 * two logs share: no record is compared.
 */

import { asLsn, type Epoch, type Lsn } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';

export interface EpochStart {
  readonly epoch: Epoch;
  readonly firstLsn: Lsn;
}

export interface History {
  /** Ascending in both fields. Of a log without its first records the first entry begins at `lsnFirst`. */
  readonly epochs: readonly EpochStart[];
  /** The first record there is, or yet to come: above 1 in a log that was trimmed, forked or joined by snapshot. */
  readonly lsnFirst: Lsn;
  /** The last record there is; `lsnFirst - 1`: none. */
  readonly lsnLast: Lsn;
}

/**
 * The last record up to which both logs are the same; 0 where no epoch says so. It ends a batch in both.
 * It may lie before `lsnFirst` of one of them, which then lacks what it would have to go on with.
 */
export function commonLsn(a: History, b: History): Lsn {
  for (let index = a.epochs.length - 1; index >= 0; index--) {
    const ours = a.epochs[index];
    const other = b.epochs.findIndex(({ epoch }) => epoch === ours?.epoch);
    const theirs = b.epochs[other];
    if (ours === undefined || theirs === undefined || !sameStart(a, ours, b, theirs)) continue;
    return asLsn(Math.min(endOf(a, index), endOf(b, other)));
  }
  return asLsn(0);
}

/** A log that lost its first records does not know where the epoch it begins in began: at its first record at the latest. */
function sameStart(a: History, ours: EpochStart, b: History, theirs: EpochStart): boolean {
  const cutA = isCut(a, ours);
  const cutB = isCut(b, theirs);
  if (cutA && cutB) return true;
  if (cutA) return theirs.firstLsn <= ours.firstLsn;
  if (cutB) return ours.firstLsn <= theirs.firstLsn;
  return ours.firstLsn === theirs.firstLsn;
}

function isCut({ lsnFirst }: History, { firstLsn }: EpochStart): boolean {
  return lsnFirst > 1 && firstLsn === lsnFirst;
}

function endOf({ epochs, lsnLast }: History, index: number): number {
  const next = epochs[index + 1];
  return next === undefined ? lsnLast : next.firstLsn - 1;
}

/** The history of a log that grows. */
export class EpochHistory implements History {
  readonly lsnFirst: Lsn;
  #epochs: EpochStart[];
  #lsnLast: Lsn;

  /** Of a log that is there already; by default one without a record. */
  constructor(known: History = { epochs: [], lsnFirst: asLsn(1), lsnLast: asLsn(0) }) {
    this.#epochs = [...known.epochs];
    this.lsnFirst = known.lsnFirst;
    this.#lsnLast = known.lsnLast;
  }

  get epochs(): readonly EpochStart[] {
    return this.#epochs;
  }

  get lsnLast(): Lsn {
    return this.#lsnLast;
  }

  /** As it is now, as plain data: it crosses threads. */
  get plain(): History {
    return { epochs: this.#epochs, lsnFirst: this.lsnFirst, lsnLast: this.#lsnLast };
  }

  /** The next batch. */
  appended(batch: { readonly epoch: Epoch; readonly firstLsn: Lsn; readonly lastLsn: Lsn }): void {
    const { epoch, firstLsn, lastLsn } = batch;
    assert(firstLsn === this.#lsnLast + 1, 'batches follow without a gap');
    const newest = this.#epochs.at(-1)?.epoch ?? -1;
    assert(epoch >= newest, 'epochs never go back');
    // A new array: who was given the old one may keep it.
    if (epoch > newest) this.#epochs = [...this.#epochs, { epoch, firstLsn }];
    this.#lsnLast = lastLsn;
  }

  /** All behind `lsn` is gone. */
  cut(lsn: Lsn): void {
    assert(lsn <= this.#lsnLast, 'a log is cut inside');
    this.#epochs = this.#epochs.filter(({ firstLsn }) => firstLsn <= lsn);
    this.#lsnLast = lsn;
  }
}
