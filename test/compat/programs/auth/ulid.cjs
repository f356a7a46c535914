const { decodeTime, monotonicFactory, ulid } = require('ulid');

const next = monotonicFactory(() => 0.5);
console.log(
  next(1_700_000_000_000),
  next(1_700_000_000_000),
  decodeTime(ulid(1234)),
  ulid().length,
);
