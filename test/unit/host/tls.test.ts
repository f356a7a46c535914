import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createSecureServer } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectSecure } from 'node:tls';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { LinkListener } from '../../../hypervisor/host/link.ts';
import {
  dialFailure,
  isUnknownPeer,
  LinkSecurity,
  LOCAL_ONLY,
  loadSecurity,
} from '../../../hypervisor/host/tls.ts';
import { newToken, pskOf, writeNewToken } from '../../../hypervisor/host/token-file.ts';
import { dial, echoListener, until } from '../../support/link-lab.ts';
import { certificatePaths, tokenFile, tokenSecurity } from '../../support/secured.ts';

const dir = mkdtempSync(join(tmpdir(), 'hv-tls-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = (name: string): string => join(dir, name);

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(
  security: LinkSecurity,
  address = '127.0.0.1:0',
): Promise<{ listener: LinkListener; address: string }> {
  const served = await echoListener({ security, address });
  closers.push(() => served.listener.close());
  return served;
}

/** A socket's outcome: an error's code or text, or what it got. */
async function end(socket: ReturnType<typeof connectPlain>): Promise<string> {
  closers.push(() => socket.destroy());
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    text += error.code ?? error.message;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

const fault = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** An address of this machine that is not loopback. */
function outwardAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}

describe('the reason why there is no link', () => {
  const told = (mode: LinkSecurity['mode'], message: string, code?: string): string =>
    dialFailure(Object.assign(new Error(message), code === undefined ? {} : { code }), mode);

  test.each([
    ['plain', 'socket hang up', 'ECONNRESET'],
    ['plain', 'Parse Error: Expected HTTP/', 'HPE_INVALID_CONSTANT'],
    ['token', 'write EPROTO 40:error:0A00010B:SSL routines::wrong version number', 'EPROTO'],
    ['token', 'Client network socket disconnected before secure TLS connection', 'ECONNRESET'],
    ['token', 'ssl/tls alert handshake failure', 'ERR_SSL'],
    ['certificates', 'tlsv1 alert unknown ca', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
    ['certificates', 'self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [
      'certificates',
      "Hostname does not match certificate's altnames",
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
  ] as const)('with %s names the authentication: %s', (mode, message, code) => {
    expect(isUnknownPeer(told(mode, message, code))).toBe(true);
  });

  test.each([
    ['connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED', 'nobody listens there'],
    ['getaddrinfo ENOTFOUND nowhere', 'ENOTFOUND', 'no host has this name'],
    ['connect ETIMEDOUT 10.0.0.9:7700', 'ETIMEDOUT', 'is its host there'],
    ['Opening handshake has timed out', undefined, 'is its host there'],
    ['read ECONNRESET', 'ECONNRESET', 'ECONNRESET'],
  ])('is no matter of authentication where it is %s', (message, code, words) => {
    for (const mode of ['plain', 'token', 'certificates'] as const) {
      const reason = told(mode, message, code);
      expect(isUnknownPeer(reason)).toBe(false);
      expect(reason).toContain(words);
    }
  });
});

describe('a token', () => {
  test('lets its holder in, with TLS 1.3 and a fresh key exchange, and nobody else', async () => {
    const { path } = tokenFile(file('good'));
    const { listener, address } = await serve(tokenSecurity(file('other-copy'), [newToken()]));
    const stranger = dial(address, loadSecurity({ mode: 'token', tokenFile: path }));
    expect(await stranger.closed).toBe(
      'it does not accept our token: are the token files the same?',
    );
    expect(listener.counters).toMatchObject({ accepted: 0, refused: 1, reasons: { badToken: 1 } });
    const security = loadSecurity({ mode: 'token', tokenFile: path });
    const served = await serve(security);
    expect(await dial(served.address, security).echo()).toMatchObject({ beat: 1 });
    const [host = '', port = ''] = served.address.split(':');
    const socket = connectSecure({ ...security.clientOptions(), host, port: Number(port) });
    closers.push(() => socket.destroy());
    await once(socket, 'secureConnect');
    expect([socket.getProtocol(), socket.getCipher().name]).toEqual([
      'TLSv1.3',
      'TLS_AES_128_GCM_SHA256',
    ]);
    expect(socket.getEphemeralKeyInfo()).toMatchObject({ type: 'ECDH' });
  });

  test('is proven by its key, not by the identity that everybody can read', async () => {
    const token = newToken();
    const { listener, address } = await serve(tokenSecurity(file('proven'), [token]));
    const forged = new LinkSecurity({
      mode: 'token',
      keys: [{ identity: pskOf(token).identity, key: pskOf(newToken()).key }],
    });
    const reason = await dial(address, forged).closed;
    expect(reason).toContain('does not accept our token');
    expect(isUnknownPeer(reason)).toBe(true);
    expect(listener.counters).toMatchObject({ accepted: 0, reasons: { badToken: 1 } });
  });

  test('may be any line of the file: a token is changed on one replica after the other', async () => {
    const [old, fresh] = [newToken(), newToken()];
    const only = (name: string, ...tokens: string[]) => tokenSecurity(file(name), tokens);
    const { address } = await serve(only('both', fresh, old));
    await dial(address, only('old', old)).echo();
    await dial(address, only('fresh', fresh)).echo();
    const later = await serve(only('later', fresh));
    await expect(dial(later.address, only('old-again', old)).echo()).rejects.toThrow('our token');
  });

  test('is never given to a server that shows a certificate instead', async () => {
    const { ca, cert, key } = certificatePaths(file('impostor'), ['localhost']);
    const { material } = loadSecurity({ mode: 'certificates', ca, cert, key });
    if (material.mode !== 'certificates') throw new Error('it was loaded as certificates');
    const impostor = createSecureServer({ cert: material.cert, key: material.key });
    closers.push(() => impostor.close());
    await once(impostor.listen(0, '127.0.0.1'), 'listening');
    let requests = 0;
    impostor.on('upgrade', (_request, socket) => {
      requests += 1;
      socket.destroy();
    });
    const { port } = impostor.address() as { port: number };
    const security = tokenSecurity(file('impostor-token'));
    const closed = await dial(`127.0.0.1:${port}`, security).closed;
    expect(closed).toMatch(/no shared cipher|handshake failure|certificate/);
    // Even one that a public authority vouches for.
    expect(security.clientOptions()).toMatchObject({ ca: [], minVersion: 'TLSv1.3' });
    const judged = security.clientOptions()?.checkServerIdentity?.('any', {} as never);
    expect(judged?.message).toContain('shows a certificate');
    expect(requests).toBe(0);
  });

  test('is needed: a plain peer, and a TLS one without it, are refused and counted', async () => {
    const { listener, address } = await serve(tokenSecurity(file('needed')));
    expect(await dial(address, LOCAL_ONLY).closed).toContain('does it want a token');
    expect(listener.counters.reasons.plain).toBe(1);
    const [host = '', port = ''] = address.split(':');
    const bare = connectSecure({ host, port: Number(port), rejectUnauthorized: false });
    expect(await end(bare)).toMatch(/HANDSHAKE_FAILURE/);
    expect(listener.counters).toMatchObject({ accepted: 0, refused: 2, reasons: { badToken: 1 } });
  });

  test('tells who dials a plain listener what is wrong', async () => {
    const { address } = await serve(LOCAL_ONLY);
    const closed = await dial(address, tokenSecurity(file('to-plain'))).closed;
    expect(closed).toContain('was it started with the same --token-file');
  });

  test('that was withdrawn does not come back by a session ticket', async () => {
    const [old, fresh] = [newToken(), newToken()];
    const { path } = tokenFile(file('ticket'), [old]);
    const security = loadSecurity({ mode: 'token', tokenFile: path });
    const { address } = await serve(security);
    const [host = '', port = ''] = address.split(':');
    const options = { ...security.clientOptions(), host, port: Number(port) };
    const first = connectSecure(options);
    const sessions: Buffer[] = [];
    first.on('session', (session) => sessions.push(session));
    await once(first, 'secureConnect');
    await end(first);
    tokenFile(path, [fresh]);
    security.reload();
    for (const session of sessions) {
      const again = connectSecure({ ...options, session, pskCallback: () => null });
      let connected = false;
      again.on('secureConnect', () => {
        connected = true;
      });
      await end(again);
      expect(connected).toBe(false);
    }
    await expect(
      dial(address, new LinkSecurity({ mode: 'token', keys: [pskOf(old)] })).echo(),
    ).rejects.toThrow();
  });
});

describe('a token file', () => {
  test('made by hv is read by hv and by nobody else', () => {
    writeNewToken(file('made'));
    expect(loadSecurity({ mode: 'token', tokenFile: file('made') }).mode).toBe('token');
    expect(thrown(() => writeNewToken(file('made')))).toEqual(fault('HV_E_USAGE', 'it exists'));
    chmodSync(file('made'), 0o604);
    expect(thrown(() => loadSecurity({ mode: 'token', tokenFile: file('made') }))).toEqual(
      fault('HV_E_SECURITY_FILE', 'open to other users (mode 0604)'),
    );
  });

  test.each<[string, string, string]>([
    ['no token', '# only a comment\n', 'holds no token'],
    ['a short token', `${'x'.repeat(31)}\n`, 'line 1 of the token file'],
    ['a token with a space', `${'x'.repeat(40)}\n${'y'.repeat(20)} ${'y'.repeat(20)}`, 'line 2'],
    ['too many tokens', `${'x'.repeat(40)}\n`.repeat(17), 'more than 16'],
  ])('with %s is refused, and its content not printed', (_what, content, text) => {
    writeFileSync(file('bad'), content, { mode: 0o600 });
    const error = thrown(() => loadSecurity({ mode: 'token', tokenFile: file('bad') }));
    expect(error).toEqual(fault('HV_E_SECURITY_FILE', text));
    expect((error as Error).message).not.toMatch(/xxx|yyy/);
  });

  test('that is a directory, or not there, is refused', () => {
    for (const path of [dir, file('nowhere')])
      expect(thrown(() => loadSecurity({ mode: 'token', tokenFile: path }))).toEqual(
        fault('HV_E_SECURITY_FILE', 'token file'),
      );
  });
});

describe('certificates', () => {
  test('let in who has one of the same authority, under a name it is for', async () => {
    const security = loadSecurity(certificatePaths(file('tls'), ['replica.example']));
    const { address } = await serve(security);
    await dial(address, security).echo();
    const other = loadSecurity(certificatePaths(file('tls'), ['other.example']));
    await dial(address, other).echo();
    const port = address.split(':')[1] ?? '';
    await dial(`localhost:${port}`, other).echo();
    await expect(dial(`127.0.0.2:${port}`, other).echo()).rejects.toThrow(/ECONNREFUSED/);
    const elsewhere = await serve(security, '127.0.0.2:0');
    await expect(dial(elsewhere.address, other).echo()).rejects.toThrow(
      /altnames: IP: 127\.0\.0\.2 is not in the cert/,
    );
  });

  test('of another authority, or none, are refused at either end', async () => {
    const ours = loadSecurity(certificatePaths(file('ours'), ['a']));
    const theirs = loadSecurity(certificatePaths(file('theirs'), ['a']));
    const { listener, address } = await serve(ours);
    await expect(dial(address, theirs).echo()).rejects.toThrow(/self-signed|unable to|certificate/);
    const [host = '', port = ''] = address.split(':');
    const where = { host, port: Number(port), rejectUnauthorized: false };
    // A client that takes any server: it is the server that must not take it.
    await end(connectSecure({ ...theirs.clientOptions(), ...where }));
    await end(connectSecure(where));
    await until(() => listener.counters.refused === 3);
    const reasons = { badToken: 1, tlsHandshake: 2 };
    expect(listener.counters).toMatchObject({ accepted: 0, reasons });
  });

  test('and tokens do not mix', async () => {
    const { listener, address } = await serve(loadSecurity(certificatePaths(file('mix'), ['a'])));
    await dial(address, tokenSecurity(file('mix-token'))).closed;
    expect(listener.counters.accepted).toBe(0);
  });
});

describe('a reload', () => {
  test('of certificates keeps open links and serves new ones with the new', async () => {
    const from = {
      one: certificatePaths(file('reload-1'), ['one.example']),
      two: certificatePaths(file('reload-2'), ['two.example']),
    };
    const paths = { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') };
    const put = (which: 'one' | 'two', ...parts: readonly ('ca' | 'cert' | 'key')[]): void => {
      for (const part of parts)
        writeFileSync(paths[part], readFileSync(from[which][part]), { mode: 0o600 });
    };
    put('one', 'ca', 'cert', 'key');
    const security = loadSecurity({ mode: 'certificates', ...paths });
    const { address } = await serve(security);
    const open = dial(address, security);
    await open.echo();
    const [host = '', port = ''] = address.split(':');
    const nameNow = async (): Promise<string> => {
      const socket = connectSecure({ ...security.clientOptions(), host, port: Number(port) });
      await once(socket, 'secureConnect');
      const { subject } = socket.getPeerCertificate();
      socket.destroy();
      return String(subject.CN);
    };
    expect(await nameNow()).toBe('one.example');
    // Another authority's, file by file: what does not fit together yet is not taken.
    put('two', 'ca');
    expect(thrown(() => security.reload())).toEqual(fault('HV_E_SECURITY_FILE', 'authority'));
    put('two', 'cert');
    expect(thrown(() => security.reload())).toEqual(fault('HV_E_SECURITY_FILE', 'is not that of'));
    expect(await nameNow()).toBe('one.example');
    put('two', 'key');
    security.reload();
    expect(await nameNow()).toBe('two.example');
    await open.echo();
    await dial(address, security).echo();
  });

  test('of tokens keeps open links, takes the new and drops the old', async () => {
    const [old, fresh] = [newToken(), newToken()];
    const { path } = tokenFile(file('rotate'), [old]);
    const security = loadSecurity({ mode: 'token', tokenFile: path });
    const seen: string[] = [];
    closers.push(security.watch(({ mode }) => seen.push(mode)));
    const { address } = await serve(security);
    const withOld = new LinkSecurity({ mode: 'token', keys: [pskOf(old)] });
    const open = dial(address, withOld);
    await open.echo();
    writeFileSync(path, 'short\n');
    expect(thrown(() => security.reload())).toEqual(fault('HV_E_SECURITY_FILE', 'line 1'));
    await dial(address, withOld).echo();
    tokenFile(path, [fresh]);
    security.reload();
    expect(seen).toEqual(['token']);
    await expect(dial(address, withOld).echo()).rejects.toThrow('our token');
    await dial(address, security).echo();
    await open.echo();
  });
});

describe('without authentication', () => {
  const plain = (insecure: boolean) => new LinkSecurity({ mode: 'plain', insecure });

  test.each(['0.0.0.0:0', ':0', '[::]:0', '192.0.2.1:7700', 'db1.example:7700'])(
    'nobody listens on %s',
    async (address) => {
      await expect(serve(LOCAL_ONLY, address)).rejects.toEqual(
        fault('HV_E_PLAIN_LINK', 'listening on'),
      );
    },
  );

  test('nobody dials another host, not even after a start', async () => {
    expect(thrown(() => LOCAL_ONLY.checkDial('192.0.2.1:7700'))).toEqual(
      fault('HV_E_PLAIN_LINK', 'a link to 192.0.2.1:7700'),
    );
    expect(await dial('192.0.2.1:7700', LOCAL_ONLY).closed).toContain('neither authenticated');
    for (const address of ['127.0.0.1:1', '[::1]:1', 'localhost:1', ':1'])
      expect(thrown(() => LOCAL_ONLY.checkDial(address))).toBe(undefined);
  });

  test('a peer from outside is cut even where the listener is open to all', async () => {
    const outward = outwardAddress();
    if (outward === undefined) return;
    // As if the rule had been tightened behind the listener's back: the socket itself is judged.
    const security = plain(true);
    const { listener, address } = await serve(security, '0.0.0.0:0');
    const port = address.split(':')[1] ?? '';
    await dial(`${outward}:${port}`, security).echo();
    security.replace({ mode: 'plain', insecure: false });
    const socket = connectPlain({ host: outward, port: Number(port) });
    expect(await end(socket)).toMatch(/^(ECONNRESET)?$/);
    expect(listener.counters.reasons.plain).toBe(1);
  });

  test('--insecure does all of it', async () => {
    const { address } = await serve(plain(true), '0.0.0.0:0');
    await dial(`127.0.0.1:${address.split(':')[1]}`, plain(true)).echo();
    expect(thrown(() => plain(true).checkDial('192.0.2.1:7700'))).toBe(undefined);
  });
});
