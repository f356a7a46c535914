import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { newToken } from '../../hypervisor/host/token-file.ts';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';
import { freePort, KvClient } from '../support/kv-client.ts';
import { dial } from '../support/link-lab.ts';
import { longTest } from '../support/long.ts';
import { certificatePaths, tokenFile, tokenSecurity } from '../support/secured.ts';
import { rolesOf, UpPair } from '../support/up-pair.ts';

const KV = join(GUESTS, 'kv.js');

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

interface Pair {
  readonly primary: HvProcess;
  readonly backup: HvProcess;
  readonly backupAddress: string;
  readonly port: number;
}

async function pair(security: readonly string[], backupSecurity = security): Promise<Pair> {
  const { process: backup, address } = await stage.backup('--dir', 'b1', ...backupSecurity);
  const port = await freePort();
  const primary = stage.hv([
    // A busy machine is no silent one: that nobody was suspected shall mean something.
    ...['run', '--name', 'kv', '--detect', 'wan', '--events-fd', '3', '--listen', '127.0.0.1:0'],
    ...['--backup', address, ...security, KV, String(port)],
  ]);
  await primary.event('protected');
  return { primary, backup, backupAddress: address, port };
}

async function value(client: KvClient, ...words: string[]): Promise<unknown> {
  const reply = await client.ask(...words);
  return reply.type === 'integer' ? reply.value : reply;
}

describe.each(['token', 'certificates'] as const)('a pair with %s', (mode) => {
  const options = (name: string): readonly string[] => {
    if (mode === 'token') return ['--token-file', tokenFile(join(stage.dir, name), [token]).path];
    const { ca, cert, key } = certificatePaths(join(stage.dir, 'tls'), [`${name}.example`]);
    return ['--tls-ca', ca, '--tls-cert', cert, '--tls-key', key];
  };
  const token = newToken();

  test('fails over, and the new primary takes a fresh backup', async () => {
    const { primary, backup, backupAddress, port } = await pair(options('one'), options('two'));
    const before = await KvClient.reach(port);
    expect(await value(before, 'INCR', 'n')).toBe(1);
    primary.kill('SIGKILL');
    await backup.event('live');
    const after = await KvClient.reach(port);
    expect(await value(after, 'INCR', 'n')).toBe(2);
    const fresh = await stage.backup('--dir', 'b2', '--join', backupAddress, ...options('three'));
    await backup.event('protected');
    await fresh.process.event('synced');
    expect(await value(after, 'INCR', 'n')).toBe(3);
  });

  // Who is let in is asked of each kind in test/unit/host/tls.test.ts.
  (mode === 'token' ? test : longTest)('takes nobody without', async () => {
    const { primary, backup, backupAddress } = await pair(options('one'), options('two'));
    const { address = '' } = await primary.event('started');
    const plain = stage.hv(['backup', '--listen', '127.0.0.1:0', '--dir', 'b3', '--join', address]);
    const { code, stderr } = await plain.exited;
    expect(stderr).toContain('HV_E_LINK_AUTH');
    expect(code).toBe(123);
    const other = await stage.hv(['run', '--name', 'other', '--backup', backupAddress, KV]).exited;
    expect(other.stderr).toMatch(/does it want a token or certificates.*HV_E_LINK_AUTH/);
    expect(other.code).toBe(123);
    expect([...primary.events, ...backup.events].map(({ evt }) => evt)).not.toContain('suspected');
  });
});

