import { describe, expect, test } from 'vitest';
import { summarize } from '../../../bench/failover.ts';
import { planOf, type Trial } from '../../../bench/failover-trials.ts';
import { idleRow, kbitPerSecond } from '../../../bench/idle.ts';
import { growth } from '../../../bench/log-growth.ts';
import { logSizeRow } from '../../../bench/log-size.ts';
import { settingsOf } from '../../../bench/overhead.ts';
import { caveats, report, reportLines, type Samples } from '../../../bench/overhead-report.ts';
import { numberOption, provenanceOf } from '../../../bench/provenance.ts';
import type { Sample } from '../../../bench/slices.ts';
import { Chance } from '../../../hypervisor/cli/demo/chance.ts';

const PROVENANCE = { command: 'node x', cores: 2, node: 'v20.0.0', date: '2001-02-03' };

function overhead(samples: Samples) {
  const options = { guest: 'kv', connections: 16, provenance: PROVENANCE } as const;
  return report(samples, { ...options, chance: new Chance(1) });
}

/** 15 samples around a rate and a CPU time. */
function around(unitsPerSecond: number, cpuMicros: number, more: Partial<Sample> = {}): Sample[] {
  const chance = new Chance(unitsPerSecond + cpuMicros);
  return Array.from({ length: 15 }, () => ({
    unitsPerSecond: unitsPerSecond * (1 + chance.next() / 100),
    cpuMicros: cpuMicros * (1 + chance.next() / 100),
    ...more,
  }));
}

describe('the overhead report', () => {
  test('has the ratios of what was measured, of rate and CPU time apart', () => {
    const D = around(60, 11, { backupCpuMicros: 8, backupLagMs: 30 });
    const result = overhead({ A: around(100, 10), A2: around(100, 10), D });
    for (const { ratios } of [result.rate, result.cpu]) {
      expect(ratios.map(({ arm, base }) => `${arm}/${base}`)).toEqual(['A2/A', 'D/A']);
    }
    expect(result.rate.ratios[1]?.ratio).toBeCloseTo(0.6, 1);
    expect(result.cpu.ratios[1]?.ratio).toBeCloseTo(1.1, 1);
    expect(result.pairCpu?.ratio).toBeCloseTo(1.9, 1);
    expect(result.arms.D?.backupCpuMicros).toBe(8);
    expect(result.arms).not.toHaveProperty('C');
    expect(caveats(result)[0]).toContain('share 2 cores');
    expect(reportLines(result).join('\n')).toContain('caught up 30 ms after the load');
  });

  test('judges the null pair for rate and CPU time, each by itself', () => {
    const slower = overhead({ A: around(100, 10), A2: around(120, 10) });
    expect([slower.rate.nullPair?.fair, slower.cpu.nullPair?.fair]).toEqual([false, true]);
    const dearer = overhead({ A: around(100, 10), A2: around(100, 13) });
    expect([dearer.rate.nullPair?.fair, dearer.cpu.nullPair?.fair]).toEqual([true, false]);
    expect(caveats(dearer).at(-1)).toContain('believe none');
  });

  test('without a null pair it says that no ratio is to be believed', () => {
    const result = overhead({ A: around(100, 10), B: around(99, 10) });
    expect(result.rate).not.toHaveProperty('nullPair');
    expect(result).not.toHaveProperty('pairCpu');
    expect(caveats(result)).toHaveLength(2);
    expect(caveats(result)[0]).toContain('no null pair');
  });
});

test('the failover report counts a phase over the trials that had it', () => {
  const trial = (live: number, gapMs: number | undefined): Trial => ({
    blow: 'kill',
    winner: 'backup',
    phasesMs: { live },
    gapMs,
    protectedMs: 10 * live,
  });
  const figures = summarize([trial(5, 9), trial(7, undefined), trial(6, 11)]);
  expect(figures?.trials).toBe(3);
  expect(figures?.phasesMs).toEqual({
    live: { count: 3, p50: 6, p90: 7, p99: 7, max: 7 },
    'client gap': { count: 2, p50: 9, p90: 11, p99: 11, max: 11 },
    'protected again': { count: 3, p50: 60, p90: 70, p99: 70, max: 70 },
  });
  expect(summarize([])).toBeUndefined();
});

test('a plan of failovers has each blow as often as asked for, in parts, the same for a seed', () => {
  const counts = { kill: 10, stop: 3, blackhole: 4 };
  const plan = planOf(counts, { partSize: 5, seed: 3 });
  expect(plan.map((part) => part.length)).toEqual([5, 5, 5, 2]);
  const all = plan.flat();
  for (const [blow, count] of Object.entries(counts))
    expect(all.filter((one) => one === blow)).toHaveLength(count);
  expect(planOf(counts, { partSize: 5, seed: 3 })).toEqual(plan);
  expect(planOf(counts, { partSize: 5, seed: 4 })).not.toEqual(plan);
});

test('growth of a log is what is between, and an idle row is that per second', () => {
  const before = { bytes: 100, records: 4, batches: 2, payloadBytes: 10 };
  const after = { bytes: 600, records: 14, batches: 7, payloadBytes: 60 };
  const grown = growth(before, after);
  expect(grown).toEqual({ bytes: 500, records: 10, batches: 5, payloadBytes: 50 });
  const times = { seconds: 5, primaryMicros: 50_000, backupMicros: 5_000 };
  const row = idleRow('x', { ...times, grown });
  expect(row.logBytesPerSecond).toBe(100);
  expect(row.recordsPerSecond).toBe(2);
  expect([row.primaryCpuPercent, row.backupCpuPercent]).toEqual([1, 0.1]);
  expect(kbitPerSecond(row)).toBe(0.8);
});

test('what a request costs beyond itself leaves its payload out', () => {
  const grown = { bytes: 1300, records: 40, batches: 10, payloadBytes: 1000 };
  expect(logSizeRow({ connections: 4, requests: 20 }, grown).beyondPerRequest).toBe(15);
});

describe('the command line of a benchmark', () => {
  test('arms keep their order whatever the order asked for; unknown ones are refused', () => {
    expect(settingsOf(['--arms', 'D,A']).arms).toEqual(['A', 'D']);
    expect(() => settingsOf(['--arms', 'A,X'])).toThrow('arms are');
    expect(() => settingsOf(['--guest', 'chat'])).toThrow('kv and cpu');
    expect(() => settingsOf(['--blocks', '2'])).toThrow('--blocks');
  });

  test('a number is a number, and large enough', () => {
    expect(numberOption('seconds', '0.5', 0.1)).toBe(0.5);
    for (const text of ['', 'many', '-1', 'Infinity']) {
      expect(() => numberOption('seconds', text, 0)).toThrow(RangeError);
    }
  });

  test('the command of a result can be typed in the root of the project', () => {
    const { command, node } = provenanceOf('/some/where/dist/bench/idle.js', ['--json']);
    expect(command).toBe('node dist/bench/idle.js --json');
    expect(node).toBe(process.version);
  });
});
