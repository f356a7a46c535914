import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { DirectNet } from '../../../hypervisor/host/net-direct.ts';
import type { HostInterrupt, NetOutput, NetTable } from '../../../hypervisor/ports.ts';
import {
  asEpoch,
  INTERRUPT,
  type InterruptKind,
  NET_ERRORS,
  NET_WRITE_CREDIT_BYTES,
  type NetAddress,
} from '../../../log-format/index.ts';

const NAMES = new Map<InterruptKind, string>(
  Object.entries(INTERRUPT).map(([name, kind]) => [kind, name]),
);
const ECONNRESET = NET_ERRORS.indexOf('ECONNRESET');
const EADDRINUSE = NET_ERRORS.indexOf('EADDRINUSE');

type Seen = HostInterrupt & { readonly name: string };

/** A backend with everything it reports. */
class Host {
  readonly net: DirectNet;
  readonly seen: Seen[] = [];
  readonly notes: string[] = [];
  #waiting: (() => void)[] = [];

  constructor(options: { connectionsMax?: number } = {}) {
    this.net = new DirectNet({
      ...options,
      onInterrupt: (interrupt) => {
        this.seen.push({ ...interrupt, name: NAMES.get(interrupt.kind) ?? '?' });
        this.#wake();
      },
      onNote: (event) => {
        this.notes.push(event);
        this.#wake();
      },
    });
    closers.push(() => this.net.close());
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resume) => this.#waiting.push(resume));
  }

  of(name: string, id?: number): Seen[] {
    return this.seen.filter((one) => one.name === name && (id === undefined || one.id === id));
  }

  async first(name: string, id?: number): Promise<Seen> {
    await this.until(() => this.of(name, id).length > 0);
    const [found] = this.of(name, id);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  }

  do(output: DistributiveOmit<NetOutput, 'device'>): void {
    this.net.release({ device: 'net', ...output } as NetOutput);
  }

  /** Listens and says on which port. */
  async listen(id = 1, where = { host: '127.0.0.1', port: 0 }): Promise<number> {
    this.do({ op: 'listen', id, ...where, backlog: 0 });
    const bound = await this.first('netBound', id);
    expect(bound.num).toBe(0);
    return json<NetAddress>(bound).port;
  }

  input(id: number): Buffer {
    return Buffer.concat(this.of('netData', id).map(({ payload }) => payload ?? new Uint8Array()));
  }
}

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never;

function json<T>(interrupt: Seen): T {
  return JSON.parse(new TextDecoder().decode(interrupt.payload)) as T;
}

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function client(port: number, host = '127.0.0.1'): Socket {
  const socket = connect({ port, host, allowHalfOpen: true });
  socket.on('error', () => {});
  closers.push(() => socket.destroy());
  return socket;
}

async function vacantPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not bound');
  return address.port;
}

/** A plain server, and the sockets it has accepted. */
async function peer(): Promise<{ port: number; sockets: Socket[]; server: Server }> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  }).listen(0, '127.0.0.1');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  return { port: portOf(server), sockets, server };
}

