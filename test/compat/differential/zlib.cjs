const zlib = require('node:zlib');
const { promisify } = require('node:util');
const { cases, failure, once, thrown } = require('./cases.cjs');

const TEXT = Buffer.from('hello hello hello, differently '.repeat(50));
const told = (b) => (Buffer.isBuffer(b) ? `${b.length} bytes, ${b.equals(TEXT)}` : b);
cases({
  'there and back': () => {
    for (const [a, b] of [
      ['gzipSync', 'gunzipSync'],
      ['deflateSync', 'inflateSync'],
      ['deflateRawSync', 'inflateRawSync'],
      ['brotliCompressSync', 'brotliDecompressSync'],
      ['gzipSync', 'unzipSync'],
      ['deflateSync', 'unzipSync'],
    ]) {
      const packed = zlib[a](TEXT);
      console.log(a, packed.length < 200, told(zlib[b](packed)));
    }
  },
  levels: () => {
    for (const level of [0, 1, 9])
      console.log(
        level,
        told(zlib.inflateSync(zlib.deflateSync(TEXT, { level }))),
        zlib.deflateSync(TEXT, { level }).length > 1000,
      );
  },
  'fixed streams': () =>
    console.log(
      zlib.inflateRawSync(Buffer.from([0x4b, 0x4c, 0x4a, 0x4e, 0x01, 0x00])).toString(),
      zlib.brotliDecompressSync(Buffer.from('CwKAYWJjZGUD', 'base64')).toString(),
    ),
  'damaged input': () => {
    for (const act of [
      () => zlib.gunzipSync(Buffer.from('nope')),
      () => zlib.inflateSync(Buffer.from([1, 2, 3])),
      () => zlib.inflateRawSync(Buffer.from([255, 255])),
      () => zlib.gunzipSync(zlib.gzipSync('abc').subarray(0, 15)),
      () => zlib.inflateSync(Buffer.alloc(0)),
      () => zlib.brotliDecompressSync(Buffer.from([255, 255, 255])),
    ])
      console.log(thrown(act));
  },
  'wrong options': () => {
    for (const act of [
      () => zlib.gzipSync('a', { level: 99 }),
      () => zlib.createGzip({ windowBits: 1 }),
      () => zlib.gzipSync(5),
      () => zlib.gzipSync(),
      () => zlib.gzip('a'),
      () => zlib.createInflate({ chunkSize: 1 }),
      () => zlib.inflateSync(zlib.deflateSync(TEXT), { maxOutputLength: 5 }),
    ])
      console.log(thrown(act));
  },
  'callbacks and promises': async () => {
    console.log(
      told(await promisify(zlib.gunzip)(await promisify(zlib.gzip)(TEXT))),
      await failure(() => promisify(zlib.inflate)('bad')),
      told(await promisify(zlib.brotliDecompress)(await promisify(zlib.brotliCompress)(TEXT))),
    );
  },
  streams: async () => {
    const gzip = zlib.createGzip();
    gzip.write(TEXT.subarray(0, 100));
    gzip.end(TEXT.subarray(100));
    const parts = [];
    for await (const part of gzip.pipe(zlib.createGunzip())) parts.push(part);
    console.log(told(Buffer.concat(parts)), gzip.bytesWritten);
  },
  'byte by byte': async () => {
    const packed = zlib.gzipSync(TEXT);
    const un = zlib.createGunzip();
    (async () => {
      for (const byte of packed) un.write(Buffer.from([byte]));
      un.end();
    })();
    const parts = [];
    for await (const part of un) parts.push(part);
    console.log(told(Buffer.concat(parts)));
  },
  flush: async () => {
    const d = zlib.createDeflate();
    d.write('abc');
    await new Promise((resolve) => d.flush(resolve));
    console.log(d.read().length > 0);
    d.flush(zlib.constants.Z_FULL_FLUSH, () => {});
    d.end();
    d.resume();
    await once(d, 'end');
    console.log('end');
  },
  'several members and what follows': () => {
    const two = Buffer.concat([zlib.gzipSync('one'), zlib.gzipSync('two')]);
    console.log(
      zlib.gunzipSync(two).toString(),
      zlib.gunzipSync(Buffer.concat([zlib.gzipSync('x'), Buffer.alloc(5)])).toString(),
      zlib.inflateSync(Buffer.concat([zlib.deflateSync('y'), Buffer.from('rest')])).toString(),
      zlib
        .inflateSync(zlib.deflateSync('abc').subarray(0, 6), {
          finishFlush: zlib.constants.Z_SYNC_FLUSH,
        })
        .toString(),
    );
  },
  dictionaries: () => {
    const dictionary = Buffer.from('hello differently');
    const packed = zlib.deflateSync(TEXT, { dictionary });
    console.log(
      told(zlib.inflateSync(packed, { dictionary })),
      thrown(() => zlib.inflateSync(packed)),
      thrown(() => zlib.inflateSync(packed, { dictionary: Buffer.from('x') })),
    );
  },
  'input of many kinds': () =>
    console.log(
      zlib.inflateSync(zlib.deflateSync('ä')).toString(),
      zlib.inflateSync(zlib.deflateSync(new Uint16Array([1, 2]))),
      zlib.inflateSync(new Uint8Array(zlib.deflateSync('b'))).toString(),
      zlib.inflateSync(zlib.deflateSync(new ArrayBuffer(2))),
    ),
  info: () => {
    const { buffer, engine } = zlib.gunzipSync(zlib.gzipSync('x'), { info: true });
    console.log(String(buffer), engine.bytesWritten > 10, engine.constructor.name);
  },
  crc32: () =>
    console.log(
      typeof zlib.crc32 === 'function'
        ? [zlib.crc32('hello'), zlib.crc32('lo', zlib.crc32('hel'))]
        : 'none',
    ),
  'errors of streams': async () => {
    const un = zlib.createGunzip();
    un.end('nonsense');
    const [error] = await once(un, 'error');
    console.log(error.code, error.errno, error.message, un.destroyed);
  },
  'constants and codes': () =>
    console.log(
      zlib.constants.Z_BEST_COMPRESSION,
      zlib.codes.Z_BUF_ERROR,
      zlib.codes['-5'],
      zlib.constants.BROTLI_PARAM_QUALITY,
    ),
  'reset and params': async () => {
    const d = zlib.createDeflate({ level: 1 });
    await new Promise((resolve) => d.params(9, zlib.constants.Z_FILTERED, resolve));
    d.end('x');
    d.resume();
    await once(d, 'end');
    console.log(
      'ok',
      thrown(() => zlib.createDeflate().params(99, 0, () => {})),
    );
  },
});
