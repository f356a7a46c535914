/** `generateKeyPair` and `generateKeyPairSync` of `node:crypto`. */

import { digestName, hashFunction } from '../node/crypto-digests.ts';
import { anyBytes } from '../node/crypto-input.ts';
import { kernel } from '../node/kernel-hooks.ts';
import { invalidArgValue, nodeError } from '../node/node-errors.ts';
import {
  validateFunction,
  validateInteger,
  validateObject,
  validateString,
  validateUint32,
} from '../node/validators.ts';
import { bitLength, toInteger } from './bytes.ts';
import {
  curveNamed,
  type OctetCurveName,
  octetCurve,
  octetCurves,
  randomSecret,
} from './curves.ts';
import { groupPrime, randomExponent } from './dh-groups.ts';
import { type Encoding, readEncoding } from './key-arguments.ts';
import { ecKeyOf, type KeyData, octetKeyOf, type PssLimits } from './key-data.ts';
import {
  privateKeyObject,
  publicKeyObject,
  random,
  writePrivate,
  writePublic,
} from './key-objects.ts';
import { power, randomPrime } from './modular.ts';
import { keyCipher } from './pbes.ts';
import { generateRsa } from './rsa.ts';
import { answer } from './sign-objects.ts';

type Options = Readonly<Record<string, unknown>>;

export interface KeyPair {
  readonly publicKey: unknown;
  readonly privateKey: unknown;
}

function readOutput(
  options: Options,
  name: 'publicKeyEncoding' | 'privateKeyEncoding',
  keyType: string,
): Encoding | undefined {
  const given = options[name];
  if (given == null) return undefined;
  if (typeof given !== 'object') throw invalidArgValue(`options.${name}`, given);
  const isPublic = name === 'publicKeyEncoding';
  const path = `options.${name}`;
  const encoding = readEncoding(given, { keyType, isPublic, isInput: false, name: path });
  if (encoding.cipher !== undefined && keyCipher(encoding.cipher) === undefined) {
    throw nodeError(Error, 'ERR_CRYPTO_UNKNOWN_CIPHER', 'Unknown cipher');
  }
  return encoding;
}

/** As OpenSSL has it: its numbers without a code. */
function plainError(text: string): Error {
  return new Error(`error:${text}`);
}

const MODULUS_BITS_MIN = 512;

type Job = () => KeyData;

function hashOption(options: Options, names: readonly string[], what: string): string | undefined {
  let found: string | undefined;
  for (const name of names) {
    const value = options[name];
    if (value === undefined) continue;
    validateString(value, `options.${name}`);
    found ??= value;
  }
  if (found === undefined) return undefined;
  const known = digestName(found);
  if (known !== undefined) return known;
  throw nodeError(TypeError, 'ERR_CRYPTO_INVALID_DIGEST', `Invalid ${what}: ${found}`);
}

function readLimits(options: Options): PssLimits | undefined {
  const { saltLength } = options;
  if (saltLength !== undefined) validateInteger(saltLength, 'options.saltLength', 0, 2 ** 31 - 1);
  for (const name of ['hash', 'mgf1Hash'] as const) {
    if (options[name] === undefined) continue;
    const text = `"options.${name}" is deprecated, use "options.${name}Algorithm" instead.`;
    kernel().emitWarning(text, 'DeprecationWarning', 'DEP0154');
  }
  const hash = hashOption(options, ['hashAlgorithm', 'hash'], 'digest');
  const mgf1Hash = hashOption(options, ['mgf1HashAlgorithm', 'mgf1Hash'], 'MGF1 digest');
  if (hash === undefined && mgf1Hash === undefined && saltLength === undefined) return undefined;
  const its = hash ?? 'sha1';
  const length = hash === undefined ? 20 : (hashFunction(hash)?.outputLen ?? 20);
  return {
    hash: its,
    mgf1Hash: mgf1Hash ?? its,
    saltLength: (saltLength as number | undefined) ?? length,
  };
}

function rsaJob(type: 'rsa' | 'rsa-pss', options: Options): Job {
  const { modulusLength, publicExponent = 0x10001 } = options;
  validateUint32(modulusLength, 'options.modulusLength');
  validateUint32(publicExponent, 'options.publicExponent');
  const limits = type === 'rsa-pss' ? readLimits(options) : undefined;
  return () => {
    if (modulusLength < MODULUS_BITS_MIN) {
      throw plainError('1C8000AB:Provider routines::key size too small');
    }
    if (publicExponent < 3 || publicExponent % 2 === 0) {
      throw plainError('020000B2:rsa routines::pub exponent out of range');
    }
    return { type, ...generateRsa(modulusLength, BigInt(publicExponent), random), limits };
  };
}

