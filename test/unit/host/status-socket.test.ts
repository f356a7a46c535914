import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { statusLines } from '../../../hypervisor/cli/status-report.ts';
import { listenForOwner } from '../../../hypervisor/host/owner-socket.ts';
import { askStatus, serveStatus, statusPaths } from '../../../hypervisor/host/status-socket.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hv-status-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const answer = (done: (status: object) => void): void => done({ name: 'server', pid: 7 });

describe('a status socket', () => {
  test('answers its owner only, and is gone when it is closed', async () => {
    const served = await serveStatus(dir, 'server', answer);
    expect(served.path).toBe(join(dir, 'server.status.sock'));
    expect(statSync(served.path).mode & 0o777).toBe(0o600);
    expect(await askStatus(served.path)).toEqual({ name: 'server', pid: 7 });
    served.close();
    expect(existsSync(served.path)).toBe(false);
    expect(await askStatus(served.path)).toBeUndefined();
  });

  test('whose path is too long lies elsewhere, and its path beside the log', async () => {
    const deep = join(dir, 'x'.repeat(60), 'y'.repeat(60));
    mkdirSync(deep, { recursive: true });
    const served = await serveStatus(deep, 'server', answer);
    const real = readFileSync(served.path, 'utf8');
    expect(Buffer.byteLength(real)).toBeLessThan(100);
    expect(await askStatus(served.path)).toEqual({ name: 'server', pid: 7 });
    served.close();
    expect([served.path, real].filter((path) => existsSync(path))).toEqual([]);
  });

  test('left by a killed process is taken over; one that answers is not', async () => {
    const path = join(dir, 'server.status.sock');
    writeFileSync(path, join(dir, 'nobody.sock'));
    expect(await askStatus(path)).toBeUndefined();
    const served = await serveStatus(dir, 'server', answer);
    await expect(serveStatus(dir, 'server', answer)).rejects.toThrow('another process');
    expect(await askStatus(path)).toEqual({ name: 'server', pid: 7 });
    served.close();
  });

  test('at which somebody listens is never taken away, whatever is said there', async () => {
    const path = join(dir, 'x'.repeat(120), 'a.admin.sock');
    mkdirSync(join(path, '..'));
    const first = await listenForOwner(
      createServer((socket) => socket.on('error', () => socket.destroy()).end('first')),
      path,
    );
    const second = createServer();
    await expect(listenForOwner(second, path)).rejects.toThrow(
      `another process listens at ${path}`,
    );
    const socket = connect(readFileSync(path, 'utf8'));
    const [said] = (await once(socket, 'data')) as [Buffer];
    expect(String(said)).toBe('first');
    first.close();
    (await listenForOwner(second, path)).close();
  });

  test('that says no JSON, or nothing, is nobody', async () => {
    const path = join(dir, 'a.status.sock');
    const server = createServer((socket) => socket.end('{"name": '));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(await askStatus(path)).toBeUndefined();
    server.close();
  });

  test('is found in a directory and in those of the backups below it', () => {
    mkdirSync(join(dir, 'backup-7700', 'server'), { recursive: true });
    for (const name of ['server.status.sock', 'backup-7700/backup.status.sock', 'server.txt'])
      writeFileSync(join(dir, name), '');
    expect(statusPaths(dir).map((path) => path.slice(dir.length + 1))).toEqual([
      'backup-7700/backup.status.sock',
      'server.status.sock',
    ]);
    expect(statusPaths(join(dir, 'nowhere'))).toEqual([]);
  });
});

test('a status in words says what is known and no more', () => {
  expect(statusLines({ name: 'guest', role: 'backup', pid: 3 })).toEqual([
    'guest: backup, pid 3',
    '  waits        for a primary',
  ]);
  const lines = statusLines({
    ...{ name: 'kv', role: 'primary', pid: 3, vm: 'kv-1', script: 'kv.js', uptimeMs: 61_000 },
    limits: {
      heapBytes: 64 * 2 ** 20,
      stackBytes: 65_536,
      turnTicks: 5e9,
      secondTicks: 0,
      hangMs: 0,
    },
    busy: { turn: 9, ms: 3200, silentMs: 100 },
    ...{ logBytes: 12_345, meter: null, replication: null },
  }).join('\n');
  expect(lines).toContain('busy         for 3.2 s with turn 9, last sign of life 0.1 s ago');
  expect(lines).toContain('limits       stack 64 KiB, 5,000,000,000 ticks a turn, no hang limit');
  expect(lines).not.toContain('heap');
});
