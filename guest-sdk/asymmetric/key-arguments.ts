/** Key arguments of `node:crypto`: text, bytes, objects of many forms, read in Node's order. */

import { Buffer } from '../node/buffer.ts';
import { viewBytes } from '../node/crypto-input.ts';
import { dataOfKey, isKeyObject, type KeyObject, keyObjectOf } from '../node/crypto-keys.ts';
import { invalidArgType, invalidArgValue } from '../node/node-errors.ts';
import { isAnyArrayBuffer } from '../node/util-types.ts';
import { validateObject } from '../node/validators.ts';
import { isCryptoKey } from '../node/webcrypto-key.ts';
import { toText } from './bytes.ts';
import { certificateKey } from './certificate-key.ts';
import { DerError, DerReader } from './der.ts';
import { readJwk } from './jwk.ts';
import { type KeyData, publicHalf } from './key-data.ts';
import {
  incompatible,
  invalidKeyObjectType,
  missingPassphrase,
  unsupportedKey,
  wrongTag,
} from './key-errors.ts';
import {
  isSealed,
  readPkcs1,
  readPkcs1Public,
  readPkcs8,
  readSec1,
  readSpki,
} from './key-forms.ts';
import { openPem, openPkcs8 } from './pbes.ts';
import { pemBlocks } from './pem.ts';

/** What the key is for: which halves do, and whether a key object does. */
export type Purpose = 'create public' | 'create private' | 'use public' | 'use private';

export interface Encoding {
  readonly format: 'pem' | 'der' | 'jwk';
  readonly type: 'pkcs1' | 'spki' | 'pkcs8' | 'sec1' | undefined;
  readonly cipher?: string | undefined;
  readonly passphrase?: Uint8Array | undefined;
}

interface EncodingOptions {
  readonly format?: unknown;
  readonly type?: unknown;
  readonly cipher?: unknown;
  readonly passphrase?: unknown;
  readonly encoding?: unknown;
}

function isBytes(value: unknown): value is ArrayBufferView | ArrayBuffer {
  return ArrayBuffer.isView(value) || isAnyArrayBuffer(value);
}

function isTextOrBytes(value: unknown): boolean {
  return typeof value === 'string' || isBytes(value);
}

function bytesOf(value: unknown, encoding?: unknown): Uint8Array {
  if (typeof value === 'string') {
    return Buffer.from(value, encoding === 'buffer' ? 'utf8' : (encoding as string));
  }
  return ArrayBuffer.isView(value) ? viewBytes(value) : new Uint8Array(value as ArrayBuffer);
}

function readFormat(format: unknown, isInput: boolean, name: string): Encoding['format'] {
  if (format === undefined && isInput) return 'pem';
  if (format === 'pem' || format === 'der' || format === 'jwk') return format;
  throw invalidArgValue(name, format);
}

interface Shape {
  /** Of the key that is written; not known when one is read. */
  readonly keyType?: string | undefined;
  /** Undefined: either half. */
  readonly isPublic: boolean | undefined;
  readonly isInput: boolean;
  /** Of the options object, for messages. */
  readonly name?: string | undefined;
}

function readType(
  type: unknown,
  isRequired: boolean,
  { keyType, isPublic }: Shape,
  name: string,
): Encoding['type'] {
  if (type === undefined && !isRequired) return undefined;
  if (type === 'pkcs1') {
    if (keyType === undefined || keyType === 'rsa') return type;
    throw incompatible(type, 'can only be used for RSA keys');
  }
  if (type === 'spki' && isPublic !== false) return type;
  if (type === 'pkcs8' && isPublic !== true) return type;
  if (type === 'sec1' && isPublic !== true) {
    if (keyType === undefined || keyType === 'ec') return type;
    throw incompatible(type, 'can only be used for EC keys');
  }
  throw invalidArgValue(name, type);
}

export function readEncoding(options: EncodingOptions, shape: Shape): Encoding {
  const { isInput, isPublic } = shape;
  const prefix = shape.name ?? 'options';
  const format = readFormat(options.format, isInput, `${prefix}.format`);
  const isRequired = (!isInput || format === 'der') && format !== 'jwk';
  const type = readType(options.type, isRequired, shape, `${prefix}.type`);
  if (isPublic === true) return { format, type };
  const { cipher, passphrase } = options;
  if (!isInput) {
    if (cipher != null) {
      if (typeof cipher !== 'string') throw invalidArgValue(`${prefix}.cipher`, cipher);
      if (format === 'der' && (type === 'pkcs1' || type === 'sec1')) {
        throw incompatible(type, 'does not support encryption');
      }
    } else if (passphrase !== undefined) throw invalidArgValue(`${prefix}.cipher`, cipher);
  }
  const isAsked = isInput ? passphrase !== undefined : cipher != null;
  if (isAsked && !isTextOrBytes(passphrase)) {
    throw invalidArgValue(`${prefix}.passphrase`, passphrase);
  }
  return {
    format,
    type,
    cipher: cipher == null ? undefined : (cipher as string),
    passphrase: passphrase === undefined ? undefined : bytesOf(passphrase, options.encoding),
  };
}

/** OpenSSL's buffer for a passphrase. */
const PASSPHRASE_BYTES_MAX = 1024;

function requirePassphrase(passphrase: Uint8Array | undefined, isText = true): Uint8Array {
  if (passphrase === undefined || passphrase.length > PASSPHRASE_BYTES_MAX) {
    throw missingPassphrase({ isText });
  }
  return passphrase;
}

