/** What a guest cannot have loads, and fails in the way of its API. */

const show = (...a) => console.log(...a);
const short = (e) =>
  show(
    e.name,
    e.code,
    e.message.includes('not available inside an hv guest'),
    /docs\/guest-api\.md#\w+$/.test(e.message),
  );
const tryIt = (f) => {
  try {
    show(f());
  } catch (e) {
    short(e);
  }
};
const { spawn, spawnSync, exec, execFile, execSync, fork } = require('node:child_process');
const { promisify } = require('node:util');

(async () => {
  const child = spawn('ls', ['-l']);
  child.on('error', (e) => show('spawn', e.code, e.syscall, e.path, e.spawnargs, e.errno));
  child.on('close', (code, signal) => show('close', code, signal));
  child.stdout.on('data', () => {}).on('end', () => show('end'));
  show(child.pid, child.kill(), child.exitCode);
  const { error, status, pid } = spawnSync('ls');
  show(error.code, error.syscall, status, pid);
  exec('ls', (e, out, err) => show('exec', e.code, out, err));
  execFile('ls', ['a'], (e) => show('execFile', e.code));
  await promisify(exec)('ls').catch((e) => show('promised', e.code, e.stdout));
  tryIt(() => execSync('ls'));
  fork('x.js').on('error', (e) => show('fork', e.code));
  await new Promise((r) => setImmediate(r));
  const workers = require('node:worker_threads');
  show(workers.isMainThread, workers.threadId, workers.parentPort);
  tryIt(() => new workers.Worker('x'));
  tryIt(() => require('node:cluster').fork());
  tryIt(() => new (require('node:inspector').Session)());
  tryIt(() => require('node:repl').start());
  tryIt(() => require('node:http2').connect('x'));
  tryIt(() => new (require('node:wasi').WASI)());
  tryIt(() => require('node:trace_events').createTracing({ categories: [] }));
  tryIt(() => require('node:v8').getHeapSnapshot());
  tryIt(() => require('node:vm').runInThisContext('1', { timeout: 5 }));
  const dns = require('node:dns');
  dns.lookup('example.org', (e) =>
    show(e.code, e.message, e.hostname, e.errno, e.syscall, e.cause.code),
  );
  dns.resolve4('example.org', short);
  await dns.promises.reverse('1.1.1.1').catch(short);
  tryIt(() => require('node:tty').ReadStream.prototype.setRawMode());
  const unsupported = require('node:module').builtinModules.length;
  show(unsupported > 40);
})();
