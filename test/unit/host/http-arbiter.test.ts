import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ArbiterHost } from '../../../hypervisor/host/arbiter-host.ts';
import { idPath, vmId } from '../../../hypervisor/host/arbiter-words.ts';
import {
  absoluteArbiterUrl,
  arbiterPlace,
  openArbiter,
} from '../../../hypervisor/host/arbiters.ts';
import { HttpArbiter } from '../../../hypervisor/host/http-arbiter.ts';
import {
  arbiterConformance,
  claimView,
  newVm,
  readView,
  viewOf,
} from '../../support/arbiter-conformance.ts';

const TOKEN = 'a-token-nobody-guesses';

async function hostAt(dir: string, listen = '127.0.0.1:0', token?: string): Promise<ArbiterHost> {
  return await ArbiterHost.start({
    listen,
    dir,
    token,
    event: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
}

arbiterConformance('hv arbiter', async () => {
  const root = mkdtempSync(join(tmpdir(), 'hv-arbiter-'));
  const tokenFile = join(root, 'token');
  const otherFile = join(root, 'other');
  writeFileSync(tokenFile, `${TOKEN}\n`);
  writeFileSync(otherFile, 'not-the-token-at-all');
  const dir = join(root, 'views');
  let host = await hostAt(dir, '127.0.0.1:0', TOKEN);
  const { address } = host;
  const mute = createTcpServer(() => undefined).listen(0, '127.0.0.1');
  const page = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
  const originOf = (server: { address(): unknown }): string =>
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const at = (origin: string, file = tokenFile): HttpArbiter =>
    new HttpArbiter({ origin, tokenFile: file }, { timeoutMs: 2_000 });
  return {
    arbiter: () => new HttpArbiter({ origin: `http://${address}`, tokenFile }),
    unreachable: {
      'a port nobody listens on': () => at('http://127.0.0.1:1'),
      'a server that never answers': () =>
        new HttpArbiter({ origin: originOf(mute), tokenFile }, { timeoutMs: 20 }),
      'a server that is no arbiter': () => at(originOf(page)),
      'an arbiter that wants another token': () => at(`http://${address}`, otherFile),
      'a token file that is missing': () => at(`http://${address}`, join(root, 'missing')),
    },
    restart: async () => {
      await host.close();
      host = await hostAt(dir, address, TOKEN);
    },
    stop: async () => {
      mute.close();
      page.close();
      await host.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
});

/** A server between client and arbiter that answers, or loses, as it is told. */
describe('answers that are lost', () => {
  let root = '';
  let host: ArbiterHost;
  let between: Server;
  let connections = 0;
  /** What happens to the next answers: `pass` it on, `lose` it and close, or say this instead. */
  let fates: ('pass' | 'lose' | object)[] = [];
  let asked: string[] = [];

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'hv-arbiter-'));
    host = await hostAt(join(root, 'views'));
    between = createServer((request, response) => {
      let text = '';
      request.on('data', (part: Buffer) => {
        text += part.toString();
      });
      request.on('end', async () => {
        asked.push(`${request.method} ${request.url}`);
        const fate = fates.shift() ?? 'pass';
        if (typeof fate === 'object') return response.end(JSON.stringify(fate));
        const answer = await fetch(`http://${host.address}${request.url}`, {
          method: request.method ?? 'GET',
          ...(text === '' ? {} : { body: text, headers: { 'content-type': 'application/json' } }),
        });
        const said = await answer.text();
        if (fate === 'lose') return request.socket.destroy();
        return response.writeHead(answer.status).end(said);
      });
    });
    between.on('connection', () => {
      connections += 1;
    });
    await once(between.listen(0, '127.0.0.1'), 'listening');
  });
  beforeEach(() => {
    fates = [];
    asked = [];
    connections = 0;
  });
  afterAll(async () => {
    between.close();
    between.closeAllConnections();
    await host.close();
    rmSync(root, { recursive: true, force: true });
  });

  function client(): HttpArbiter {
    const origin = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
    return new HttpArbiter({ origin, tokenFile: undefined });
  }

  test('leave the claim open, and its retry with the same token wins', async () => {
    const vm = newVm();
    const arbiter = client();
    fates = ['lose'];
    expect(await claimView(arbiter, vm, 0, { token: 't' })).toMatchObject({ type: 'unavailable' });
    expect(await claimView(arbiter, vm, 0, { token: 't' })).toEqual({
      type: 'won',
      view: viewOf(1),
    });
  });

  test('on a kept connection are asked for again at once', async () => {
    const vm = newVm();
    const arbiter = client();
    await readView(arbiter, vm);
    fates = ['lose'];
    expect(await claimView(arbiter, vm, 0)).toEqual({ type: 'won', view: viewOf(1) });
    expect(asked.map((one) => one.split(' ')[0])).toEqual(['GET', 'PUT', 'PUT']);
  });

  test('one connection serves question after question', async () => {
    const arbiter = client();
    const vm = newVm();
    for (let epoch = 0; epoch < 5; epoch++) await claimView(arbiter, vm, epoch);
    expect(connections).toBe(1);
  });

  test.each<[string, object]>([
    [
      'the view of another vm',
      { vm: 'x', epoch: 1, primary: 'a:1', backups: [], token: 't', at: '' },
    ],
    ['no view', {}],
    ['a list', []],
  ])('and an answer with %s decides nothing', async (_what, said) => {
    const arbiter = client();
    fates = [said, said];
    expect(await readView(arbiter, 'kv')).toMatchObject({ type: 'unavailable' });
    expect(await claimView(arbiter, 'kv', 0, { token: 't' })).toMatchObject({
      type: 'unavailable',
    });
  });

  test('and a win with the token of another claim is none', async () => {
    const arbiter = client();
    fates = [{ vm: 'kv', epoch: 1, primary: 'a:1', backups: [], token: 'other', at: '' }];
    expect(await claimView(arbiter, 'kv', 0, { token: 't' })).toMatchObject({
      type: 'unavailable',
    });
  });
});

