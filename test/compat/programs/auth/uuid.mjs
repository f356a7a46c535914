import * as uuid from 'uuid';

console.log(
  uuid.v5('hello', uuid.v5.DNS),
  uuid.v3('hello', uuid.v3.URL),
  uuid.validate(uuid.v4()),
  uuid.version(uuid.v7()),
  uuid.version(uuid.v1()),
  uuid.NIL,
);
console.log(
  uuid.parse('6ba7b810-9dad-11d1-80b4-00c04fd430c8'),
  uuid.v4({ random: new Uint8Array(16).fill(7) }),
  new Set(Array.from({ length: 100 }, () => uuid.v4())).size,
);
