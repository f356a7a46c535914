/** A backup whose memory has gone bad: found, its machine never promoted, kept as evidence, made anew a few times. */

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RECLONES_MAX } from '../../hypervisor/base/limits.ts';
import { GUESTS, HV, type HvProcess, Stage } from '../support/hv-process.ts';
import { freePort, KvClient } from '../support/kv-client.ts';
import { longTest } from '../support/long.ts';

const KV = join(GUESTS, 'kv.js');
const FLIP = pathToFileURL(join(dirname(HV), '../test/support/flip-memory.js')).href;
/** A value of the guest that is nowhere else in its memory. */
const SECRET = 'Uncorrupted-value-of-one-key';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

interface Pair {
  readonly primary: HvProcess;
  readonly backup: HvProcess;
  readonly client: KvClient;
  readonly port: number;
  /** Where fresh backups ask to be taken in. */
  readonly joinAt: string;
}

/** A protected guest that holds the secret, and a backup that has replayed that. */
async function pair(ack: 'received' | 'replayed' = 'replayed'): Promise<Pair> {
  const backup = stage.hv(
    ['backup', '--listen', '127.0.0.1:0', '--dir', 'copies', '--events-fd', '3'],
    {
      env: { ...process.env, HV_TEST_FLIP: join(stage.dir, 'flip') },
      nodeFlags: ['--import', FLIP],
    },
  );
  const { address = '' } = await backup.event('listening');
  const port = await freePort();
  const joinAt = `127.0.0.1:${await freePort()}`;
  const start = [
    'run',
    '--backup',
    address,
    '--listen',
    joinAt,
    '--detect',
    'wan',
    '--events-fd',
    '3',
  ];
  const primary = stage.hv([
    ...start,
    '--listen',
    joinAt,
    '--ack',
    ack,
    '--name',
    'kv',
    KV,
    String(port),
  ]);
  await primary.event('protected');
  const client = await KvClient.reach(port);
  expect(await text(client, 'SET', 'secret', SECRET)).toBe('OK');
  return { primary, backup, client, port, joinAt };
}

async function text(client: KvClient, ...words: string[]): Promise<unknown> {
  const reply = await client.ask(...words);
  return 'text' in reply ? reply.text : reply;
}

/** A bit of the backup's memory is another one. */
async function flip({ backup }: Pair): Promise<void> {
  const wish = join(stage.dir, 'flip');
  // Whole at once: half a word would be flipped in other places.
  writeFileSync(`${wish}.tmp`, SECRET);
  renameSync(`${wish}.tmp`, wish);
  while (existsSync(wish)) {
    expect(backup.over).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** It is another one, and the guest reads it. */
async function corrupt(both: Pair): Promise<void> {
  await flip(both);
  const { client } = both;
  expect(await text(client, 'GET', 'secret')).toBe(SECRET);
}

describe('a backup whose memory lost a bit', () => {
  test('is condemned with its evidence, made anew, and then takes over with everything', async () => {
    const both = await pair();
    const { primary, backup, client, port } = both;
    const seen = primary.events.length;
    await corrupt(both);
    const { report } = await backup.event('copy.condemned');
    await primary.event('protected', seen);
    const evidence = String((await backup.event('copy.aside')).aside);
    expect(report).toMatch(/^at lsn \d+.*: digest \d+ in the log, \d+ here/);
    expect(JSON.parse(readFileSync(join(evidence, 'divergence.json'), 'utf8'))).toMatchObject({
      report,
    });
    expect((await stage.hv(['replay', '-q', evidence]).exited).code).toBe(0);
    expect(await text(client, 'SET', 'later', 'too')).toBe('OK');
    primary.kill('SIGKILL');
    await backup.event('live');
    const after = await KvClient.reach(port);
    expect(await text(after, 'GET', 'secret')).toBe(SECRET);
    expect(await text(after, 'GET', 'later')).toBe('too');
  });

  test('leaves its log to another machine when the primary dies before anybody knows', async () => {
    const both = await pair('received');
    const { primary, backup, client, port } = both;
    await flip(both);
    backup.kill('SIGSTOP');
    void client.ask('GET', 'secret').catch(() => undefined);
    const sent = async (): Promise<boolean> => {
      const { stdout } = await stage.hv(['status', '--json', 'kv']).exited;
      return JSON.parse(stdout).replication.backups.some(({ lag }: { lag: number }) => lag > 0);
    };
    while (!(await sent())) expect(primary.over).toBe(false);
    primary.kill('SIGKILL');
    await primary.exited;
    backup.kill('SIGCONT');
    await backup.event('diverged');
    await backup.event('live');
    const after = await KvClient.reach(port);
    expect(await text(after, 'GET', 'secret')).toBe(SECRET);
    expect(backup.events.map((event) => event.evt)).not.toContain('copy.condemned');
  });

  longTest(`is made anew ${RECLONES_MAX} times, and then ends and says why`, async () => {
    const both = await pair();
    const { primary, backup, client, joinAt } = both;
    for (let nth = 1; nth <= RECLONES_MAX; nth++) {
      const seen = primary.events.length;
      await corrupt(both);
      await primary.event('protected', seen);
    }
    const seen = primary.events.length;
    await corrupt(both);
    const { code, stderr } = await backup.exited;
    expect(code).toBe(120);
    expect(stderr).toContain(`made anew ${RECLONES_MAX} times, this copy differs again`);
    expect(backup.events.map((event) => event.evt)).not.toContain('live');
    await primary.event('unprotected', seen);
    expect(await text(client, 'GET', 'secret')).toBe(SECRET);
    const copies = readdirSync(join(stage.dir, 'copies')).filter((name) => /^kv(~\d)?$/.test(name));
    expect(copies).toHaveLength(RECLONES_MAX + 1);
    for (const copy of copies)
      expect(existsSync(join(stage.dir, 'copies', copy, 'divergence.json'))).toBe(true);

    // The next process in that directory does not go on from the last copy either.
    const alone = primary.events.length;
    const fresh = await stage.backup('--dir', 'copies', '--join', joinAt);
    await primary.event('protected', alone);
    expect((await fresh.process.event('copy.unusable')).reason).toContain('its replay differed');
    const { aside } = await fresh.process.event('copy.aside');
    expect(existsSync(join(String(aside), 'divergence.json'))).toBe(true);
  });
});
