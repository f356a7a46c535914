const { StringDecoder } = require('node:string_decoder');
const { cases, thrown } = require('./cases.cjs');

const bytewise = (encoding, bytes) => {
  const d = new StringDecoder(encoding);
  return [...[...bytes].map((byte) => d.write(Buffer.from([byte]))), d.end()];
};
cases({
  'UTF-8 byte by byte': () => console.log(bytewise('utf8', Buffer.from('aé€😀'))),
  'broken UTF-8 byte by byte': () => {
    for (const hex of ['e282', 'c3c3', 'f09f9861', 'e2e2', 'ff', 'f8', 'eda080', 'c0', 'e18080'])
      console.log(hex, bytewise('utf8', Buffer.from(hex, 'hex')));
  },
  'UTF-16 byte by byte': () =>
    console.log(
      bytewise('utf16le', Buffer.from('a😀', 'utf16le')),
      bytewise('ucs2', Buffer.from([0x3d, 0xd8, 0x61])),
    ),
  'base64 byte by byte': () =>
    console.log(
      bytewise('base64', Buffer.from('abcd')),
      bytewise('base64url', Buffer.from([255, 254, 253, 252])),
    ),
  'encodings without memory': () =>
    console.log(
      bytewise('hex', Buffer.from('ab')),
      bytewise('latin1', Buffer.from([0xe9])),
      bytewise('ascii', Buffer.from([0xe9])),
    ),
  'end with bytes, and again': () => {
    const d = new StringDecoder();
    console.log(
      d.write(Buffer.from([0xe2])),
      d.end(Buffer.from([0x82, 0xac])),
      JSON.stringify(d.end()),
      d.write(Buffer.from('x')),
    );
  },
  fields: () => {
    const d = new StringDecoder('utf8');
    d.write(Buffer.from([0xe2, 0x82]));
    console.log(d.encoding, d.lastNeed, d.lastTotal, d.lastChar);
  },
  'wrong arguments': () =>
    console.log(
      thrown(() => new StringDecoder('nope')),
      thrown(() => new StringDecoder().write(5)),
      new StringDecoder().write('text'),
      new StringDecoder('UTF-8').encoding,
      new StringDecoder('binary').encoding,
    ),
  'typed arrays': () =>
    console.log(
      new StringDecoder().write(new Uint16Array([0x6261])),
      new StringDecoder().write(new DataView(new ArrayBuffer(1))),
    ),
});
