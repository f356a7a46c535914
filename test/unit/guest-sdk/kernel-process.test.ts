import { describe, expect, test } from 'vitest';
import { bundleGuest } from '../../../hypervisor/host/bundle.ts';
import { INTERRUPT } from '../../../log-format/index.ts';
import { GuestRunner } from '../../support/guest-runner.ts';
import { runInGuest, runInNode, scripts } from './kernel-runner.ts';

const SAME_AS_NODE: Readonly<Record<string, string>> = {
  console: `
    console.table([{ a: 1, b: 'x' }, { a: 2, c: true }]); console.table([1, 'b']); console.table(new Map([['k', 1]]));
    console.table([[1, 2], [3, 4]]); console.table([{ a: 1, b: 2 }], ['b']); console.table(new Set([1])); console.table(5); console.table([]);
    console.group('G'); console.log('in\\nner'); console.group(); console.warn('deep'); console.groupEnd(); console.groupEnd(); console.log('out');
    console.count(); console.count('x'); console.count(); console.countReset(); console.count(); console.countReset('nope'); console.timeEnd('nolabel');
    console.assert(true, 'no'); console.assert(false, 'yes %s', 1); console.assert(false); console.assert(false, { a: 1 });
    console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 }); console.log('%s %d %i %f %j %o %O %c%%', 'a', 1.5, 1.5, '2.5', { x: 1 }, [1], { y: 2 }, 'css', 'extra');
    console.log(); console.log(undefined, null, Symbol('s'), 10n, -0, [, 1], function foo() {}, class A {}, new Map([[1, { a: 1 }]]), Buffer.from('hi'), new Date(0), /x/g);
    const { Console } = require('console'); const own = new Console(process.stdout, process.stderr); own.log('own'); own.error('error');
    try { new Console({}); } catch (e) { console.log(e.code, e.message); }
    const real = process.stdout.write; process.stdout.write = (text) => real.call(process.stdout, '> ' + text); console.log('replaced'); process.stdout.write = real;
    function traced() { console.trace('trace %d', 1); } traced();`,
  streams: `
    process.stdout.write('a'); process.stdout.write('\\n', () => console.log('written')); process.stdout.write(Buffer.from('buf\\n')); process.stdout.write('68690a', 'hex'); process.stdout.write('ä€\\n', 'latin1');
    console.log(process.stdout.fd, process.stderr.fd, process.stdin.fd, process.stdout.isTTY, process.stdout.writable);
    process.stdin.on('data', () => console.log('wrong')).on('end', () => console.log('end of input'));
    process.stdout.on('finish', () => console.log('wrong'));`,
  properties: `
    console.log(process.argv.length, typeof process.pid, process.platform, process.arch, process.versions.node === process.version.slice(1), process.release.name, process.cwd() === __dirname, process.exitCode, process.env.NOPE, process.hrtime().length, typeof process.hrtime.bigint(), Object.keys(process.memoryUsage()).join());
    process.env.X = 5; console.log(process.env.X, 'X' in process.env, delete process.env.X, 'X' in process.env); process.env.U = undefined; console.log(typeof process.env.U);
    for (const f of [() => { process.exitCode = 'abc'; }, () => { process.exitCode = {}; }, () => { process.exitCode = 1.5; }, () => process.nextTick(5), () => process.hrtime(5), () => process.kill('x'), () => process.emitWarning(5), () => process.kill(process.pid, 'SIGNOPE')]) try { f(); } catch (e) { console.log(e.name, e.code, e.message); }
    console.log(Object.prototype.toString.call(console), Object.prototype.toString.call(process), Object.prototype.toString.call(globalThis), process instanceof require('events'), require('node:process') === process, process.getBuiltinModule('net') === require('net'), process.getBuiltinModule('nope'));
    process.once('SIGUSR2', (name, number) => { console.log(name, number); process.exitCode = 7; }); process.kill(process.pid, 'SIGUSR2'); setTimeout(() => {}, 50);
    process.on('exit', (code) => { console.log('exit', code, process.exitCode); process.exitCode = 9; });
    console.log(typeof structuredClone, typeof performance.now(), performance.timeOrigin > 1e12, global === globalThis, btoa('a'), atob('YQ=='), new Event('x').type, Object.keys(globalThis).includes('process'), new TextDecoder().decode(new TextEncoder().encode('ä')));`,
  modules: `
    console.log(require('module').builtinModules.includes('net'), require('module').isBuiltin('fs'), require('module').isBuiltin('node:fs'), require('module').isBuiltin('nope'), require.main === module, module.id, module.filename === __filename, module.loaded, module.exports === exports, this === exports, require.resolve('net'), typeof require('module').createRequire(__filename)('net').connect);
    for (const name of ['./nope', 'nope-package', 'node:nope']) try { const n = name; require(n); } catch (e) { console.log(e.code, e.message); }
    try { require('no-such-package'); } catch (e) { console.log(e.code, e.message, e.requireStack); }
    for (const f of [() => require(5), () => require('module').createRequire('relative')]) try { f(); } catch (e) { console.log(e.code); }`,
  'file urls and os': `
    const { fileURLToPath, pathToFileURL } = require('url'); const os = require('os');
    console.log(fileURLToPath('file:///a%20b/c?x#y'), pathToFileURL('/a b/ä/../c#?.js').href, String(pathToFileURL('x/')) === 'file://' + __dirname + '/x/', os.EOL, os.platform(), os.type(), os.constants.signals.SIGINT, os.endianness());
    for (const f of [() => fileURLToPath('http://x'), () => fileURLToPath(5), () => fileURLToPath('file://h/x'), () => fileURLToPath('nope'), () => fileURLToPath('file:///a%2fb')]) try { f(); } catch (e) { console.log(e.code, e.message); }`,
  'objects of classes': `
    class A { constructor() { this.q = new Map([[{ a: 1 }, new Set([1])]]); } } console.log(new A(), new (class extends Map {})(), Object.create(null), new (require('events'))().constructor.name);
    const emitter = new (require('events'))(); emitter.setMaxListeners(1); emitter.on('q', () => {}); emitter.on('q', () => {});`,
};

