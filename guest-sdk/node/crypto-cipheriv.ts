/** `Cipheriv` and `Decipheriv` of `node:crypto`: Node's objects over crypto-ciphers.ts. */

import { Buffer } from './buffer.ts';
import {
  type CipherKind,
  cipherKind,
  isAuthenticated,
  newTransformation,
} from './crypto-cipher-table.ts';
import { type Authenticated, Blocks, type Transformation } from './crypto-ciphers.ts';
import { anyBytes, dataBytes, encoded, invalidState, stringOption } from './crypto-input.ts';
import { secretBytes } from './crypto-keys.ts';
import { inheritLazily, LazyTransform } from './crypto-lazy-transform.ts';
import { invalidArgValue, nodeError, unknownEncoding } from './node-errors.ts';
import { StringDecoder } from './string-decoder.ts';
import { validateString } from './validators.ts';

const kHandle = Symbol('kHandle');
const TAG_BYTES = 16;

function invalidTag(length: number): Error {
  const text = `Invalid authentication tag length: ${length}`;
  return nodeError(TypeError, 'ERR_CRYPTO_INVALID_AUTH_TAG', text);
}

const isGcmTag = (length: number): boolean =>
  length === 4 || length === 8 || (length >= 12 && length <= TAG_BYTES);

const isTag = (length: number): boolean => length >= 1 && length <= TAG_BYTES;

interface Setting {
  readonly kind: CipherKind;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly decrypts: boolean;
  /** Bytes, if the program has said how many. */
  readonly tagLength: number | undefined;
}

/** What Node keeps on its native side. */
class CipherBase {
  readonly #setting: Setting;
  readonly #isAuthenticated: boolean;
  readonly #cipher: Transformation;
  #isOver = false;
  #hasData = false;
  /** Given to a decipher, computed by a cipher. */
  #tag: Uint8Array | undefined;

  constructor(setting: Setting) {
    const { kind, key, iv, decrypts, tagLength } = setting;
    this.#setting = setting;
    this.#isAuthenticated = isAuthenticated(kind);
    if (tagLength !== undefined && this.#isAuthenticated) {
      const isPossible = kind.mode === 'gcm' ? isGcmTag(tagLength) : isTag(tagLength);
      if (!isPossible) throw invalidTag(tagLength);
    }
    if (key.length !== kind.keyLength) {
      throw nodeError(RangeError, 'ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length');
    }
    this.#cipher = newTransformation(kind, Uint8Array.from(key), iv, decrypts);
  }

