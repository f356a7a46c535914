/**
 * The output gate: an output leaves only when the log that produced it is on every backup (output
 * rule, VMware FT 2010, 2.2). A primary holds and releases; a backup holds and forgets, so that it
 * can let out after a promotion exactly what its predecessor did not.
 */

import { asLsn, type Lsn } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { Fifo } from './fifo.ts';

/** `lsn`: the last record the output depends on. `bytes`: its weight, for the limit. */
export interface Gated<T> {
  readonly lsn: Lsn;
  readonly bytes: number;
  readonly output: T;
}

const NOTHING: readonly never[] = [];

export class OutputGate<T> {
  readonly #held = new Fifo<Gated<T>>();
  #bytes = 0;
  #lsnHeld: Lsn = asLsn(0);
  #lsnProduced: Lsn;
  #lsnReleased: Lsn;

  /** `lsnReleased`: outputs up to here have left before (a promoted backup knows it from its log). */
  constructor(lsnReleased: Lsn) {
    this.#lsnReleased = lsnReleased;
    this.#lsnProduced = lsnReleased;
  }

  /** No output at or below this lsn is held, and none will come. */
  get lsnReleased(): Lsn {
    return this.#lsnReleased;
  }

  /** All outputs up to here have come in. */
  get lsnProduced(): Lsn {
    return this.#lsnProduced;
  }

  get size(): number {
    return this.#held.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of the output that has to leave next. */
  get lsnOldest(): Lsn | undefined {
    return this.#held.peek()?.lsn;
  }

  /** In order of lsn, which is the order in which the guest produced them. */
  hold(item: Gated<T>): void {
    assert(item.lsn >= this.#lsnHeld, 'outputs are held in the order of the log');
    this.#lsnHeld = item.lsn;
    // A backup replays behind the primary: this one has left already.
    if (item.lsn <= this.#lsnReleased) return;
    this.#held.push(item);
    this.#bytes += item.bytes;
  }

  /**
   * All outputs up to `lsn` are in the gate. Without it an ack that overtakes a running turn would
   * let the primary report outputs as released that do not exist yet.
   */
  produced(lsn: Lsn): void {
    if (lsn > this.#lsnProduced) this.#lsnProduced = lsn;
  }

  /** Takes out what may leave, oldest first. Call only when every backup holds the log to `lsn`. */
  release(lsn: number): readonly Gated<T>[] {
    const limit = asLsn(Math.min(lsn, this.#lsnProduced));
    if (limit > this.#lsnReleased) this.#lsnReleased = limit;
    return this.#take(this.#lsnReleased);
  }

  /** A backup's half: its primary reports that outputs up to `lsn` have left. */
  forget(lsn: Lsn): void {
    if (lsn <= this.#lsnReleased) return;
    this.#lsnReleased = lsn;
    this.#take(lsn);
  }

  /** Everything still held, oldest first: for a handover, or to be thrown away by a loser. */
  drain(): Gated<T>[] {
    this.#bytes = 0;
    return this.#held.drain();
  }

  #take(lsn: Lsn): readonly Gated<T>[] {
    // Asked at every ack and every append: mostly there is nothing, and nothing is made for it.
    const first = this.#held.peek();
    if (first === undefined || first.lsn > lsn) return NOTHING;
    const taken: Gated<T>[] = [];
    for (;;) {
      const oldest = this.#held.peek();
      if (oldest === undefined || oldest.lsn > lsn) return taken;
      this.#held.shift();
      this.#bytes -= oldest.bytes;
      taken.push(oldest);
    }
  }
}
