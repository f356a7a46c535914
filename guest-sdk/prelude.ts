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
  // The engine has no Atomics; packages look them up while they load. In a single thread plain
  // reads and writes are exact.
  const shared = (array: { [index: number]: number }, index: number): number => array[index] ?? 0;
  Object.defineProperty(scope, 'Atomics', {
    value: {
      load: shared,
      store: (array: { [index: number]: number }, index: number, value: number): number => {
        array[index] = value;
        return value;
      },
    },
    writable: true,
    configurable: true,
  });
}
