/** The guest's util against Node's. */

import nodeUtil from 'node:util';
import { describe, expect, test } from 'vitest';
import { exported as guestUtil } from '../../../guest-sdk/node/util.ts';
import { installFakes, outcomeOf, seen } from './fake-traps.ts';
import { cycle, zoo } from './zoo.ts';

installFakes();

type Util = typeof nodeUtil;
const guest = guestUtil as unknown as Util;

function same(act: (util: Util) => unknown): void {
  // One call site for both: stacks are part of what is compared.
  const [mine, nodes] = [guest, nodeUtil].map((util) => outcomeOf(() => act(util)));
  expect(mine).toEqual(nodes);
}

describe('inspect and format', () => {
  for (const [name, options] of [
    ['plain', {}],
    ['deep', { depth: null }],
    ['coloured', { colors: true }],
    ['narrow', { breakLength: 20 }],
    ['compact', { compact: false, sorted: true }],
    ['short', { maxArrayLength: 1, maxStringLength: 5 }],
  ] as const) {
    test(`the zoo looks the same, ${name}`, () => {
      // The package cannot look into weak collections or iterators; everything else it shows.
      for (const value of zoo) same((util) => util.inspect(value, options));
      same((util) => util.inspect({ list: zoo.slice(0, 20) }, options));
    });
  }

  test('symbol keys are in brackets, symbol values are not', () => {
    for (const value of [
      { [Symbol('key')]: Symbol('value') },
      new Map([[Symbol('a'), Symbol('b')]]),
      [Symbol('c'), 'Symbol(c)'],
    ]) {
      same((util) => util.inspect(value));
    }
  });

  test('errors show their stack, code, cause and properties', () => {
    const error = Object.assign(new TypeError('text', { cause: new Error('inner') }), {
      code: 'E_X',
    });
    same((util) => util.inspect(error));
    same((util) => util.inspect({ nested: error }));
    same((util) => util.inspect(new AggregateError([new Error('one')], 'many')));
    same((util) => util.inspect(Object.assign(new Error('no stack'), { stack: undefined })));
  });

  test('an error with an engine-made stack is shown in the form of V8', () => {
    const error = new RangeError('from the engine');
    Object.defineProperty(error, 'stack', {
      value: '    at run (hv:image:1:2)\n',
      configurable: true,
      writable: true,
    });
    expect(guest.inspect(error)).toBe('RangeError: from the engine\n    at run (hv:image:1:2)');
    expect(guest.inspect({ error })).toContain('RangeError: from the engine');
  });

  test('custom inspection gets depth, options and inspect', () => {
    const value = {
      [nodeUtil.inspect.custom](
        depth: number,
        options: { stylize(text: string, style: string): string },
        inspect: unknown,
      ) {
        return `${depth} ${options.stylize('text', 'string')} ${typeof inspect}`;
      },
    };
    same((util) => util.inspect({ value }));
    same((util) => util.inspect(value, { customInspect: false }));
    expect(guest.inspect.custom).toBe(nodeUtil.inspect.custom);
  });

  test('format follows every directive', () => {
    const cases: unknown[][] = [
      [],
      ['plain'],
      ['%%'],
      ['%s', 'a'],
      ['%s', { a: 1 }],
      ['%s %s', 1n],
      ['%d', '5.5'],
      ['%i', 5.9],
      ['%f', 'x'],
      ['%j', { a: 1 }],
      ['%j', cycle],
      ['%o', [1]],
      ['%O', { a: { b: {} } }],
      ['%c styled', 'css'],
      ['%x', 1],
      ['a', 'b', { c: 1 }],
      [1, 2, '3'],
      ['100%', 1],
      [Symbol('a'), 'b'],
      ['%s', Symbol('a')],
      ['%s', -0],
      ['%s', () => 1],
      ['%s', null, undefined],
      ['%d', Symbol('a')],
      ['%s', new Error('text').message],
    ];
    for (const args of cases) same((util) => util.format(...args));
    same((util) => util.formatWithOptions({ colors: true }, '%O', { a: 1 }));
  });
});

describe('types', () => {
  test('every test answers as in Node for every value of the zoo', () => {
    const skipped = new Set(['isExternal', 'isProxy', 'isKeyObject', 'isCryptoKey']);
    const names = Object.keys(nodeUtil.types).filter((name) => !skipped.has(name));
    const more = [
      ...zoo,
      new Map().keys(),
      new Set().values(),
      Promise.resolve(),
      new Error('x'),
      new SharedArrayBuffer(1),
      Object.create(Date.prototype),
      { [Symbol.toStringTag]: 'Date' },
      Map.prototype,
      Object.create(Error.prototype),
    ];
    for (const name of names) {
      for (const value of more) {
        const ask = (util: Util) =>
          (util.types as never as Record<string, (value: unknown) => boolean>)[name]?.(value);
        expect([name, guest.inspect(value), ask(guest)]).toEqual([
          name,
          guest.inspect(value),
          ask(nodeUtil),
        ]);
      }
    }
  });

  test('names of util and util.types are those of Node', () => {
    const missing = Object.keys(nodeUtil).filter((name) => !(name in guest));
    expect(missing).toEqual(['_exceptionWithHostPort']);
    expect(Object.keys(nodeUtil.types).filter((name) => !(name in guest.types))).toEqual([]);
  });
});

