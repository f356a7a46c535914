/** The primes of RFC 2409 and RFC 3526, out of the digits of pi that they are made of. */

import { bitLength, toInteger } from './bytes.ts';
import type { Random } from './modular.ts';

/** Name to bits of the prime and the number that makes it one. */
const GROUPS: Readonly<Record<string, readonly [bits: number, offset: bigint]>> = {
  modp1: [768, 149_686n],
  modp2: [1024, 129_093n],
  modp5: [1536, 741_804n],
  modp14: [2048, 124_476n],
  modp15: [3072, 1_690_314n],
  modp16: [4096, 240_904n],
  modp17: [6144, 929_484n],
  modp18: [8192, 4_743_158n],
};

/** 2^bits times the arc tangent of 1/x, a few units short. */
function arcTangent(x: bigint, bits: bigint): bigint {
  let power = (1n << bits) / x;
  let sum = 0n;
  for (let n = 1n; power > 0n; n += 2n) {
    sum += n % 4n === 1n ? power / n : -(power / n);
    power /= x * x;
  }
  return sum;
}

/** Bits computed beyond those that count. */
const SPARE = 64n;

/** The whole part of 2^bits times pi, by Machin's formula. */
function piBits(bits: bigint): bigint {
  const fine = bits + SPARE;
  return (4n * (4n * arcTangent(5n, fine) - arcTangent(239n, fine))) >> SPARE;
}

const primes = new Map<string, bigint>();

/** Undefined if there is no such group. The generator of each is 2. */
export function groupPrime(name: string): bigint | undefined {
  const known = primes.get(name);
  const group = Object.hasOwn(GROUPS, name) ? GROUPS[name] : undefined;
  if (known !== undefined || group === undefined) return known;
  const bits = BigInt(group[0]);
  const middle = (piBits(bits - 130n) + group[1]) << 64n;
  const prime = (1n << bits) - (1n << (bits - 64n)) - 1n + middle;
  primes.set(name, prime);
  return prime;
}

/** True for one of the primes above: they need no proof. */
export function isGroupPrime(prime: bigint): boolean {
  const bits = bitLength(prime);
  return Object.entries(GROUPS).some(([name, group]) => {
    return group[0] === bits && groupPrime(name) === prime;
  });
}

/** Bits of a secret for a prime of this size: twice its strength, as OpenSSL's for these groups. */
function secretBits(bits: number): number {
  if (bits > 6144) return 400;
  if (bits > 4096) return 375;
  if (bits > 3072) return 325;
  if (bits > 2048) return 275;
  return Math.min(225, bits - 1);
}

/** An exponent: above one, and at most as long as it need be. */
export function randomExponent(prime: bigint, random: Random): bigint {
  const bits = secretBits(bitLength(prime));
  for (;;) {
    const bytes = random(Math.ceil(bits / 8));
    const secret = toInteger(bytes) >> BigInt(bytes.length * 8 - bits);
    if (secret > 1n) return secret;
  }
}