describe('SIGHUP', () => {
  test('changes the token of a running pair, cuts no link of theirs, and ends those of others', async () => {
    const [old, fresh] = [newToken(), newToken()];
    const { path } = tokenFile(join(stage.dir, 'token'), [old]);
    const { primary, backup, backupAddress, port } = await pair(['--token-file', path]);
    const thief = dial(
      backupAddress,
      tokenSecurity(join(stage.dir, 'stolen'), [old]),
      '/heartbeat',
    );
    await thief.echo();
    const { address = '' } = await primary.event('started');
    const client = await KvClient.reach(port);
    const reload = async (): Promise<void> => {
      for (const one of [primary, backup]) {
        const from = one.events.length;
        one.kill('SIGHUP');
        await one.event('security.reloaded', from);
      }
    };
    // Both first: whoever reloads later still shows the old one.
    tokenFile(path, [fresh, old]);
    await reload();
    tokenFile(path, [fresh]);
    await reload();
    const only = tokenFile(join(stage.dir, 'only-old'), [old]);
    const refused = stage.hv([
      ...['backup', '--listen', '127.0.0.1:0', '--dir', 'b2', '--join', address],
      ...['--token-file', only.path],
    ]);
    expect((await refused.exited).stderr).toContain('it does not accept our token');
    const from = primary.events.length;
    // The worker of the primary dials this one: it has the new token, too.
    const joined = await stage.backup('--dir', 'b3', '--join', address, '--token-file', path);
    await primary.event('backup.joined', from);
    await joined.process.event('synced');
    expect(await value(client, 'INCR', 'n')).toBe(1);
    expect(await thief.closed).toBe('connection lost');
    // The links of the pair are as old and have had as long.
    expect(await value(client, 'INCR', 'n')).toBe(2);
    for (const one of [primary, backup])
      expect(one.events.map(({ evt }) => evt)).not.toContain('suspected');
  });

  test('with a bad file changes nothing and says so', async () => {
    const { path } = tokenFile(join(stage.dir, 'token'));
    copyFileSync(path, join(stage.dir, 'copy'));
    const { primary } = await pair(['--token-file', path]);
    const { address = '' } = await primary.event('started');
    writeFileSync(path, 'short\n');
    primary.kill('SIGHUP');
    expect(await primary.event('security.failed')).toMatchObject({
      reason: expect.stringContaining('line 1 of the token file'),
    });
    await primary.output(/stays in force: .* \[HV_E_SECURITY_FILE\]/);
    const from = primary.events.length;
    const copy = tokenFile(join(stage.dir, 'again'), []);
    copyFileSync(join(stage.dir, 'copy'), copy.path);
    await stage.backup('--dir', 'b2', '--join', address, '--token-file', copy.path);
    await primary.event('backup.joined', from);
  });

  test('changes the token of the admin port, also where links need none', async () => {
    const tokens = (...all: string[]): void =>
      writeFileSync(join(pair.stage.dir, 'admin-token'), `${all.join('\n')}\n`);
    const admin = await freePort();
    const pair = await UpPair.prepare(
      ['a'],
      `[admin]\naddress = "127.0.0.1:${admin}"\ntoken-file = "admin-token"\n`,
    );
    onTestFinished(() => pair.close());
    tokens('old-token-of-this-test');
    const up = pair.start(pair.hosts[0]);
    // In whichever order they come.
    await Promise.all([pair.event(up, 'primary.live'), pair.event(up, 'admin')]);
    const ask = async (token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` };
      return (await fetch(`http://127.0.0.1:${admin}/status`, { headers })).status;
    };
    expect(await ask('old-token-of-this-test')).toBe(200);
    expect(await ask('new-token-of-this-test')).toBe(401);
    tokens('new-token-of-this-test');
    const from = up.events.length;
    up.kill('SIGHUP');
    await pair.event(up, 'security.reloaded', from);
    expect(await ask('new-token-of-this-test')).toBe(200);
    expect(await ask('old-token-of-this-test')).toBe(401);
    tokens('short');
    up.kill('SIGHUP');
    await pair.event(up, 'security.failed', from);
    expect(await ask('new-token-of-this-test')).toBe(200);
    expect(rolesOf(up)).toEqual(['begin']);
  });

  test('without tokens or certificates still ends a guest', async () => {
    const one = stage.hv(['run', '--events-fd', '3', KV, String(await freePort())]);
    await one.event('primary.live');
    one.kill('SIGHUP');
    expect((await one.exited).code).toBe(129);
  });
});

