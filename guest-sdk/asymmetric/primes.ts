/** `generatePrime`, `checkPrime` and their synchronous forms. */

import { anyBytes } from '../node/crypto-input.ts';
import { invalidArgType, nodeError, outOfRange } from '../node/node-errors.ts';
import { isAnyArrayBuffer } from '../node/util-types.ts';
import {
  validateBoolean,
  validateFunction,
  validateInteger,
  validateObject,
} from '../node/validators.ts';
import { bitLength, ofInteger, toInteger } from './bytes.ts';
import { random } from './key-objects.ts';
import { isPrime, randomPrime, roundsFor } from './modular.ts';
import { answer } from './sign-objects.ts';

const INT_MAX = 2 ** 31 - 1;

function readInteger(value: unknown, name: string): bigint {
  if (typeof value === 'bigint') {
    if (value < 0n) throw outOfRange(name, '>= 0', value);
    return value;
  }
  if (ArrayBuffer.isView(value) || isAnyArrayBuffer(value)) {
    return toInteger(anyBytes(value, name));
  }
  const expected = ['bigint', 'ArrayBuffer', 'TypedArray', 'Buffer', 'DataView'];
  throw invalidArgType(name, expected, value);
}

interface PrimeOptions {
  readonly safe?: unknown;
  readonly bigint?: unknown;
  readonly add?: unknown;
  readonly rem?: unknown;
}

function primeJob(size: unknown, options: unknown): () => bigint | ArrayBuffer {
  validateInteger(size, 'size', 1, INT_MAX);
  validateObject(options, 'options');
  const { safe = false, bigint = false, add, rem } = options as PrimeOptions;
  validateBoolean(safe, 'options.safe');
  validateBoolean(bigint, 'options.bigint');
  const step = add === undefined ? undefined : readInteger(add, 'options.add');
  const rest = rem === undefined ? undefined : readInteger(rem, 'options.rem');
  if (step !== undefined && bitLength(step) > size) {
    throw nodeError(RangeError, 'ERR_OUT_OF_RANGE', 'invalid options.add');
  }
  if (step !== undefined && rest !== undefined && step <= rest) {
    throw nodeError(RangeError, 'ERR_OUT_OF_RANGE', 'invalid options.rem');
  }
  return () => {
    if (size < 2) throw new Error('error:01800076:bignum routines::bits too small');
    const wish = {
      bits: size,
      isSafe: safe,
      ...(step !== undefined && { add: step }),
      ...(rest !== undefined && { rem: rest }),
    };
    const prime = randomPrime(wish, random);
    return bigint ? prime : (ofInteger(prime, Math.ceil(size / 8)).buffer as ArrayBuffer);
  };
}

export function generatePrimeSync(size: unknown, options: unknown = {}): bigint | ArrayBuffer {
  return primeJob(size, options)();
}

export function generatePrime(size: unknown, options: unknown, callback?: unknown): void {
  const isWithoutOptions = typeof options === 'function';
  const done = isWithoutOptions ? options : callback;
  validateFunction(done, 'callback');
  answer(done, primeJob(size, isWithoutOptions ? {} : options));
}

function checkJob(candidate: unknown, options: unknown): () => boolean {
  const value = readInteger(candidate, 'candidate');
  validateObject(options, 'options');
  const { checks = 0 } = options as { readonly checks?: unknown };
  validateInteger(checks, 'options.checks', 0, INT_MAX);
  return () => isPrime(value, Math.max(checks, roundsFor(bitLength(value)) * 2), random);
}

export function checkPrimeSync(candidate: unknown, options: unknown = {}): boolean {
  return checkJob(candidate, options)();
}

export function checkPrime(candidate: unknown, options: unknown, callback?: unknown): void {
  const isWithoutOptions = typeof options === 'function';
  const done = isWithoutOptions ? options : callback;
  validateFunction(done, 'callback');
  answer(done, checkJob(candidate, isWithoutOptions ? {} : options));
}
