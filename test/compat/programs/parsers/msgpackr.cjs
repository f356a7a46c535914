const { pack, Packr, unpack } = require('msgpackr');
const cbor = require('cbor-x');

const value = {
  a: 1,
  b: [true, null, 'text', -5, 1.5],
  c: { d: new Date(0) },
  e: 12345678901n,
  f: Buffer.from([1, 2]),
};
console.log(pack(value).toString('hex'), unpack(pack(value)));
console.log(
  new Packr({ structuredClone: true }).unpack(
    new Packr({ structuredClone: true }).pack(new Map([['k', new Set([1])]])),
  ),
);
console.log(cbor.encode({ a: [1, 'x'] }).toString('hex'), cbor.decode(cbor.encode(value)));
