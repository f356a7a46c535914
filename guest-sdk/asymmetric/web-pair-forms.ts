/** Key pairs of WebCrypto in and out: SubjectPublicKeyInfo, PKCS #8, raw points, JSON Web Keys. */

import { isNodeError } from '../node/node-errors.ts';
import { type Algorithm, requireUsages } from '../node/webcrypto-algorithms.ts';
import { type CryptoKey, dataOfCryptoKey, newCryptoKey } from '../node/webcrypto-key.ts';
import { DOMException } from '../web/dom-exception.ts';
import { type OctetCurveName, octetCurve, uncompressed } from './curves.ts';
import { DerError, DerReader } from './der.ts';
import { readJwk, writeJwk } from './jwk.ts';
import { isOctetKey, isRsa, type KeyData } from './key-data.ts';
import { readPkcs8, readSpki, writePkcs8, writeSpki } from './key-forms.ts';
import { algorithmOf, type Wish, webCurve } from './web-pairs.ts';

function dataError(text = 'Invalid keyData'): Error {
  return new DOMException(text, 'DataError');
}

function orDataError<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError || isNodeError(error)) throw dataError();
    throw error;
  }
}

function isEc(name: string): boolean {
  return name === 'ECDSA' || name === 'ECDH';
}

function readRaw({ name, namedCurve }: Algorithm, bytes: Uint8Array): KeyData {
  if (isEc(name)) {
    const curve = webCurve(namedCurve);
    const point = uncompressed(curve, bytes);
    if (point === undefined) throw dataError();
    return { type: 'ec', curve, point };
  }
  if (name.startsWith('RSA')) {
    throw new DOMException('Unable to import RSA key with format raw', 'NotSupportedError');
  }
  const type = name.toLowerCase() as OctetCurveName;
  const { size } = octetCurve(type);
  if (bytes.length !== size) throw dataError(`${name} raw keys must be exactly ${size}-bytes`);
  return { type, key: bytes.slice() };
}

export interface Jwk {
  readonly kty?: unknown;
  readonly crv?: unknown;
  readonly d?: unknown;
  readonly alg?: unknown;
}

const RSA_NAMES: Readonly<Record<string, string>> = {
  'RSASSA-PKCS1-v1_5': 'RS',
  'RSA-PSS': 'PS',
  'RSA-OAEP': 'RSA-OAEP-',
};

/** "RS256", "RSA-OAEP": what a JSON Web Key calls an algorithm of RSA. */
function jwkName({ name, hash }: Algorithm): string | undefined {
  const prefix = RSA_NAMES[name];
  if (prefix === undefined) return undefined;
  const bits = hash?.name.replace('SHA-', '') ?? '';
  if (bits === '1' && name === 'RSA-OAEP') return name;
  return prefix + bits;
}

/** The type that a JSON Web Key of an algorithm has. */
export function jwkType(name: string): string {
  if (name.startsWith('RSA')) return 'RSA';
  return isEc(name) ? 'EC' : 'OKP';
}

function readWebJwk(algorithm: Algorithm, jwk: Jwk): KeyData {
  const { name, namedCurve } = algorithm;
  const curve = isEc(name) ? namedCurve : jwkType(name) === 'OKP' ? name : undefined;
  if (curve !== undefined && jwk.crv !== curve) {
    const what = isEc(name)
      ? 'JWK "crv" does not match the requested algorithm'
      : 'JWK "crv" Parameter and algorithm name mismatch';
    throw dataError(what);
  }
  const stated = jwk.alg;
  const expected = jwkName(algorithm) ?? (name.startsWith('Ed') ? 'EdDSA' : undefined);
  if (stated !== undefined && expected !== undefined && stated !== expected) {
    throw dataError('JWK "alg" does not match the requested algorithm');
  }
  return orDataError(() => readJwk(jwk, { isPublic: jwk.d === undefined }));
}

function requireKind(key: KeyData, { name, namedCurve }: Algorithm): void {
  const wanted = jwkType(name) === 'RSA' ? 'rsa' : isEc(name) ? 'ec' : name.toLowerCase();
  if (key.type !== wanted) throw dataError('Invalid key type');
  if (key.type === 'ec' && key.curve.jwk !== namedCurve) throw dataError('Named curve mismatch');
}

const PUBLIC_USES: Readonly<Record<string, readonly string[]>> = {
  ECDH: [],
  X25519: [],
  X448: [],
  'RSA-OAEP': ['encrypt', 'wrapKey'],
};
const PRIVATE_USES: Readonly<Record<string, readonly string[]>> = {
  ECDH: ['deriveKey', 'deriveBits'],
  X25519: ['deriveKey', 'deriveBits'],
  X448: ['deriveKey', 'deriveBits'],
  'RSA-OAEP': ['decrypt', 'unwrapKey'],
};

/** `data`: bytes, or a JSON Web Key whose members all say what is asked for. */
export function importPair(
  format: string,
  data: Uint8Array | Jwk,
  algorithm: Algorithm,
  { extractable, usages }: Wish,
): CryptoKey {
  const { name } = algorithm;
  if (isEc(name)) webCurve(algorithm.namedCurve);
  const isPrivate = format === 'pkcs8' || (format === 'jwk' && (data as Jwk).d !== undefined);
  const allowed = isPrivate ? (PRIVATE_USES[name] ?? ['sign']) : (PUBLIC_USES[name] ?? ['verify']);
  requireUsages(name, usages, allowed);
  const key = readForm(format, data, algorithm);
  requireKind(key, algorithm);
  if (isPrivate && usages.length === 0) {
    const text = 'Usages cannot be empty when importing a private key.';
    throw new DOMException(text, 'SyntaxError');
  }
  return newCryptoKey({
    bytes: new Uint8Array(),
    type: isPrivate ? 'private' : 'public',
    data: key,
    algorithm: algorithmOf(key, algorithm),
    extractable,
    usages,
  });
}

function readForm(format: string, data: Uint8Array | Jwk, algorithm: Algorithm): KeyData {
  if (format === 'jwk') return readWebJwk(algorithm, data as Jwk);
  const bytes = data as Uint8Array;
  if (format === 'raw') return readRaw(algorithm, bytes);
  const read = format === 'spki' ? readSpki : readPkcs8;
  return orDataError(() => read(new DerReader(bytes)));
}

function rawOf(key: KeyData): Uint8Array | undefined {
  if (key.type === 'ec') return key.point;
  return isOctetKey(key) ? key.key : undefined;
}

/** Of a key that may be exported. */
export function exportPair(format: string, key: CryptoKey): unknown {
  const data = dataOfCryptoKey(key) as KeyData;
  if (format === 'jwk') {
    const { name, hash } = key.algorithm;
    const alg = isRsa(data) ? { alg: jwkName({ name, ...(hash && { hash }) }) } : {};
    return { key_ops: [...key.usages], ext: key.extractable, ...writeJwk(data), ...alg };
  }
  const isPublic = key.type === 'public';
  const bytes =
    format === 'spki' && isPublic
      ? writeSpki(data)
      : format === 'pkcs8' && !isPublic
        ? writePkcs8(data)
        : format === 'raw' && isPublic
          ? rawOf(data)
          : undefined;
  if (bytes !== undefined) return bytes.slice().buffer;
  const text = `Unable to export a ${format} ${key.algorithm.name} ${key.type} key`;
  throw new DOMException(text, 'InvalidAccessError');
}
