/** Hashes, keyed hashes and derived keys of the guest against Node's own, refusals included. */

import nodeCrypto from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { exported as guestCrypto } from '../../../guest-sdk/node/crypto.ts';
import { installFakes, outcomeOf } from './fake-traps.ts';

installFakes();

type Crypto = typeof nodeCrypto & {
  hash(algorithm: unknown, input: unknown, encoding?: unknown): string;
};
const guest = guestCrypto as unknown as Crypto;
const own = nodeCrypto as Crypto;

/** Node reports the oldest error left in OpenSSL's queue, whoever left it there: this takes them out. */
function forgetErrors(): void {
  for (let i = 0; i < 100; i++) {
    const outcome = outcomeOf(() => own.createHash('xyzzy'));
    if ('message' in outcome && outcome.message === 'Digest method not supported') return;
  }
}

function same(act: (crypto: Crypto) => unknown): void {
  forgetErrors();
  expect(outcomeOf(() => act(guest))).toEqual(outcomeOf(() => act(own)));
}

const absent = /sm3|md5-sha1/i;
const text = 'The quick brown fox jumps over the lazy dog. '.repeat(9);

test('getHashes is the list of Node but for what this guest lacks, and each of them is a hash', () => {
  expect(guest.getHashes()).toEqual(own.getHashes().filter((name) => !absent.test(name)));
  for (const name of [...guest.getHashes(), 'SHA256', 'sha-1', 'SHA-512/256', 'SHA2-384']) {
    same((crypto) => crypto.createHash(name).update(text).digest('hex'));
  }
});

test('any length of input, in any pieces, has the digest Node says it has', () => {
  const bytes = Buffer.from(text.repeat(2));
  for (const name of ['md5', 'sha1', 'sha256', 'sha512', 'sha3-256', 'blake2b512', 'ripemd160']) {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 500]) {
      same((crypto) => {
        const hash = crypto.createHash(name).update(bytes.subarray(0, length >> 1));
        const copy = hash.copy();
        return [
          hash.update(bytes.subarray(length >> 1, length)).digest('base64'),
          copy.update('é').digest('hex'),
          crypto.createHmac(name, bytes.subarray(0, length)).update(text).digest('hex'),
        ];
      });
    }
  }
});

test('arguments of hashes are read and refused alike', () => {
  for (const encoding of ['hex', 'HEX', 'latin1', 'buffer', 'nope', undefined, null, 5, 'ucs2']) {
    same((crypto) =>
      crypto
        .createHash('sha1')
        .update('ab', encoding as never)
        .digest('hex'),
    );
    same((crypto) =>
      crypto
        .createHash('sha1')
        .update('abc', encoding as never)
        .digest('hex'),
    );
    same((crypto) => crypto.createHash('sha1').digest(encoding as never));
    same((crypto) => crypto.createHmac('sha1', 'k').digest(encoding as never));
    same((crypto) => crypto.hash('sha1', 'a', encoding));
    same((crypto) => crypto.createHmac('sha1', '6162', { encoding } as never).digest('hex'));
  }
  const spelled = { toString: () => 'hex' } as never;
  same((crypto) => crypto.createHash('sha1').digest(spelled));
  same((crypto) => crypto.createHmac('sha1', 'k').digest(spelled));
  for (const value of [undefined, null, 5, {}, [], 'xyzzy', new ArrayBuffer(2)]) {
    same((crypto) => crypto.createHash(value as never));
    same((crypto) =>
      crypto
        .createHash('sha1')
        .update(value as never)
        .digest('hex'),
    );
    same((crypto) => crypto.createHmac(value as never, 'k'));
    same((crypto) => crypto.createHmac('sha1', value as never).digest('hex'));
    same((crypto) => crypto.hash(value, 'a'));
    same((crypto) => crypto.hash('sha1', value));
  }
  same((crypto) =>
    crypto
      .createHash('sha1')
      .update(new Uint16Array([1, 2]))
      .digest('hex'),
  );
  same((crypto) =>
    crypto
      .createHash('sha1')
      .update(new DataView(new ArrayBuffer(3), 1))
      .digest(),
  );
});