/** A connection from outside into the guest: the client's end and the guest's id. */
async function accepted(host: Host): Promise<{ socket: Socket; id: number }> {
  const before = host.of('netAccept').length;
  const port = await host.listen(1 + before);
  const socket = client(port);
  await host.until(() => host.of('netAccept').length > before);
  const id = host.of('netAccept').at(-1)?.id ?? 0;
  return { socket, id };
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const tableOf = (table: Partial<NetTable>): NetTable => ({
  listeners: [],
  connections: [],
  acceptedMax: 0,
  ...table,
});

describe('listening', () => {
  test('reports the address it got, on every interface when no host is given', async () => {
    const host = new Host();
    await host.listen(1);
    await host.listen(2, { host: '', port: 0 });
    const [one, all] = host.of('netBound');
    if (!one || !all) throw new Error('not bound');
    expect(json<NetAddress>(one)).toMatchObject({ address: '127.0.0.1', family: 'IPv4' });
    expect(['::', '0.0.0.0']).toContain(json<NetAddress>(all).address);
    const socket = client(json<NetAddress>(all).port);
    await once(socket, 'connect');
  });

  test.each<[string, string, number, string]>([
    ['a taken port', '127.0.0.1', -1, 'EADDRINUSE'],
    ['a foreign address', '192.0.2.1', 0, 'EADDRNOTAVAIL'],
    ['a name that does not exist', 'no-such-host.invalid', 0, 'ENOTFOUND'],
    ['a port that is none', '127.0.0.1', 70_000, 'EINVAL'],
  ])('on %s fails with its error', async (_what, hostName, port, error) => {
    const host = new Host();
    const taken = await host.listen(1);
    host.do({
      op: 'listen',
      id: 2,
      host: hostName,
      port: port === -1 ? taken : port,
      backlog: 0,
    });
    const bound = await host.first('netBound', 2);
    // A resolver that cannot ask anybody says EAI_AGAIN for any name.
    expect([error, error === 'ENOTFOUND' ? 'EAI_AGAIN' : error]).toContain(NET_ERRORS[bound.num]);
    expect(bound.payload).toBeUndefined();
  });

  test('stops at unlisten, keeps open connections, and frees the port', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    const port = json<NetAddress>((await host.first('netBound')) as Seen).port;
    host.do({ op: 'unlisten', id: 1 });
    await host.first('netUnbound', 1);
    await host.listen(2, { host: '127.0.0.1', port });
    socket.write('still here');
    await host.until(() => host.input(id).length === 10);
  });

  test('unlisten before the answer leaves only netUnbound', async () => {
    const host = new Host();
    host.do({ op: 'listen', id: 1, host: 'localhost', port: 0, backlog: 0 });
    host.do({ op: 'unlisten', id: 1 });
    await host.first('netUnbound', 1);
    // The same name is looked up once more, after which the first answer has come as well.
    await host.listen(2, { host: 'localhost', port: 0 });
    await lookup('localhost');
    expect(host.of('netBound', 1)).toEqual([]);
  });
});

describe('an accepted connection', () => {
  test('gets even ids in order, and both addresses', async () => {
    const host = new Host();
    const port = await host.listen();
    for (let number = 1; number <= 3; number++) {
      const socket = client(port);
      await host.until(() => host.of('netAccept').length === number);
      const { peer: far, local } = json<{ peer: NetAddress; local: NetAddress }>(
        host.of('netAccept')[number - 1] as Seen,
      );
      expect(far).toEqual({ address: '127.0.0.1', family: 'IPv4', port: socket.localPort });
      expect(local).toEqual({ address: '127.0.0.1', family: 'IPv4', port });
    }
    expect(host.of('netAccept').map(({ id, num }) => [id, num])).toEqual([
      [2, 1],
      [4, 1],
      [6, 1],
    ]);
  });

  test('carries bytes both ways and closes cleanly after both ends', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    socket.write('ping');
    await host.until(() => host.input(id).toString() === 'ping');
    host.do({ op: 'write', id, offset: 0, bytes: text('po') });
    host.do({ op: 'write', id, offset: 2, bytes: text('ng') });
    socket.end();
    await host.first('netEnd', id);
    host.do({ op: 'write', id, offset: 4, bytes: text('!') });
    host.do({ op: 'end', id });
    expect((await readAll(socket)).toString()).toBe('pong!');
    expect((await host.first('netClose', id)).num).toBe(0);
    expect(host.seen.at(-1)?.name).toBe('netClose');
    expect(host.of('netEnd', id).length).toBe(1);
    expect(host.of('netDrain', id)).toEqual([]);
  });

  test('reports a reset by the peer as the reason of its close', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    socket.resetAndDestroy();
    expect((await host.first('netClose', id)).num).toBe(ECONNRESET);
    expect(host.of('netEnd', id)).toEqual([]);
  });

  test('is cut by destroy after what was written, and reset when asked', async () => {
    const host = new Host();
    const one = await accepted(host);
    host.do({ op: 'write', id: one.id, offset: 0, bytes: text('last words') });
    host.do({ op: 'destroy', id: one.id, reset: false });
    expect((await readAll(one.socket)).toString()).toBe('last words');
    expect((await host.first('netClose', one.id)).num).toBe(0);
    const two = await accepted(host);
    host.do({ op: 'destroy', id: two.id, reset: true });
    const [error] = await once(two.socket, 'error');
    expect(error.code).toBe('ECONNRESET');
    expect((await host.first('netClose', two.id)).num).toBe(0);
  });

  test('beyond the limit is closed and the guest never hears of it', async () => {
    const host = new Host({ connectionsMax: 1 });
    const port = await host.listen();
    const first = client(port);
    await host.first('netAccept', 2);
    await once(client(port).resume(), 'end');
    expect(host.of('netAccept').length).toBe(1);
    first.resetAndDestroy();
    await host.first('netClose', 2);
    client(port);
    await host.first('netAccept', 4);
  });

  test('ignores outputs once it is closed, and those for ids that never were', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    socket.destroy();
    await host.first('netEnd', id);
    host.do({ op: 'destroy', id, reset: false });
    await host.first('netClose', id);
    const before = host.seen.length;
    for (const gone of [id, 99]) {
      host.do({ op: 'write', id: gone, offset: 5, bytes: text('x') });
      host.do({ op: 'end', id: gone });
      host.do({ op: 'consumed', id: gone, bytes: 7 });
      host.do({ op: 'option', id: gone, option: 1, value: 1 });
      host.do({ op: 'destroy', id: gone, reset: true });
      host.do({ op: 'unlisten', id: gone });
    }
    await host.listen(50);
    expect(host.seen.length).toBe(before + 1);
  });
});

