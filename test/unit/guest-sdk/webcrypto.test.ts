/** WebCrypto of the guest against Node's own, over the algorithms for secrets. */

import nodeCrypto from 'node:crypto';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { exported as guestCrypto } from '../../../guest-sdk/node/crypto.ts';
import { installFakes } from './fake-traps.ts';

installFakes();

type Method = (...args: unknown[]) => Promise<unknown>;
type Name =
  | 'digest'
  | 'sign'
  | 'verify'
  | 'encrypt'
  | 'decrypt'
  | 'generateKey'
  | 'importKey'
  | 'exportKey'
  | 'deriveBits'
  | 'deriveKey'
  | 'wrapKey'
  | 'unwrapKey';
type Subtle = Readonly<Record<Name, Method>>;
interface Crypto {
  readonly subtle: Subtle;
  readonly webcrypto: { readonly subtle: Subtle };
  readonly KeyObject: { from(key: unknown): { export(): Uint8Array } };
  createHmac(name: string, key: unknown): { digest(encoding: string): string };
}
const guest = guestCrypto as unknown as Crypto;
const own = nodeCrypto as unknown as Crypto;

function plain(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'object' ? inspect(value, { depth: 5 }) : value;
}

async function told(crypto: Crypto, act: (subtle: Subtle, crypto: Crypto) => unknown) {
  try {
    return plain(await act(crypto.subtle, crypto));
  } catch (error) {
    const { name, code, message } = error as Error & { code?: unknown };
    return { name, code, message };
  }
}

async function same(act: (subtle: Subtle, crypto: Crypto) => unknown): Promise<void> {
  expect(await told(guest, act)).toEqual(await told(own, act));
}

const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => (i * 29 + 3) & 0xff));
const raw = (length: number): Buffer => bytes.subarray(0, length);
const HMAC = { name: 'HMAC', hash: 'SHA-256' };

test('digests are those of Node, and so is what is refused', async () => {
  for (const name of ['SHA-1', 'sha-256', 'SHA-384', { name: 'SHA-512' }, 'MD5', {}, 5, null]) {
    await same((subtle) => subtle.digest(name, bytes));
  }
  for (const data of ['a', undefined, 5, new ArrayBuffer(3), new DataView(new ArrayBuffer(3), 1)]) {
    await same((subtle) => subtle.digest('SHA-256', data));
  }
  await same((subtle) => subtle.digest());
  await same((subtle) => subtle.digest.call({}, 'SHA-256', bytes));
});

test('secrets are imported, shown and exported alike, or refused alike', async () => {
  for (const [format, data, algorithm, extractable, usages] of [
    ['raw', raw(3), HMAC, true, ['sign', 'verify']],
    ['raw', raw(3), HMAC, false, ['sign']],
    ['raw', raw(0), HMAC, true, ['sign']],
    ['raw', raw(3), HMAC, true, []],
    ['raw', raw(3), HMAC, true, ['encrypt']],
    ['raw', raw(3), { name: 'HMAC' }, true, ['sign']],
    ['raw', raw(3), 'AES-GCM', true, ['encrypt']],
    ['raw', raw(16), 'aes-gcm', true, ['encrypt', 'decrypt', 'encrypt']],
    ['raw', raw(24), { name: 'AES-CTR' }, true, ['wrapKey']],
    ['raw', raw(16), 'AES-CBC', true, ['sign']],
    ['raw', raw(16), 'AES-CBC', true, ['foo']],
    ['raw', raw(16), 'AES-CBC', true, []],
    ['raw', raw(16), 'FOO', true, ['encrypt']],
    ['nope', raw(16), 'AES-CBC', true, ['encrypt']],
    ['raw', 'text', 'AES-CBC', true, ['encrypt']],
    ['raw', raw(5), 'PBKDF2', true, ['deriveBits']],
    ['raw', raw(5), 'PBKDF2', false, ['deriveBits', 'deriveKey']],
    ['raw', raw(5), 'HKDF', false, ['sign']],
    ['jwk', { kty: 'oct', k: 'YWJj' }, HMAC, true, ['sign']],
    ['jwk', { kty: 'oct', k: 'YWJj', alg: 'HS256', use: 'sig' }, HMAC, true, ['sign']],
    ['jwk', { kty: 'RSA', k: 'YWJj' }, HMAC, true, ['sign']],
    ['jwk', { kty: 'oct', k: 'YWJj', alg: 'HS512' }, HMAC, true, ['sign']],
    ['jwk', { kty: 'oct', k: 'YWJj', ext: false }, HMAC, true, ['sign']],
    ['jwk', { kty: 'oct', k: 'YWJj', key_ops: ['verify'] }, HMAC, true, ['sign']],
    ['jwk', { kty: 'oct', k: 'YWJj', use: 'enc' }, HMAC, true, ['sign']],
    [
      'jwk',
      { kty: 'oct', k: 'AAAAAAAAAAAAAAAAAAAAAA', alg: 'A128GCM' },
      'AES-GCM',
      true,
      ['encrypt'],
    ],
    ['jwk', 5, HMAC, true, ['sign']],
  ] as const) {
    await same((subtle) => subtle.importKey(format, data, algorithm, extractable, usages));
    for (const out of ['raw', 'jwk', 'pkcs8', 'nope']) {
      await same(async (subtle) => {
        const key = await subtle.importKey(format, data, algorithm, extractable, usages);
        return subtle.exportKey(out, key);
      });
    }
  }
});

