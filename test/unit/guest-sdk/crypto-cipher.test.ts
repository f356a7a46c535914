/** Ciphers of the guest against Node's own: what they make of any input, and what they refuse. */

import nodeCrypto from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { exported as guestCrypto } from '../../../guest-sdk/node/crypto.ts';
import { installFakes, outcomeOf } from './fake-traps.ts';

installFakes();

interface CipherLike {
  update(data: unknown, input?: unknown, output?: unknown): Buffer & string;
  final(output?: unknown): Buffer & string;
  setAutoPadding(on?: unknown): CipherLike;
  getAuthTag(): Buffer;
  setAuthTag(tag: unknown, encoding?: unknown): CipherLike;
  setAAD(data: unknown, options?: unknown): CipherLike;
}
interface Crypto {
  createCipheriv(...args: unknown[]): CipherLike;
  createDecipheriv(...args: unknown[]): CipherLike;
  createSecretKey(key: Uint8Array): unknown;
  getCiphers(): string[];
  getCipherInfo(name?: unknown, options?: unknown): unknown;
  readonly Cipheriv: { (...args: unknown[]): object; readonly prototype: object };
  readonly Decipheriv: { (...args: unknown[]): object; readonly prototype: object };
}
const guest = guestCrypto as unknown as Crypto;
const own = nodeCrypto as unknown as Crypto;

function same(act: (crypto: Crypto) => unknown): void {
  expect(outcomeOf(() => act(guest))).toEqual(outcomeOf(() => act(own)));
}

const bytes = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 37 + 11) & 0xff));
const key = bytes.subarray(0, 32);
const iv = bytes.subarray(40, 56);
const names = guest.getCiphers();

/** Key and IV of the right lengths. */
function argumentsOf(name: string): [string, Buffer, Buffer | null] {
  const { keyLength, ivLength } = own.getCipherInfo(name) as {
    keyLength: number;
    ivLength?: number;
  };
  return [
    name,
    bytes.subarray(0, keyLength),
    ivLength === undefined ? null : bytes.subarray(40, 40 + ivLength),
  ];
}

test('the list of ciphers is the one of Node but for what this guest lacks', () => {
  const here = /^(aes-?\d+(-(cbc|ctr|ecb|gcm))?|id-aes\d+-GCM|chacha20-poly1305)$/;
  expect(names).toEqual(own.getCiphers().filter((name) => here.test(name)));
});

test('every cipher makes of any pieces what Node makes of them, and back', () => {
  for (const name of names) {
    for (const [length, piece] of [
      [0, 1],
      [1, 1],
      [15, 4],
      [16, 16],
      [17, 5],
      [64, 64],
      [65, 31],
      [300, 100],
    ] as const) {
      same((crypto) => {
        const cipher = crypto.createCipheriv(...argumentsOf(name));
        const isVouched = /gcm|poly/i.test(name);
        if (isVouched) cipher.setAAD(bytes.subarray(0, piece)).setAAD(bytes.subarray(0, 5));
        const sealed: Buffer[] = [];
        for (let at = 0; at < length; at += piece) {
          sealed.push(cipher.update(bytes.subarray(at, Math.min(length, at + piece))));
        }
        sealed.push(cipher.final());
        const whole = Buffer.concat(sealed);
        const open = crypto.createDecipheriv(...argumentsOf(name));
        if (isVouched) {
          open.setAAD(Buffer.concat([bytes.subarray(0, piece), bytes.subarray(0, 5)]));
          open.setAuthTag(cipher.getAuthTag());
        }
        const pieces: Buffer[] = [];
        for (let at = 0; at < whole.length; at += piece) {
          pieces.push(open.update(whole.subarray(at, at + piece)));
        }
        const opened = Buffer.concat([...pieces, open.final()]);
        expect(opened.equals(bytes.subarray(0, length))).toBe(true);
        return [...sealed, isVouched ? cipher.getAuthTag() : undefined, ...pieces];
      });
    }
  }
});

test('counters carry, and the IV of GCM has any length', () => {
  const all = Buffer.alloc(16, 0xff);
  same((crypto) => crypto.createCipheriv('aes-128-ctr', bytes.subarray(0, 16), all).update(bytes));
  for (const length of [1, 8, 12, 13, 16, 60]) {
    same((crypto) => {
      const cipher = crypto.createCipheriv('aes-256-gcm', key, bytes.subarray(0, length));
      return [cipher.update(bytes), cipher.final(), cipher.getAuthTag()];
    });
  }
});

test('keys, IVs and options are read and refused alike', () => {
  const odd = [undefined, null, 5, {}, '', 'abc', Buffer.alloc(15), iv, key, '0123456789012345'];
  for (const value of odd) {
    for (const name of [
      'aes-128-cbc',
      'aes-128-ecb',
      'aes-128-gcm',
      'chacha20-poly1305',
      'AES256',
    ]) {
      const make = (...args: unknown[]): void =>
        same((crypto) => crypto.createCipheriv(...args).update(bytes.subarray(0, 16)));
      make(name, value, iv);
      make(name, bytes.subarray(0, 16), value);
      make(name, key, value);
    }
    same((crypto) => crypto.createDecipheriv(value, key, iv));
  }
  for (const authTagLength of [undefined, null, -1, 0, 3, 4, 8, 11, 12, 16, 17, 'a', 1.5]) {
    for (const name of ['aes-256-gcm', 'chacha20-poly1305', 'aes-256-ctr']) {
      same((crypto) => {
        const [, , nonce] = argumentsOf(name);
        const cipher = crypto.createCipheriv(name, key, nonce, { authTagLength });
        cipher.final();
        return cipher.getAuthTag();
      });
    }
  }
  same((crypto) =>
    crypto.createCipheriv('aes-128-cbc', crypto.createSecretKey(key.subarray(16)), iv).final(),
  );
});

