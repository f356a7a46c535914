import { describe, expect, test } from 'vitest';
import {
  firstDifference,
  headerDifferences,
  recordDifference,
} from '../../../hypervisor/timeline/record-diff.ts';
import { asEpoch, asMicros, type LogRecord } from '../../../log-format/index.ts';
import { end, interrupt, STARTED_AT, sampleHeader } from '../log-format/samples.ts';

const data = (payload: readonly number[]): LogRecord =>
  interrupt(5, { payload: new Uint8Array(payload) });
const view = (backups: readonly string[]): LogRecord => ({
  type: 'view',
  time: asMicros(STARTED_AT),
  epoch: asEpoch(1),
  primary: 'a',
  backups,
});

describe('two records', () => {
  test.each([
    [data([1, 2]), data([1, 2])],
    [interrupt(5), interrupt(5)],
    [view(['b', 'c']), view(['b', 'c'])],
    [end(4), end(4)],
  ])('are equal when every field is', (a, b) => {
    expect(recordDifference(a, b)).toBeUndefined();
  });

  test.each<[LogRecord, LogRecord, readonly string[]]>([
    [end(4), end(5), ['ticks']],
    [end(4), interrupt(5), ['type']],
    [view(['b', 'c']), view(['b']), ['backups']],
    [interrupt(5), interrupt(6, { num: 1 } as Partial<LogRecord>), ['time', 'num']],
    [interrupt(5), data([1]), ['payload']],
  ])('differ in what is named', (a, b, fields) => {
    expect(recordDifference(a, b)).toEqual({ fields, payloadByte: undefined });
  });

  test('differ from a byte of their payloads on', () => {
    const byte = recordDifference(data([1, 2, 3]), data([1, 9, 9]))?.payloadByte;
    expect(byte).toEqual({ offset: 1, a: 2, b: 9 });
    const longer = recordDifference(data([1]), data([1, 0]))?.payloadByte;
    expect(longer).toEqual({ offset: 1, a: undefined, b: 0 });
    expect(firstDifference(new Uint8Array(3), new Uint8Array(3))).toBeUndefined();
  });
});

describe('two headers', () => {
  test('are told apart in every field, with what it means', () => {
    const header = sampleHeader();
    expect(headerDifferences(header, sampleHeader())).toEqual([]);
    for (const field of Object.keys(header)) {
      const other = { ...header, [field]: 'other' } as typeof header;
      const [found, ...more] = headerDifferences(header, other);
      expect(found).toMatchObject({ field, b: 'other', means: expect.stringMatching(/\w{3}/) });
      expect(more).toEqual([]);
    }
  });
});
