/** `CryptoKey`: a key, what it is for, and whether it may be exported (Web Cryptography API, 13). */

import { DOMException } from '../web/dom-exception.ts';
import { exposeInterface, innerOptions } from '../web/interface.ts';
import { inspectHook } from './inspect-hook.ts';
import { nodeError } from './node-errors.ts';

export interface KeyAlgorithm {
  readonly name: string;
  /** Bits. */
  readonly length?: number;
  readonly hash?: { readonly name: string };
  readonly namedCurve?: string;
  readonly modulusLength?: number;
  readonly publicExponent?: Uint8Array;
}

interface KeyParts {
  /** Of a secret. */
  readonly bytes: Uint8Array;
  readonly type?: 'secret' | 'public' | 'private';
  /** What a key of a pair is: a KeyData of guest-sdk/asymmetric. */
  readonly data?: unknown;
  readonly algorithm: KeyAlgorithm;
  readonly extractable: boolean;
  readonly usages: readonly string[];
}

/** Shown to the constructor by `newCryptoKey` alone. */
const kAllowed = Symbol('hv.cryptoKey');

export class CryptoKey {
  readonly #parts: KeyParts;

  constructor(allowed?: unknown, parts?: KeyParts) {
    if (allowed !== kAllowed || parts === undefined) {
      throw nodeError(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
    }
    this.#parts = parts;
  }

  get type(): string {
    return this.#parts.type ?? 'secret';
  }
  get extractable(): boolean {
    return this.#parts.extractable;
  }
  get algorithm(): KeyAlgorithm {
    return this.#parts.algorithm;
  }
  get usages(): readonly string[] {
    return this.#parts.usages;
  }

  static bytesOf(key: CryptoKey): Uint8Array {
    return key.#parts.bytes;
  }
  static dataOf(key: CryptoKey): unknown {
    return key.#parts.data;
  }
  static clone(key: CryptoKey): CryptoKey {
    return new CryptoKey(kAllowed, key.#parts);
  }
  static isKey(value: unknown): value is CryptoKey {
    return typeof value === 'object' && value !== null && #parts in value;
  }
}

export const bytesOfCryptoKey: (key: CryptoKey) => Uint8Array = CryptoKey.bytesOf;
export const isCryptoKey: (value: unknown) => value is CryptoKey = CryptoKey.isKey;
export const dataOfCryptoKey: (key: CryptoKey) => unknown = CryptoKey.dataOf;
export const cloneCryptoKey: (key: CryptoKey) => CryptoKey = CryptoKey.clone;
Reflect.deleteProperty(CryptoKey, 'bytesOf');
Reflect.deleteProperty(CryptoKey, 'dataOf');
Reflect.deleteProperty(CryptoKey, 'clone');
Reflect.deleteProperty(CryptoKey, 'isKey');

exposeInterface(CryptoKey, 'CryptoKey', (self, depth, options) => {
  if (depth < 0) return self;
  const { type, extractable, algorithm, usages } = self;
  const shown = { type, extractable, algorithm, usages };
  return `CryptoKey ${inspectHook.inspect(shown, innerOptions(options))}`;
});

export function newCryptoKey(parts: KeyParts): CryptoKey {
  return new CryptoKey(kAllowed, { ...parts, bytes: Uint8Array.from(parts.bytes) });
}

/** ERR_MISSING_ARGS and its like, worded as WebIDL does for a method of `SubtleCrypto`. */
export function idlError(code: string, method: string, text: string): Error {
  return nodeError(TypeError, code, `Failed to execute '${method}' on 'SubtleCrypto': ${text}`);
}

export function operationError(
  text = 'The operation failed for an operation-specific reason',
): Error {
  return new DOMException(text, 'OperationError');
}
