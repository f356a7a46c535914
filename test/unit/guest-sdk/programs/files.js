/** node:fs, all three forms: every line is what Node prints. */

const fs = require('node:fs');
const path = require('node:path');
const os = require('node:os');
const { inspect, promisify } = require('node:util');

const base = fs.mkdtempSync(path.join(os.tmpdir(), 'hv-files-'));
const at = (...names) => path.join(base, ...names);
const plain = (text) => String(text).replaceAll(base, 'BASE');
const show = (...values) =>
  console.log(...values.map((value) => (typeof value === 'string' ? plain(value) : value)));
const tryIt = (label, act) => {
  try {
    show(label, act());
  } catch (error) {
    const { name, code, errno, syscall, path: where, dest, message } = error;
    show(label, name, code, errno, syscall, plain(where), plain(dest), message);
  }
};

// Names: directories, links, moves.
show(fs.mkdirSync(at('a/b/c'), { recursive: true }));
show(fs.mkdirSync(at('a/b'), { recursive: true }));
tryIt('mkdir', () => fs.mkdirSync(at('a')));
tryIt('mkdir', () => fs.mkdirSync(at('no/b')));
fs.writeFileSync(at('a/f'), 'one');
fs.symlinkSync('f', at('a/link'));
fs.symlinkSync('loop', at('a/loop'));
fs.symlinkSync('b', at('a/dirlink'));
fs.linkSync(at('a/f'), at('a/hard'));
show(fs.readFileSync(at('a/link'), 'utf8'), fs.readlinkSync(at('a/link')));
show(fs.statSync(at('a/f')).nlink, fs.lstatSync(at('a/link')).isSymbolicLink());
show(fs.realpathSync(at('a/dirlink/../link')), fs.realpathSync.native(at('a/dirlink')));
show(fs.readdirSync(base, { recursive: true }));
show(
  fs
    .readdirSync(at('a'), { withFileTypes: true })
    .map((e) =>
      [e.name, e.isFile(), e.isDirectory(), e.isSymbolicLink(), plain(e.parentPath)].join(),
    ),
);
show(fs.readdirSync(at('a'), 'buffer')[0], fs.readdirSync(at('a'), { encoding: 'hex' }).join());
for (const [label, act] of Object.entries({
  open: () => fs.openSync(at('nope')),
  loop: () => fs.readFileSync(at('a/loop')),
  under: () => fs.statSync(at('a/f/x')),
  slash: () => fs.statSync(`${at('a/f')}/`),
  list: () => fs.readdirSync(at('a/f')),
  none: () => fs.readdirSync(at('nope')),
  read: () => fs.readFileSync(at('a')),
  write: () => fs.writeFileSync(at('a'), 'x'),
  excl: () => fs.openSync(at('a/f'), 'wx'),
  full: () => fs.rmdirSync(at('a')),
  file: () => fs.rmdirSync(at('a/f')),
  link: () => fs.linkSync(at('nope'), at('x')),
  linked: () => fs.linkSync(at('a/f'), at('a/hard')),
  sym: () => fs.symlinkSync('x', at('a/f')),
  readlink: () => fs.readlinkSync(at('a/f')),
  rename: () => fs.renameSync(at('nope'), at('x')),
  into: () => fs.renameSync(at('a'), at('a/b/x')),
  over: () => fs.renameSync(at('a/f'), at('a/b')),
  over2: () => fs.renameSync(at('a/b'), at('a/f')),
  unlink: () => fs.unlinkSync(at('nope')),
  long: () => fs.statSync(at('x'.repeat(256))),
  empty: () => fs.statSync(''),
  real: () => fs.realpathSync(at('a/nope/x')),
  copy: () => fs.copyFileSync(at('nope'), at('x')),
  copyExcl: () => fs.copyFileSync(at('a/f'), at('a/hard'), fs.constants.COPYFILE_EXCL),
  access: () => fs.accessSync(at('nope')),
  chmod: () => fs.chmodSync(at('nope'), 0o600),
  chown: () => fs.chownSync(at('nope'), 1, 1),
  utimes: () => fs.utimesSync(at('nope'), 1, 2),
  truncate: () => fs.truncateSync(at('nope')),
  rm: () => fs.rmSync(at('nope')),
  rmDir: () => fs.rmSync(at('a')),
  mkdtemp: () => fs.mkdtempSync(at('nope/x')),
  watch: () => fs.watch(at('nope')),
  cp: () => fs.cpSync(at('nope'), at('x')),
  cpSelf: () => fs.cpSync(at('a'), at('a/b/x'), { recursive: true }),
  badFd: () => fs.closeSync(999),
  badStat: () => fs.fstatSync(999),
  badRead: () => fs.readSync(999, Buffer.alloc(1)),
  badSync: () => fs.fsyncSync(999),
  // Arguments.
  path: () => fs.statSync(5),
  zero: () => fs.statSync('a\0b'),
  flags: () => fs.openSync('x', 'zz'),
  fd: () => fs.closeSync('1'),
  fdRange: () => fs.closeSync(-1),
  fdInt: () => fs.closeSync(1.5),
  encoding: () => fs.readFileSync('x', 'nope'),
  options: () => fs.readFileSync('x', 5),
  data: () => fs.writeFileSync('x', 5),
  mode: () => fs.chmodSync('x', '9'),
  noMode: () => fs.chmodSync('x'),
  buffer: () => fs.readSync(1, 5),
  range: () => fs.readSync(0, Buffer.alloc(3), 1, 9),
  emptyBuffer: () => fs.readSync(0, Buffer.alloc(0), 0, 1),
  buffers: () => fs.writevSync(1, 'x'),
  time: () => fs.utimesSync('x', {}, 1),
  futime: () => fs.futimesSync(1, 'x', 1),
  uid: () => fs.chownSync('x', 'a', 1),
  noCallback: () => fs.stat('x'),
  rmOptions: () => fs.rmSync('x', { recursive: 1 }),
  mkdirOptions: () => fs.mkdirSync('x', { recursive: 1 }),
  start: () => fs.createReadStream('x', { start: 'a' }),
  startEnd: () => fs.createReadStream('x', { start: 5, end: 2 }),
  signal: () => fs.readFile('x', { signal: 5 }, () => {}),
  len: () => fs.ftruncateSync(1, 'a'),
  hex: () => fs.writeSync(1, 'abc', 0, 'hex'),
  listener: () => fs.watchFile('x', {}),
}))
  tryIt(label, act);
