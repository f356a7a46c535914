/** The guest's assert against Node's: what passes, what fails, and in which words. */

import nodeAssert from 'node:assert';
import { describe, expect, test } from 'vitest';
import { exported as guestAssert } from '../../../guest-sdk/node/assert.ts';
import { installFakes, plain } from './fake-traps.ts';

installFakes();

type Assert = typeof nodeAssert;
const guest = guestAssert as unknown as Assert;
const boom =
  (message = 'foo') =>
  () => {
    throw new Error(message);
  };

function describeFailure(error: unknown): unknown {
  const { name, code, message, operator, generatedMessage, actual, expected } =
    error as nodeAssert.AssertionError;
  return {
    name,
    code,
    message: typeof message === 'string' ? words(message) : message,
    operator,
    generatedMessage,
    actual: plain(actual),
    expected: plain(expected),
  };
}

/**
 * The words around a difference, which this Node shows as Node 20 does and a guest as Node 24: not in
 * the same lines, and with what caused an error.
 */
function words(message: string): string {
  const isDiff = /\n\+ actual - expected|\n\n.* !== .*\n$|same structure but|^own words\n/.test(
    message,
  );
  return isDiff ? 'a difference' : message.replace(/^ {2}\[cause\].*\n/gm, '');
}

function outcome(act: (assert: Assert) => unknown, assert: Assert): unknown {
  try {
    return { returned: act(assert) };
  } catch (error) {
    return describeFailure(error);
  }
}

function same(act: (assert: Assert) => unknown): void {
  expect(outcome(act, guest)).toEqual(outcome(act, nodeAssert));
}

/** The whole text of a failure. */
function failureOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no failure';
}

const long = (last: number) => [...Array.from({ length: 70 }, (_, index) => index), last];

