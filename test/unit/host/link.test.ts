import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectSecure } from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatAddress } from '../../../hypervisor/host/addresses.ts';
import { dialLink, type IncomingLink, LinkListener } from '../../../hypervisor/host/link.ts';
import { LinkSecurity, loadSecurity, type SecurityOptions } from '../../../hypervisor/host/tls.ts';
import type { Link } from '../../../hypervisor/ports.ts';
import type { Message } from '../../../hypervisor/protocol/messages.ts';
import { asEpoch, asLsn } from '../../../log-format/index.ts';
import { certificatePaths, tokenFile } from '../../support/secured.ts';
import { bundleForNode } from './bundle-for-node.ts';

/** One end of a link with everything it has seen. */
class End {
  readonly messages: Message[] = [];
  readonly closes: string[] = [];
  opened = 0;
  #waiting: (() => void)[] = [];

  onOpen(): void {
    this.opened += 1;
    this.#wake();
  }
  onMessage(message: Message): void {
    this.messages.push(message);
    this.#wake();
  }
  onClose(reason: string): void {
    this.closes.push(reason);
    this.#wake();
  }
  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resume) => this.#waiting.push(resume));
  }
  async closed(): Promise<string> {
    await this.until(() => this.closes.length > 0);
    return this.closes[0] ?? '';
  }
}

interface Served {
  readonly listener: LinkListener;
  readonly address: string;
  readonly incoming: IncomingLink[];
  readonly ends: End[];
  next(): Promise<void>;
}

/** How the links of the test at hand are authenticated. */
let secured: SecurityOptions = { mode: 'plain', insecure: false };
let security: LinkSecurity = loadSecurity(secured);

