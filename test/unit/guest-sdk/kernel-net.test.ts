import { describe, expect, test } from 'vitest';
import { bundleGuest } from '../../../hypervisor/host/bundle.ts';
import type { NetOutput } from '../../../hypervisor/ports.ts';
import { INTERRUPT, NET_ERRORS, NET_WRITE_CREDIT_BYTES } from '../../../log-format/index.ts';
import { GuestRunner } from '../../support/guest-runner.ts';
import { runInGuest, runInNode, scripts } from './kernel-runner.ts';

const SAME_AS_NODE: Readonly<Record<string, string>> = {
  'a conversation and its end': `
    const net = require('net'); const log = console.log;
    const server = net.createServer((s) => {
      log('conn', s.remoteFamily, s.readyState, typeof s.remotePort, s.localPort === server.address().port, s.server === server);
      s.on('data', (d) => { log('server data', String(d)); s.write('echo:' + d); }); s.on('end', () => { log('server end'); s.end('bye'); });
    });
    server.on('listening', () => log('listening')); server.on('close', () => log('server close'));
    server.listen(0, '127.0.0.1', () => {
      const { port, family, address } = server.address(); log(family, address, server.listening);
      const c = net.connect(port, '127.0.0.1', () => { log('connected', c.connecting, c.pending, c.readyState, c.remotePort === port, c.remoteAddress, c.localAddress, c.address().family); c.write('hello', () => log('write callback')); });
      log(c.connecting, c.pending, c.readyState, c.bytesWritten); c.on('ready', () => log('ready')); c.setEncoding('utf8'); let got = '';
      c.on('data', (d) => { got += d; if (got === 'echo:hello') c.end(); }); c.on('end', () => log('end', got)); c.on('finish', () => log('finish'));
      c.on('close', (e) => { log('close', e, c.bytesRead, c.bytesWritten, c.destroyed, c.readyState, c.remoteAddress, c.pending); server.close(() => log('close callback')); server.getConnections((e, n) => log('connections', e, n)); });
    });`,
  'the address is known before the server listens, unless a host is to be looked up': `
    const net = require('net'); const server = net.createServer((s) => s.end('here')).listen(0);
    const { port, family, address } = server.address(); console.log(family, address, port > 0, server.listening);
    server.on('listening', () => { console.log('listening', server.address().port === port);
      net.connect(port, '127.0.0.1').on('data', (d) => { console.log(String(d)); server.close(() => console.log('closed', server.address(), server.listening)); }); });
    const other = net.createServer().listen(0, '127.0.0.1'); console.log(other.address(), other.listening); other.on('listening', () => { console.log(other.address().port > 0, other.listening); other.close(); });`,
  'errors of calls': `
    const net = require('net');
    for (const f of [() => net.connect(70000), () => net.connect(), () => net.connect({}), () => net.connect({ port: true }), () => net.createServer(5), () => new net.Socket().setTimeout('x'), () => net.createServer().listen(-1), () => net.connect({ port: 1, host: 5 }), () => net.createServer().listen({ port: 1, host: 7 }), () => net.createServer().listen('1.5')]) try { f(); } catch (e) { if (e.code !== 'ERR_HV_UNSUPPORTED') console.log(e.name, e.code, e.message); }
    net.createServer().close((e) => console.log(e.code, e.message, e.name));
    const n = new net.Socket(); console.log(n.readyState, n.pending, n.connecting, n.remoteAddress, n.bytesRead, n.address(), n.bufferSize, n.destroyed, n.allowHalfOpen);
    n.on('error', (e) => console.log('n', e.code, e.message)); n.write('x', (e) => console.log('callback', e.code));
    console.log(['1.2.3.4', '::ffff:1.2.3.4', 'fe80::1%eth0', '1.2.3', '::1::', '', '01.2.3.4', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7', ':1', '::', '1::', '256.1.1.1', '12345::', undefined].map((a) => net.isIP(a)).join());`,
  'refused and taken': `
    const net = require('net');
    const c = net.connect(1, '127.0.0.1'); c.on('error', (e) => console.log(e.name, e.code, e.errno, e.syscall, e.address, e.port, e.message, Object.keys(e).join()));
    c.on('close', (hadError) => { console.log('close', hadError, c.destroyed, c.connecting); const s = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address(); const s2 = net.createServer(); s2.on('error', (e) => { console.log(e.code, e.errno, e.syscall, e.address, e.port === port, e.message.replace(port, 'P'), s2.listening); s.close(); }); s2.listen(port, '127.0.0.1'); }); });`,
  'half-open, destroy with an error, write after the end': `
    const net = require('net');
    const server = net.createServer((s) => { s.end('only'); s.on('error', () => {}); }).listen(0, '127.0.0.1', () => {
      const c = net.connect({ port: server.address().port, host: '127.0.0.1', allowHalfOpen: true });
      c.on('data', (d) => console.log(String(d))); c.on('end', () => { console.log('end', c.readyState, c.writable); c.end(() => console.log('ended')); });
      c.on('close', () => { console.log('closed', c.readyState); second(); }); });
    function second() { const c = net.connect(server.address().port, '127.0.0.1', () => { c.destroy(new Error('mine')); console.log(c.destroyed, c.readyState); });
      c.on('error', (e) => console.log(e.message)); c.on('close', (h) => { console.log('close', h); c.write('x', (e) => console.log(e.code, e.message)); third(); }); }
    function third() { const c = net.connect(server.address().port, '127.0.0.1'); c.resume(); c.on('end', () => setImmediate(() => { c.on('error', (e) => console.log(e.code, e.message)); c.write('late'); server.close(); })); }`,
  'a buffer of the program is filled, and what it is not ready for waits': `
    const net = require('net'); const server = net.createServer((s) => s.end('hello world')).listen(0, '127.0.0.1', () => {
      const { port } = server.address(); const pool = [Buffer.alloc(4), Buffer.alloc(4)]; let made = 0; let paused = false; let text = '';
      const c = net.connect({ port, host: '127.0.0.1', onread: { buffer: () => pool[made++ % 2], callback(n, b) { if (paused) console.log('while paused'); text += b.toString('latin1', 0, n); paused = true; setTimeout(() => { paused = false; c.resume(); }, 20); return false; } } });
      c.on('data', () => console.log('data')); c.on('end', () => { console.log('read by the buffer:', text, made, c.bytesRead); server.close(); }); });`,
  'a paused connection has read nothing until it is resumed': `
    const net = require('net'); const server = net.createServer({ pauseOnConnect: true }, (s) => { setTimeout(() => { console.log('paused', s.bytesRead, s.isPaused()); s.on('data', (d) => console.log(String(d), s.bytesRead)); s.on('end', () => { console.log('end'); s.end(); server.close(); }); s.resume(); }, 50); });
    server.listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').end('early'));`,
  'what is destroyed keeps the process until it is closed': `
    const net = require('net'); const server = net.createServer((s) => { server.close(); s.on('error', (e) => console.log('destroyed:', e.message)); s.destroy(new Error('enough')); });
    server.listen(0, '127.0.0.1', () => { const c = net.connect(server.address().port, '127.0.0.1'); c.on('close', (e) => console.log('closed', e)); });`,
  'options of sockets': `
    const net = require('net');
    for (const o of [{ objectMode: true }, { readableObjectMode: 1 }, { writableObjectMode: true }, { keepAliveInitialDelay: 'x' }, { port: 1, path: {} }, { port: 1, autoSelectFamilyAttemptTimeout: 0 }]) try { o.port || o.path ? net.connect(o) : new net.Socket(o); } catch (e) { console.log(e.name, e.code, e.message); }
    const s = new net.Socket({ readableHighWaterMark: 7, writableHighWaterMark: 9 }); console.log(s.readableHighWaterMark, s.writableHighWaterMark, net.createServer({ keepAlive: 1, keepAliveInitialDelay: 2500 }).keepAliveInitialDelay);
    const server = net.createServer((c) => c.resume()).listen(0, '127.0.0.1', () => { const c = net.connect(server.address().port, '127.0.0.1'); const calls = []; c._handle.setKeepAlive = (...a) => calls.push(a.join());
      c.write('\u00e9\u20ac'); c.write('ab'); console.log(c.bytesWritten); c.on('connect', () => { c.setKeepAlive(true, 3999); c.setKeepAlive(true, 3000); c.setKeepAlive(true); c.setKeepAlive(false); console.log(calls.join(' ')); c._handle.close(); c.on('error', (e) => { console.log(e.message, e.code, e.errno); server.close(); }); c.write('x'); }); });`,
  'addresses of a name are tried in turns': `
    const net = require('net'); const lookup = (host, options, done) => done(null, [{ address: '127.0.0.1', family: 4 }, { address: '127.0.0.2', family: 4 }]);
    const events = ['lookup', 'connectionAttempt', 'connectionAttemptFailed', 'connect', 'close'];
    const c = net.connect({ host: 'many.test', port: 1, lookup, autoSelectFamily: true }); for (const name of events) c.on(name, (...a) => console.log(name, ...a.map((x) => (x instanceof Error ? x.message : x))));
    c.on('error', (e) => console.log(e.constructor.name, e.code, e.errors.map((x) => x.message).join(), c.autoSelectFamilyAttemptedAddresses));`,
  'old-style classes': `
    const net = require('net'); const util = require('util');
    function Mine() { if (!(this instanceof Mine)) return new Mine(); net.Socket.call(this); this.mine = 1; } util.inherits(Mine, net.Socket);
    const m = Mine(); console.log(m instanceof net.Socket, m instanceof require('stream').Duplex, m.mine, net.Socket.name, net.Server().listening, net.Stream === net.Socket);
    class Sub extends net.Server { constructor() { super(); this.x = 1; } } const q = new Sub(); q.maxConnections = 1;
    q.on('connection', (s) => { s.on('close', () => q.close()); s.resume(); }); q.on('drop', (d) => console.log('drop', typeof d.remotePort, d.localAddress));
    q.listen({ port: 0, host: '127.0.0.1' }); q.on('close', () => console.log('closed'));
    q.on('listening', () => { const a = net.connect(q.address().port, '127.0.0.1', () => { const b = net.connect(q.address().port, '127.0.0.1'); b.on('close', () => a.end()); b.resume(); }); a.resume(); });`,
};

