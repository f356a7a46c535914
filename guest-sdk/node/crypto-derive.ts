/** Keys derived from secrets: `pbkdf2`, `scrypt` and `hkdf` of `node:crypto`. */

import { Buffer } from './buffer.ts';
import {
  type HashFunction,
  hashFunction,
  hkdfOf,
  isOfAnyLength,
  pbkdf2Of,
  type ScryptCosts,
  scryptOf,
} from './crypto-digests.ts';
import { anyBytes, invalidDigest } from './crypto-input.ts';
import { isKeyObject, secretBytes } from './crypto-keys.ts';
import { kernel } from './kernel-hooks.ts';
import { nodeError, outOfRange } from './node-errors.ts';
import { validateFunction, validateInteger, validateString, validateUint32 } from './validators.ts';

const INT_MAX = 2 ** 31 - 1;

/** Arguments are checked when it is made, the work is done when it is called. */
type Job<Result> = () => Result;

/** The asynchronous form. The work is done before it returns all the same: a guest has no threads. */
function answer(callback: unknown, job: Job<unknown>): void {
  validateFunction(callback, 'callback');
  kernel().setImmediate(callback as never, null, job());
}

function hashNamed(name: string): HashFunction {
  const found = hashFunction(name);
  if (found === undefined) throw invalidDigest(name);
  if (isOfAnyLength(name)) throw new Error('Deriving bits failed');
  return found;
}

function pbkdf2Job(
  password: unknown,
  salt: unknown,
  iterations: unknown,
  keylen: unknown,
  digest: unknown,
): Job<Buffer> {
  validateString(digest, 'digest');
  const secret = anyBytes(password, 'password');
  const saltBytes = anyBytes(salt, 'salt');
  validateInteger(iterations, 'iterations', 1, INT_MAX);
  validateInteger(keylen, 'keylen', 0, INT_MAX);
  return () => {
    const hash = hashNamed(digest);
    if (keylen === 0) return Buffer.alloc(0);
    const key = pbkdf2Of(hash, secret, saltBytes, { c: iterations, dkLen: keylen });
    return Buffer.from(key.buffer as ArrayBuffer);
  };
}

export function pbkdf2Sync(
  password: unknown,
  salt: unknown,
  iterations: unknown,
  keylen: unknown,
  digest?: unknown,
): Buffer {
  return pbkdf2Job(password, salt, iterations, keylen, digest)();
}

export function pbkdf2(
  password: unknown,
  salt: unknown,
  iterations: unknown,
  keylen: unknown,
  digest: unknown,
  callback?: unknown,
): void {
  const isWithoutDigest = typeof digest === 'function';
  const named = isWithoutDigest ? undefined : digest;
  const job = pbkdf2Job(password, salt, iterations, keylen, named);
  answer(isWithoutDigest ? digest : callback, job);
}

const SCRYPT_DEFAULTS = { N: 16_384, r: 8, p: 1, maxmem: 32 * 1024 * 1024 };
/** Either name of a cost may be given, not both. */
const COSTS = [
  ['N', 'cost'],
  ['r', 'blockSize'],
  ['p', 'parallelization'],
] as const;

function scryptCosts(options: unknown, dkLen: number): ScryptCosts {
  const costs = { ...SCRYPT_DEFAULTS };
  const given = (options ?? {}) as Readonly<Record<string, unknown>>;
  for (const [short, long] of COSTS) {
    if (given[short] !== undefined && given[long] !== undefined) {
      throw nodeError(Error, 'ERR_CRYPTO_SCRYPT_INVALID_PARAMETER', 'Invalid scrypt parameter');
    }
    const name = given[short] === undefined ? long : short;
    const value = given[name];
    if (value === undefined) continue;
    validateUint32(value, name);
    costs[short] = value || SCRYPT_DEFAULTS[short];
  }
  if (given.maxmem !== undefined) {
    validateInteger(given.maxmem, 'maxmem', 0);
    costs.maxmem = given.maxmem || SCRYPT_DEFAULTS.maxmem;
  }
  return { ...costs, dkLen };
}

