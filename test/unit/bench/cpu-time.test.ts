import { describe, expect, test } from 'vitest';
import { cpuMicros, parseSchedstat, parseStat, untilCalm } from '../../../bench/cpu-time.ts';

describe('/proc', () => {
  test('utime and stime are found behind any name of the process', () => {
    const rest = 'S 1 2 3 0 -1 4194304 96 0 0 0 17 5 900 900 20 0 11 0 626174';
    expect(parseStat(`12 (node) ${rest}`)).toBe(220_000);
    expect(parseStat(`12 (a) b) (c 1 2) ${rest}`)).toBe(220_000);
    expect(() => parseStat('12 (node) S 1')).toThrow('no /proc/<pid>/stat');
  });

  test('the first number of schedstat is nanoseconds', () => {
    expect(parseSchedstat('54531148 1200 7\n')).toBe(54_531.148);
    expect(() => parseSchedstat('')).toThrow('no schedstat');
  });
});

/** Computes until this process has used that much CPU time. */
function burn(micros: number): void {
  const { user, system } = process.cpuUsage();
  for (;;) {
    const now = process.cpuUsage();
    if (now.user + now.system - user - system >= micros) return;
  }
}

describe.runIf(process.platform === 'linux')('CPU time of a process', () => {
  test('grows by what it computes', () => {
    const before = cpuMicros(process.pid);
    burn(100_000);
    const grown = cpuMicros(process.pid) - before;
    expect(grown).toBeGreaterThan(80_000);
    expect(grown).toBeLessThan(250_000);
  });

  test('a process that never rests is reported, a resting one found', async () => {
    // A machine that others keep busy makes a busy process look calm.
    let used = 0;
    const busy = (): number => {
      used += 1e9;
      return used;
    };
    await expect(untilCalm(process.pid, 300, busy)).rejects.toThrow('still busy');
    await expect(untilCalm(process.pid, 10_000, () => used)).resolves.toBeGreaterThanOrEqual(0);
  });

  test('of one that is gone is an error', () => {
    expect(() => cpuMicros(0x7fff_fff0)).toThrow('ENOENT');
  });
});
