import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GUESTS, Stage } from '../support/hv-process.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

/** One turn that only its own preemptive timer ends. */
const WAITS = `const { preempt } = require('hv/guest');
let looks = 0;
const timer = preempt.every(10, () => { looks += 1; });
while (looks < 300);
timer.cancel();
console.log('looked', looks);
`;

/** Resolves when the copy of a log has grown by so many bytes. */
async function grown(path: string, bytes: number): Promise<void> {
  const size = (): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  while (size() === 0) await new Promise((resolve) => setImmediate(resolve));
  const from = size();
  while (size() < from + bytes) await new Promise((resolve) => setImmediate(resolve));
}

describe('a preempted guest', () => {
  test('leaves a loop that only its timers end, is recorded and replays', async () => {
    const script = join(GUESTS, 'preempt.js');
    const one = await stage.hv(['run', script]).exited;
    expect(one.stdout).toBe('interrupted while it computed\nand the loop goes on\n');
    expect(one.code).toBe(0);
    expect((await stage.hv(['log', 'cat', '.hv/preempt']).exited).stdout).toMatch(
      /preempt +in turn 2 at tick/,
    );
    expect((await stage.hv(['replay', '.hv/preempt']).exited).stdout).toBe(one.stdout);
  });

  test('ends its turn on the backup when the primary is killed in the middle of it', async () => {
    const script = join(stage.dir, 'waits.js');
    writeFileSync(script, WAITS);
    const backup = await stage.backup('--dir', 'b1');
    const options = ['--backup', backup.address, '--events-fd', '3'];
    const primary = stage.hv(['run', ...options, script]);
    await primary.event('protected');
    await grown(join(stage.dir, 'b1/waits/000001.hvlog'), 400);
    primary.kill('SIGKILL');
    await backup.process.event('live');
    const { code, stdout } = await backup.process.exited;
    expect(stdout).toBe('looked 300\n');
    expect(code).toBe(0);
    const replay = await stage.hv(['replay', 'b1/waits']).exited;
    expect(replay.stdout).toBe('looked 300\n');
    expect(replay.code).toBe(0);
  });
});
