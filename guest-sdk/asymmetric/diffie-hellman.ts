/** `DiffieHellman` and `DiffieHellmanGroup` of `node:crypto`. */

import { Buffer } from '../node/buffer.ts';
import { anyBytes, opensslError } from '../node/crypto-input.ts';
import { invalidArgType, nodeError } from '../node/node-errors.ts';
import { isAnyArrayBuffer } from '../node/util-types.ts';
import { validateInteger } from '../node/validators.ts';
import { bitLength, ofInteger, toInteger } from './bytes.ts';
import { groupPrime, isGroupPrime, randomExponent } from './dh-groups.ts';
import { random } from './key-objects.ts';
import { isPrime, power, randomPrime } from './modular.ts';
import { inEncoding } from './sign-objects.ts';

interface State {
  readonly prime: bigint;
  readonly generator: bigint;
  secret: bigint | undefined;
  key: bigint | undefined;
}

const states = new WeakMap<object, State>();
type Constructor = new (...args: unknown[]) => object;

/** Bits of OpenSSL's checks. */
const NOT_PRIME = 1;
const NOT_SAFE_PRIME = 2;
const BAD_GENERATOR = 8;
const TOO_SMALL = 0x80;
const PRIME_BITS_MIN = 512;
const ROUNDS = 16;

function faultsOf({ prime, generator }: State): number {
  if (isGroupPrime(prime) && generator === 2n) return 0;
  let faults = bitLength(prime) < PRIME_BITS_MIN ? TOO_SMALL : 0;
  if (generator <= 1n || generator >= prime - 1n) faults |= BAD_GENERATOR;
  if (!isPrime(prime, ROUNDS, random)) faults |= NOT_PRIME;
  else if (!isPrime(prime >> 1n, ROUNDS, random)) faults |= NOT_SAFE_PRIME;
  return faults;
}

function tooSmall(): Error {
  return opensslError('0280007E', 'Diffie-Hellman routines', 'modulus too small');
}

function badGenerator(): Error {
  return opensslError('02800065', 'Diffie-Hellman routines', 'bad generator');
}

function stateOf(self: object): State {
  const state = states.get(self);
  if (state === undefined) throw new TypeError('Illegal invocation');
  return state;
}

function begin(self: object, prime: bigint, generator: bigint): void {
  const state = { prime, generator, secret: undefined, key: undefined };
  states.set(self, state);
  Object.defineProperty(self, 'verifyError', {
    value: faultsOf(state),
    enumerable: true,
    writable: false,
    configurable: true,
  });
}

const BYTES = ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'];

function isBytes(value: unknown): boolean {
  return ArrayBuffer.isView(value) || isAnyArrayBuffer(value);
}

function readGenerator(generator: unknown, encoding: unknown): bigint {
  if (generator === undefined || generator === null || generator === false || generator === '') {
    return 2n;
  }
  if (typeof generator === 'number') {
    validateInteger(generator, 'generator', -(2 ** 31), 2 ** 31 - 1);
    return BigInt(generator);
  }
  if (typeof generator !== 'string' && !isBytes(generator)) {
    throw invalidArgType('generator', ['number', 'string', ...BYTES], generator);
  }
  return toInteger(anyBytes(generator, 'generator', encoding));
}

/** `sizeOrKey` and what follows it, each with an encoding of its own if it is text. */
export function DiffieHellman(
  this: object,
  sizeOrKey: unknown,
  keyEncoding: unknown,
  generator: unknown,
  generatorEncoding: unknown,
): unknown {
  if (!(this instanceof DiffieHellman)) {
    return new (DiffieHellman as unknown as Constructor)(
      sizeOrKey,
      keyEncoding,
      generator,
      generatorEncoding,
    );
  }
  if (typeof sizeOrKey !== 'number' && typeof sizeOrKey !== 'string' && !isBytes(sizeOrKey)) {
    throw invalidArgType('sizeOrKey', ['number', 'string', ...BYTES], sizeOrKey);
  }
  // The encoding may be left out: what is no encoding is the generator.
  const isEncoding =
    !keyEncoding ||
    keyEncoding === 'buffer' ||
    (typeof keyEncoding === 'string' && Buffer.isEncoding(keyEncoding));
  const [encoding, second, secondEncoding] = isEncoding
    ? [keyEncoding || undefined, generator, generatorEncoding]
    : [undefined, keyEncoding, generator];
  const base = readGenerator(second, secondEncoding);
  if (typeof sizeOrKey === 'number')
    validateInteger(sizeOrKey, 'sizeOrKey', -(2 ** 31), 2 ** 31 - 1);
  if (typeof sizeOrKey === 'number' && sizeOrKey < PRIME_BITS_MIN) throw tooSmall();
  if (base < 2n) throw badGenerator();
  const prime =
    typeof sizeOrKey === 'number'
      ? randomPrime({ bits: sizeOrKey, isSafe: true }, random)
      : toInteger(anyBytes(sizeOrKey, 'sizeOrKey', encoding));
  begin(this, prime, base);
  return undefined;
}