describe('comparisons', () => {
  const pairs: readonly [unknown, unknown][] = [
    [1, 2],
    [1, '1'],
    ['a', 'b'],
    ['same text here a', 'same text here b'],
    ['a'.repeat(600), 'b'],
    ['a\nb\nc', 'a\nb\nd'],
    ['a long line\n'.repeat(12), `${'a long line\n'.repeat(12)}x`],
    [new TypeError('one'), new TypeError('two')],
    [Object.assign(new Error('x', { cause: new Error('c') }), { a: 1 }), new Error('x')],
    [Object(1), Object(2)],
    [0, -0],
    [Number.NaN, Number.NaN],
    [undefined, null],
    [{ a: 1 }, { a: 2 }],
    [
      { a: 1, b: 2 },
      { b: 2, a: 2 },
    ],
    [{ a: 1 }, { a: 1 }],
    [
      [1, 2, 3],
      [1, 2, 3, 4],
    ],
    [
      [1, 2, [3]],
      [1, 2, 3],
    ],
    [
      { a: { b: { c: 1 } }, d: [1, 2, 3] },
      { a: { b: { c: 2 } }, d: [1, 2, 4], e: 1 },
    ],
    [long(1), long(2)],
    [long(1), [...long(1)].reverse()],
    [[0, ...long(1)], long(1)],
    [
      Array.from({ length: 20 }, (_, i) => i),
      Array.from({ length: 20 }, (_, i) => (i % 7 ? i : -i)),
    ],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    [new Set([1]), new Set([2])],
    [new Date(0), new Date(1)],
    [() => {}, () => {}],
    [Object.create(null), {}],
    [{}, []],
    [Symbol.iterator, 1],
    [1n, 2n],
    [[-0], [0]],
    [/a/g, /a/i],
  ];
  const methods = [
    'equal',
    'notEqual',
    'strictEqual',
    'notStrictEqual',
    'deepEqual',
    'notDeepEqual',
    'deepStrictEqual',
    'notDeepStrictEqual',
  ] as const;

  for (const method of methods) {
    test(`${method} on every pair, with and without a message`, () => {
      for (const [a, b] of pairs) {
        same((assert) => assert[method](a, b));
        same((assert) => assert[method](b, a));
        same((assert) => assert[method](a, a));
        same((assert) => assert[method](a, b, 'own words'));
        same((assert) => assert[method](a, b, new RangeError('own error')));
      }
      same((assert) => (assert as never as Record<string, (value: number) => void>)[method]?.(1));
    });
  }

  test('a failure shows the shortest difference, and what is the same around it', () => {
    const shown = (act: (assert: Assert) => unknown): string => failureOf(() => act(guest));
    expect(shown((assert) => assert.deepStrictEqual([1, 2, 3, 4], [1, 3, 5, 4]))).toBe(
      'Expected values to be strictly deep-equal:\n+ actual - expected\n\n  [\n    1,\n+   2,\n    3,\n-   5,\n    4\n  ]\n',
    );
    expect(shown((assert) => assert.deepStrictEqual(long(1), long(2)))).toBe(
      'Expected values to be strictly deep-equal:\n+ actual - expected\n... Skipped lines\n\n  [\n    0,\n    1,\n    2,\n    3,\n...\n    69,\n+   1\n-   2\n  ]\n',
    );
    expect(shown((assert) => assert.strictEqual('a longer text', 'a longer word', 'mine'))).toBe(
      "mine\n+ actual - expected\n\n+ 'a longer text'\n- 'a longer word'\n            ^\n",
    );
    expect(shown((assert) => assert.strictEqual([], []))).toBe(
      'Values have same structure but are not reference-equal:\n\n[]\n',
    );
    const cause = new TypeError('why');
    expect(
      shown((assert) => assert.deepStrictEqual(new Error('x', { cause }), new Error('x'))),
    ).toContain('+   [cause]: [TypeError: why]');
  });

  test('an Assert of its own has its settings', () => {
    const { Assert } = guest as unknown as {
      Assert: new (options?: object) => Assert;
    };
    const numbers = Array.from({ length: 60 }, (_, index) => index);
    const full = new Assert({ diff: 'full', strict: false });
    const length = (assert: Assert): number => {
      const text = failureOf(() => assert.notDeepStrictEqual(numbers, numbers));
      return text.split('\n').length;
    };
    expect([length(full), length(new Assert())]).toEqual([65, 50]);
    full.equal(1, '1');
    expect(() => new Assert().equal(1, '1')).toThrow('strictly equal');
    class Other {
      a = 1;
    }
    const alike: { deepStrictEqual(one: unknown, other: unknown): void } = new Assert({
      skipPrototype: true,
    });
    alike.deepStrictEqual({ a: 1 }, new Other());
    expect(() => new Assert().deepStrictEqual({ a: 1 }, new Other())).toThrow('deep-equal');
    expect(() => new Assert({ diff: 'half' })).toThrow("must be one of: 'simple', 'full'");
    expect(() => (Assert as unknown as () => void)()).toThrow('without `new`');
  });

  test('the strict module is strict throughout', () => {
    same((assert) => assert.strict.equal(1, '1'));
    same((assert) => assert.strict.deepEqual([1], ['1']));
    same((assert) => assert.strict.notEqual(1, '1'));
    expect(guest.strict.strict).toBe(guest.strict);
  });
});