describe('output', () => {
  test('that was written before is not written twice', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    host.do({ op: 'write', id, offset: 0, bytes: text('hello ') });
    host.do({ op: 'write', id, offset: 0, bytes: text('hello ') });
    host.do({ op: 'write', id, offset: 3, bytes: text('lo world') });
    host.do({ op: 'end', id });
    host.do({ op: 'write', id, offset: 11, bytes: text('too late') });
    expect((await readAll(socket)).toString()).toBe('hello world');
  });

  test('with a gap is our own bug', async () => {
    const host = new Host();
    const { id } = await accepted(host);
    const gap = (): void => host.do({ op: 'write', id, offset: 1, bytes: text('x') });
    expect(gap).toThrow('output has no gap');
  });

  test('is reported as drained in large steps, so that a guest within its credit never stalls', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    const piece = new Uint8Array(24 * 1024).fill(120);
    const total = 400 * piece.length;
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    const drained = (): number => host.of('netDrain', id).reduce((sum, { num }) => sum + num, 0);
    let offset = 0;
    while (offset < total) {
      await host.until(() => offset - drained() < NET_WRITE_CREDIT_BYTES);
      expect(drained()).toBeLessThanOrEqual(offset);
      host.do({ op: 'write', id, offset, bytes: piece });
      offset += piece.length;
    }
    await host.until(() => offset - drained() < 65_536);
    for (const { num } of host.of('netDrain', id)) expect(num).toBeGreaterThanOrEqual(65_536);
    while (received < offset) await once(socket, 'data');
    expect(received).toBe(offset);
  });

  test('that the kernel does not take is not reported as drained', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    // More than the kernel's buffers of both ends hold; the second waits behind the first.
    const bytes = new Uint8Array(32 * 1024 * 1024);
    const other = await accepted(host);
    for (let round = 0; round < 2; round++) {
      host.do({ op: 'write', id, offset: round * bytes.length, bytes });
      other.socket.write('ping');
      await host.until(() => host.input(other.id).length === 4 * (round + 1));
    }
    expect(host.of('netDrain', id)).toEqual([]);
    socket.resume();
    await host.until(() => host.of('netDrain', id).length === 2);
    expect(host.of('netDrain', id).map(({ num }) => num)).toEqual([bytes.length, bytes.length]);
  });
});

