/** Powers, inverses and primes of large integers. */

import { bitLength, ofInteger, toInteger } from './bytes.ts';

export type Random = (length: number) => Uint8Array;

/** Bits of the exponent taken at once: more would cost more for the table than they save. */
const WINDOW = 5;

/**
 * `base` to the `exponent`, modulo `modulus`. The engine's division is native code, which Montgomery's
 * form in JavaScript does not beat (docs/decisions/0021-noble.md).
 */
export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  if (modulus === 1n) return 0n;
  const start = base % modulus;
  if (exponent < 0x100_0000n) return powerBySquares(start, exponent, modulus);
  const table = [1n, start];
  for (let i = 2; i < 1 << WINDOW; i++) table.push(((table[i - 1] as bigint) * start) % modulus);
  const digits = exponent.toString(2);
  const text = digits.padStart(Math.ceil(digits.length / WINDOW) * WINDOW, '0');
  let result = 1n;
  for (let at = 0; at < text.length; at += WINDOW) {
    for (let i = 0; i < WINDOW; i++) result = (result * result) % modulus;
    const digit = Number.parseInt(text.slice(at, at + WINDOW), 2);
    if (digit !== 0) result = (result * (table[digit] as bigint)) % modulus;
  }
  return result;
}

function powerBySquares(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** The inverse of `value` modulo `modulus`, or undefined if they share a factor. */
export function inverse(value: bigint, modulus: bigint): bigint | undefined {
  let [a, b] = [((value % modulus) + modulus) % modulus, modulus];
  let [x, y] = [1n, 0n];
  while (a > 1n) {
    if (b === 0n) return undefined;
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return a === 1n ? ((x % modulus) + modulus) % modulus : undefined;
}

export function greatestDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y > 0n) [x, y] = [y, x % y];
  return x;
}

const SIEVE_BELOW = 2000;
let smallPrimes: readonly bigint[] | undefined;

function primesBelow(limit: number): bigint[] {
  const isComposite = new Uint8Array(limit);
  const found: bigint[] = [];
  for (let n = 2; n < limit; n++) {
    if (isComposite[n]) continue;
    found.push(BigInt(n));
    for (let k = n * n; k < limit; k += n) isComposite[k] = 1;
  }
  return found;
}

/** An even choice below `limit`. */
export function randomBelow(limit: bigint, random: Random): bigint {
  const length = ofInteger(limit).length;
  const surplus = BigInt(length * 8 - bitLength(limit));
  for (;;) {
    const value = toInteger(random(length)) >> surplus;
    if (value < limit) return value;
  }
}

/** Miller and Rabin's test with random bases: a composite passes a round once in four at most. */
export function isPrime(value: bigint, rounds: number, random: Random): boolean {
  if (value < 2n) return false;
  smallPrimes ??= primesBelow(SIEVE_BELOW);
  for (const prime of smallPrimes) {
    if (value % prime === 0n) return value === prime;
  }
  if (value < BigInt(SIEVE_BELOW) ** 2n) return true;
  let odd = value - 1n;
  let halvings = 0;
  for (; (odd & 1n) === 0n; odd >>= 1n) halvings++;
  for (let round = 0; round < rounds; round++) {
    const base = 2n + randomBelow(value - 3n, random);
    if (!passes(value, base, odd, halvings)) return false;
  }
  return true;
}

function passes(value: bigint, base: bigint, odd: bigint, halvings: number): boolean {
  let x = power(base, odd, value);
  if (x === 1n || x === value - 1n) return true;
  for (let i = 1; i < halvings; i++) {
    x = (x * x) % value;
    if (x === value - 1n) return true;
  }
  return false;
}

/** Rounds that leave less than 2^-80 for random numbers of this size (Handbook of Applied Cryptography, 4.4). */
export function roundsFor(bits: number): number {
  if (bits >= 1300) return 2;
  if (bits >= 850) return 3;
  if (bits >= 650) return 4;
  if (bits >= 400) return 7;
  return bits >= 250 ? 12 : 27;
}

export interface PrimeWish {
  readonly bits: number;
  /** Two highest bits set: the product of two such has twice the bits. */
  readonly isLong?: boolean;
  /** Half of it is prime as well. */
  readonly isSafe?: boolean;
  /** The prime is `rem` modulo `add`. */
  readonly add?: bigint;
  readonly rem?: bigint;
}

/** How far from a random start a prime is looked for. The next start is as good. */
const STEPS_MAX = 20_000;
/** Below it a candidate may itself be one of the small primes. */
const SIEVED_BITS_MIN = 32;

/** A prime of exactly `bits` bits. `suits` refuses what its caller cannot use. */
export function randomPrime(
  wish: PrimeWish,
  random: Random,
  suits: (prime: bigint) => boolean = () => true,
): bigint {
  const { bits, isSafe = false, isLong = false } = wish;
  const step = wish.add ?? (isSafe ? 4n : 2n);
  const lowest = isLong ? 3n << BigInt(bits - 2) : 1n << BigInt(bits - 1);
  for (;;) {
    const start = candidate(wish, random);
    const survives = bits < SIEVED_BITS_MIN ? () => true : sieve(start, step, isSafe);
    const steps = bits < SIEVED_BITS_MIN ? 1 : STEPS_MAX;
    for (let at = 0; at < steps; at++) {
      if (!survives(at)) continue;
      const value = start + step * BigInt(at);
      if (bitLength(value) !== bits || value < lowest) break;
      if (suits(value) && isFound(value, wish, random)) return value;
    }
  }
}

function isFound(value: bigint, { bits, isSafe = false }: PrimeWish, random: Random): boolean {
  const rounds = roundsFor(bits);
  const half = value >> 1n;
  // One round each first: most fail there.
  if (isSafe && bits >= SIEVED_BITS_MIN && !isPrime(half, 1, random)) return false;
  if (!isPrime(value, rounds, random)) return false;
  return !isSafe || bits < SIEVED_BITS_MIN || isPrime(half, rounds, random);
}

/** Whether `start + at * step`, and half of it if that matters, has no small factor: in small numbers. */
function sieve(start: bigint, step: bigint, isSafe: boolean): (at: number) => boolean {
  smallPrimes ??= primesBelow(SIEVE_BELOW);
  const odd = smallPrimes.slice(1).map((prime) => ({
    prime: Number(prime),
    start: Number(start % prime),
    step: Number(step % prime),
  }));
  return (at) => {
    for (const one of odd) {
      const rest = (one.start + at * one.step) % one.prime;
      if (rest === 0 || (isSafe && rest === 1)) return false;
    }
    return true;
  };
}

function candidate({ bits, isLong, isSafe, add, rem }: PrimeWish, random: Random): bigint {
  const length = Math.ceil(bits / 8);
  const mask = (1n << BigInt(bits)) - 1n;
  const top = 1n << BigInt(bits - 1);
  let value = (toInteger(random(length)) & mask) | top;
  if (isLong) value |= top >> 1n;
  if (add !== undefined) {
    value -= value % add;
    return value + (rem ?? (isSafe ? 3n : 1n));
  }
  if (bits > 2) value |= isSafe ? 3n : 1n;
  return value;
}
