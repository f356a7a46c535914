/**
 * Records the golden logs of test/golden/: real `hv run`s whose replays must give the same bits for
 * ever. An existing golden is never overwritten: a log that must change is a new format version.
 *
 *   npm run build && node scripts/record-golden.mjs [name...]
 *
 * A log holds what the guest could see of its surroundings, so everything happens in a directory of
 * neutral name, on a host called `golden` (`unshare --uts`, which needs root), with a copy of Node
 * and one environment variable. What still names this machine is refused.
 */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist/hypervisor/cli/main.js');
const target = join(root, 'test/golden/v1');
const HOST = 'golden';
const STAGE = '/tmp/hv-golden';
const NODE = join(STAGE, 'bin/node');
const ENVIRONMENT = ['--env', 'LANG=C.UTF-8'];
/** A step that takes longer has failed. */
const STEP_MS = 30_000;

const processes = [];

/** One `hv` process on the stage, its output, and its events. */
class Hv {
  stdout = '';
  stderr = '';
  events = [];
  #wake = () => undefined;

  constructor(args, { input } = {}) {
    this.child = spawn(NODE, [cli, ...args], {
      cwd: STAGE,
      env: { LANG: 'C.UTF-8', PATH: process.env.PATH },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe'],
    });
    processes.push(this.child);
    if (input !== undefined) this.child.stdin.end(input);
    this.child.stdout.on('data', (bytes) => {
      this.stdout += bytes;
      this.#wake();
    });
    this.child.stderr.on('data', (bytes) => {
      this.stderr += bytes;
    });
    createInterface({ input: this.child.stdio[3] }).on('line', (line) => {
      this.events.push(JSON.parse(line));
      this.#wake();
    });
    this.exited = new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
  }

  async until(what, look) {
    const deadline = AbortSignal.timeout(STEP_MS);
    for (;;) {
      const found = look();
      if (found) return found;
      if (deadline.aborted || this.child.exitCode !== null)
        throw new Error(`no ${what}:\n${this.stdout}\n${this.stderr}`);
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 50);
      });
    }
  }

  event(name) {
    return this.until(name, () => this.events.find(({ evt }) => evt === name));
  }

  async stop(signal) {
    this.child.kill(signal);
    await this.exited;
  }
}

/** `hv run` of a guest, recorded under the golden's name. */
function run(name, guest, { args = [], flags = [], input } = {}) {
  const own = ['--events-fd', '3', '--dir', 'logs', '--name', name, ...ENVIRONMENT];
  return new Hv(['run', ...own, ...flags, join('guests', guest), ...args], { input });
}

/** A guest that ends by itself. */
function runs(guest, options) {
  return async (name) => {
    const lived = run(name, guest, options);
    await lived.exited;
    return { log: join('logs', name), lived };
  };
}

async function client(port) {
  const { KvClient } = await import(join(root, 'dist/test/support/kv-client.js'));
  return KvClient.reach(port);
}

async function freePort() {
  const support = await import(join(root, 'dist/test/support/kv-client.js'));
  return support.freePort();
}

