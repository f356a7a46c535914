import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

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

describe('many histories', () => {
  it('say the same on two threads as on one', () => {
    const alone = sim('--jobs', '1');
    expect(alone.status).toBe(0);
    expect(alone.said).toContain(`${SEEDS} histories, 0 failed`);
    expect(sim('--jobs', '2')).toEqual(alone);
  });

  it('fail on two threads as on one, in the order of their seeds', () => {
    const alone = sim('--jobs', '1', '--sabotage', 'dropHeld');
    expect(alone.status).toBe(1);
    expect(sim('--jobs', '2', '--sabotage', 'dropHeld')).toEqual(alone);
  });
});
