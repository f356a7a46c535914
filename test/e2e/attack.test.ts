/** A protected pair under attack: strangers are refused and counted, and a client of the guest sees none of it. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectSecure } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HANDSHAKES_MAX } from '../../hypervisor/base/limits.ts';
import { askStatus, statusPaths } from '../../hypervisor/host/status-socket.ts';
import { loadSecurity } from '../../hypervisor/host/tls.ts';
import { GUESTS, type HvProcess, Stage } from '../support/hv-process.ts';
import { freePort, KvClient } from '../support/kv-client.ts';
import { dial } from '../support/link-lab.ts';
import { tokenFile, tokenSecurity } from '../support/secured.ts';

/** Far above what strangers may cost, far below what any of these attacks would take unrefused. */
const GROWTH_MAX = 160 * 1024 ** 2;
const ANSWERS = 200;

let stage: Stage;
const sockets = new Set<Socket>();
beforeEach(() => {
  stage = new Stage();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await stage.close();
});

interface Counters {
  readonly accepted: number;
  readonly handshakes: number;
  readonly reasons: Readonly<Record<string, number>>;
}

interface Target {
  readonly process: HvProcess;
  readonly address: string;
  readonly role: string;
}

function rss({ pid }: HvProcess): number {
  const [, kib = '0'] =
    /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

async function counters(role: string): Promise<Counters> {
  const all = await Promise.all(statusPaths(join(stage.dir, '.hv')).map(askStatus));
  const one = all.find((status) => status?.role === role) as { links: Counters } | undefined;
  if (one === undefined) throw new Error(`no ${role} answers`);
  return one.links;
}

/** Asks until the counters of `role` satisfy `condition`. */
async function counted(role: string, condition: (now: Counters) => boolean): Promise<Counters> {
  for (;;) {
    const now = await counters(role);
    if (condition(now)) return now;
  }
}

function stranger(address: string, from = '127.0.0.9'): Socket {
  const socket = connect({
    host: '127.0.0.1',
    port: Number(address.split(':')[1]),
    localAddress: from,
  });
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => sockets.delete(socket));
  socket.resume();
  return socket;
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

async function scan(address: string): Promise<void> {
  const scans = Array.from({ length: 100 }, () => stranger(address));
  for (const socket of scans) socket.once('connect', () => socket.destroy());
  await Promise.all(scans.map(closed));
}

async function garbage(address: string): Promise<void> {
  for (let count = 0; count < 50; count++) {
    const socket = stranger(address);
    socket.write(Buffer.concat([Uint8Array.of(0xff), randomBytes(100_000)]));
    await closed(socket);
  }
}

/** A frame of 10 GiB by a peer that has the token, so that it gets as far as frames. */
async function giant(address: string, tokens: string): Promise<void> {
  const options = loadSecurity({ mode: 'token', tokenFile: tokens }).clientOptions() ?? {};
  for (let count = 0; count < 10; count++) {
    const socket = connectSecure({ ...options, socket: stranger(address) });
    socket.on('error', () => undefined);
    socket.write(
      `GET /link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await new Promise((resolve) => socket.once('data', resolve));
    const header = Buffer.alloc(14);
    header.set([0x82, 0xff]);
    header.writeBigUInt64BE(BigInt(10 * 1024 ** 3), 2);
    socket.write(header);
    socket.resume();
    socket.end();
    await closed(socket);
  }
}

test('port scan, garbage, wrong and no token, 10 GiB frames, slow peers: refused, and nobody notices', {
  timeout: 240_000,
}, async () => {
  const { path } = tokenFile(join(stage.dir, 'token'));
  const wrong = tokenSecurity(join(stage.dir, 'wrong'));
  const security = ['--token-file', path];
  const backup = await stage.backup('--dir', '.hv/b1', ...security);
  const port = await freePort();
  const primary = stage.hv([
    ...['run', '--name', 'kv', '--listen', '127.0.0.1:0', '--backup', backup.address],
    ...['--events-fd', '3', ...security, join(GUESTS, 'kv.js'), String(port)],
  ]);
  await primary.event('protected');
  await backup.process.event('in.step');
  const { address = '' } = await primary.event('started');

  const client = await KvClient.reach(port);
  let answers = 0;
  let stop = false;
  let wanted = { answers: 0, reached: (): void => {} };
  const asking = (async () => {
    while (!stop) {
      expect(await client.ask('INCR', 'n')).toMatchObject({ value: answers + 1 });
      answers += 1;
      if (answers === wanted.answers) wanted.reached();
    }
  })();
  /** The client goes on getting answers. */
  const served = async (): Promise<void> => {
    const enough = new Promise<void>((reached) => {
      wanted = { answers: answers + ANSWERS, reached };
    });
    await Promise.race([asking, enough]);
  };
  await served();

  const targets: readonly Target[] = [
    { process: primary, address, role: 'primary' },
    { process: backup.process, address: backup.address, role: 'backup' },
  ];
  for (const { process: target, address: at, role } of targets) {
    const before = rss(target);
    await scan(at);
    await garbage(at);
    expect(await dial(at, wrong).closed).toContain('does not accept our token');
    await dial(at, loadSecurity({ mode: 'plain', insecure: false })).closed;
    await giant(at, path);
    await served();
    const now = await counted(
      role,
      ({ reasons }) => (reasons.vanished ?? 0) + (reasons.tooMany ?? 0) >= 100,
    );
    expect(now.reasons).toMatchObject({ malformed: 50, badToken: 1, plain: 1, oversized: 10 });

    // Hundreds that begin a handshake and go on with nothing, from several addresses.
    const crowd = Array.from({ length: 400 }, (_, index) => {
      const socket = stranger(at, `127.0.3.${1 + (index % 4)}`);
      socket.write(Uint8Array.of(0x16, 0x03, 0x01));
      return socket;
    });
    const refused = 400 - HANDSHAKES_MAX;
    await counted(role, ({ reasons }) => (reasons.tooMany ?? 0) + (reasons.slow ?? 0) >= refused);
    await served();
    // A friend is let in past the crowd.
    const { accepted } = await counters(role);
    const friend = dial(at, loadSecurity({ mode: 'token', tokenFile: path }));
    const crowded = await counted(role, (one) => one.accepted > accepted);
    expect(crowded.handshakes).toBeLessThanOrEqual(HANDSHAKES_MAX);
    friend.link.close();
    await friend.closed;
    await served();
    for (const socket of crowd) socket.destroy();
    expect(rss(target) - before).toBeLessThan(GROWTH_MAX);
  }

  const events = [...primary.events, ...backup.process.events].map(({ evt }) => evt);
  for (const bad of ['suspected', 'unprotected', 'live', 'diverged', 'fenced'])
    expect(events).not.toContain(bad);
  // The pair is still one that takes over.
  const last = answers;
  stop = true;
  await asking;
  primary.kill('SIGKILL');
  await backup.process.event('live');
  const after = await KvClient.reach(port);
  const reply = await after.ask('INCR', 'n');
  expect(reply.type === 'integer' ? reply.value : 0).toBeGreaterThan(last);
});
