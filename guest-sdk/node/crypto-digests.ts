/**
 * Hash functions by the names OpenSSL knows them by, as the @noble/hashes package computes them, and
 * what that package builds on them. Each part is evaluated when the first guest asks for it: the
 * tables of a hash nobody uses would lie in the memory of every guest.
 */

/** A hash under way. `digest` ends it. */
export interface Digest {
  readonly blockLen: number;
  /** Bytes of the digest. Functions of variable length may be given another before `digest`. */
  outputLen: number;
  update(bytes: Uint8Array): Digest;
  digest(): Uint8Array;
  clone(): Digest;
}

/** The package's own form of a hash function, which its other functions take. */
export interface HashFunction {
  (bytes: Uint8Array): Uint8Array;
  readonly outputLen: number;
  readonly blockLen: number;
  create(): Digest;
}

type Functions<Name extends string> = Readonly<Record<Name, HashFunction>>;
type Sha2 = Functions<'sha224' | 'sha256' | 'sha384' | 'sha512' | 'sha512_224' | 'sha512_256'>;
type Sha3 = Functions<'sha3_224' | 'sha3_256' | 'sha3_384' | 'sha3_512' | 'shake128' | 'shake256'>;

interface Hmac {
  readonly hmac: { create(hash: HashFunction, key: Uint8Array): Digest };
}
interface Pbkdf2 {
  pbkdf2(
    hash: HashFunction,
    password: Uint8Array,
    salt: Uint8Array,
    options: { readonly c: number; readonly dkLen: number },
  ): Uint8Array;
}
export interface ScryptCosts {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly dkLen: number;
  readonly maxmem: number;
}
interface Scrypt {
  scrypt(password: Uint8Array, salt: Uint8Array, costs: ScryptCosts): Uint8Array;
}
interface Hkdf {
  hkdf(
    hash: HashFunction,
    key: Uint8Array,
    salt: Uint8Array,
    info: Uint8Array,
    length: number,
  ): Uint8Array;
}

/** The bundler's, which evaluates a package where it is called. */
declare function require(name: '@noble/hashes/sha2.js'): Sha2;
declare function require(name: '@noble/hashes/sha3.js'): Sha3;
declare function require(name: '@noble/hashes/blake2.js'): Functions<'blake2b' | 'blake2s'>;
declare function require(name: '@noble/hashes/legacy.js'): Functions<'md5' | 'sha1' | 'ripemd160'>;
declare function require(name: '@noble/hashes/hmac.js'): Hmac;
declare function require(name: '@noble/hashes/pbkdf2.js'): Pbkdf2;
declare function require(name: '@noble/hashes/scrypt.js'): Scrypt;
declare function require(name: '@noble/hashes/hkdf.js'): Hkdf;

const sha2 = (): Sha2 => require('@noble/hashes/sha2.js');
const sha3 = (): Sha3 => require('@noble/hashes/sha3.js');

const FUNCTIONS: Readonly<Record<string, () => HashFunction>> = {
  md5: () => require('@noble/hashes/legacy.js').md5,
  sha1: () => require('@noble/hashes/legacy.js').sha1,
  ripemd160: () => require('@noble/hashes/legacy.js').ripemd160,
  sha224: () => sha2().sha224,
  sha256: () => sha2().sha256,
  sha384: () => sha2().sha384,
  sha512: () => sha2().sha512,
  'sha512-224': () => sha2().sha512_224,
  'sha512-256': () => sha2().sha512_256,
  'sha3-224': () => sha3().sha3_224,
  'sha3-256': () => sha3().sha3_256,
  'sha3-384': () => sha3().sha3_384,
  'sha3-512': () => sha3().sha3_512,
  shake128: () => sha3().shake128,
  shake256: () => sha3().shake256,
  blake2b512: () => require('@noble/hashes/blake2.js').blake2b,
  blake2s256: () => require('@noble/hashes/blake2.js').blake2s,
};

/** Further names, in lower case: of OpenSSL's providers and of signatures by a hash. */
const ALIASES: Readonly<Record<string, string>> = {
  md5: 'ssl3-md5 rsa-md5 md5withrsaencryption',
  sha1: 'sha-1 ssl3-sha1 rsa-sha1 rsa-sha1-2 sha1withrsaencryption',
  ripemd160: 'ripemd ripemd-160 rmd160 rsa-ripemd160 ripemd160withrsa',
  sha224: 'sha-224 sha2-224 rsa-sha224 sha224withrsaencryption',
  sha256: 'sha-256 sha2-256 rsa-sha256 sha256withrsaencryption',
  sha384: 'sha-384 sha2-384 rsa-sha384 sha384withrsaencryption',
  sha512: 'sha-512 sha2-512 rsa-sha512 sha512withrsaencryption',
  'sha512-224': 'sha-512/224 sha2-512/224 rsa-sha512/224 sha512-224withrsaencryption',
  'sha512-256': 'sha-512/256 sha2-512/256 rsa-sha512/256 sha512-256withrsaencryption',
  'sha3-224': 'rsa-sha3-224 id-rsassa-pkcs1-v1_5-with-sha3-224',
  'sha3-256': 'rsa-sha3-256 id-rsassa-pkcs1-v1_5-with-sha3-256',
  'sha3-384': 'rsa-sha3-384 id-rsassa-pkcs1-v1_5-with-sha3-384',
  'sha3-512': 'rsa-sha3-512 id-rsassa-pkcs1-v1_5-with-sha3-512',
  shake128: 'shake-128',
  shake256: 'shake-256',
  blake2b512: 'blake2b-512',
  blake2s256: 'blake2s-256',
};

/** Every name above to its function's. Made when the first hash is. */
let names: Map<string, string> | undefined;

function allNames(): Map<string, string> {
  const all = new Map<string, string>();
  for (const [name, others] of Object.entries(ALIASES)) {
    for (const one of [name, ...others.split(' ')]) all.set(one, name);
  }
  return all;
}

/** The one name of a hash function by any of its names, or undefined if there is none. */
export function digestName(name: string): string | undefined {
  names ??= allNames();
  return names.get(name.toLowerCase());
}

/** The function of any of its names, or undefined if there is none. */
export function hashFunction(name: string): HashFunction | undefined {
  const known = digestName(name);
  return known === undefined ? undefined : FUNCTIONS[known]?.();
}

/** True for the functions whose digest has any length. */
export function isOfAnyLength(name: string): boolean {
  return digestName(name)?.startsWith('shake') === true;
}

export function hmacOf(hash: HashFunction, key: Uint8Array): Digest {
  return require('@noble/hashes/hmac.js').hmac.create(hash, key);
}

export function pbkdf2Of(
  hash: HashFunction,
  password: Uint8Array,
  salt: Uint8Array,
  options: { readonly c: number; readonly dkLen: number },
): Uint8Array {
  return require('@noble/hashes/pbkdf2.js').pbkdf2(hash, password, salt, options);
}

export function scryptOf(password: Uint8Array, salt: Uint8Array, costs: ScryptCosts): Uint8Array {
  return require('@noble/hashes/scrypt.js').scrypt(password, salt, costs);
}

export function hkdfOf(
  hash: HashFunction,
  key: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return require('@noble/hashes/hkdf.js').hkdf(hash, key, salt, info, length);
}
