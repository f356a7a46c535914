/** What is recorded: the goldens of the format this hv writes, by name, and how each comes about. */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { Hv, root, STAGE, waitFor } from './golden-stage.mjs';

const { INTERRUPT } = await import(join(root, 'dist/log-format/index.js'));

const ENVIRONMENT = ['--env', 'LANG=C.UTF-8'];
/** As in test/e2e/hostile.test.ts. */
const LIMITS = ['--memory', '48MiB', '--cpu', '3M'];

/** `hv run` of a guest, recorded under the golden's name. */
function run(name, guest, { args = [], flags = [], input } = {}) {
  const own = ['--events-fd', '3', '--dir', 'logs', '--name', name, ...ENVIRONMENT];
  return new Hv(['run', ...own, ...flags, join('guests', guest), ...args], { input });
}

/** A guest that ends by itself. */
function runs(guest, { has, ...options } = {}) {
  return async (name) => {
    const lived = run(name, guest, options);
    await lived.exited;
    return { log: join('logs', name), lived, has };
  };
}

/** A guest that reads and changes two directories of the host. */
async function mount(name) {
  for (const [file, text] of [
    ['in/a', 'one'],
    ['in/b/c', 'two'],
    ['out/old', 'to go'],
  ]) {
    mkdirSync(join(STAGE, 'mounts', dirname(file)), { recursive: true });
    writeFileSync(join(STAGE, 'mounts', file), text);
  }
  const flags = ['--mount', 'mounts/in:/in:ro', '--mount', 'mounts/out:/out'];
  const has = (records) => records.filter(({ kind }) => kind === INTERRUPT.mounted).length === 2;
  return await runs('golden/mount.js', { flags, has })(name);
}

