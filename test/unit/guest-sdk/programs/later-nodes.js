/** What Node 24 does otherwise than Node 20, and a guest as Node 24. */

const fs = require('node:fs');
const path = require('node:path');
const stream = require('node:stream');

const show = (...a) => console.log(...a);
const tryIt = (f) => {
  try {
    show(f());
  } catch (e) {
    show(e.name, e.code, e.message);
  }
};
process.on('warning', ({ name, code, message }) => show('warning', name, code, message));

// Arguments of files.
const dir = fs.mkdtempSync('/tmp/later-');
const file = path.join(dir, 'f');
fs.writeFileSync(file, 'abc');
tryIt(() => fs.symlinkSync('a', path.join(dir, 'l'), 'neither'));
tryIt(() => fs.truncate(file, null));
tryIt(() => fs.opendir(dir));
tryIt(() => fs.read(null, Buffer.alloc(1)));
const fd = fs.openSync(file);
tryIt(() => fs.readSync(fd, Buffer.alloc(1), 'text'));
tryIt(() => fs.read(fd, { buffer: null }, () => {}));
fs.closeSync(fd);
show(fs.existsSync({}), fs.existsSync(), new fs.Stats() instanceof fs.Stats);
show(fs.statSync(file) instanceof fs.Stats);
fs.mkdirSync(path.join(dir, 'd'));
fs.writeFileSync(path.join(dir, 'd', 'inner'), '');
fs.symlinkSync(path.join(dir, 'd'), path.join(dir, 'link'));
const listed = fs.readdirSync(dir, { recursive: true, withFileTypes: true });
show(listed.map(({ name }) => name).join());

// Temporary directories that remove themselves.
const temporary = fs.mkdtempDisposableSync(path.join(dir, 't-'));
show(fs.existsSync(temporary.path), typeof temporary[Symbol.dispose]);
temporary.remove();
temporary[Symbol.dispose]();
show(fs.existsSync(temporary.path));

// A stream that is to stay open stays so after an error.
const closed = fs.createReadStream(null, { fd: 999, autoClose: false });
closed.on('error', (error) => setImmediate(() => show(error.code, closed.destroyed)));
closed.resume();

fs.promises.open(file).then(async (handle) => {
  tryIt(() => fs.createReadStream(null, { fd: handle, fs }));
  await handle.close();
  const made = await fs.promises.mkdtempDisposable(path.join(dir, 'p-'));
  const there = fs.existsSync(made.path);
  await made[Symbol.asyncDispose]();
  show(there, fs.existsSync(made.path));
});

// Streams.
show(require('node:_stream_readable') === stream.Readable);
tryIt(() => new stream.Readable({ defaultEncoding: 'none' }));
tryIt(() => new stream.Writable({ defaultEncoding: 'none' }));
const objects = new stream.Writable({
  objectMode: true,
  write(chunk, encoding, done) {
    show('object', chunk, encoding);
    done();
  },
});
objects.write({ a: 1 }, (error) => show('written', error));
objects.end(() => show('ended'));
const duplex = new stream.Duplex({ read() {}, write() {} });
duplex.cork();
duplex.write('x', (error) => show(error.code));
duplex.destroy();
const target = new stream.PassThrough();
target.on('error', (error) => show(error.code));
stream.Readable.from([{}]).pipe(target);
const ended = new stream.Writable({ write() {} });
ended.on('error', (error) => show(error.name));
ended[Symbol.asyncDispose]().then(() => show('disposed', ended.closed));
require('node:buffer').SlowBuffer(1);

// Zstandard.
const zlib = require('node:zlib');
const text = Buffer.from('a line that comes again and again\n'.repeat(400));
const packed = zlib.zstdCompressSync(text);
show(packed.length < 100, zlib.zstdDecompressSync(packed).equals(text));
show(zlib.zstdDecompressSync(zlib.zstdCompressSync('')).length);
// `printf 'what libzstd wrote, %.0s' 1 2 3 4 5 6 7 8 9 | zstd -19 --check`
const theirs = Buffer.from('KLUv/QRo3QAAoHdoYXQgbGlienN0ZCB3cm90ZSwgAQA6R00m8Z4QpQ==', 'base64');
show(String(zlib.zstdDecompressSync(theirs)));
const damaged = Buffer.from(theirs);
damaged[damaged.length - 1] ^= 1;
for (const bytes of [Buffer.from('no frame'), theirs.subarray(0, 20), damaged]) {
  try {
    zlib.zstdDecompressSync(bytes);
  } catch (error) {
    show(error.message, error.code, error.errno);
  }
}
tryIt(() => zlib.createZstdCompress({ params: { 5: 1 } }));
const level = { [zlib.constants.ZSTD_c_compressionLevel]: 19 };
const [squeeze, unsqueeze] = [
  zlib.createZstdCompress({ params: level }),
  zlib.createZstdDecompress(),
];
let unpacked = '';
squeeze.pipe(unsqueeze).on('data', (chunk) => {
  unpacked += chunk;
});
unsqueeze.on('end', () => show('unpacked', unpacked.length));
for (let index = 0; index < 20; index++) {
  squeeze.write('some of it, ');
  if (index % 5 === 0) squeeze.flush();
}
squeeze.end();
