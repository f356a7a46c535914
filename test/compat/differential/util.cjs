const util = require('node:util');
const { cases, failure, thrown } = require('./cases.cjs');

class Named {
  constructor() {
    this.a = 1;
  }
  get b() {
    return 2;
  }
  static s = 1;
}
class Child extends Named {
  #hidden = 1;
}

cases({
  'inspect of primitives': () =>
    console.log(
      ['a', "it's", 'a\nb', -0, 1n, Symbol('s'), undefined, null, true, Number.NaN]
        .map((one) => util.inspect(one))
        .join(' '),
    ),
  'inspect of objects': () =>
    console.log(
      new Named(),
      new Child(),
      Object.create(null),
      Object.create({ a: 1 }),
      { 'a-b': 1, [Symbol('k')]: 2, 3: 4 },
      new (class extends Array {})(3),
    ),
  'inspect of functions and classes': () =>
    console.log(
      () => {},
      function named() {},
      async () => {},
      function* g() {},
      Named,
      Child,
      Object.assign(() => {}, { x: 1 }),
      class {},
    ),
  'inspect of collections': () =>
    console.log(
      new Map([[{ a: 1 }, 'b']]),
      new Set(['x', [1]]),
      new WeakMap(),
      new Map().entries(),
      new Set([1]).values(),
      [1, , 3],
      [undefined, null],
    ),
  'inspect of errors': () => {
    const shown = (error) =>
      util
        .inspect(error)
        .split('\n')
        .filter((line) => !/^\s+at /.test(line))
        .join('|');
    console.log(
      shown(new Error('e')),
      shown(new TypeError('t', { cause: 'c' })),
      shown(Object.assign(new Error('x'), { code: 'E' })),
    );
    const bare = new Error('bare');
    bare.stack = undefined;
    console.log(shown(bare));
    const named = new Error('n');
    named.name = 'Other';
    console.log(shown(named));
    console.log(shown(new AggregateError([new Error('inner')], 'many')));
  },
  'inspect of binary data': () =>
    console.log(
      new ArrayBuffer(3),
      new DataView(new ArrayBuffer(2)),
      new Uint8Array([1, 2]),
      new Float64Array(2),
      new BigInt64Array(1),
    ),
  'inspect of dates, expressions, boxed': () =>
    console.log(
      new Date(0),
      new Date(Number.NaN),
      /a/gi,
      new String('s'),
      new Number(-0),
      Object(Symbol('x')),
      Object(1n),
    ),
  'inspect of promises and proxies': () =>
    console.log(
      Promise.resolve(5),
      Promise.reject(new Error('r')).catch(() => {}) instanceof Promise,
      new Proxy({ a: 1 }, {}),
      util.inspect(new Proxy({ a: 1 }, { get() {} }), { showProxy: true }),
    ),
  depth: () => {
    const deep = { a: { b: { c: { d: 1 } } } };
    console.log(
      deep,
      util.inspect(deep, { depth: 0 }),
      util.inspect(deep, { depth: null }),
      util.inspect(deep, false, 1),
    );
  },
  circular: () => {
    const a = { name: 'a', list: [] };
    a.list.push(a);
    a.self = a;
    console.log(a);
  },
  'long arrays and texts': () =>
    console.log(
      Array.from({ length: 120 }, (_, i) => i),
      ['x'.repeat(100)],
      util.inspect('x'.repeat(20), { maxStringLength: 5 }),
      util.inspect([1, 2, 3], { maxArrayLength: 1 }),
    ),
  'line breaks': () =>
    console.log(
      { first: 'a'.repeat(30), second: 'b'.repeat(30), third: ['c'.repeat(20), 'd'.repeat(20)] },
      util.inspect({ a: 1, b: { c: 2 } }, { compact: false }),
      util.inspect({ a: 1, b: { c: 2 } }, { breakLength: 5 }),
    ),
  colors: () =>
    console.log(
      JSON.stringify(
        util.inspect(
          { a: 1, b: 'x', c: [null, undefined, true, Symbol('s'), new Date(0), /r/] },
          { colors: true },
        ),
      ),
    ),
  'getters, sorted, hidden': () =>
    console.log(
      util.inspect({
        get a() {
          return 1;
        },
        set a(_) {},
        set b(_) {},
      }),
      util.inspect(
        {
          get a() {
            return 5;
          },
        },
        { getters: true },
      ),
      util.inspect({ b: 1, a: 2 }, { sorted: true }),
      util.inspect([1], { showHidden: true }),
    ),
  'numeric separators': () =>
    console.log(util.inspect([123456789, -1234.5678, 12345n], { numericSeparator: true })),
  'custom inspection': () =>
    console.log(
      {
        [util.inspect.custom](depth, options) {
          return `<${depth} ${typeof options.stylize}>`;
        },
      },
      [
        {
          [util.inspect.custom]() {
            return { inner: 1 };
          },
        },
      ],
    ),
  toStringTag: () =>
    console.log(
      { [Symbol.toStringTag]: 'Tag' },
      new (class X {
        get [Symbol.toStringTag]() {
          return 'Y';
        }
      })(),
    ),
  format: () => {
    console.log(
      util.format(
        '%s %d %i %f %j %o %O %c %%',
        'a',
        '5',
        5.9,
        '1.5',
        { a: 1 },
        [1],
        { b: { c: {} } },
        'css',
      ),
      util.format('a', 'b', { c: 1 }),
      util.format(1, '%s', 2),
      util.format('%s'),
      util.format('%s %x', 1, 2),
    );
    console.log(
      util.format('%s', null),
      util.format('%s', { a: { b: { c: 1 } } }),
      util.format('%s', () => 1),
      util.format('%d', 5n),
      util.format('%s', -0),
      util.format('%s', Symbol('a')),
      util.format('%i', 'x'),
      util.format('%s', new Named()),
    );
    console.log(util.formatWithOptions({ colors: true }, '%s %O', 1, { a: 1 }));
  },
  promisify: async () => {
    console.log(
      await util.promisify((a, next) => next(null, a + 1))(1),
      await failure(() => util.promisify((next) => next(new Error('x')))()),
      thrown(() => util.promisify(5)),
    );
    const own = Object.assign(() => {}, { [util.promisify.custom]: async () => 'own' });
    console.log(await util.promisify(own)(), util.promisify(own) === own[util.promisify.custom]);
  },
  callbackify: async () => {
    await new Promise((resolve) =>
      util.callbackify(async (a) => a)(5, (error, value) => {
        console.log(error, value);
        resolve();
      }),
    );
    await new Promise((resolve) =>
      util.callbackify(() => Promise.reject(null))((error) => {
        console.log(error.code, error.message, error.reason);
        resolve();
      }),
    );
    console.log(
      thrown(() => util.callbackify(async () => {})()),
      util.callbackify(async function name() {}).name,
    );
  },
  deprecate: async () => {
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const f = util.deprecate((a) => a, 'old thing', 'DEP_X');
    console.log(f(1), f(2));
    const { name, code, message } = await warned;
    console.log(name, code, message);
  },
  inherits: () => {
    function A() {}
    function B() {}
    util.inherits(A, B);
    console.log(
      new A() instanceof B,
      A.super_ === B,
      thrown(() => util.inherits(A, null)),
    );
  },
  isDeepStrictEqual: () =>
    console.log(
      util.isDeepStrictEqual({ a: [1] }, { a: [1] }),
      util.isDeepStrictEqual([1], ['1']),
      util.isDeepStrictEqual(new Set([[1]]), new Set([[1]])),
      util.isDeepStrictEqual(Number.NaN, Number.NaN),
      util.isDeepStrictEqual(0, -0),
    ),
  types: () => {
    const values = {
      promise: Promise.resolve(),
      date: new Date(),
      regexp: /a/,
      map: new Map(),
      weak: new WeakSet(),
      async: async () => {},
      generator: (function* () {})(),
      boxed: Object(1),
      error: new Error('x'),
      args: (function () {
        return arguments;
      })(),
      proxy: new Proxy({}, {}),
      shared: new SharedArrayBuffer(1),
      view: new Uint8Array(),
      symbol: Object(Symbol('s')),
      fake: { [Symbol.toStringTag]: 'Date' },
    };
    for (const [name, value] of Object.entries(values))
      console.log(
        name,
        Object.keys(util.types)
          .filter((key) => {
            try {
              return util.types[key](value);
            } catch {
              return false;
            }
          })
          .join(' '),
      );
  },
  parseArgs: () => {
    console.log(
      util.parseArgs({
        args: ['-a', '--name=x', '--no-color', 'rest', '--', '-b'],
        options: {
          all: { type: 'boolean', short: 'a' },
          name: { type: 'string' },
          color: { type: 'boolean' },
        },
        allowPositionals: true,
        allowNegative: true,
      }),
    );
    console.log(
      util.parseArgs({
        args: ['-vv', '-fx'],
        options: {
          v: { type: 'boolean', short: 'v', multiple: true },
          file: { type: 'string', short: 'f', default: 'd' },
        },
        tokens: true,
      }),
    );
    console.log(
      thrown(() => util.parseArgs({ args: ['--x'] })),
      thrown(() => util.parseArgs({ args: ['--n'], options: { n: { type: 'string' } } })),
      thrown(() => util.parseArgs({ args: ['p'] })),
    );
  },
  'stripVTControlCharacters, toUSVString, styleText': () =>
    console.log(
      util.stripVTControlCharacters('\u001b[31mred\u001b[39m'),
      util.toUSVString('a\ud800'),
      JSON.stringify(util.styleText('red', 'x')),
      thrown(() => util.styleText('nocolor', 'x')),
    ),
  'TextEncoder and TextDecoder': () => {
    const d = new TextDecoder('utf-8', { fatal: true });
    console.log(
      new TextEncoder().encode('aé'),
      new TextEncoder().encodeInto('aé€', new Uint8Array(4)),
      thrown(() => d.decode(new Uint8Array([0xff]))),
      new TextDecoder('utf-16le').decode(new Uint8Array([0x61, 0])),
      new TextDecoder('latin1').encoding,
      new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])),
    );
    const s = new TextDecoder();
    console.log(
      s.decode(new Uint8Array([0xe2, 0x82]), { stream: true }),
      s.decode(new Uint8Array([0xac])),
      thrown(() => new TextDecoder('nope')),
    );
  },
  MIMEType: () => {
    const m = new util.MIMEType('Text/HTML; Charset="utf-8";a=b');
    m.params.set('x', 'y z');
    console.log(
      String(m),
      m.essence,
      m.params.get('charset'),
      thrown(() => new util.MIMEType('x')),
    );
  },
  'aborted and getSystemErrorName': async () => {
    console.log(
      util.getSystemErrorName(-2),
      util.getSystemErrorMap().get(-13),
      thrown(() => util.getSystemErrorName(5)),
    );
    const c = new AbortController();
    setImmediate(() => c.abort());
    await util.aborted(c.signal, {});
    console.log('aborted');
  },
  debuglog: () => {
    const log = util.debuglog('nothing');
    log('unseen');
    console.log(log.enabled);
  },
  'old tests': () =>
    console.log(
      util.isArray([]),
      util.types.isNativeError(new Error('x')),
      util.inspect.defaultOptions.depth,
    ),
});
