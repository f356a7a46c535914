/** One value of every kind that util and assert tell apart. */

class Point {
  x = 1;
  #secret = 2;
  get secret() {
    return this.#secret;
  }
}

export const cycle: Record<string, unknown> = { name: 'cycle' };
cycle.self = cycle;

/** Values of every class that util tells apart. */
export const zoo: readonly unknown[] = [
  1,
  -0,
  10n,
  'it\'s "quoted"',
  'two\nlines',
  true,
  null,
  undefined,
  Symbol('s'),
  // biome-ignore lint/suspicious/noSparseArray: holes are among what is inspected.
  [1, , 3],
  [undefined, null],
  { a: { b: { c: { d: 1 } } } },
  new Point(),
  cycle,
  new Map<unknown, unknown>([['k', { v: 1 }]]),
  new Set([1, 'two']),
  new WeakMap(),
  new WeakSet(),
  new Date(0),
  /x/gi,
  () => {},
  function named() {},
  class Klass {},
  async () => {},
  function* generator() {},
  async function* both() {},
  (function* () {})(),
  new Uint8Array([1, 2]),
  new Float64Array([0.5]),
  new BigInt64Array(1),
  Object.create(null),
  Object(5),
  Object('boxed'),
  Object(false),
  Object(Symbol.iterator),
  (function () {
    // biome-ignore lint/complexity/noArguments: the arguments object is what is inspected.
    return arguments;
  })(),
  {
    'odd key': 2,
    get only() {
      return 1;
    },
    set other(_value: unknown) {},
  },
  Array.from({ length: 120 }, (_, index) => index),
  'x'.repeat(200),
  new (class extends Map<number, number> {})([[1, 2]]),
  new (class Foo extends Array {})(2),
];
