/**
 * `node:crypto`: randomness from the entropy device, hashes, keys and ciphers from packages that run
 * inside the guest. What is not here yet has its name, and its call says what to use.
 */

import { DOMException } from '../web/dom-exception.ts';
import { exposeInterface } from '../web/interface.ts';
import { getCipherInfo, getCiphers } from './crypto-cipher-table.ts';
import { Cipheriv, createCipheriv, createDecipheriv, Decipheriv } from './crypto-cipheriv.ts';
import { hkdf, hkdfSync, pbkdf2, pbkdf2Sync, scrypt, scryptSync } from './crypto-derive.ts';
import { createHash, createHmac, getHashes, Hash, Hmac, hash } from './crypto-hash.ts';
import {
  createSecretKey,
  generateKey,
  generateKeySync,
  isKeyObject,
  KeyObject,
} from './crypto-keys.ts';
import {
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  timingSafeEqual,
} from './crypto-random.ts';
import { throwing } from './refusals.ts';
import { types } from './util-types.ts';
import { CryptoKey, isCryptoKey } from './webcrypto-key.ts';
import { SubtleCrypto, subtle } from './webcrypto-subtle.ts';

export class Crypto {
  getRandomValues(array: unknown): unknown {
    const isIntegers = ArrayBuffer.isView(array) && !(array instanceof DataView);
    if (!isIntegers || array instanceof Float32Array || array instanceof Float64Array) {
      const text = 'The data argument must be an integer-type TypedArray';
      throw new DOMException(text, 'TypeMismatchError');
    }
    if (array.byteLength > 65_536) {
      const text = `The requested length exceeds 65,536 bytes`;
      throw new DOMException(text, 'QuotaExceededError');
    }
    return randomFillSync(array, 0);
  }
  randomUUID(options?: { readonly disableEntropyCache?: unknown }): string {
    return randomUUID(options);
  }
  get subtle(): SubtleCrypto {
    return subtle;
  }
}
exposeInterface(Crypto, 'Crypto');
Object.assign(types, { isKeyObject, isCryptoKey });

export { CryptoKey, SubtleCrypto };

/** `globalThis.crypto`. */
export const webcrypto: Crypto = new Crypto();

const ciphers = 'createCipheriv or createDecipheriv';
const keys = 'a signature package in JavaScript, as @noble/curves';
const absentNames: readonly (readonly [string, string | undefined])[] = [
  ...['Cipher', 'Decipher'].map((name) => [name, ciphers] as const),
  ...[
    'createSign',
    'createVerify',
    'sign',
    'verify',
    'Sign',
    'Verify',
    'createPrivateKey',
    'createPublicKey',
    'generateKeyPair',
    'generateKeyPairSync',
    'createECDH',
    'ECDH',
    'getCurves',
    'createDiffieHellman',
    'createDiffieHellmanGroup',
    'getDiffieHellman',
    'diffieHellman',
    'DiffieHellman',
    'DiffieHellmanGroup',
    'publicEncrypt',
    'publicDecrypt',
    'privateEncrypt',
    'privateDecrypt',
  ].map((name) => [name, keys] as const),
  ...[
    'X509Certificate',
    'Certificate',
    'generatePrime',
    'generatePrimeSync',
    'checkPrime',
    'checkPrimeSync',
    'setEngine',
    'secureHeapUsed',
    'setFips',
    'getFips',
  ].map((name) => [name, undefined] as const),
];

export const exported: Record<string, unknown> = {
  randomBytes,
  pseudoRandomBytes: randomBytes,
  rng: randomBytes,
  prng: randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  timingSafeEqual,
  createHash,
  createHmac,
  hash,
  getHashes,
  Hash,
  Hmac,
  pbkdf2,
  pbkdf2Sync,
  scrypt,
  scryptSync,
  hkdf,
  hkdfSync,
  createCipheriv,
  createDecipheriv,
  Cipheriv,
  Decipheriv,
  getCiphers,
  getCipherInfo,
  KeyObject,
  createSecretKey,
  generateKey,
  generateKeySync,
  getRandomValues: (array: unknown) => webcrypto.getRandomValues(array),
  webcrypto,
  subtle,
  constants: {},
  ...Object.fromEntries(
    absentNames.map(([name, instead]) => [name, throwing('crypto', name, instead)]),
  ),
};
