import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Stage } from '../support/hv-process.ts';
import { LONG } from '../support/long.ts';

let stage: Stage;
let script: string;
beforeEach(() => {
  stage = new Stage();
  script = join(stage.dir, 'vault.mjs');
  writeFileSync(script, VAULT);
});
afterEach(() => stage.close());

/** Keeps what it is sent, and says so when it is as safe as its first argument. */
const VAULT = `import net from 'node:net';
import { hv } from 'hv/guest';
const level = process.argv[2];
const kept = [];
const server = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', async (data) => {
    kept.push(String(data));
    console.log('has', kept.join());
    await hv.commit(level);
    console.log('safe', kept.join());
    socket.write('safe');
  });
});
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
`;

async function portOf(primary: ReturnType<Stage['hv']>): Promise<number> {
  const [, port] = await primary.output(/port (\d+)/);
  return Number(port);
}

/** Sends `text` and resolves with the answer. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(text));
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.destroy();
      resolve(String(data));
    });
  });
}

/** Resolves when a backup's copy holds these bytes, as they were sent. */
async function holds(path: string, text: string): Promise<void> {
  const has = (): boolean =>
    statSync(path, { throwIfNoEntry: false }) !== undefined && readFileSync(path).includes(text);
  while (!has()) await new Promise((resolve) => setImmediate(resolve));
}

describe('a guest that answers behind a commit', () => {
  test('has what it has answered on the disks of both, when both are killed at once', async () => {
    const backup = await stage.backup('--dir', 'b1');
    const options = ['--backup', backup.address, '--events-fd', '3'];
    const primary = stage.hv(['run', ...options, script, 'durable']);
    await primary.event('protected');
    expect(await ask(await portOf(primary), 'a secret')).toBe('safe');
    for (const one of [backup.process, primary]) one.kill('SIGKILL');
    await Promise.all([backup.process.exited, primary.exited]);
    for (const log of ['b1/vault', '.hv/vault']) {
      const replay = await stage.hv(['replay', log]).exited;
      expect(replay.stdout).toContain('has a secret\n');
      expect(replay.code).toBe(0);
    }
  });

  test.each(LONG ? ['received', 'replayed', 'verified'] : ['verified'])(
    '%s: is answered in a pair, by a record that every replay takes',
    async (level) => {
      const backup = await stage.backup('--dir', 'b1');
      const primary = stage.hv(['run', '--backup', backup.address, script, level]);
      expect(await ask(await portOf(primary), 'a secret')).toBe('safe');
      primary.kill('SIGINT');
      await Promise.all([backup.process.exited, primary.exited]);
      const records = (await stage.hv(['log', 'cat', 'b1/vault']).exited).stdout;
      expect(records).toMatch(/committed +#1/);
      const replay = await stage.hv(['replay', 'b1/vault']).exited;
      expect(replay.stdout).toContain('safe a secret\n');
      expect(replay.code).toBe(0);
    },
  );

  test.each(['--no-record', '--record'])('alone, with %s, is answered', async (how) => {
    const options = how === '--record' ? [] : [how];
    const primary = stage.hv(['run', ...options, script, 'durable']);
    expect(await ask(await portOf(primary), 'alone')).toBe('safe');
  });

  test('has its promise kept by another primary, when the first dies before the answer', async () => {
    const one = await stage.backup('--dir', 'b1', '--priority', '2');
    const two = await stage.backup('--dir', 'b2');
    const backups = ['--backup', one.address, '--backup', two.address];
    const options = [...backups, '--detect', '60000', '--ack', 'async', '--events-fd', '3'];
    const primary = stage.hv(['run', ...options, script, 'durable']);
    const port = await portOf(primary);
    two.process.kill('SIGSTOP');
    await two.process.untilStopped();
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('in flight'));
    socket.once('error', () => undefined);
    await primary.output(/has in flight/);
    await holds(join(stage.dir, 'b1/vault/000001.hvlog'), 'in flight');
    primary.kill('SIGKILL');
    const { stdout } = await primary.exited;
    expect(stdout).not.toContain('safe');
    await one.process.output(/safe in flight/);
    one.process.kill('SIGTERM');
    await one.process.exited;
    const records = (await stage.hv(['log', 'cat', 'b1/vault']).exited).stdout;
    expect(records.slice(records.search(/reseed/))).toMatch(/committed +#1/);
    const replay = await stage.hv(['replay', 'b1/vault']).exited;
    expect(replay.stdout).toContain('safe in flight');
    expect(replay.code).toBe(0);
  });

  test('has its promise kept by its next life, when it dies alone before the answer', async () => {
    const backup = await stage.backup('--dir', 'b1');
    const options = ['--backup', backup.address, '--detect', '60000', '--ack', 'async'];
    const primary = stage.hv(['run', ...options, script, 'replayed']);
    const port = await portOf(primary);
    backup.process.kill('SIGSTOP');
    await backup.process.untilStopped();
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('in flight'));
    socket.once('error', () => undefined);
    await primary.output(/has in flight/);
    primary.kill('SIGKILL');
    expect((await primary.exited).stdout).not.toContain('safe');
    backup.process.kill('SIGKILL');
    const resumed = stage.hv(['run', '--resume', '--name', 'vault']);
    await resumed.output(/safe in flight/);
  });
});
