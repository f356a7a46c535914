'use strict';
/** Recurses until the stack is full, several ways; each ends in an error it can catch. */

function plain(depth) {
  return plain(depth + 1) + 1;
}

function attempt(name, run) {
  try {
    run();
    console.log(`${name}: no error`);
  } catch (error) {
    console.log(`${name}: ${error instanceof Error ? 'caught' : 'odd'}`);
  }
}

attempt('function', () => plain(0));
attempt('array', () => {
  const nested = [];
  let inner = nested;
  for (let i = 0; i < 100_000; i += 1) {
    inner.push([]);
    inner = inner[0];
  }
  nested.flat(Infinity);
});
attempt('parse', () => JSON.parse('['.repeat(100_000)));
attempt('getter', () => {
  const object = {
    get self() {
      return this.self;
    },
  };
  return object.self;
});
attempt('source', () => new Function(`return ${'('.repeat(50_000)}1${')'.repeat(50_000)}`)());
console.log('still alive');
