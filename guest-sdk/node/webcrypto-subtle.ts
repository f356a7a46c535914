/**
 * `SubtleCrypto`: digests, HMAC, AES and keys derived by PBKDF2 and HKDF. What it does with key pairs
 * is in guest-sdk/asymmetric.
 */

import { traps } from '../drivers/traps.ts';
import { DOMException } from '../web/dom-exception.ts';
import { exposeInterface } from '../web/interface.ts';
import { withAsymmetric } from './crypto-asymmetric.ts';
import { hashFunction, hkdfOf, hmacOf, pbkdf2Of } from './crypto-digests.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidThis } from './node-errors.ts';
import {
  type Algorithm,
  blockBits,
  isOfPairs,
  normalize,
  normalizeWrap,
  requireUsages,
  sourceBytes,
} from './webcrypto-algorithms.ts';
import { runCipher } from './webcrypto-cipher.ts';
import { exportKey, importKey, keyArguments } from './webcrypto-formats.ts';
import {
  bytesOfCryptoKey,
  type CryptoKey,
  idlError,
  isCryptoKey,
  newCryptoKey,
  operationError,
} from './webcrypto-key.ts';

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}

/** The one there is: its methods work on no other object. */
const genuine = new WeakSet<object>();

/** A method's body: what it throws rejects; what it gives comes later, as from Node's thread pool. */
function later<Result>(
  subtle: unknown,
  method: string,
  args: readonly unknown[],
  required: number,
  run: () => Result,
): Promise<Result> {
  return new Promise((resolve) => {
    if (typeof subtle !== 'object' || subtle === null || !genuine.has(subtle)) {
      throw invalidThis('SubtleCrypto');
    }
    if (args.length < required) {
      const noun = `${required} argument${required === 1 ? '' : 's'}`;
      const text = `${noun} required, but only ${args.length} present.`;
      throw idlError('ERR_MISSING_ARGS', method, text);
    }
    const result = run();
    kernel().setImmediate(resolve as never, result);
  });
}

const ORDINALS = ['', '1st', '2nd', '3rd', '4th'];

function bytesArgument(value: unknown, method: string, position: number): Uint8Array {
  const bytes = sourceBytes(value);
  if (bytes !== undefined) return bytes;
  const text = `${ORDINALS[position]} argument is not instance of ArrayBuffer, Buffer, TypedArray, or DataView.`;
  throw idlError('ERR_INVALID_ARG_TYPE', method, text);
}

function keyArgument(value: unknown, method: string, position: number): CryptoKey {
  if (isCryptoKey(value)) return value;
  const text = `${ORDINALS[position]} argument is not of type CryptoKey.`;
  throw idlError('ERR_INVALID_ARG_TYPE', method, text);
}

/** InvalidAccessError unless the key is of this algorithm and for this use. */
function requireUse({ name }: Algorithm, key: CryptoKey, usage: string): void {
  const isForUse = key.usages.includes(usage);
  if (isForUse && key.algorithm.name === name) return;
  throw new DOMException(refusalOf(usage, isForUse), 'InvalidAccessError');
}

function refusalOf(usage: string, isForUse: boolean): string {
  if (usage === 'sign' || usage === 'verify') return `Unable to use this key to ${usage}`;
  if (!usage.startsWith('derive')) {
    return 'The requested operation is not valid for the provided key';
  }
  return isForUse ? 'Key algorithm mismatch' : `baseKey does not have ${usage} usage`;
}

function hashOf(name: string | undefined): NonNullable<ReturnType<typeof hashFunction>> {
  const found = hashFunction(name ?? '');
  if (found === undefined) throw operationError();
  return found;
}

function mac(key: CryptoKey, data: Uint8Array): Uint8Array {
  return hmacOf(hashOf(key.algorithm.hash?.name), bytesOfCryptoKey(key)).update(data).digest();
}

function derive(algorithm: Algorithm, key: CryptoKey, bits: number | null): Uint8Array {
  if (algorithm.public !== undefined) {
    return withAsymmetric(({ pairs }) => pairs.sharedWith(algorithm, key, bits));
  }
  if (algorithm.iterations === 0) throw operationError('iterations cannot be zero');
  if (bits === null) throw operationError('length cannot be null');
  if (bits % 8 !== 0) throw operationError('length must be a multiple of 8');
  const length = bits / 8;
  if (length === 0) return new Uint8Array();
  const hash = hashOf(algorithm.hash?.name);
  const secret = bytesOfCryptoKey(key);
  const { salt = new Uint8Array(), info = new Uint8Array() } = algorithm;
  if (algorithm.name === 'PBKDF2') {
    return pbkdf2Of(hash, secret, salt, { c: algorithm.iterations ?? 1, dkLen: length });
  }
  if (length > 255 * hash.outputLen) throw operationError();
  return hkdfOf(hash, secret, salt, info, length);
}