export function DiffieHellmanGroup(this: object, name: unknown): unknown {
  if (!(this instanceof DiffieHellmanGroup)) {
    return new (DiffieHellmanGroup as unknown as Constructor)(name);
  }
  const prime = groupPrime(String(name).toLowerCase());
  if (prime === undefined) {
    throw nodeError(Error, 'ERR_CRYPTO_UNKNOWN_DH_GROUP', 'Unknown DH group');
  }
  begin(this, prime, 2n);
  return undefined;
}

function invalidState(which: string): Error {
  const text = `No ${which} key - did you forget to generate one?`;
  return nodeError(Error, 'ERR_CRYPTO_INVALID_STATE', text);
}

const keys = {
  generateKeys(this: object, encoding?: unknown): Buffer | string {
    const state = stateOf(this);
    if (bitLength(state.prime) < PRIME_BITS_MIN) throw tooSmall();
    state.secret ??= randomExponent(state.prime, random);
    state.key = power(state.generator, state.secret, state.prime);
    return inEncoding(ofInteger(state.key), encoding);
  },
  computeSecret(this: object, other: unknown, input?: unknown, output?: unknown): Buffer | string {
    const state = stateOf(this);
    const key = toInteger(anyBytes(other, 'key', input));
    if (state.secret === undefined) {
      throw nodeError(RangeError, 'ERR_CRYPTO_INVALID_KEYTYPE', 'Invalid key type');
    }
    if (bitLength(state.prime) < PRIME_BITS_MIN) throw tooSmall();
    if (key <= 1n) {
      throw nodeError(RangeError, 'ERR_CRYPTO_INVALID_KEYLEN', 'Supplied key is too small');
    }
    if (key === state.prime - 1n) {
      throw nodeError(RangeError, 'ERR_CRYPTO_INVALID_KEYLEN', 'Supplied key is too large');
    }
    const secret = power(key, state.secret, state.prime);
    return inEncoding(ofInteger(secret, ofInteger(state.prime).length), output);
  },
  getPrime(this: object, encoding?: unknown): Buffer | string {
    return inEncoding(ofInteger(stateOf(this).prime), encoding);
  },
  getGenerator(this: object, encoding?: unknown): Buffer | string {
    return inEncoding(ofInteger(stateOf(this).generator), encoding);
  },
  getPublicKey(this: object, encoding?: unknown): Buffer | string {
    const { key } = stateOf(this);
    if (key === undefined) throw invalidState('public');
    return inEncoding(ofInteger(key), encoding);
  },
  getPrivateKey(this: object, encoding?: unknown): Buffer | string {
    const { secret } = stateOf(this);
    if (secret === undefined) throw invalidState('private');
    return inEncoding(ofInteger(secret), encoding);
  },
};

Object.assign(DiffieHellmanGroup.prototype, keys);
Object.assign(DiffieHellman.prototype, keys, {
  setPublicKey(this: object, key: unknown, encoding?: unknown): object {
    stateOf(this).key = toInteger(anyBytes(key, 'key', encoding));
    return this;
  },
  setPrivateKey(this: object, key: unknown, encoding?: unknown): object {
    stateOf(this).secret = toInteger(anyBytes(key, 'key', encoding));
    return this;
  },
});

export function createDiffieHellman(...args: unknown[]): object {
  return new (DiffieHellman as unknown as Constructor)(...args);
}

export function createDiffieHellmanGroup(name: unknown): object {
  return new (DiffieHellmanGroup as unknown as Constructor)(name);
}
