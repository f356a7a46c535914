import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AdminToken, refusalFor } from '../../../hypervisor/host/admin-guard.ts';
import { EventStreams } from '../../../hypervisor/host/admin-pages.ts';
import { type AdminRoute, AdminServer, jsonPage } from '../../../hypervisor/host/admin-server.ts';
import { EventBuffer } from '../../../hypervisor/host/event-buffer.ts';

const TOKEN = 'correct horse battery staple';
const LOOPBACK = { host: '127.0.0.1', port: 0 };

let dir: string;
let acted: string[];
let events: EventBuffer;
let servers: AdminServer[];
const agent = new Agent({ keepAlive: false });

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hv-admin-'));
  writeFileSync(join(dir, 'token'), `${TOKEN}\n`);
  acted = [];
  events = new EventBuffer();
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
  rmSync(dir, { recursive: true, force: true });
});

function routes(): readonly AdminRoute[] {
  const streams = new EventStreams(events);
  return [
    { method: 'GET', path: '/status', answer: async () => jsonPage(200, { fine: true }) },
    {
      method: 'GET',
      path: '/events',
      answer: async ({ query }) => streams.open(Number(query.get('after') ?? 0)),
    },
    {
      method: 'GET',
      path: '/broken',
      answer: async () => {
        throw new Error('no figures');
      },
    },
    {
      method: 'POST',
      path: '/switchover',
      bodyBytesMax: 10,
      answer: async ({ body }) => {
        acted.push(Buffer.from(body).toString());
        return jsonPage(200, {});
      },
    },
  ];
}