interface CryptoKeyPair {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

function requireAesBits(bits: number | undefined, text: string): number {
  if (bits === 128 || bits === 192 || bits === 256) return bits;
  throw operationError(text);
}

/** Bits of a key to be derived. */
function keyLength({ name, length, hash }: Algorithm): number | null {
  if (name === 'PBKDF2' || name === 'HKDF') return null;
  if (name !== 'HMAC') return requireAesBits(length, 'Invalid key length');
  if (length === 0) throw operationError('Zero-length key is not supported');
  return length ?? blockBits(hash?.name ?? '');
}

function generate(
  algorithm: Algorithm,
  extractable: boolean,
  usages: readonly string[],
): CryptoKey | CryptoKeyPair {
  const { name, hash } = algorithm;
  requireUsages(name, usages);
  if (isOfPairs(name)) {
    return withAsymmetric(({ pairs }) => pairs.generatePair(algorithm, { extractable, usages }));
  }
  if (usages.length === 0) {
    throw new DOMException('Usages cannot be empty when creating a key.', 'SyntaxError');
  }
  const isHmac = name === 'HMAC';
  if (isHmac && algorithm.length === 0) throw operationError();
  const length = isHmac
    ? (algorithm.length ?? blockBits(hash?.name ?? ''))
    : requireAesBits(algorithm.length, 'AES key length must be 128, 192, or 256 bits');
  const bytes = new Uint8Array(traps.entropy(Math.ceil(length / 8)));
  const its = isHmac && hash !== undefined ? { name, length, hash } : { name, length };
  return newCryptoKey({ bytes, algorithm: its, extractable, usages });
}

function cipher(
  method: 'encrypt' | 'decrypt',
  args: readonly unknown[],
  usage: string,
): Uint8Array {
  const algorithm = normalize(args[0], method);
  const key = keyArgument(args[1], method, 2);
  const data = bytesArgument(args[2], method, 3);
  requireUse(algorithm, key, usage);
  return runAny(algorithm, key, data, method === 'decrypt');
}

function runAny(
  algorithm: Algorithm,
  key: CryptoKey,
  data: Uint8Array,
  decrypts: boolean,
): Uint8Array {
  if (!isOfPairs(algorithm.name))
    return runCipher(algorithm, bytesOfCryptoKey(key), data, decrypts);
  return withAsymmetric(({ pairs }) => pairs.cipherWith(algorithm, key, data, decrypts));
}

/** JWK as text, and bytes as they are, in front of a cipher. Key wrap takes whole blocks of 8 bytes. */
function wrappable(format: unknown, exported: unknown, { name }: Algorithm): Uint8Array {
  if (format !== 'jwk') return new Uint8Array(exported as ArrayBuffer);
  const bare = JSON.stringify(exported);
  const text = name === 'AES-KW' ? bare.padEnd(Math.ceil(bare.length / 8) * 8) : bare;
  return new Uint8Array(traps.encode(text, 0));
}

function unwrapped(format: unknown, bytes: Uint8Array): unknown {
  if (format !== 'jwk') return bytes;
  const copy = bufferOf(bytes);
  return JSON.parse(traps.decode(copy, 0, copy.byteLength, 0));
}

export class SubtleCrypto {
  encrypt(...args: unknown[]): Promise<ArrayBuffer> {
    return later(this, 'encrypt', args, 3, () => bufferOf(cipher('encrypt', args, 'encrypt')));
  }

  decrypt(...args: unknown[]): Promise<ArrayBuffer> {
    return later(this, 'decrypt', args, 3, () => bufferOf(cipher('decrypt', args, 'decrypt')));
  }

  sign(...args: unknown[]): Promise<ArrayBuffer> {
    return later(this, 'sign', args, 3, () => {
      const algorithm = normalize(args[0], 'sign');
      const key = keyArgument(args[1], 'sign', 2);
      const data = bytesArgument(args[2], 'sign', 3);
      requireUse(algorithm, key, 'sign');
      if (!isOfPairs(algorithm.name)) return bufferOf(mac(key, data));
      return bufferOf(withAsymmetric(({ pairs }) => pairs.signWith(algorithm, key, data)));
    });
  }