/** The limits of RFC 7914 and of `maxmem`, counted as OpenSSL does. */
function requirePossible({ N, r, p, maxmem }: ScryptCosts): void {
  const refuse = (why: string): never => {
    throw nodeError(RangeError, 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS', `Invalid scrypt params${why}`);
  };
  if (N < 2 || !Number.isInteger(Math.log2(N))) refuse('');
  const isBeyondStandard = p > (2 ** 30 - 1) / r || (16 * r <= 63 && N >= 2 ** (16 * r));
  if (isBeyondStandard || 128 * r * p + 128 * r * (N + 2) > maxmem) {
    refuse(': error:030000AC:digital envelope routines::memory limit exceeded');
  }
}

function scryptJob(
  password: unknown,
  salt: unknown,
  keylen: unknown,
  options: unknown,
): Job<Buffer> {
  const secret = anyBytes(password, 'password');
  const saltBytes = anyBytes(salt, 'salt');
  validateInteger(keylen, 'keylen', 0, INT_MAX);
  const costs = scryptCosts(options, keylen);
  return () => {
    requirePossible(costs);
    if (keylen === 0) return Buffer.alloc(0);
    // The package counts memory in another way; what is refused is decided above.
    const key = scryptOf(secret, saltBytes, { ...costs, maxmem: Number.MAX_SAFE_INTEGER });
    return Buffer.from(key.buffer as ArrayBuffer);
  };
}

export function scryptSync(
  password: unknown,
  salt: unknown,
  keylen: unknown,
  options?: unknown,
): Buffer {
  return scryptJob(password, salt, keylen, options)();
}

export function scrypt(
  password: unknown,
  salt: unknown,
  keylen: unknown,
  options: unknown,
  callback?: unknown,
): void {
  const isWithoutOptions = callback === undefined;
  const job = scryptJob(password, salt, keylen, isWithoutOptions ? undefined : options);
  answer(isWithoutOptions ? options : callback, job);
}

const SOURCES = ['string', 'ArrayBuffer', 'TypedArray', 'DataView', 'Buffer'];
const INFO_BYTES_MAX = 1024;
/** Node's limit on the length, which the 255 blocks of RFC 5869 are below. */
const LENGTH_MAX = 2 ** 32;

function hkdfJob(
  digest: unknown,
  ikm: unknown,
  salt: unknown,
  info: unknown,
  length: unknown,
): Job<ArrayBuffer> {
  validateString(digest, 'digest');
  const expected = ['string', 'SecretKeyObject', ...SOURCES.slice(1)];
  const secret = isKeyObject(ikm) ? secretBytes(ikm) : anyBytes(ikm, 'ikm', 'utf8', expected);
  const saltBytes = anyBytes(salt, 'salt', 'utf8', SOURCES);
  const infoBytes = anyBytes(info, 'info', 'utf8', SOURCES);
  validateInteger(length, 'length', 0, LENGTH_MAX);
  if (infoBytes.length > INFO_BYTES_MAX) {
    const range = `must not contain more than ${INFO_BYTES_MAX} bytes`;
    throw outOfRange('info', range, infoBytes.length);
  }
  return () => {
    const hash = hashNamed(digest);
    if (length > 255 * hash.outputLen) {
      throw nodeError(RangeError, 'ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length');
    }
    if (length === 0) return new ArrayBuffer(0);
    return hkdfOf(hash, secret, saltBytes, infoBytes, length).slice().buffer as ArrayBuffer;
  };
}

export function hkdfSync(
  digest: unknown,
  ikm: unknown,
  salt: unknown,
  info: unknown,
  length: unknown,
): ArrayBuffer {
  return hkdfJob(digest, ikm, salt, info, length)();
}

export function hkdf(
  digest: unknown,
  ikm: unknown,
  salt: unknown,
  info: unknown,
  length: unknown,
  callback?: unknown,
): void {
  answer(callback, hkdfJob(digest, ikm, salt, info, length));
}