test('keys are generated as asked, or refused', async () => {
  for (const [algorithm, usages] of [
    [HMAC, ['sign', 'verify']],
    [{ ...HMAC, hash: 'SHA-512' }, ['verify']],
    [{ ...HMAC, length: 0 }, ['sign']],
    ['HMAC', ['sign']],
    [{ name: 'AES-GCM', length: 256 }, ['encrypt', 'decrypt']],
    [{ name: 'AES-GCM', length: 100 }, ['encrypt']],
    [{ name: 'AES-GCM' }, ['encrypt']],
    [{ name: 'AES-CBC', length: 128 }, []],
    [{ name: 'AES-CBC', length: 128 }, ['sign']],
    [{ name: 'FOO' }, ['sign']],
  ] as const) {
    await same((subtle) => subtle.generateKey(algorithm, true, usages));
    await same(async (subtle) => {
      const key = await subtle.generateKey(algorithm, true, usages);
      return ((await subtle.exportKey('raw', key)) as ArrayBuffer).byteLength;
    });
  }
  await same(async (subtle, crypto) => {
    const key = await subtle.importKey('raw', raw(20), HMAC, false, ['sign']);
    return [
      crypto.createHmac('sha1', key).digest('hex'),
      Buffer.from(crypto.KeyObject.from(key).export()).toString('hex'),
      crypto.subtle === crypto.webcrypto.subtle,
      inspect(crypto.subtle),
      Object.keys(Object.getPrototypeOf(crypto.subtle)),
    ];
  });
});

test('HMAC signs and verifies, for the key and the use it is for', async () => {
  for (const hash of ['SHA-1', 'SHA-256', 'SHA-512']) {
    await same(async (subtle) => {
      const usages = ['sign', 'verify'];
      const key = await subtle.importKey('raw', raw(70), { name: 'HMAC', hash }, false, usages);
      const signature = await subtle.sign('HMAC', key, bytes);
      return [
        signature,
        await subtle.verify('HMAC', key, signature, bytes),
        await subtle.verify('HMAC', key, signature, raw(99)),
        await subtle.verify('HMAC', key, raw(3), bytes),
      ];
    });
  }
  const key = (subtle: Subtle) => subtle.importKey('raw', raw(9), HMAC, false, ['verify']);
  await same(async (subtle) => subtle.sign('HMAC', await key(subtle), bytes));
  await same(async (subtle) => subtle.sign('AES-CBC', await key(subtle), bytes));
  await same(async (subtle) => subtle.sign('HMAC', {}, bytes));
  await same(async (subtle) => subtle.sign('HMAC', await key(subtle)));
  await same(async (subtle) =>
    Reflect.construct(((await key(subtle)) as object).constructor as never, []),
  );
});

test('AES makes of any message what Node makes of it, and back', async () => {
  const iv = raw(16);
  for (const algorithm of [
    { name: 'AES-CBC', iv },
    { name: 'AES-CBC', iv: raw(15) },
    { name: 'AES-CBC' },
    { name: 'AES-CTR', counter: iv, length: 64 },
    { name: 'AES-CTR', counter: Buffer.alloc(16, 255), length: 8 },
    { name: 'AES-CTR', counter: Buffer.alloc(16, 255), length: 128 },
    { name: 'AES-CTR', counter: iv, length: 1 },
    { name: 'AES-CTR', counter: iv, length: 0 },
    { name: 'AES-CTR', counter: raw(3), length: 8 },
    { name: 'AES-GCM', iv: raw(12) },
    { name: 'AES-GCM', iv: raw(60), additionalData: bytes, tagLength: 96 },
    { name: 'AES-GCM', iv: raw(12), tagLength: 5 },
    { name: 'AES-GCM' },
  ]) {
    for (const length of [0, 16, 33, 100]) {
      await same(async (subtle) => {
        const usages = ['encrypt', 'decrypt'];
        const key = await subtle.importKey('raw', raw(32), algorithm.name, false, usages);
        const sealed = await subtle.encrypt(algorithm, key, raw(length));
        return [sealed, await subtle.decrypt(algorithm, key, sealed)];
      });
      await same(async (subtle) => {
        const key = await subtle.importKey('raw', raw(32), algorithm.name, false, ['decrypt']);
        return subtle.decrypt(algorithm, key, raw(length));
      });
    }
  }
  await same(async (subtle) => {
    const key = await subtle.importKey('raw', raw(32), 'AES-GCM', false, ['decrypt']);
    return subtle.encrypt({ name: 'AES-GCM', iv }, key, bytes);
  });
});

