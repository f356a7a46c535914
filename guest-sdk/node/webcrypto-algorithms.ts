/** Algorithms of WebCrypto by name: which operation knows them, and the parameters each asks for. */

import { DOMException } from '../web/dom-exception.ts';
import { hashFunction } from './crypto-digests.ts';
import { viewBytes } from './crypto-input.ts';
import { invalidArgType, nodeError } from './node-errors.ts';
import { isAnyArrayBuffer } from './util-types.ts';
import { type CryptoKey, isCryptoKey } from './webcrypto-key.ts';

export type Operation =
  | 'digest'
  | 'encrypt'
  | 'decrypt'
  | 'sign'
  | 'verify'
  | 'generateKey'
  | 'importKey'
  | 'deriveBits'
  | 'wrapKey'
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
  readonly saltLength?: number;
  readonly modulusLength?: number;
  readonly publicExponent?: Uint8Array;
  readonly namedCurve?: string;
  readonly label?: Uint8Array;
  readonly context?: Uint8Array;
  readonly public?: CryptoKey;
}

/** Parameters: "!" behind a name that must be there. */
const AES_KEY_GEN = 'AesKeyGenParams length!';
const AES_CBC = 'AesCbcParams iv!';
const AES_CTR = 'AesCtrParams counter! length!';
const AES_GCM = 'AesGcmParams iv! tagLength additionalData';
const PBKDF2 = 'Pbkdf2Params hash! iterations! salt!';
const HKDF = 'HkdfParams hash! salt! info!';
const HMAC_IMPORT = 'HmacImportParams hash! length';
const RSA_KEY_GEN = 'RsaHashedKeyGenParams hash! modulusLength! publicExponent!';
const RSA_IMPORT = 'RsaHashedImportParams hash!';
const RSA_PSS = 'RsaPssParams saltLength!';
const RSA_OAEP = 'RsaOaepParams label';
const EC_KEY_GEN = 'EcKeyGenParams namedCurve!';
const EC_IMPORT = 'EcKeyImportParams namedCurve!';
const ECDSA = 'EcdsaParams hash!';
const ECDH = 'EcdhKeyDeriveParams public!';
const ED448 = 'Ed448Params context';
const DERIVED_AES = 'AesDerivedKeyParams length!';

const digests = { 'SHA-1': '', 'SHA-256': '', 'SHA-384': '', 'SHA-512': '' };
const ciphers = {
  'RSA-OAEP': RSA_OAEP,
  'AES-CBC': AES_CBC,
  'AES-CTR': AES_CTR,
  'AES-GCM': AES_GCM,
};
const signatures = {
  'RSASSA-PKCS1-v1_5': '',
  'RSA-PSS': RSA_PSS,
  ECDSA,
  Ed25519: '',
  Ed448: ED448,
  HMAC: '',
};
const agreements = { ECDH, X25519: ECDH, X448: ECDH };
const forPairs = (rsa: string, ec: string): Record<string, string> => ({
  'RSASSA-PKCS1-v1_5': rsa,
  'RSA-PSS': rsa,
  'RSA-OAEP': rsa,
  ECDSA: ec,
  ECDH: ec,
  Ed25519: '',
  Ed448: '',
  X25519: '',
  X448: '',
});
const wraps = { 'AES-KW': '' };
const forAes = (params: string): Record<string, string> => ({
  'AES-KW': params,
  'AES-CBC': params,
  'AES-CTR': params,
  'AES-GCM': params,
});

const KNOWN: Readonly<Record<Operation, Readonly<Record<string, string>>>> = {
  digest: digests,
  encrypt: ciphers,
  decrypt: ciphers,
  sign: signatures,
  verify: signatures,
  generateKey: {
    ...forPairs(RSA_KEY_GEN, EC_KEY_GEN),
    ...forAes(AES_KEY_GEN),
    HMAC: 'HmacKeyGenParams hash! length',
  },
  importKey: {
    ...forPairs(RSA_IMPORT, EC_IMPORT),
    ...forAes(''),
    HMAC: HMAC_IMPORT,
    PBKDF2: '',
    HKDF: '',
  },
  wrapKey: wraps,
  deriveBits: { PBKDF2, HKDF, ...agreements },
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

const NUMBERS = ['length', 'tagLength', 'iterations', 'saltLength', 'modulusLength'];

function converted(name: string, value: unknown): unknown {
  if (name === 'hash') return normalize(value, 'digest');
  if (name === 'namedCurve') return String(value);
  if (name === 'public') {
    if (isCryptoKey(value)) return value;
    throw invalidArgType('algorithm.public', 'CryptoKey', value);
  }
  if (NUMBERS.includes(name)) {
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

const SIGNING = ['sign', 'verify'];
const DERIVING = ['deriveKey', 'deriveBits'];
const USAGES: Readonly<Record<string, readonly string[]>> = {
  'AES-KW': ['wrapKey', 'unwrapKey'],
  HMAC: SIGNING,
  PBKDF2: DERIVING,
  HKDF: DERIVING,
  'RSASSA-PKCS1-v1_5': SIGNING,
  'RSA-PSS': SIGNING,
  ECDSA: SIGNING,
  Ed25519: SIGNING,
  Ed448: SIGNING,
  ECDH: DERIVING,
  X25519: DERIVING,
  X448: DERIVING,
};
/** What wraps keys: the ciphers, and what does nothing else. */
export function normalizeWrap(algorithm: unknown, decrypts: boolean): Algorithm {
  const { name } = Object(algorithm) as { name?: unknown };
  const wanted = String(typeof algorithm === 'string' ? algorithm : name).toUpperCase();
  const isWrap = Object.hasOwn(wraps, wanted);
  return normalize(algorithm, isWrap ? 'wrapKey' : decrypts ? 'decrypt' : 'encrypt');
}

const CIPHER_USAGES = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'];

/** True for algorithms whose keys come in pairs. */
export function isOfPairs(name: string): boolean {
  return Object.hasOwn(KNOWN.generateKey, name) && !name.startsWith('AES') && name !== 'HMAC';
}

const AN = /^(?:AES|HMAC|EC|Ed|X)/;

/** "an AES", "an ECDSA", "a RSA", as Node says it. */
function kindOf(name: string): string {
  const kind = /^(?:AES|RSA)/.exec(name)?.[0] ?? name;
  return `${AN.test(name) ? 'an' : 'a'} ${kind}`;
}

/** SyntaxError for what a key of this algorithm, or the half of a pair that may be `allowed`, cannot be used for. */
export function requireUsages(
  name: string,
  usages: readonly string[],
  allowed: readonly string[] = USAGES[name] ?? CIPHER_USAGES,
): void {
  if (usages.every((usage) => allowed.includes(usage))) return;
  throw new DOMException(`Unsupported key usage for ${kindOf(name)} key`, 'SyntaxError');
}
