'use strict';
/** A generator that never ends, in a loop that never leaves it. */

function* forever() {
  try {
    for (let n = 0; ; n += 1) yield n;
  } finally {
    console.log('never');
  }
}
let sum = 0;
for (const n of forever()) sum += n;
