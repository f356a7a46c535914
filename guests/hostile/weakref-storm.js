'use strict';
/** Weak references, finalizers and cycles, made faster than they can be dropped. */

const registry = new FinalizationRegistry((held) => registry.register({}, held));
const weak = new Set();
for (let n = 0; ; n += 1) {
  const a = { n };
  const b = { a };
  a.b = b;
  weak.add(new WeakRef(a));
  registry.register(b, n);
}
