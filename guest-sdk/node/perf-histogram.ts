/**
 * Histograms of `node:perf_hooks`: counts by value with three significant figures, in the buckets of
 * HdrHistogram (hdrhistogram.org), whose rounding programs see in `max` and the percentiles.
 */

import { invalidArgType, invalidArgValue, nodeError, outOfRange } from './node-errors.ts';
import { validateInteger, validateNumber, validateObject } from './validators.ts';

/** Values below are counted one by one; above, half as many buckets for each power of two. */
const FINE = 2048;
const FINE_BITS = 11;
const inspectCustom = Symbol.for('nodejs.util.inspect.custom');

/** The lowest value that is counted together with `value`, and how many are. */
function bucketOf(value: number): { low: number; size: number } {
  if (value < FINE) return { low: value, size: 1 };
  const size = 2 ** (Math.floor(Math.log2(value)) + 1 - FINE_BITS);
  return { low: Math.floor(value / size) * size, size };
}

export class Histogram {
  protected counts: Map<number, number> = new Map();
  protected total = 0;
  protected over = 0;
  protected highest: number = Number.MAX_SAFE_INTEGER;
  protected smallest: number = Number.POSITIVE_INFINITY;
  protected largest = 0;

  constructor(key?: unknown) {
    if (key !== kInside) {
      throw nodeError(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
    }
  }

  get count(): number {
    return this.total;
  }
  get countBigInt(): bigint {
    return BigInt(this.total);
  }
  get exceeds(): number {
    return this.over;
  }
  get exceedsBigInt(): bigint {
    return BigInt(this.over);
  }
  get min(): number {
    return this.total === 0 ? 9_223_372_036_854_776_000 : bucketOf(this.smallest).low;
  }
  get minBigInt(): bigint {
    return this.total === 0 ? 9_223_372_036_854_775_807n : BigInt(this.min);
  }
  get max(): number {
    const { low, size } = bucketOf(this.largest);
    return this.total === 0 ? 0 : low + size - 1;
  }
  get maxBigInt(): bigint {
    return BigInt(this.max);
  }
  get mean(): number {
    if (this.total === 0) return Number.NaN;
    return this.#sum((middle) => middle) / this.total;
  }
  get stddev(): number {
    if (this.total === 0) return Number.NaN;
    const { mean } = this;
    return Math.sqrt(this.#sum((middle) => (middle - mean) ** 2) / this.total);
  }
  get percentiles(): Map<number, number> {
    return this.#percentiles();
  }
  get percentilesBigInt(): Map<number, bigint> {
    return new Map([...this.#percentiles()].map(([at, value]) => [at, BigInt(value)]));
  }

  percentile(percentile: unknown): number {
    validateNumber(percentile, 'percentile');
    if (!(percentile > 0 && percentile <= 100)) {
      throw outOfRange('percentile', '> 0 && <= 100', percentile);
    }
    const wanted = Math.max(1, Math.floor((percentile / 100) * this.total + 0.5));
    let seen = 0;
    for (const [low, count] of this.#sorted()) {
      seen += count;
      if (seen >= wanted) return low + bucketOf(low).size - 1;
    }
    return 0;
  }

  percentileBigInt(percentile: unknown): bigint {
    return BigInt(this.percentile(percentile));
  }

  reset(): void {
    this.counts = new Map();
    this.total = 0;
    this.over = 0;
    this.smallest = Number.POSITIVE_INFINITY;
    this.largest = 0;
  }

  toJSON(): object {
    return { ...this.#figures(), percentiles: Object.fromEntries(this.#percentiles()) };
  }

  [inspectCustom](depth: number, _options: object, inspect: (value: object) => string): unknown {
    // Node shows what is too deep as the thing it is.
    if (depth < 0) return '[RecordableHistogram]';
    const { count, ...rest } = this.#figures();
    return `Histogram ${inspect({ ...rest, count, percentiles: this.#percentiles() })}`;
  }

  #figures(): Record<string, number> {
    const { count, min, max, mean, exceeds, stddev } = this;
    return { count, min, max, mean, exceeds, stddev };
  }

  #sorted(): [number, number][] {
    return [...this.counts].sort(([a], [b]) => a - b);
  }

  #sum(of: (middle: number) => number): number {
    let sum = 0;
    for (const [low, count] of this.counts)
      sum += of(low + Math.floor(bucketOf(low).size / 2)) * count;
    return sum;
  }

  /** Half of what is left each time, as far as there are values to tell them apart. */
  #percentiles(): Map<number, number> {
    const found = new Map<number, number>();
    let [at, seen, last] = [0, 0, 0];
    for (const [low, count] of this.#sorted()) {
      seen += count;
      last = low;
      while (at <= (100 * seen) / this.total) {
        found.set(at, low);
        if (seen === this.total) break;
        at += 100 / 2 ** (Math.floor(Math.log2(100 / (100 - at))) + 1);
      }
    }
    found.set(100, last);
    return found;
  }
}

const kInside = Symbol('hv.inside');

export class RecordableHistogram extends Histogram {
  #recordedAtMs: number | undefined;

  record(value: unknown): void {
    if (typeof value !== 'bigint') validateInteger(value, 'val', 1);
    const number = Number(value);
    if (number < 1) throw outOfRange('val', '>= 1 && <= 9223372036854775807', value);
    RecordableHistogram.count(this, number);
  }

  recordDelta(nowMs: number = RecordableHistogram.clock()): void {
    const before = this.#recordedAtMs;
    this.#recordedAtMs = nowMs;
    if (before !== undefined)
      RecordableHistogram.count(this, Math.max(1, Math.round((nowMs - before) * 1e6)));
  }

  add(other: unknown): void {
    if (!(other instanceof RecordableHistogram)) {
      throw invalidArgType('other', 'RecordableHistogram', other);
    }
    for (const [low, count] of other.counts) RecordableHistogram.count(this, low, count);
    this.over += other.over;
  }

  /** Milliseconds; set by perf-hooks.ts. */
  static clock: () => number = () => 0;

  static count(self: RecordableHistogram, value: number, times = 1): void {
    if (value > self.highest) {
      self.over += times;
      return;
    }
    const { low } = bucketOf(value);
    self.counts.set(low, (self.counts.get(low) ?? 0) + times);
    self.total += times;
    self.smallest = Math.min(self.smallest, value);
    self.largest = Math.max(self.largest, value);
  }

  static limit(self: RecordableHistogram, highest: number): RecordableHistogram {
    self.highest = highest;
    return self;
  }
}

// Bundling renames a class that mentions itself.
Object.defineProperty(RecordableHistogram, 'name', { value: 'RecordableHistogram' });

export function makeHistogram(): RecordableHistogram {
  return new RecordableHistogram(kInside);
}

export function createHistogram(options: unknown = {}): RecordableHistogram {
  validateObject(options, 'options');
  const {
    lowest = 1,
    highest = Number.MAX_SAFE_INTEGER,
    figures = 3,
  } = options as Record<string, unknown>;
  for (const [name, value] of Object.entries({ lowest, highest })) {
    if (typeof value !== 'number' && typeof value !== 'bigint') {
      throw invalidArgType(`options.${name}`, 'number', value);
    }
  }
  if (Number(lowest) < 1) throw outOfRange('options.lowest', '>= 1 && <= 9007199254740991', lowest);
  if (Number(highest) < 2 * Number(lowest)) {
    throw invalidArgValue('options.highest', highest);
  }
  validateInteger(figures, 'options.figures', 1, 5);
  return RecordableHistogram.limit(makeHistogram(), Number(highest));
}
