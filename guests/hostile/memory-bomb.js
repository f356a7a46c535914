'use strict';
/** Allocates until there is nothing left, and does not catch what comes of it. */

console.log('allocating');
const kept = [];
setImmediate(function more() {
  for (let i = 0; i < 100; i += 1) kept.push(new Array(10_000).fill(i));
  setImmediate(more);
});