describe('as in Node:', () => {
  for (const [name, source] of Object.entries(SAME_AS_NODE)) {
    test(name, async () => {
      const file = scripts({ [`${name}.js`]: source });
      const guest = await runInGuest(file);
      const node = runInNode(file);
      // The guest's input never ends here, Node's is empty.
      expect(guest.stdout).toBe(node.stdout.replace('end of input\n', ''));
      expect(guest.stderr).toBe(node.stderr);
    });
  }
});

async function boot(source: string): Promise<GuestRunner> {
  const file = scripts({ 'guest.js': source });
  const image = await bundleGuest(file, { cwd: '/' });
  return new GuestRunner(image.code, image.sourceMap).boot().run();
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a guest that reads standard input', () => {
  test('asks for it, gets it in order and ends with it', async () => {
    const guest = await boot(
      "let all = ''; process.stdin.setEncoding('utf8'); process.stdin.on('data', (d) => { all += d; }).on('end', () => console.log(all.length, all));",
    );
    expect(guest.outputs).toContainEqual({ device: 'stdin', on: true });
    expect(guest.exitCode).toBeUndefined();
    guest.interrupt(INTERRUPT.stdinData, { payload: bytes('ä').subarray(0, 1) });
    guest.interrupt(INTERRUPT.stdinData, { payload: bytes('ä').subarray(1) });
    guest.interrupt(INTERRUPT.stdinEnd);
    guest.run();
    expect(guest.stdout).toBe('1 ä\n');
    expect(guest.exitCode).toBe(0);
  });

  test('stops the flow when it is paused and is not kept alive by it', async () => {
    const guest = await boot(
      "process.stdin.on('data', (d) => { console.log(String(d)); process.stdin.pause(); });",
    );
    guest.interrupt(INTERRUPT.stdinData, { payload: bytes('x') });
    guest.run();
    expect(guest.outputs).toContainEqual({ device: 'stdin', on: false });
    expect(guest.exitCode).toBe(0);
  });

  test('is not kept alive by input it never asked for', async () => {
    const guest = await boot('console.log(typeof process.stdin.read);');
    expect(guest.stdout).toBe('function\n');
    expect(guest.exitCode).toBe(0);
  });
});

describe('a guest that listens for signals', () => {
  test('says so once, gets them by name and stops when the last listener goes', async () => {
    const guest = await boot(
      "const f = (name, number) => { console.log(name, number); process.off('SIGTERM', f); }; process.on('SIGTERM', f); process.on('SIGINT', () => {}); setInterval(() => {}, 1000).unref(); require('net').createServer().listen(1);",
    );
    const on = guest.outputs.filter((output) => output.device === 'signal');
    expect(on).toEqual([
      { device: 'signal', number: 15, on: true },
      { device: 'signal', number: 2, on: true },
    ]);
    guest.interrupt(INTERRUPT.signal, { id: 15 });
    expect(guest.stdout).toBe('SIGTERM 15\n');
    expect(guest.outputs.at(-1)).toEqual({ device: 'signal', number: 15, on: false });
    guest.interrupt(INTERRUPT.signal, { id: 10 });
    expect(guest.exitCode).toBeUndefined();
  });
});

describe('what this guest lacks', () => {
  test('names the module and what there is instead', async () => {
    const guest = await boot(
      "try { require('node:sqlite'); } catch (e) { console.log(e.code, e.message); }",
    );
    expect(guest.stdout).toMatch(
      /^ERR_HV_UNSUPPORTED Cannot use 'node:sqlite': this guest has no such module yet\. Modules it has: .*assert, .*net.*\n$/,
    );
  });

  test('names the function', async () => {
    const guest = await boot(
      "for (const f of [() => require('net').connect('/tmp/socket'), () => require('net').createServer().listen('/tmp/socket')]) try { f(); } catch (e) { console.log(e.code, e.message); }",
    );
    expect(guest.stdout.split('\n')).toEqual([
      'ERR_HV_UNSUPPORTED net.connect(path) is not available inside an hv guest. Use a host and port instead.',
      'ERR_HV_UNSUPPORTED net.Server.listen(path) is not available inside an hv guest. Use a host and port instead.',
      '',
    ]);
  });
});

test('the same records give the same bits', async () => {
  const file = scripts({
    'bits.js':
      "let n = 0; const i = setInterval(() => { console.log(Math.random(), Date.now(), performance.now(), crypto.randomUUID(), new Error('x').stack); if (++n === 5) clearInterval(i); }, 3); process.stdin.once('data', (d) => console.log(String(d))).unref();",
  });
  const image = await bundleGuest(file, { cwd: '/' });
  const first = new GuestRunner(image.code, image.sourceMap).boot();
  first.interrupt(INTERRUPT.stdinData, { payload: bytes('typed') });
  first.run();
  const second = new GuestRunner(image.code, image.sourceMap);
  for (const record of first.records) second.replay(record);
  expect(first.stdout.split('\n')).toHaveLength(12);
  expect(second.stdout).toBe(first.stdout);
  expect(second.end).toEqual(first.end);
});