show(fs.statSync(at('nope'), { throwIfNoEntry: false }));
fs.renameSync(at('a/hard'), at('a/moved'));
show(fs.readdirSync(at('a')), fs.existsSync(at('a/moved')), fs.existsSync(at('nope')));

// Bytes: positions, holes, appends, an inode that outlives its name.
const fd = fs.openSync(at('bytes'), 'w+');
show(fs.writeSync(fd, 'hello'), fs.writeSync(fd, Buffer.from('XYZ'), 1, 1, 10));
show(fs.writevSync(fd, [Buffer.from('a'), new Uint8Array([98, 99])]));
const into = Buffer.alloc(16);
show(fs.readSync(fd, into, 0, 16, 0), into.toString('latin1'), fs.fstatSync(fd).size);
show(fs.readSync(fd, into, { position: 2, length: 3 }), into.toString('latin1', 0, 3));
fs.ftruncateSync(fd, 3);
fs.unlinkSync(at('bytes'));
show(fs.readSync(fd, into, 0, 16, 0), fs.existsSync(at('bytes')));
fs.closeSync(fd);
fs.appendFileSync(at('log'), 'a');
fs.appendFileSync(at('log'), Buffer.from('b'));
fs.writeFileSync(at('log'), 'c', { flag: 'a' });
show(fs.readFileSync(at('log'), 'utf8'), fs.readFileSync(at('log')));
const large = Buffer.alloc(200_000, 'abcdefg');
fs.writeFileSync(at('large'), large);
show(fs.readFileSync(at('large')).equals(large));
fs.truncateSync(at('large'), 100_000);
fs.truncateSync(at('large'), 150_000);
show(
  fs
    .readFileSync(at('large'))
    .equals(Buffer.concat([large.subarray(0, 100_000), Buffer.alloc(50_000)])),
);
fs.chmodSync(at('log'), 0o640);
fs.utimesSync(at('log'), 10, new Date(20_500));
const stats = fs.statSync(at('log'));
show(
  (stats.mode & 0o7777).toString(8),
  stats.atimeMs,
  stats.mtime,
  stats.isFile(),
  Object.keys(stats),
);
const big = fs.statSync(at('log'), { bigint: true });
show(big.mtimeNs, big.size, big.constructor.name, Object.keys(big));
fs.cpSync(at('a'), at('copy'), { recursive: true, filter: (from) => !from.endsWith('loop') });
show(fs.readdirSync(at('copy'), { recursive: true }), fs.readlinkSync(at('copy/link')));
const dir = fs.opendirSync(at('a/b'));
show(dir.readSync().name, dir.readSync(), plain(dir.path));
dir.closeSync();
tryIt('closed', () => dir.readSync());

