/** RSA (RFC 8017): the two primitives, the paddings around them, and new keys. */

import { type HashFunction, hashFunction, hmacOf } from '../node/crypto-digests.ts';
import { areEqual, bitLength, concat, ofInteger, ofText, toInteger } from './bytes.ts';
import { nothing, octets, oid, sequence } from './der.ts';
import { modulusBytes, type RsaKey } from './key-data.ts';
import { greatestDivisor, inverse, power, type Random, randomPrime } from './modular.ts';

/** What cannot be done with this key or these bytes. Whoever calls says it in its own words. */
export class RsaError extends Error {}

function publicPower({ n, e }: RsaKey, block: Uint8Array): Uint8Array {
  const value = toInteger(block);
  if (value >= n) throw new RsaError('data too large for modulus');
  return ofInteger(power(value, e, n), ofInteger(n).length);
}

/** By the Chinese remainder theorem: a quarter of the work. */
function privatePower(key: RsaKey, block: Uint8Array): Uint8Array {
  const { n, secret } = key;
  if (secret === undefined) throw new RsaError('no private key');
  const value = toInteger(block);
  if (value >= n) throw new RsaError('data too large for modulus');
  const { p, q, dp, dq, qi } = secret;
  const atP = power(value, dp, p);
  const atQ = power(value, dq, q);
  const difference = (((atP - atQ) % p) + p) % p;
  const result = atQ + q * ((difference * qi) % p);
  // A key whose parts do not belong together would give its factors away.
  if (power(result, key.e, n) !== value) throw new RsaError('internal error');
  return ofInteger(result, ofInteger(n).length);
}

/** Identifiers of hashes, as signatures name them. */
export const HASH_OIDS: Readonly<Record<string, string>> = {
  md5: '1.2.840.113549.2.5',
  sha1: '1.3.14.3.2.26',
  ripemd160: '1.3.36.3.2.1',
  sha224: '2.16.840.1.101.3.4.2.4',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
  'sha512-224': '2.16.840.1.101.3.4.2.5',
  'sha512-256': '2.16.840.1.101.3.4.2.6',
  'sha3-224': '2.16.840.1.101.3.4.2.7',
  'sha3-256': '2.16.840.1.101.3.4.2.8',
  'sha3-384': '2.16.840.1.101.3.4.2.9',
  'sha3-512': '2.16.840.1.101.3.4.2.10',
};

function digestInfo(hash: string, digest: Uint8Array): Uint8Array {
  const identifier = HASH_OIDS[hash];
  if (identifier === undefined) throw new RsaError('invalid digest');
  return sequence(sequence(oid(identifier), nothing()), octets(digest));
}

/** 0x00 0x01, bytes of 0xff, 0x00, the message. */
function typeOne(message: Uint8Array, size: number): Uint8Array {
  const filled = size - message.length - 3;
  if (filled < 8) throw new RsaError('digest too big for rsa key');
  const fill = new Uint8Array(filled).fill(0xff);
  return concat(Uint8Array.of(0, 1), fill, Uint8Array.of(0), message);
}

function fromTypeOne(block: Uint8Array): Uint8Array {
  if (block[0] !== 0 || block[1] !== 1) throw new RsaError('padding check failed');
  let at = 2;
  while (block[at] === 0xff) at++;
  if (block[at] !== 0 || at < 10) throw new RsaError('padding check failed');
  return block.slice(at + 1);
}

/** EMSA-PKCS1-v1_5. `hash` is our own name of what gave `digest`. */
export function signPkcs1(key: RsaKey, hash: string, digest: Uint8Array): Uint8Array {
  return privatePower(key, typeOne(digestInfo(hash, digest), modulusBytes(key)));
}

export function verifyPkcs1(
  key: RsaKey,
  hash: string,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  return attempt(() => {
    const size = modulusBytes(key);
    if (signature.length !== size) return false;
    return areEqual(publicPower(key, signature), typeOne(digestInfo(hash, digest), size));
  });
}

function attempt(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof RsaError) return false;
    throw error;
  }
}

function hashNamed(name: string): HashFunction {
  const found = hashFunction(name);
  if (found === undefined) throw new RsaError('invalid digest');
  return found;
}

function mask(seed: Uint8Array, length: number, hash: HashFunction): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at * hash.outputLen < length; at++) {
    blocks.push(hash(concat(seed, ofInteger(BigInt(at), 4))));
  }
  return concat(...blocks).subarray(0, length);
}

function masked(data: Uint8Array, seed: Uint8Array, hash: HashFunction): Uint8Array {
  const bytes = mask(seed, data.length, hash);
  return data.map((byte, at) => byte ^ (bytes[at] as number));
}

export interface PssOptions {
  readonly hash: string;
  readonly mgf1Hash: string;
  /** Bytes, or as many as there is room for; any number when a signature is verified. */
  readonly saltLength: number | 'max' | 'auto';
}

/** Bits of the block: one less than the modulus has. */
function pssBits({ n }: RsaKey): number {
  return bitLength(n) - 1;
}

