import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { GUESTS, Stage } from '../support/hv-process.ts';
import { longTest } from '../support/long.ts';

/**
 * The native stack must outlast the guest's in every shape of recursion and under every compiler of
 * the host, or the same guest would end at different depths on two hosts.
 */
describe('recursion in thirty shapes', () => {
  let stage: Stage;
  beforeAll(() => {
    stage = new Stage();
  });
  afterAll(() => stage.close());

  longTest(
    'ends in guest errors, and replays to the same memory whatever compiler the host uses',
    async () => {
      const script = join(GUESTS, 'hostile', 'recursion-shapes.js');
      const run = await stage.hv(['run', '--name', 'shapes', script]).exited;
      expect(run.stderr).toBe('');
      expect(run.code).toBe(0);
      const lines = run.stdout.trimEnd().split('\n');
      expect(lines.length).toBeGreaterThan(30);
      expect(lines.filter((line) => line.includes('broken'))).toEqual([]);
      expect(
        lines.filter((line) => /InternalError|RangeError|SyntaxError|no memory/.test(line)).length,
      ).toBeGreaterThan(20);
      const hashes = new Set<string>();
      // The golden of the same guest is replayed with the compilers in turn, as Node comes.
      for (const flag of ['--liftoff-only', '--no-liftoff']) {
        const replay = await stage.hv(['replay', '--json', '.hv/shapes'], { nodeFlags: [flag] })
          .exited;
        expect(replay.stderr).toBe('');
        expect(replay.code).toBe(0);
        hashes.add((JSON.parse(replay.stdout) as { memoryHash: string }).memoryHash);
      }
      expect(hashes.size).toBe(1);
    },
  );
});