// Callbacks: never before the call returns, in the order of the calls.
const order = [];
fs.stat(at('log'), (error, found) => {
  order.push('stat', error, found.size);
  process.nextTick(() => order.push('tick'));
  Promise.resolve().then(() => order.push('job'));
});
process.nextTick(() => order.push('first tick'));
order.push('after the call');

async function promised() {
  const { promises } = fs;
  show(promises === require('node:fs/promises'));
  const handle = await promises.open(at('handle'), 'w+');
  show(
    handle.constructor.name,
    await handle.write('hello'),
    await handle.read(Buffer.alloc(3), 0, 3, 1),
  );
  await handle.writeFile(' world');
  show(await promises.readFile(at('handle'), 'utf8'), (await handle.stat()).size);
  await handle.truncate(4);
  await handle.close();
  show(handle.fd);
  for (const act of [
    () => handle.read(),
    () => promises.stat(at('nope')),
    () => promises.readFile(5),
    () => promises.open(at('nope')),
    () => promises.rm(at('nope')),
    () => promises.mkdir(at('a')),
    () => promises.readFile(at('log'), { signal: AbortSignal.abort() }),
    () => promises.lchmod(at('log'), 1),
    () => promises.access(at('nope')),
    () => promises.cp(at('nope'), at('x')),
  ]) {
    await act().then(show, ({ name, code, message }) => show(name, code, message));
  }
  await promises.writeFile(
    at('parts'),
    (function* parts() {
      yield 'a';
      yield 'b';
    })(),
  );
  await promises.appendFile(at('parts'), 'c');
  show(await promises.readFile(at('parts'), 'utf8'));
  const lines = [];
  for await (const line of (await promises.open(at('parts'))).readLines()) lines.push(line);
  show(lines);
  const names = [];
  for await (const entry of await promises.opendir(at('a'))) names.push(entry.name);
  show(names.sort());
  const { bytesRead, buffer } = await promisify(fs.read)(
    fs.openSync(at('log')),
    Buffer.alloc(3),
    0,
    3,
    0,
  );
  show(bytesRead, buffer, await promisify(fs.exists)(at('log')));
  const controller = new AbortController();
  const reading = promises.readFile(at('large'), { signal: controller.signal });
  controller.abort();
  await reading.catch(({ name, code }) => show(name, code));
}

function streamed(done) {
  const seen = [];
  const out = fs.createWriteStream(at('stream'), { highWaterMark: 4 });
  for (const event of ['open', 'ready', 'finish', 'close']) out.on(event, () => seen.push(event));
  show(out.pending, out.write('abc'), out.write('def'), out.path === at('stream'));
  out.end('ghi');
  out.on('close', () => {
    show(seen.join(), out.bytesWritten, out.closed, out.destroyed, out.fd);
    const input = fs.createReadStream(at('stream'), {
      start: 1,
      end: 6,
      highWaterMark: 3,
      encoding: 'utf8',
    });
    const got = [];
    for (const event of ['open', 'ready', 'end', 'close']) input.on(event, () => got.push(event));
    input.on('data', (text) => got.push(text));
    input.on('close', () => {
      show(got.join(), input.bytesRead);
      fs.createReadStream(at('nope'))
        .on('error', ({ message }) => show(message))
        .on('close', () => {
          const patch = fs.createWriteStream(at('stream'), { flags: 'r+', start: 2 });
          patch.end('XX', () => {});
          patch.on('close', () => done(show(fs.readFileSync(at('stream'), 'utf8'))));
        });
    });
  });
}

setTimeout(() => {
  show(order);
  fs.readFile(at('nope'), (error) => {
    show(inspect(error), plain(error.stack) === plain(`Error: ${error.message}`));
    fs.cp(at('a'), at('copy2'), { recursive: true }, (failed) => {
      show(failed, fs.readdirSync(at('copy2')).length);
      streamed(() =>
        promised().then(() => {
          fs.rmSync(base, { recursive: true });
          show(fs.existsSync(base));
          fs.writeSync(1, 'by descriptor\n');
        }),
      );
    });
  });
}, 30);
