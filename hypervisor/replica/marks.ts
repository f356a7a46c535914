/**
 * When places of the log were passed, until they are settled: batches until their ack, outputs until
 * they leave. A ring of numbers, so that remembering one costs no memory.
 */

import { assert } from '../base/assert.ts';

/** Marks kept. Further ones are joined to the newest, whose time then is too early: a wait is never
 * reported as shorter than it was. */
const MARKS_MAX = 4096;

/** How long it took, in milliseconds, and for how many. */
export type Settled = (ms: number, count: number) => void;

export class Marks {
  readonly #lsn: Float64Array = new Float64Array(MARKS_MAX);
  readonly #at: Float64Array = new Float64Array(MARKS_MAX);
  readonly #count: Float64Array = new Float64Array(MARKS_MAX);
  readonly #bytes: Float64Array = new Float64Array(MARKS_MAX);
  #first = 0;
  #size = 0;
  #countWaiting = 0;
  #bytesWaiting = 0;

  /** How many things of all marks are not settled, and their bytes. */
  get count(): number {
    return this.#countWaiting;
  }

  get bytes(): number {
    return this.#bytesWaiting;
  }

  /** When the oldest one was passed; 0: everything is settled. */
  get since(): number {
    return this.#size === 0 ? 0 : (this.#at[this.#first] as number);
  }

  /** In the order of lsn. `now` in milliseconds. */
  pass(lsn: number, now: number, count: number, bytes: number): void {
    this.#countWaiting += count;
    this.#bytesWaiting += bytes;
    if (this.#size === MARKS_MAX) {
      const newest = (this.#first + this.#size - 1) % MARKS_MAX;
      assert(lsn >= (this.#lsn[newest] as number), 'places are passed in the order of the log');
      this.#lsn[newest] = lsn;
      this.#count[newest] = (this.#count[newest] as number) + count;
      this.#bytes[newest] = (this.#bytes[newest] as number) + bytes;
      return;
    }
    const at = (this.#first + this.#size) % MARKS_MAX;
    this.#lsn[at] = lsn;
    this.#at[at] = now;
    this.#count[at] = count;
    this.#bytes[at] = bytes;
    this.#size += 1;
  }

  /** Everything up to `lsn` is settled; `settled` hears of each mark, oldest first. */
  settle(lsn: number, now: number, settled: Settled | undefined): void {
    while (this.#size > 0 && (this.#lsn[this.#first] as number) <= lsn) {
      const first = this.#first;
      const count = this.#count[first] as number;
      this.#countWaiting -= count;
      this.#bytesWaiting -= this.#bytes[first] as number;
      this.#first = (first + 1) % MARKS_MAX;
      this.#size -= 1;
      settled?.(now - (this.#at[first] as number), count);
    }
  }
}