/** The longest salt there is room for. Negative if there is none for the hash alone. */
export function saltRoom(key: RsaKey, hash: string): number {
  return Math.ceil(pssBits(key) / 8) - hashNamed(hash).outputLen - 2;
}

export function signPss(
  key: RsaKey,
  digest: Uint8Array,
  { hash, mgf1Hash, saltLength }: PssOptions,
  random: Random,
): Uint8Array {
  const bits = pssBits(key);
  const size = Math.ceil(bits / 8);
  const room = saltRoom(key, hash);
  const length = typeof saltLength === 'number' ? saltLength : room;
  if (room < 0 || length > room) throw new RsaError('data too large for key size');
  const salt = random(length);
  const h = hashNamed(hash)(concat(new Uint8Array(8), digest, salt));
  const block = concat(new Uint8Array(room - length), Uint8Array.of(1), salt);
  const hidden = masked(block, h, hashNamed(mgf1Hash));
  hidden[0] = (hidden[0] as number) & (0xff >> (size * 8 - bits));
  const message = concat(hidden, h, Uint8Array.of(0xbc));
  return privatePower(key, concat(new Uint8Array(modulusBytes(key) - size), message));
}

export function verifyPss(
  key: RsaKey,
  digest: Uint8Array,
  signature: Uint8Array,
  options: PssOptions,
): boolean {
  return attempt(() => {
    if (signature.length !== modulusBytes(key)) return false;
    const bits = pssBits(key);
    const size = Math.ceil(bits / 8);
    const whole = publicPower(key, signature);
    const surplus = whole.length - size;
    if (whole.subarray(0, surplus).some((byte) => byte !== 0)) return false;
    return isPssBlock(whole.subarray(surplus), digest, bits, options);
  });
}

function isPssBlock(
  block: Uint8Array,
  digest: Uint8Array,
  bits: number,
  { hash, mgf1Hash, saltLength }: PssOptions,
): boolean {
  const hashLength = hashNamed(hash).outputLen;
  const end = block.length - hashLength - 1;
  if (end < 1 || block.at(-1) !== 0xbc) return false;
  const first = 0xff >> (block.length * 8 - bits);
  if (((block[0] as number) & ~first) !== 0) return false;
  const h = block.subarray(end, end + hashLength);
  const shown = masked(block.subarray(0, end), h, hashNamed(mgf1Hash));
  shown[0] = (shown[0] as number) & first;
  const at = shown.findIndex((byte) => byte !== 0);
  if (at < 0 || shown[at] !== 1) return false;
  const salt = shown.subarray(at + 1);
  if (typeof saltLength === 'number' && salt.length !== saltLength) return false;
  if (saltLength === 'max' && at !== 0) return false;
  return areEqual(h, hashNamed(hash)(concat(new Uint8Array(8), digest, salt)));
}

export interface OaepOptions {
  readonly hash: string;
  readonly label: Uint8Array;
}

function encodeOaep(
  message: Uint8Array,
  size: number,
  { hash, label }: OaepOptions,
  random: Random,
): Uint8Array {
  const maths = hashNamed(hash);
  const room = size - 2 * maths.outputLen - 2;
  if (room < 0 || message.length > room) throw new RsaError('data too large for key size');
  const fill = new Uint8Array(room - message.length);
  const block = concat(maths(label), fill, Uint8Array.of(1), message);
  const seed = random(maths.outputLen);
  const hidden = masked(block, seed, maths);
  return concat(Uint8Array.of(0), masked(seed, hidden, maths), hidden);
}

function decodeOaep(block: Uint8Array, { hash, label }: OaepOptions): Uint8Array {
  const maths = hashNamed(hash);
  const length = maths.outputLen;
  if (block.length < 2 * length + 2) throw new RsaError('oaep decoding error');
  const hidden = block.subarray(1 + length);
  const seed = masked(block.subarray(1, 1 + length), hidden, maths);
  const data = masked(hidden, seed, maths);
  // One answer for all that can be wrong, after all has been looked at (RFC 8017, 7.1.2).
  let isWrong = (block[0] as number) !== 0 || !areEqual(data.subarray(0, length), maths(label));
  let at = -1;
  for (let i = data.length - 1; i >= length; i--) if (data[i] !== 0) at = i;
  if (at < 0 || data[at] !== 1) isWrong = true;
  if (isWrong) throw new RsaError('oaep decoding error');
  return data.slice(at + 1);
}

function encodePkcs1(message: Uint8Array, size: number, random: Random): Uint8Array {
  const filled = size - message.length - 3;
  if (filled < 8) throw new RsaError('data too large for key size');
  const fill = new Uint8Array(filled);
  for (let at = 0; at < filled; ) {
    for (const byte of random(filled - at)) if (byte !== 0) fill[at++] = byte;
  }
  return concat(Uint8Array.of(0, 2), fill, Uint8Array.of(0), message);
}