describe('a token', () => {
  let root = '';
  let host: ArbiterHost;
  afterEach(async () => {
    await host.close();
    rmSync(root, { recursive: true, force: true });
  });

  test('that was changed on both sides is read anew', async () => {
    root = mkdtempSync(join(tmpdir(), 'hv-arbiter-'));
    const tokenFile = join(root, 'token');
    const dir = join(root, 'views');
    writeFileSync(tokenFile, TOKEN);
    host = await hostAt(dir, '127.0.0.1:0', TOKEN);
    const { address } = host;
    const arbiter = openArbiter(`http://${address}?token-file=${tokenFile}`);
    expect(await claimView(arbiter, 'kv', 0)).toMatchObject({ type: 'won' });
    await host.close();
    host = await hostAt(dir, address, `${TOKEN}2`);
    expect(await readView(arbiter, 'kv')).toMatchObject({
      type: 'unavailable',
      reason: expect.stringContaining('401'),
    });
    writeFileSync(tokenFile, `${TOKEN}2`);
    expect(await readView(arbiter, 'kv')).toMatchObject({ type: 'current', view: viewOf(1) });
  });
});

describe('urls', () => {
  test('of an hv arbiter keep nothing but its place and where the token lies', () => {
    expect(absoluteArbiterUrl('http://Views.example:7800')).toBe('http://views.example:7800');
    expect(absoluteArbiterUrl('http://[::1]:7800/')).toBe('http://[::1]:7800');
    const named = absoluteArbiterUrl('https://h:1?token-file=a b');
    expect(named).toBe(`https://h:1/?token-file=${process.cwd()}/a%20b`);
    expect(absoluteArbiterUrl(named)).toBe(named);
  });

  test.each([
    'http://',
    'http://user:secret@h:1',
    'http://h:1/path',
    'http://h:1?token=secret',
    'http://h:1?token-file=',
    'http://h:1?token-file=a&token-file=b',
    'http://h:1#x',
  ])('%s is refused', (url) => {
    expect(() => openArbiter(url)).toThrow(expect.objectContaining({ code: 'HV_E_USAGE' }));
    expect(() => absoluteArbiterUrl(url)).toThrow(expect.objectContaining({ code: 'HV_E_USAGE' }));
  });

  test('say on which host the arbiter is, so that one that dies with a replica is seen', () => {
    expect(arbiterPlace('http://h:7800')).toMatchObject({
      url: { hosts: [{ host: 'h', port: 7800 }] },
    });
    expect(arbiterPlace('https://[::1]')).toMatchObject({
      url: { hosts: [{ host: '::1', port: 443 }] },
    });
    expect(arbiterPlace('http://h')).toMatchObject({
      type: 'servers',
      url: { hosts: [{ port: 80 }] },
    });
  });

  test('a vm is known by its name, unless that is long or looks like something else', () => {
    expect(vmId('kv-0badcafe')).toBe('kv-0badcafe');
    expect(vmId('ü/..')).toBe('ü/..');
    for (const name of ['*', '~x', 'x'.repeat(300)]) expect(vmId(name)).toMatch(/^~[0-9a-f]{64}$/);
    expect(idPath('..')).toBe('/v1/vm/%2E.');
    expect(idPath('a/b')).toBe('/v1/vm/a%2Fb');
  });
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

test.skipIf(!hasOpenssl)('https goes the same way, to a server that brings TLS along', async () => {
  const root = mkdtempSync(join(tmpdir(), 'hv-arbiter-'));
  const [key, cert] = [join(root, 'key.pem'), join(root, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', cert, '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1'],
    ],
    { stdio: 'ignore' },
  );
  const pems = { key: readFileSync(key), cert: readFileSync(cert) };
  const host = await ArbiterHost.start({
    listen: '127.0.0.1:0',
    dir: join(root, 'views'),
    token: undefined,
    createServer: (options, onRequest) => createTlsServer({ ...options, ...pems }, onRequest),
    event: () => undefined,
    failed: (error) => {
      throw error;
    },
  });
  const origin = `https://${host.address}`;
  const trusting = new HttpArbiter({ origin, tokenFile: undefined, tls: { ca: pems.cert } });
  expect(await claimView(trusting, 'kv', 0)).toEqual({ type: 'won', view: viewOf(1) });
  expect(await readView(trusting, 'kv')).toEqual({ type: 'current', view: viewOf(1) });
  const stranger = new HttpArbiter({ origin, tokenFile: undefined });
  expect(await readView(stranger, 'kv')).toMatchObject({
    type: 'unavailable',
    reason: expect.stringContaining('self-signed certificate'),
  });
  await host.close();
  rmSync(root, { recursive: true, force: true });
});