/** What is not of its form: `refusal` says so. */
function orRefused<Result>(read: () => Result, refusal: () => Error): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) throw refusal();
    throw error;
  }
}

function openedPkcs8(
  bytes: Uint8Array,
  passphrase: Uint8Array | undefined,
  isText: boolean,
): KeyData {
  const given = requirePassphrase(passphrase, isText);
  return readPkcs8(new DerReader(openPkcs8(new DerReader(bytes).sequence(), given)));
}

function privateFromPem(text: string, passphrase: Uint8Array | undefined): KeyData {
  for (const { label, bytes, encryption } of pemBlocks(text)) {
    if (label === 'PRIVATE KEY') return readPkcs8(new DerReader(bytes));
    if (label === 'ENCRYPTED PRIVATE KEY') return openedPkcs8(bytes, passphrase, true);
    if (label !== 'RSA PRIVATE KEY' && label !== 'EC PRIVATE KEY') continue;
    const plain =
      encryption === undefined ? bytes : openPem(bytes, encryption, requirePassphrase(passphrase));
    const reader = new DerReader(plain);
    return label === 'RSA PRIVATE KEY' ? readPkcs1(reader) : readSec1(reader);
  }
  throw new DerError('label');
}

function publicFromPem(text: string): KeyData | undefined {
  for (const { label, bytes } of pemBlocks(text)) {
    if (label === 'PUBLIC KEY') return readSpki(new DerReader(bytes));
    if (label === 'RSA PUBLIC KEY') return readPkcs1Public(new DerReader(bytes));
    if (label === 'CERTIFICATE') return certificateKey(bytes);
    if (label.endsWith('PRIVATE KEY')) return undefined;
  }
  return undefined;
}

function privateFromBytes(bytes: Uint8Array, { format, type, passphrase }: Encoding): KeyData {
  if (format === 'pem') {
    return orRefused(() => privateFromPem(toText(bytes), passphrase), unsupportedKey);
  }
  return orRefused(() => {
    const reader = new DerReader(bytes);
    if (type === 'pkcs1') return readPkcs1(reader);
    if (type === 'sec1') return readSec1(reader);
    return isSealed(bytes) ? openedPkcs8(bytes, passphrase, false) : readPkcs8(reader);
  }, wrongTag);
}

/** The halves there are: a private key where only its public half is needed does as well. */
function anyFromBytes(bytes: Uint8Array, encoding: Encoding): KeyData {
  if (encoding.format === 'pem') {
    const found = orRefused(() => publicFromPem(toText(bytes)), wrongTag);
    return found ?? privateFromBytes(bytes, encoding);
  }
  if (encoding.type === 'spki') return orRefused(() => readSpki(new DerReader(bytes)), wrongTag);
  if (encoding.type !== 'pkcs1') return privateFromBytes(bytes, encoding);
  try {
    return readPkcs1(new DerReader(bytes));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return orRefused(() => readPkcs1Public(new DerReader(bytes)), wrongTag);
  }
}

const BYTES = ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'];

function expectedTypes(purpose: Purpose): string[] {
  const isRead = purpose === 'create private';
  return isRead ? ['string', ...BYTES] : ['string', ...BYTES, 'KeyObject', 'CryptoKey'];
}

function fromObject(key: KeyObject, purpose: Purpose): KeyData {
  if (purpose === 'create private') throw invalidArgType('key', expectedTypes(purpose), key);
  if (key.type !== 'private') {
    if (purpose === 'use private' || purpose === 'create public') {
      throw invalidKeyObjectType(key.type, 'private');
    }
    if (key.type !== 'public') throw invalidKeyObjectType(key.type, 'private or public');
  }
  return dataOfKey(key) as KeyData;
}

function keyObject(value: unknown): KeyObject | undefined {
  if (isKeyObject(value)) return value;
  return isCryptoKey(value) ? keyObjectOf(value) : undefined;
}

/** The key an argument is, in any of Node's forms. */
export function readKey(key: unknown, purpose: Purpose): KeyData {
  const isPrivate = purpose === 'use private' || purpose === 'create private';
  const parse = isPrivate ? privateFromBytes : anyFromBytes;
  const object = keyObject(key);
  if (object !== undefined) return fromObject(object, purpose);
  if (isTextOrBytes(key)) return parse(bytesOf(key), { format: 'pem', type: undefined });
  if (typeof key !== 'object') throw invalidArgType('key', expectedTypes(purpose), key);
  if (key === null) {
    throw new TypeError("Cannot destructure property 'key' of 'key' as it is null.");
  }
  const options = key as EncodingOptions & { readonly key?: unknown };
  const inner = keyObject(options.key);
  if (inner !== undefined) return fromObject(inner, purpose);
  if (options.format === 'jwk') {
    validateObject(options.key, 'key.key');
    return readJwk(options.key, { isPublic: !isPrivate });
  }
  if (!isTextOrBytes(options.key)) {
    throw invalidArgType('key.key', expectedTypes(purpose), options.key);
  }
  const isPublic = isPrivate ? false : undefined;
  const encoding = readEncoding(options, { isPublic, isInput: true });
  return parse(bytesOf(options.key, options.encoding), encoding);
}

/** Only the public half, whichever was given. */
export function readPublicKey(key: unknown, purpose: 'create public' | 'use public'): KeyData {
  return publicHalf(readKey(key, purpose));
}