describe('promises', () => {
  type Callback = (error: unknown, value?: unknown, more?: unknown) => void;

  test('promisify resolves, rejects, keeps this and custom forms', async () => {
    const act = async (util: Util) => {
      const target = {
        value: 5,
        read(this: { value: number }, add: number, done: Callback) {
          done(null, this.value + add, 'ignored');
        },
      };
      const read = util.promisify(target.read as never) as unknown as (
        add: number,
      ) => Promise<number>;
      const fails = util.promisify((done: Callback) =>
        done(new Error('bad')),
      ) as unknown as () => Promise<void>;
      const custom = Object.assign(() => {}, {
        [util.promisify.custom]: () => Promise.resolve('custom'),
      });
      return [
        await read.call(target as never, 2),
        await fails().catch(String),
        await (util.promisify(custom as never) as () => Promise<unknown>)(),
        util.promisify(custom as never) ===
          (custom as never as Record<symbol, unknown>)[util.promisify.custom],
        (read as unknown as { name: string }).name,
        outcomeOf(() => util.promisify(5 as never)),
      ];
    };
    expect(await act(guest)).toEqual(await act(nodeUtil));
  });

  test('callbackify hands over values, errors and falsy reasons', async () => {
    const act = (util: Util, start: () => Promise<unknown>) =>
      new Promise((resolve) => {
        util.callbackify(start)((error, value) =>
          resolve([String(error), (error as { reason?: unknown } | null)?.reason, value]),
        );
      });
    for (const start of [
      async () => 5,
      async () => {
        throw new Error('bad');
      },
      () => Promise.reject(null),
    ]) {
      expect(await act(guest, start)).toEqual(await act(nodeUtil, start));
    }
    same((util) => util.callbackify(async function two(_a: unknown, _b: unknown) {}).name);
    same((util) => util.callbackify(async (_a: unknown, _b: unknown) => {}).length);
    same((util) => util.callbackify(async () => {})(5 as never));
  });
});

describe('small helpers', () => {
  test('inherits, toUSVString, styleText, errno names, legacy tests', () => {
    same((util) => {
      function Child() {}
      function Parent() {}
      util.inherits(Child as never, Parent as never);
      return [
        (Child as never as { super_: unknown }).super_ === Parent,
        new (Child as never as new () => object)() instanceof (Parent as never),
      ];
    });
    same((util) => util.inherits(5 as never, Object as never));
    same((util) => util.inherits((() => {}) as never, (() => {}) as never));
    same((util) => util.toUSVString('a\ud800b'));
    same((util) => util.styleText('red', 'text', { validateStream: false } as never));
    same((util) =>
      util.styleText(['bold', 'underline'] as never, 'text', { validateStream: false } as never),
    );
    same((util) => util.styleText('red', 'text'));
    same((util) => util.styleText('nope' as never, 'text'));
    same((util) => util.stripVTControlCharacters('\u001b[31mred\u001b[39m'));
    for (const errno of [-2, -13, -9999, 2, 'x'])
      same((util) => util.getSystemErrorName(errno as never));
    same((util) => [...util.getSystemErrorMap()].sort());
    same((util) =>
      (util as never as { _extend(a: object, b: unknown): object })._extend({ a: 1 }, { b: 2 }),
    );
    for (const value of zoo) {
      for (const name of [
        'isArray',
        'isObject',
        'isDate',
        'isRegExp',
        'isError',
        'isFunction',
        'isPrimitive',
        'isString',
        'isNullOrUndefined',
      ] as const) {
        same((util) =>
          (util as never as Record<string, (value: unknown) => boolean>)[name]?.(value),
        );
      }
    }
  });

  test('deprecate warns at the first call only, and once per code', () => {
    seen.warnings.length = 0;
    const first = guest.deprecate((value: number) => value + 1, 'old', 'DEP_TEST');
    const second = guest.deprecate(() => 0, 'old too', 'DEP_TEST');
    expect([first(1), first(2), second()]).toEqual([2, 3, 0]);
    expect(seen.warnings).toEqual(['old']);
  });

  test('debuglog is silent unless NODE_DEBUG names the section', () => {
    seen.errors.length = 0;
    guest.debuglog('quiet')('nothing');
    process.env.NODE_DEBUG = 'lou*,other';
    guest.debuglog('loud')('value %d', 5);
    delete process.env.NODE_DEBUG;
    expect(seen.errors).toEqual([`LOUD ${process.pid}: value 5\n`]);
  });
});