function pseudoRandom(key: Uint8Array, label: string, length: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  const sha256 = hashNamed('sha256');
  for (let at = 0; at * 32 < length; at++) {
    const input = concat(ofInteger(BigInt(at), 2), ofText(label), ofInteger(BigInt(length * 8), 2));
    blocks.push(hmacOf(sha256, key).update(input).digest());
  }
  return concat(...blocks).subarray(0, length);
}

/**
 * A message that looks like one and depends on key and block alone, in the place of an error: whoever
 * can tell a bad padding from a good one can read any message (Bleichenbacher 1998). As OpenSSL's
 * implicit rejection.
 */
function decodePkcs1(key: RsaKey, sent: Uint8Array, block: Uint8Array): Uint8Array {
  const size = block.length;
  const d = ofInteger(key.secret?.d ?? 0n, size);
  const seed = hmacOf(hashNamed('sha256'), hashNamed('sha256')(d)).update(sent).digest();
  const substitute = pseudoRandom(seed, 'message', size);
  const lengths = pseudoRandom(seed, 'length', 256);
  const longest = size - 11;
  const limitMask = (1 << bitLength(BigInt(longest))) - 1;
  let length = 0;
  for (let at = 0; at < 256; at += 2) {
    const drawn = (((lengths[at] as number) << 8) | (lengths[at + 1] as number)) & limitMask;
    if (drawn < longest) length = drawn;
  }
  const at = block.indexOf(0, 2);
  const isGood = block[0] === 0 && block[1] === 2 && at >= 10;
  return isGood ? block.slice(at + 1) : substitute.slice(size - length);
}

/** `undefined` in place of the options of OAEP: PKCS #1 v1.5; `none`: the block as it is. */
export type Padding = OaepOptions | 'pkcs1' | 'none';

function raw(message: Uint8Array, size: number): Uint8Array {
  if (message.length > size) throw new RsaError('data too large for key size');
  if (message.length < size) throw new RsaError('data too small for key size');
  return message;
}

export function publicEncrypt(
  key: RsaKey,
  message: Uint8Array,
  padding: Padding,
  random: Random,
): Uint8Array {
  const size = modulusBytes(key);
  if (padding === 'none') return publicPower(key, raw(message, size));
  const block =
    padding === 'pkcs1'
      ? encodePkcs1(message, size, random)
      : encodeOaep(message, size, padding, random);
  return publicPower(key, block);
}

export function privateDecrypt(key: RsaKey, sent: Uint8Array, padding: Padding): Uint8Array {
  const size = modulusBytes(key);
  if (sent.length > size) throw new RsaError('data greater than mod len');
  if (sent.length < size && padding !== 'none' && padding !== 'pkcs1') {
    throw new RsaError('oaep decoding error');
  }
  const whole = concat(new Uint8Array(size - sent.length), sent);
  const block = privatePower(key, whole);
  if (padding === 'none') return block;
  return padding === 'pkcs1' ? decodePkcs1(key, whole, block) : decodeOaep(block, padding);
}

/** Signs bytes that are no digest, as `privateEncrypt` does. */
export function privateEncrypt(
  key: RsaKey,
  message: Uint8Array,
  padding: 'pkcs1' | 'none',
): Uint8Array {
  const size = modulusBytes(key);
  if (padding === 'none') return privatePower(key, raw(message, size));
  if (message.length > size - 11) throw new RsaError('data too large for key size');
  return privatePower(key, typeOne(message, size));
}

export function publicDecrypt(
  key: RsaKey,
  sent: Uint8Array,
  padding: 'pkcs1' | 'none',
): Uint8Array {
  if (sent.length > modulusBytes(key)) throw new RsaError('data greater than mod len');
  const block = publicPower(key, sent);
  return padding === 'none' ? block : fromTypeOne(block);
}

export function secretOf(
  d: bigint,
  p: bigint,
  q: bigint,
): NonNullable<RsaKey['secret']> | undefined {
  const qi = inverse(q, p);
  return qi === undefined ? undefined : { d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi };
}

/** FIPS 186-5, A.1.3, but for its lower bound on the distance of the primes, which chance keeps. */
export function generateRsa(
  bits: number,
  e: bigint,
  random: Random,
): Pick<RsaKey, 'n' | 'e'> & {
  readonly secret: NonNullable<RsaKey['secret']>;
} {
  const suits = (prime: bigint): boolean => greatestDivisor(e, prime - 1n) === 1n;
  for (;;) {
    const first = randomPrime({ bits: Math.ceil(bits / 2), isLong: true }, random, suits);
    const second = randomPrime({ bits: Math.floor(bits / 2), isLong: true }, random, suits);
    const [p, q] = first > second ? [first, second] : [second, first];
    const n = p * q;
    if (p === q || bitLength(n) !== bits) continue;
    const order = ((p - 1n) * (q - 1n)) / greatestDivisor(p - 1n, q - 1n);
    const d = inverse(e, order);
    const secret = d === undefined ? undefined : secretOf(d, p, q);
    if (secret !== undefined) return { n, e, secret };
  }
}
