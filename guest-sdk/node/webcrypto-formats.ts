/** Keys of WebCrypto in and out: raw bytes and JSON Web Keys. */

import { DOMException } from '../web/dom-exception.ts';
import { Buffer } from './buffer.ts';
import { withAsymmetric } from './crypto-asymmetric.ts';
import { type Algorithm, isOfPairs, requireUsages, sourceBytes } from './webcrypto-algorithms.ts';
import {
  bytesOfCryptoKey,
  type CryptoKey,
  idlError,
  type KeyAlgorithm,
  newCryptoKey,
} from './webcrypto-key.ts';

const FORMATS = ['raw', 'pkcs8', 'spki', 'jwk'];
const USAGES = [
  'encrypt',
  'decrypt',
  'sign',
  'verify',
  'deriveKey',
  'deriveBits',
  'wrapKey',
  'unwrapKey',
];
const ORDINALS = ['', '1st', '2nd', '3rd', '4th', '5th', '6th', '7th'];

interface KeyArguments {
  readonly extractable: boolean;
  readonly usages: readonly string[];
}

/** What every method that makes a key takes, read as WebIDL reads it. `position` is that of the usages. */
export function keyArguments(
  method: string,
  extractable: unknown,
  usages: unknown,
  position: number,
  format?: unknown,
): KeyArguments {
  if (format !== undefined && !FORMATS.includes(String(format))) {
    const text = `1st argument value '${String(format)}' is not a valid enum value of type KeyFormat.`;
    throw idlError('ERR_INVALID_ARG_VALUE', method, text);
  }
  if (typeof usages !== 'object' || usages === null || !(Symbol.iterator in usages)) {
    const text = `${ORDINALS[position]} argument can not be converted to sequence.`;
    throw idlError('ERR_INVALID_ARG_TYPE', method, text);
  }
  const list = [...(usages as Iterable<unknown>)].map(String);
  const at = list.findIndex((usage) => !USAGES.includes(usage));
  if (at >= 0) {
    const text = `${ORDINALS[position]} argument, index ${at} value '${list[at]}' is not a valid enum value of type KeyUsage.`;
    throw idlError('ERR_INVALID_ARG_VALUE', method, text);
  }
  return { extractable: Boolean(extractable), usages: list };
}

const dataError = (text: string): Error => new DOMException(text, 'DataError');

/** "HS256", "A128GCM": what a JSON Web Key calls the algorithm of a key. */
function jwkName({ name, length, hash }: KeyAlgorithm): string | undefined {
  if (name === 'HMAC') return hash?.name.replace('SHA-', 'HS');
  if (name.startsWith('AES-')) return `A${length}${name.slice(4)}`;
  return undefined;
}

interface Jwk {
  readonly kty?: unknown;
  readonly use?: unknown;
  readonly k?: unknown;
  readonly alg?: unknown;
  readonly ext?: unknown;
  readonly key_ops?: unknown;
}

/** What the key says of itself must not contradict what is asked of it. */
function requireAgreement(jwk: Jwk, name: string, { extractable, usages }: KeyArguments): void {
  const type = isOfPairs(name) ? withAsymmetric(({ pairs }) => pairs.jwkType(name)) : 'oct';
  if (jwk.kty !== type) throw dataError('Invalid JWK "kty" Parameter');
  const use = /^(?:AES|ECDH|X|RSA-OAEP)/.test(name) ? 'enc' : 'sig';
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) {
    throw dataError('Invalid JWK "use" Parameter');
  }
  const operations = jwk.key_ops;
  if (Array.isArray(operations) && !usages.every((usage) => operations.includes(usage))) {
    throw dataError('Key operations and usage mismatch');
  }
  if (jwk.ext !== undefined && jwk.ext === false && extractable) {
    throw dataError('JWK "ext" Parameter and extractable mismatch');
  }
  if (type === 'oct' && typeof jwk.k !== 'string') throw dataError('Invalid keyData');
}

