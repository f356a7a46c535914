const { Blob, Buffer, constants, File, isAscii, isUtf8, transcode } = require('node:buffer');
const { cases, thrown } = require('./cases.cjs');

cases({
  'from text in every encoding': () => {
    for (const encoding of [
      'utf8',
      'utf-8',
      'UCS2',
      'utf16le',
      'latin1',
      'binary',
      'ascii',
      'hex',
      'base64',
      'base64url',
    ])
      console.log(
        encoding,
        Buffer.from('7bÿ€a==', encoding),
        Buffer.from([0, 127, 128, 255]).toString(encoding),
      );
  },
  'invalid hex and base64': () => {
    console.log(
      Buffer.from('abxx', 'hex'),
      Buffer.from('abc', 'hex'),
      Buffer.from('=a=b*c', 'base64'),
      Buffer.from('YQ', 'base64'),
    );
  },
  'broken UTF-8': () => {
    for (const bytes of [
      [0xff],
      [0xe2, 0x82],
      [0xf0, 0x9f, 0x98],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0x61, 0xe2, 0x61],
    ])
      console.log(JSON.stringify(Buffer.from(bytes).toString()));
  },
  'lone surrogates': () =>
    console.log(Buffer.from('\ud800a\udc00'), Buffer.byteLength('\ud83d\ude00\ud800')),
  'from arrays and objects': () => {
    console.log(Buffer.from([256, -1, 1.9, '3', Number.NaN]), Buffer.from({ length: 2, 0: 7 }));
    console.log(Buffer.from({ type: 'Buffer', data: [1, 2] }), Buffer.from(new String('boxed')));
    console.log(
      Buffer.from(new Uint16Array([1, 257])),
      Buffer.from(new Uint16Array([1, 257]).buffer),
    );
    console.log(
      thrown(() => Buffer.from(5)),
      thrown(() => Buffer.from(null)),
      thrown(() => Buffer.from('a', 'nope')),
    );
  },
  'memory is shared or copied': () => {
    const memory = new ArrayBuffer(4);
    const view = Buffer.from(memory, 1, 2);
    view[0] = 9;
    console.log(
      new Uint8Array(memory),
      Buffer.from(view)[0],
      view.buffer === memory,
      view.byteOffset,
    );
    console.log(
      thrown(() => Buffer.from(memory, 5)),
      thrown(() => Buffer.from(memory, 0, 9)),
    );
  },
  'alloc and fill': () => {
    console.log(
      Buffer.alloc(5, 'abc'),
      Buffer.alloc(3, 1),
      Buffer.alloc(4, 'YWI=', 'base64'),
      Buffer.alloc(2, ''),
    );
    console.log(
      Buffer.alloc(6).fill('é'),
      Buffer.alloc(4).fill('ab', 1, 3),
      Buffer.alloc(3).fill(257),
    );
    console.log(
      thrown(() => Buffer.alloc(-1)),
      thrown(() => Buffer.alloc('5')),
      thrown(() => Buffer.alloc(1).fill('a', 0, 5)),
    );
  },
  'reads and writes of numbers': () => {
    const b = Buffer.alloc(16);
    console.log(
      b.writeUInt8(255, 0),
      b.writeInt16BE(-2, 1),
      b.writeUInt32LE(0xdeadbeef, 3),
      b.writeDoubleBE(-1.5, 7),
    );
    console.log(
      b,
      b.readInt8(0),
      b.readUInt16BE(1),
      b.readInt32LE(3),
      b.readDoubleBE(7),
      b.readFloatLE(8),
    );
    console.log(b.writeBigInt64LE(-5n, 8), b.readBigUInt64LE(8), b.readBigInt64BE(8));
  },
  'numbers of odd widths': () => {
    const b = Buffer.alloc(8);
    b.writeIntBE(-123456, 0, 3);
    b.writeUIntLE(0x123456789a, 3, 5);
    console.log(b, b.readIntBE(0, 3), b.readUIntLE(3, 5), b.readUIntBE(0, 6), b.readIntLE(2, 6));
  },
  'numbers out of range': () => {
    const b = Buffer.alloc(4);
    for (const act of [
      () => b.writeUInt8(256),
      () => b.writeInt8(-129),
      () => b.writeUInt16LE(-1),
      () => b.readUInt32LE(1),
      () => b.readInt8(1.5),
      () => b.readUInt8('0'),
      () => b.readUIntBE(0, 7),
      () => b.writeBigInt64LE(1n),
      () => b.writeUInt32BE(2 ** 32),
    ])
      console.log(thrown(act));
  },
  'slices share memory': () => {
    const b = Buffer.from('hello');
    b.subarray(1, 3)[0] = 0x45;
    console.log(
      b.toString(),
      b.slice(-3, -1).toString(),
      b.subarray(2, 1).length,
      b.slice(1.9).toString(),
    );
  },
  'compare and equals': () => {
    const [a, b] = [Buffer.from('abc'), Buffer.from('abd')];
    console.log(
      a.compare(b),
      Buffer.compare(b, a),
      a.equals(Buffer.from('abc')),
      a.compare(b, 0, 2, 0, 2),
      a.compare(b, 2, 3),
    );
    console.log(
      thrown(() => a.compare('abc')),
      thrown(() => a.equals('abc')),
    );
    console.log([b, a].sort(Buffer.compare).map(String));
  },
  'indexOf in its forms': () => {
    const b = Buffer.from('this is a buffer, this is');
    console.log(
      b.indexOf('is'),
      b.indexOf('is', 3),
      b.indexOf('is', -2),
      b.lastIndexOf('this'),
      b.indexOf(''),
      b.indexOf('', 99),
    );
    console.log(
      b.indexOf(97),
      b.indexOf(97 + 256),
      b.indexOf(Buffer.from('buf')),
      b.includes('nope'),
      b.lastIndexOf('is', 5),
    );
    console.log(
      Buffer.from('a\u0435b', 'utf16le').indexOf('\u0435', 0, 'utf16le'),
      thrown(() => b.indexOf({})),
    );
  },
  copy: () => {
    const [from, to] = [Buffer.from('abcdef'), Buffer.alloc(4, '.')];
    console.log(
      from.copy(to, 1, 2, 4),
      to.toString(),
      from.copy(to, 3),
      to.toString(),
      from.copy(to, 9),
    );
    console.log(
      thrown(() => from.copy(to, -1)),
      thrown(() => from.copy('x')),
    );
    const own = Buffer.from('12345');
    own.copy(own, 2, 0, 3);
    console.log(own.toString());
  },
  'write of text': () => {
    const b = Buffer.alloc(6, '.');
    console.log(
      b.write('héé', 1),
      b,
      b.write('ffff', 0, 1, 'hex'),
      b.write('abc', 4),
      b.toString('latin1'),
    );
    console.log(
      thrown(() => b.write('x', 9)),
      thrown(() => b.write(5)),
      b.write('€', 5),
      b[5],
    );
  },
  concat: () => {
    console.log(
      Buffer.concat([]),
      Buffer.concat([Buffer.from('ab'), new Uint8Array([99])]),
      Buffer.concat([Buffer.from('abc')], 2),
      Buffer.concat([Buffer.from('a')], 3),
    );
    console.log(
      thrown(() => Buffer.concat('x')),
      thrown(() => Buffer.concat([5])),
    );
  },
  swaps: () => {
    console.log(
      Buffer.from('0102030405060708', 'hex').swap16(),
      Buffer.from('0102030405060708', 'hex').swap32(),
      Buffer.from('0102030405060708', 'hex').swap64(),
    );
    console.log(thrown(() => Buffer.alloc(3).swap16()));
  },
  'JSON and inspection': () => {
    console.log(
      JSON.stringify({ b: Buffer.from('a') }),
      [Buffer.alloc(60)],
      Object.assign(Buffer.from('x'), { extra: 1 }),
    );
    console.log(
      Buffer.from('x').constructor.name,
      Buffer.isBuffer(new Uint8Array(1)),
      Object.prototype.toString.call(Buffer.alloc(0)),
    );
  },
  iteration: () => {
    const b = Buffer.from('ab');
    console.log(
      [...b],
      [...b.keys()],
      [...b.entries()],
      b.map((x) => x + 1),
      b.filter((x) => x > 97),
      b.at(-1),
      b.toReversed?.().constructor.name,
    );
  },
  'transcode, isUtf8, isAscii': () => {
    console.log(
      transcode(Buffer.from('€ä'), 'utf8', 'latin1'),
      transcode(Buffer.from('ä'), 'utf8', 'utf16le'),
      isUtf8(Buffer.from([0xff])),
      isAscii(Buffer.from('a')),
    );
    console.log(thrown(() => transcode(Buffer.from('a'), 'b', 'hex')));
  },
  'encodings known': () =>
    console.log(
      ['UTF8', 'utf-16le', 'hex ', 'ucs-2', '', 5, 'base64URL'].map((name) =>
        Buffer.isEncoding(name),
      ),
      constants.MAX_STRING_LENGTH > 2 ** 28,
    ),
  Blob: async () => {
    const blob = new Blob(['ab', new Uint8Array([99]), new Blob(['d'])], { type: 'Text/Plain' });
    console.log(
      blob,
      await blob.text(),
      await blob.slice(1, 3).text(),
      await blob.slice(-2).arrayBuffer(),
      blob.slice(0, 1, 'a/b').type,
    );
    const chunks = [];
    for await (const chunk of blob.stream()) chunks.push(Buffer.from(chunk).toString());
    console.log(
      chunks.join(''),
      thrown(() => new Blob('x')),
    );
  },
  File: async () => {
    const file = new File(['x\n'], 'a.txt', { type: 'text/plain', lastModified: 5 });
    console.log(
      file.name,
      file.size,
      file.type,
      file.lastModified,
      file instanceof Blob,
      await file.text(),
    );
  },
  'atob and btoa': () => {
    console.log(
      atob('aGk='),
      atob(' a G k '),
      btoa('hi\xff'),
      thrown(() => atob('a')),
      thrown(() => btoa('€')),
    );
  },
});
