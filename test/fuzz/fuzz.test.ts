/** The fuzzer over the seeds of every CI run, in a process of its own for its stack; runs dist/. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { LONG } from '../support/long.ts';

const MAIN = fileURLToPath(new URL('../../dist/test/fuzz/main.js', import.meta.url));
/** Forty seconds of one core with nothing else to do; the limit is for machines that have. */
const SEEDS = LONG ? 2000 : 150;
const TIMEOUT_MS = 600_000;

function fuzz(...args: readonly string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? -1);
      resolve({ code, stdout: stdout + stderr });
    });
  });
}

test(
  `${SEEDS} random programs give the same bits recorded, replayed and on a backup`,
  async () => {
    const { code, stdout } = await fuzz('--seeds', String(SEEDS), '--json');
    expect(code, stdout).toBe(0);
    const totals = JSON.parse(stdout) as Record<string, number>;
    const { programs = 0, turns = 0, midTurns = 0, outputBytes = 0, threw = 0 } = totals;
    expect(programs).toBe(SEEDS);
    // A fuzzer whose programs do nothing finds nothing.
    expect(turns / programs).toBeGreaterThan(4);
    expect(midTurns / programs).toBeGreaterThan(0.1);
    expect(outputBytes / programs).toBeGreaterThan(300);
    expect(threw / programs).toBeLessThan(0.02);
  },
  TIMEOUT_MS,
);

test(
  'a planted bug is found, shrunk to a statement that shows it, and placed',
  async () => {
    const { code, stdout } = await fuzz('--from', '1', '--seeds', '4', '--plant');
    expect(code).toBe(1);
    const [, first = ''] = stdout.split('DIVERGED');
    const [, shrunk = ''] = first.split('shrunk to\n');
    const statements = shrunk
      .slice(shrunk.indexOf('const attempt'))
      .split("\nout('end of main'")[0];
    expect(statements).toMatch(/Date/);
    expect(statements?.split('\n').length).toBeLessThan(8);
    expect(shrunk).toMatch(/FIRST DIFFERENCE in the turn at lsn \d+: output \d+, stdout, byte \d+/);
  },
  TIMEOUT_MS,
);

test('a number that is none is refused', async () => {
  expect(await fuzz('--seeds', 'many')).toEqual({
    code: 2,
    stdout: 'hv: many is not a whole number\n',
  });
});