describe('sockets behave as in Node:', () => {
  for (const [name, source] of Object.entries(SAME_AS_NODE)) {
    test(name, async () => {
      const file = scripts({ 'net.js': source });
      const guest = await runInGuest(file);
      expect(guest).toEqual(runInNode(file));
      expect(guest.stdout.length).toBeGreaterThan(20);
    });
  }

  test('much data goes both ways, in order and with back-pressure', async () => {
    const file = scripts({
      'bulk.js': `
        const net = require('net'); const big = Buffer.from(Array.from({ length: 1_500_007 }, (_, i) => i * 7));
        const server = net.createServer({ allowHalfOpen: true }, (s) => { const parts = []; s.on('data', (d) => parts.push(d)); s.on('end', () => {
          console.log(Buffer.concat(parts).equals(big)); console.log(s.write(big, () => console.log('flushed')), s.writableNeedDrain);
          s.once('drain', () => { console.log('drain'); s.cork(); s.write('a'); s.write(Buffer.from('b')); s.uncork(); s.end('c'); }); }); });
        server.listen(0, '127.0.0.1', () => { const c = net.connect(server.address().port, '127.0.0.1'); c.write(big); c.end(); const parts = []; c.pause(); setTimeout(() => c.resume(), 50);
          c.on('data', (d) => parts.push(d)); c.on('close', (e) => { const all = Buffer.concat(parts); console.log(e, all.subarray(0, big.length).equals(big), String(all.subarray(big.length)), c.bytesWritten, c.bytesRead); server.close(); }); });`,
    });
    const { stdout, code } = await runInGuest(file);
    expect(stdout.trim().split('\n')).toEqual([
      'true',
      'false true',
      'drain',
      'flushed',
      'false true abc 1500007 1500010',
    ]);
    expect(code).toBe(0);
  });
});