  update(bytes: Uint8Array): Uint8Array {
    if (this.#isOver) throw new Error('Trying to add data in unsupported state');
    this.#hasData = true;
    return this.#cipher.update(bytes);
  }

  final(): Uint8Array {
    if (this.#isOver) throw invalidState();
    this.#isOver = true;
    const rest = this.#cipher.final();
    if (!this.#isAuthenticated) return rest;
    const tag = (this.#cipher as Authenticated).tag();
    if (!this.#setting.decrypts) {
      this.#tag = tag.slice(0, this.#setting.tagLength ?? TAG_BYTES);
      return rest;
    }
    const given = this.#tag;
    // Every byte is looked at, however early the first difference is.
    let difference = given === undefined || given.length === 0 ? 1 : 0;
    given?.forEach((byte, at) => {
      difference |= byte ^ (tag[at] as number);
    });
    if (difference !== 0) {
      throw new Error('Unsupported state or unable to authenticate data');
    }
    return rest;
  }

  setAutoPadding(isOn: boolean): boolean {
    if (this.#isOver) return false;
    if (this.#cipher instanceof Blocks) this.#cipher.padding = isOn;
    return true;
  }

  getAuthTag(): Uint8Array | undefined {
    return this.#isOver && this.#isAuthenticated ? this.#tag?.slice() : undefined;
  }

  setAuthTag(tag: Uint8Array): boolean {
    if (this.#isOver || !this.#isAuthenticated || this.#tag !== undefined) return false;
    const { kind, tagLength } = this.#setting;
    const isGcm = kind.mode === 'gcm';
    const wanted = isGcm ? tagLength : (tagLength ?? TAG_BYTES);
    if ((wanted !== undefined && wanted !== tag.length) || (isGcm && !isGcmTag(tag.length))) {
      throw invalidTag(tag.length);
    }
    this.#tag = Uint8Array.from(tag);
    return true;
  }

  setAAD(bytes: Uint8Array): boolean {
    if (this.#isOver || !this.#isAuthenticated || this.#hasData) return false;
    (this.#cipher as Authenticated).associate(bytes);
    return true;
  }
}
Object.defineProperty(CipherBase, 'name', { value: 'CipherBase' });

interface Decoder {
  readonly encoding: string;
  write(bytes: Uint8Array): string;
  end(bytes: Uint8Array): string;
}

interface CipherObject extends LazyTransform {
  [kHandle]: CipherBase;
  _decoder: Decoder | null;
}

/** A member of an options object that is an unsigned integer if it is there. */
function uintOption(options: unknown, name: string): number | undefined {
  const value = (options as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  if (value == null) return undefined;
  if ((value as number) >>> 0 !== value) throw invalidArgValue(`options.${name}`, value);
  return value;
}

function invalidIv(): Error {
  return nodeError(TypeError, 'ERR_CRYPTO_INVALID_IV', 'Invalid initialization vector');
}

function start(
  self: CipherObject,
  [cipher, key, iv, options]: readonly unknown[],
  decrypts: boolean,
): void {
  validateString(cipher, 'cipher');
  const secret = secretBytes(key, stringOption(options, 'encoding'));
  const ivBytes = iv === null ? new Uint8Array() : Uint8Array.from(anyBytes(iv, 'iv'));
  const tagLength = uintOption(options, 'authTagLength');
  self._decoder = null;
  LazyTransform.call(self, options);
  const kind = cipherKind(cipher);
  if (kind === undefined) {
    throw nodeError(Error, 'ERR_CRYPTO_UNKNOWN_CIPHER', 'Unknown cipher');
  }
  const wanted = kind.ivLength ?? 0;
  const isAnyLength = kind.mode === 'gcm' && ivBytes.length > 0;
  if (ivBytes.length !== wanted && !isAnyLength) throw invalidIv();
  self[kHandle] = new CipherBase({ kind, key: secret, iv: ivBytes, decrypts, tagLength });
}

type Constructor = new (...args: readonly unknown[]) => CipherObject;

export function Cipheriv(
  this: unknown,
  cipher: unknown,
  key: unknown,
  iv: unknown,
  options?: unknown,
): unknown {
  const args = [cipher, key, iv, options];
  if (!(this instanceof Cipheriv)) return new (Cipheriv as unknown as Constructor)(...args);
  start(this as unknown as CipherObject, args, false);
  return undefined;
}

export function Decipheriv(
  this: unknown,
  cipher: unknown,
  key: unknown,
  iv: unknown,
  options?: unknown,
): unknown {
  const args = [cipher, key, iv, options];
  if (!(this instanceof Decipheriv)) return new (Decipheriv as unknown as Constructor)(...args);
  start(this as unknown as CipherObject, args, true);
  return undefined;
}

/** One decoder for all pieces: a character may be cut between two of them. */
function decoderOf(self: CipherObject, encoding: unknown): Decoder {
  const make = StringDecoder as unknown as new (encoding: unknown) => Decoder;
  const decoder = self._decoder ?? new make(encoding);
  self._decoder = decoder;
  const isKnown = typeof encoding === 'string' && Buffer.isEncoding(encoding);
  if (!isKnown) throw unknownEncoding(encoding);
  if (new make(encoding).encoding !== decoder.encoding) {
    const text =
      'Cannot change encoding\nThis is caused by either a bug in Node.js or incorrect usage of Node.js internals.\nPlease open an issue with this stack trace at https://github.com/nodejs/node/issues\n';
    throw nodeError(Error, 'ERR_INTERNAL_ASSERTION', text);
  }
  return decoder;
}

const isText = (encoding: unknown): boolean => Boolean(encoding) && encoding !== 'buffer';

const shared = {
  _transform(this: CipherObject, chunk: unknown, encoding: unknown, done: () => void): void {
    this.push(encoded(this[kHandle].update(dataBytes(chunk, encoding)), 'buffer'));
    done();
  },
  _flush(this: CipherObject, done: (error?: unknown) => void): void {
    try {
      this.push(encoded(this[kHandle].final(), 'buffer'));
    } catch (error) {
      done(error);
      return;
    }
    done();
  },
  update(
    this: CipherObject,
    data: unknown,
    inputEncoding?: unknown,
    outputEncoding?: unknown,
  ): unknown {
    const result = this[kHandle].update(dataBytes(data, inputEncoding));
    if (isText(outputEncoding)) return decoderOf(this, outputEncoding).write(result);
    return encoded(result, 'buffer');
  },
  final(this: CipherObject, outputEncoding?: unknown): unknown {
    const result = this[kHandle].final();
    if (isText(outputEncoding)) return decoderOf(this, outputEncoding).end(result);
    return encoded(result, 'buffer');
  },
  setAutoPadding(this: CipherObject, autoPadding?: unknown): CipherObject {
    if (!this[kHandle].setAutoPadding(Boolean(autoPadding))) throw invalidState('setAutoPadding');
    return this;
  },
};

const setAAD = function setAAD(this: CipherObject, data: unknown, options?: unknown): CipherObject {
  const encoding = stringOption(options, 'encoding');
  uintOption(options, 'plaintextLength');
  const bytes = anyBytes(data, 'aadbuf', encoding);
  if (!this[kHandle].setAAD(bytes)) throw invalidState('setAAD');
  return this;
};

inheritLazily(Cipheriv as unknown as { readonly prototype: object }, {
  ...shared,
  getAuthTag(this: CipherObject): unknown {
    const tag = this[kHandle].getAuthTag();
    if (tag === undefined) throw invalidState('getAuthTag');
    return encoded(tag, 'buffer');
  },
  setAAD,
});

inheritLazily(Decipheriv as unknown as { readonly prototype: object }, {
  ...shared,
  setAuthTag(this: CipherObject, tag: unknown, encoding?: unknown): CipherObject {
    const bytes = anyBytes(tag, 'buffer', encoding);
    if (!this[kHandle].setAuthTag(bytes)) throw invalidState('setAuthTag');
    return this;
  },
  setAAD,
});

export function createCipheriv(
  cipher: unknown,
  key: unknown,
  iv: unknown,
  options?: unknown,
): unknown {
  return new (Cipheriv as unknown as Constructor)(cipher, key, iv, options);
}

export function createDecipheriv(
  cipher: unknown,
  key: unknown,
  iv: unknown,
  options?: unknown,
): unknown {
  return new (Decipheriv as unknown as Constructor)(cipher, key, iv, options);
}
