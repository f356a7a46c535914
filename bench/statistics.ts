/**
 * How two arms of a benchmark are compared: interleaved blocks, the ratio of medians, a bootstrap
 * interval, and a null pair that must come out as 1 before any other ratio is believed. Pure.
 */

import type { Chance } from '../hypervisor/cli/demo/chance.ts';
import { quantile } from '../hypervisor/cli/demo/quantiles.ts';

export interface Interval {
  readonly ratio: number;
  /** Ends of the 95 % interval. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 4_000;
const TAIL = 0.025;

/** Undefined without samples. */
export function median(samples: readonly number[]): number | undefined {
  const sorted = [...samples].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  /** Of fewer than 100 samples the same as `max`: nearest rank invents nothing. */
  readonly p99: number;
  readonly max: number;
}

/** Undefined without samples. */
export function percentilesOf(samples: readonly number[]): Percentiles | undefined {
  const sorted = [...samples].sort((a, b) => a - b);
  const max = sorted.at(-1);
  if (max === undefined) return undefined;
  const at = (share: number): number => quantile(sorted, share) ?? max;
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max };
}

/**
 * Median of `arm` over median of `base`, with a percentile bootstrap over whole blocks: sample i of
 * both comes from block i, so what disturbed a block disturbs both sides of its resamples.
 * Needs as many samples of one as of the other, at least 3, all above 0.
 */
export function compareArms(
  arm: readonly number[],
  base: readonly number[],
  chance: Chance,
): Interval {
  const blocks = arm.length;
  if (blocks < 3 || base.length !== blocks) throw new RangeError('needs 3 or more paired blocks');
  const ratio = ratioOf(arm, base);
  const ratios: number[] = [];
  for (let i = 0; i < RESAMPLES; i += 1) {
    const picks = Array.from({ length: blocks }, () => chance.below(blocks));
    ratios.push(ratioOf(pick(arm, picks), pick(base, picks)));
  }
  ratios.sort((a, b) => a - b);
  const at = (share: number): number => ratios[Math.floor(share * (RESAMPLES - 1))] ?? ratio;
  return { ratio, low: at(TAIL), high: at(1 - TAIL) };
}

function ratioOf(arm: readonly number[], base: readonly number[]): number {
  return (median(arm) ?? Number.NaN) / (median(base) ?? Number.NaN);
}

function pick(samples: readonly number[], picks: readonly number[]): number[] {
  return picks.map((i) => samples[i] ?? Number.NaN);
}

/** What a pair of equal arms says about the run: `fair` if 1 lies within its interval. */
export function judgeNullPair(pair: Interval): { fair: boolean; text: string } {
  const fair = pair.low <= 1 && pair.high >= 1;
  const found = `${pair.ratio.toFixed(3)} (${pair.low.toFixed(3)} to ${pair.high.toFixed(3)})`;
  return {
    fair,
    text: fair
      ? `null pair ${found}: differences smaller than this interval mean nothing`
      : `null pair ${found} is not 1: something else disturbed this run, believe none of its ratios`,
  };
}

/** An order for each block: every arm once, shuffled, so that no arm always follows another. */
export function shuffled<T>(arms: readonly T[], chance: Chance): T[] {
  const out = [...arms];
  for (let i = out.length - 1; i > 0; i -= 1) {
    const j = chance.below(i + 1);
    const [a, b] = [out[i], out[j]];
    if (a !== undefined && b !== undefined) [out[i], out[j]] = [b, a];
  }
  return out;
}
