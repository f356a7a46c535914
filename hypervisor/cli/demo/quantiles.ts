/** Order statistics of samples. Pure. */

export interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Nearest rank: the smallest sample that at least the share `q` of all does not exceed. */
export function quantile(sorted: readonly number[], q: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)];
}

/** Undefined without samples: there is no honest number for nothing. */
export function quantilesOf(samples: readonly number[]): Quantiles | undefined {
  const sorted = [...samples].sort((a, b) => a - b);
  const p50 = quantile(sorted, 0.5);
  const p99 = quantile(sorted, 0.99);
  const max = sorted.at(-1);
  if (p50 === undefined || p99 === undefined || max === undefined) return undefined;
  return { count: sorted.length, p50, p99, max };
}
