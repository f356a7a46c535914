/** `CryptoKey`: a secret, what it is for, and whether it may be exported (Web Cryptography API, 13). */

import { DOMException } from '../web/dom-exception.ts';
import { exposeInterface, innerOptions } from '../web/interface.ts';
import { inspectHook } from './inspect-hook.ts';
import { nodeError } from './node-errors.ts';

export interface KeyAlgorithm {
  readonly name: string;
  /** Bits. */
  readonly length?: number;
  readonly hash?: { readonly name: string };
}

interface KeyParts {
  readonly bytes: Uint8Array;
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
    return this.#parts === undefined ? '' : 'secret';
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
  static isKey(value: unknown): value is CryptoKey {
    return typeof value === 'object' && value !== null && #parts in value;
  }
}

export const bytesOfCryptoKey: (key: CryptoKey) => Uint8Array = CryptoKey.bytesOf;
export const isCryptoKey: (value: unknown) => value is CryptoKey = CryptoKey.isKey;
Reflect.deleteProperty(CryptoKey, 'bytesOf');
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
