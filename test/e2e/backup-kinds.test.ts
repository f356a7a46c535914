import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkpointLsns } from '../../hypervisor/host/checkpoint-files.ts';
import { askStatus, statusPaths } from '../../hypervisor/host/status-socket.ts';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';
import { freePort, KvClient } from '../support/kv-client.ts';
import { longTest } from '../support/long.ts';

const KV = join(GUESTS, 'kv.js');

let stage: Stage;
let port: number;
beforeEach(async () => {
  stage = new Stage();
  port = await freePort();
});
afterEach(() => stage.close());

function runKv(...args: readonly string[]): HvProcess {
  // A busy machine is no dead primary; a kill shows by the closed link.
  const start = ['run', '--detect', 'wan', '--events-fd', '3', '--name', 'kv'];
  return stage.hv([...start, ...args, KV, String(port)]);
}

async function ask(...words: string[]): Promise<unknown> {
  const client = await KvClient.reach(port);
  const reply = await client.ask(...words);
  client.close();
  if (reply.type === 'integer') return reply.value;
  return reply.type === 'array' ? reply.items : reply.text;
}

/** Looks until there is something: what it waits for gives no sign. */
async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function replication(dir: string): Promise<Readonly<Record<string, unknown>>> {
  const [path = ''] = statusPaths(join(stage.dir, dir));
  const status = await askStatus(path);
  return (status?.replication ?? {}) as Readonly<Record<string, unknown>>;
}

/** The copy in `dir` has the log up to `lsn`. */
function reaches(dir: string, lsn: number): Promise<unknown> {
  return until(async () => {
    const { lsnReceived } = await replication(dir);
    return Number(lsnReceived) >= lsn ? lsnReceived : undefined;
  });
}

async function promote(...args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const exit = await stage.hv(['promote', 'kv', '--force', '--yes', '--json', ...args]).exited;
  expect(exit.stderr).toBe('');
  expect(exit.code).toBe(0);
  return JSON.parse(exit.stdout) as Readonly<Record<string, unknown>>;
}

test('a cold backup that has run nothing takes over with every acknowledged write', async () => {
  const cold = await stage.backup('--dir', 'cold', '--store-only');
  const primary = runKv('--backup', cold.address);
  await primary.event('protected');
  for (let n = 1; n <= 20; n++) await ask('APPEND', 'list', `${n},`);
  const copy = await replication('cold');
  expect(copy).toMatchObject({ phase: 'following', lsnReplayed: 0, kind: 'cold', counts: true });
  expect(copy.toReplay).toBe(copy.lsnReceived);
  // It runs nothing, and asks the arbiter all the same.
  await until(async () => {
    const { arbiter } = await replication('cold');
    return (arbiter as { readonly rttMs?: number }).rttMs;
  });
  primary.kill('SIGKILL');
  await cold.process.event('live');
  const list = String(await ask('GET', 'list'));
  expect(list).toBe(Array.from({ length: 20 }, (_, index) => `${index + 1},`).join(''));
  expect(await ask('INCR', 'fresh')).toBe(1);
});

longTest('a warm backup keeps a snapshot of its own and goes on behind it', async () => {
  const warm = await stage.backup('--dir', 'warm', '--store-only', '--snapshots');
  const primary = runKv('--checkpoint', '20', '--backup', warm.address);
  await primary.event('protected');
  for (let n = 1; n <= 30; n++) expect(await ask('INCR', 'n')).toBe(n);
  const lsn = await until(() => checkpointLsns(join(stage.dir, 'warm/kv'))[0]);
  expect(lsn).toBeGreaterThan(0);
  expect(await ask('INCR', 'n')).toBe(31);
  primary.kill('SIGKILL');
  await warm.process.event('live');
  expect(await ask('INCR', 'n')).toBe(32);
  const replay = await stage.hv(['replay', '--json', join(stage.dir, 'warm/kv')]).exited;
  expect(JSON.parse(replay.stdout)).toMatchObject({ verdict: 'verified' });
});

