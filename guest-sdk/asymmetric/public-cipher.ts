/** `publicEncrypt` and its three kin of `node:crypto`. */

import { Buffer } from '../node/buffer.ts';
import { digestName } from '../node/crypto-digests.ts';
import { anyBytes, opensslError } from '../node/crypto-input.ts';
import { nodeError } from '../node/node-errors.ts';
import { validateString } from '../node/validators.ts';
import { readKey, readPublicKey } from './key-arguments.ts';
import { isRsa, type KeyData, type RsaKey } from './key-data.ts';
import { notForKeyType } from './key-errors.ts';
import { random } from './key-objects.ts';
import {
  privateDecrypt as decryptPrivately,
  publicDecrypt as decryptPublicly,
  privateEncrypt as encryptPrivately,
  publicEncrypt as encryptPublicly,
  type Padding,
} from './rsa.ts';
import { PADDING, rsaRefusal } from './signatures.ts';

interface CipherOptions {
  readonly padding?: unknown;
  readonly oaepHash?: unknown;
  readonly oaepLabel?: unknown;
  readonly encoding?: unknown;
}

function provider(number: string, reason: string): Error {
  return opensslError(number, 'Provider routines', reason);
}

function requireRsa(key: KeyData): RsaKey {
  if (!isRsa(key)) throw notForKeyType();
  if (key.type === 'rsa') return key;
  throw provider('1C8000B2', 'operation not supported for this keytype');
}

/** What the key argument says besides the key. */
function optionsOf(key: unknown): CipherOptions {
  return typeof key === 'object' && key !== null ? (key as CipherOptions) : {};
}

function unsupportedPadding(): Error {
  return provider('1C8000A5', 'illegal or unsupported padding mode');
}

function readPadding(options: CipherOptions): Padding {
  const { padding = PADDING.oaep, oaepHash, oaepLabel, encoding } = options;
  if (oaepHash !== undefined) validateString(oaepHash, 'key.oaepHash');
  const label =
    oaepLabel === undefined ? new Uint8Array() : anyBytes(oaepLabel, 'key.oaepLabel', encoding);
  if (padding === PADDING.pkcs1) return 'pkcs1';
  if (padding === PADDING.none) return 'none';
  if (padding !== PADDING.oaep) throw unsupportedPadding();
  const hash = digestName(oaepHash ?? 'sha1');
  if (hash === undefined) {
    throw nodeError(Error, 'ERR_OSSL_EVP_INVALID_DIGEST', 'Invalid digest used');
  }
  return { hash, label: label.slice() };
}

function readPlainPadding({ padding = PADDING.pkcs1 }: CipherOptions): 'pkcs1' | 'none' {
  if (padding === PADDING.pkcs1) return 'pkcs1';
  if (padding === PADDING.none) return 'none';
  throw unsupportedPadding();
}

function run(act: () => Uint8Array): Buffer {
  try {
    return Buffer.from(act());
  } catch (error) {
    throw rsaRefusal(error);
  }
}

export function publicEncrypt(key: unknown, buffer: unknown): Buffer {
  const its = readPublicKey(key, 'use public');
  const options = optionsOf(key);
  const data = anyBytes(buffer, 'buffer', options.encoding);
  const padding = readPadding(options);
  return run(() => encryptPublicly(requireRsa(its), data, padding, random));
}

export function privateDecrypt(key: unknown, buffer: unknown): Buffer {
  const its = readKey(key, 'use private');
  const options = optionsOf(key);
  const data = anyBytes(buffer, 'buffer', options.encoding);
  const padding = readPadding(options);
  return run(() => decryptPrivately(requireRsa(its), data, padding));
}

export function privateEncrypt(key: unknown, buffer: unknown): Buffer {
  const its = readKey(key, 'use private');
  const options = optionsOf(key);
  const data = anyBytes(buffer, 'buffer', options.encoding);
  const padding = readPlainPadding(options);
  return run(() => encryptPrivately(requireRsa(its), data, padding));
}

export function publicDecrypt(key: unknown, buffer: unknown): Buffer {
  const its = readPublicKey(key, 'use public');
  const options = optionsOf(key);
  const data = anyBytes(buffer, 'buffer', options.encoding);
  const padding = readPlainPadding(options);
  return run(() => decryptPublicly(requireRsa(its), data, padding));
}
