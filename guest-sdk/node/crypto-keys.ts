/** `KeyObject` of `node:crypto` as far as it is a secret, and the secrets that arguments carry. */

import { traps } from '../drivers/traps.ts';
import { Buffer } from './buffer.ts';
import { anyBytes, BINARY } from './crypto-input.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType, invalidArgValue } from './node-errors.ts';
import {
  validateFunction,
  validateInteger,
  validateObject,
  validateOneOf,
  validateString,
} from './validators.ts';
import { bytesOfCryptoKey, isCryptoKey } from './webcrypto-key.ts';

const kKeyType: unique symbol = Symbol('kKeyType');

/** The secret inside a key object. Node keeps it out of reach too. */
export class KeyHandle {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
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
    return newSecretKey(bytesOfCryptoKey(key));
  }

  equals(otherKeyObject: unknown): boolean {
    if (!(otherKeyObject instanceof KeyObject)) {
      throw invalidArgType('otherKeyObject', 'KeyObject', otherKeyObject);
    }
    if (otherKeyObject.type !== this.type) return false;
    return Buffer.from(bytesOfKey(this)).equals(bytesOfKey(otherKeyObject));
  }
}

function bytesOfKey(key: KeyObject): Uint8Array {
  const handle = handles.get(key);
  if (handle === undefined) throw invalidArgType('key', 'KeyObject', key);
  return handle.bytes;
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
