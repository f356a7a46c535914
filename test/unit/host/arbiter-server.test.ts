import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ARBITER_BODY_BYTES_MAX, VIEW_BACKUPS_MAX } from '../../../hypervisor/base/limits.ts';
import {
  type ArbiterEvent,
  ArbiterHost,
  type ArbiterHostOptions,
} from '../../../hypervisor/host/arbiter-host.ts';

const TOKEN = 'a-token-nobody-guesses';
let root = '';
let host: ArbiterHost | undefined;
let events: ArbiterEvent[] = [];
let sockets: Socket[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hv-arbiter-'));
  events = [];
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await host?.close();
  host = undefined;
  rmSync(root, { recursive: true, force: true });
});

async function start(options: Partial<ArbiterHostOptions> = {}): Promise<string> {
  host = await ArbiterHost.start({
    listen: '127.0.0.1:0',
    dir: join(root, 'views'),
    token: undefined,
    event: (event) => events.push(event),
    failed: (error) => {
      throw error;
    },
    ...options,
  });
  return `http://${host.address}`;
}

interface Said {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function ask(
  url: string,
  method = 'GET',
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Said> {
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(url, {
    method,
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    headers: { ...json, ...headers },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const claim = { expect: 0, primary: 'a:1', backups: ['b:2'], token: 't1' };

/** What the server says on a bare connection until it closes it. */
function raw(
  url: string,
  text: string,
): { readonly said: Promise<string>; readonly socket: Socket } {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let all = '';
  socket.on('data', (part: Buffer) => {
    all += part.toString();
  });
  socket.on('error', () => undefined);
  if (text !== '') socket.write(text);
  return { socket, said: new Promise((resolve) => socket.once('close', () => resolve(all))) };
}

describe('an arbiter on HTTP', () => {
  test('answers claims and reads as its page says', async () => {
    const url = await start();
    const vm = `${url}/v1/vm/kv`;
    expect(await ask(vm)).toEqual({
      status: 404,
      body: { error: 'there is no view yet', vm: 'kv', epoch: 0 },
    });
    const record = { vm: 'kv', epoch: 1, primary: 'a:1', backups: ['b:2'], token: 't1' };
    expect(await ask(vm, 'PUT', claim)).toMatchObject({ status: 200, body: record });
    expect(await ask(vm, 'PUT', claim)).toMatchObject({ status: 200, body: record });
    expect(await ask(vm, 'PUT', { ...claim, token: 't2' })).toMatchObject({
      status: 409,
      body: { current: record },
    });
    expect(await ask(vm, 'PUT', { ...claim, expect: 4 })).toMatchObject({
      status: 412,
      body: { current: record, error: expect.stringContaining('knows epoch 1 at most') },
    });
    expect(await ask(vm)).toMatchObject({ status: 200, body: record });
    expect(events).toMatchObject([
      { evt: 'arbiter.listening', vms: 0 },
      { evt: 'view.changed', vm: 'kv', by: 'claim', view: { epoch: 1 } },
    ]);
  });

  test('answers a long poll when the view is later, or the wait is over', async () => {
    const url = await start();
    const vm = `${url}/v1/vm/kv`;
    expect((await ask(`${vm}?after=0&wait=1`)).status).toBe(404);
    const waiting = [ask(`${vm}?after=0`), ask(`${vm}?after=1`)];
    await ask(vm, 'PUT', claim);
    expect(await waiting[0]).toMatchObject({ status: 200, body: { epoch: 1 } });
    await ask(vm, 'PUT', { ...claim, expect: 1, token: 't2' });
    expect(await waiting[1]).toMatchObject({ status: 200, body: { epoch: 2 } });
    expect(await ask(`${vm}?after=0`)).toMatchObject({ status: 200, body: { epoch: 2 } });
  });

  test('ends its long polls when it stops, and forgets those of clients that went away', async () => {
    const url = await start();
    const poll = raw(url, `GET /v1/vm/kv?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    const polls = async (): Promise<unknown> => (await ask(`${url}/v1/status`)).body.polls;
    while ((await polls()) !== 1);
    poll.socket.destroy();
    while ((await polls()) !== 0);
    const last = ask(`${url}/v1/vm/kv?after=0`);
    while ((await polls()) !== 1);
    await host?.close();
    expect((await last).status).toBe(404);
    host = undefined;
  });

  test('moves the view to a synced backup whose primary has restarted, and tells it so', async () => {
    const url = await start();
    const vm = `${url}/v1/vm/kv`;
    await ask(vm, 'PUT', claim);
    const primary = { replica: 'a:1', epoch: 1, role: 'primary', synced: true };
    const backup = { replica: 'b:2', epoch: 1, role: 'backup', synced: true, lsn: 7 };
    await ask(`${url}/v1/vm/*/ping`, 'POST', { replica: 's:3', epoch: 0 });
    expect((await ask(`${vm}/ping`, 'POST', primary)).body).toMatchObject({
      advice: { type: 'none' },
    });
    await ask(`${vm}/ping`, 'POST', backup);
    await ask(`${vm}/ping`, 'POST', { replica: 'a:1', epoch: 0 });
    const moved = await ask(`${vm}/ping`, 'POST', backup);
    expect(moved.body).toMatchObject({
      view: { epoch: 2, primary: 'b:2', backups: [], reserved: true },
      advice: { type: 'promoted' },
      spares: ['s:3'],
    });
    expect(events.at(-1)).toMatchObject({ evt: 'view.changed', by: 'view-service' });
    const deposed = await ask(vm, 'PUT', { ...claim, expect: 1, token: 'p', backups: [] });
    expect(deposed.status).toBe(409);
    const own = { expect: 1, primary: 'b:2', backups: [], token: 'b' };
    expect((await ask(vm, 'PUT', own)).status).toBe(200);
    expect((await ask(`${vm}/ping`, 'POST', primary)).body).toMatchObject({
      advice: { type: 'deposed' },
    });
    expect((await ask(`${vm}/status`)).body).toMatchObject({
      vm: 'kv',
      view: { epoch: 2 },
      reserved: false,
      successor: { type: 'none' },
      pool: ['s:3'],
    });
  });

  test('refuses a ping from the future, and a primary in the pool of spares', async () => {
    const url = await start();
    const ping = { replica: 'a:1', epoch: 3, role: 'primary' };
    expect((await ask(`${url}/v1/vm/kv/ping`, 'POST', ping)).status).toBe(422);
    expect((await ask(`${url}/v1/vm/*/ping`, 'POST', { ...ping, epoch: 0 })).status).toBe(422);
    expect((await ask(`${url}/v1/vm/*`)).status).toBe(400);
    expect((await ask(`${url}/v1/status`)).body).toMatchObject({ watched: 0 });
  });

  test.each<[string, string, unknown, number]>([
    ['PUT', '', '{"expect":0', 400],
    ['PUT', '', undefined, 415],
    ['PUT', '', '[]', 400],
    ['PUT', '', { ...claim, expect: -1 }, 400],
    ['PUT', '', { ...claim, expect: 1.5 }, 400],
    ['PUT', '', { ...claim, expect: '0' }, 400],
    ['PUT', '', { ...claim, primary: '' }, 400],
    ['PUT', '', { ...claim, primary: 'x'.repeat(256) }, 400],
    ['PUT', '', { ...claim, backups: 'b' }, 400],
    ['PUT', '', { ...claim, backups: [7] }, 400],
    ['PUT', '', { ...claim, backups: Array.from({ length: VIEW_BACKUPS_MAX + 1 }, String) }, 400],
    ['PUT', '', { ...claim, token: null }, 400],
    ['PUT', '', 'x'.repeat(ARBITER_BODY_BYTES_MAX + 1), 413],
    ['POST', '/ping', { replica: 'a' }, 400],
    ['POST', '/ping', { replica: 'a', epoch: 0, role: 'king' }, 400],
    ['POST', '/ping', { replica: 'a', epoch: 0, synced: 1 }, 400],
    ['POST', '/ping', { replica: 'a', epoch: 0, priority: -1 }, 400],
    ['POST', '/ping', { replica: 'a', epoch: 0, primaryLink: 'sideways' }, 400],
    ['GET', '?after=x', undefined, 400],
    ['GET', '?after=1&wait=-5', undefined, 400],
    ['GET', '/ping', undefined, 405],
    ['POST', '', {}, 405],
    ['DELETE', '', {}, 405],
    ['GET', '/nope', undefined, 404],
    ['GET', '/%ff', undefined, 404],
  ])(
    '%s of a vm%s with %j is answered %i and changes nothing',
    async (method, at, body, status) => {
      const url = await start();
      const said = await ask(`${url}/v1/vm/kv${at}`, method, body);
      expect(said).toEqual({ status, body: { error: expect.any(String) } });
      expect((await ask(`${url}/v1/vm/kv`)).status).toBe(404);
    },
  );

  test('a page in a browser cannot claim or ping in the name of its reader', async () => {
    const url = await start();
    const plain = { 'content-type': 'text/plain' };
    expect((await ask(`${url}/v1/vm/kv`, 'PUT', claim, plain)).status).toBe(415);
    const rebound = raw(
      url,
      'GET /v1/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    );
    expect(await rebound.said).toMatch(/^HTTP\/1.1 421 /);
  });
});

describe('an arbiter with a token', () => {
  test('answers nobody without it, but says that it is there', async () => {
    const url = await start({ token: TOKEN });
    for (const authorization of ['', 'Bearer', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN]) {
      const said = await ask(`${url}/v1/vm/kv`, 'PUT', claim, { authorization });
      expect(said.status).toBe(401);
    }
    expect(await ask(`${url}/healthz`)).toEqual({ status: 200, body: { ok: true } });
    const right = { authorization: `Bearer ${TOKEN}` };
    expect((await ask(`${url}/v1/vm/kv`, 'GET', undefined, right)).status).toBe(404);
    expect((await ask(`${url}/v1/vm/kv`, 'PUT', claim, right)).status).toBe(200);
  });

  test('is a must beyond loopback', async () => {
    await expect(start({ listen: '0.0.0.0:0' })).rejects.toMatchObject({ code: 'HV_E_USAGE' });
    expect(existsSync(`${join(root, 'views')}.lock`)).toBe(false);
    await start({ listen: '0.0.0.0:0', token: TOKEN });
  });
});

describe('strangers', () => {
  test('that drip are cut off, before they have said anything and in the middle', async () => {
    const url = await start({ limits: { requestMs: 60 } });
    const silent = raw(url, '');
    const head = raw(url, 'GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ');
    const body = raw(
      url,
      'PUT /v1/vm/kv HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    await Promise.all([silent.said, head.said, body.said]);
    expect((await ask(`${url}/v1/vm/kv`)).status).toBe(404);
  });

  test('make room for others when the house is full, and those who were served stay', async () => {
    const url = await start({ limits: { connections: 4 } });
    const served = raw(url, 'GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await new Promise((resolve) => served.socket.once('data', resolve));
    let gone = 0;
    const idle = Array.from({ length: 12 }, () => raw(url, ''));
    for (const { said } of idle) void said.then(() => (gone += 1));
    await Promise.all(
      idle.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))),
    );
    expect((await ask(`${url}/v1/status`)).status).toBe(200);
    expect(gone).toBeGreaterThan(7);
    served.socket.write('GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    expect((await served.said).match(/HTTP\/1.1 200/g)).toHaveLength(2);
  });

  test('with a head that is too long are refused', async () => {
    const url = await start();
    const long = raw(
      url,
      `GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(9_000)}\r\n\r\n`,
    );
    expect(await long.said).toMatch(/^HTTP\/1.1 431 /);
  });

  test('that announce ten gibibytes are refused without a look at them', async () => {
    const url = await start();
    const big = raw(
      url,
      `PUT /v1/vm/kv HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${10 * 2 ** 30}\r\n\r\n${' '.repeat(40_000)}`,
    );
    expect(await big.said).toMatch(/^HTTP\/1.1 413 /);
  });
});

test('an address that is taken is said to be, and frees the directory', async () => {
  const url = await start();
  const taken = ArbiterHost.start({
    listen: new URL(url).host,
    dir: join(root, 'other'),
    token: undefined,
    event: () => undefined,
    failed: () => undefined,
  });
  await expect(taken).rejects.toMatchObject({ code: 'HV_E_PORT_IN_USE' });
  expect(existsSync(join(root, 'other.lock'))).toBe(false);
  writeFileSync(join(root, 'other', 'views.jsonl'), 'x');
  const damaged = ArbiterHost.start({
    listen: '127.0.0.1:0',
    dir: join(root, 'other'),
    token: undefined,
    event: () => undefined,
    failed: () => undefined,
  });
  await expect(damaged).rejects.toMatchObject({ code: 'HV_E_VIEWS_DAMAGED' });
});
