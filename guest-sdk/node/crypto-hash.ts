/** `Hash`, `Hmac` and `hash` of `node:crypto`: Node's objects over the functions of crypto-digests.ts. */

import type { Buffer } from './buffer.ts';
import { type Digest, hashFunction, hmacOf, isOfAnyLength } from './crypto-digests.ts';
import { dataBytes, encoded, invalidDigest, opensslError, stringOption } from './crypto-input.ts';
import { secretBytes } from './crypto-keys.ts';
import { inheritLazily, LazyTransform } from './crypto-lazy-transform.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType, invalidArgValue, nodeError } from './node-errors.ts';
import { validateString, validateUint32 } from './validators.ts';

const kHandle = Symbol('kHandle');
const kState = Symbol('kState');
const kFinalized = Symbol('kFinalized');

/** What Node keeps on its native side: the hash, and its digest once there is one. */
class HashHandle {
  readonly #digest: Digest;
  readonly #isOfAnyLength: boolean;
  #result: Uint8Array | undefined;

  constructor(digest: Digest, ofAnyLength: boolean) {
    this.#digest = digest;
    this.#isOfAnyLength = ofAnyLength;
  }

  update(bytes: Uint8Array): void {
    this.#digest.update(bytes);
  }

  result(): Uint8Array {
    this.#result ??= this.#digest.outputLen === 0 ? new Uint8Array() : this.#digest.digest();
    // The caller's own: what it does to it must not change a later answer.
    return this.#result.slice();
  }