describe('input', () => {
  test('is cut to 64 KiB and shares memory with nothing', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    const bytes = Buffer.alloc(200_000, 'abcdefg');
    socket.write(bytes);
    await host.until(() => host.input(id).length === bytes.length);
    expect(host.input(id).equals(bytes)).toBe(true);
    const buffers = new Set<ArrayBufferLike>();
    for (const { payload } of host.of('netData', id)) {
      expect(payload?.length).toBeLessThanOrEqual(65_536);
      expect(payload?.buffer.byteLength).toBe(payload?.length);
      expect(payload?.constructor).toBe(Uint8Array);
      if (payload) buffers.add(payload.buffer);
    }
    expect(buffers.size).toBe(host.of('netData', id).length);
  });

  test('stops at the window and goes on as the guest consumes', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    const total = 16 * 1024 * 1024;
    socket.write(Buffer.alloc(total, 7));
    const window = 256 * 1024;
    await host.until(() => host.input(id).length >= window);
    // A second connection's bytes pass, so that the first one has had its chance to go on.
    const other = await accepted(host);
    other.socket.write('ping');
    await host.until(() => host.input(other.id).length === 4);
    expect(host.input(id).length).toBeLessThan(window + 65_536);
    let consumed = 0;
    let length = host.input(id).length;
    while (length < total) {
      host.do({ op: 'consumed', id, bytes: length - consumed });
      consumed = length;
      const before = host.seen.length;
      await host.until(() => host.seen.length > before);
      length = host.of('netData', id).reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0);
    }
    expect(length).toBe(total);
  });

  test('throttled: nothing is read and nobody is accepted until it is lifted', async () => {
    const host = new Host();
    const { socket, id } = await accepted(host);
    const port = await host.listen(9);
    host.net.throttle(true);
    socket.write('later');
    const newcomer = client(port);
    await once(newcomer, 'connect');
    newcomer.write('hello');
    // The backend's own outgoing connection needs several turns of the loop that read nothing.
    const far = await peer();
    host.do({ op: 'connect', id: 1, host: '127.0.0.1', port: far.port });
    await host.first('netConnected', 1);
    host.do({ op: 'write', id: 1, offset: 0, bytes: text('out') });
    while (far.sockets.length === 0) await once(far.server, 'connection');
    await once(far.sockets[0]?.resume() as Socket, 'data');
    expect(host.of('netData')).toEqual([]);
    expect(host.of('netAccept').length).toBe(1);
    host.net.throttle(false);
    await host.until(() => host.input(id).toString() === 'later');
    await host.until(() => host.input(4).toString() === 'hello');
    expect(host.of('netAccept').map(({ id: one, num }) => [one, num])).toEqual([
      [2, 1],
      [4, 9],
    ]);
  });
});

describe('an outgoing connection', () => {
  test('by name connects and exchanges bytes', async () => {
    const host = new Host();
    const far = await peer();
    host.do({ op: 'connect', id: 1, host: 'localhost', port: far.port });
    host.do({ op: 'write', id: 1, offset: 0, bytes: text('early') });
    const connected = await host.first('netConnected', 1);
    expect(json<{ peer: NetAddress }>(connected).peer.port).toBe(far.port);
    const [socket] = far.sockets;
    socket?.end('answer');
    await host.first('netEnd', 1);
    expect(host.input(1).toString()).toBe('answer');
    host.do({ op: 'end', id: 1 });
    expect((await readAll(socket as Socket)).toString()).toBe('early');
    expect((await host.first('netClose', 1)).num).toBe(0);
  });

  test.each<[string, string, string[]]>([
    ['to a vacant port', '127.0.0.1', ['ECONNREFUSED']],
    ['to a name that does not exist', 'no-such-host.invalid', ['ENOTFOUND', 'EAI_AGAIN']],
  ])('%s is one netClose with its error', async (_what, hostName, errors) => {
    const host = new Host();
    const port = await vacantPort();
    host.do({ op: 'connect', id: 1, host: hostName, port });
    const close = await host.first('netClose', 1);
    expect(errors).toContain(NET_ERRORS[close.num]);
    expect(host.seen.length).toBe(1);
  });

  test('to a port that is none fails like any other', async () => {
    const host = new Host();
    host.do({ op: 'connect', id: 3, host: '127.0.0.1', port: 70_000 });
    expect(NET_ERRORS[(await host.first('netClose', 3)).num]).toBe('EINVAL');
  });

  test('destroyed while it connects closes without an error', async () => {
    const host = new Host();
    host.do({ op: 'connect', id: 1, host: '127.0.0.1', port: await vacantPort() });
    host.do({ op: 'destroy', id: 1, reset: true });
    expect((await host.first('netClose', 1)).num).toBe(0);
    expect(host.of('netConnected')).toEqual([]);
  });
});