async function boot(source: string): Promise<GuestRunner> {
  const file = scripts({ 'served.js': source });
  const image = await bundleGuest(file, { cwd: '/' });
  return new GuestRunner(image.code, image.sourceMap).boot();
}

const json = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const LOCAL = { address: '127.0.0.1', family: 'IPv4', port: 80 };
const PEER = { address: '10.0.0.9', family: 'IPv4', port: 5555 };

function accept(guest: GuestRunner, id: number): void {
  guest.interrupt(INTERRUPT.netAccept, { id, num: 1, payload: json({ peer: PEER, local: LOCAL }) });
}

function data(guest: GuestRunner, id: number, text: string): void {
  guest.interrupt(INTERRUPT.netData, { id, payload: new TextEncoder().encode(text) });
}

function netOutputs(guest: GuestRunner): NetOutput[] {
  return guest.outputs.filter((output) => output.device === 'net');
}

const SERVER =
  "const net = require('net'); const server = net.createServer(serve).listen(80, '127.0.0.1');";

describe('the net device, interrupt by interrupt:', () => {
  test('a small reply is one write', async () => {
    const guest = await boot(
      `${SERVER} function serve(s) { s.on('data', (d) => s.write('+' + d)); }`,
    );
    guest.interrupt(INTERRUPT.netBound, { id: 1, payload: json(LOCAL) });
    accept(guest, 2);
    data(guest, 2, 'ping');
    const writes = netOutputs(guest).filter(({ op }) => op === 'write');
    expect(writes).toHaveLength(1);
    expect(writes[0]).toMatchObject({ id: 2, offset: 0 });
    expect(guest.exitCode).toBeUndefined();
  });

  test('a connection that fails tells the guest once, with the error', async () => {
    const guest = await boot(
      `${SERVER} function serve(s) { s.on('data', () => {}).on('error', (e) => console.log(e.message, e.code, e.errno, e.syscall)).on('close', (h) => console.log('close', h)); }`,
    );
    guest.interrupt(INTERRUPT.netBound, { id: 1, payload: json(LOCAL) });
    accept(guest, 2);
    guest.interrupt(INTERRUPT.netClose, { id: 2, num: NET_ERRORS.indexOf('ECONNRESET') });
    guest.interrupt(INTERRUPT.netClose, { id: 2, num: NET_ERRORS.indexOf('ECONNRESET') });
    expect(guest.stdout).toBe('read ECONNRESET ECONNRESET -104 read\nclose true\n');
  });

  test('data, ends and drains for a destroyed socket are dropped, and its close comes last', async () => {
    const guest = await boot(
      `${SERVER} function serve(s) { s.on('data', (d) => { console.log(String(d)); s.destroy(); }).on('close', () => console.log('close')); }`,
    );
    guest.interrupt(INTERRUPT.netBound, { id: 1, payload: json(LOCAL) });
    accept(guest, 2);
    data(guest, 2, 'one');
    data(guest, 2, 'two');
    guest.interrupt(INTERRUPT.netEnd, { id: 2 });
    guest.interrupt(INTERRUPT.netDrain, { id: 2, num: 1 });
    expect(guest.stdout).toBe('one\n');
    guest.interrupt(INTERRUPT.netClose, { id: 2 });
    expect(guest.stdout).toBe('one\nclose\n');
    expect(netOutputs(guest).filter(({ op }) => op === 'destroy')).toHaveLength(1);
  });

  test('a write beyond the credit waits for the drain', async () => {
    const guest = await boot(
      `${SERVER} function serve(s) { s.write(Buffer.alloc(${NET_WRITE_CREDIT_BYTES + 100_000}), () => console.log('written')); }`,
    );
    guest.interrupt(INTERRUPT.netBound, { id: 1, payload: json(LOCAL) });
    accept(guest, 2);
    const written = (): number =>
      netOutputs(guest).reduce((sum, out) => sum + (out.op === 'write' ? out.bytes.length : 0), 0);
    expect(written()).toBe(NET_WRITE_CREDIT_BYTES);
    guest.interrupt(INTERRUPT.netDrain, { id: 2, num: 65_536 });
    expect(written()).toBe(NET_WRITE_CREDIT_BYTES + 65_536);
    expect(guest.stdout).toBe('');
    guest.interrupt(INTERRUPT.netDrain, { id: 2, num: NET_WRITE_CREDIT_BYTES });
    expect(written()).toBe(NET_WRITE_CREDIT_BYTES + 100_000);
    expect(guest.stdout).toBe('written\n');
  });

  test('an idle connection times out after its last activity', async () => {
    const guest = await boot(
      `${SERVER} function serve(s) { s.on('data', () => {}).setTimeout(50, () => { console.log('idle', Math.round(performance.now() - begun)); s.destroy(); }); const begun = performance.now(); }`,
    );
    guest.interrupt(INTERRUPT.netBound, { id: 1, payload: json(LOCAL) });
    accept(guest, 2);
    guest.interrupt(INTERRUPT.netData, { id: 2, payload: new Uint8Array(1) }, 30_000);
    guest.run();
    expect(guest.stdout).toBe('idle 80\n');
    expect(guest.exitCode).toBeUndefined();
  });

  test('a guest lives while it listens or holds a connection, and no longer', async () => {
    const guest = await boot(
      `${SERVER} function serve(s) { server.close(); s.on('data', () => s.end()); }`,
    );
    guest.interrupt(INTERRUPT.netBound, { id: 1, payload: json(LOCAL) });
    accept(guest, 2);
    accept(guest, 4);
    expect(netOutputs(guest)).toContainEqual({ device: 'net', op: 'destroy', id: 4, reset: false });
    guest.interrupt(INTERRUPT.netClose, { id: 4 });
    data(guest, 2, 'x');
    expect(guest.exitCode).toBeUndefined();
    guest.interrupt(INTERRUPT.netEnd, { id: 2 });
    guest.interrupt(INTERRUPT.netClose, { id: 2 });
    expect(guest.exitCode).toBe(0);
  });
});