  verify(...args: unknown[]): Promise<boolean> {
    return later(this, 'verify', args, 4, () => {
      const algorithm = normalize(args[0], 'verify');
      const key = keyArgument(args[1], 'verify', 2);
      const signature = bytesArgument(args[2], 'verify', 3);
      const data = bytesArgument(args[3], 'verify', 4);
      requireUse(algorithm, key, 'verify');
      if (isOfPairs(algorithm.name)) {
        return withAsymmetric(({ pairs }) => pairs.verifyWith(algorithm, key, signature, data));
      }
      const own = mac(key, data);
      let difference = own.length ^ signature.length;
      own.forEach((byte, at) => {
        difference |= byte ^ (signature[at] ?? 0);
      });
      return difference === 0;
    });
  }

  digest(...args: unknown[]): Promise<ArrayBuffer> {
    return later(this, 'digest', args, 2, () => {
      const data = bytesArgument(args[1], 'digest', 2);
      return bufferOf(hashOf(normalize(args[0], 'digest').name)(data));
    });
  }

  generateKey(...args: unknown[]): Promise<CryptoKey | CryptoKeyPair> {
    return later(this, 'generateKey', args, 3, () => {
      const { extractable, usages } = keyArguments('generateKey', args[1], args[2], 3);
      return generate(normalize(args[0], 'generateKey'), extractable, usages);
    });
  }

  deriveKey(...args: unknown[]): Promise<CryptoKey> {
    return later(this, 'deriveKey', args, 5, () => {
      const algorithm = normalize(args[0], 'deriveBits');
      const key = keyArgument(args[1], 'deriveKey', 2);
      const length = keyLength(normalize(args[2], 'get key length'));
      const { extractable, usages } = keyArguments('deriveKey', args[3], args[4], 5);
      requireUse(algorithm, key, 'deriveKey');
      const bytes = derive(algorithm, key, length);
      const target = {
        ...(args[2] as object),
        ...(typeof args[2] === 'string' && { name: args[2] }),
      };
      return importKey('raw', bytes, normalize(target, 'importKey'), extractable, usages);
    });
  }

  deriveBits(...args: unknown[]): Promise<ArrayBuffer> {
    return later(this, 'deriveBits', args, 2, () => {
      const algorithm = normalize(args[0], 'deriveBits');
      const key = keyArgument(args[1], 'deriveBits', 2);
      requireUse(algorithm, key, 'deriveBits');
      const bits = args[2] == null ? null : Number(args[2]) >>> 0;
      return bufferOf(derive(algorithm, key, bits));
    });
  }

  importKey(...args: unknown[]): Promise<CryptoKey> {
    return later(this, 'importKey', args, 4, () => {
      const { extractable, usages } = keyArguments('importKey', args[3], args[4] ?? [], 5, args[0]);
      const algorithm = normalize(args[2], 'importKey');
      return importKey(args[0], args[1], algorithm, extractable, usages);
    });
  }

  exportKey(...args: unknown[]): Promise<unknown> {
    return later(this, 'exportKey', args, 2, () => {
      keyArguments('exportKey', false, [], 2, args[0]);
      return exportKey(args[0], keyArgument(args[1], 'exportKey', 2));
    });
  }

  wrapKey(...args: unknown[]): Promise<ArrayBuffer> {
    return later(this, 'wrapKey', args, 4, () => {
      keyArguments('wrapKey', false, [], 4, args[0]);
      const key = keyArgument(args[1], 'wrapKey', 2);
      const wrapping = keyArgument(args[2], 'wrapKey', 3);
      const algorithm = normalizeWrap(args[3], false);
      requireUse(algorithm, wrapping, 'wrapKey');
      const data = wrappable(args[0], exportKey(args[0], key), algorithm);
      return bufferOf(runAny(algorithm, wrapping, data, false));
    });
  }

  unwrapKey(...args: unknown[]): Promise<CryptoKey> {
    return later(this, 'unwrapKey', args, 7, () => {
      const { extractable, usages } = keyArguments('unwrapKey', args[5], args[6], 7, args[0]);
      const wrapped = bytesArgument(args[1], 'unwrapKey', 2);
      const unwrapping = keyArgument(args[2], 'unwrapKey', 3);
      const algorithm = normalizeWrap(args[3], true);
      const target = normalize(args[4], 'importKey');
      requireUse(algorithm, unwrapping, 'unwrapKey');
      const bytes = runAny(algorithm, unwrapping, wrapped, true);
      return importKey(args[0], unwrapped(args[0], bytes), target, extractable, usages);
    });
  }
}
exposeInterface(SubtleCrypto, 'SubtleCrypto');

export const subtle: SubtleCrypto = new SubtleCrypto();
genuine.add(subtle);