async function open(options: { readonly token: boolean }): Promise<AdminServer> {
  const token = options.token ? new AdminToken(join(dir, 'token')) : undefined;
  const server = new AdminServer({ routes: routes(), token });
  servers.push(server);
  await server.listen(LOOPBACK, { orAnyPort: false });
  return server;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

function ask(
  server: AdminServer,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly socketPath?: string;
  } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body, socketPath } = options;
  const where = socketPath ? { socketPath } : { host: '127.0.0.1', port: server.address?.port };
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, agent, path, method, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('without a token', () => {
  test('this machine may look', async () => {
    const server = await open({ token: false });
    const answer = await ask(server, '/status');
    expect([answer.status, answer.body]).toEqual([200, '{"fine":true}\n']);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test.each(['evil.example', 'evil.example:7701', '127.0.0.1.evil.example', 'x y', '169.254.1.1'])(
    'a request for the host %o is refused: a name somebody pointed here',
    async (host) => {
      const server = await open({ token: false });
      expect((await ask(server, '/status', { headers: { host } })).status).toBe(421);
    },
  );

  test.each(['localhost', 'localhost:7701', '[::1]:7701', '127.0.0.1:1'])(
    'a request for %o is one for this machine',
    async (host) => {
      const server = await open({ token: false });
      expect((await ask(server, '/status', { headers: { host } })).status).toBe(200);
    },
  );

  test('nobody may act', async () => {
    const server = await open({ token: false });
    const answer = await ask(server, '/switchover', { method: 'POST' });
    expect([answer.status, acted]).toEqual([403, []]);
  });

  test('another machine may not even look', () => {
    const asked = { request: { headers: { host: 'localhost' } }, owner: false, acts: false };
    expect(refusalFor({ ...asked, remoteAddress: '10.0.0.7' }, undefined)?.status).toBe(403);
    expect(refusalFor({ ...asked, remoteAddress: undefined }, undefined)?.status).toBe(403);
    expect(refusalFor({ ...asked, remoteAddress: '::ffff:127.0.0.1' }, undefined)).toBeUndefined();
  });

  test.each(['0.0.0.0', '', '::', '192.0.2.1'])(
    'no port is opened at %o, where others could reach it',
    async (host) => {
      const server = new AdminServer({ routes: [], token: undefined });
      const listening = server.listen({ host, port: 0 }, { orAnyPort: true });
      await expect(listening).rejects.toMatchObject({ code: 'HV_E_USAGE' });
    },
  );
});

describe('with a token', () => {
  test('whoever has it may look and act, by any name of this machine', async () => {
    const server = await open({ token: true });
    const headers = { ...bearer(TOKEN), host: 'replica.example:7701' };
    expect((await ask(server, '/status', { headers })).status).toBe(200);
    const answer = await ask(server, '/switchover', { method: 'POST', headers, body: 'now' });
    expect([answer.status, acted]).toEqual([200, ['now']]);
  });

  test.each([
    ['none', {}],
    ['another', bearer(`${TOKEN}!`)],
    ['half of it', bearer(TOKEN.slice(0, 14))],
    ['one in another scheme', { authorization: `Basic ${TOKEN}` }],
  ])('this machine is refused with %s', async (_name, headers) => {
    const server = await open({ token: true });
    const looked = await ask(server, '/status', { headers });
    expect([looked.status, looked.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect((await ask(server, '/switchover', { method: 'POST', headers })).status).toBe(401);
    expect(acted).toEqual([]);
  });

  test.each([
    ['short', 'has a token of fewer than 16 bytes'],
    ['x'.repeat(5000), 'has more than 4096 bytes'],
  ])('a file that holds no good token is refused', (text, reason) => {
    writeFileSync(join(dir, 'token'), text);
    expect(() => new AdminToken(join(dir, 'token'))).toThrow(reason);
    expect(() => new AdminToken(join(dir, 'nothing'))).toThrow('cannot be read');
  });
});

describe('a token file that is read again', () => {
  const OTHER = 'another-token-of-this-test';
  const tokens = (...all: string[]): void =>
    writeFileSync(join(dir, 'token'), `# of two\n\n${all.join('\n')}\n`);

  async function statuses(server: AdminServer): Promise<readonly number[]> {
    const asked = [TOKEN, OTHER].map((one) => ask(server, '/status', { headers: bearer(one) }));
    return (await Promise.all(asked)).map(({ status }) => status);
  }

  async function serve(): Promise<{ server: AdminServer; token: AdminToken }> {
    const token = new AdminToken(join(dir, 'token'));
    const server = new AdminServer({ routes: routes(), token });
    servers.push(server);
    await server.listen(LOOPBACK, { orAnyPort: false });
    return { server, token };
  }

  test('changes over two tokens that are both good without a refusal in between', async () => {
    const { server, token } = await serve();
    expect(await statuses(server)).toEqual([200, 401]);
    tokens(TOKEN, OTHER);
    token.reread()();
    expect(await statuses(server)).toEqual([200, 200]);
    tokens(OTHER);
    token.reread()();
    expect(await statuses(server)).toEqual([401, 200]);
  });

  test('and cannot be used changes nothing', async () => {
    const { server, token } = await serve();
    tokens(OTHER, 'short');
    expect(() => token.reread()).toThrow('fewer than 16 bytes');
    expect(await statuses(server)).toEqual([200, 401]);
  });

  test('ends what a withdrawn token has open, and nothing while that is good', async () => {
    const { server, token } = await serve();
    const streams = new Promise((resolve, reject) => {
      const where = { host: '127.0.0.1', port: server.address?.port, path: '/events' };
      const sent = request({ ...where, headers: bearer(TOKEN) }, (response) => {
        response.on('error', resolve);
        tokens(OTHER, TOKEN);
        token.reread()();
        events.push('one', '{}');
        response.once('data', () => {
          tokens(OTHER);
          token.reread()();
        });
      });
      sent.on('error', reject);
      sent.end();
    });
    expect(await streams).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('the socket of the owner', () => {
  test('is for the owner alone, who may act without a token', async () => {
    const server = await open({ token: false });
    const socketPath = join(dir, 'x.admin.sock');
    await server.listenForOwner(socketPath);
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    const answer = await ask(server, '/switchover', { method: 'POST', socketPath, body: 'go' });
    expect([answer.status, acted]).toEqual([200, ['go']]);
  });
});

describe('requests', () => {
  test('a GET reaches no route that acts', async () => {
    const server = await open({ token: true });
    const answer = await ask(server, '/switchover', { headers: bearer(TOKEN) });
    expect([answer.status, answer.headers.allow, acted]).toEqual([405, 'POST', []]);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('a %s of a page is refused', async (method) => {
    const server = await open({ token: true });
    const answer = await ask(server, '/status', { method, headers: bearer(TOKEN) });
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET']);
  });

  test.each(['/', '/nothing', '//status', 'http://other/status'])(
    '%o is no page, and the answer names those there are',
    async (path) => {
      const server = await open({ token: false });
      const answer = await ask(server, path);
      expect(answer.status).toBe(404);
      expect(answer.body).toContain('/status /events /broken /switchover');
    },
  );

  test('a body longer than its route takes is refused', async () => {
    const server = await open({ token: true });
    const headers = bearer(TOKEN);
    const answer = await ask(server, '/switchover', {
      ...{ method: 'POST', headers },
      body: 'x'.repeat(11),
    });
    expect([answer.status, acted]).toEqual([413, []]);
  });

  test('a page that fails says so and the port goes on', async () => {
    const server = await open({ token: false });
    expect((await ask(server, '/broken')).status).toBe(500);
    expect((await ask(server, '/status')).status).toBe(200);
  });

  test('a head without an end is cut off at its limit', async () => {
    const server = await open({ token: false });
    const socket = connect(server.address?.port ?? 0, '127.0.0.1');
    let said = '';
    socket.on('data', (bytes) => {
      said += String(bytes);
    });
    socket.write(`GET /status HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(20_000)}`);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(said).toContain('431');
  });

  test('a port that is taken is refused when it was asked for, and passed over when not', async () => {
    const first = await open({ token: false });
    const place = { host: '127.0.0.1', port: first.address?.port ?? 0 };
    const second = new AdminServer({ routes: [], token: undefined });
    servers.push(second);
    await expect(second.listen(place, { orAnyPort: false })).rejects.toMatchObject({
      code: 'HV_E_PORT_IN_USE',
    });
    await second.listen(place, { orAnyPort: true });
    expect(second.address?.port).not.toBe(place.port);
  });
});

describe('/events', () => {
  test('tells what was kept behind an id, then what comes', async () => {
    const server = await open({ token: false });
    events.push('one', '{"evt":"one"}');
    events.push('two', '{"evt":"two"}');
    const socket = connect(server.address?.port ?? 0, '127.0.0.1');
    let said = '';
    const until = (text: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!said.includes(text)) return;
          socket.off('data', look);
          resolve();
        };
        socket.on('data', look);
        look();
      });
    socket.on('data', (bytes) => {
      said += String(bytes);
    });
    socket.write('GET /events?after=1 HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await until('"two"');
    events.push('three', '{"evt":"three"}');
    await until('"three"');
    socket.destroy();
    expect(said).toContain('id: 2\nevent: two\ndata: {"evt":"two"}\n\n');
    expect(said).toContain('id: 3\nevent: three\ndata: {"evt":"three"}\n\n');
    expect(said).not.toContain('"one"');
  });

  test('drops a reader who takes nothing, and is kept bounded', async () => {
    const server = await open({ token: false });
    const socket = connect(server.address?.port ?? 0, '127.0.0.1');
    const begun = new Promise((resolve) => socket.once('data', resolve));
    socket.write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await begun;
    socket.pause();
    // More than both kernels buffer for a reader that does not read, and the queue beside them.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    for (let index = 0; index < 200; index += 1) {
      events.push('much', JSON.stringify('x'.repeat(100_000)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.resume();
    await closed;
    expect(events.after(0).length).toBe(200);
    for (let index = 0; index < 100; index += 1) events.push('more', '{}');
    expect(events.after(0).length).toBe(256);
    expect(events.after(0).at(-1)?.id).toBe(300);
    expect(events.after(299).map(({ id }) => id)).toEqual([300]);
    expect(events.after(9999).length).toBe(256);
  });

  test('refuses readers past its limit, and takes one again when another has gone', () => {
    const streams = new EventStreams(events);
    const gone: (() => void)[] = [];
    const response = {
      writeHead: () => undefined,
      flushHeaders: () => undefined,
      write: () => true,
      writableLength: 0,
      once: (_event: string, then: () => void) => gone.push(then),
    };
    const begin = (): boolean => {
      const answer = streams.open(0);
      if (answer.type === 'stream') answer.begin(response as never);
      return answer.type === 'stream';
    };
    const taken = Array.from({ length: 17 }, begin);
    expect(taken.filter(Boolean).length).toBe(16);
    gone[0]?.();
    expect(begin()).toBe(true);
    for (const then of gone) then();
  });
});