describe('the command line', () => {
  const cases: readonly [string, readonly string[], number, string][] = [
    ['a plain port for everybody', ['backup', '--listen', '0.0.0.0:0'], 2, 'HV_E_PLAIN_LINK'],
    ['a plain port of hv run', ['run', '--listen', ':0', KV], 2, 'HV_E_PLAIN_LINK'],
    [
      'a plain backup elsewhere',
      ['run', '--arbiter', 'file:.', '--arbiter-colocated', '--backup', '192.0.2.1:7700', KV],
      2,
      'HV_E_PLAIN_LINK',
    ],
    ['a plain primary elsewhere', ['backup', '--join', '192.0.2.1:7700'], 2, 'HV_E_PLAIN_LINK'],
    ['a token file that is not there', ['run', '--token-file', 'no', KV], 2, 'HV_E_SECURITY_FILE'],
    ['half of three files', ['run', '--tls-ca', 'no', KV], 2, 'given together'],
    ['two ways at once', ['run', '--insecure', '--token-file', 'no', KV], 2, 'exclude each other'],
    ['a certificate for nothing', ['cert', 'new', '--dir', 'c', '--host', ','], 2, '--host needs'],
  ];
  for (const [what, args, code, text] of cases) {
    test(`refuses ${what}`, async () => {
      const exit = await stage.hv(args).exited;
      expect(exit.stderr).toContain(text);
      expect(exit.code).toBe(code);
      expect(exit.stdout).toBe('');
    });
  }

  test('names a token that the backup does not know', async () => {
    const other = tokenFile(join(stage.dir, 'other')).path;
    const { address } = await stage.backup('--token-file', tokenFile(join(stage.dir, 'own')).path);
    const exit = await stage.hv(['run', '--backup', address, '--token-file', other, KV]).exited;
    expect(exit.stderr).toContain('it does not accept our token');
    expect(exit.code).toBe(123);
  });

  test('takes the token file of HV_TOKEN_FILE, and --backup local has the same', async () => {
    const env = { ...process.env, HV_TOKEN_FILE: tokenFile(join(stage.dir, 'token')).path };
    const port = String(await freePort());
    const one = stage.hv(['run', '--backup', 'local', '--events-fd', '3', KV, port], { env });
    await one.event('protected');
    await one.output(/links need the token of .*token/);
    one.kill('SIGTERM');
    await one.exited;
  });

  test('warns about --insecure and takes everybody', async () => {
    const open = stage.hv(['backup', '--listen', '0.0.0.0:0', '--insecure', '--events-fd', '3']);
    const { address = '' } = await open.event('listening');
    expect(open.stderr).toContain('WARNING: --insecure');
    const backup = `127.0.0.1:${address.split(':').at(-1)}`;
    const port = String(await freePort());
    const one = stage.hv(['run', '--backup', backup, '--events-fd', '3', KV, port]);
    await one.event('protected');
  });

  test('makes tokens and certificates that it takes', async () => {
    expect((await stage.hv(['token', 'new', 'token']).exited).code).toBe(0);
    const ids = await stage.hv(['token', 'id', 'token']).exited;
    expect(ids.stdout).toMatch(/^hv-[0-9a-f]{16}\n$/);
    const printed = await stage.hv(['token', 'new', '--json']).exited;
    expect(JSON.parse(printed.stdout).token).toMatch(/^hvt_[\w-]{43}$/);
    const made = await stage.hv(['cert', 'new', '--dir', 'tls', '--host', 'db1,10.0.0.2']).exited;
    const options = made.stdout.trim().split(' ');
    await stage.backup('--token-file', 'token');
    await stage.backup(...options);
    const again = await stage.hv(['cert', 'new', '--dir', 'tls', '--host', 'db1']).exited;
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('--renew')]);
  });
});
