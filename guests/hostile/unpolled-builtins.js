'use strict';
/** Built-ins that are long but end: nothing can stop them, and nothing has to. */

const numbers = Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 1_000_003);
console.log(numbers.sort().length);
console.log(`${'a'.repeat(20_000)}b`.repeat(2).indexOf(`${'a'.repeat(10_000)}c`));
console.log(String(7n ** 60_000n).length);
