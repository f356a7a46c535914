import { describe, expect, test } from 'vitest';
import { checkpointEvery } from '../../../hypervisor/cli/options.ts';
import {
  isCheckpointDue,
  type SinceCheckpoint,
} from '../../../hypervisor/replica/checkpoint-policy.ts';

const NOTHING: SinceCheckpoint = {
  records: 0,
  bytes: 0,
  virtualMicros: 0,
  runMs: 0,
  elapsedMs: 0,
  lastCostMs: 0,
  isWelcome: false,
};
const due = (option: string, since: Partial<SinceCheckpoint>): boolean =>
  isCheckpointDue(checkpointEvery(option), { ...NOTHING, records: 1, ...since });
const EVERYTHING = { records: 1e9, bytes: 1e12, virtualMicros: 1e12, runMs: 1e6, elapsedMs: 1e9 };

describe('a checkpoint is due', () => {
  test('after so many records, bytes or microseconds, whichever was asked for, and not before', () => {
    expect(due('10000', { ...EVERYTHING, records: 9_999 })).toBe(false);
    expect(due('10000', { records: 10_000 })).toBe(true);
    expect(due('64MiB', { ...EVERYTHING, bytes: 64 * 1024 ** 2 - 1 })).toBe(false);
    expect(due('64MiB', { bytes: 64 * 1024 ** 2 })).toBe(true);
    expect(due('30s', { ...EVERYTHING, virtualMicros: 29_999_999 })).toBe(false);
    expect(due('30s', { virtualMicros: 30_000_000 })).toBe(true);
  });

  test('automatically when a replay from the last one would take long', () => {
    expect(due('auto', { ...EVERYTHING, runMs: 99 })).toBe(false);
    expect(due('auto', { runMs: 100, elapsedMs: 100 })).toBe(true);
  });

  test('automatically only when the last one has become cheap for the time since', () => {
    const busy = { runMs: 500, lastCostMs: 40 };
    expect(due('auto', { ...busy, elapsedMs: 799 })).toBe(false);
    expect(due('auto', { ...busy, elapsedMs: 801 })).toBe(true);
    expect(due('auto', { ...busy, runMs: 999, elapsedMs: 799 })).toBe(false);
    expect(due('auto', { ...busy, runMs: 1_000, elapsedMs: 799 })).toBe(true);
  });

  test('when the guest would welcome it, whatever was asked for, if the last one was cheap for the time since', () => {
    for (const option of ['10000', '64MiB', '30s', 'auto']) {
      const hint = { isWelcome: true, lastCostMs: 40 };
      expect(due(option, { ...hint, elapsedMs: 799 }), option).toBe(false);
      expect(due(option, { ...hint, elapsedMs: 801 }), option).toBe(true);
      expect(due(option, { ...hint, elapsedMs: 801, records: 0 }), option).toBe(false);
    }
  });

  test('never when it was switched off, and never without a record', () => {
    expect(due('off', { ...EVERYTHING, isWelcome: true })).toBe(false);
    for (const option of ['1', '1B', '1ms', 'auto'])
      expect(due(option, { ...EVERYTHING, records: 0 })).toBe(false);
  });
});

describe('--checkpoint', () => {
  test.each([
    ['auto', { type: 'auto' }],
    ['off', { type: 'off' }],
    ['1', { type: 'records', every: 1 }],
    ['10000', { type: 'records', every: 10_000 }],
    ['512B', { type: 'bytes', every: 512 }],
    ['4KiB', { type: 'bytes', every: 4_096 }],
    ['1.5MiB', { type: 'bytes', every: 1_572_864 }],
    ['2GiB', { type: 'bytes', every: 2 ** 31 }],
    ['1ms', { type: 'virtual', every: 1_000 }],
    ['30s', { type: 'virtual', every: 30_000_000 }],
    ['0.5s', { type: 'virtual', every: 500_000 }],
    ['5min', { type: 'virtual', every: 300_000_000 }],
    ['1h', { type: 'virtual', every: 3_600_000_000 }],
  ])('%s means what it says', (text, wanted) => {
    expect(checkpointEvery(text)).toEqual(wanted);
  });

  test.each([
    '',
    '0',
    '-1',
    '1.5',
    'on',
    '10k',
    '64MB',
    '64mib',
    '0s',
    '0.1ms',
    '1e3',
    ' 5',
    '30 s',
    's',
    'MiB',
    '99999999999999999999',
    'constructor',
    '5toString',
  ])("refuses '%s' and says what it takes", (text) => {
    expect(() => checkpointEvery(text)).toThrow(
      expect.objectContaining({
        code: 'HV_E_USAGE',
        message: expect.stringContaining('auto, off, a number of records (10000)'),
      }),
    );
  });
});
