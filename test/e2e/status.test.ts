import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GUESTS, Stage } from '../support/hv-process.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

test('hv status shows a primary and its backup, and nobody once they are gone', async () => {
  const backup = await stage.backup('--dir', '.hv/b1');
  const waiting = await stage.hv(['status', '--json']).exited;
  expect(JSON.parse(waiting.stdout)).toMatchObject({ role: 'backup', phase: 'idle' });
  const options = [
    '--backup',
    backup.address,
    '--events-fd',
    '3',
    '--memory',
    '64MiB',
    '--cpu',
    '5G',
  ];
  const primary = stage.hv(['run', ...options, join(GUESTS, 'echo.js'), '0']);
  await primary.event('protected');
  await backup.process.event('in.step');
  const { stdout } = await stage.hv(['status', 'echo', '--json']).exited;
  const found = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  expect(found).toHaveLength(2);
  const one = found.find(({ role }) => role === 'primary');
  const two = found.find(({ role }) => role === 'backup');
  expect(one).toMatchObject({
    name: 'echo',
    pid: primary.pid,
    limits: { heapBytes: 64 * 2 ** 20, turnTicks: 5e9, secondTicks: 0 },
    replication: { live: true, backups: [{ peer: backup.address, state: 'gated' }] },
  });
  expect(one.meter.turns).toBeGreaterThan(0);
  expect(two).toMatchObject({ name: 'echo', pid: backup.process.pid, vm: one.vm });
  expect(two.replication.lsnReceived).toBeGreaterThan(0);
  const people = (await stage.hv(['status']).exited).stdout;
  expect(people).toMatch(/echo: primary, pid \d+\n {2}vm +echo-/);
  expect(people).toContain(`backup       ${backup.address} gated: acked`);
  primary.kill('SIGINT');
  await Promise.all([primary.exited, backup.process.exited]);
  const nobody = await stage.hv(['status']).exited;
  expect(nobody.code).toBe(2);
  expect(nobody.stderr).toContain('no replica runs below .hv');
});

test('hv status answers while the guest computes, with what the supervisor knows', async () => {
  const one = stage.hv(['run', '--events-fd', '3', join(GUESTS, 'hostile', 'infinite-loop.js')]);
  await one.event('primary.live');
  let status: { busy?: { turn: number; ms: number } | null; meter?: unknown } = {};
  while ((status.busy?.ms ?? 0) === 0)
    status = JSON.parse((await stage.hv(['status', '--json']).exited).stdout || '{}');
  expect(status.meter).toBeNull();
  expect(status.busy?.turn).toBeGreaterThan(0);
});
