/** What `node:zlib` does, without the lengths of what it writes: they are its own. */

const zlib = require('node:zlib');
const { promisify } = require('node:util');
const { pipeline } = require('node:stream');

const words = 'hello hello hello world '.repeat(300);
const noise = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * i * 7 + (i >> 3)) & 255));
const base64 = (text) => Buffer.from(text, 'base64');
const told = (act) => {
  try {
    return act();
  } catch (error) {
    return [error.name, error.code, error.errno, error.message];
  }
};

const pairs =
  'gzip gunzip deflate inflate deflateRaw inflateRaw gzip unzip deflate unzip brotliCompress brotliDecompress'.split(
    ' ',
  );
for (let i = 0; i < pairs.length; i += 2) {
  const [there, back] = pairs.slice(i, i + 2);
  for (const data of [words, noise, '']) {
    const options = { level: i && i - 1, memLevel: 9 - i / 2, strategy: (i / 2) % 5 };
    const packed = zlib[`${there}Sync`](data, options);
    console.log(there, back, zlib[`${back}Sync`](packed).equals(Buffer.from(data)));
  }
}

// Written by Node 20.
const written = {
  gunzip: 'H4sIAAAAAAAAA8tIzcnJV8hAkDoK5UWZJSWpeQpJlQp++SmpOsiyFKkBAHHKgCVsAAAA',
  inflate: 'eJzLSM3JyVfIQJA6CuVFmSUlqXkKSZUKfvkpqTrIshSpAQBFiyZH',
  inflateRaw: 'y0jNyclXyECQOgrlRZklJal5CkmVCn75Kak6yLIUqQEA',
  brotliDecompress:
    'G90AYI2UbuYiqJOleuu/r8komoIKeyNmHDg8dp4HhAPGecpKlplEsP2CDKKHIxWj5cVJB52j/RHLrBjdHH+HAg==',
};
for (const [name, text] of Object.entries(written)) {
  console.log(
    name,
    told(() => String(zlib[`${name}Sync`](base64(text)))),
  );
  // A stream that is cut off is told of, wherever it is.
  const cut = base64(text).subarray(0, 12);
  console.log(
    name,
    told(() => zlib[`${name}Sync`](cut)),
  );
}

const dictionary = Buffer.from('abc');
const known = zlib.deflateSync('abcabc', { dictionary });
const attempts = [
  () => zlib.inflateSync(Buffer.from('abc')),
  () => zlib.gunzipSync(zlib.gzipSync('abc').subarray(0, 10)),
  () => zlib.gzipSync('abcdef', { maxOutputLength: 2 }),
  () => zlib.inflateSync('x', { chunkSize: 1 }),
  () => zlib.gzipSync(3),
  () => zlib.gzip('x'),
  () => zlib.createGzip({ level: 99 }),
  () => zlib.createGzip({ windowBits: 8 }),
  () => zlib.createGzip({ windowBits: 'a' }),
  () => zlib.createGzip({ flush: 7 }),
  () => zlib.createBrotliDecompress({ params: { 99: 1 } }),
  () => zlib.createDeflate({ dictionary: 'abc' }),
  () => zlib.inflateSync(known),
  () => zlib.inflateSync(known, { dictionary: Buffer.from('abd') }),
  () => String(zlib.inflateSync(known, { dictionary })),
  () => String(zlib.inflateSync(known.subarray(0, 9), { dictionary, finishFlush: 2 })),
  () => String(zlib.gunzipSync(Buffer.concat(['ab', 'cd', ''].map((text) => zlib.gzipSync(text))))),
  () => String(zlib.gunzipSync(Buffer.concat([zlib.gzipSync('padded'), Buffer.alloc(9)]))),
  () => zlib.gunzipSync(Buffer.concat([zlib.gzipSync('ab'), Buffer.from('garbage')])),
  () => zlib.crc32('hello', zlib.crc32('before')),
  () => zlib.crc32(1),
  () => zlib.deflateSync('info', { info: true }).engine.constructor.name,
];
for (const attempt of attempts) console.log(told(attempt));

console.log(
  zlib.codes,
  Object.keys(zlib.constants).filter((name) => !/zstd/i.test(name)).length,
  zlib.Z_OK,
  zlib.createGzip.name,
);
// What a package looks for before it offers a coding.
console.log('createBrotliCompress' in zlib);
console.log(
  zlib.Gzip() instanceof zlib.Gzip,
  zlib.Gzip.name,
  zlib.gzip.length,
  `${zlib.createUnzip()}`,
);

zlib.gunzip(Buffer.from('bad'), (error, ...rest) => {
  console.log('callback', error.code, rest);
  zlib.gzip('a', { maxOutputLength: 1 }, (large, ...none) => console.log(large.code, none));
});
promisify(zlib.gzip)('promised').then((packed) => console.log(String(zlib.gunzipSync(packed))));

const parts = [];
const whole = () => Buffer.concat(parts);
const options = { finishFlush: zlib.constants.Z_SYNC_FLUSH };
const gzip = zlib.createGzip();
gzip.on('data', (chunk) => parts.push(chunk));
gzip.on('end', () => console.log('end', zlib.gunzipSync(whole()).length, gzip.bytesWritten));
gzip.on('close', () => console.log('close', gzip._closed));
gzip.write('abc');
gzip.flush(() => {
  console.log('flushed', String(zlib.gunzipSync(whole(), options)));
  gzip.write('def');
  gzip.params(0, 0, () => {
    console.log('stored', String(zlib.gunzipSync(whole(), options)));
    gzip.write(words);
    gzip.params(9, 0, () => {
      gzip.write(words);
      gzip.write(noise);
      gzip.end();
    });
  });
});

const twice = zlib.createDeflateRaw({ chunkSize: 64 });
twice.on('data', (chunk) => console.log('small', chunk.length <= 64));
twice.write('x');
twice.reset();
twice.end('y', () => console.log('reset'));

const trailing = zlib.createInflate();
trailing.on('end', () => console.log('trailing', trailing.bytesWritten < 40));
trailing.resume().end(Buffer.concat([zlib.deflateSync('abc'), Buffer.alloc(64)]));

const failing = zlib.createGunzip();
failing.on('error', (error) => console.log('error', error.code, failing.destroyed));
failing.on('close', () => console.log('error, close'));
failing.write('no gzip');

const closed = zlib.createGzip();
closed.close(() => console.log('closed'));
closed.write('late', (error) => console.log('write', error.code));
closed.on('error', (error) => console.log('late', error.code));

const source = zlib.createDeflate();
pipeline(
  source,
  zlib.createUnzip(),
  zlib.createGzip(),
  zlib.createUnzip(),
  async (output) => {
    let count = 0;
    for await (const chunk of output) count += chunk.length;
    console.log('piped', count);
  },
  (error) => console.log('pipeline', error),
);
// One byte at a time: what a gzip stream is shows in its second.
for (const byte of noise.subarray(0, 50)) source.write(Buffer.of(byte));
source.end(noise);
