import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';
import { freePort, KvClient } from '../support/kv-client.ts';

const KV = join(GUESTS, 'kv.js');

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

interface Pair {
  readonly primary: HvProcess;
  readonly backup: HvProcess;
  readonly address: string;
  readonly port: number;
}

/** Both can be dialled, so that either may become the other's backup. */
async function pair(...more: string[]): Promise<Pair> {
  const { process: backup, address } = await stage.backup('--dir', 'b');
  const port = await freePort();
  const primary = stage.hv([
    ...['run', '--backup', address, '--listen', `127.0.0.1:${await freePort()}`],
    ...['--events-fd', '3', '--detect', '2000', '--name', 'kv', ...more],
    ...[KV, String(port)],
  ]);
  await primary.event('protected');
  await backup.event('in.step');
  return { primary, backup, address, port };
}

async function set(port: number, value: string): Promise<void> {
  await (await KvClient.reach(port)).ask('SET', 'k', value);
}

async function get(port: number): Promise<string> {
  const reply = await (await KvClient.reach(port)).ask('GET', 'k');
  return reply.type === 'bulk' ? String(reply.text) : reply.type;
}

/** Replicas it has started that are still there. */
function childrenOf(pid: number): number[] {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks)
    .flatMap((task) => readFileSync(join(tasks, task, 'children'), 'utf8').split(' '))
    .flatMap((child) => (child === '' ? [] : [Number(child)]))
    .filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('backup'));
}

function hv(...args: string[]): HvProcess['exited'] {
  return stage.hv(args).exited;
}

describe('hv switchover', () => {
  test('hands the guest over and back, and the replica that handed over is a backup again', async () => {
    const { primary, backup, address, port } = await pair();
    await set(port, 'one');
    const over = await hv('switchover', 'kv', '--json');
    expect(over.code).toBe(0);
    expect(JSON.parse(over.stdout)).toMatchObject({ type: 'handedOver', to: address });
    await backup.event('live');
    await primary.event('continuing');
    await primary.event('in.step');
    await backup.event('protected');
    expect(await get(port)).toContain('one');
    await set(port, 'two');
    const [home, away] = [primary.events.length, backup.events.length];
    const back = await hv('switchover', 'kv', '--dir', 'b');
    expect(back.stderr).toMatch(/handed over to .*; nothing was lost or sent twice/);
    await primary.event('live');
    expect(await get(port)).toContain('two');

    // Its copy is deleted under the replica that is a backup now: it notices, and gets a new one.
    await primary.event('protected', home);
    await backup.event('in.step', away);
    const seen = primary.events.length;
    const copy = join(stage.dir, 'b', 'kv');
    rmSync(copy, { recursive: true });
    expect(await backup.event('log.lost')).toMatchObject({ path: join('b', 'kv', '000001.hvlog') });
    await primary.event('protected', seen);
    expect(readdirSync(copy)).toContain('000001.hvlog');

    // Under the primary it is the only one there is for a third: who asks to join is told, once.
    rmSync(join(stage.dir, '.hv', 'kv'), { recursive: true });
    await primary.event('log.lost');
    const { address: at = '' } = await primary.event('started');
    const late = stage.hv(['backup', '--listen', '127.0.0.1:0', '--dir', 'c', '--join', at]);
    const refused = await late.exited;
    expect(refused.stderr).toMatch(/its log was deleted while it is written.*HV_E_JOIN/);
    expect(refused.code).toBe(123);
    const asked = await hv('protect', 'kv', '127.0.0.1:1');
    expect(asked.stderr).toContain('its log was deleted');
    expect(await get(port)).toContain('two');
  });

  test('to and fro again and again leaves two processes a replica, and their first one ends both', async () => {
    const { primary, backup, port } = await pair();
    const places = [
      { one: primary, dir: '.hv' },
      { one: backup, dir: 'b' },
    ];
    for (let round = 0; round < 4; round++) {
      const [from, to] = round % 2 === 0 ? places : places.toReversed();
      if (from === undefined || to === undefined) throw new Error('there are two');
      const [live, back, home] = [to.one, from.one, to.one].map(({ events }) => events.length);
      expect((await hv('switchover', 'kv', '--dir', from.dir)).code).toBe(0);
      await to.one.event('live', live);
      await from.one.event('in.step', back);
      await to.one.event('protected', home);
      await set(port, `round ${round}`);
    }
    expect(await get(port)).toContain('round 3');
    for (const { one } of places) {
      const successors = childrenOf(one.pid);
      expect(successors).toHaveLength(1);
      expect(successors.flatMap(childrenOf)).toEqual([]);
    }
    const from = backup.events.length;
    primary.kill('SIGKILL');
    await backup.event('live', from);
    expect(await get(port)).toContain('round 3');
  });

  test('without a backup in step is refused, and the guest goes on', async () => {
    const port = await freePort();
    const alone = stage.hv(['run', '--events-fd', '3', '--name', 'kv', KV, String(port)]);
    await alone.event('first.output');
    const { code, stderr } = await hv('switchover', 'kv');
    expect(code).toBe(123);
    expect(stderr).toContain('there is no backup in step   [HV_E_NOT_HANDED_OVER]');
    expect(stderr).toContain('the guest goes on where it is');
    await set(port, 'still');
    expect(await get(port)).toContain('still');
    expect((await hv('switchover', 'other')).code).toBe(2);
  });
});

describe('SIGTERM of a protected primary', () => {
  test('hands the guest over and ends with status 0', async () => {
    const { primary, backup, port } = await pair();
    await set(port, 'kept');
    primary.kill('SIGTERM');
    expect((await primary.exited).code).toBe(0);
    await backup.event('live');
    expect(await get(port)).toContain('kept');
  });
});

describe('a primary that was only stopped', () => {
  test('comes back as a backup when it wakes, and what it alone has is kept aside', async () => {
    const { primary, backup, port } = await pair('--detect', '300');
    await set(port, 'before');
    primary.kill('SIGSTOP');
    await primary.untilStopped();
    await backup.event('live');
    primary.kill('SIGCONT');
    await primary.event('fenced');
    await primary.event('following');
    await backup.event('protected');
    expect(await get(port)).toContain('before');
  });
});

describe('hv protect', () => {
  test('gives a guest that runs alone a backup, which then takes over', async () => {
    const port = await freePort();
    const primary = stage.hv(['run', '--events-fd', '3', '--name', 'kv', KV, String(port)]);
    await primary.event('first.output');
    await set(port, 'lonely');
    const address = `127.0.0.1:${await freePort()}`;
    const protect = stage.hv(['protect', 'kv', address, '--json']);
    await protect.output(/nobody listens there; the primary goes on trying/);
    await primary.output(/kv: no link to backup .*: nobody listens there/);
    const backup = stage.hv(['backup', '--listen', address, '--dir', 'b', '--events-fd', '3']);
    const { code, stdout } = await protect.exited;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'kv', backup: address });
    await backup.event('in.step');
    primary.kill('SIGKILL');
    await backup.event('live');
    expect(await get(port)).toContain('lonely');
  });
});

describe('hv drill', () => {
  test('says that a failover would work after it has rehearsed one', async () => {
    const { port } = await pair();
    await set(port, 'kept');
    const { code, stdout } = await hv('drill', 'kv', '--check', `127.0.0.1:${port}`, '--json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as Record<string, number>;
    expect(report).toMatchObject({ type: 'handedOver', name: 'kv' });
    expect(report.servesMs).toBeGreaterThan(0);
    expect(report.backMs).toBeGreaterThan(report.servesMs ?? 0);
    expect(await get(port)).toContain('kept');
  });
});