const dir = mkdtempSync(join(tmpdir(), 'hv-link-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function secure(mode: SecurityOptions['mode']): void {
  if (mode === 'token') secured = { mode, tokenFile: tokenFile(join(dir, 'token')).path };
  else if (mode === 'certificates') secured = certificatePaths(join(dir, 'tls'), ['localhost']);
  else secured = { mode: 'plain', insecure: false };
  security = loadSecurity(secured);
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(
  options: { linksMax?: number; helloTimeoutMs?: number } = {},
): Promise<Served> {
  const incoming: IncomingLink[] = [];
  const ends: End[] = [];
  let arrived = (): void => {};
  const listener = await LinkListener.listen('127.0.0.1:0', {
    ...options,
    security,
    onLink: (link) => {
      const end = new End();
      incoming.push(link);
      ends.push(end);
      arrived();
      return end;
    },
  });
  closers.push(() => listener.close());
  return {
    listener,
    address: formatAddress(listener.address),
    incoming,
    ends,
    next: () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
  };
}

function beat(number: number): Message {
  return { type: 'heartbeat', epoch: asEpoch(1), beat: number };
}

function batchOf(bytes: Uint8Array): Message {
  return {
    type: 'batch',
    epoch: asEpoch(1),
    lsnReleased: asLsn(0),
    batch: { epoch: asEpoch(1), firstLsn: asLsn(1), lastLsn: asLsn(2), bytes },
  };
}

async function pair(served: Served): Promise<{ near: Link; nearEnd: End; far: Link; farEnd: End }> {
  const nearEnd = new End();
  const arrival = served.next();
  const near = dialLink(served.address, '/link', nearEnd, { security });
  await arrival;
  await nearEnd.until(() => nearEnd.opened === 1);
  const far = served.incoming.at(-1)?.link;
  const farEnd = served.ends.at(-1);
  if (!far || !farEnd) throw new Error('no link arrived');
  return { near, nearEnd, far, farEnd };
}

/** A socket that has shaken hands by hand, so that it can misbehave afterwards. */
async function rawUpgrade(address: string, path = '/link', extra = ''): Promise<Socket> {
  const { host, port } = new URL(`http://${address}`);
  const where = { host: host.split(':')[0] ?? '', port: Number(port) };
  const tls = security.clientOptions();
  const socket = tls === undefined ? connect(where) : connectSecure({ ...tls, ...where });
  closers.push(() => socket.destroy());
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${extra}\r\n`,
  );
  return socket;
}

async function allOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe.each(['plain', 'token', 'certificates'] as const)('a link (%s)', (mode) => {
  beforeAll(() => secure(mode));
  afterAll(() => secure('plain'));

  test('delivers in order, both ways, what was sent before it opened first', async () => {
    const served = await serve();
    const nearEnd = new End();
    const near = dialLink(served.address, '/link', nearEnd, { security });
    for (let number = 0; number < 50; number++) near.send(beat(number));
    expect(near.queuedBytes).toBeGreaterThan(0);
    await served.next();
    const [farEnd] = served.ends;
    await farEnd?.until(() => farEnd.messages.length === 50);
    expect(farEnd?.messages).toEqual(Array.from({ length: 50 }, (_, number) => beat(number)));
    served.incoming[0]?.link.send(beat(99));
    await nearEnd.until(() => nearEnd.messages.length === 1);
    expect(nearEnd.messages).toEqual([beat(99)]);
    expect(served.incoming[0]?.path).toBe('/link');
    expect(served.incoming[0]?.remoteAddress).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  test('carries a batch of several MiB unchanged', async () => {
    const served = await serve();
    const { near, farEnd } = await pair(served);
    const bytes = new Uint8Array(5 * 1024 * 1024).map((_, index) => index % 251);
    near.send(beat(1));
    near.send(batchOf(bytes));
    await farEnd.until(() => farEnd.messages.length === 2);
    const [, got] = farEnd.messages;
    expect(got?.type === 'batch' && Buffer.compare(got.batch.bytes, bytes)).toBe(0);
  });

  test('hands a batch to the network before send returns', async () => {
    const file = await bundleForNode(
      'worker-listener',
      `import { parentPort, workerData } from 'node:worker_threads';
       import { LinkListener } from 'hypervisor/host/link.ts';
       import { LinkSecurity } from 'hypervisor/host/tls.ts';
       const seen = new Int32Array(workerData.seen);
       const onMessage = ({ type }) => {
         if (type !== 'batch') return parentPort.postMessage('spoken');
         Atomics.store(seen, 0, 1);
         Atomics.notify(seen, 0);
       };
       LinkListener.listen('127.0.0.1:0', {
         onLink: () => ({ onMessage, onClose() {} }),
         security: new LinkSecurity(workerData.material),
       }).then((listener) => parentPort.postMessage(listener.address.port));`,
    );
    const seen = new Int32Array(new SharedArrayBuffer(4));
    const workerData = { seen: seen.buffer, material: security.material };
    const worker = new Worker(file, { workerData });
    closers.push(() => worker.terminate());
    const [port] = await once(worker, 'message');
    const near = dialLink(`127.0.0.1:${port}`, '/link', new End(), { security });
    near.send(beat(1));
    await once(worker, 'message');
    near.send(beat(2));
    near.send(batchOf(Uint8Array.of(1, 2, 3)));
    // This thread's loop stands still: what arrives there now has left before send returned.
    expect(Atomics.wait(seen, 0, 0, 20_000)).not.toBe('timed-out');
  });

  test('keeps other messages until the turn is over', async () => {
    const served = await serve();
    const { near, farEnd } = await pair(served);
    near.send(beat(1));
    await farEnd.until(() => farEnd.messages.length === 1);
    near.send(beat(2));
    expect(near.queuedBytes).toBeGreaterThan(0);
    near.send(batchOf(Uint8Array.of(1, 2, 3)));
    if (mode === 'plain') expect(near.queuedBytes).toBe(0);
    near.send(beat(3));
    expect(near.queuedBytes).toBeGreaterThan(0);
    await farEnd.until(() => farEnd.messages.length === 4);
    while (near.queuedBytes > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('says how much waits for a peer that does not read', async () => {
    const served = await serve();
    const socket = await rawUpgrade(served.address);
    await once(socket, 'data');
    socket.pause();
    const link = served.incoming[0]?.link;
    const chunk = batchOf(new Uint8Array(1024 * 1024));
    for (let sent = 0; sent < 24; sent++) link?.send(chunk);
    expect(link?.queuedBytes).toBeGreaterThan(8 * 1024 * 1024);
  });

  test('ends when its peer has hung up, whatever still waits for it', async () => {
    const served = await serve();
    const socket = await rawUpgrade(served.address);
    await once(socket, 'data');
    socket.pause();
    const link = served.incoming[0]?.link;
    for (let sent = 0; sent < 24; sent++) link?.send(batchOf(new Uint8Array(1024 * 1024)));
    socket.end();
    expect(await served.ends[0]?.closed()).toBe('connection lost');
  });

  test('close flushes what was sent and tells both ends exactly once', async () => {
    const served = await serve();
    const { near, nearEnd, farEnd } = await pair(served);
    near.send(beat(1));
    near.send({ type: 'bye', epoch: asEpoch(1), code: 0, reason: 'done' });
    near.close();
    near.close();
    near.send(beat(2));
    expect(await farEnd.closed()).toBe('closed by the peer');
    expect(farEnd.messages.map(({ type }) => type)).toEqual(['heartbeat', 'bye']);
    expect(await nearEnd.closed()).toBe('closed here');
    expect([nearEnd.closes.length, farEnd.closes.length]).toEqual([1, 1]);
  });

  test('delivers nothing that arrives after its close', async () => {
    const served = await serve();
    const { near, nearEnd, far, farEnd } = await pair(served);
    near.close();
    far.send(beat(1));
    await Promise.all([nearEnd.closed(), farEnd.closed()]);
    expect(nearEnd.messages).toEqual([]);
  });

  test('sees the death of a peer process', async () => {
    const served = await serve();
    const file = await bundleForNode(
      'peer',
      `import { dialLink } from 'hypervisor/host/link.ts';
       import { loadSecurity } from 'hypervisor/host/tls.ts';
       const security = loadSecurity(${JSON.stringify(secured)});
       dialLink('${served.address}', '/link', { onMessage() {}, onClose() {} }, { security });
       setInterval(() => {}, 1000);`,
    );
    const child = spawn(process.execPath, [file], { stdio: 'ignore' });
    closers.push(() => child.kill('SIGKILL'));
    await served.next();
    child.kill('SIGKILL');
    expect(await served.ends[0]?.closed()).toMatch(/connection lost|ECONNRESET/);
  });

  test('works between a worker thread and the main thread', async () => {
    const served = await serve();
    const file = await bundleForNode(
      'worker-link',
      `import { workerData } from 'node:worker_threads';
       import { dialLink } from 'hypervisor/host/link.ts';
       import { LinkSecurity } from 'hypervisor/host/tls.ts';
       const handlers = { onMessage: (message) => link.send(message), onClose: () => {} };
       const security = new LinkSecurity(workerData);
       const link = dialLink('${served.address}', '/join', handlers, { security });
       link.send({ type: 'heartbeat', epoch: 1, beat: 1 });`,
    );
    const worker = new Worker(file, { workerData: security.material });
    closers.push(() => worker.terminate());
    await served.next();
    const [end] = served.ends;
    await end?.until(() => end.messages.length === 1);
    served.incoming[0]?.link.send(beat(2));
    await end?.until(() => end.messages.length === 2);
    expect(end?.messages).toEqual([beat(1), beat(2)]);
    expect(served.incoming[0]?.path).toBe('/join');
  });

  test('to nobody ends with a reason, to a wrong address throws', async () => {
    const vacant = createServer().listen(0, '127.0.0.1');
    await once(vacant, 'listening');
    const { port } = vacant.address() as { port: number };
    vacant.close();
    await once(vacant, 'close');
    const end = new End();
    dialLink(`127.0.0.1:${port}`, '/link', end, { security }).send(beat(1));
    expect(await end.closed()).toContain('ECONNREFUSED');
    expect(end.opened).toBe(0);
    expect(() => dialLink('nowhere', '/link', end)).toThrow('not host:port');
  });

  test('to a port that accepts and stays silent fails within its timeout', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    closers.push(() => silent.close());
    await once(silent, 'listening');
    silent.on('connection', (socket) => closers.push(() => socket.destroy()));
    const end = new End();
    const { port } = silent.address() as { port: number };
    dialLink(`127.0.0.1:${port}`, '/link', end, { timeoutMs: 50, security });
    expect(await end.closed()).toContain('handshake has timed out');
  });
});

describe('a listener', () => {
  test('names a taken port', async () => {
    const served = await serve();
    const second = LinkListener.listen(served.address, { onLink: () => new End() });
    await expect(second).rejects.toMatchObject({ name: 'HvError', code: 'HV_E_PORT_IN_USE' });
    const open = new LinkSecurity({ mode: 'plain', insecure: true });
    const foreign = LinkListener.listen('192.0.2.1:0', { onLink: () => new End(), security: open });
    await expect(foreign).rejects.toMatchObject({ name: 'HvError', code: 'HV_E_USAGE' });
  });

  test('answers a plain request with a hint and no link', async () => {
    const served = await serve();
    const [response] = await once(get(`http://${served.address}/`), 'response');
    expect(response.statusCode).toBe(426);
    expect(await allOf(response)).toContain('hv link');
    const { reasons, ...counters } = served.listener.counters;
    expect(counters).toMatchObject({ open: 0, accepted: 0, refused: 1, garbage: 0 });
    expect(reasons.stranger).toBe(1);
  });

  test.each<[string, string, string, string]>([
    ['an unknown path', '/other', '', '404'],
    ['a page in a browser', '/link', 'Origin: http://evil.example\r\n', '403'],
    ['a handshake of another version', '/link', 'Sec-WebSocket-Version: 99\r\n', '400'],
  ])('refuses %s', async (_what, path, extra, status) => {
    const served = await serve();
    const answer = await allOf(await rawUpgrade(served.address, path, extra));
    expect(answer.split('\r\n')[0]).toContain(status);
    expect(served.incoming).toEqual([]);
    expect(served.listener.counters.refused).toBe(1);
  });

  test('refuses one link too many and takes one again after a close', async () => {
    const served = await serve({ linksMax: 1 });
    const { near, nearEnd } = await pair(served);
    const refused = new End();
    dialLink(served.address, '/link', refused);
    expect(await refused.closed()).toContain('503');
    near.close();
    await nearEnd.closed();
    await served.ends[0]?.closed();
    await pair(served);
    expect(served.listener.counters).toMatchObject({ open: 1, accepted: 2, refused: 1 });
  });

  test.each<[string, number[], RegExp]>([
    ['text', [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69], /it sent text/],
    ['garbage', [0x82, 0x82, 0, 0, 0, 0, 0x91, 0x4d], /unknown message 77/],
    ['a frame without a mask', [0x82, 0x01, 0x00], /MASK/],
    ['an oversized frame', [0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0], /payload size/],
  ])('closes and counts a link that sends %s', async (_what, bytes, reason) => {
    const served = await serve();
    const socket = await rawUpgrade(served.address);
    await once(socket, 'data');
    socket.write(Uint8Array.from(bytes));
    expect(await served.ends[0]?.closed()).toMatch(reason);
    expect(served.ends[0]?.messages).toEqual([]);
    expect(served.listener.counters).toMatchObject({ accepted: 1, garbage: 1 });
  });

  test('tells the peer why it closed a link', async () => {
    const served = await serve({ helloTimeoutMs: 30 });
    const { nearEnd, farEnd } = await pair(served);
    expect(await nearEnd.closed()).toBe('closed by the peer: it said nothing within 30 ms');
    expect(await farEnd.closed()).toBe('closed here: it said nothing within 30 ms');
    expect(served.listener.counters.garbage).toBe(1);
  });

  test('takes no long message from a peer that has not said who it is', async () => {
    const served = await serve();
    const { near, farEnd } = await pair(served);
    near.send(batchOf(new Uint8Array(1024 * 1024)));
    expect(await farEnd.closed()).toMatch(/first message is longer than 65536 bytes/);
    expect(farEnd.messages).toEqual([]);
    expect(served.listener.counters.reasons.oversized).toBe(1);
  });

  test('leaves a link that has spoken in time alone', async () => {
    const served = await serve({ helloTimeoutMs: 40 });
    const spoken = await pair(served);
    spoken.near.send(beat(1));
    await spoken.farEnd.until(() => spoken.farEnd.messages.length === 1);
    // Opened later, so that the first link's time would be up before this one's.
    const silent = await pair(served);
    await silent.farEnd.closed();
    expect(spoken.farEnd.closes).toEqual([]);
    spoken.near.send(beat(2));
    await spoken.farEnd.until(() => spoken.farEnd.messages.length === 2);
  });

  test('drops a socket that never finishes its handshake', async () => {
    const served = await serve({ helloTimeoutMs: 30 });
    const { host, port } = served.listener.address;
    const socket = connect({ host, port });
    socket.write('GET /link HTTP/1.1\r\n');
    socket.resume();
    await once(socket, 'close');
    expect(served.incoming).toEqual([]);
  });

  test('close ends its links', async () => {
    const served = await serve();
    const { nearEnd, farEnd } = await pair(served);
    await served.listener.close();
    expect(await nearEnd.closed()).toBe('connection lost');
    expect(farEnd.closes).toEqual(['closed here']);
  });
});