function ecJob(options: Options): Job {
  const { namedCurve, paramEncoding } = options;
  validateString(namedCurve, 'options.namedCurve');
  if (paramEncoding != null && paramEncoding !== 'named' && paramEncoding !== 'explicit') {
    throw invalidArgValue('options.paramEncoding', paramEncoding);
  }
  const curve = curveNamed(namedCurve);
  if (curve === undefined) {
    throw nodeError(TypeError, 'ERR_CRYPTO_INVALID_CURVE', 'Invalid EC curve name');
  }
  return () => ecKeyOf(curve, randomSecret(curve, random));
}

function octetJob(type: OctetCurveName): Job {
  return () => octetKeyOf(type, random(octetCurve(type).size));
}

const DH_OPTIONS = ['prime', 'primeLength', 'generator'];

function dhJob(options: Options): Job {
  const { group, prime, primeLength, generator } = options;
  if (group != null) {
    const other = DH_OPTIONS.find((name) => options[name] != null);
    if (other !== undefined) {
      const text = `Option "group" cannot be used in combination with option "${other}"`;
      throw nodeError(TypeError, 'ERR_INCOMPATIBLE_OPTION_PAIR', text);
    }
    validateString(group, 'options.group');
    const its = groupPrime(group);
    if (its === undefined) {
      throw nodeError(Error, 'ERR_CRYPTO_UNKNOWN_DH_GROUP', 'Unknown DH group');
    }
    return () => newDhKey(its, 2n);
  }
  if (prime != null && primeLength != null) {
    const text = 'Option "prime" cannot be used in combination with option "primeLength"';
    throw nodeError(TypeError, 'ERR_INCOMPATIBLE_OPTION_PAIR', text);
  }
  if (generator != null) validateInteger(generator, 'options.generator', 0, 2 ** 31 - 1);
  const base = BigInt((generator as number | undefined) ?? 2);
  if (prime != null) {
    const its = toInteger(anyBytes(prime, 'options.prime', undefined, BYTES));
    return () => newDhKey(its, base);
  }
  if (primeLength == null) {
    const text = 'At least one of the group, prime, or primeLength options is required';
    throw nodeError(TypeError, 'ERR_MISSING_OPTION', text);
  }
  validateInteger(primeLength, 'options.primeLength', 0, 2 ** 31 - 1);
  return () => {
    if (primeLength < MODULUS_BITS_MIN) throw tooSmall();
    return newDhKey(randomPrime({ bits: primeLength, isSafe: true }, random), base);
  };
}

const BYTES = ['Buffer', 'TypedArray', 'DataView'];

function tooSmall(): Error {
  return plainError('0280007E:Diffie-Hellman routines::modulus too small');
}

function newDhKey(prime: bigint, generator: bigint): KeyData {
  if (bitLength(prime) < MODULUS_BITS_MIN) throw tooSmall();
  const secret = randomExponent(prime, random);
  return { type: 'dh', prime, generator, secret, key: power(generator, secret, prime) };
}

function readJob(type: string, options: unknown): Job {
  if (type === 'rsa' || type === 'rsa-pss') {
    validateObject(options, 'options');
    return rsaJob(type, options as Options);
  }
  if (type === 'ec') {
    validateObject(options, 'options');
    return ecJob(options as Options);
  }
  if (type === 'dh') {
    validateObject(options, 'options');
    return dhJob(options as Options);
  }
  if (Object.hasOwn(octetCurves, type)) return octetJob(type as OctetCurveName);
  throw invalidArgValue('type', type, 'must be a supported key type');
}

/** Arguments are read when it is called, the work is done when its result is. */
function pairJob(type: unknown, options: unknown): () => KeyPair {
  validateString(type, 'type');
  if (options !== undefined) validateObject(options, 'options');
  const given = (options ?? {}) as Options;
  const publicEncoding = readOutput(given, 'publicKeyEncoding', type);
  const privateEncoding = readOutput(given, 'privateKeyEncoding', type);
  const job = readJob(type, options);
  return () => {
    const key = job();
    return {
      publicKey: publicEncoding ? writePublic(key, publicEncoding) : publicKeyObject(key),
      privateKey: privateEncoding ? writePrivate(key, privateEncoding) : privateKeyObject(key),
    };
  };
}

export function generateKeyPairSync(type: unknown, options?: unknown): KeyPair {
  return pairJob(type, options)();
}

export function generateKeyPair(type: unknown, options: unknown, callback?: unknown): void {
  const isWithoutOptions = typeof options === 'function';
  const done = isWithoutOptions ? options : callback;
  validateFunction(done, 'callback');
  const job = pairJob(type, isWithoutOptions ? undefined : options);
  const give = (error: unknown, pair?: KeyPair): void => {
    if (error) done(error);
    else done(null, pair?.publicKey, pair?.privateKey);
  };
  answer(give, job);
}
