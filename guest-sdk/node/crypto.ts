/**
 * `node:crypto`: randomness from the entropy device, hashes, keys and ciphers from packages that run
 * inside the guest. What is not here has its name, and its call says what to use.
 */

import { DOMException } from '../web/dom-exception.ts';
import { exposeInterface } from '../web/interface.ts';
import { keyRule } from '../web/structured-clone.ts';
import { withAsymmetric } from './crypto-asymmetric.ts';
import { getCipherInfo, getCiphers } from './crypto-cipher-table.ts';
import { Cipheriv, createCipheriv, createDecipheriv, Decipheriv } from './crypto-cipheriv.ts';
import { constants } from './crypto-constants.ts';
import { hkdf, hkdfSync, pbkdf2, pbkdf2Sync, scrypt, scryptSync } from './crypto-derive.ts';
import { createHash, createHmac, getHashes, Hash, Hmac, hash } from './crypto-hash.ts';
import {
  cloneKeyObject,
  createSecretKey,
  generateKey,
  generateKeySync,
  isKeyObject,
  KeyObject,
  keyObjectOf,
} from './crypto-keys.ts';
import {
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  timingSafeEqual,
} from './crypto-random.ts';
import { isDeepEqual, opaqueKinds } from './deep-equal.ts';
import { nodeError } from './node-errors.ts';
import { throwing } from './refusals.ts';
import { types } from './util-types.ts';
import { CryptoKey, cloneCryptoKey, isCryptoKey } from './webcrypto-key.ts';
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
opaqueKinds.push((a, b) => {
  if (isKeyObject(a)) return isKeyObject(b) && a.equals(b);
  if (!isCryptoKey(a)) return undefined;
  const told = ({ extractable, algorithm, usages }: CryptoKey) => [extractable, algorithm, usages];
  return (
    isCryptoKey(b) &&
    isDeepEqual(told(a), told(b), { strict: true }) &&
    keyObjectOf(a).equals(keyObjectOf(b))
  );
});
keyRule.clone = (value) => {
  if (isKeyObject(value)) return cloneKeyObject(value);
  return isCryptoKey(value) ? cloneCryptoKey(value) : undefined;
};

export { CryptoKey, SubtleCrypto };

/** `globalThis.crypto`. */
export const webcrypto: Crypto = new Crypto();

/** ERR_CRYPTO_FIPS_UNAVAILABLE unless it is to stay off. */
function setFips(value: unknown): void {
  if (!value) return;
  const text = 'Cannot set FIPS mode in a non-FIPS build.';
  throw nodeError(Error, 'ERR_CRYPTO_FIPS_UNAVAILABLE', text);
}

/** Names whose call enters the library of key pairs. Each has the name and length of Node's. */
const entries = {
  checkPrime: (candidate: unknown, options: unknown = {}, callback?: unknown) =>
    withAsymmetric((library) => library.checkPrime(candidate, options, callback)),
  checkPrimeSync: (candidate: unknown, options: unknown = {}) =>
    withAsymmetric((library) => library.checkPrimeSync(candidate, options)),
  createDiffieHellman: (
    sizeOrKey: unknown,
    keyEncoding: unknown,
    generator: unknown,
    generatorEncoding: unknown,
  ) =>
    withAsymmetric((library) =>
      library.createDiffieHellman(sizeOrKey, keyEncoding, generator, generatorEncoding),
    ),
  createDiffieHellmanGroup: (name: unknown) =>
    withAsymmetric((library) => library.createDiffieHellmanGroup(name)),
  createECDH: (curve: unknown) => withAsymmetric((library) => library.createECDH(curve)),
  createPrivateKey: (key: unknown) => withAsymmetric((library) => library.createPrivateKey(key)),
  createPublicKey: (key: unknown) => withAsymmetric((library) => library.createPublicKey(key)),
  createSign: (algorithm: unknown, options: unknown) =>
    withAsymmetric((library) => library.createSign(algorithm, options)),
  createVerify: (algorithm: unknown, options: unknown) =>
    withAsymmetric((library) => library.createVerify(algorithm, options)),
  diffieHellman: (options: unknown, callback: unknown) =>
    withAsymmetric((library) => library.diffieHellman(options, callback)),
  generatePrime: (size: unknown, options: unknown, callback: unknown) =>
    withAsymmetric((library) => library.generatePrime(size, options, callback)),
  generatePrimeSync: (size: unknown, options: unknown = {}) =>
    withAsymmetric((library) => library.generatePrimeSync(size, options)),
  getCurves: () => withAsymmetric((library) => library.getCurves()),
  generateKeyPair: (type: unknown, options: unknown, callback: unknown) =>
    withAsymmetric((library) => library.generateKeyPair(type, options, callback)),
  generateKeyPairSync: (type: unknown, options: unknown) =>
    withAsymmetric((library) => library.generateKeyPairSync(type, options)),
  privateDecrypt: (key: unknown, buffer: unknown) =>
    withAsymmetric((library) => library.privateDecrypt(key, buffer)),
  privateEncrypt: (key: unknown, buffer: unknown) =>
    withAsymmetric((library) => library.privateEncrypt(key, buffer)),
  publicDecrypt: (key: unknown, buffer: unknown) =>
    withAsymmetric((library) => library.publicDecrypt(key, buffer)),
  publicEncrypt: (key: unknown, buffer: unknown) =>
    withAsymmetric((library) => library.publicEncrypt(key, buffer)),
  sign: (algorithm: unknown, data: unknown, key: unknown, callback: unknown) =>
    withAsymmetric((library) => library.sign(algorithm, data, key, callback)),
  verify: (
    algorithm: unknown,
    data: unknown,
    key: unknown,
    signature: unknown,
    callback: unknown,
  ) => withAsymmetric((library) => library.verify(algorithm, data, key, signature, callback)),
};

Object.defineProperty(entries.generateKeyPair, Symbol.for('nodejs.util.promisify.custom'), {
  value: (type: unknown, options: unknown) =>
    new Promise((resolve, reject) => {
      entries.generateKeyPair(
        type,
        options,
        (error: unknown, publicKey: unknown, privateKey: unknown) => {
          if (error) reject(error);
          else resolve({ publicKey, privateKey });
        },
      );
    }),
  configurable: true,
});

const absentNames: readonly (readonly [string, string | undefined])[] = [
  ...['Cipher', 'Decipher'].map((name) => [name, 'createCipheriv or createDecipheriv'] as const),
  ...['Certificate', 'setEngine'].map((name) => [name, undefined] as const),
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
  ...entries,
  getDiffieHellman: entries.createDiffieHellmanGroup,
  getFips: () => 0,
  setFips,
  secureHeapUsed: () => ({ total: 0, used: 0, utilization: 0, min: 0 }),
  webcrypto,
  subtle,
  constants,
  ...Object.fromEntries(
    absentNames.map(([name, instead]) => [name, throwing('crypto', name, instead)]),
  ),
};

/** Classes of key pairs, compiled when somebody looks at them. */
const lateClasses = [
  'DiffieHellman',
  'DiffieHellmanGroup',
  'ECDH',
  'Sign',
  'Verify',
  'X509Certificate',
];
for (const name of lateClasses) {
  const settle = (value: unknown): void => {
    const property = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(exported, name, property);
  };
  Object.defineProperty(exported, name, {
    get() {
      const made = withAsymmetric(({ classes }) => classes[name]);
      settle(made);
      return made;
    },
    set: settle,
    enumerable: true,
    configurable: true,
  });
}
