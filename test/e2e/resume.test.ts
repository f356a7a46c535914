import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Random } from '../simulator/random.ts';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';
import { freePort, KvClient } from '../support/kv-client.ts';
import { LONG, longTest } from '../support/long.ts';

const KV = join(GUESTS, 'kv.js');
const GOLDEN = new URL('../golden/v1/kv-killed.hvlog', import.meta.url).pathname;

let stage: Stage;
let port: number;
beforeEach(async () => {
  stage = new Stage();
  port = await freePort();
});
afterEach(() => stage.close());

function run(...options: readonly string[]): HvProcess {
  const fixed = ['run', '--resume', '--events-fd', '3', '--name', 'kv'];
  return stage.hv([...fixed, ...options, KV, String(port)]);
}

const log = (): string => join(stage.dir, '.hv', 'kv');
const snapshots = (): readonly string[] =>
  readdirSync(log())
    .filter((name) => name.endsWith('.hvsnap'))
    .sort();

/** Makes the log long enough to be cut into segments. */
const PADDING = 'x'.repeat(4000);

/** Appends numbers to a list until the connection breaks; `acknowledged`: the last one answered. */
class Writer {
  acknowledged = 0;
  sent = 0;
  done: Promise<void> = Promise.resolve();

  start(client: KvClient): void {
    this.done = this.#write(client);
  }