  copy(outputLength: number | undefined): HashHandle {
    return new HashHandle(
      sized(this.#digest.clone(), this.#isOfAnyLength, outputLength),
      this.#isOfAnyLength,
    );
  }
}
class HmacHandle extends HashHandle {}
Object.defineProperty(HashHandle, 'name', { value: 'Hash' });
Object.defineProperty(HmacHandle, 'name', { value: 'Hmac' });

interface HashObject extends LazyTransform {
  [kHandle]: HashHandle;
  [kState]: { [kFinalized]: boolean };
}

function sized(digest: Digest, ofAnyLength: boolean, length: number | undefined): Digest {
  if (length === undefined || length === digest.outputLen) return digest;
  if (!ofAnyLength) {
    throw opensslError('030000B2', 'digital envelope routines', 'not XOF or invalid length');
  }
  digest.outputLen = length;
  return digest;
}

function newHandle(algorithm: string, outputLength: number | undefined): HashHandle {
  const found = hashFunction(algorithm);
  if (found === undefined) throw new Error('Digest method not supported');
  const ofAnyLength = isOfAnyLength(algorithm);
  const digest = found.create();
  return new HashHandle(sized(digest, ofAnyLength, outputLength), ofAnyLength);
}

type Constructor = new (...args: unknown[]) => HashObject;

export function Hash(this: unknown, algorithm: unknown, options?: unknown): unknown {
  if (!(this instanceof Hash)) return new (Hash as unknown as Constructor)(algorithm, options);
  const self = this as unknown as HashObject;
  const isCopy = algorithm instanceof HashHandle;
  if (!isCopy) validateString(algorithm, 'algorithm');
  const outputLength =
    typeof options === 'object' && options !== null
      ? (options as { readonly outputLength?: unknown }).outputLength
      : undefined;
  if (outputLength !== undefined) {
    validateUint32(outputLength, 'options.outputLength');
  }
  LazyTransform.call(self, options);
  const length = outputLength as number | undefined;
  self[kHandle] = isCopy ? algorithm.copy(length) : newHandle(algorithm as string, length);
  self[kState] = { [kFinalized]: false };
  return undefined;
}

let warnedOfHmac = false;

export function Hmac(this: unknown, hmac: unknown, key?: unknown, options?: unknown): unknown {
  if (!(this instanceof Hmac)) {
    if (!warnedOfHmac) {
      warnedOfHmac = true;
      const text = 'crypto.Hmac constructor is deprecated.';
      kernel().emitWarning(text, 'DeprecationWarning', 'DEP0181');
    }
    return new (Hmac as unknown as Constructor)(hmac, key, options);
  }
  const self = this as unknown as HashObject;
  validateString(hmac, 'hmac');
  const secret = secretBytes(key, stringOption(options, 'encoding'));
  const found = hashFunction(hmac);
  if (found === undefined) throw invalidDigest(hmac);
  if (isOfAnyLength(hmac)) throw new Error('error:00000000:lib(0)::reason(0)');
  self[kHandle] = new HmacHandle(hmacOf(found, secret), false);
  self[kState] = { [kFinalized]: false };
  LazyTransform.call(self, options);
  return undefined;
}

/** What is no text is made text, as ever since Node's digests took anything. */
function textOf(encoding: unknown): unknown {
  return encoding ? `${encoding}` : encoding;
}

function finalized(): Error {
  return nodeError(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
}

/** `update`, and what a stream calls. */
const shared = {
  update(this: HashObject, data: unknown, encoding?: unknown): HashObject {
    if (this[kState][kFinalized]) throw finalized();
    this[kHandle].update(dataBytes(data, encoding));
    return this;
  },
  _transform(this: HashObject, chunk: unknown, encoding: unknown, done: () => void): void {
    this[kHandle].update(dataBytes(chunk, encoding));
    done();
  },
  _flush(this: HashObject, done: () => void): void {
    this.push(encoded(this[kHandle].result(), 'buffer'));
    done();
  },
};

inheritLazily(Hash as unknown as { readonly prototype: object }, {
  copy(this: HashObject, options?: unknown): HashObject {
    if (this[kState][kFinalized]) throw finalized();
    return new (Hash as unknown as Constructor)(this[kHandle], options);
  },
  _transform: shared._transform,
  _flush: shared._flush,
  update: shared.update,
  digest(this: HashObject, encoding?: unknown): Buffer | string {
    if (this[kState][kFinalized]) throw finalized();
    const result = encoded(this[kHandle].result(), textOf(encoding));
    this[kState][kFinalized] = true;
    return result;
  },
});

inheritLazily(Hmac as unknown as { readonly prototype: object }, {
  update: shared.update,
  /** A second digest is empty, as in Node. */
  digest(this: HashObject, encoding?: unknown): Buffer | string {
    const isAgain = this[kState][kFinalized];
    this[kState][kFinalized] = true;
    return encoded(isAgain ? new Uint8Array() : this[kHandle].result(), textOf(encoding));
  },
  _flush: shared._flush,
  _transform: shared._transform,
});

export function createHash(algorithm: unknown, options?: unknown): unknown {
  return new (Hash as unknown as Constructor)(algorithm, options);
}

export function createHmac(hmac: unknown, key?: unknown, options?: unknown): unknown {
  return new (Hmac as unknown as Constructor)(hmac, key, options);
}

/** A digest at once, in hexadecimal unless another encoding is named. */
export function hash(algorithm: unknown, input: unknown, outputEncoding?: unknown): unknown {
  validateString(algorithm, 'algorithm');
  if (typeof input !== 'string' && !ArrayBuffer.isView(input)) {
    throw invalidArgType('input', ['Buffer', 'TypedArray', 'DataView', 'string'], input);
  }
  const encoding = outputEncoding === undefined ? 'hex' : outputEncoding;
  validateString(encoding, 'outputEncoding');
  const bytes = dataBytes(input, 'utf8');
  const known = hashFunction(algorithm);
  if (encoding !== 'buffer' && encoded(new Uint8Array(), encoding) !== '') {
    throw invalidArgValue('outputEncoding', outputEncoding);
  }
  if (known === undefined) throw new Error(`Digest method ${algorithm} is not supported`);
  const handle = newHandle(algorithm, undefined);
  handle.update(bytes);
  return encoded(handle.result(), encoding);
}

/** Node's list and spelling, without what this guest does not have: SM3 and the pair of MD5 and SHA-1. */
const HASHES =
  'RSA-MD5 RSA-RIPEMD160 RSA-SHA1 RSA-SHA1-2 RSA-SHA224 RSA-SHA256 RSA-SHA3-224 RSA-SHA3-256 RSA-SHA3-384 RSA-SHA3-512 RSA-SHA384 RSA-SHA512 RSA-SHA512/224 RSA-SHA512/256 blake2b512 blake2s256 id-rsassa-pkcs1-v1_5-with-sha3-224 id-rsassa-pkcs1-v1_5-with-sha3-256 id-rsassa-pkcs1-v1_5-with-sha3-384 id-rsassa-pkcs1-v1_5-with-sha3-512 md5 md5WithRSAEncryption ripemd ripemd160 ripemd160WithRSA rmd160 sha1 sha1WithRSAEncryption sha224 sha224WithRSAEncryption sha256 sha256WithRSAEncryption sha3-224 sha3-256 sha3-384 sha3-512 sha384 sha384WithRSAEncryption sha512 sha512-224 sha512-224WithRSAEncryption sha512-256 sha512-256WithRSAEncryption sha512WithRSAEncryption shake128 shake256 ssl3-md5 ssl3-sha1';

export function getHashes(): string[] {
  return HASHES.split(' ');
}
