/** Keys that sign logs: Ed25519, as PEM or as 64 hex digits. Known to every thread, as log-keys.ts says. */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { toHex } from '../../log-format/index.ts';
import { keyFileError, readKeyFile } from './log-keys.ts';

/** Under this name threads share the key. */
const SHARED_NAME = 'hv.signKey';
/** DER of an Ed25519 key around its 32 bytes (RFC 8410). */
const PRIVATE_PREFIX = '302e020100300506032b657004220420';
const PUBLIC_PREFIX = '302a300506032b6570032100';
const RAW_KEY = /^[0-9a-fA-F]{64}$/;

/** As plain data, so that threads can share it. */
export interface SignKey {
  /** PKCS#8, PEM. */
  readonly pem: string;
  /** Hex, 32 bytes: of the public key. */
  readonly publicKey: string;
  /** Where it was read, absolute. */
  readonly file: string;
}

/** From now on segments that end are signed, here and in threads started later. */
export function useSignKey(key: SignKey | undefined): void {
  setEnvironmentData(SHARED_NAME, key as unknown as string);
}

export function signKey(): SignKey | undefined {
  return getEnvironmentData(SHARED_NAME) as unknown as SignKey | undefined;
}

/** Throws HV_E_LOG_KEY. */
export function readSignKey(file: string): SignKey {
  const text = readKeyFile(file).trim();
  try {
    const key = RAW_KEY.test(text)
      ? createPrivateKey({
          key: Buffer.from(PRIVATE_PREFIX + text, 'hex'),
          format: 'der',
          type: 'pkcs8',
        })
      : createPrivateKey(text);
    return signKeyOf(key, file);
  } catch (error) {
    throw keyFileError(file, 'it holds no private key of Ed25519, as PEM or 64 hex digits', error);
  }
}

/** A new one. `publicPem`: for who verifies. */
export function newSignKey(file: string): SignKey & { readonly publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const publicPem = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  return { ...signKeyOf(privateKey, file), publicPem };
}

/** The public key in a file: PEM, or 64 hex digits; the private one does, too. Hex. Throws HV_E_LOG_KEY. */
export function readPublicKey(file: string): string {
  const text = readKeyFile(file).trim();
  if (RAW_KEY.test(text)) return text.toLowerCase();
  try {
    return rawPublicKey(createPublicKey(text));
  } catch (error) {
    throw keyFileError(file, 'it holds no public key of Ed25519, as PEM or 64 hex digits', error);
  }
}

/** Hex. */
export function signText(text: string, key: SignKey): string {
  return toHex(sign(null, Buffer.from(text), createPrivateKey(key.pem)));
}

/** `publicKey` and `signature`: hex. False for anything that is no signature of it. */
export function isSignature(text: string, publicKey: string, signature: string): boolean {
  try {
    const key = createPublicKey({
      key: Buffer.from(PUBLIC_PREFIX + publicKey, 'hex'),
      format: 'der',
      type: 'spki',
    });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, 'hex'));
  } catch {
    // Bytes that are no key, or no signature, sign nothing.
    return false;
  }
}

function signKeyOf(key: KeyObject, file: string): SignKey {
  const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { pem, publicKey: rawPublicKey(createPublicKey(key)), file };
}

function rawPublicKey(key: KeyObject): string {
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('not a key of Ed25519');
  const der = toHex(key.export({ format: 'der', type: 'spki' }));
  return der.slice(PUBLIC_PREFIX.length);
}
