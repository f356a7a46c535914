'use strict';
/** What could differ between two hosts without any input: arithmetic, text, order, time, chance. */

const crypto = require('node:crypto');
const { inspect } = require('node:util');

const FUNCTIONS = 'sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp expm1 log log1p log2 log10 sqrt cbrt fround';

/** The bits of a number, so that the last one counts. */
function bits(value) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}

for (const name of FUNCTIONS.split(' ')) {
  const values = [0.1, 0.5, 1, 2.5, 1e10, -0.7].map((x) => bits(Math[name](x)));
  console.log(name.padEnd(7), values.join(' '));
}
console.log('pow', bits(1.1 ** 77.7), bits(Math.atan2(1, -3)), bits(Math.hypot(1, 2, 3)));
console.log('nan', bits(Number.NaN), bits(-Number.NaN), bits(0 / 0), bits(Math.sqrt(-1)));
console.log('text', 1e21, 1e-7, 0.1 + 0.2, (255).toString(36), (0.1).toFixed(20), (1234.5).toPrecision(3));
console.log('case', 'ǅ straße ΑΣ'.toUpperCase(), 'İI'.toLowerCase(), 'é'.normalize('NFD').length);
console.log('locale', (1234567.891).toLocaleString(), ['b', 'a', 'Z', 'ä'].sort((a, b) => a.localeCompare(b)).join());
console.log('zone', new Date(0).toString(), new Date(2026, 5, 1).getTimezoneOffset());
const ties = Array.from({ length: 40 }, (_, n) => ({ n, key: n % 3 }));
console.log('sort', ties.sort((a, b) => a.key - b.key).map(({ n }) => n).join(' '));
console.log('keys', Object.keys({ b: 1, 2: 1, a: 1, 1: 1, [Symbol.iterator]: 1 }).join());
console.log('regex', 'aBc–ß'.replace(/\p{Lu}|(?<=c)./gu, (found) => `<${found}>`));
console.log('chance', Math.random(), crypto.randomUUID(), crypto.randomBytes(8).toString('hex'));
console.log('inspect', inspect(new Map([[{ a: [1, { b: new Set([1n]) }] }, /x/g]]), { depth: 4 }));

// Garbage is collected when a certain number of bytes has been allocated, not when a host likes to.
const kept = [];
let collected = 0;
const registry = new FinalizationRegistry(() => {
  collected += 1;
});
for (let n = 0; n < 20_000; n++) {
  const ring = { n, self: undefined };
  ring.self = ring;
  registry.register(ring, n);
  if (n % 1000 === 0) registry.register({ n }, n);
  if (n % 100 === 0) kept.push(new WeakRef(ring));
}
const started = Date.now();
setTimeout(() => {
  registry.unregister(kept);
  const alive = kept.filter((ref) => ref.deref() !== undefined).length;
  console.log('garbage', collected, alive, `${kept.length} references`);
  console.log('clock', Date.now() - started >= 5, typeof performance.now());
}, 5);
