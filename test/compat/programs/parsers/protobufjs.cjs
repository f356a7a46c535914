const protobuf = require('protobufjs');

const { root } = protobuf.parse(
  'syntax = "proto3"; message M { string name = 1; repeated int32 n = 2; map<string, double> m = 3; int64 big = 4; bytes b = 5; oneof o { bool yes = 6; string text = 7; } }',
);
const M = root.lookupType('M');
const bytes = M.encode(
  M.create({
    name: 'ä',
    n: [1, -2, 300],
    m: { x: 1.5 },
    big: 12345678901234,
    b: Buffer.from([1, 2]),
    text: 't',
  }),
).finish();
console.log(
  Buffer.from(bytes).toString('hex'),
  M.toObject(M.decode(bytes), { longs: String, bytes: String }),
  M.verify({ name: 1 }),
);