test('digests of any length, and the length nobody may ask for', () => {
  for (const [name, outputLength] of [
    ['shake128', 0],
    ['shake128', 5],
    ['shake256', 200],
    ['sha1', 20],
    ['sha1', 3],
    ['sha1', 0],
    ['sha1', -1],
    ['sha1', 'a'],
    ['sha1', 1.5],
  ] as const) {
    const options = { outputLength } as never;
    same((crypto) => crypto.createHash(name, options).update('a').digest('hex'));
    same((crypto) => crypto.createHash(name).update('a').copy(options).digest('hex'));
  }
  forgetErrors();
  const keys = (crypto: Crypto): unknown => {
    try {
      return crypto.createHash('sha1', { outputLength: 3 });
    } catch (error) {
      return Object.entries(error as object);
    }
  };
  expect(keys(guest)).toEqual(keys(own));
});

test('what has been digested takes no more', () => {
  for (const next of ['update', 'digest', 'copy'] as const) {
    same((crypto) => {
      const hash = crypto.createHash('sha1');
      hash.digest();
      return (hash[next] as (text: string) => unknown)('a');
    });
  }
  same((crypto) => {
    const hmac = crypto.createHmac('sha1', 'k');
    return [hmac.digest('hex'), hmac.digest('hex'), hmac.digest()];
  });
  same((crypto) => {
    const hmac = crypto.createHmac('sha1', 'k');
    hmac.digest();
    return hmac.update('a');
  });
});

test('the objects look as in Node, called as functions too', () => {
  const shapes = (crypto: Crypto): unknown => {
    const call = crypto.Hash as unknown as (name: string) => object;
    const [hash, hmac] = [call('sha1'), crypto.createHmac('sha1', 'k')];
    return [
      inspect(hash),
      inspect(hmac),
      Object.keys(hash),
      Object.keys(crypto.Hash.prototype),
      Object.keys(crypto.Hmac.prototype),
      hash instanceof crypto.Hash,
      hash instanceof crypto.Hmac,
    ];
  };
  expect(shapes(guest)).toEqual(shapes(own));
});

test('pbkdf2 derives what Node derives and refuses what Node refuses', () => {
  for (const args of [
    ['pass', 'salt', 3, 70, 'sha1'],
    ['pass', new ArrayBuffer(2), 2, 20, 'SHA512'],
    ['', '', 1, 0, 'sha256'],
    ['p', 's', 1, 20],
    ['p', 's', 1, 20, 'nope'],
    ['p', 's', 1, 20, 'shake128'],
    ['p', 's', 0, 20, 'sha1'],
    ['p', 's', 1.5, 20, 'sha1'],
    ['p', 's', 2 ** 31, 20, 'sha1'],
    ['p', 's', 'x', 20, 'sha1'],
    ['p', 's', 1, -1, 'sha1'],
    [1, 's', 1, 1, 'sha1'],
    ['p', null, 1, 1, 'sha1'],
  ]) {
    same((crypto) => (crypto.pbkdf2Sync as (...args: unknown[]) => Buffer)(...args));
  }
  const asynchronous = (crypto: Crypto): unknown => crypto.pbkdf2;
  for (const args of [
    ['p', 's', 1, 20, 'sha1'],
    ['p', 's', 1, 20, 'nope', () => undefined],
    ['p', 's', 1, 20, () => undefined],
    ['p', 5, 1, 20, 'sha1'],
  ]) {
    same((crypto) => (asynchronous(crypto) as (...args: unknown[]) => void)(...args));
  }
});