/** Bytes, or a JSON Web Key that says nothing else than what is asked for. */
function keySource(
  format: unknown,
  data: unknown,
  name: string,
  asked: KeyArguments,
): Uint8Array | Jwk {
  if (String(format) === 'jwk') {
    const isDictionary = (typeof data === 'object' || typeof data === 'function') && data !== null;
    if (!isDictionary || sourceBytes(data) !== undefined) {
      const text = '2nd argument can not be converted to a dictionary';
      throw idlError('ERR_INVALID_ARG_TYPE', 'importKey', text);
    }
    if (name === 'PBKDF2' || name === 'HKDF') throw unsupportedImport(name, format);
    requireAgreement(data as Jwk, name, asked);
    return data as Jwk;
  }
  const bytes = sourceBytes(data);
  if (bytes === undefined) {
    const text = '2nd argument is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.';
    throw idlError('ERR_INVALID_ARG_TYPE', 'importKey', text);
  }
  if (String(format) !== 'raw' && !isOfPairs(name)) throw unsupportedImport(name, format);
  return bytes;
}

function unsupportedImport(name: string, format: unknown): Error {
  const text = `Unable to import ${name} using ${String(format)} format`;
  return new DOMException(text, 'NotSupportedError');
}

/** How long a key for HMAC is: what its bytes hold, or up to seven bits less if the program says so. */
function hmacBits(bytes: Uint8Array, wanted: number | undefined): number {
  if (bytes.length === 0) throw dataError('Zero-length key is not supported');
  const bits = bytes.length * 8;
  if (wanted !== undefined && wanted !== bits) throw dataError('Invalid key length');
  return bits;
}

export function importKey(
  format: unknown,
  data: unknown,
  wanted: Algorithm,
  extractable: boolean,
  usages: readonly string[],
): CryptoKey {
  const { name, hash, length } = wanted;
  if (isOfPairs(name)) {
    const source = keySource(format, data, name, { extractable, usages });
    return withAsymmetric(({ pairs }) =>
      pairs.importPair(String(format), source, wanted, { extractable, usages }),
    );
  }
  const isDerived = name === 'PBKDF2' || name === 'HKDF';
  if (isDerived && extractable) {
    throw new DOMException(`${name} keys are not extractable`, 'SyntaxError');
  }
  requireUsages(name, usages);
  const source = keySource(format, data, name, { extractable, usages });
  const isJwk = String(format) === 'jwk';
  const bytes = isJwk
    ? Buffer.from((source as Jwk).k as string, 'base64url')
    : (source as Uint8Array);
  const algorithm = importedAlgorithm(bytes, { name, hash, length });
  const stated = String(format) === 'jwk' ? (data as Jwk).alg : undefined;
  if (stated !== undefined && stated !== jwkName(algorithm)) {
    throw dataError('JWK "alg" does not match the requested algorithm');
  }
  if (usages.length === 0) {
    const text = 'Usages cannot be empty when importing a secret key.';
    throw new DOMException(text, 'SyntaxError');
  }
  return newCryptoKey({ bytes, algorithm, extractable, usages });
}

function importedAlgorithm(
  bytes: Uint8Array,
  { name, hash, length }: { name: string; hash: Algorithm['hash']; length: number | undefined },
): KeyAlgorithm {
  if (name === 'PBKDF2' || name === 'HKDF') return { name };
  if (name === 'HMAC' && hash !== undefined) return { name, hash, length: hmacBits(bytes, length) };
  const bits = bytes.length * 8;
  if (bits !== 128 && bits !== 192 && bits !== 256) throw dataError('Invalid key length');
  return { name, length: bits };
}

export function exportKey(format: unknown, key: CryptoKey): unknown {
  if (!key.extractable) {
    throw new DOMException('key is not extractable', 'InvalidAccessException');
  }
  if (key.type !== 'secret') {
    return withAsymmetric(({ pairs }) => pairs.exportPair(String(format), key));
  }
  const bytes = bytesOfCryptoKey(key);
  if (String(format) === 'raw') return bytes.slice().buffer;
  if (String(format) !== 'jwk') {
    const text = `Unable to export a ${String(format)} ${key.algorithm.name} secret key`;
    throw new DOMException(text, 'InvalidAccessError');
  }
  return {
    key_ops: [...key.usages],
    ext: key.extractable,
    kty: 'oct',
    k: Buffer.from(bytes).toString('base64url'),
    alg: jwkName(key.algorithm),
  };
}
