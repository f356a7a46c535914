/**
 * How often a figure was how large: counts per bucket in an array of numbers, which may be shared with
 * another thread. Recording one costs a few comparisons and no memory.
 */

import { assert } from '../base/assert.ts';

/** Upper bounds of durations, in seconds: 0.05 to 1000 ms. A longer one is in none of them. */
export const SECONDS_BOUNDS: readonly number[] = [
  0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
];

/** Upper bounds of the ticks of a turn: a hello takes some thousands, a runaway loop billions. */
export const TICKS_BOUNDS: readonly number[] = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/** Words behind the buckets: the bucket without a bound, and the sum of all figures. */
const WORDS_BESIDE_BOUNDS = 2;

export class Distribution {
  readonly bounds: readonly number[];
  readonly #words: Float64Array;

  /** `words` is shared with whoever reads; see `wordsFor` for its length. */
  constructor(bounds: readonly number[], words: Float64Array) {
    assert(words.length === Distribution.wordsFor(bounds), 'one word per bucket, and the sum');
    this.bounds = bounds;
    this.#words = words;
  }

  static wordsFor(bounds: readonly number[]): number {
    return bounds.length + WORDS_BESIDE_BOUNDS;
  }

  static own(bounds: readonly number[]): Distribution {
    return new Distribution(bounds, new Float64Array(Distribution.wordsFor(bounds)));
  }

  /** Counts `value` as having been seen `times` times. */
  observe(value: number, times: number = 1): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.#words[bucket] = (this.#words[bucket] as number) + times;
    const sum = bounds.length + 1;
    this.#words[sum] = (this.#words[sum] as number) + value * times;
  }

  /** Per bound, how many figures were at most so large; the last one counts all. */
  cumulative(): number[] {
    let total = 0;
    return [...this.#words.subarray(0, -1)].map((count) => {
      total += count;
      return total;
    });
  }

  get count(): number {
    return this.#words.subarray(0, -1).reduce((total, count) => total + count, 0);
  }

  get sum(): number {
    return this.#words[this.#words.length - 1] as number;
  }

  /**
   * The figure below which the share `q` lies, by a straight line inside its bucket; undefined while
   * nothing was seen. A figure above every bound counts as the largest bound.
   */
  quantile(q: number): number | undefined {
    const cumulative = this.cumulative();
    const total = cumulative.at(-1) as number;
    if (total === 0) return undefined;
    const wanted = q * total;
    const bucket = cumulative.findIndex((count) => count >= wanted && count > 0);
    const upper = this.bounds[bucket];
    if (upper === undefined) return this.bounds.at(-1);
    const lower = bucket === 0 ? 0 : (this.bounds[bucket - 1] as number);
    const below = bucket === 0 ? 0 : (cumulative[bucket - 1] as number);
    const inside = (cumulative[bucket] as number) - below;
    return lower + (upper - lower) * ((wanted - below) / inside);
  }
}