describe('going live', () => {
  test('takes over listeners silently, numbers on from the table, and names what is gone', async () => {
    const host = new Host();
    const port = await vacantPort();
    const gone = host.net.goLive(
      asEpoch(2),
      tableOf({
        listeners: [{ id: 3, host: '127.0.0.1', port, backlog: 0, bound: true }],
        connections: [
          { id: 8, inOffset: 5, outOffset: 6, connecting: false },
          { id: 1, inOffset: 0, outOffset: 0, connecting: true },
        ],
        acceptedMax: 10,
      }),
    );
    expect([...gone]).toEqual([8, 1]);
    // Released now, held at the failover: all of it is about things that are settled.
    host.do({ op: 'listen', id: 3, host: '127.0.0.1', port, backlog: 0 });
    const far = await peer();
    host.do({ op: 'connect', id: 1, host: '127.0.0.1', port: far.port });
    host.do({ op: 'write', id: 8, offset: 6, bytes: text('x') });
    host.do({ op: 'connect', id: 3, host: '127.0.0.1', port: far.port });
    await host.first('netConnected', 3);
    while (far.sockets.length === 0) await once(far.server, 'connection');
    expect(far.sockets.length).toBe(1);
    client(port);
    const accept = await host.first('netAccept');
    expect([accept.id, accept.num]).toEqual([12, 3]);
    expect(host.seen.map(({ name }) => name)).toEqual(['netConnected', 'netAccept']);
  });

  test('waits for a port the old primary still holds, and says so after a second', async () => {
    const host = new Host();
    const old = await peer();
    host.net.goLive(
      asEpoch(2),
      tableOf({
        listeners: [{ id: 1, host: '127.0.0.1', port: old.port, backlog: 0, bound: true }],
      }),
    );
    await host.until(() => host.notes.length > 0);
    expect(host.notes).toEqual(['net.listen-retry']);
    old.server.close();
    await host.until(() => host.notes.length > 1);
    expect(host.notes).toEqual(['net.listen-retry', 'net.listening']);
    client(old.port);
    await host.first('netAccept', 2);
    expect(host.seen.length).toBe(1);
  });

  test('answers a listen whose answer died with the old primary', async () => {
    const host = new Host();
    const old = await peer();
    const listener = { id: 1, host: '127.0.0.1', backlog: 0, bound: false };
    host.net.goLive(asEpoch(2), tableOf({ listeners: [{ ...listener, port: old.port }] }));
    old.server.close();
    const bound = await host.first('netBound', 1);
    expect(bound.num).toBe(0);
    expect(json<NetAddress>(bound).port).toBe(old.port);
  });

  test('gives such a listen up when the port belongs to somebody else', async () => {
    const host = new Host();
    const other = await peer();
    const listener = { id: 1, host: '127.0.0.1', backlog: 0, bound: false };
    host.net.goLive(asEpoch(2), tableOf({ listeners: [{ ...listener, port: other.port }] }));
    expect((await host.first('netBound', 1)).num).toBe(EADDRINUSE);
  });

  test('finishes a listener the guest had closed', async () => {
    const host = new Host();
    const port = await vacantPort();
    const listener = { id: 1, host: '127.0.0.1', port, backlog: 0, bound: true, closing: true };
    host.net.goLive(asEpoch(2), tableOf({ listeners: [listener] }));
    await host.first('netUnbound', 1);
    const socket = client(port);
    const [error] = await once(socket, 'error');
    expect(error.code).toBe('ECONNREFUSED');
  });

  test('can be undone while it waits for a port', async () => {
    const host = new Host();
    const old = await peer();
    const listener = { id: 1, host: '127.0.0.1', port: old.port, backlog: 0, bound: true };
    host.net.goLive(asEpoch(2), tableOf({ listeners: [listener] }));
    host.do({ op: 'unlisten', id: 1 });
    await host.first('netUnbound', 1);
    old.server.close();
    await once(old.server, 'close');
    await host.listen(2, { host: '127.0.0.1', port: old.port });
  });
});

test('a closed backend reports nothing, frees its ports and ends its connections', async () => {
  const host = new Host();
  const { socket, id } = await accepted(host);
  const port = json<NetAddress>((await host.first('netBound')) as Seen).port;
  host.do({ op: 'write', id, offset: 0, bytes: text('goodbye') });
  const before = host.seen.length;
  host.net.close();
  expect((await readAll(socket)).toString()).toBe('goodbye');
  host.do({ op: 'listen', id: 5, host: '127.0.0.1', port, backlog: 0 });
  const next = new Host();
  await next.listen(1, { host: '127.0.0.1', port });
  expect(host.seen.length).toBe(before);
});