test('bits and keys are derived, wrapped and unwrapped', async () => {
  const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-256', salt: raw(8), iterations: 2 };
  const hkdf = { name: 'HKDF', hash: 'SHA-512', salt: raw(8), info: raw(0) };
  for (const algorithm of [
    pbkdf2,
    { ...pbkdf2, iterations: 0 },
    hkdf,
    { ...hkdf, info: undefined },
    { ...hkdf, hash: 'FOO' },
  ]) {
    const usages = ['deriveBits', 'deriveKey'];
    const base = (subtle: Subtle) => subtle.importKey('raw', raw(9), algorithm.name, false, usages);
    for (const length of [128, 0, 7, null, 255 * 512 + 8]) {
      if (algorithm === pbkdf2 && length === 255 * 512 + 8) continue;
      await same(async (subtle) => subtle.deriveBits(algorithm, await base(subtle), length));
    }
    for (const target of [
      { name: 'AES-GCM', length: 256 },
      { name: 'AES-CTR', length: 7 },
      { name: 'HMAC', hash: 'SHA-1' },
      { name: 'HMAC', hash: 'SHA-1', length: 64 },
    ]) {
      const uses = target.name === 'HMAC' ? ['sign'] : ['encrypt'];
      await same(async (subtle) => {
        const key = await subtle.deriveKey(algorithm, await base(subtle), target, true, uses);
        return [inspect(key, { depth: 5 }), await subtle.exportKey('raw', key)];
      });
    }
  }
  for (const [name, usages] of [
    ['HKDF', ['deriveBits']],
    ['HKDF', ['deriveKey']],
    ['PBKDF2', ['deriveKey']],
  ]) {
    const base = (subtle: Subtle) => subtle.importKey('raw', raw(9), name, false, usages);
    await same(async (subtle) => subtle.deriveBits(pbkdf2, await base(subtle), 8));
    await same(async (subtle) =>
      subtle.deriveKey(pbkdf2, await base(subtle), { ...HMAC, length: 8 }, true, ['sign']),
    );
  }
  for (const format of ['raw', 'jwk']) {
    for (const [size, wrappedBytes] of [
      [16, 24],
      [32, 16],
      [24, 13],
    ] as const) {
      await same(async (subtle) => {
        const uses = ['wrapKey', 'unwrapKey'];
        const wrapping = await subtle.importKey('raw', raw(size), 'AES-KW', true, uses);
        const key = await subtle.importKey('raw', raw(wrappedBytes), HMAC, true, ['sign']);
        const wrapped = await subtle.wrapKey(format, key, wrapping, 'aes-kw');
        const again = await subtle.unwrapKey(
          format,
          wrapped,
          wrapping,
          { name: 'AES-KW' },
          HMAC,
          true,
          ['sign'],
        );
        return [
          wrapped,
          await subtle.exportKey('raw', again),
          await subtle.exportKey('jwk', wrapping),
          inspect(wrapping),
        ];
      });
    }
    await same(async (subtle) => {
      const key = await subtle.importKey('raw', raw(16), 'AES-KW', false, ['unwrapKey']);
      return subtle.unwrapKey(format, raw(24), key, 'AES-KW', HMAC, true, ['sign']);
    });
    await same(async (subtle) => subtle.importKey('raw', raw(16), 'AES-KW', false, ['encrypt']));
    await same(async (subtle) => {
      const key = await subtle.importKey('raw', raw(16), 'AES-KW', false, ['wrapKey']);
      return subtle.encrypt('AES-KW', key, raw(8));
    });
    await same(async (subtle) => {
      const wrapping = await subtle.importKey('raw', raw(16), 'AES-GCM', false, [
        'wrapKey',
        'unwrapKey',
      ]);
      const key = await subtle.importKey('raw', raw(20), HMAC, true, ['sign']);
      const algorithm = { name: 'AES-GCM', iv: raw(12) };
      const wrapped = await subtle.wrapKey(format, key, wrapping, algorithm);
      const again = await subtle.unwrapKey(format, wrapped, wrapping, algorithm, HMAC, true, [
        'sign',
      ]);
      return [wrapped, await subtle.exportKey('raw', again)];
    });
  }
});
