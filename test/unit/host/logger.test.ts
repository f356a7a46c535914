import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HostLogger } from '../../../hypervisor/host/logger.ts';
import { bundleForNode } from './bundle-for-node.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hv-logger-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function lines(file: string): Record<string, unknown>[] {
  const text = readFileSync(file, 'utf8');
  return text === ''
    ? []
    : text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
}

test('a line names event, replica, role and epoch, and is there when the call returns', () => {
  const file = join(directory, 'hv.log');
  const state = { role: 'backup', epoch: 3 };
  const logger = HostLogger.open({ replica: 'b:2', verbose: false, file }, state);
  logger.warn('peer.suspected', { silentMs: 51 });
  expect(lines(file)).toEqual([
    {
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      pid: process.pid,
      replica: 'b:2',
      role: 'backup',
      epoch: 3,
      silentMs: 51,
      evt: 'peer.suspected',
    },
  ]);
  logger.become({ role: 'primary', epoch: 4 });
  logger.error('machine.diverged');
  expect(lines(file)[1]).toMatchObject({ role: 'primary', epoch: 4, evt: 'machine.diverged' });
  expect(readFileSync(file, 'utf8').match(/"epoch"/g)?.length).toBe(2);
});

test('information is silent unless asked for, and a file is appended to', () => {
  const file = join(directory, 'hv.log');
  const state = { role: 'primary', epoch: 1 };
  HostLogger.open({ replica: 'a:1', verbose: false, file }, state).info('quiet');
  expect(lines(file)).toEqual([]);
  HostLogger.open({ replica: 'a:1', verbose: true, file }, state).info('one');
  HostLogger.open({ replica: 'a:1', verbose: true, file }, state).info('two');
  expect(lines(file).map(({ evt }) => evt)).toEqual(['one', 'two']);
});

test('a file that cannot be opened is a usage error', () => {
  const file = join(directory, 'missing', 'hv.log');
  const open = () =>
    HostLogger.open({ replica: 'a:1', verbose: false, file }, { role: 'primary', epoch: 1 });
  expect(open).toThrow(expect.objectContaining({ code: 'HV_E_USAGE' }));
});

test('without a file it writes to standard error, complete before an exit', async () => {
  const script = await bundleForNode(
    'logger-child',
    `import { HostLogger } from 'hypervisor/host/logger.ts';
     const logger = HostLogger.open({ replica: 'a:1', verbose: true }, { role: 'primary', epoch: 1 });
     for (let n = 0; n < 500; n++) logger.info('line', { n });
     process.exit(0);`,
  );
  const { stdout, stderr, status } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  expect([stdout, status]).toEqual(['', 0]);
  expect(stderr.trimEnd().split('\n').length).toBe(500);
});
