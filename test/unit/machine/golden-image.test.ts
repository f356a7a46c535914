import { describe, expect, test } from 'vitest';
import { loadEngineParts, loadFirmware } from '../../../hypervisor/host/engine-parts.ts';
import { goldenKey, readGolden } from '../../../hypervisor/host/golden-image.ts';
import { type GoldenImage, Machine } from '../../../hypervisor/machine/machine.ts';
import { asLsn, asMicros, INTERRUPT, sha256Hex } from '../../../log-format/index.ts';
import { TEST_CONFIG, TEST_HEADER } from '../../support/guest-runner.ts';

const parts = loadEngineParts();
const firmware = loadFirmware();

function build(options: { golden?: GoldenImage | undefined; startedAt?: number; seed?: string }): {
  machine: Machine;
  hash: () => string;
} {
  const machine = new Machine({
    parts,
    header: {
      ...TEST_HEADER,
      startedAt: asMicros(options.startedAt ?? TEST_HEADER.startedAt),
      seed: options.seed ?? TEST_HEADER.seed,
    },
    firmware,
    image: new TextEncoder().encode(
      '(function hvMain(require) { console.log(Math.random(), Date.now(), process.hrtime()); setTimeout(() => {}, 5); })',
    ),
    sourceMap: new Uint8Array(),
    golden: options.golden,
  });
  return { machine, hash: () => sha256Hex(machine.usedMemory()) };
}

describe('the golden image', () => {
  test('depends on neither clock nor seed: the boot reads none', () => {
    const one = build({ startedAt: 1, seed: '11'.repeat(32) });
    const other = build({ startedAt: 1_900_000_000_000_000, seed: '22'.repeat(32) });
    expect(one.hash()).toBe(other.hash());
    expect(one.machine.ticks).toBe(other.machine.ticks);
  });

  test('wakes to a machine that is the booted one, bit for bit, then and after a turn', () => {
    const golden = readGolden(goldenKey(parts, firmware, TEST_HEADER.machineVersion));
    expect(golden).toBeDefined();
    const booted = build({});
    const woken = build({ golden });
    expect(woken.hash()).toBe(booted.hash());
    const payload = new TextEncoder().encode(JSON.stringify(TEST_CONFIG));
    const ends = [booted, woken].map(({ machine, hash }) => {
      const time = asMicros(TEST_HEADER.startedAt + 1000);
      const record = {
        type: 'interrupt',
        kind: INTERRUPT.boot,
        time,
        id: 0,
        num: 0,
        payload,
      } as const;
      machine.turn(record, asLsn(1), {
        nextTicks: () => Number.POSITIVE_INFINITY,
        poll: () => undefined,
      });
      return { ...machine.collect(), memory: hash() };
    });
    expect(ends[0]?.outputs.length).toBeGreaterThan(0);
    expect(ends[1]).toEqual(ends[0]);
  });

  test('of another firmware or machine version is not used', () => {
    const other = new TextEncoder().encode('(function () {})');
    expect(readGolden(goldenKey(parts, other, 2))).toBeUndefined();
    expect(readGolden(goldenKey(parts, firmware, 1))).toBeUndefined();
  });
});