function hostile(guest) {
  return runs(`hostile/${guest}.js`, { flags: LIMITS });
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

async function backup(dir, ...more) {
  const flags = ['--listen', '127.0.0.1:0', '--events-fd', '3', '--dir', dir, ...more];
  const one = new Hv(['backup', ...flags]);
  return { one, address: (await one.event('listening')).address };
}

/** Three replicas in turn: the log of the last one, through two kills, two promotions, two joins. */
async function failover(name) {
  const port = await freePort();
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

/** A connection that counts what comes back. */
async function visitor(port) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  const one = { socket, received: 0, text: '' };
  socket.on('data', (bytes) => {
    one.received += bytes.length;
    one.text += bytes;
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  return one;
}

async function echoed(one, bytes) {
  const wanted = one.received + bytes.length;
  one.socket.write(bytes);
  await waitFor('an echo', () => one.received >= wanted);
}

async function echo(name) {
  const port = await freePort();
  const lived = run(name, 'echo.js', { args: [String(port)], flags: ['--record-outputs'] });
  await lived.until('a listener', () => lived.stdout.includes('listening'));
  const one = await visitor(port);
  await echoed(one, Buffer.from('bytes: \0\xff\r\n', 'latin1'));
  await echoed(one, Buffer.from('€ and 𝄞'));
  const closed = new Promise((resolve) => one.socket.once('close', resolve));
  one.socket.end('the end');
  await closed;
  await lived.stop('SIGTERM');
  return { log: join('logs', name), lived, has: typed('output') };
}

/** Several inputs at once: they came while the process was stopped, and share a group. */
async function groups(name) {
  const port = await freePort();
  const lived = run(name, 'echo.js', { args: [String(port)] });
  await lived.until('a listener', () => lived.stdout.includes('listening'));
  const visitors = [];
  for (let n = 0; n < 5; n++) visitors.push(await visitor(port));
  for (const one of visitors) await echoed(one, 'first');
  for (let round = 0; round < 3; round++) {
    lived.child.kill('SIGSTOP');
    const wanted = visitors.map((one) => one.received + 6);
    for (const [n, { socket }] of visitors.entries())
      await new Promise((resolve) => socket.write(`all ${n}\n`, resolve));
    lived.child.kill('SIGCONT');
    await waitFor('all echoes', () => visitors.every((one, n) => one.received >= wanted[n]));
  }
  for (const { socket } of visitors) socket.destroy();
  await lived.stop('SIGTERM');
  const has = (records) => records.some(({ checks }) => checks?.length > 0);
  return { log: join('logs', name), lived, has };
}

async function chat(name) {
  const port = await freePort();
  const lived = run(name, 'chat.js', { args: [String(port)] });
  await lived.until('a listener', () => lived.stdout.includes('listening'));
  const [ann, bob] = [await visitor(port), await visitor(port)];
  const say = async (who, line, answer) => {
    const from = who.text.length;
    who.socket.write(`${line}\n`);
    await waitFor(`answer to ${line}`, () => who.text.slice(from).includes(answer));
  };
  await say(ann, '/nick ann', 'you are ann');
  await say(bob, '/nick bob', 'you are bob');
  await say(ann, '/join golden', 'you are in golden');
  await say(bob, '/join golden', 'with 1 others');
  await say(ann, 'hello, all', 'ann: hello, all');
  await say(bob, '/msg ann secret', 'sent to ann');
  await say(bob, '/history 5', 'end of history');
  await say(ann, '/quit', 'bye');
  await waitFor('the departure', () => bob.text.includes('ann left golden'));
  bob.socket.destroy();
  await lived.stop('SIGTERM');
  return { log: join('logs', name), lived };
}

/** A server with snapshots beside its log: complete, and differences to it. */
async function checkpoints(name) {
  const port = await freePort();
  const flags = ['--checkpoint', '50'];
  const lived = run(name, 'kv.js', { args: [String(port)], flags });
  const kv = await client(port);
  for (let taken = 0; taken < 4; taken++) {
    while (lived.events.filter(({ evt }) => evt === 'checkpoint').length <= taken)
      await kv.ask('SET', `key-${taken}`, 'a value');
    await session(kv);
  }
  kv.close();
  await lived.stop('SIGTERM');
  const has = (records) =>
    typed('checkpoint')(records) && snapshotsIn(join('logs', name)).length >= 4;
  return { log: join('logs', name), lived, has, isDirectory: true };
}

/** Its first segment is gone; what is left begins with a snapshot. */
async function trimmed(name) {
  const port = await freePort();
  const flags = ['--checkpoint', '3', '--keep', '1B'];
  const lived = run(name, 'echo.js', { args: [String(port)], flags });
  await lived.until('a listener', () => lived.stdout.includes('listening'));
  const one = await visitor(port);
  // Segments are 1 MiB where little is kept.
  await echoed(one, Buffer.alloc(1_050_000, 'golden '));
  const isTrimmed = () => !readdirSync(join(STAGE, 'logs', name)).includes('000001.hvlog');
  while (!isTrimmed()) await echoed(one, 'more');
  await echoed(one, 'after');
  one.socket.destroy();
  await lived.stop('SIGTERM');
  return { log: join('logs', name), has: isTrimmed, isDirectory: true };
}

/** Killed by kill -9 in the middle of its work, and gone on with. */
async function resumed(name) {
  const port = await freePort();
  const flags = ['--checkpoint', 'off'];
  const first = run(name, 'kv.js', { args: [String(port)], flags });
  const before = await client(port);
  for (let n = 1; n <= 5; n++) await before.ask('INCR', 'n');
  await first.stop('SIGKILL');
  before.close();
  const own = ['--events-fd', '3', '--dir', 'logs', '--name', name];
  const second = new Hv(['run', '--resume', ...own, ...flags]);
  const after = await client(port);
  const { value } = await after.ask('INCR', 'n');
  if (value !== 6) throw new Error(`the resumed guest counts ${value}`);
  await after.ask('SRANDMEMBER', 'n');
  after.close();
  await second.stop('SIGTERM');
  return { log: join('logs', name), has: (records) => records.some(({ epoch }) => epoch === 2) };
}

/** Stopped by its operator in the middle of a turn that would never end. */
async function stopped(name) {
  const lived = run(name, 'hostile/infinite-loop.js');
  await lived.event('started');
  // The guest boots and is well into its endless turn; nothing is heard of it before that ends.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await lived.stop('SIGTERM');
  return { log: join('logs', name), lived, has: typed('stopAt') };
}

/** Goes on live from the middle of another run. */
async function fork(name) {
  const origin = `${name}-origin`;
  const one = run(origin, 'ticker.ts', { args: ['8', '10'] });
  await one.exited;
  const flags = ['--dir', 'logs', '--name', name, '--events-fd', '3', '--at', '50%'];
  const lived = new Hv(['fork', join('logs', origin), ...flags]);
  await lived.exited;
  return { log: join('logs', name), lived, isDirectory: true };
}

/** The guest asks, at every level, how safe it is; two connections ask at once. */
async function commit(name) {
  const port = await freePort();
  const { address } = await backup('commits');
  const lived = run(name, 'golden/commit.mjs', {
    args: [String(port)],
    flags: ['--backup', address],
  });
  await lived.event('protected');
  await lived.until('a listener', () => lived.stdout.includes('listening'));
  const [one, two] = [await visitor(port), await visitor(port)];
  const ask = async (who, ...lines) => {
    const from = who.text.length;
    who.socket.write(`${lines.join('\n')}\n`);
    const answers = lines.map((line) => line.split(' ').reverse().join(' is '));
    await waitFor(lines.join(), () => answers.every((text) => who.text.includes(text, from)));
  };
  for (const level of ['received', 'replayed', 'verified', 'durable']) await ask(one, `${level} a`);
  await Promise.all([
    ask(one, 'durable b', 'received c'),
    ask(two, 'received d', 'durable e', 'verified f'),
  ]);
  two.socket.destroy();
  one.socket.write('quit\n');
  await lived.exited;
  const has = (records) => records.filter(({ kind }) => kind === INTERRUPT.committed).length === 9;
  return { log: join('logs', name), lived, has };
}

/** The log of a backup that took over among several, and then had several of its own. */
async function promoted(name) {
  const port = await freePort();
  const first = await backup('p1', '--priority', '2');
  const second = await backup('p2', '--priority', '1');
  const flags = ['--backup', first.address, '--backup', second.address];
  const primary = run(name, 'kv.js', { args: [String(port)], flags });
  for (const { one } of [first, second]) await one.event('in.step');
  const before = await client(port);
  await session(before);
  await primary.stop('SIGKILL');
  before.close();
  await first.one.event('live');
  const joining = first.one.events.length;
  const third = await backup('p3', '--join', first.address);
  await third.one.event('in.step');
  await first.one.until('two backups', () =>
    first.one.events.slice(joining).some(({ evt }) => evt === 'backup.joined'),
  );
  const after = await client(port);
  await after.ask('GET', 'greeting');
  await after.ask('SPOP', 'nothing');
  await after.ask('RANDOMKEY');
  after.close();
  await first.one.stop('SIGINT');
  const has = (records) => {
    const several = records.filter(({ type, backups }) => type === 'view' && backups.length >= 2);
    return new Set(several.map(({ primary: of }) => of)).size === 2;
  };
  return { log: join('p1', name), has };
}

/** A copy that has never had the beginning: it joined by a snapshot. */
async function joined(name) {
  const port = await freePort();
  const listen = `127.0.0.1:${await freePort()}`;
  const flags = ['--checkpoint', '3', '--keep', '1B', '--listen', listen];
  const primary = run(name, 'echo.js', { args: [String(port)], flags });
  await primary.until('a listener', () => primary.stdout.includes('listening'));
  const one = await visitor(port);
  // Segments are 1 MiB where little is kept.
  await echoed(one, Buffer.alloc(1_050_000, 'golden '));
  const isTrimmed = () => !readdirSync(join(STAGE, 'logs', name)).includes('000001.hvlog');
  while (!isTrimmed()) await echoed(one, 'more');
  const { one: copy } = await backup('j1', '--join', listen);
  await copy.event('in.step');
  for (const text of ['behind', 'the', 'snapshot']) await echoed(one, text);
  one.socket.destroy();
  await primary.stop('SIGINT');
  await copy.exited;
  const has = (records) =>
    records.every(({ kind }) => kind !== INTERRUPT.boot) &&
    snapshotsIn(join('j1', name)).length > 0;
  return { log: join('j1', name), has, isDirectory: true };
}

/** As it lies on a disk that others can read, and the key that opens it. */
async function sealed(name) {
  const key = `${name}.key`;
  await new Hv(['log', 'key', 'new', key]).exited;
  const port = await freePort();
  // A snapshot is 1.7 MB, sealed or not, and `joined` has one.
  const flags = ['--log-key-file', key, '--checkpoint', 'off'];
  const lived = run(name, 'kv.js', { args: [String(port)], flags });
  const kv = await client(port);
  await session(kv);
  kv.close();
  await lived.stop('SIGTERM');
  return { log: join('logs', name), lived, isDirectory: true, key };
}

function typed(type) {
  return (records) => records.some((record) => record.type === type);
}

function snapshotsIn(log) {
  return readdirSync(join(STAGE, log)).filter((file) => file.endsWith('.hvsnap'));
}

/** The guests of guests/hostile that end by themselves or by a limit. */
const HOSTILE = [
  'array-holes',
  'async-loop',
  'bigint-tower',
  'catastrophic-regex',
  'deep-json',
  'deep-recursion',
  'exit-code',
  'generator-loop',
  'huge-string',
  'infinite-loop',
  'memory-bomb',
  'microtask-loop',
  'missing-module',
  'preempt-deep',
  'promise-loop',
  'proxy-traps',
  'recursion-json',
  'recursion-shapes',
  'reject-unhandled',
  'string-doubling',
  'swallow-all',
  'throw-uncaught',
  'unpolled-builtins',
  'weakref-storm',
];

/**
 * Each records under its name and answers where the log lies, the process whose output the replay
 * must repeat, what its records must contain, and whether it is kept as a directory.
 */
export const GOLDENS = {
  hello: runs('hello.js', { args: ['golden'] }),
  'stdin-sum': runs('stdin-sum.js', { input: '1\n2\n39\nforty\n' }),
  'event-order': runs('event-order.mjs'),
  ticker: runs('ticker.ts', { args: ['6', '10'] }),
  'bench-cpu': runs('bench-cpu.js', { args: ['2'], has: typed('resync') }),
  preempt: runs('preempt.js', { has: typed('preempt') }),
  counter,
  echo,
  chat,
  kv,
  'kv-killed': killed,
  failover,
  groups,
  checkpoints,
  trimmed,
  resumed,
  stopped,
  fork,
  commit,
  'hv-guest': runs('golden/hv-guest.mjs', { has: typed('checkpoint') }),
  promoted,
  joined,
  sealed,
  'stack-depth': runs('golden/stack-depth.js'),
  semantics: runs('golden/semantics.js'),
  disk: runs('golden/disk.js', { flags: ['--disk-quota', '64KiB'] }),
  mount,
  'small-stack': runs('hostile/deep-recursion.js', { flags: ['--stack', '256KiB'] }),
  'turn-ticks': runs('hostile/infinite-loop.js', { flags: ['--cpu', '1M'] }),
  'second-ticks': runs('hostile/infinite-loop.js', { flags: ['--cpu', '2M/s'] }),
  ...Object.fromEntries(HOSTILE.map((guest) => [guest, hostile(guest)])),
};
