/** Algorithms of WebCrypto by name: which operation knows them, and the parameters each asks for. */

import { DOMException } from '../web/dom-exception.ts';
import { hashFunction } from './crypto-digests.ts';
import { viewBytes } from './crypto-input.ts';
import { invalidArgType, nodeError } from './node-errors.ts';
import { isAnyArrayBuffer } from './util-types.ts';

export type Operation =
  | 'digest'
  | 'encrypt'
  | 'decrypt'
  | 'sign'
  | 'verify'
  | 'generateKey'
  | 'importKey'
  | 'deriveBits'
  | 'get key length';

/** An algorithm with its parameters in their types. */
export interface Algorithm {
  readonly name: string;
  readonly hash?: { readonly name: string };
  readonly length?: number;
  readonly iv?: Uint8Array;
  readonly counter?: Uint8Array;
  readonly additionalData?: Uint8Array;
  readonly tagLength?: number;
  readonly salt?: Uint8Array;
  readonly info?: Uint8Array;
  readonly iterations?: number;
}

/** Parameters: "!" behind a name that must be there. */
const AES_KEY_GEN = 'AesKeyGenParams length!';
const AES_CBC = 'AesCbcParams iv!';
const AES_CTR = 'AesCtrParams counter! length!';
const AES_GCM = 'AesGcmParams iv! tagLength additionalData';
const PBKDF2 = 'Pbkdf2Params hash! iterations! salt!';
const HKDF = 'HkdfParams hash! salt! info!';
const HMAC_IMPORT = 'HmacImportParams hash! length';
const DERIVED_AES = 'AesDerivedKeyParams length!';

const digests = { 'SHA-1': '', 'SHA-256': '', 'SHA-384': '', 'SHA-512': '' };
const ciphers = { 'AES-CBC': AES_CBC, 'AES-CTR': AES_CTR, 'AES-GCM': AES_GCM };
const forAes = (params: string): Record<string, string> => ({
  'AES-CBC': params,
  'AES-CTR': params,
  'AES-GCM': params,
});

const KNOWN: Readonly<Record<Operation, Readonly<Record<string, string>>>> = {
  digest: digests,
  encrypt: ciphers,
  decrypt: ciphers,
  sign: { HMAC: '' },
  verify: { HMAC: '' },
  generateKey: { ...forAes(AES_KEY_GEN), HMAC: 'HmacKeyGenParams hash! length' },
  importKey: { ...forAes(''), HMAC: HMAC_IMPORT, PBKDF2: '', HKDF: '' },
  deriveBits: { PBKDF2, HKDF },
  'get key length': { ...forAes(DERIVED_AES), HMAC: HMAC_IMPORT, PBKDF2: '', HKDF: '' },
};

export function notSupported(): Error {
  return new DOMException('Unrecognized algorithm name', 'NotSupportedError');
}

function notConverted(type: string, name: string): Error {
  const text = `Failed to normalize algorithm: passed algorithm can not be converted to '${type}' because '${name}' is required in '${type}'.`;
  return nodeError(TypeError, 'ERR_MISSING_OPTION', text);
}

/** A copy: what the program does to its own while it waits changes nothing. */
export function sourceBytes(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return viewBytes(value).slice();
  return isAnyArrayBuffer(value) ? new Uint8Array(value as ArrayBuffer).slice() : undefined;
}

function converted(name: string, value: unknown): unknown {
  if (name === 'hash') return normalize(value, 'digest');
  if (name === 'length' || name === 'tagLength' || name === 'iterations') {
    const number = Math.trunc(Number(value));
    if (!Number.isFinite(number) || number < 0 || number >= 2 ** 32) {
      throw invalidArgType(`algorithm.${name}`, 'unsigned long', value);
    }
    return number;
  }
  const bytes = sourceBytes(value);
  if (bytes === undefined) {
    throw invalidArgType(`algorithm.${name}`, ['ArrayBuffer', 'TypedArray', 'DataView'], value);
  }
  return bytes;
}

/** The algorithm an argument names, for `operation`. Names are compared without case. */
export function normalize(algorithm: unknown, operation: Operation): Algorithm {
  const isText = typeof algorithm !== 'object' || algorithm === null;
  const given = (isText ? { name: String(algorithm) } : algorithm) as Record<string, unknown>;
  if (given.name === undefined) throw notConverted('Algorithm', 'name');
  const wanted = String(given.name).toUpperCase();
  const table = KNOWN[operation];
  const name = Object.keys(table).find((one) => one.toUpperCase() === wanted);
  if (name === undefined) throw notSupported();
  const result: Record<string, unknown> = { name };
  const [type = '', ...params] = (table[name] ?? '').split(' ');
  for (const param of params) {
    const key = param.replace('!', '');
    const value = given[key];
    if (value !== undefined) result[key] = converted(key, value);
    else if (param.endsWith('!')) throw notConverted(type, key);
  }
  return result as unknown as Algorithm;
}

/** Bits of a block of the hash, which is how long a key for HMAC is unless said otherwise. */
export function blockBits(hash: string): number {
  return (hashFunction(hash)?.blockLen ?? 0) * 8;
}

const SECRET_USAGES: Readonly<Record<string, readonly string[]>> = {
  HMAC: ['sign', 'verify'],
  PBKDF2: ['deriveKey', 'deriveBits'],
  HKDF: ['deriveKey', 'deriveBits'],
};
const CIPHER_USAGES = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'];

/** SyntaxError for what a key of this algorithm cannot be used for. */
export function requireUsages(name: string, usages: readonly string[]): void {
  const allowed = SECRET_USAGES[name] ?? CIPHER_USAGES;
  if (usages.every((usage) => allowed.includes(usage))) return;
  const kind = name.startsWith('AES') ? 'an AES' : name === 'HMAC' ? 'an HMAC' : `a ${name}`;
  throw new DOMException(`Unsupported key usage for ${kind} key`, 'SyntaxError');
}
