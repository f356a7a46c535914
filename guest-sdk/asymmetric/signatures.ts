/** Signatures of digests and messages by any key, with the options and refusals of OpenSSL. */

import { digestName, hashFunction } from '../node/crypto-digests.ts';
import { opensslError } from '../node/crypto-input.ts';
import { nodeError } from '../node/node-errors.ts';
import { concat, ofInteger, toInteger } from './bytes.ts';
import { octetCurve, signHash, verifyHash } from './curves.ts';
import { DerError, DerReader, integer, sequence } from './der.ts';
import { type EcKey, isOctetKey, isRsa, type KeyData, type RsaKey } from './key-data.ts';
import { notForKeyType } from './key-errors.ts';
import type { Random } from './modular.ts';
import {
  HASH_OIDS,
  type PssOptions,
  RsaError,
  saltRoom,
  signPkcs1,
  signPss,
  verifyPkcs1,
  verifyPss,
} from './rsa.ts';

/** Numbers of OpenSSL (`crypto.constants`). */
export const PADDING = { pkcs1: 1, none: 3, oaep: 4, x931: 5, pss: 6 } as const;
const SALT = { digest: -1, auto: -2, max: -3 } as const;

export interface SignatureOptions {
  readonly padding?: number | undefined;
  readonly saltLength?: number | undefined;
  readonly dsaEncoding: 'der' | 'ieee-p1363';
}

function provider(number: string, reason: string): Error {
  return opensslError(number, 'Provider routines', reason);
}

const RSA_NUMBERS: Readonly<Record<string, string>> = {
  'digest too big for rsa key': '02000070',
  'data too large for key size': '0200006E',
  'data too small for key size': '0200007A',
  'data too large for modulus': '02000084',
  'data greater than mod len': '0200006C',
  'oaep decoding error': '02000079',
  'invalid padding': '0200008A',
  'internal error': '020C0103',
};

/** What OpenSSL's RSA says instead of `error`. */
export function rsaRefusal(error: unknown): unknown {
  if (!(error instanceof RsaError)) return error;
  const reason = error.message === 'padding check failed' ? 'invalid padding' : error.message;
  return opensslError(RSA_NUMBERS[reason] ?? '020C0103', 'rsa routines', reason);
}

function rsaPadding(key: RsaKey, asked: number | undefined): 'pkcs1' | 'pss' {
  const isPss = key.type === 'rsa-pss';
  const padding = asked ?? (isPss ? PADDING.pss : PADDING.pkcs1);
  if (padding === PADDING.pss) return 'pss';
  if (padding === PADDING.pkcs1 && !isPss) return 'pkcs1';
  if (padding === PADDING.none) throw provider('1C8000A8', 'invalid padding mode');
  if (padding === PADDING.x931) throw provider('1C8000AA', 'invalid x931 digest');
  throw provider('1C8000A5', 'illegal or unsupported padding mode');
}

function pssOptions(
  key: RsaKey,
  hash: string,
  asked: number | undefined,
  verifies: boolean,
): PssOptions {
  const { limits } = key;
  if (limits !== undefined && limits.hash !== hash) {
    throw provider('1C8000AE', 'digest not allowed');
  }
  const mgf1Hash = limits?.mgf1Hash ?? hash;
  const salt = asked ?? (limits !== undefined && !verifies ? limits.saltLength : SALT.auto);
  if (salt < SALT.max) throw provider('1C800070', 'invalid salt length');
  if (salt === SALT.auto) return { hash, mgf1Hash, saltLength: verifies ? 'auto' : 'max' };
  if (salt === SALT.max) return { hash, mgf1Hash, saltLength: 'max' };
  const length = salt === SALT.digest ? (hashFunction(hash)?.outputLen ?? 0) : salt;
  if (limits !== undefined && length < limits.saltLength) {
    throw provider('1C8000AC', 'pss saltlen too small');
  }
  return { hash, mgf1Hash, saltLength: length };
}

/** Our own name of a hash that signatures can be of. */
function allowedHash(name: string): string {
  const hash = digestName(name) ?? '';
  if (HASH_OIDS[hash] === undefined) throw provider('1C8000AE', 'digest not allowed');
  return hash;
}

