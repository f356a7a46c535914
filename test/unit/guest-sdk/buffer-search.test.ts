/** Searching and comparing bytes in the guest's Buffer against Node's. */

import fc from 'fast-check';
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

const encodings = [
  'utf8',
  'UTF-8',
  'hex',
  'base64',
  'base64url',
  'latin1',
  'binary',
  'ascii',
  'ucs2',
  'utf16le',
  'UCS-2',
] as unknown as readonly BufferEncoding[];
describe('buffer: searching and comparing', () => {
  const hay = 'abcabcdéabc\u0000aXbX';
  const needles: unknown[] = [
    'abc',
    'é',
    '',
    'X',
    'zz',
    97,
    255 + 98,
    -159,
    new Uint8Array([98, 99]),
    new Uint8Array(0),
    {},
    null,
    'abcabcdéabc\u0000aXbXY',
  ];
  const offsets: unknown[] = [
    undefined,
    0,
    3,
    -3,
    -100,
    100,
    17,
    18,
    Number.NaN,
    '5',
    null,
    {},
    [],
    2.9,
    Number.POSITIVE_INFINITY,
  ];

  test('indexOf, lastIndexOf and includes agree for every needle and offset', () => {
    for (const needle of needles) {
      for (const offset of offsets) {
        same((B) => B.from(hay).indexOf(needle as never, offset as never));
        same((B) => B.from(hay).lastIndexOf(needle as never, offset as never));
        same((B) => B.from(hay).includes(needle as never, offset as never));
      }
    }
  });

  test('encodings of the needle matter, two-byte ones at even places only', () => {
    const wide = '\u6161ab\u0061\u6100aa';
    for (const encoding of [...encodings, 'nope']) {
      for (const needle of ['a', 'aa', 'ab', '\u6100', 'YQ==']) {
        same((B) => B.from(wide, 'utf16le').indexOf(needle, 0, encoding as never));
        same((B) => B.from(wide, 'utf16le').lastIndexOf(needle, undefined, encoding as never));
        same((B) => B.from(wide, 'utf16le').indexOf(needle, 3, encoding as never));
        same((B) => B.from(wide, 'utf16le').indexOf(needle, encoding as never));
      }
    }
  });

  test('a two-byte search from an odd place too near the end finds nothing', () => {
    for (const at of [-1, 1, 0, -2, -3]) {
      same((B) => B.from([3, 2]).indexOf(B.from([3, 2]), at, 'ucs2'));
      same((B) => B.from([3, 2, 3, 2]).indexOf(B.from([3, 2]), at, 'ucs2'));
    }
  });

  test('random haystacks', () => {
    const bytes = fc.uint8Array({ maxLength: 40, max: 3 });
    fc.assert(
      fc.property(
        bytes,
        fc.uint8Array({ maxLength: 4, max: 3 }),
        fc.integer({ min: -45, max: 45 }),
        (a, b, at) => {
          // With less than the needle left behind a negative offset Node compares what lies behind the
          // haystack in its pool, and may find it: `Buffer.from([2, 3]).indexOf(Buffer.from([2, 3]), -1)`.
          const beyond = at < 0 && a.length + at >= 0 && at + b.length > 0;
          if (!beyond) same((B) => B.from(a).indexOf(B.from(b), at));
          same((B) => B.from(a).lastIndexOf(B.from(b), at));
          // Node answers nonsense for a two-byte search in an odd number of bytes.
          const even = a.subarray(0, a.length & ~1);
          same((B) => B.from(even).indexOf(B.from(b), at, 'ucs2'));
          same((B) => B.from(even).lastIndexOf(B.from(b), at, 'ucs2'));
          same((B) => [B.compare(B.from(a), B.from(b)), B.from(a).equals(B.from(b))]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('compare takes ranges, and long runs compare as bytes', () => {
    const long = new Uint8Array(100).fill(200);
    const other = long.slice();
    other[99] = 199;
    same((B) => [
      B.compare(long, other),
      B.compare(other, long),
      B.compare(long, long.slice(0, 60)),
    ]);
    for (const range of [
      [0, 2],
      [1, 9],
      [-1, 1],
      [2, 1],
      [0, 2, 1, 3],
      [0, 1, 3, 2],
      [0, 1, 0, 99],
      ['a'],
    ]) {
      same((B) => B.from('abcd').compare(B.from('abcd'), ...(range as [number])));
    }
    same((B) => B.compare(1 as never, B.alloc(1)));
    same((B) => B.from('a').compare('a' as never));
    same((B) => B.from('a').equals('a' as never));
  });
});
