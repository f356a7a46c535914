'use strict';
/**
 * Recursion in every shape the engine knows, each far beyond any stack. All of them must end in an
 * error the guest can catch, at the same depth everywhere, with the machine still working.
 */

const deep = (unit, times, end = '', close = '') => unit.repeat(times) + end + close.repeat(times);

const SHAPES = {
  plain: () =>
    (function f(n) {
      return f(n + 1) + 1;
    })(0),
  manyArguments: () =>
    (function f(a, b, c, d, e, g, h, i) {
      return f(a + 1, b, c, d, e, g, h, i) + 1;
    })(0),
  arrayMap: () =>
    (function f(n) {
      return [n].map((x) => f(x + 1))[0];
    })(0),
  sortComparator: () =>
    (function f() {
      return [2, 1].sort(() => f());
    })(),
  getter: () =>
    ({
      get x() {
        return this.x;
      },
    }).x,
  toStringLoop: () => {
    const o = {
      toString() {
        return `${o}`;
      },
    };
    return `${o}`;
  },
  valueOfLoop: () => {
    const o = {
      valueOf() {
        return +o;
      },
    };
    return +o;
  },
  proxyGet: () =>
    new Proxy(
      {},
      {
        get(target, key, receiver) {
          return receiver[key];
        },
      },
    ).x,
  constructorLoop: () => {
    class A {
      constructor() {
        new A();
      }
    }
    return new A();
  },
  boundChain: () => {
    let f = () => 1;
    for (let i = 0; i < 200_000; i++) f = f.bind(null);
    return f();
  },
  jsonParseArray: () => JSON.parse(deep('[', 300_000, '', ']')),
  jsonParseObject: () => JSON.parse(deep('{"a":', 200_000, '1', '}')),
  jsonStringify: () => {
    let o = {};
    for (let i = 0; i < 20_000; i++) o = { o };
    return JSON.stringify(o);
  },
  parserParentheses: () => (0, eval)(deep('(', 200_000, '1', ')')),
  parserArrays: () => (0, eval)('['.repeat(200_000)),
  parserFunctions: () => (0, eval)(deep('function f(){', 20_000, '', '}')),
  parserUnary: () => (0, eval)(`${'!'.repeat(300_000)}1`),
  parserTemplates: () => (0, eval)(deep('`${', 100_000, '1', '}`')),
  parserConditional: () => (0, eval)(deep('1?', 100_000, '1', ':1')),
  parserBlocks: () => (0, eval)(deep('{', 200_000, '', '}')),
  regexGroups: () => new RegExp(deep('(', 30_000, '', ')')),
  regexLookahead: () => new RegExp(deep('(?=', 12_000, '', ')')),
  flatten: () => {
    let a = [];
    for (let i = 0; i < 200_000; i++) a = [a];
    return a.flat(Infinity).length;
  },
  arrayToString: () => {
    let a = [];
    for (let i = 0; i < 200_000; i++) a = [a];
    return String(a);
  },
  generators: () => [
    ...(function* g() {
      yield* g();
    })(),
  ],
  spreadIterator: () => {
    const it = {
      [Symbol.iterator]() {
        return [...it];
      },
    };
    return [...it];
  },
  replaceCallback: () =>
    (function f() {
      return 'a'.replace(/a/, f);
    })(),
  defaultArgument: () =>
    (function f(a = f()) {
      return a;
    })(),
  evalRecursion: () => {
    globalThis.again = () => (0, eval)('again()');
    return globalThis.again();
  },
  instanceOf: () => {
    class A {
      static [Symbol.hasInstance](x) {
        return x instanceof A;
      }
    }
    return 1 instanceof A;
  },
  spreadArguments: () => Math.max(...new Array(500_000).fill(1)),
};

for (const [name, run] of Object.entries(SHAPES)) {
  let ended;
  try {
    run();
    ended = 'finished';
  } catch (error) {
    // Out of memory while making the error itself: there is nothing to make it of.
    ended = error === null ? 'no memory for an error' : error.name;
  }
  const works =
    (function f(n) {
      return n === 0 ? 0 : 1 + f(n - 1);
    })(100) === 100;
  console.log(`${name}: ${ended}${works ? '' : ', and the machine is broken'}`);
}
