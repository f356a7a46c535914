import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/test/simulator/main.js', import.meta.url));
/** More than one block, and not a whole number of them. */
const SEEDS = '101';

function sim(...args: readonly string[]): {
  readonly status: number | null;
  readonly said: string;
} {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, '--seeds', SEEDS, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  // Only the last line tells how long it took.
  return { status, said: stdout.replace(/ in [\d.]+ s \([^)]*\)/, '') };
}

test('many histories say the same on two threads as on one, failures in the order of their seeds', () => {
  const alone = sim('--jobs', '1', '--sabotage', 'releaseEarly');
  expect(alone.status).toBe(1);
  expect(alone.said).toMatch(new RegExp(`${SEEDS} histories, [1-9]`));
  expect(sim('--jobs', '2', '--sabotage', 'releaseEarly')).toEqual(alone);
});