describe('truth and failure', () => {
  test('ok with a message, with an error, with nothing', () => {
    same((assert) => assert.ok(1));
    same((assert) => assert(true));
    same((assert) => assert.ok(0, 'own words'));
    same((assert) => assert(false, new TypeError('own error')));
    same((assert) => (assert as never as { ok(): void }).ok());
    expect(outcome((assert) => assert.ok(0), guest)).toMatchObject({
      message: '0 == true',
      generatedMessage: true,
    });
  });

  test('fail in all its forms', () => {
    same((assert) => assert.fail());
    same((assert) => assert.fail('words'));
    same((assert) => assert.fail(new TypeError('own')));
    same((assert) => (assert.fail as (...args: unknown[]) => void)(1, 2));
    same((assert) => (assert.fail as (...args: unknown[]) => void)(1, 2, 'words'));
    same((assert) => (assert.fail as (...args: unknown[]) => void)(1, 2, undefined, '>'));
  });

  test('ifError, match, doesNotMatch', () => {
    for (const value of [
      null,
      undefined,
      0,
      'text',
      new Error('z'),
      { message: '' },
      { message: 5 },
    ]) {
      same((assert) => assert.ifError(value));
    }
    for (const [value, pattern] of [
      ['a', /a/],
      ['a', /b/],
      [1, /b/],
      ['a', 'a'],
    ]) {
      same((assert) => assert.match(value as never, pattern as never));
      same((assert) => assert.doesNotMatch(value as never, pattern as never));
      same((assert) => assert.match(value as never, pattern as never, 'own words'));
    }
  });

  test('AssertionError can be made by hand', () => {
    for (const options of [
      { message: 'x' },
      { actual: 1, expected: 2, operator: 'foo' },
      { actual: 1, expected: 2, operator: 'strictEqual' },
      undefined,
    ]) {
      same((assert) => {
        throw new assert.AssertionError(options as never);
      });
    }
    const error = new guest.AssertionError({ message: 'x' });
    expect(error instanceof Error).toBe(true);
    expect(String(error)).toBe(String(new nodeAssert.AssertionError({ message: 'x' })));
  });
});

describe('thrown errors', () => {
  class Special extends Error {}
  const expectations: unknown[] = [
    undefined,
    Error,
    TypeError,
    /foo/,
    /bar/,
    { message: 'foo' },
    { message: 'bar' },
    { message: /bar/, name: 'Error' },
    { message: /fo+/, name: 'Error' },
    { missing: 1 },
    {},
    new Error('foo'),
    new Error('bar'),
    () => true,
    () => false,
    function check(error: Error) {
      return error.message === 'bar';
    },
    'words',
    'foo',
    5,
    null,
  ];

  test('throws and doesNotThrow for every expectation', () => {
    for (const expected of expectations) {
      for (const block of [
        boom(),
        () => {},
        () => {
          throw new Special('foo');
        },
      ]) {
        for (const message of [[], ['own words']]) {
          same((assert) =>
            (assert.throws as (...args: unknown[]) => void)(block, expected, ...message),
          );
          same((assert) =>
            (assert.doesNotThrow as (...args: unknown[]) => void)(block, expected, ...message),
          );
        }
      }
    }
    same((assert) => assert.throws(boom()));
    same((assert) => assert.throws(() => {}));
    same((assert) => assert.throws('x' as never));
    same((assert) =>
      assert.throws(
        () => {
          throw 'text';
        },
        { message: /bar/ },
      ),
    );
    same((assert) =>
      assert.throws(() => {
        throw 5;
      }, /6/),
    );
    same((assert) =>
      assert.doesNotThrow(() => {
        throw 5;
      }),
    );
    same((assert) =>
      assert.throws(boom(), () => {
        throw new RangeError('inside');
      }),
    );
  });

  test('rejects and doesNotReject', async () => {
    const settle = async (assert: Assert, method: 'rejects' | 'doesNotReject', args: unknown[]) => {
      try {
        return {
          returned: await (assert[method] as (...args: unknown[]) => Promise<void>)(...args),
        };
      } catch (error) {
        return describeFailure(error);
      }
    };
    const sources: (() => unknown)[] = [
      () => Promise.reject(new Error('foo')),
      () => Promise.resolve(1),
      () => async () => boom()(),
      () => async () => {},
      () => () => 5,
      () => boom('sync'),
      () => 5,
      () => undefined,
    ];
    for (const method of ['rejects', 'doesNotReject'] as const) {
      for (const source of sources) {
        for (const rest of [[], [/foo/], [/bar/], [TypeError], ['words'], [{ message: 'foo' }]]) {
          expect(await settle(guest, method, [source(), ...rest])).toEqual(
            await settle(nodeAssert, method, [source(), ...rest]),
          );
        }
      }
    }
  });
});

test('names are those of Node', () => {
  expect(Object.keys(nodeAssert).filter((name) => !(name in guest))).toEqual([]);
});
