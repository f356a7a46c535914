const { cases, failure, thrown } = require('./cases.cjs');

cases({
  'classes with private members': () => {
    class A {
      #x = 1;
      static #n = 0;
      static {
        A.#n = 5;
      }
      get x() {
        return this.#x;
      }
      set x(v) {
        this.#x = v;
      }
      static has(o) {
        return #x in o;
      }
      static get n() {
        return A.#n;
      }
    }
    const a = new A();
    a.x = 3;
    console.log(a.x, A.has(a), A.has({}), A.n);
  },
  'generators and spread': () => {
    function* g() {
      const x = yield 1;
      console.log('got', x);
      try {
        yield 2;
      } finally {
        console.log('cleanup');
      }
    }
    const it = g();
    console.log(it.next(), it.next('v'), it.return('r'), [...'a😀'], Math.max(...[1, 5, 2]));
  },
  destructuring: () => {
    const {
      a = 1,
      b: { c, ...rest },
      ...others
    } = { b: { c: 2, d: 3 }, e: 4 };
    const [x, , y = 9, ...z] = [1, 2, undefined, 4, 5];
    console.log(a, c, rest, others, x, y, z);
  },
  'optional and nullish': () => {
    const o = { a: null, f: () => 1 };
    let q = null;
    q ??= 5;
    let r = 0;
    r ||= 6;
    console.log(o?.a?.b, o.none?.(), o.f?.(), o.a ?? 'd', q, r, 0 ?? 1, 2 ** (3 ** 2));
  },
  'regular expressions': () => {
    console.log(
      '2024-02-29'.match(/(?<y>\d{4})-(?<m>\d\d)/).groups.y,
      'aBc'.replace(/b/i, (m) => m.toLowerCase()),
      [...'a1b2'.matchAll(/[a-z](\d)/g)].map((m) => m[1]),
      /(?<=\$)\d+/.exec('a$42')[0],
      /\p{Lu}/u.test('É'),
      'x'.replace(/x/, '$$&$&'),
      /a.c/s.test('a\nc'),
      /^b/m.test('a\nb'),
      'a-b_c'.split(/[-_]/),
      /x/y.sticky,
      /(?:a|ab)c/d.exec('abc').indices[0],
    );
  },
  'numbers as text': () =>
    console.log(
      0.1 + 0.2,
      1e21,
      1e-7,
      (255).toString(16),
      (0.5).toString(2),
      (1234.5678).toFixed(2),
      (0.000001234).toPrecision(2),
      (1e21).toFixed(2),
      (25).toString(36),
      Number('0x1f'),
      Number(''),
      Number(' 12 '),
      Number.parseFloat('3.14abc'),
      (-1.5).toFixed(0),
      (1.005).toFixed(2),
      5e-324,
      1.7976931348623157e308,
      (123.456).toExponential(2),
    ),
  'big integers': () =>
    console.log(
      2n ** 64n,
      -7n / 2n,
      -7n % 2n,
      BigInt.asUintN(8, 257n),
      BigInt('0xff'),
      10n > 9,
      1n == 1,
      thrown(() => 1n + 1).split('|')[0],
      BigInt(2 ** 53),
    ),
  dates: () => {
    const d = new Date(Date.UTC(2024, 1, 29, 12, 34, 56, 789));
    console.log(
      d.toISOString(),
      d.toJSON(),
      d.getTime(),
      new Date('2024-02-30').getTime(),
      new Date('2024-02-29T00:00:00+02:00').toISOString(),
      Date.parse('Thu, 01 Jan 1970 00:00:00 GMT'),
      new Date(Number.NaN).getTime(),
      new Date(2024, 0).getMonth(),
      d.toUTCString(),
      new Date('2024-1-5').getDate(),
      Date.parse('2024-02-29T12:00'),
    );
  },
  'sorting is stable': () =>
    console.log(
      [3, 1, 2].sort(),
      [10, 9, 1].sort(),
      ['b', undefined, 'a'].sort(),
      [
        { k: 1, v: 'a' },
        { k: 0, v: 'b' },
        { k: 1, v: 'c' },
      ]
        .sort((a, b) => a.k - b.k)
        .map((x) => x.v),
      [1, 2, 3].toSorted?.((a, b) => b - a),
    ),
  'newer methods of arrays': () =>
    console.log(
      [1, [2, [3]]].flat(Infinity),
      [1, 2, 3].at(-1),
      [1, 2, 3].findLast((x) => x < 3),
      [1, 2, 3].with?.(0, 9),
      [3, 1].toReversed?.(),
      Array.from({ length: 3 }, (_, i) => i * 2),
      [1, 2, 3].copyWithin(0, 1),
      [1, 2, 3, 4].includes(Number.NaN),
    ),
  texts: () =>
    console.log(
      'abc'.at(-1),
      'a'.padStart(3, '-'),
      'x'.repeat(3),
      ' a '.trim().length,
      'aXbX'.replaceAll('X', '-'),
      'é'.normalize('NFD').length,
      'ß'.toUpperCase(),
      'İ'.toLowerCase().length,
      'a,b'.split(','),
      String.raw`\n${1}`,
      'abc'.substring(2, 0),
      'abc'.substr(-2, 1),
      'a\u0000b'.length,
      'z'.localeCompare('a'),
      '😀'.codePointAt(0),
      'abc'.isWellFormed?.(),
    ),
  objects: () =>
    console.log(
      Object.entries({ b: 1, 2: 'x', a: 3, 1: 'y' }),
      Object.fromEntries([['k', 'v']]),
      Object.hasOwn({ a: 1 }, 'a'),
      { __proto__: { inherited: 1 } }.inherited,
      Object.getOwnPropertyNames(
        class {
          static m() {}
        },
      ).sort(),
      structuredClone({ a: [1] }),
      JSON.stringify({
        a: undefined,
        b: () => {},
        c: Symbol('x'),
        d: [undefined],
        e: new Date(0),
        f: Number.NaN,
      }),
      JSON.stringify({ a: [1, { b: 2 }] }, null, 2),
      JSON.parse('{"a":1}', (_k, v) => (typeof v === 'number' ? v + 1 : v)),
    ),
  'proxies and Reflect': () => {
    const log = [];
    const p = new Proxy(
      { a: 1 },
      {
        get: (t, k, r) => {
          log.push(`get ${String(k)}`);
          return Reflect.get(t, k, r);
        },
        has: (_t, k) => {
          log.push(`has ${k}`);
          return true;
        },
        ownKeys: () => ['a', 'b'],
        getOwnPropertyDescriptor: (t, k) => ({ value: t[k], enumerable: true, configurable: true }),
      },
    );
    console.log(p.a, 'x' in p, Object.keys(p), { ...p }, log);
  },
  promises: async () => {
    console.log(
      await Promise.allSettled([1, Promise.reject(new Error('x'))]).then((r) =>
        r.map((x) => x.status),
      ),
      await Promise.any([Promise.reject(new Error('a')), 2]),
      await Promise.race([new Promise(() => {}), 3]),
      await failure(() => Promise.any([])),
    );
    const order = [];
    await Promise.all([
      (async () => {
        await null;
        order.push('a');
      })(),
      Promise.resolve().then(() => order.push('b')),
      new Promise((r) => r()).then(() => order.push('c')),
    ]);
    console.log(order);
  },
  'order of awaits and thenables': async () => {
    const log = [];
    const thenable = {
      then(r) {
        log.push('then');
        r('t');
      },
    };
    const a = (async () => {
      log.push(await thenable);
    })();
    const b = (async () => {
      await null;
      log.push('1');
      await null;
      log.push('2');
      await null;
      log.push('3');
    })();
    const c = (async () => {
      await Promise.resolve().then(() => {});
      log.push('c');
    })();
    const d = (async () => {
      const r = await (async () => {
        return Promise.resolve('nested');
      })();
      log.push(r);
    })();
    await Promise.all([a, b, c, d]);
    console.log(log.join(' '));
  },
  errors: () => {
    const e = new Error('outer', { cause: new TypeError('inner') });
    console.log(
      e.cause.message,
      e instanceof Error,
      Object.keys(e),
      String(e),
      e.toString(),
      new AggregateError([1, 2], 'agg').errors,
      thrown(() => null.x).split('|')[0],
      thrown(() => undefinedName).split('|')[0],
      thrown(() => {
        'use strict';
        Object.freeze([]).push(1);
      }).split('|')[0],
    );
    try {
      try {
        throw new Error('a');
      } finally {
        console.log('finally');
      }
    } catch (x) {
      console.log(x.message);
    }
  },
  'weak references': () => {
    const o = { a: 1 };
    const w = new WeakMap([[o, 'v']]);
    console.log(
      w.get(o),
      new WeakRef(o).deref() === o,
      new WeakSet([o]).has(o),
      typeof FinalizationRegistry,
    );
  },
  'symbols and iterators': () => {
    const o = {
      *[Symbol.iterator]() {
        yield 1;
        yield 2;
      },
      [Symbol.toPrimitive]: (hint) => hint,
    };
    console.log(
      [...o],
      `${o}`,
      +o,
      o + '',
      Symbol.for('a') === Symbol.for('a'),
      Symbol('d').description,
      Symbol.keyFor(Symbol.for('k')),
    );
  },
  'typed arrays': () => {
    const b = new ArrayBuffer(8);
    new DataView(b).setFloat32(0, 1.5);
    console.log(
      new Uint8Array(b),
      new Uint8ClampedArray([300, -5, 1.5]),
      Int16Array.from([1, 70000]),
      new Uint8Array([3, 1, 2]).sort(),
      new Float32Array([0.1])[0],
      new Uint8Array([1, 2, 3]).subarray(1),
      new Uint8Array(2).set([1, 2]),
      ArrayBuffer.isView(new DataView(b)),
      b.slice(2).byteLength,
      new ArrayBuffer(2, { maxByteLength: 4 }).resizable,
    );
  },
  'Atomics and shared memory': () => {
    const a = new Int32Array(new SharedArrayBuffer(8));
    console.log(
      Atomics.add(a, 0, 5),
      Atomics.load(a, 0),
      Atomics.compareExchange(a, 0, 5, 7),
      a[0],
      Atomics.exchange(a, 1, 3),
      Atomics.isLockFree(4),
    );
  },
  'labels, switches, comma': () => {
    const out = [];
    outer: for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++) {
        if (j === 1) continue outer;
        if (i === 2) break outer;
        out.push(i * 10 + j);
      }
    switch (3) {
      case 1:
        out.push('no');
      default:
        out.push('d');
      case 2:
        out.push('fall');
    }
    console.log(out, (1, 2), typeof void 0, [...'ab'].entries().next().value);
  },
  'tagged templates, getters, computed names': () => {
    const tag = (s, ...v) => s.raw.join('|') + v.join();
    const k = 'dyn';
    const o = {
      [k + 1]: 1,
      get [k]() {
        return 'g';
      },
      async *gen() {},
      'quoted-name'() {},
    };
    console.log(
      tag`a${1}\n${2}`,
      o.dyn,
      o.dyn1,
      Object.keys(o),
      o['quoted-name'].name,
      o.gen.constructor.name,
    );
  },
  'closures in loops': () => {
    const f = [];
    for (let i = 0; i < 3; i++) f.push(() => i);
    for (var j = 0; j < 3; j++) f.push(() => j);
    console.log(f.map((g) => g()));
  },
  'deep recursion ends in a RangeError': () => {
    const deep = () => deep() + 1;
    console.log(thrown(deep).split('|')[0]);
  },
  math: () =>
    console.log(
      Math.hypot(3, 4),
      Math.cbrt(27),
      Math.clz32(1),
      Math.fround(5.5),
      Math.imul(3, 4),
      Math.trunc(-1.5),
      Math.sign(-3),
      Math.log2(8),
      Math.round(-0.5),
      Math.round(2.5),
      Math.atan2(1, 1),
      Math.sinh(1),
      Math.expm1(1e-10),
      Math.exp(1),
      Math.pow(2, 0.5),
      Math.sin(1),
      Math.tan(1),
      Math.log(10),
    ),
});