test('scrypt derives what Node derives and refuses what Node refuses', () => {
  for (const options of [
    { N: 16, r: 1, p: 2 },
    { cost: 4, blockSize: 2, parallelization: 1 },
    { N: 3 },
    { N: 16, cost: 16 },
    { N: 16, r: 1, p: 1, maxmem: 100 },
    { N: 2 ** 16, maxmem: 2 ** 26 },
    { p: 2 ** 30, r: 1, N: 16 },
    { N: 2 ** 16, r: 1 },
    { N: -1 },
    { cost: 'x' },
    { N: 16, r: 1.5 },
    { N: 16, maxmem: 'a' },
    { N: 16, p: 0, r: 1 },
  ]) {
    same((crypto) => crypto.scryptSync('a', 'b', 20, options as never));
  }
  same((crypto) => crypto.scryptSync('a', 'b', -1));
  same((crypto) => crypto.scryptSync('a', 5 as never, 1));
  same((crypto) => crypto.scryptSync('a', 'b', 0));
  same((crypto) => crypto.scrypt('a', 'b', 1, {} as never));
  same((crypto) => crypto.scrypt('a', 'b', 1, undefined as never));
});

test('hkdf derives what Node derives and refuses what Node refuses', () => {
  for (const args of [
    ['sha256', 'key', 'salt', 'info', 100],
    ['sha512', new Uint8Array(3), Buffer.alloc(0), '', 64],
    ['sha1', '', '', '', 0],
    ['nope', 'k', 's', 'i', 20],
    ['shake128', 'k', 's', 'i', 20],
    ['sha256', 'k', 's', 'i', 255 * 32],
    ['sha256', 'k', 's', 'i', 255 * 32 + 1],
    ['sha256', 'k', 's', Buffer.alloc(1025), 1],
    ['sha256', null, 's', 'i', 1],
    ['sha256', 'k', 5, 'i', 1],
    ['sha256', 'k', 's', 5, 1],
    ['sha256', 'k', 's', 'i', -1],
    ['sha256', 'k', 's', 'i', 'a'],
    [5, 'k', 's', 'i', 1],
  ]) {
    same((crypto) =>
      Buffer.from((crypto.hkdfSync as (...args: unknown[]) => ArrayBuffer)(...args)),
    );
    same((crypto) => {
      (crypto.hkdf as (...args: unknown[]) => void)(...args);
    });
  }
});

test('secret keys are made, compared, exported and refused alike', () => {
  for (const key of ['abc', '', Buffer.from('abc'), new ArrayBuffer(3), undefined, 5, {}]) {
    same((crypto) => crypto.createSecretKey(key as never, 'utf8').export());
  }
  same((crypto) => inspect(crypto.createSecretKey('616263', 'hex')));
  same((crypto) => {
    const [a, b, c] = ['ab', 'ab', 'ac'].map((text) => crypto.createSecretKey(text, 'utf8'));
    return [a?.equals(b as never), a?.equals(c as never), a?.type, a?.symmetricKeySize, String(a)];
  });
  for (const options of [{ format: 'jwk' }, { format: 'buffer' }, {}, { format: 'pem' }, 5]) {
    same((crypto) => crypto.createSecretKey('ab', 'utf8').export(options as never));
  }
  same((crypto) => crypto.createSecretKey('ab', 'utf8').equals(5 as never));
  same((crypto) => crypto.createHmac('sha1', crypto.createSecretKey('k', 'utf8')).digest('hex'));
  same((crypto) =>
    Buffer.from(crypto.hkdfSync('sha1', crypto.createSecretKey('k', 'utf8'), '', '', 5)),
  );
  for (const [type, options] of [
    ['hmac', { length: 13 }],
    ['hmac', { length: 4 }],
    ['hmac', undefined],
    ['aes', { length: 64 }],
    ['aes', { length: 192 }],
    ['foo', { length: 64 }],
    [undefined, undefined],
  ] as const) {
    same((crypto) => crypto.generateKeySync(type as never, options as never).symmetricKeySize);
    same((crypto) => crypto.generateKey(type as never, options as never, undefined as never));
  }
  for (const type of ['secret', 'x', undefined]) {
    same((crypto) => Reflect.construct(crypto.KeyObject, [type, {}]));
  }
  same((crypto) => crypto.KeyObject.from(5 as never));
});
