import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  freePort,
  type Replica,
  ReplicaSet,
  untilAccepting,
} from '../../../hypervisor/cli/demo/replicas.ts';

let dir: string;
let set: ReplicaSet;
let deaths: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hv-replicas-'));
  deaths = [];
  set = new ReplicaSet(dir, (replica, how) => deaths.push(`${replica.name}: ${how}`));
});
afterEach(async () => {
  await set.close();
  rmSync(dir, { recursive: true });
});

/** A child that runs this source; `emit` writes an event. */
function start(source: string): Replica {
  const file = join(dir, 'child.cjs');
  const prelude = `const emit = (evt, epoch) => require('fs').writeSync(3, JSON.stringify({evt, at: 1, epoch}) + '\\n');\n`;
  writeFileSync(file, prelude + source);
  return set.start({ name: 'child', address: '127.0.0.1:1', args: ['x'], file });
}

const WAIT = { timeoutMs: 20_000 };

test('events are read and waited for, those before `from` not counting', async () => {
  const child = start(`emit('live', 1); emit('live', 2); setInterval(() => {}, 1000);`);
  expect(await child.waitFor('live', WAIT)).toEqual({ evt: 'live', at: 1, epoch: 1 });
  expect(await child.waitFor('live', { ...WAIT, from: 1 })).toMatchObject({ epoch: 2 });
  await expect(child.waitFor('never', { timeoutMs: 10 })).rejects.toThrow(
    'no "never" within 10 ms',
  );
});

test('a death nobody asked for is reported with the last words, and ends every wait', async () => {
  const child = start(
    `for (let i = 0; i < 50; i += 1) console.error('line ' + i); process.exit(9);`,
  );
  await expect(child.waitFor('live', WAIT)).rejects.toThrow('child ended: exit status 9');
  await child.gone();
  expect(deaths).toEqual(['child: exit status 9']);
  expect(child.lastLines.at(-1)).toBe('line 49');
  expect(child.lastLines.length).toBeLessThan(20);
  await expect(child.waitFor('live', WAIT)).rejects.toThrow('has ended');
});

test('a kill is no unexpected death, and closing the set leaves no process', async () => {
  const first = start(`emit('up'); setInterval(() => {}, 1000);`);
  const second = start(`emit('up'); setInterval(() => {}, 1000);`);
  await Promise.all([first.waitFor('up', WAIT), second.waitFor('up', WAIT)]);
  first.kill();
  await first.gone();
  await set.close();
  expect(deaths).toEqual([]);
  for (const { pid } of [first, second]) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a port is waited for until something accepts, or until it is hopeless', async () => {
  const port = await freePort();
  const dead = { ...WAIT, gaveUp: () => new Error('it has ended') };
  await expect(untilAccepting(port, dead)).rejects.toThrow('it has ended');
  start(`require('net').createServer().listen(${port}, '127.0.0.1');`);
  await untilAccepting(port, { ...WAIT, gaveUp: () => undefined });
});
