/** Reading and writing numbers in the guest's Buffer against Node's. */

import { describe, expect, test } from 'vitest';
import { Buffer as GuestBuffer } from '../../../guest-sdk/node/buffer.ts';
import { installFakes, outcomeOf } from './fake-traps.ts';

installFakes();

type AnyBuffer = typeof Buffer;
const guestClass = GuestBuffer as unknown as AnyBuffer;

/** Runs `act` with both classes and compares. */
function same(act: (B: AnyBuffer) => unknown): void {
  const mine = outcomeOf(() => act(guestClass));
  const nodes = outcomeOf(() => act(Buffer));
  expect(mine).toEqual(nodes);
}

describe('buffer: numbers', () => {
  const names = Object.keys(Buffer.prototype);
  const methodsOf = (value: unknown) => value as Record<string, (...args: unknown[]) => unknown>;
  const offsets = [undefined, 0, 1, 8, -1, 1.5, '1', null, Number.NaN, 100];

  test('every read method at every offset', () => {
    const bytes = [0xff, 0x80, 0x01, 0x7f, 0xfe, 0x00, 0x99, 0xf0, 0x3f, 0xc0];
    for (const name of names.filter((one) => one.startsWith('read'))) {
      for (const offset of offsets) {
        for (const length of /U?[Ii]nt[LB]E$/.test(name)
          ? [1, 3, 5, 6, 0, 7, undefined, 'x', 1.5]
          : [undefined]) {
          same((B) => methodsOf(B.from(bytes))[name]?.(offset, length));
        }
      }
    }
    same((B) => B.alloc(2).readInt32LE(0));
    same((B) => B.alloc(0).readUInt8());
  });

  test('every write method with values in and out of range', () => {
    const numbers = [
      0,
      1,
      -1,
      127,
      128,
      255,
      256,
      -128,
      -129,
      65535,
      65536,
      -32769,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      -(2 ** 31) - 1,
      2 ** 40 - 7,
      -(2 ** 39),
      2 ** 47,
      2 ** 48 - 1,
      2 ** 48,
      1.9,
      -1.9,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '12',
      'x',
      undefined,
    ];
    const bigs = [
      0n,
      1n,
      -1n,
      2n ** 63n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      2n ** 64n - 1n,
      2n ** 64n,
      -(2n ** 63n) - 1n,
    ];
    for (const name of names.filter((one) => one.startsWith('write'))) {
      const isBig = name.includes('Big');
      for (const value of isBig ? bigs : numbers) {
        for (const length of /U?[Ii]nt[LB]E$/.test(name) ? [1, 2, 3, 4, 5, 6, 7] : [undefined]) {
          same((B) => {
            const target = B.alloc(9, 0x55);
            return [methodsOf(target)[name]?.(value, 1, length), target];
          });
        }
      }
      for (const offset of offsets) {
        same((B) => methodsOf(B.alloc(9))[name]?.(isBig ? 1n : 1, offset, 4));
      }
    }
  });
});
