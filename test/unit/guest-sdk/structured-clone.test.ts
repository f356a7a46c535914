/** structuredClone and DOMException against Node's. */

import { describe, expect, test } from 'vitest';
import { DOMException } from '../../../guest-sdk/web/dom-exception.ts';
import { structuredClone } from '../../../guest-sdk/web/structured-clone.ts';
import { installFakes, outcomeOf } from './fake-traps.ts';

installFakes();

type Clone = typeof globalThis.structuredClone;
const both = [structuredClone as Clone, globalThis.structuredClone] as const;

describe('structuredClone', () => {
  test('values come out equal and of the same class', () => {
    class Point {
      x = 1;
    }
    const values: unknown[] = [
      1,
      'text',
      null,
      undefined,
      10n,
      -0,
      // biome-ignore lint/suspicious/noSparseArray: a hole must stay a hole.
      [1, , 3],
      Object.assign([1], { extra: 2 }),
      { a: { b: [new Date(5), /x/gi] } },
      new Map([[{ k: 1 }, new Set([1, 'a'])]]),
      new Point(),
      Object.create(
        { inherited: 1 },
        { own: { value: 1, enumerable: true }, hidden: { value: 2 } },
      ),
      new String('boxed'),
      Object(5n),
      new Uint16Array([1, 2, 3]).subarray(1),
      new DataView(new ArrayBuffer(4), 1, 2),
      new ArrayBuffer(2),
      JSON.parse('{"__proto__": 5}'),
    ];
    for (const value of values) {
      const [mine, nodes] = both.map((clone) => clone(value));
      expect(mine).toEqual(nodes);
      expect(Object.getPrototypeOf(Object(mine))).toBe(Object.getPrototypeOf(Object(nodes)));
      if (typeof value === 'object' && value !== null) expect(mine).not.toBe(value);
    }
  });

  test('cycles and shared parts keep their shape', () => {
    const shared = { n: 1 };
    const source: Record<string, unknown> = { a: shared, b: shared, map: new Map() };
    source.self = source;
    (source.map as Map<unknown, unknown>).set(source, shared);
    const copy = (structuredClone as Clone)(source) as typeof source;
    expect([copy.self === copy, copy.a === copy.b, copy.a === shared]).toEqual([true, true, false]);
    expect((copy.map as Map<unknown, unknown>).get(copy)).toBe(copy.a);
  });

  test('errors keep name, message and cause, and lose what a subclass added', () => {
    class Own extends TypeError {
      extra = 1;
    }
    const error = new Own('text', { cause: new RangeError('inner') });
    for (const clone of both) {
      const copy = clone(error);
      expect([copy.name, copy.message, copy instanceof TypeError, 'extra' in copy]).toEqual([
        'TypeError',
        'text',
        true,
        false,
      ]);
      expect((copy as Error).stack).toBe(error.stack);
      expect(String(copy.cause)).toBe('RangeError: inner');
    }
  });

  test('what cannot be cloned raises the DataCloneError of Node', () => {
    const sources: unknown[] = [
      () => 1,
      Symbol('s'),
      { f() {} },
      new WeakMap(),
      Promise.resolve(1),
      new WeakRef({}),
    ];
    for (const source of sources) {
      expect(outcomeOf(() => structuredClone(source))).toEqual(
        outcomeOf(() => globalThis.structuredClone(source)),
      );
    }
    expect(outcomeOf(() => structuredClone())).toEqual(
      outcomeOf(() => (globalThis.structuredClone as () => void)()),
    );
  });

  test('a transferred buffer moves and is detached, views of it follow', () => {
    // The engine has `transfer`, Node 20 has not.
    Object.defineProperty(ArrayBuffer.prototype, 'transfer', {
      value(this: ArrayBuffer) {
        return globalThis.structuredClone(this, { transfer: [this] });
      },
      configurable: true,
    });
    const source = new Uint8Array([1, 2, 3]);
    const copy = (structuredClone as Clone)(
      { view: source.subarray(1) },
      { transfer: [source.buffer] },
    );
    expect([...copy.view]).toEqual([2, 3]);
    expect(copy.view.buffer.byteLength).toBe(3);
    expect(source.buffer.byteLength).toBe(0);
  });
});

test('wrong options are refused with the errors of Node', () => {
  const buffer = new ArrayBuffer(1);
  const wrong: unknown[] = [
    '',
    1,
    { transfer: 1 },
    { transfer: '' },
    { transfer: [1] },
    { transfer: [buffer, buffer] },
    null,
    {},
    { transfer: null },
    () => {},
  ];
  for (const options of wrong) {
    const [mine, nodes] = both.map((clone) => outcomeOf(() => clone(1, options as never)));
    expect(mine).toEqual(nodes);
  }
});

describe('DOMException', () => {
  test('names, codes and constants', () => {
    const act = (Class: typeof globalThis.DOMException) => {
      const errors = [
        new Class(),
        new Class('m', 'AbortError'),
        new Class('m', 'Nope'),
        new Class('m', { name: 'DataCloneError', cause: 5 } as never),
      ];
      return [
        ...errors.map((error) => [
          error.name,
          error.message,
          error.code,
          String(error),
          error instanceof Error,
          'cause' in error,
          Object.prototype.toString.call(error),
        ]),
        Object.keys(Class).sort(),
        Class.DATA_CLONE_ERR,
        outcomeOf(() => new Class(Symbol('x') as never)),
      ];
    };
    expect(act(DOMException as never)).toEqual(act(globalThis.DOMException));
  });

  test('the first line of the stack has the name', () => {
    expect(new DOMException('m', 'AbortError').stack?.split('\n')[0]).toBe('AbortError: m');
  });
});
