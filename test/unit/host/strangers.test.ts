import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectSecure } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  FRAME_BYTES_MAX,
  HANDSHAKES_MAX,
  HANDSHAKES_PER_ADDRESS_MAX,
} from '../../../hypervisor/base/limits.ts';
import { originOf } from '../../../hypervisor/host/admission.ts';
import type { LinkListener, ListenerOptions } from '../../../hypervisor/host/link.ts';
import { type LinkSecurity, LOCAL_ONLY } from '../../../hypervisor/host/tls.ts';
import { dial, echoListener, until } from '../../support/link-lab.ts';
import { tokenSecurity } from '../../support/secured.ts';

const MIB = 1024 ** 2;
const dir = mkdtempSync(join(tmpdir(), 'hv-strangers-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Target {
  readonly listener: LinkListener;
  readonly address: string;
  /** A raw socket to it, from an address of this machine. */
  stranger(from?: string): Socket;
}

async function target(
  security: LinkSecurity,
  options: Partial<ListenerOptions> = {},
): Promise<Target> {
  const { listener, address } = await echoListener({ security, ...options });
  closers.push(() => listener.close());
  const port = Number(address.split(':')[1]);
  return {
    listener,
    address,
    stranger: (localAddress = '127.0.0.1') => {
      const socket = connect({ host: '127.0.0.1', port, localAddress });
      socket.on('error', () => undefined);
      socket.resume();
      closers.push(() => socket.destroy());
      return socket;
    },
  };
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()));

/** The header of a masked WebSocket frame that says it has `bytes` bytes. */
function frameHeader(bytes: number): Buffer {
  const header = Buffer.alloc(14);
  header.set([0x82, 0xff]);
  header.writeBigUInt64BE(BigInt(bytes), 2);
  return header;
}

