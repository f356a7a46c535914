/** Key pairs of WebCrypto: new ones, signatures, encryption, and secrets two of them share. */

import { digestName } from '../node/crypto-digests.ts';
import type { Algorithm } from '../node/webcrypto-algorithms.ts';
import {
  type CryptoKey,
  dataOfCryptoKey,
  type KeyAlgorithm,
  newCryptoKey,
  operationError,
} from '../node/webcrypto-key.ts';
import { DOMException } from '../web/dom-exception.ts';
import { bitLength, ofInteger, toInteger } from './bytes.ts';
import { type Curve, curveNamed, type OctetCurveName, octetCurve, randomSecret } from './curves.ts';
import { agree } from './ecdh.ts';
import { ecKeyOf, isRsa, type KeyData, octetKeyOf, publicHalf, type RsaKey } from './key-data.ts';
import { random } from './key-objects.ts';
import { generateRsa, privateDecrypt, publicEncrypt } from './rsa.ts';
import { PADDING, type SignatureOptions, signMessage, verifyMessage } from './signatures.ts';

export { exportPair, importPair, jwkType } from './web-pair-forms.ts';

export interface Wish {
  readonly extractable: boolean;
  readonly usages: readonly string[];
}

const PUBLIC_USES = ['verify', 'encrypt', 'wrapKey'];
const PRIVATE_USES = ['sign', 'decrypt', 'unwrapKey', 'deriveKey', 'deriveBits'];

/** What a new or imported key says of itself. */
export function algorithmOf(key: KeyData, { name, hash }: Algorithm): KeyAlgorithm {
  if (key.type === 'ec') return { name, namedCurve: key.curve.jwk ?? key.curve.name };
  if (!isRsa(key)) return { name };
  const publicExponent = ofInteger(key.e);
  const its = { name, modulusLength: bitLength(key.n), publicExponent };
  return hash === undefined ? its : { ...its, hash };
}

/** P-256, P-384 and P-521 are WebCrypto's. */
export function webCurve(name: string | undefined): Curve {
  const curve = name?.startsWith('P-') ? curveNamed(name) : undefined;
  if (curve !== undefined) return curve;
  throw new DOMException('Unrecognized namedCurve', 'NotSupportedError');
}

function newPair({ name, ...algorithm }: Algorithm): KeyData {
  if (name === 'ECDSA' || name === 'ECDH') {
    const curve = webCurve(algorithm.namedCurve);
    return ecKeyOf(curve, randomSecret(curve, random));
  }
  if (!name.startsWith('RSA')) {
    const type = name.toLowerCase() as OctetCurveName;
    return octetKeyOf(type, random(octetCurve(type).size));
  }
  const bits = algorithm.modulusLength ?? 0;
  const exponent = toInteger(algorithm.publicExponent ?? new Uint8Array());
  if (bits < 512 || exponent < 3n || exponent % 2n === 0n || bitLength(exponent) > 32) {
    throw operationError();
  }
  return { type: 'rsa', ...generateRsa(bits, exponent, random) };
}

export function generatePair(
  algorithm: Algorithm,
  { extractable, usages }: Wish,
): { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey } {
  const privateUsages = usages.filter((usage) => PRIVATE_USES.includes(usage));
  const data = newPair(algorithm);
  if (privateUsages.length === 0) {
    throw new DOMException('Usages cannot be empty when creating a key.', 'SyntaxError');
  }
  const its = { algorithm: algorithmOf(data, algorithm), bytes: new Uint8Array() };
  return {
    publicKey: newCryptoKey({
      ...its,
      type: 'public',
      data: publicHalf(data),
      extractable: true,
      usages: usages.filter((usage) => PUBLIC_USES.includes(usage)),
    }),
    privateKey: newCryptoKey({ ...its, type: 'private', data, extractable, usages: privateUsages }),
  };
}

/** "SHA-256" is one of the names of our hashes. */
function hashOf(algorithm: Algorithm, key: CryptoKey): string | undefined {
  return algorithm.hash?.name ?? key.algorithm.hash?.name;
}

function signatureOptions({ name, saltLength }: Algorithm): SignatureOptions {
  const isPss = name === 'RSA-PSS';
  return {
    dsaEncoding: 'ieee-p1363',
    padding: isPss ? PADDING.pss : undefined,
    saltLength: isPss ? saltLength : undefined,
  };
}

function requireHalf(key: CryptoKey, type: string, verb: string): void {
  if (key.type === type) return;
  throw new DOMException(`Unable to use this key to ${verb}`, 'InvalidAccessError');
}

export function signWith(algorithm: Algorithm, key: CryptoKey, data: Uint8Array): Uint8Array {
  requireHalf(key, 'private', 'sign');
  const its = dataOfCryptoKey(key) as KeyData;
  try {
    return signMessage(its, hashOf(algorithm, key), data, signatureOptions(algorithm), random);
  } catch {
    throw operationError();
  }
}

export function verifyWith(
  algorithm: Algorithm,
  key: CryptoKey,
  signature: Uint8Array,
  data: Uint8Array,
): boolean {
  requireHalf(key, 'public', 'verify');
  const its = dataOfCryptoKey(key) as KeyData;
  const options = signatureOptions(algorithm);
  try {
    return verifyMessage(its, hashOf(algorithm, key), data, signature, options);
  } catch {
    throw operationError();
  }
}

/** RSA-OAEP, either way. */
export function cipherWith(
  algorithm: Algorithm,
  key: CryptoKey,
  data: Uint8Array,
  decrypts: boolean,
): Uint8Array {
  if (key.type !== (decrypts ? 'private' : 'public')) {
    const text = 'The requested operation is not valid for the provided key';
    throw new DOMException(text, 'InvalidAccessError');
  }
  const hash = digestName(key.algorithm.hash?.name ?? '') ?? '';
  const padding = { hash, label: algorithm.label ?? new Uint8Array() };
  const its = dataOfCryptoKey(key) as RsaKey;
  try {
    return decrypts
      ? privateDecrypt(its, data, padding)
      : publicEncrypt(its, data, padding, random);
  } catch {
    throw operationError();
  }
}

function invalidAccess(text: string): Error {
  return new DOMException(text, 'InvalidAccessError');
}

/** `bits` null: all there are. */
export function sharedWith(algorithm: Algorithm, key: CryptoKey, bits: number | null): Uint8Array {
  const their = algorithm.public;
  if (key.type !== 'private') throw invalidAccess('baseKey must be a private key');
  if (their?.type !== 'public') throw invalidAccess('algorithm.public must be a public key');
  if (their.algorithm.name !== key.algorithm.name) throw invalidAccess('Key algorithm mismatch');
  if (their.algorithm.namedCurve !== key.algorithm.namedCurve) {
    throw invalidAccess('Named curve mismatch');
  }
  let secret: Uint8Array;
  try {
    secret = agree(dataOfCryptoKey(key) as KeyData, dataOfCryptoKey(their) as KeyData);
  } catch {
    throw operationError();
  }
  if (bits === null) return secret;
  const length = Math.ceil(bits / 8);
  if (secret.length < length) throw operationError('derived bit length is too small');
  return secret.slice(0, length);
}