  async #write(client: KvClient): Promise<void> {
    try {
      for (;;) {
        this.sent += 1;
        const number = this.sent;
        const [appended] = [
          client.ask('APPEND', 'list', `${number},`),
          client.ask('SET', 'padding', PADDING).catch(() => undefined),
        ];
        await appended;
        this.acknowledged = number;
      }
    } catch {
      // The process was killed: what was not answered may be there or not.
    }
  }

  async until(count: number): Promise<void> {
    while (this.acknowledged < count) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function listOf(client: KvClient): Promise<readonly number[]> {
  const reply = await client.ask('GET', 'list');
  return 'text' in reply
    ? String(reply.text ?? '')
        .split(',')
        .filter(Boolean)
        .map(Number)
    : [];
}

async function write(count: number, client: KvClient): Promise<void> {
  for (let n = 1; n <= count; n++) await client.ask('APPEND', 'list', `${n},`);
}

/** A run with `count` writes, killed. */
async function killedAfter(count: number, ...options: readonly string[]): Promise<void> {
  const one = run(...options);
  await write(count, await KvClient.reach(port));
  one.kill();
  await one.exited;
}

async function refused(args: readonly string[], code: string): Promise<string> {
  const { code: status, stderr, stdout } = await stage.hv(['run', '--resume', ...args]).exited;
  expect(stderr).toContain(code);
  expect(status).not.toBe(0);
  expect(stdout).toBe('');
  return stderr;
}

async function replays(dir: string): Promise<void> {
  const replay = await stage.hv(['replay', '--json', dir]).exited;
  expect(replay.stderr).toBe('');
  expect(JSON.parse(replay.stdout)).toMatchObject({ verdict: 'verified' });
}

describe('kill -9 and resume, again and again', () => {
  test.each([
    ...(LONG
      ? [
          {
            how: 'everything is kept',
            options: ['--checkpoint', '500'],
            times: 5,
            most: 600,
          },
          {
            how: 'the past is forgotten',
            options: ['--checkpoint', '100', '--keep', '256KiB'],
            times: 5,
            most: 600,
          },
        ]
      : []),
    {
      how: 'outputs wait for the disk',
      options: ['--checkpoint', '200', '--ack', 'durable'],
      times: LONG ? 3 : 2,
      // Every answer waits for an fsync.
      most: LONG ? 600 : 150,
    },
  ])(
    'loses no acknowledged write: $how',
    { timeout: 120_000 },
    async ({ options, times, most }) => {
      const random = new Random(3);
      const writer = new Writer();
      let epoch = 0;
      let fromCheckpoint = 0;
      for (let life = 0; life <= times; life++) {
        const one = run(...options);
        const { epoch: next } = await one.event('primary.live');
        const client = await KvClient.reach(port);
        const known = await listOf(client);
        expect(known).toEqual([...new Set(known)].sort((left, right) => left - right));
        const missing = Array.from({ length: writer.acknowledged }, (_, n) => n + 1).filter(
          (n) => !known.includes(n),
        );
        // A number that was sent and never answered is lost for good or not: both are right.
        expect(missing.filter((n) => !unanswered.has(n))).toEqual([]);
        expect(next).toBeGreaterThan(epoch);
        epoch = Number(next);
        if (life > 0) {
          const { checkpoint } = await one.event('recovered');
          if (Number(checkpoint) > 0) fromCheckpoint += 1;
        }
        const { acknowledged } = writer;
        writer.start(client);
        await writer.until(acknowledged + random.integer(1, most));
        // Every other life leaves one behind, however slow the machine; the rest die when they die.
        if (life % 2 === 0) await one.event('checkpoint');
        one.kill();
        await writer.done;
        await one.exited;
        unanswered.add(writer.sent);
      }
      expect(fromCheckpoint).toBeGreaterThan(times / 2);
      expect((await stage.hv(['log', 'verify', log()]).exited).code).toBe(0);
      if (!options.includes('--keep')) await replays(log());
      else expect(readdirSync(log())).toContain('beginning.hvlog');
    },
  );
  const unanswered = new Set<number>();
  beforeEach(() => unanswered.clear());
});

describe('a run that goes on', () => {
  test('after SIGTERM, from a sealed log, without its script', async () => {
    const one = run();
    await write(20, await KvClient.reach(port));
    one.kill('SIGTERM');
    const { code, stderr } = await one.exited;
    expect(code).toBe(143);
    expect(stderr).toContain('there was no backup to hand over to. Its log stays in .hv/kv');
    expect(stderr).toContain('hv run --resume --name kv,');
    const two = stage.hv(['run', '--resume', '--events-fd', '3', '--name', 'kv']);
    expect(await two.event('recovered')).toMatchObject({ wasSealed: true });
    expect(await listOf(await KvClient.reach(port))).toHaveLength(20);
    two.kill('SIGTERM');
    await two.exited;
    await replays(log());
  });

  test('without a log is a new one; a log that was killed in its beginning is none', async () => {
    await killedAfter(3);
    truncateSync(join(log(), '000001.hvlog'), 1000);
    const two = run();
    expect(await listOf(await KvClient.reach(port))).toEqual([]);
    expect(two.events.map(({ evt }) => evt)).not.toContain('recovered');
  });

  test('passes over a newest snapshot that is damaged, and says so', async () => {
    await killedAfter(600, '--checkpoint', '100');
    const [newest = ''] = [...snapshots()].reverse();
    const path = join(log(), newest);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const two = run();
    const recovered = await two.event('recovered');
    expect(recovered.checkpoint).toBeLessThan(Number.parseInt(newest, 10));
    expect(await listOf(await KvClient.reach(port))).toHaveLength(600);
    expect(two.stderr).toMatch(/the checkpoint at lsn \d+ cannot be used/);
  });

  longTest('of a log that lost its end goes on once its snapshots are moved away', async () => {
    await killedAfter(600, '--checkpoint', '100');
    const file = join(log(), '000001.hvlog');
    truncateSync(file, readFileSync(file).length - 20_000);
    const before = snapshots();
    const bytes = readFileSync(file);
    const why = await refused(['--name', 'kv'], 'HV_E_LOG_DAMAGED');
    const [, last] = /ends with record (\d+), but a snapshot beside it/.exec(why) ?? [];
    expect(readFileSync(file).equals(bytes)).toBe(true);
    expect(snapshots()).toEqual(before);
    const beyond = before.filter((name) => Number.parseInt(name, 10) > Number(last));
    expect(beyond.length).toBeGreaterThan(0);
    for (const name of beyond) rmSync(join(log(), name));
    const two = run('--checkpoint', 'off');
    await two.event('recovered');
    const list = await listOf(await KvClient.reach(port));
    expect(list.length).toBeGreaterThan(0);
    expect(list).toEqual(list.map((_, index) => index + 1));
    two.kill('SIGTERM');
    await two.exited;
    await replays(log());
  });

  test('with a fresh backup says that it is unprotected, until it is: the backup goes on with everything', async () => {
    await killedAfter(50);
    const { process: backup, address } = await stage.backup('--dir', 'b1');
    const two = run('--backup', address);
    await two.event('protected');
    const told = two.events.map(({ evt }) => String(evt));
    const order = told.filter((evt) => ['resumed', 'unprotected', 'protected'].includes(evt));
    expect(order).toEqual(['resumed', 'unprotected', 'protected']);
    expect(two.stderr).toContain(
      `UNPROTECTED until a backup joins (epoch 2). Start a backup at ${address}`,
    );
    const client = await KvClient.reach(port);
    await client.ask('APPEND', 'list', '51,');
    two.kill();
    await backup.event('live');
    expect(await listOf(await KvClient.reach(port))).toHaveLength(51);
  });
});

describe('a resume is refused', () => {
  test('with another script', async () => {
    await killedAfter(3);
    await refused(['--name', 'kv', join(GUESTS, 'echo.js')], 'HV_E_GUEST_CHANGED');
  });

  test('of a guest that has ended', async () => {
    const script = join(GUESTS, 'hello.js');
    expect((await stage.hv(['run', script]).exited).code).toBe(0);
    await refused([script], 'HV_E_GUEST_ENDED');
  });

  test('of a log of format 1', async () => {
    mkdirSync(log(), { recursive: true });
    cpSync(GOLDEN, join(log(), '000001.hvlog'));
    expect(await refused(['--name', 'kv'], 'HV_E_LOG_VERSION')).toMatch(/not continued/);
  });

  test('of a log with a changed byte', async () => {
    await killedAfter(50);
    const file = join(log(), '000001.hvlog');
    const bytes = readFileSync(file);
    const at = bytes.length - 2000;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await refused(['--name', 'kv'], 'HV_E_LOG_DAMAGED');
    expect(readFileSync(file).equals(bytes)).toBe(true);
  });

  longTest('of a log that was trimmed and whose checkpoints are gone', async () => {
    const one = run('--checkpoint', '20', '--keep', '256KiB');
    const client = await KvClient.reach(port);
    // The beginning is written first: until segment 1 is gone, the log is whole without snapshots.
    while (readdirSync(log()).includes('000001.hvlog'))
      await client.ask('SET', 'n', 'x'.repeat(60_000));
    one.kill();
    await one.exited;
    for (const name of snapshots()) rmSync(join(log(), name));
    const text = await refused(['--name', 'kv'], 'HV_E_LOG_DAMAGED');
    expect(text).toMatch(/has no checkpoint to begin from/);
  });

  test('while another process records into it', async () => {
    const one = run();
    await one.event('primary.live');
    await refused(['--name', 'kv', KV, '1'], 'HV_E_NAME_IN_USE');
  });

  test('of snapshots without their log', async () => {
    await killedAfter(300, '--checkpoint', '100');
    rmSync(join(log(), '000001.hvlog'));
    const before = snapshots();
    expect(await refused(['--name', 'kv', KV], 'HV_E_LOG_DAMAGED')).toContain('and no log');
    expect(snapshots()).toEqual(before);
  });

  test('with other limits than its own, before anything is changed', async () => {
    await killedAfter(3, '--memory', '32MiB', '--cpu', '5G');
    for (const option of [
      ['--memory', '64MiB'],
      ['--cpu', '6G'],
      ['--cpu', '50M/s'],
      ['--stack', '128KiB'],
    ])
      expect(await refused(['--name', 'kv', ...option], 'HV_E_USAGE')).toContain(
        'was recorded with',
      );
    const two = run('--memory', '32MiB', '--cpu', '5G');
    expect(await listOf(await KvClient.reach(port))).toHaveLength(3);
    two.kill();
    await two.exited;
  });

  test('without a script and without a log', async () => {
    await refused(['--name', 'nobody'], 'HV_E_LOG_NOT_FOUND');
  });
});
