import { describe, expect, test } from 'vitest';
import {
  compareArms,
  judgeNullPair,
  median,
  percentilesOf,
  shuffled,
} from '../../../bench/statistics.ts';
import { Chance } from '../../../hypervisor/cli/demo/chance.ts';

/** Samples around `centre` with a spread of +-10 %. */
function noisy(centre: number, count: number, chance: Chance): number[] {
  return Array.from({ length: count }, () => centre * (0.9 + 0.2 * chance.next()));
}

test('a median is the middle, or the mean of the two in the middle', () => {
  expect(median([])).toBeUndefined();
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('percentiles are samples that were taken', () => {
  const samples = Array.from({ length: 200 }, (_, i) => 200 - i);
  expect(percentilesOf(samples)).toEqual({ count: 200, p50: 100, p90: 180, p99: 198, max: 200 });
  expect(percentilesOf([7])).toEqual({ count: 1, p50: 7, p90: 7, p99: 7, max: 7 });
  expect(percentilesOf([])).toBeUndefined();
});

describe('comparing arms', () => {
  test('the interval holds the true ratio about as often as it promises', () => {
    const chance = new Chance(7);
    let hits = 0;
    for (let run = 0; run < 60; run += 1) {
      const { low, high } = compareArms(noisy(80, 21, chance), noisy(100, 21, chance), chance);
      if (low <= 0.8 && high >= 0.8) hits += 1;
    }
    expect(hits).toBeGreaterThanOrEqual(51);
  });

  test('a real difference is outside, and more blocks give a narrower interval', () => {
    const chance = new Chance(3);
    const few = compareArms(noisy(90, 7, chance), noisy(100, 7, chance), chance);
    const many = compareArms(noisy(90, 201, chance), noisy(100, 201, chance), chance);
    expect(many.high).toBeLessThan(1);
    expect(many.high - many.low).toBeLessThan(few.high - few.low);
    expect(many.low).toBeLessThanOrEqual(many.ratio);
    expect(many.high).toBeGreaterThanOrEqual(many.ratio);
  });

  test('a disturbance that hits whole blocks does not widen the interval', () => {
    const chance = new Chance(5);
    const speed = Array.from({ length: 31 }, () => 0.2 + chance.next());
    const { low, high } = compareArms(
      speed.map((s) => 95 * s),
      speed.map((s) => 100 * s),
      chance,
    );
    expect(high - low).toBeLessThan(0.001);
  });

  test('the same seed gives the same interval; unpaired or too few blocks are refused', () => {
    const samples = noisy(1, 9, new Chance(1));
    const once = compareArms(samples, samples.toReversed(), new Chance(2));
    expect(compareArms(samples, samples.toReversed(), new Chance(2))).toEqual(once);
    expect(() => compareArms(samples, samples.slice(1), new Chance(2))).toThrow(RangeError);
    expect(() => compareArms([1, 2], [1, 2], new Chance(2))).toThrow(RangeError);
  });

  test('a null pair is fair only if 1 is within', () => {
    expect(judgeNullPair({ ratio: 1.01, low: 0.98, high: 1.03 }).fair).toBe(true);
    expect(judgeNullPair({ ratio: 1.05, low: 1.01, high: 1.09 }).fair).toBe(false);
    expect(judgeNullPair({ ratio: 0.95, low: 0.91, high: 0.99 }).text).toContain('believe none');
  });
});

describe('chance', () => {
  test('is reproducible, spread evenly, and other for another seed', () => {
    const take = (seed: number) => {
      const chance = new Chance(seed);
      return Array.from({ length: 10_000 }, () => chance.next());
    };
    expect(take(1)).toEqual(take(1));
    expect(take(1)[0]).not.toBe(take(2)[0]);
    for (const seed of [0, 1, 2, 0xffffffff]) {
      const values = take(seed);
      expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...values)).toBeLessThan(1);
      const tenths = new Array<number>(10).fill(0);
      for (const value of values)
        tenths[Math.floor(value * 10)] = (tenths[Math.floor(value * 10)] ?? 0) + 1;
      for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
    }
  });

  test('shuffles keep every arm and reach every order', () => {
    const chance = new Chance(1);
    const orders = new Set<string>();
    for (let i = 0; i < 200; i += 1) {
      const order = shuffled(['a', 'b', 'c'], chance);
      expect([...order].sort()).toEqual(['a', 'b', 'c']);
      orders.add(order.join(''));
    }
    expect(orders.size).toBe(6);
  });
});