/** What a person might do with redis-cli: all types, a pipeline, an error, an expiry. */
async function session(kv) {
  for (const line of [
    'SET greeting hello EX 100',
    'APPEND greeting world',
    'GET greeting',
    'TTL greeting',
    'INCRBY visits 41',
    'INCR visits',
    'INCR greeting',
    'RPUSH list a b c',
    'LRANGE list 0 -1',
    'HSET hash field value',
    'ZADD board 3 zoe 1 abe',
    'ZRANGE board 0 -1 WITHSCORES',
    'RANDOMKEY',
    'TIME',
    'NOSUCHCOMMAND x',
    'SET fleeting soon PX 40',
  ])
    await kv.ask(...line.split(' '));
  await Promise.all(['1', '2', '3'].map((n) => kv.ask('SET', `pipelined-${n}`, n)));
  // The key must go by the guest's own clock.
  while ((await kv.ask('EXISTS', 'fleeting')).value === 1)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

async function kv(name) {
  const port = await freePort();
  const one = run(name, 'kv.js', { args: [String(port)] });
  const first = await client(port);
  await session(first);
  const second = await client(port);
  await second.ask('GET', 'greeting');
  first.close();
  await second.ask('DBSIZE');
  second.close();
  await one.stop('SIGTERM');
  return { log: join('logs', name), lived: one };
}

async function counter(name) {
  const port = await freePort();
  const one = run(name, 'counter.js', { args: [String(port)] });
  await one.until('a listener', () => one.stdout.includes('listening'));
  const watcher = connect({ port, host: '127.0.0.1' });
  watcher.write('\n\n');
  await one.until('ten lines', () => one.stdout.includes('count 10\n'));
  watcher.destroy();
  await one.until('two more', () => one.stdout.includes('count 12\n'));
  await one.stop('SIGTERM');
  return { log: join('logs', name), lived: one };
}

/** Killed in the middle of its work: the log has no seal and no end. */
async function killed(name) {
  const port = await freePort();
  const one = run(name, 'kv.js', { args: [String(port)] });
  const kv = await client(port);
  for (let n = 1; n <= 20; n++) await kv.ask('INCR', 'n');
  await one.stop('SIGKILL');
  kv.close();
  return { log: join('logs', name) };
}

/** Three replicas in turn: the log of the last one, through two kills, two promotions, two joins. */
async function failover(name) {
  const port = await freePort();
  const backup = async (dir, ...more) => {
    const flags = ['--listen', '127.0.0.1:0', '--events-fd', '3', '--dir', dir, ...more];
    const one = new Hv(['backup', ...flags]);
    return { one, address: (await one.event('listening')).address };
  };
  let next = await backup('b1');
  let primary = run(name, 'kv.js', { args: [String(port)], flags: ['--backup', next.address] });
  for (let round = 1; round <= 2; round++) {
    await primary.event('protected');
    await next.one.event('synced');
    const kv = await client(port);
    await session(kv);
    await kv.ask('SET', `round-${round}`, 'kept');
    await primary.stop('SIGKILL');
    kv.close();
    await next.one.event('live');
    primary = next.one;
    const { address } = next;
    next = await backup(`b${round + 1}`, '--join', address);
  }
  await primary.event('protected');
  await next.one.event('synced');
  const kv = await client(port);
  await kv.ask('MGET', 'round-1', 'round-2');
  kv.close();
  await primary.stop('SIGTERM');
  await next.one.exited;
  return { log: join('b3', name) };
}

const GOLDENS = {
  hello: runs('hello.js', { args: ['golden'] }),
  'stdin-sum': runs('stdin-sum.js', { input: '1\n2\n39\nforty\n' }),
  'event-order': runs('event-order.mjs'),
  ticker: runs('ticker.ts', { args: ['6', '10'] }),
  counter,
  kv,
  'kv-killed': killed,
  failover,
  'uncaught-error': runs('hostile/throw-uncaught.js'),
  'unhandled-rejection': runs('hostile/reject-unhandled.js'),
  'stack-depth': runs('golden/stack-depth.js'),
  semantics: runs('golden/semantics.js'),
  'turn-ticks': runs('hostile/infinite-loop.js', { flags: ['--cpu', '1M'] }),
};

/** What a replay says about the log: the part of it that must never change. */
async function verdictOf(log) {
  const json = new Hv(['replay', '--json', log]);
  const code = await json.exited;
  if (code !== 0) throw new Error(`${log} does not replay (${code}): ${json.stderr}`);
  const { seconds: _, log: verdict, ...report } = JSON.parse(json.stdout);
  // Where the next record would go: a place on the disk, no property of the history.
  const { end: __, ...position } = verdict;
  const shown = new Hv(['replay', log]);
  await shown.exited;
  return {
    report: { ...report, log: position },
    stdout: shown.stdout,
    stderr: guestLines(shown.stderr),
  };
}

/** Without hv's own lines, which tell the time it took or, indented, what an error means. */
function guestLines(stderr) {
  return stderr.replace(/^hv: .*\n(?: {4}.*\n)*/gm, '');
}

/** Throws when the bytes a reader could see in the log name this machine. */
async function refuseTraces(log) {
  const { openLog } = await import(join(root, 'dist/hypervisor/host/log-reader.js'));
  const opened = openLog(join(STAGE, log, '000001.hvlog'));
  const texts = [opened.blobs.image, opened.blobs.sourcemap].map((bytes) => Buffer.from(bytes));
  for (const { batch } of opened.batches()) {
    for (const { payload } of batch.records) if (payload) texts.push(Buffer.from(payload));
  }
  for (const trace of [root, homedir(), process.env.HV_REAL_HOST ?? ''].filter(Boolean)) {
    if (texts.some((text) => text.includes(trace)))
      throw new Error(`${log} contains '${trace}', which is of this machine`);
  }
}

function fileOf(name) {
  return join(target, `${name}.hvlog`);
}

async function record(name) {
  const file = fileOf(name);
  const { log, lived } = await GOLDENS[name](name);
  await refuseTraces(log);
  const expected = await verdictOf(log);
  // What cannot be said of a killed process: it may have died before it had printed all.
  if (lived && (lived.stdout !== expected.stdout || guestLines(lived.stderr) !== expected.stderr))
    throw new Error(
      `${name} printed something else than its replay:\n${lived.stdout}${lived.stderr}`,
    );
  const bytes = readFileSync(join(STAGE, log, '000001.hvlog'));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(file, bytes);
  writeFileSync(
    join(target, `${name}.json`),
    `${JSON.stringify({ sha256, ...expected }, null, 2)}\n`,
  );
  const { records, log: verdict } = expected.report;
  console.log(`${name}: ${records} records, epoch ${verdict.epoch}, ${verdict.bytes} bytes`);
}

async function main(names) {
  if (existsSync(STAGE)) throw new Error(`${STAGE} is in the way: remove it`);
  mkdirSync(target, { recursive: true });
  mkdirSync(join(STAGE, 'bin'), { recursive: true });
  try {
    copyFileSync(process.execPath, NODE);
    cpSync(join(root, 'guests'), join(STAGE, 'guests'), { recursive: true });
    cpSync(join(root, 'test/golden/guests'), join(STAGE, 'guests/golden'), { recursive: true });
    for (const name of names) await record(name);
  } finally {
    for (const child of processes) child.kill('SIGKILL');
    rmSync(STAGE, { recursive: true, force: true });
  }
}

/** The same script again, on a host of the neutral name. */
function underNeutralName() {
  const script = `hostname ${HOST} && exec "$0" "$@"`;
  const command = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn('unshare', ['--uts', 'sh', '-c', script, ...command], {
    stdio: 'inherit',
    env: { ...process.env, HV_REAL_HOST: hostname() },
  });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}

/** The names asked for, or all, without those that exist. */
function wanted() {
  const named = process.argv.slice(2);
  const known = Object.keys(GOLDENS);
  const unknown = named.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`no golden called ${unknown.join()}, there are ${known.join(', ')}`);
  return (named.length > 0 ? named : known).filter((name) => {
    if (!existsSync(fileOf(name))) return true;
    if (hostname() !== HOST) console.log(`${name}: exists, kept`);
    return false;
  });
}

if (hostname() === HOST) await main(wanted());
else if (wanted().length > 0) underNeutralName();
