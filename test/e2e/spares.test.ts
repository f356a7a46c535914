/** Idle backups that take the place of lost ones, found by the view service or named by the operator. */

import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RECRUIT_MS } from '../../hypervisor/base/limits.ts';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';
import { freePort, KvClient } from '../support/kv-client.ts';

const KV = join(GUESTS, 'kv.js');

interface Backup {
  readonly process: HvProcess;
  readonly address: string;
}

let stage: Stage;
let port: number;
beforeEach(async () => {
  stage = new Stage();
  port = await freePort();
});
afterEach(() => stage.close());

async function arbiter(): Promise<string> {
  const process = stage.hv(['arbiter', '--listen', '127.0.0.1:0', '--data', 'views']);
  const [, address = ''] = await process.output(/arbiter listening on (\S+),/);
  return `http://${address}`;
}

function runKv(...args: readonly string[]): HvProcess {
  // A busy machine is no dead primary; a kill shows by the closed link.
  const start = ['run', '--detect', 'wan', '--events-fd', '3', '--name', 'kv'];
  return stage.hv([...start, ...args, KV, String(port)]);
}

async function ask(...words: string[]): Promise<unknown> {
  const client = await KvClient.reach(port);
  const reply = await client.ask(...words);
  client.close();
  return reply.type === 'integer' ? reply.value : 'text' in reply ? reply.text : reply;
}

/** Resolves when the arbiter's status is `wanted` of these spares for any guest. */
async function idle(url: string, ...wanted: readonly Backup[]): Promise<void> {
  const names = wanted.map(({ address }) => address).sort();
  for (;;) {
    const { pool } = (await (await fetch(`${url}/v1/status`)).json()) as { pool: string[] };
    if (JSON.stringify([...pool].sort()) === JSON.stringify(names)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function joined(primary: HvProcess, from = 0): readonly unknown[] {
  const joins = primary.events.slice(from).filter(({ evt }) => evt === 'backup.joined');
  return joins.map(({ peer }) => peer);
}

describe('a spare that pings the view service', () => {
  test('takes the place of a killed backup, and then of the killed primary, with every write', async () => {
    const url = await arbiter();
    const backup = await stage.backup('--dir', 'b', '--arbiter', url);
    const primary = runKv('--listen', '127.0.0.1:0', '--backup', backup.address, '--arbiter', url);
    await primary.event('protected');
    const spare = await stage.backup('--dir', 's', '--arbiter', url);
    await idle(url, spare);
    for (let n = 1; n <= 20; n++) await ask('APPEND', 'list', `${n},`);
    expect(joined(primary)).toEqual([backup.address]);

    const killed = primary.events.length;
    backup.process.kill('SIGKILL');
    await primary.event('protected', killed);
    expect(joined(primary, killed)).toEqual([spare.address]);
    for (let n = 21; n <= 40; n++) await ask('APPEND', 'list', `${n},`);

    primary.kill('SIGKILL');
    await spare.process.event('live');
    const list = Array.from({ length: 40 }, (_, index) => `${index + 1},`).join('');
    expect(await ask('GET', 'list')).toBe(list);
    expect(await ask('INCR', 'fresh')).toBe(1);
  });

  test('is not asked once it is dead: the next best one is', async () => {
    const url = await arbiter();
    const backup = await stage.backup('--dir', 'b', '--arbiter', url);
    const primary = runKv('--listen', '127.0.0.1:0', '--backup', backup.address, '--arbiter', url);
    await primary.event('protected');
    const best = await stage.backup('--dir', 's1', '--arbiter', url, '--priority', '9');
    const other = await stage.backup('--dir', 's2', '--arbiter', url);
    await idle(url, best, other);
    best.process.kill('SIGKILL');
    await idle(url, other);
    const killed = primary.events.length;
    backup.process.kill('SIGKILL');
    await primary.event('protected', killed);
    expect(joined(primary, killed)).toEqual([other.address]);
    const dialled = primary.events.filter(({ peer }) => peer === best.address);
    expect(dialled).toEqual([]);
  });

  test('under a name that is no address is refused, and the primary goes on', async () => {
    const url = await arbiter();
    const primary = runKv('--listen', '127.0.0.1:0', '--arbiter', url);
    await primary.event('primary.live');
    const ping = JSON.stringify({ replica: 'nobody can dial this', epoch: 0, role: 'spare' });
    const post = (): Promise<unknown> =>
      fetch(`${url}/v1/vm/*/ping`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: ping,
      }).catch(() => undefined);
    const pinging = setInterval(() => void post(), 100);
    const { reason } = await primary.event('backup.refused').finally(() => clearInterval(pinging));
    expect(reason).toContain('not host:port');
    expect(await ask('INCR', 'alive')).toBe(1);
  });
});

describe('a spare that the primary was given', () => {
  test('is recruited when the backup stays away, also behind one that is dead', async () => {
    const [backup, dead, spare] = [
      await stage.backup('--dir', 'b'),
      await stage.backup('--dir', 's1'),
      await stage.backup('--dir', 's2'),
    ];
    const spares = ['--spare', dead.address, '--spare', spare.address];
    const primary = runKv('--backup', backup.address, ...spares);
    await primary.event('protected');
    dead.process.kill('SIGKILL');
    await dead.process.exited;
    expect(await ask('SET', 'a', '1')).toBe('OK');

    const killed = primary.events.length;
    backup.process.kill('SIGKILL');
    const { at: lostAt } = await primary.event('unprotected', killed);
    const { at: protectedAt } = await primary.event('protected', killed);
    expect(joined(primary, killed)).toEqual([spare.address]);
    // The dead one had its turn first.
    expect(protectedAt - lostAt).toBeGreaterThan(1.5 * RECRUIT_MS * 1000);
    primary.kill('SIGKILL');
    await spare.process.event('live');
    expect(await ask('GET', 'a')).toBe('1');
  });
});
