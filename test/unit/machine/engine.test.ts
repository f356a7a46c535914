import { describe, expect, test } from 'vitest';
import { HvError } from '../../../hypervisor/base/errors.ts';
import { loadEngineParts, verifyEngine } from '../../../hypervisor/host/engine-parts.ts';
import { engineMismatch, MACHINE_VERSION } from '../../../hypervisor/host/machine-factory.ts';
import { Engine } from '../../../hypervisor/machine/engine.ts';
import { probeLayout } from '../../../hypervisor/machine/engine-layout.ts';
import { addExports } from '../../../hypervisor/machine/wasm-patch.ts';

const HOOKS = {
  dateNow: () => 0,
  trap: () => 0,
  poll: () => 0,
  diagnostic: () => undefined,
  rejection: () => undefined,
};

function engine(): Engine {
  return new Engine(loadEngineParts(), { memoryPages: 512, stackBytes: 262_144 }, HOOKS);
}

describe('the engine', () => {
  test('with another hash is refused', () => {
    expect(() => verifyEngine(new Uint8Array(10), 'x.wasm')).toThrow(HvError);
  });

  test('of a log with another engine, helper or machine version is named', () => {
    const { engineHash, helperHash } = loadEngineParts();
    const own = { engineHash, helperHash, machineVersion: MACHINE_VERSION } as const;
    expect(engineMismatch(own)).toBeUndefined();
    expect(engineMismatch({ ...own, engineHash: 'ab'.repeat(32) })).toContain('engine sha256 abab');
    expect(engineMismatch({ ...own, helperHash: 'cd'.repeat(32) })).toContain('helper sha256 cdcd');
    expect(engineMismatch({ ...own, machineVersion: 5 as 4 })).toContain('machine version 5');
  });

  test('boots only when each probed word is found exactly once', () => {
    const one = engine();
    one.u32[one.layout.rejectionTracker >> 2] = 0;
    one.setRandomState(3, 0);
    expect(() => probeLayout(one, 1_234_567_890_125)).toThrow(
      /random state found 0 times, refusing/,
    );
  });

  test('accounts every block by its true size', () => {
    const one = engine();
    const bytes = (): number => one.u32[(one.layout.mallocState >> 2) + 1] ?? 0;
    const before = bytes();
    const code = new TextEncoder().encode('new Array(10000).fill(0)');
    const value = one.evaluate(code, 'test');
    expect(bytes() - before).toBeGreaterThanOrEqual(80_000);
    one.freeValue(value);
    expect(bytes() - before).toBeLessThan(8_000);
  });

  test('gets its added exports by surgery that leaves the rest alone', () => {
    const wasm = new Uint8Array([
      0, 97, 115, 109, 1, 0, 0, 0, 4, 4, 1, 0x70, 0, 1, 6, 6, 1, 0x7f, 1, 0x41, 0, 0x0b, 7, 5, 1, 1,
      0x61, 1, 0,
    ]);
    const patched = addExports(wasm, [{ name: 'sp', kind: 3, index: 0 }]);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(patched));
    expect(Object.keys(exports)).toEqual(['a', 'sp']);
    expect(() => addExports(wasm.subarray(0, 8), [])).toThrow(/export section/);
  });
});