longTest(
  'a chain goes on over the death of its middle, and its end can be made primary',
  async () => {
    const one = await stage.backup('--dir', 'b1');
    const two = await stage.backup('--dir', 'b2');
    const primary = runKv('--backup', one.address, '--backup', two.address);
    await primary.event('protected');
    const end = await stage.backup('--dir', 'end', '--from', one.address, '--from', two.address);
    await end.process.event('following');
    expect(await ask('INCR', 'n')).toBe(1);
    const before = Number((await replication('b1')).lsnReceived);
    await reaches('end', before);
    expect(await replication('b1')).toMatchObject({
      followers: [{ peer: end.address, state: 'following' }],
    });

    one.process.kill('SIGKILL');
    const seen = end.process.events.length;
    await end.process.event('parted', seen);
    expect(await end.process.event('continuing', seen)).toMatchObject({ peer: two.address });
    expect(await ask('INCR', 'n')).toBe(2);

    // The next in the chain becomes primary, and takes its follower along as an observer.
    primary.kill('SIGKILL');
    await two.process.event('live');
    await end.process.event('continuing', end.process.events.length);
    expect(await ask('INCR', 'n')).toBe(3);
    const lsn = Number((await replication('b2')).lsnAppended);
    await reaches('end', lsn);
    two.process.kill('SIGKILL');
    await end.process.event('parted', end.process.events.length);
    expect(await promote('--dir', 'end')).toMatchObject({
      arbiter: 'claimed',
      replica: end.address,
    });
    await end.process.event('live');
    expect(await ask('INCR', 'n')).toBe(4);
  },
);

test('a delayed backup takes back what the guest was told, and the old primary is fenced', async () => {
  const delayed = await stage.backup('--dir', 'late', '--delay', '1h');
  const primary = runKv('--checkpoint', '20', '--backup', delayed.address);
  await delayed.process.event('following');
  for (let n = 1; n <= 10; n++) await ask('APPEND', 'list', `${n},`);
  const good = new Date(Date.now() + 1).toISOString();
  await until(() => (new Date().toISOString() > good ? true : undefined));
  await ask('FLUSHALL');
  const lsn = Number((await replication('.hv')).lsnAppended);
  await reaches('late', lsn - 1);
  const [path = ''] = statusPaths(join(stage.dir, 'late'));
  expect(await askStatus(path)).toMatchObject({
    replication: { kind: 'delayed', counts: false, follows: expect.stringContaining('primary-') },
    failover: { possible: false, how: 'forced' },
  });

  const report = await promote('--dir', 'late', '--at', good);
  expect(report).toMatchObject({ arbiter: 'claimed', name: 'kv' });
  expect(Number(report.lsn)).toBeLessThan(Number(report.lsnReceived));
  expect((await primary.exited).code).toBe(121);
  await delayed.process.event('live');
  expect(await ask('GET', 'list')).toBe('1,2,3,4,5,6,7,8,9,10,');
  const files = readdirSync(join(stage.dir, 'late/kv'));
  expect(files.some((name) => name.includes('quarantine'))).toBe(true);
});

longTest(
  'without an arbiter a promotion by force says so, and claims its epoch afterwards',
  async () => {
    const { process: backup, address } = await stage.backup('--dir', 'b1');
    const primary = runKv('--backup', address);
    await primary.event('protected');
    expect(await ask('INCR', 'n')).toBe(1);
    renameSync(join(stage.dir, '.hv/arbiter'), join(stage.dir, '.hv/gone'));
    primary.kill('SIGKILL');
    await backup.event('suspected');
    const report = await promote('--dir', 'b1');
    expect(report).toMatchObject({ arbiter: 'unreachable' });
    await backup.event('live');
    expect(await ask('INCR', 'n')).toBe(2);
    renameSync(join(stage.dir, '.hv/gone'), join(stage.dir, '.hv/arbiter'));
    const next = await stage.backup('--dir', 'b2', '--join', address);
    await backup.event('protected');
    backup.kill('SIGKILL');
    await next.process.event('live');
    expect(await ask('INCR', 'n')).toBe(3);
  },
);

test('a promotion that is not meant is refused, and so is a join to a backup', async () => {
  const { address } = await stage.backup('--dir', 'b1');
  const primary = runKv('--backup', address);
  await primary.event('protected');
  const lost = stage.hv(['backup', '--listen', '127.0.0.1:0', '--dir', 'b2', '--join', address]);
  await lost.output(/it is a backup itself, and its primary listens to nobody .* hv protect kv /);
  lost.kill();
  const refuse = async (...args: readonly string[]): Promise<string> => {
    const exit = await stage.hv(['promote', 'kv', '--dir', 'b1', ...args]).exited;
    expect(exit.code).toBe(2);
    return exit.stderr;
  };
  expect(await refuse('--yes')).toContain('it needs --force');
  expect(await refuse('--force')).toContain('pass --yes');
  expect(await refuse('--force', '--yes', '--at', 'yesterday')).toContain("cannot be 'yesterday'");
  expect(await refuse('--force', '--yes', '--at', '2001-01-01T00:00:00Z')).toContain(
    'nothing at or before 2001-01-01',
  );
  expect(await refuse('--force', '--yes', '--at', '999999999')).toMatch(
    /no record 999999999: its last is \d+, and nothing was changed/,
  );
  expect(await ask('INCR', 'n')).toBe(1);
});
