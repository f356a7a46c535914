/** The guest's Buffer against Node's: same calls, same results, same errors. */

import * as nodeBuffer from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { Buffer as GuestBuffer, exported as guest } from '../../../guest-sdk/node/buffer.ts';
import { inspect as guestInspect } from '../../../guest-sdk/node/inspect.ts';
import { installFakes, outcomeOf } from './fake-traps.ts';

installFakes();

type AnyBuffer = typeof Buffer;
const guestClass = GuestBuffer as unknown as AnyBuffer;

/** Runs `act` with both classes and compares. */
function same(act: (B: AnyBuffer, module: typeof nodeBuffer) => unknown): void {
  const mine = outcomeOf(() => act(guestClass, guest as unknown as typeof nodeBuffer));
  const nodes = outcomeOf(() => act(Buffer, nodeBuffer));
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
const texts = ['', 'a', 'hello wörld', '€\ud83d\ude00x', 'deadBEEFzz', 'aGVsbG8=', '_-8', '\ud800'];

describe('buffer: making', () => {
  test('strings in every encoding become the same bytes and text again', () => {
    for (const text of texts) {
      for (const encoding of encodings) {
        same((B) => B.from(text, encoding));
        same((B) => B.from(text, encoding).toString());
        same((B) => B.from(text).toString(encoding));
        same((B) => B.byteLength(text, encoding));
        same((B) => B.alloc(9, text, encoding));
        same((B) => B.alloc(9, 1).write(text, encoding));
        same((B) => {
          const bytes = B.alloc(5, 7);
          return [bytes.write(text, 1, 3, encoding), bytes];
        });
      }
    }
  });

  test('every kind of source is taken or refused alike', () => {
    const sources: unknown[] = [
      5,
      null,
      undefined,
      true,
      Symbol('x'),
      {},
      [],
      [1, 2, 300, -1, 'x', 2.7],
      new Uint8Array([1, 2]),
      new Uint16Array([1, 258]),
      new ArrayBuffer(3),
      new SharedArrayBuffer(2),
      { length: 2, 0: 1, 1: 9 },
      { length: 'x' },
      { length: -1 },
      { type: 'Buffer', data: [1, 2] },
      new String('boxed'),
      new Number(3),
      { [Symbol.toPrimitive]: () => 'primitive' },
      { valueOf: () => 'text' },
      () => 1,
      10n,
    ];
    for (const source of sources) same((B) => B.from(source as never));
    same((B) => B.from(new ArrayBuffer(8), 5));
    same((B) => B.from(new ArrayBuffer(8), 2, 3));
    same((B) => B.from(new ArrayBuffer(8), 9));
    same((B) => B.from(new ArrayBuffer(8), 1, 9));
    same((B) => B.from('x', 'nope' as never));
    same((B) => B.from('x', 5 as never));
    same((B) => B.of(1, 2, 256));
    same((B) => B.copyBytesFrom(new Uint16Array([1, 2, 3]), 1, 1));
    same((B) => B.copyBytesFrom([] as never));
  });

  test('sizes and fills are checked alike', () => {
    for (const size of [0, 3, 2.5, -1, '3', Number.NaN, 2 ** 53, null]) {
      same((B) => B.alloc(size as never));
      same((B) => B.allocUnsafe(size as never).length);
      same((B) => B.allocUnsafeSlow(size as never).length);
    }
    for (const fill of [
      1,
      256,
      'ab',
      '',
      'é',
      null,
      true,
      new Uint8Array([1, 2]),
      new Uint8Array(0),
    ]) {
      same((B) => B.alloc(5, fill as never));
      same((B) => B.alloc(5).fill(fill as never, 1, 4));
    }
    same((B) => B.alloc(3, 'zz', 'hex'));
    same((B) => B.alloc(3, 'a', 'nope' as never));
    same((B) => B.alloc(3, 'a', 5 as never));
    same((B) => B.alloc(3).fill('ab', 'latin1'));
    same((B) => B.alloc(3).fill('ab', 1, 'latin1'));
    for (const [from, to] of [
      [-1, 2],
      [0, 9],
      [2, 1],
      ['a', 1],
      [0, 'b'],
      [3, 3],
      [1.5, 3],
    ]) {
      same((B) => B.alloc(3).fill(1, from as never, to as never));
    }
  });

  test('allocUnsafe shows nothing of earlier memory', () => {
    GuestBuffer.alloc(64, 0xee);
    expect([...GuestBuffer.allocUnsafe(64)].every((byte) => byte === 0)).toBe(true);
  });

  test('Buffer works with and without new, and warns once', () => {
    const call = GuestBuffer as unknown as (value: unknown) => Uint8Array;
    const construct = GuestBuffer as unknown as new (value: unknown) => Uint8Array;
    expect([...call(2)]).toEqual([0, 0]);
    expect([...new construct('ab')]).toEqual([97, 98]);
    expect(new construct([1]) instanceof GuestBuffer).toBe(true);
    same((B) => (B as unknown as (size: number, encoding: string) => unknown)(5, 'utf8'));
  });

  test('a program that copies the statics with for-in finds all of them', () => {
    expect(Object.keys(GuestBuffer).sort()).toEqual(Object.keys(Buffer).sort());
    expect(Object.keys(GuestBuffer.prototype).sort()).toEqual(Object.keys(Buffer.prototype).sort());
  });
});

describe('buffer: text', () => {
  test('toString clamps its range and refuses unknown encodings', () => {
    for (const [start, end] of [
      [-2, 3],
      [1, -1],
      [3, 1],
      [0, 99],
      ['1', '3'],
      [Number.NaN, 2],
      [1.7, 2.9],
    ]) {
      same((B) => B.from('hello').toString('utf8', start as never, end as never));
    }
    for (const name of ['nope', null, 5, '', 'UTF8', undefined]) {
      same((B) => B.from('hello').toString(name as never));
      same((B) => B.isEncoding(name as never));
    }
  });

  test('write refuses what Node refuses and never splits a character', () => {
    for (const [offset, length] of [
      [0, 2],
      [3, 3],
      [5, 0],
      [6, 1],
      [-1, 1],
      ['a', 1],
      [1, 9],
      [1, -1],
    ]) {
      same((B) => {
        const bytes = B.alloc(5);
        return [bytes.write('a€b', offset as never, length as never), bytes];
      });
    }
    same((B) => B.alloc(3).write(5 as never));
    same((B) => B.alloc(3).write('a', 'nope' as never));
    same((B) => {
      const bytes = B.alloc(5);
      return [bytes.write('ab', 0, 3, 'utf16le'), bytes];
    });
  });

  test('the undocumented slices and writes exist and agree', () => {
    for (const name of ['utf8', 'hex', 'latin1', 'ucs2', 'base64', 'base64url', 'ascii']) {
      same((B) =>
        (B.from('héllo') as never as Record<string, (a?: number, b?: number) => string>)[
          `${name}Slice`
        ]?.(1, 4),
      );
      same((B) => {
        const bytes = B.alloc(6) as never as Record<
          string,
          (a: string, b?: number, c?: number) => number
        >;
        return [bytes[`${name}Write`]?.('6869', 1, 3), bytes];
      });
    }
  });

  test('transcode, isUtf8 and isAscii', () => {
    for (const to of ['utf8', 'latin1', 'ascii', 'ucs2', 'hex']) {
      same((B, m) => m.transcode(B.from('a€é\ud83d\ude00'), 'utf8', to as never));
    }
    same((_, m) => m.transcode(1 as never, 'utf8', 'latin1'));
    for (const bytes of [
      [],
      [0x61],
      [0xef, 0xbf, 0xbd],
      [0xff],
      [0xef, 0xbf],
      [0xc3, 0xa9, 0xef, 0xbf, 0xbd, 0x80],
    ]) {
      same((B, m) => [m.isUtf8(B.from(bytes)), m.isAscii(B.from(bytes))]);
    }
  });

  test('atob and btoa accept and refuse the same texts', () => {
    for (const text of [
      '',
      'aGk=',
      'aGk',
      'a',
      ' a G k = ',
      'a=b',
      'aGk==',
      '====',
      'ab-_',
      'YQ==',
      'YR==',
      5,
      null,
      undefined,
    ]) {
      same((_, m) => m.atob(text as never));
      same((_, m) => m.btoa(text as never));
    }
    expect(() => (guest.btoa as (text: string) => string)('\u1234')).toThrow('Invalid character');
  });
});

describe('buffer: memory', () => {
  test('slice and subarray share memory and take negative indexes', () => {
    for (const [start, end] of [
      [1, 3],
      [-3, -1],
      [2, 1],
      [undefined, 2],
      [9, 10],
      ['1', '2'],
      [Number.NaN, 3],
    ]) {
      same((B) => B.from('hello').slice(start as never, end as never));
      same((B) => B.from('hello').subarray(start as never, end as never));
    }
    const whole = GuestBuffer.from('hello');
    whole.slice(0, 2)[0] = 0x48;
    expect(whole.toString()).toBe('Hello');
    expect(GuestBuffer.isBuffer(whole.slice(1))).toBe(true);
  });

  test('methods inherited from Uint8Array return Buffers', () => {
    const mapped = (GuestBuffer.from([1, 2]) as unknown as Uint8Array).map((byte) => byte * 2);
    expect(GuestBuffer.isBuffer(mapped)).toBe(true);
    expect([...mapped]).toEqual([2, 4]);
  });

  test('copy and concat', () => {
    for (const args of [
      [0],
      [2],
      [-1],
      [0, 1],
      [0, 9],
      [0, -1],
      [0, 1, 3],
      [0, 1, -1],
      [9],
      ['1', '1'],
      [1.5, 1.5],
    ]) {
      same((B) => {
        const target = B.alloc(4);
        return [B.from('abcd').copy(target, ...(args as [number])), target];
      });
    }
    same((B) => B.from('abcd').copy(5 as never));
    same((B) => {
      const bytes = B.from('abcdef');
      return [bytes.copy(bytes, 2, 0, 4), bytes];
    });
    for (const length of [undefined, 0, 2, 9, -1, 'x', 1.5]) {
      same((B) => B.concat([B.from('ab'), new Uint8Array([99])], length as never));
    }
    same((B) => B.concat('a' as never));
    same((B) => B.concat([1 as never]));
    same((B) => B.concat([]));
  });

  test('swaps, JSON, iteration', () => {
    for (const method of ['swap16', 'swap32', 'swap64'] as const) {
      same((B) => B.from('abcdefgh')[method]());
      same((B) => B.from('abc')[method]());
    }
    same((B) => JSON.stringify(B.from('hi')));
    same((B) => [...B.from('hi').entries()]);
    same((B) => {
      const { parent, offset } = B.alloc(2) as unknown as { parent: unknown; offset: number };
      return [parent instanceof ArrayBuffer, offset];
    });
  });

  test('inspect looks as in Node', () => {
    const shown = (value: unknown) => guestInspect(value);
    const long = GuestBuffer.alloc(60, 1);
    expect(shown(GuestBuffer.from('hi'))).toBe('<Buffer 68 69>');
    expect(shown(GuestBuffer.alloc(0))).toBe('<Buffer >');
    expect(shown(long)).toMatch(/^<Buffer (01 ){50}\.\.\. 10 more bytes>$/);
    expect(shown(Object.assign(GuestBuffer.from('hi'), { extra: 1 }))).toBe(
      '<Buffer 68 69, extra: 1>',
    );
    expect(shown({ nested: [GuestBuffer.from('a')] })).toBe('{ nested: [ <Buffer 61> ] }');
  });
});