function toDer(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  const [r, s] = [signature.subarray(0, half), signature.subarray(half)];
  return sequence(integer(toInteger(r)), integer(toInteger(s)));
}

/** Undefined for what is no signature at all. */
function fromDer(signature: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const outer = new DerReader(signature);
    const inner = outer.sequence();
    const numbers = [inner.integer(), inner.integer()];
    inner.end();
    outer.end();
    if (numbers.some((value) => value < 0n || value >= 1n << BigInt(size * 8))) return undefined;
    return concat(...numbers.map((value) => ofInteger(value, size)));
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function verifyEc(
  key: EcKey,
  digest: Uint8Array,
  signature: Uint8Array,
  { dsaEncoding }: SignatureOptions,
): boolean {
  const { size } = key.curve;
  const plain = dsaEncoding === 'der' ? fromDer(signature, size) : signature;
  if (plain?.length !== size * 2) return false;
  return verifyHash(key.curve, key.point, digest, plain);
}

/** `hash`: any name of the function that made `digest`. */
export function signDigest(
  key: KeyData,
  hash: string,
  digest: Uint8Array,
  options: SignatureOptions,
  random: Random,
): Uint8Array {
  if (key.type === 'ec') {
    allowedHash(hash);
    const signature = signHash(key.curve, key.secret ?? new Uint8Array(), digest);
    return options.dsaEncoding === 'der' ? toDer(signature) : signature;
  }
  if (!isRsa(key)) throw notForKeyType();
  const padding = rsaPadding(key, options.padding);
  const known = allowedHash(hash);
  try {
    if (padding === 'pkcs1') return signPkcs1(key, known, digest);
    const pss = pssOptions(key, known, options.saltLength, false);
    if (saltRoom(key, known) < 0) throw new RsaError('data too large for key size');
    return signPss(key, digest, pss, random);
  } catch (error) {
    throw rsaRefusal(error);
  }
}

export function verifyDigest(
  key: KeyData,
  hash: string,
  digest: Uint8Array,
  signature: Uint8Array,
  options: SignatureOptions,
): boolean {
  if (key.type === 'ec') {
    allowedHash(hash);
    return verifyEc(key, digest, signature, options);
  }
  if (!isRsa(key)) throw notForKeyType();
  const padding = rsaPadding(key, options.padding);
  const known = allowedHash(hash);
  if (padding === 'pkcs1') return verifyPkcs1(key, known, digest, signature);
  return verifyPss(key, digest, signature, pssOptions(key, known, options.saltLength, true));
}

function digestOf(algorithm: string, data: Uint8Array): Uint8Array {
  const hash = hashFunction(algorithm);
  if (hash === undefined) {
    throw nodeError(TypeError, 'ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${algorithm}`);
  }
  return hash(data);
}

/** Undefined for Edwards curves, which hash for themselves. Any other key has a hash of its own. */
function hashFor(key: KeyData, algorithm: string | undefined): string | undefined {
  if (algorithm !== undefined) digestOf(algorithm, new Uint8Array());
  if (isOctetKey(key)) {
    if (octetCurve(key.type).sign === undefined) throw notForKeyType();
    if (algorithm !== undefined) throw provider('1C80007A', 'invalid digest');
    return undefined;
  }
  return algorithm ?? 'sha256';
}

export function signMessage(
  key: KeyData,
  algorithm: string | undefined,
  data: Uint8Array,
  options: SignatureOptions,
  random: Random,
): Uint8Array {
  const hash = hashFor(key, algorithm);
  if (hash !== undefined) return signDigest(key, hash, digestOf(hash, data), options, random);
  if (!isOctetKey(key) || key.secret === undefined) throw notForKeyType();
  return octetCurve(key.type).sign?.(data, key.secret) ?? new Uint8Array();
}

export function verifyMessage(
  key: KeyData,
  algorithm: string | undefined,
  data: Uint8Array,
  signature: Uint8Array,
  options: SignatureOptions,
): boolean {
  const hash = hashFor(key, algorithm);
  if (hash !== undefined) return verifyDigest(key, hash, digestOf(hash, data), signature, options);
  return isOctetKey(key) && octetCurve(key.type).verify?.(signature, data, key.key) === true;
}
