/** `Sign`, `Verify`, `sign` and `verify` of `node:crypto`. */

import { Buffer } from '../node/buffer.ts';
import { type Digest, hashFunction } from '../node/crypto-digests.ts';
import { anyBytes, dataBytes, viewBytes } from '../node/crypto-input.ts';
import { kernel } from '../node/kernel-hooks.ts';
import {
  invalidArgType,
  invalidArgValue,
  nodeError,
  unknownEncoding,
} from '../node/node-errors.ts';
import { exported as stream } from '../node/stream.ts';
import { validateFunction, validateString } from '../node/validators.ts';
import { octetCurve } from './curves.ts';
import { readKey, readPublicKey } from './key-arguments.ts';
import { isOctetKey, type KeyData } from './key-data.ts';
import { notForKeyType } from './key-errors.ts';
import { random } from './key-objects.ts';
import {
  type SignatureOptions,
  signDigest,
  signMessage,
  verifyDigest,
  verifyMessage,
} from './signatures.ts';

const { Writable } = stream;

interface State {
  readonly algorithm: string;
  readonly digest: Digest;
}
type Constructor = new (algorithm: unknown, options?: unknown) => object;

/** Signatures under way. Whatever has ended is not in it any more. */
const states = new WeakMap<object, State>();

/** The text for a guest's own encoding, or the bytes. */
export function inEncoding(bytes: Uint8Array, encoding: unknown): Buffer | string {
  const buffer = Buffer.from(bytes);
  if (encoding === undefined || encoding === null || encoding === 'buffer') return buffer;
  if (encoding === '') return buffer;
  if (typeof encoding !== 'string' || !Buffer.isEncoding(encoding)) throw unknownEncoding(encoding);
  return buffer.toString(encoding);
}

function begin(self: object, algorithm: unknown, options: unknown): void {
  validateString(algorithm, 'algorithm');
  // "DSS1" is what SHA-1 was called for DSA.
  const name = algorithm.toUpperCase() === 'DSS1' ? 'sha1' : algorithm;
  const digest = hashFunction(name)?.create();
  if (digest === undefined) {
    throw nodeError(TypeError, 'ERR_CRYPTO_INVALID_DIGEST', 'Invalid digest');
  }
  states.set(self, { algorithm: name, digest });
  Writable.call(self as never, options as never);
}

function stateOf(self: object): State {
  const state = states.get(self);
  if (state === undefined) throw nodeError(Error, 'ERR_CRYPTO_INVALID_STATE', 'Not initialised');
  return state;
}

function ended(self: object): State {
  const state = stateOf(self);
  states.delete(self);
  return state;
}

export function Sign(this: object, algorithm: unknown, options: unknown): unknown {
  if (!(this instanceof Sign)) return new (Sign as unknown as Constructor)(algorithm, options);
  begin(this, algorithm, options);
  return undefined;
}

export function Verify(this: object, algorithm: unknown, options: unknown): unknown {
  if (!(this instanceof Verify)) return new (Verify as unknown as Constructor)(algorithm, options);
  begin(this, algorithm, options);
  return undefined;
}

const shared = {
  _write(this: object, chunk: unknown, encoding: unknown, done: () => void): void {
    stateOf(this).digest.update(dataBytes(chunk, encoding));
    done();
  },
  update(this: object, data: unknown, encoding?: unknown): object {
    const bytes = dataBytes(data, encoding);
    stateOf(this).digest.update(bytes);
    return this;
  },
};

function integerOption(options: unknown, name: 'padding' | 'saltLength'): number | undefined {
  const value = (options as Readonly<Record<string, unknown>>)[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && value === value >> 0) return value;
  throw invalidArgValue(`options.${name}`, value);
}

/** `key` is the argument that is the key as well as what belongs to it. */
function readOptions(key: unknown): SignatureOptions {
  const padding = integerOption(key, 'padding');
  const saltLength = integerOption(key, 'saltLength');
  const encoding =
    typeof key === 'object' ? (key as { readonly dsaEncoding?: unknown }).dsaEncoding : undefined;
  if (encoding !== undefined && encoding !== 'der' && encoding !== 'ieee-p1363') {
    throw invalidArgValue('options.dsaEncoding', encoding);
  }
  return { padding, saltLength, dsaEncoding: encoding ?? 'der' };
}

