'use strict';
/** How deep recursion goes before the guest's own error, in several shapes: the same everywhere. */

function depthOf(step) {
  let depth = 0;
  const down = () => {
    depth += 1;
    step(down);
  };
  try {
    down();
  } catch (error) {
    return `${depth} (${error.name})`;
  }
  return 'no end';
}

/** Largest nesting that `accepts` takes without an error. */
function limitOf(accepts) {
  let low = 1;
  let high = 100_000;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    try {
      accepts(middle);
      low = middle;
    } catch {
      high = middle - 1;
    }
  }
  return low;
}

console.log('call', depthOf((down) => down()));
console.log('apply', depthOf((down) => Reflect.apply(down, undefined, [])));
console.log('getter', depthOf((down) => ({ get x() { return down(); } }).x));
console.log('sort', depthOf((down) => [2, 1].sort(() => down())));
console.log('replace', depthOf((down) => 'a'.replace(/a/, down)));
console.log('proxy', depthOf((down) => new Proxy({}, { get: () => down() }).x));
console.log('parse', limitOf((n) => JSON.parse('['.repeat(n) + ']'.repeat(n))));
console.log('source', limitOf((n) => new Function(`return ${'('.repeat(n)}1${')'.repeat(n)}`)));
console.log('regex', limitOf((n) => new RegExp('(?:'.repeat(n) + ')'.repeat(n))));
