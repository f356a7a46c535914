/** Deep equality, strict and loose, against Node's, on all pairs of two zoos. */

import assert from 'node:assert';
import nodeUtil from 'node:util';
import { describe, expect, test } from 'vitest';
import { isDeepEqual } from '../../../guest-sdk/node/deep-equal.ts';
import { installFakes } from './fake-traps.ts';
import { cycle, zoo } from './zoo.ts';

installFakes();

describe('deep equality', () => {
  const make = (): unknown[] => [
    ...zoo,
    [[1], [2]],
    [[1], [3]],
    { a: 1, b: undefined },
    { a: 1 },
    { a: '1' },
    [1, undefined, 3],
    new Map([[{ k: 1 }, 1]]),
    new Map([[{ k: 2 }, 1]]),
    new Map<unknown, unknown>([
      [1, 'a'],
      ['1', 'b'],
    ]),
    new Map<unknown, unknown>([
      ['1', 'a'],
      [1, 'b'],
    ]),
    new Set([{ a: 1 }, { a: 2 }]),
    new Set([{ a: 2 }, { a: 1 }]),
    new Set([1, '2']),
    new Set(['1', 2]),
    new Set([[], {}]),
    new Error('x'),
    new Error('y'),
    new TypeError('x'),
    Object.assign(new Error('x'), { code: 1 }),
    new Date(1),
    new Date(Number.NaN),
    Number.NaN,
    0,
    '1',
    Object(1),
    Object('1'),
    new Float32Array([0]),
    new Float32Array([-0]),
    new Uint8Array([1, 3]),
    Buffer.from([1, 2]),
    Object.assign([1, 2], { extra: 1 }),
    [1, 2],
    { 0: 1, 1: 2, length: 2 },
    { [Symbol.for('s')]: 1 },
    { [Symbol.for('s')]: 2 },
    Object.assign(/x/gi, { lastIndex: 1 }),
  ];

  test('all pairs of two zoos compare as in Node, strictly', () => {
    const [left, right] = [make(), make()];
    for (const a of left) {
      for (const b of right) {
        const nodes = nodeUtil.isDeepStrictEqual(a, b);
        if (isDeepEqual(a, b, { strict: true }) === nodes) continue;
        expect([nodeUtil.inspect(a), nodeUtil.inspect(b), !nodes]).toEqual([
          nodeUtil.inspect(a),
          nodeUtil.inspect(b),
          nodes,
        ]);
      }
    }
  });

  test('all pairs of two zoos compare as in Node, loosely', () => {
    const [left, right] = [make(), make()];
    for (const a of left) {
      for (const b of right) {
        let nodes = true;
        try {
          assert.deepEqual(a, b, 'x');
        } catch {
          nodes = false;
        }
        if (isDeepEqual(a, b, { strict: false }) === nodes) continue;
        expect([nodeUtil.inspect(a), nodeUtil.inspect(b), !nodes]).toEqual([
          nodeUtil.inspect(a),
          nodeUtil.inspect(b),
          nodes,
        ]);
      }
    }
  });

  test('cycles are equal when they are of one length, as in Node 24', () => {
    const ring = (length: number) => {
      const nodes = Array.from({ length }, () => ({}) as { next?: object });
      nodes.forEach((node, index) => {
        node.next = nodes[(index + 1) % length] as object;
      });
      return nodes[0];
    };
    const strictly = (a: unknown, b: unknown) => isDeepEqual(a, b, { strict: true });
    expect(strictly(ring(2), ring(2))).toBe(true);
    expect(strictly(ring(2), ring(3))).toBe(false);
    expect(strictly(cycle, { name: 'cycle', self: { name: 'cycle', self: cycle } })).toBe(false);
  });

  test('what has no parts to compare is equal to itself alone', () => {
    const strictly = (a: unknown, b: unknown) => isDeepEqual(a, b, { strict: true });
    const map = new WeakMap();
    expect(strictly(map, map)).toBe(true);
    expect(strictly(new WeakMap(), new WeakMap())).toBe(false);
    expect(strictly(new WeakSet(), new WeakSet())).toBe(false);
    expect(strictly(new URL('http://a/'), new URL('http://a/'))).toBe(true);
    expect(strictly(new URL('http://a/'), new URL('http://b/'))).toBe(false);
    const date = Object.defineProperty(new Date(5), 'getTime', { value: () => 6 });
    expect(strictly(date, new Date(5))).toBe(true);
  });
});
