/** Randomness of the guest: forms and refusals as in Node, bytes from the entropy trap alone. */

import nodeCrypto from 'node:crypto';
import { expect, test } from 'vitest';
import { exported as guestCrypto } from '../../../guest-sdk/node/crypto.ts';
import { installFakes, outcomeOf } from './fake-traps.ts';

installFakes();

type Crypto = typeof nodeCrypto;
const guest = guestCrypto as unknown as Crypto;

/** Random values differ; what must agree is their shape, or the refusal. */
function same(act: (crypto: Crypto) => unknown): void {
  expect(outcomeOf(() => act(guest))).toEqual(outcomeOf(() => act(nodeCrypto)));
}

test('sizes and offsets are checked alike', () => {
  for (const size of [0, 5, -1, 1.5, '5', Number.NaN, 2 ** 31, undefined, null]) {
    same((crypto) => crypto.randomBytes(size as never).length);
    same((crypto) => crypto.randomFillSync(new Uint8Array(4), size as never).length);
    same((crypto) => crypto.randomFillSync(new Uint16Array(4), 1, size as never).length);
  }
  same((crypto) => crypto.randomFillSync(5 as never));
  same((crypto) => crypto.randomBytes(5, 5 as never));
  same((crypto) => crypto.randomFill(new Uint8Array(2), 5 as never));
});

test('filling touches the range asked for and nothing else', () => {
  const bytes = new Uint8Array(12);
  guest.randomFillSync(bytes, 4, 4);
  expect([...bytes.subarray(0, 4), ...bytes.subarray(8)]).toEqual(new Array(8).fill(0));
  expect(bytes.subarray(4, 8).some((byte) => byte !== 0)).toBe(true);
  const wide = new Uint16Array(4);
  guest.randomFillSync(wide, 3, 1);
  expect([...wide.subarray(0, 3)]).toEqual([0, 0, 0]);
});

test('randomInt covers its range evenly and refuses what Node refuses', () => {
  const counts = new Array(3).fill(0) as number[];
  for (let i = 0; i < 3000; i++) {
    const drawn = guest.randomInt(-1, 2);
    counts[drawn + 1] = (counts[drawn + 1] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(200);
  for (const args of [
    [],
    [0],
    [-1],
    [1.5],
    ['5'],
    [5, 5],
    [5, 1],
    [0, 2 ** 48],
    [2 ** 48],
    [0, 1, 5],
    [2 ** 53],
  ]) {
    same((crypto) => {
      (crypto.randomInt as (...args: unknown[]) => number)(...args);
    });
  }
});

test('callbacks come later, with the bytes', async () => {
  let calledAtOnce = true;
  const bytes = await new Promise<Uint8Array>((resolve) => {
    guest.randomBytes(8, (_error, value) => {
      expect(calledAtOnce).toBe(false);
      resolve(value);
    });
    calledAtOnce = false;
  });
  expect(bytes.length).toBe(8);
  const drawn = await new Promise((resolve) =>
    guest.randomInt(5, 6, (_error, value) => resolve(value)),
  );
  expect(drawn).toBe(5);
});

test('a UUID is a version 4 UUID, and no two are equal', () => {
  const made = new Set(Array.from({ length: 100 }, () => guest.randomUUID()));
  expect(made.size).toBe(100);
  for (const uuid of made)
    expect(uuid).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  same((crypto) => crypto.randomUUID({ disableEntropyCache: 5 } as never));
  same((crypto) => crypto.randomUUID(5 as never));
});

test('timingSafeEqual compares bytes of any view', () => {
  for (const [a, b] of [
    ['ab', 'ab'],
    ['ab', 'ac'],
    ['ab', 'abc'],
    ['', ''],
  ]) {
    same((crypto) => crypto.timingSafeEqual(Buffer.from(a as string), Buffer.from(b as string)));
  }
  same((crypto) => crypto.timingSafeEqual('a' as never, Buffer.from('a')));
  same((crypto) => crypto.timingSafeEqual(Buffer.from('a'), 5 as never));
});

test('webcrypto fills integer arrays only, up to its quota', () => {
  const bytes = new Uint8Array(16);
  expect(guest.webcrypto.getRandomValues(bytes)).toBe(bytes);
  expect(bytes.some((byte) => byte !== 0)).toBe(true);
  same((crypto) => crypto.webcrypto.getRandomValues(new Uint8Array(65_537)));
  same((crypto) => crypto.webcrypto.getRandomValues(new Float32Array(1) as never));
  same((crypto) => crypto.webcrypto.getRandomValues(5 as never));
});

test('every other function of Node exists and says what to use', () => {
  const functions = Object.entries(nodeCrypto).filter(([, value]) => typeof value === 'function');
  const missing = functions.map(([name]) => name).filter((name) => !(name in guest));
  expect(missing).toEqual([]);
  const cipher = (guest as unknown as { readonly Cipher: () => unknown }).Cipher;
  expect(outcomeOf(() => cipher())).toMatchObject({
    code: 'ERR_HV_UNSUPPORTED',
    message: expect.stringMatching(/crypto\.Cipher .* Use .*createCipheriv/),
  });
});
