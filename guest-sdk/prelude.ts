/**
 * The first module of the firmware: what must be true of the global scope before any other module of
 * it is evaluated. Nothing here may read the clock, entropy or `Math.random`: the firmware is
 * evaluated before the first record of a log exists.
 */

import { installErrors } from './errors.ts';
import { installFunctionText } from './function-text.ts';

installErrors();
installFunctionText();

const scope = globalThis as unknown as Record<string, unknown>;

// Packages of the firmware look for it while they load.
scope.global = globalThis;

// The engine's gives a negative number where the highest bit is set: right but for a multiple.
const { asUintN } = BigInt;
Object.defineProperty(BigInt, 'asUintN', {
  value: {
    asUintN(bits: number, bigint: bigint): bigint {
      const found = asUintN(bits, bigint);
      return found < 0n ? found + (1n << BigInt(Math.trunc(Number(bits)))) : found;
    },
  }.asUintN,
  writable: true,
  configurable: true,
});

if (scope.Atomics === undefined) {
  // The engine has no Atomics. In a single thread plain reads and writes are exact; nobody could
  // wake one that waits, so that nothing does.
  type Integer = number & bigint;
  type Shared = Record<number, Integer>;
  const change =
    (next: (old: Integer, value: Integer) => unknown) =>
    (array: Shared, index: number, value: Integer): Integer => {
      const old = array[index] as Integer;
      array[index] = next(old, value) as Integer;
      return old;
    };
  const value = {
    add: change((old, given) => old + given),
    and: change((old, given) => old & given),
    compareExchange: (array: Shared, index: number, expected: Integer, given: Integer): Integer => {
      const old = array[index] as Integer;
      if (old === expected) array[index] = given;
      return old;
    },
    exchange: change((_, given) => given),
    isLockFree: (size: number): boolean => [1, 2, 4, 8].includes(size),
    load: (array: Shared, index: number): Integer => array[index] as Integer,
    or: change((old, given) => old | given),
    store: (array: Shared, index: number, given: Integer): Integer => {
      array[index] = given;
      return given;
    },
    sub: change((old, given) => old - given),
    xor: change((old, given) => old ^ given),
  };
  Object.defineProperty(value, Symbol.toStringTag, { value: 'Atomics', configurable: true });
  Object.defineProperty(scope, 'Atomics', { value, writable: true, configurable: true });
}
