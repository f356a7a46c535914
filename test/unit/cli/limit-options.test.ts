import { describe, expect, it } from 'vitest';
import {
  type CpuLimit,
  cpuTicks,
  guestLimits,
  heapBytes,
  stackBytes,
} from '../../../hypervisor/cli/limit-options.ts';

const usage = expect.objectContaining({ code: 'HV_E_USAGE', exitStatus: 2 });

describe('a size', () => {
  it.each(['64MiB', '64M', '64mb', '65536k', '67108864'])('may be written %s', (text) => {
    expect(heapBytes(text)).toBe(64 * 2 ** 20);
  });

  it('has a range, and is refused in words outside it', () => {
    expect(heapBytes('16MiB')).toBe(16 * 2 ** 20);
    expect(heapBytes('1984MiB')).toBe(1984 * 2 ** 20);
    for (const text of ['16777215', '1985MiB', '2G', '0', '-64M', '64 MiB', '1.5G', 'much'])
      expect(() => heapBytes(text), text).toThrow(usage);
    expect(stackBytes('64KiB')).toBe(65_536);
    expect(stackBytes('1MiB')).toBe(1_048_576);
    for (const text of ['63KiB', '1025KiB', '8M', ''])
      expect(() => stackBytes(text)).toThrow(usage);
    expect(() => heapBytes('8M')).toThrow(/--memory cannot be '8M'.*16MiB to 1984MiB/);
  });
});

describe('--cpu', () => {
  it('takes a limit per turn and one per second', () => {
    const both = cpuTicks('200M/s', cpuTicks('5G', []));
    expect(guestLimits({ cpu: both })).toMatchObject({
      turnTicksMax: 5e9,
      secondTicksMax: 2e8,
    });
    expect(guestLimits({ cpu: cpuTicks('1000', []) })).toMatchObject({
      turnTicksMax: 1000,
      secondTicksMax: 0,
    });
  });

  it('refuses what is no count, and a second limit of one kind', () => {
    const one: readonly CpuLimit[] = [{ per: 'turn', ticks: 1 }];
    for (const text of ['0', '-1', '1.5G', '5T', '5G/m', '/s', 'all'])
      expect(() => cpuTicks(text, []), text).toThrow(usage);
    expect(() => cpuTicks('5G', one)).toThrow(/has one already/);
  });
});

describe('the header', () => {
  it('says what hv has by default, and whole pages otherwise', () => {
    expect(guestLimits({ cpu: [] })).toEqual({
      memoryPages: 4096,
      stackBytes: 1_048_576,
      turnTicksMax: 0,
      secondTicksMax: 0,
    });
    expect(guestLimits({ memory: 16 * 2 ** 20 + 1, cpu: [] }).memoryPages).toBe(513);
  });
});