function upgradeRequest(address: string): string {
  return (
    `GET /link HTTP/1.1\r\nHost: ${address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
  );
}

describe.each(['plain', 'token'] as const)('a listener (%s)', (mode) => {
  let security: LinkSecurity = LOCAL_ONLY;
  beforeAll(() => {
    security = mode === 'plain' ? LOCAL_ONLY : tokenSecurity(join(dir, mode));
  });

  test('counts a port scan and holds nothing of it', async () => {
    const { listener, stranger } = await target(security);
    const sockets = Array.from({ length: 20 }, () => stranger());
    for (const socket of sockets) socket.once('connect', () => socket.destroy());
    await until(() => listener.counters.reasons.vanished === 20);
    expect(listener.counters).toMatchObject({ handshakes: 0, open: 0, refused: 20 });
  });

  test('cuts and counts garbage', async () => {
    const { listener, stranger } = await target(security);
    for (let count = 0; count < 10; count++) {
      const socket = stranger();
      socket.write(Buffer.concat([Uint8Array.of(0xff), randomBytes(3000)]));
      await closed(socket);
    }
    expect(listener.counters.reasons.malformed).toBe(10);
    expect(listener.counters).toMatchObject({ handshakes: 0, accepted: 0, refused: 10 });
  });

  test('holds a crowd of slow peers to its limit and still takes a friend', async () => {
    const { listener, address, stranger } = await target(security);
    const crowd = 3 * HANDSHAKES_PER_ADDRESS_MAX;
    for (let count = 0; count < crowd; count++) {
      const socket = stranger();
      // The beginning of a TLS record, or of a request.
      socket.write(mode === 'plain' ? 'GET /li' : Uint8Array.of(0x16, 0x03, 0x01));
    }
    await until(() => listener.counters.reasons.tooMany === crowd - HANDSHAKES_PER_ADDRESS_MAX);
    expect(listener.counters.handshakes).toBe(HANDSHAKES_PER_ADDRESS_MAX);
    await dial(address, security).echo();
    expect(listener.counters).toMatchObject({ open: 1, accepted: 1 });
  });

  test('holds slow peers of many addresses to its limit, cutting where most come from', async () => {
    const { listener, address, stranger } = await target(security);
    const lone = stranger('127.0.1.1');
    await until(() => listener.counters.handshakes === 1);
    let loneClosed = false;
    lone.once('close', () => {
      loneClosed = true;
    });
    const crowd = HANDSHAKES_MAX + 40;
    for (let count = 0; count < crowd; count++) stranger(`127.0.2.${1 + (count % 8)}`);
    await until(() => listener.counters.reasons.tooMany === crowd + 1 - HANDSHAKES_MAX);
    expect(listener.counters.handshakes).toBe(HANDSHAKES_MAX);
    await dial(address, security).echo();
    expect(loneClosed).toBe(false);
  });

  test('gives a peer that does not go on only its time', async () => {
    const { listener, stranger } = await target(security, { helloTimeoutMs: 40 });
    const silent = stranger();
    const slow = stranger();
    slow.write(
      mode === 'plain' ? 'GET /link HTTP/1.1\r\n' : Uint8Array.of(0x16, 0x03, 0x01, 0, 200),
    );
    await Promise.all([closed(silent), closed(slow)]);
    await until(() => listener.counters.handshakes === 0);
    expect(listener.counters).toMatchObject({ handshakes: 0, refused: 2, reasons: { slow: 2 } });
  });

  test('cuts a link that announces 10 GiB, before it has room for them', async () => {
    const { listener, address } = await target(security);
    const port = Number(address.split(':')[1]);
    const where = { host: '127.0.0.1', port };
    const tls = security.clientOptions();
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 10; count++) {
      const socket = tls === undefined ? connect(where) : connectSecure({ ...tls, ...where });
      socket.on('error', () => undefined);
      socket.write(upgradeRequest(address));
      await new Promise((resolve) => socket.once('data', resolve));
      socket.write(frameHeader(10 * 1024 ** 3));
      socket.resume();
      socket.end();
      await closed(socket);
    }
    await until(() => listener.counters.open === 0);
    expect(listener.counters).toMatchObject({ garbage: 10, reasons: { oversized: 10 } });
    expect(process.memoryUsage().rss - before).toBeLessThan(FRAME_BYTES_MAX + 64 * MIB);
  });

  test('cuts a link that sends much before its first message is complete', async () => {
    const { listener, address } = await target(security);
    const port = Number(address.split(':')[1]);
    const where = { host: '127.0.0.1', port };
    const tls = security.clientOptions();
    const socket = tls === undefined ? connect(where) : connectSecure({ ...tls, ...where });
    socket.on('error', () => undefined);
    socket.write(upgradeRequest(address));
    await new Promise((resolve) => socket.once('data', resolve));
    // Within the limit of a frame: only that nobody has said who it is makes it too long.
    socket.write(Buffer.concat([frameHeader(32 * MIB), randomBytes(MIB)]));
    socket.resume();
    await closed(socket);
    expect(listener.counters).toMatchObject({ garbage: 1, reasons: { oversized: 1 } });
  });
});

describe('a listener', () => {
  test('cuts and counts a request with endless headers', async () => {
    const { listener, stranger } = await target(LOCAL_ONLY);
    const socket = stranger();
    socket.write(`GET /link HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`);
    await closed(socket);
    expect(listener.counters).toMatchObject({ refused: 1, reasons: { oversized: 1 } });
  });

  test('forgets that a link was a stranger when it has spoken', async () => {
    const security = tokenSecurity(join(dir, 'spoken'));
    const { listener, address } = await target(security);
    const links = Array.from({ length: 40 }, () => dial(address, security));
    for (const { echo } of links) await echo();
    expect(listener.counters).toMatchObject({ open: 40, handshakes: 0, refused: 0 });
  });
});

describe('an origin', () => {
  test('is an IPv4 address, or the network of an IPv6 one', () => {
    expect(originOf('10.0.0.2')).toBe('10.0.0.2');
    expect(originOf('::ffff:10.0.0.2')).toBe(originOf('10.0.0.2'));
    expect(originOf('2001:db8:1:2::7')).toBe(originOf('2001:db8:1:2:ffff::9'));
    expect(originOf('2001:db8:1:2::7')).not.toBe(originOf('2001:db8:1:3::7'));
  });
});
