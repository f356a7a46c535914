import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';
import { inATurn } from '../support/in-a-turn.ts';
import { freePort, KvClient } from '../support/kv-client.ts';

const KV = join(GUESTS, 'kv.js');

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

async function protectedKv(): Promise<{
  primary: HvProcess;
  backup: HvProcess;
  backupAddress: string;
  port: number;
}> {
  const { process: backup, address } = await stage.backup('--dir', 'b1');
  const port = await freePort();
  const primary = stage.hv([
    'run',
    '--backup',
    address,
    '--events-fd',
    '3',
    '--name',
    'kv',
    KV,
    String(port),
  ]);
  await primary.event('protected');
  return { primary, backup, backupAddress: address, port };
}

async function text(client: KvClient, ...words: string[]): Promise<unknown> {
  const reply = await client.ask(...words);
  if (reply.type === 'integer') return reply.value;
  return reply.type === 'array' ? reply.items : reply.text;
}

describe('kill -9 of the primary', () => {
  test('loses no acknowledged write, and both logs replay', async () => {
    const { primary, backup, port } = await protectedKv();
    const client = await KvClient.reach(port);
    let acknowledged = 0;
    const writing = (async () => {
      for (let n = 1; ; n++) {
        await client.ask('APPEND', 'list', `${n},`);
        acknowledged = n;
      }
    })().catch(() => undefined);
    while (acknowledged < 300) await new Promise((resolve) => setImmediate(resolve));
    primary.kill('SIGKILL');
    await writing;
    await backup.event('live');

    const after = await KvClient.reach(port);
    const list = String(await text(after, 'GET', 'list'))
      .split(',')
      .slice(0, -1)
      .map(Number);
    expect(list.length).toBeGreaterThanOrEqual(acknowledged);
    expect(list.length).toBeLessThanOrEqual(acknowledged + 1);
    expect(list).toEqual(list.map((_, index) => index + 1));
    expect(await text(after, 'INCR', 'fresh')).toBe(1);
    after.close();
    backup.kill('SIGTERM');
    expect((await backup.exited).code).toBe(143);

    // The guest saw its connections close: as records, so that any later replay sees it too.
    const records = (await stage.hv(['log', 'cat', 'b1/kv']).exited).stdout;
    expect(records).toMatch(/view +epoch 3/);
    expect(records.slice(records.search(/view +epoch 3/))).toMatch(
      /reseed[\s\S]*netClose .*ECONNRESET/,
    );

    for (const log of ['.hv/kv', 'b1/kv']) {
      const replay = await stage.hv(['replay', '--json', join(stage.dir, log)], {
        cwd: '/',
        env: { ...process.env, TZ: 'Pacific/Apia', LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8' },
      }).exited;
      expect(replay.stderr).toBe('');
      expect(replay.code).toBe(0);
      expect(JSON.parse(replay.stdout)).toMatchObject({ verdict: 'verified' });
    }
  });

  test('again and again, with a fresh backup joining each time', async () => {
    const first = await protectedKv();
    const { port } = first;
    let { primary } = first;
    let { backup, backupAddress } = first;
    let client = await KvClient.reach(port);
    for (let round = 1; round <= 3; round++) {
      expect(await text(client, 'INCR', 'rounds')).toBe(round);
      primary.kill('SIGKILL');
      await backup.event('live');
      client = await KvClient.reach(port);
      const joined = await stage.backup('--dir', `b${round + 1}`, '--join', backupAddress);
      primary = backup;
      await primary.event('protected');
      backup = joined.process;
      backupAddress = joined.address;
      await backup.event('synced');
    }
    expect(await text(client, 'GET', 'rounds')).toBe('3');
  });
});

describe('kill -9 in the middle of a turn', () => {
  test('the backup runs the turn itself and goes on', async () => {
    const { process: backup, address } = await stage.backup();
    const script = join(stage.dir, 'long-turn.js');
    writeFileSync(
      script,
      `setTimeout(() => {
        let sum = 0;
        for (let i = 0; i < 15_000_000; i++) sum = (sum + i) % 1_000_003;
        console.log('sum', sum);
        setTimeout(() => console.log('and on'), 5);
      }, 1);`,
    );
    const primary = stage.hv(['run', '--backup', address, '--events-fd', '3', script]);
    await primary.event('protected');
    // Behind the turn of its boot.
    await inATurn(primary, { turns: 1 });
    primary.kill('SIGKILL');
    const dead = await primary.exited;
    const exit = await backup.exited;
    expect(dead.stdout).toBe('');
    expect(exit.stdout).toBe(`sum ${referenceSum()}\nand on\n`);
    expect(exit.code).toBe(0);
  });
});

function referenceSum(): number {
  let sum = 0;
  for (let i = 0; i < 15_000_000; i++) sum = (sum + i) % 1_000_003;
  return sum;
}

describe('a primary that was only stopped', () => {
  test('is fenced when it wakes: it answers nobody and exits 121', async () => {
    const { primary, backup, port } = await protectedKv();
    const client = await KvClient.reach(port);
    await client.ask('SET', 'who', 'first');
    primary.kill('SIGSTOP');
    await primary.untilStopped();
    const pending = client.ask('SET', 'who', 'stale').then(
      () => 'answered',
      () => 'no answer',
    );
    await backup.event('live');
    primary.kill('SIGCONT');
    expect(await pending).toBe('no answer');
    const exit = await primary.exited;
    expect(exit.code).toBe(121);
    expect(exit.stderr).toContain('HV_E_FENCED');
    const after = await KvClient.reach(port);
    expect(await text(after, 'GET', 'who')).toBe('first');
  });
});

describe('two backups', () => {
  test('the one that does not win joins the new primary by itself', async () => {
    const [one, two] = [await stage.backup('--dir', 'b1'), await stage.backup('--dir', 'b2')];
    const port = await freePort();
    const both = ['--backup', one.address, '--backup', two.address];
    const primary = stage.hv([
      'run',
      ...both,
      '--events-fd',
      '3',
      '--name',
      'kv',
      KV,
      String(port),
    ]);
    await primary.event('protected');
    await Promise.all([one.process.event('synced'), two.process.event('synced')]);
    const client = await KvClient.reach(port);
    await client.ask('SET', 'a', '1');
    primary.kill('SIGKILL');
    const [winner, other] = await Promise.race([
      one.process.event('live').then(() => [one, two] as const),
      two.process.event('live').then(() => [two, one] as const),
    ]);
    await winner.process.event('protected');
    await winner.process.output(/UNPROTECTED until a backup joins/);
    winner.process.kill('SIGKILL');
    await other.process.event('live');
    expect(await text(await KvClient.reach(port), 'GET', 'a')).toBe('1');
  });
});

describe('an arbiter that is gone', () => {
  test('keeps the backup from going live, and both sides say so', async () => {
    const { process: backup, address } = await stage.backup();
    mkdirSync(join(stage.dir, 'arb'));
    const port = await freePort();
    const arbiter = ['--backup', address, '--arbiter', 'file:arb', '--events-fd', '3'];
    const primary = stage.hv(['run', ...arbiter, '--name', 'kv', KV, String(port)]);
    await primary.event('protected');
    renameSync(join(stage.dir, 'arb'), join(stage.dir, 'gone'));
    primary.kill('SIGKILL');
    await backup.output(/arbiter\.unavailable/);
    expect(backup.events.map((event) => event.evt)).not.toContain('live');
    renameSync(join(stage.dir, 'gone'), join(stage.dir, 'arb'));
    await backup.event('live');
  });
});

describe('losing the backup', () => {
  test('leaves the primary serving, unprotected and saying so', async () => {
    const { primary, backup, port } = await protectedKv();
    const client = await KvClient.reach(port);
    backup.kill('SIGKILL');
    await primary.event('unprotected');
    expect(await text(client, 'INCR', 'alone')).toBe(1);
    // Events and words come over different pipes, in no order.
    await primary.output(/UNPROTECTED/);
  });
});

describe('a deliberate stop', () => {
  test('ends both sides without a failover', async () => {
    const { primary, backup, port } = await protectedKv();
    const client = await KvClient.reach(port);
    await client.ask('SET', 'a', '1');
    primary.kill('SIGINT');
    expect((await primary.exited).code).toBe(130);
    const exit = await backup.exited;
    expect(backup.events.map((event) => event.evt)).not.toContain('live');
    expect(exit.code).toBe(130);
    await expect(KvClient.open(port)).rejects.toThrow();
    const verify = await stage.hv(['log', 'verify', 'b1/kv']).exited;
    expect(verify.stdout).toContain('sealed');
  });

  test('by the guest itself: its exit code reaches the user, the backup ends too', async () => {
    const { process: backup, address } = await stage.backup();
    const primary = stage.hv(['run', '--backup', address, join(GUESTS, 'hostile', 'exit-code.js')]);
    const exit = await primary.exited;
    expect(exit.code).toBeGreaterThan(0);
    expect((await backup.exited).code).toBe(exit.code);
    expect(backup.events.map((event) => event.evt)).not.toContain('live');
  });

  test('an error that replay would repeat is no reason for a failover', async () => {
    const { process: backup, address } = await stage.backup();
    const script = join(GUESTS, 'hostile', 'throw-uncaught.js');
    const primary = stage.hv(['run', '--backup', address, script]);
    const exit = await primary.exited;
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/throw-uncaught\.js:\d+\n/);
    expect((await backup.exited).code).toBe(1);
    expect(backup.events.map((event) => event.evt)).not.toContain('live');
  });
});

describe('a guest that computes for seconds', () => {
  test('does not look dead', async () => {
    const { process: backup, address } = await stage.backup();
    const script = join(stage.dir, 'busy.js');
    writeFileSync(
      script,
      'const until = Date.now() + 3000; while (Date.now() < until); console.log("done");',
    );
    const primary = stage.hv(['run', '--backup', address, '--events-fd', '3', script]);
    const exit = await primary.exited;
    expect(exit.stdout).toBe('done\n');
    expect(exit.code).toBe(0);
    expect((await backup.exited).code).toBe(0);
    for (const one of [primary, backup])
      expect(one.events.map((event) => event.evt)).not.toContain('suspected');
  });
});