test('padding that is wrong, or not wanted', () => {
  for (const length of [0, 3, 16, 17, 32]) {
    for (const padding of [true, false, undefined]) {
      for (const make of ['createCipheriv', 'createDecipheriv'] as const) {
        same((crypto) => {
          const cipher = crypto[make]('aes-256-cbc', key, iv);
          cipher.setAutoPadding(padding);
          return [cipher.update(bytes.subarray(0, length)), cipher.final()];
        });
      }
    }
  }
});

test('what is forged is refused, and tags of every length are checked alike', () => {
  for (const name of ['aes-256-gcm', 'chacha20-poly1305']) {
    const [, , nonce] = argumentsOf(name);
    const cipher = own.createCipheriv(name, key, nonce).setAAD(iv);
    const sealed = Buffer.concat([cipher.update(bytes), cipher.final()]);
    const tag = cipher.getAuthTag();
    const open = (crypto: Crypto, data: Buffer, given: unknown, aad: Buffer, length?: number) => {
      const decipher = crypto.createDecipheriv(name, key, nonce, { authTagLength: length });
      decipher.setAAD(aad);
      if (given !== undefined) decipher.setAuthTag(given);
      decipher.update(data);
      return decipher.final();
    };
    same((crypto) => open(crypto, sealed, tag, iv));
    same((crypto) => open(crypto, sealed.subarray(1), tag, iv));
    same((crypto) => open(crypto, sealed, tag, key));
    same((crypto) => open(crypto, sealed, undefined, iv));
    const bad = Buffer.from(tag);
    bad[15] = (bad[15] as number) ^ 1;
    same((crypto) => open(crypto, sealed, bad, iv));
    for (const length of [0, 3, 4, 8, 12, 15, 16, 17]) {
      same((crypto) => open(crypto, sealed, bytes.subarray(0, length), iv));
      same((crypto) => open(crypto, sealed, tag.subarray(0, length), iv, 12));
      same((crypto) => open(crypto, sealed, tag.subarray(0, length), iv));
    }
    same((crypto) => open(crypto, sealed, tag.toString('latin1'), iv));
    same((crypto) => open(crypto, sealed, 5, iv));
  }
});

test('nothing works out of its order', () => {
  const steps: ((cipher: CipherLike) => unknown)[] = [
    (cipher) => cipher.update('abc'),
    (cipher) => cipher.final(),
    (cipher) => cipher.setAutoPadding(),
    (cipher) => (cipher.getAuthTag as unknown) && cipher.getAuthTag(),
    (cipher) => (cipher.setAuthTag as unknown) && typeof cipher.setAuthTag(iv),
    (cipher) => typeof cipher.setAAD(iv),
  ];
  for (const name of ['aes-256-gcm', 'aes-256-cbc']) {
    for (const make of ['createCipheriv', 'createDecipheriv'] as const) {
      for (const first of steps) {
        for (const second of steps) {
          same((crypto) => {
            const cipher = crypto[make](...argumentsOf(name));
            const told = (step: (cipher: CipherLike) => unknown): unknown => {
              const outcome = outcomeOf(() => step(cipher));
              return typeof (outcome as { value?: unknown }).value === 'object' &&
                (outcome as { value: object }).value === cipher
                ? 'itself'
                : outcome;
            };
            return [first, second].map(told).map((one) => inspect(one, { depth: 1 }).slice(0, 90));
          });
        }
      }
    }
  }
});

test('text in and out', () => {
  for (const [input, output] of [
    ['utf8', 'hex'],
    ['hex', 'base64'],
    [undefined, 'latin1'],
    ['latin1', 'nope'],
    ['nope', 'buffer'],
    ['hex', 5],
  ]) {
    same((crypto) => {
      const cipher = crypto.createCipheriv('aes-256-ctr', key, iv);
      return [cipher.update('abcd', input, output), cipher.final(output)];
    });
  }
  same((crypto) => crypto.createCipheriv('aes-256-ctr', key, iv).update(5));
  same((crypto) => crypto.createCipheriv('aes-256-ctr', key, iv).update('abc', 'hex'));
  same((crypto) => {
    const cipher = crypto.createCipheriv('aes-256-ctr', key, iv);
    return [cipher.update('a', 'utf8', 'hex'), cipher.update('a', 'utf8', 'base64')];
  });
  same((crypto) => {
    const cipher = crypto.createCipheriv('aes-256-ctr', key, iv);
    const sealed = cipher.update('é€', 'utf8');
    const open = crypto.createDecipheriv('aes-256-ctr', key, iv);
    return [...sealed].map((byte) => open.update(Buffer.from([byte]), undefined, 'utf8'));
  });
});

test('getCipherInfo knows what Node knows', () => {
  for (const name of [...names, 'AES-128-CBC', 'nope', 419, 895, 1, 1.5, undefined, null]) {
    same((crypto) => inspect(crypto.getCipherInfo(name)));
    for (const options of [
      { ivLength: 12 },
      { ivLength: 13, keyLength: 16 },
      { ivLength: 0 },
      { ivLength: -1 },
      { keyLength: 32 },
      { keyLength: 'a' },
      5,
      null,
    ]) {
      same((crypto) => inspect(crypto.getCipherInfo(name, options)));
    }
  }
});

test('the objects look as in Node', () => {
  const shapes = (crypto: Crypto): unknown => [
    inspect(crypto.Cipheriv('aes-256-cbc', key, iv)),
    inspect(crypto.Decipheriv('aes-256-cbc', key, iv)),
    Object.keys(crypto.Cipheriv.prototype),
    Object.keys(crypto.Decipheriv.prototype),
  ];
  expect(shapes(guest)).toEqual(shapes(own));
});
