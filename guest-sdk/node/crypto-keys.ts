/** `KeyObject` of `node:crypto` as far as it is a secret, and the secrets that arguments carry. */

import { traps } from '../drivers/traps.ts';
import { inLate } from '../late.ts';
import { Buffer } from './buffer.ts';
import { withAsymmetric } from './crypto-asymmetric.ts';
import { anyBytes, BINARY } from './crypto-input.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType, invalidArgValue, nodeError } from './node-errors.ts';
import {
  validateFunction,
  validateInteger,
  validateObject,
  validateOneOf,
  validateString,
} from './validators.ts';
import { bytesOfCryptoKey, type CryptoKey, dataOfCryptoKey, isCryptoKey } from './webcrypto-key.ts';

const kKeyType: unique symbol = Symbol('kKeyType');

/** The key inside a key object. Node keeps it out of reach too. */
export class KeyHandle {
  #bytes: Uint8Array | (() => Uint8Array);
  /** What the key is, if it is of a pair: a KeyData of guest-sdk/asymmetric. */
  readonly data: unknown;

  /** `bytes` are the secret, or the one form in which equal keys of pairs are equal, made when asked for. */
  constructor(bytes: Uint8Array | (() => Uint8Array), data?: unknown) {
    this.#bytes = bytes;
    this.data = data;
  }

  get bytes(): Uint8Array {
    if (typeof this.#bytes === 'function') this.#bytes = this.#bytes();
    return this.#bytes;
  }
}

const handles = new WeakMap<object, KeyHandle>();

export class KeyObject {
  constructor(type: unknown, handle?: unknown) {
    if (type !== 'secret' && type !== 'public' && type !== 'private') {
      throw invalidArgValue('type', type);
    }
    if (!(handle instanceof KeyHandle)) throw invalidArgType('handle', 'object', handle);
    Object.assign(this, { [kKeyType]: type });
    handles.set(this, handle);
  }

  get type(): string {
    return (this as unknown as { readonly [kKeyType]: string })[kKeyType];
  }

  static from(key: unknown): KeyObject {
    if (!isCryptoKey(key)) throw invalidArgType('key', 'CryptoKey', key);
    return keyObjectOf(key);
  }

  equals(otherKeyObject: unknown): boolean {
    if (!(otherKeyObject instanceof KeyObject)) {
      throw invalidArgType('otherKeyObject', 'KeyObject', otherKeyObject);
    }
    if (otherKeyObject.type !== this.type) return false;
    return inLate(() => Buffer.from(bytesOfKey(this)).equals(bytesOfKey(otherKeyObject)));
  }
}

export function keyObjectOf(key: CryptoKey): KeyObject {
  const { type } = key;
  if (type === 'secret') return newSecretKey(bytesOfCryptoKey(key));
  return withAsymmetric((library) =>
    library.newKeyObject(type as 'public', dataOfCryptoKey(key) as never),
  );
}

function bytesOfKey(key: KeyObject): Uint8Array {
  const handle = handles.get(key);
  if (handle === undefined) throw invalidArgType('key', 'KeyObject', key);
  return handle.bytes;
}

/** The KeyData of a key of a pair, undefined for a secret. */
export function dataOfKey(key: KeyObject): unknown {
  return handles.get(key)?.data;
}

/** A second object of the same key. */
export function cloneKeyObject(key: KeyObject): KeyObject {
  const Class = key.constructor as new (handle: KeyHandle | undefined) => KeyObject;
  return new Class(handles.get(key));
}

export class SecretKeyObject extends KeyObject {
  constructor(handle: KeyHandle) {
    super('secret', handle);
  }

  get symmetricKeySize(): number {
    return bytesOfKey(this).length;
  }

  export(options?: { readonly format?: unknown }): unknown {
    const bytes = Buffer.from(bytesOfKey(this));
    if (options === undefined) return bytes;
    validateObject(options, 'options');
    validateOneOf(options.format, 'options.format', [undefined, 'buffer', 'jwk']);
    return options.format === 'jwk' ? { kty: 'oct', k: bytes.toString('base64url') } : bytes;
  }
}
// The bundler renames a class that speaks of itself.
Object.defineProperty(KeyObject, 'name', { value: 'KeyObject', configurable: true });
Object.defineProperty(KeyObject.prototype, Symbol.toStringTag, {
  value: 'KeyObject',
  configurable: true,
});

export function isKeyObject(value: unknown): value is KeyObject {
  return typeof value === 'object' && value !== null && handles.has(value);
}

export function newSecretKey(bytes: Uint8Array): SecretKeyObject {
  return new SecretKeyObject(new KeyHandle(Uint8Array.from(bytes)));
}

export function createSecretKey(key: unknown, encoding?: unknown): SecretKeyObject {
  return newSecretKey(anyBytes(key, 'key', encoding, BINARY));
}

const KEY_TYPES = ['string', ...BINARY, 'KeyObject', 'CryptoKey'];

/** The bytes of a key argument: a key object, text in `encoding`, or bytes. */
export function secretBytes(key: unknown, encoding?: unknown): Uint8Array {
  if (key instanceof SecretKeyObject) return bytesOfKey(key);
  if (isKeyObject(key) || (isCryptoKey(key) && key.type !== 'secret')) {
    const text = `Invalid key object type ${key.type}, expected secret.`;
    throw nodeError(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', text);
  }
  if (isCryptoKey(key)) return bytesOfCryptoKey(key);
  return anyBytes(key, 'key', encoding, KEY_TYPES);
}

function lengthOfKey(type: unknown, options: unknown): number {
  validateString(type, 'type');
  validateObject(options, 'options');
  const { length } = options as { readonly length?: unknown };
  if (type === 'hmac') {
    validateInteger(length, 'options.length', 8, 2 ** 31 - 1);
    return Math.floor(length / 8);
  }
  if (type !== 'aes') throw invalidArgValue('type', type, 'must be a supported key type');
  validateOneOf(length, 'options.length', [128, 192, 256]);
  return (length as number) / 8;
}

export function generateKeySync(type: unknown, options: unknown): SecretKeyObject {
  return newSecretKey(new Uint8Array(traps.entropy(lengthOfKey(type, options))));
}

export function generateKey(type: unknown, options: unknown, callback: unknown): void {
  if (callback === undefined && typeof options === 'function') {
    generateKey(type, undefined, options);
    return;
  }
  validateFunction(callback, 'callback');
  const key = generateKeySync(type, options);
  kernel().setImmediate(callback as never, null, key);
}