function keyRequired(): Error {
  return nodeError(Error, 'ERR_CRYPTO_SIGN_KEY_REQUIRED', 'No key provided to sign');
}

/** Edwards curves hash the message twice: they cannot take it in pieces. */
function requirePieces(key: KeyData): void {
  if (!isOctetKey(key)) return;
  if (octetCurve(key.type).sign === undefined) throw notForKeyType();
  const text = 'Unsupported crypto operation';
  throw nodeError(Error, 'ERR_CRYPTO_UNSUPPORTED_OPERATION', text);
}

Object.setPrototypeOf(Sign.prototype, Writable.prototype);
Object.setPrototypeOf(Sign, Writable);
Object.assign(Sign.prototype, {
  ...shared,
  sign(this: object, options: unknown, encoding?: unknown): Buffer | string {
    if (!options) throw keyRequired();
    const key = readKey(options, 'use private');
    const given = readOptions(options);
    const { algorithm, digest } = ended(this);
    requirePieces(key);
    return inEncoding(signDigest(key, algorithm, digest.digest(), given, random), encoding);
  },
});

Object.setPrototypeOf(Verify.prototype, Writable.prototype);
Object.setPrototypeOf(Verify, Writable);
Object.assign(Verify.prototype, {
  ...shared,
  verify(this: object, options: unknown, signature: unknown, encoding?: unknown): boolean {
    const key = readPublicKey(options, 'use public');
    const given = readOptions(options);
    const bytes = anyBytes(signature, 'signature', encoding);
    const { algorithm, digest } = ended(this);
    requirePieces(key);
    try {
      return verifyDigest(key, algorithm, digest.digest(), bytes, given);
    } catch {
      // What this key cannot verify is not verified.
      return false;
    }
  },
});

export function createSign(algorithm: unknown, options?: unknown): object {
  return new (Sign as unknown as Constructor)(algorithm, options);
}

export function createVerify(algorithm: unknown, options?: unknown): object {
  return new (Verify as unknown as Constructor)(algorithm, options);
}

/** Now, or later to `callback`, which gets what is thrown after the arguments have been read. */
export function answer<Result>(callback: unknown, job: () => Result): Result | undefined {
  if (callback === undefined) return job();
  let outcome: readonly unknown[];
  try {
    outcome = [null, job()];
  } catch (error) {
    outcome = [error];
  }
  kernel().setImmediate(callback as never, ...(outcome as [never]));
  return undefined;
}

function readAlgorithm(algorithm: unknown): string | undefined {
  if (algorithm == null) return undefined;
  validateString(algorithm, 'algorithm');
  if (hashFunction(algorithm) === undefined) {
    throw nodeError(TypeError, 'ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${algorithm}`);
  }
  return algorithm;
}

export function sign(
  algorithm: unknown,
  data: unknown,
  key: unknown,
  callback?: unknown,
): Buffer | undefined {
  if (algorithm != null) validateString(algorithm, 'algorithm');
  if (callback !== undefined) validateFunction(callback, 'callback');
  const bytes = anyBytes(data, 'data');
  if (!key) throw keyRequired();
  const options = readOptions(key);
  const its = readKey(key, 'use private');
  const hash = readAlgorithm(algorithm);
  return answer(callback, () => Buffer.from(signMessage(its, hash, bytes, options, random)));
}

export function verify(
  algorithm: unknown,
  data: unknown,
  key: unknown,
  signature: unknown,
  callback?: unknown,
): boolean | undefined {
  if (algorithm != null) validateString(algorithm, 'algorithm');
  if (callback !== undefined) validateFunction(callback, 'callback');
  const bytes = anyBytes(data, 'data');
  if (key == null) {
    throw new TypeError(`Cannot read properties of ${String(key)} (reading 'padding')`);
  }
  const options = readOptions(key);
  if (!ArrayBuffer.isView(signature)) {
    throw invalidArgType('signature', ['Buffer', 'TypedArray', 'DataView'], signature);
  }
  const its = readPublicKey(key, 'use public');
  const hash = readAlgorithm(algorithm);
  return answer(callback, () => verifyMessage(its, hash, bytes, viewBytes(signature), options));
}
