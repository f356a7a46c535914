/** Key objects of key pairs: `createPublicKey`, `createPrivateKey`, and how they are written. */

import { traps } from '../drivers/traps.ts';
import { Buffer } from '../node/buffer.ts';
import { dataOfKey, KeyHandle, KeyObject } from '../node/crypto-keys.ts';
import { nodeError } from '../node/node-errors.ts';
import { validateObject } from '../node/validators.ts';
import { bitLength, ofText } from './bytes.ts';
import { writeJwk } from './jwk.ts';
import { type Encoding, readEncoding, readKey, readPublicKey } from './key-arguments.ts';
import { isRsa, type KeyData, publicHalf, type RsaKey } from './key-data.ts';
import { incompatible } from './key-errors.ts';
import { writePkcs1, writePkcs1Public, writePkcs8, writeSec1, writeSpki } from './key-forms.ts';
import { keyCipher, sealPem, sealPkcs8 } from './pbes.ts';
import { toPem } from './pem.ts';

export function random(length: number): Uint8Array {
  return new Uint8Array(traps.entropy(length));
}

function detailsOf(key: KeyData): Record<string, unknown> {
  if (key.type === 'ec') return { namedCurve: key.curve.name };
  if (!isRsa(key)) return {};
  const details = { modulusLength: bitLength(key.n), publicExponent: key.e };
  if (key.limits === undefined) return details;
  const { hash, mgf1Hash, saltLength } = key.limits;
  return { ...details, hashAlgorithm: hash, mgf1HashAlgorithm: mgf1Hash, saltLength };
}

class AsymmetricKeyObject extends KeyObject {
  get asymmetricKeyType(): string {
    return (dataOfKey(this) as KeyData).type;
  }

  get asymmetricKeyDetails(): Record<string, unknown> {
    return detailsOf(dataOfKey(this) as KeyData);
  }
}

export class PublicKeyObject extends AsymmetricKeyObject {
  constructor(handle: KeyHandle) {
    super('public', handle);
  }

  export(options?: unknown): unknown {
    const key = dataOfKey(this) as KeyData;
    if ((options as { readonly format?: unknown } | undefined)?.format === 'jwk') {
      return writeJwk(key);
    }
    validateObject(options, 'options');
    const encoding = readEncoding(options as object, {
      keyType: key.type,
      isPublic: true,
      isInput: false,
    });
    return writePublic(key, encoding);
  }
}

export class PrivateKeyObject extends AsymmetricKeyObject {
  constructor(handle: KeyHandle) {
    super('private', handle);
  }

  export(options?: unknown): unknown {
    const key = dataOfKey(this) as KeyData;
    const given = options as { readonly format?: unknown; readonly passphrase?: unknown };
    if (given?.format === 'jwk') {
      if (given.passphrase !== undefined) throw incompatible('jwk', 'does not support encryption');
      return writeJwk(key);
    }
    validateObject(options, 'options');
    const encoding = readEncoding(options as object, {
      keyType: key.type,
      isPublic: false,
      isInput: false,
    });
    return writePrivate(key, encoding);
  }
}

/** A copy in memory of its own: what is written to it reaches no key. */
function ownBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

export function writePublic(key: KeyData, { format, type }: Encoding): unknown {
  if (format === 'jwk') return writeJwk(publicHalf(key));
  const isPkcs1 = type === 'pkcs1';
  const der = isPkcs1 ? writePkcs1Public(key as RsaKey) : writeSpki(key);
  if (format === 'der') return ownBuffer(der);
  return toPem(isPkcs1 ? 'RSA PUBLIC KEY' : 'PUBLIC KEY', der);
}

function plainForm(
  key: KeyData,
  type: Encoding['type'],
): { readonly der: Uint8Array; readonly label: string } {
  if (type === 'pkcs1') return { der: writePkcs1(key as RsaKey), label: 'RSA PRIVATE KEY' };
  if (type !== 'sec1') return { der: writePkcs8(key), label: 'PRIVATE KEY' };
  if (key.type !== 'ec') throw incompatible('sec1', 'can only be used for EC keys');
  return { der: writeSec1(key, { namesCurve: true }), label: 'EC PRIVATE KEY' };
}

export function writePrivate(key: KeyData, encoding: Encoding): unknown {
  const { format, type, cipher, passphrase = ofText('') } = encoding;
  if (format === 'jwk') return writeJwk(key);
  const { der, label } = plainForm(key, type);
  if (cipher === undefined) return format === 'der' ? ownBuffer(der) : toPem(label, der);
  if (keyCipher(cipher) === undefined) {
    throw nodeError(Error, 'ERR_CRYPTO_UNKNOWN_CIPHER', 'Unknown cipher');
  }
  const encryption = { cipher, passphrase, random };
  if (type !== 'pkcs8') {
    const { bytes, headers } = sealPem(der, encryption);
    return toPem(label, bytes, headers);
  }
  const sealed = sealPkcs8(der, encryption);
  return format === 'der' ? ownBuffer(sealed) : toPem('ENCRYPTED PRIVATE KEY', sealed);
}

export function publicKeyObject(key: KeyData): PublicKeyObject {
  const half = publicHalf(key);
  return new PublicKeyObject(new KeyHandle(() => writeSpki(half), half));
}

export function privateKeyObject(key: KeyData): PrivateKeyObject {
  return new PrivateKeyObject(new KeyHandle(() => writePkcs8(key), key));
}

export function createPublicKey(key: unknown): PublicKeyObject {
  return publicKeyObject(readPublicKey(key, 'create public'));
}

export function createPrivateKey(key: unknown): PrivateKeyObject {
  return privateKeyObject(readKey(key, 'create private'));
}

/** A key object of either half. */
export function newKeyObject(type: 'public' | 'private', key: KeyData): KeyObject {
  return type === 'public' ? publicKeyObject(key) : privateKeyObject(key);
}
