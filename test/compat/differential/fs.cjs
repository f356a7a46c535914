const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { cases, failure, once, thrown } = require('./cases.cjs');

const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'differential-')));
process.on('exit', () => fs.rmSync(root, { recursive: true, force: true }));
const at = (...parts) => path.join(root, ...parts);
/** Messages without the directory, which has another name each time. */
const clean = (text) => String(text).replaceAll(root, '');
const fails = (act) => clean(thrown(act));
const later = async (act) => clean(await failure(act));

cases({
  'write and read': () => {
    fs.writeFileSync(at('a'), 'hällo');
    console.log(
      fs.readFileSync(at('a')),
      fs.readFileSync(at('a'), 'utf8'),
      fs.readFileSync(at('a'), { encoding: 'base64' }),
    );
    fs.writeFileSync(at('a'), new Uint16Array([0x6261]));
    fs.appendFileSync(at('a'), 'c');
    fs.writeFileSync(at('a'), 'd', { flag: 'a' });
    console.log(fs.readFileSync(at('a'), 'latin1'));
  },
  'errors by code': () => {
    for (const act of [
      () => fs.readFileSync(at('none')),
      () => fs.readFileSync(root),
      () => fs.mkdirSync(root),
      () => fs.rmdirSync(at('none')),
      () => fs.writeFileSync(at('x', 'y'), ''),
      () => fs.readdirSync(at('a')),
      () => fs.unlinkSync(at('none')),
      () => fs.renameSync(at('none'), at('b')),
      () => fs.statSync(at('a', 'b')),
      () => fs.openSync(at('a'), 'wx'),
      () => fs.rmSync(root),
      () => fs.rmSync(at('none')),
      () => fs.accessSync(at('none')),
      () => fs.readlinkSync(at('a')),
      () => fs.copyFileSync(at('none'), at('b')),
      () => fs.truncateSync(at('none')),
      () => fs.closeSync(999),
    ])
      console.log(fails(act));
  },
  'fields of an error': () => {
    try {
      fs.readFileSync('/none/x');
    } catch (error) {
      console.log({ ...error }, Object.keys(error));
    }
  },
  'wrong arguments': () => {
    for (const act of [
      () => fs.readFileSync(),
      () => fs.readFileSync({}),
      () => fs.writeFileSync(at('a'), 5),
      () => fs.openSync(at('a'), 'zz'),
      () => fs.readFileSync('a\0b'),
      () => fs.readFile(at('a')),
      () => fs.mkdirSync(at('m'), { recursive: 5 }),
      () => fs.readSync('x', Buffer.alloc(1)),
      () => fs.statSync(null),
      () => fs.chmodSync(at('a'), 'x'),
      () => fs.writeFileSync(at('a'), 'a', 'nope'),
    ])
      console.log(fails(act));
  },
  'descriptors and positions': () => {
    const fd = fs.openSync(at('d'), 'w+');
    console.log(
      fs.writeSync(fd, 'hello world'),
      fs.writeSync(fd, Buffer.from('HE'), 0, 2, 0),
      fs.writeSync(fd, '!', null),
    );
    const b = Buffer.alloc(20);
    console.log(
      fs.readSync(fd, b, 0, 5, 6),
      b.toString('latin1', 0, 5),
      fs.readSync(fd, b, { position: 0, length: 2 }),
      fs.readSync(fd, b),
    );
    fs.ftruncateSync(fd, 3);
    console.log(fs.fstatSync(fd).size, fs.readFileSync(at('d'), 'utf8'));
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    console.log(fails(() => fs.writeSync(fd, 'x')));
  },
  flags: () => {
    fs.writeFileSync(at('f'), '12345');
    for (const flag of ['r', 'r+', 'w', 'a', 'a+', 'ax']) {
      console.log(
        flag,
        fails(() => {
          const fd = fs.openSync(at('f'), flag);
          try {
            return fs.writeSync(fd, 'x');
          } finally {
            fs.closeSync(fd);
          }
        }),
        fs.readFileSync(at('f'), 'utf8'),
      );
    }
  },
  directories: () => {
    console.log(
      clean(fs.mkdirSync(at('p', 'q', 'r'), { recursive: true })),
      fs.mkdirSync(at('p', 'q'), { recursive: true }),
      fs.readdirSync(at('p')),
    );
    fs.writeFileSync(at('p', 'z'), '');
    fs.symlinkSync('z', at('p', 'l'));
    console.log(
      fs.readdirSync(at('p')),
      fs
        .readdirSync(at('p'), { withFileTypes: true })
        .map((d) => [d.name, d.isFile(), d.isDirectory(), d.isSymbolicLink()]),
      fs.readdirSync(at('p'), { recursive: true }).sort(),
      fs.readdirSync(at('p'), 'buffer')[0],
    );
    console.log(fails(() => fs.rmdirSync(at('p'))));
  },
  stats: () => {
    const s = fs.statSync(at('f'));
    console.log(
      s.isFile(),
      s.isDirectory(),
      s.isSymbolicLink(),
      s.size,
      (s.mode & 0o777).toString(8),
      s.nlink,
      s.mtime instanceof Date,
      typeof s.ino,
      s.mtimeMs > 0,
      fs.statSync(at('f'), { bigint: true }).size,
      fs.statSync(at('none'), { throwIfNoEntry: false }),
      Object.keys(s).join(),
    );
  },
  links: () => {
    fs.symlinkSync('f', at('sym'));
    fs.linkSync(at('f'), at('hard'));
    console.log(
      fs.readlinkSync(at('sym')),
      fs.lstatSync(at('sym')).isSymbolicLink(),
      fs.statSync(at('sym')).isFile(),
      fs.statSync(at('hard')).nlink,
      clean(fs.realpathSync(at('sym'))),
    );
    fs.symlinkSync('loop', at('loop'));
    console.log(
      fails(() => fs.readFileSync(at('loop'))),
      fails(() => fs.symlinkSync('x', at('sym'))),
    );
    fs.symlinkSync('gone', at('dangling'));
    console.log(
      fs.existsSync(at('dangling')),
      fails(() => fs.realpathSync(at('dangling'))),
    );
  },
  rename: () => {
    fs.writeFileSync(at('r1'), '1');
    fs.writeFileSync(at('r2'), '2');
    fs.renameSync(at('r1'), at('r2'));
    console.log(
      fs.readFileSync(at('r2'), 'utf8'),
      fs.existsSync(at('r1')),
      fails(() => fs.renameSync(at('r2'), at('p'))),
      fails(() => fs.renameSync(at('p'), at('p', 'q', 'in'))),
    );
  },
  'an open file outlives its name': () => {
    const fd = fs.openSync(at('r2'), 'r');
    fs.unlinkSync(at('r2'));
    console.log(fs.readFileSync(fd, 'utf8'), fs.existsSync(at('r2')));
    fs.closeSync(fd);
  },
  times: () => {
    fs.utimesSync(at('f'), 1, new Date(2500));
    const s = fs.statSync(at('f'));
    console.log(s.atimeMs, s.mtimeMs, s.mtime);
    fs.lutimesSync(at('sym'), 5, 6);
    console.log(
      fs.lstatSync(at('sym')).mtimeMs,
      fs.statSync(at('f')).mtimeMs,
      fails(() => fs.utimesSync(at('f'), 'x', 1)),
    );
  },
  modes: () => {
    fs.chmodSync(at('f'), 0o640);
    console.log((fs.statSync(at('f')).mode & 0o777).toString(8));
    fs.chmodSync(at('f'), '600');
    console.log((fs.statSync(at('f')).mode & 0o777).toString(8));
    fs.accessSync(at('f'), fs.constants.R_OK);
  },
  copies: () => {
    fs.copyFileSync(at('f'), at('copy'));
    console.log(fails(() => fs.copyFileSync(at('f'), at('copy'), fs.constants.COPYFILE_EXCL)));
    fs.cpSync(at('p'), at('p2'), { recursive: true });
    console.log(fs.readdirSync(at('p2')), fails(() => fs.cpSync(at('p'), at('p3'))).split('\n')[0]);
  },
  removal: () => {
    fs.rmSync(at('p2'), { recursive: true });
    fs.rmSync(at('none'), { force: true });
    console.log(
      fs.existsSync(at('p2')),
      fails(() => fs.rmSync(at('p'))),
    );
  },
  'temporary directories': () => {
    const one = fs.mkdtempSync(at('t-'));
    console.log(
      clean(one).length,
      fs.statSync(one).isDirectory(),
      fails(() => fs.mkdtempSync(at('no', 'x'))),
    );
  },
  vectors: () => {
    const fd = fs.openSync(at('v'), 'w+');
    console.log(fs.writevSync(fd, [Buffer.from('ab'), Buffer.from('cd')]));
    const [x, y] = [Buffer.alloc(1), Buffer.alloc(3)];
    console.log(fs.readvSync(fd, [x, y], 0), String(x), String(y));
    fs.closeSync(fd);
  },
  truncate: () => {
    fs.writeFileSync(at('t'), '12345');
    fs.truncateSync(at('t'), 2);
    console.log(fs.readFileSync(at('t')));
    fs.truncateSync(at('t'), 4);
    console.log(fs.readFileSync(at('t')));
  },
  callbacks: async () => {
    const back = (act) =>
      new Promise((resolve) =>
        act((...args) =>
          resolve(
            clean(args.map((one) => (one instanceof Error ? one.message : String(one))).join(' ')),
          ),
        ),
      );
    console.log(
      await back((n) => fs.readFile(at('f'), 'utf8', n)),
      await back((n) => fs.readFile(at('none'), n)),
      await back((n) => fs.stat(at('none'), n)),
      await back((n) => fs.mkdir(at('cb'), n)),
      await back((n) => fs.exists(at('f'), n)),
      await back((n) => fs.access(at('none'), n)),
      await back((n) => fs.writeFile(at('cbf'), 'x', n)),
    );
  },
  'order of callbacks': async () => {
    const log = [];
    fs.stat(root, () => log.push('stat'));
    process.nextTick(() => log.push('tick'));
    setImmediate(() => {});
    log.push('now');
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(log.join(' '));
  },
  promises: async () => {
    const { promises: p } = fs;
    await p.writeFile(at('pf'), ['a', 'b']);
    await p.appendFile(at('pf'), 'c');
    console.log(
      await p.readFile(at('pf'), 'utf8'),
      await later(() => p.readFile(at('none'))),
      await later(() => p.access(at('none'))),
      (await p.stat(at('pf'))).size,
      await later(() => p.mkdir(root)),
      await p.rm(at('none'), { force: true }),
      await later(() => p.readFile(at('pf'), { signal: AbortSignal.abort() })),
    );
  },
  'file handles': async () => {
    const h = await fs.promises.open(at('h'), 'w+');
    console.log(
      (await h.write('line 1\nline 2\nend')).bytesWritten,
      (await h.stat()).size,
      (await h.read(Buffer.alloc(4), 0, 4, 0)).bytesRead,
      h.fd > 2,
    );
    await h.truncate(13);
    const again = await fs.promises.open(at('h'));
    for await (const line of again.readLines()) console.log(line);
    await h.close();
    console.log(await later(() => h.read(Buffer.alloc(1))), h.fd);
  },
  opendir: async () => {
    const names = [];
    for await (const entry of await fs.promises.opendir(root)) names.push(entry.name);
    console.log(names.sort().slice(0, 5));
    const d = fs.opendirSync(at('p'));
    d.readSync();
    d.closeSync();
    console.log(fails(() => d.readSync()));
  },
  'a stream of a file': async () => {
    const w = fs.createWriteStream(at('s'));
    w.write('12345');
    w.end('67890');
    await once(w, 'close');
    console.log(w.bytesWritten, clean(w.path));
    const parts = [];
    for await (const part of fs.createReadStream(at('s'), {
      start: 2,
      end: 6,
      highWaterMark: 2,
      encoding: 'utf8',
    }))
      parts.push(part);
    console.log(
      parts,
      thrown(() => fs.createReadStream(at('s'), { start: 5, end: 2 })),
    );
  },
  'events of streams': async () => {
    const log = [];
    const r = fs.createReadStream(at('s'));
    for (const name of ['open', 'ready', 'data', 'end', 'close']) r.on(name, () => log.push(name));
    await once(r, 'close');
    const bad = fs.createReadStream(at('none'));
    const [error] = await once(bad, 'error');
    console.log(log.join(' '), clean(error.message));
    const end = fs.createWriteStream(at('s'), { flags: 'r+', start: 3 });
    end.end('X');
    await once(end, 'finish');
    console.log(fs.readFileSync(at('s'), 'utf8'));
  },
  'watching a file': async () => {
    const seen = new Promise((resolve) =>
      fs.watchFile(at('f'), { interval: 5 }, (now, before) => resolve([now.size, before.size])),
    );
    setTimeout(() => fs.writeFileSync(at('f'), 'longer than before'), 20);
    const [now] = await seen;
    fs.unwatchFile(at('f'));
    console.log(now);
  },
  'Buffers and URLs as paths': () => {
    console.log(
      fs.readFileSync(Buffer.from(at('s')), 'utf8'),
      fs.existsSync(require('node:url').pathToFileURL(at('s'))),
      fs.existsSync(5),
      fails(() => fs.readFileSync(new URL('http://x'))),
    );
  },
  'names beyond ASCII': () => {
    fs.writeFileSync(at('ä €.txt'), 'x');
    console.log(
      fs.readdirSync(root).includes('ä €.txt'),
      fs.readdirSync(root, 'hex').includes(Buffer.from('ä €.txt').toString('hex')),
    );
  },
  constants: () =>
    console.log(fs.constants.O_CREAT, fs.constants.S_IFMT, fs.F_OK, fs.constants.UV_FS_O_FILEMAP),
});
