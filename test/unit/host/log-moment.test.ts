import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointLsns } from '../../../hypervisor/host/checkpoint-files.ts';
import { lsnAtMoment, parseMoment, parseSpan } from '../../../hypervisor/host/log-moment.ts';
import { openLog } from '../../../hypervisor/host/log-reader.ts';
import { asLsn, asMicros, type Batch, type Lsn, type Micros } from '../../../log-format/index.ts';
import { RecordedRun, RUN_HEADER } from '../../support/recorded-run.ts';

describe('a moment in words', () => {
  it('is an lsn, a time with its zone, or so long ago', () => {
    expect(parseMoment('4320')).toEqual({ type: 'lsn', lsn: 4320 });
    const micros = Date.UTC(2026, 0, 1, 12) * 1000;
    expect(parseMoment('2026-01-01T12:00:00Z')).toEqual({ type: 'time', time: micros });
    expect(parseMoment('2026-01-01T13:00+01:00')).toEqual({ type: 'time', time: micros });
    expect(parseMoment('-5m')).toEqual({ type: 'ago', micros: 300_000_000 });
  });

  it('is nothing that two hosts could read in two ways', () => {
    for (const text of ['2026-01-01T12:00:00', '2026-01-01', '0', '-5', '5m', '-5x', '1e3', 'now'])
      expect(parseMoment(text)).toBeUndefined();
  });

  it('takes spans with a unit only', () => {
    expect(parseSpan('500ms')).toBe(500_000);
    expect(parseSpan('2h')).toBe(7_200_000_000);
    expect(parseSpan('10')).toBeUndefined();
    expect(parseSpan(`${'9'.repeat(20)}d`)).toBeUndefined();
  });
});

describe('the place of a moment', () => {
  let dir: string;
  let batches: readonly Batch[];
  const lastOf = ({ firstLsn, records }: Batch): Lsn => asLsn(firstLsn + records.length - 1);
  const timeOf = ({ records }: Batch): number =>
    Math.max(...records.map((record) => ('time' in record ? record.time : 0)));
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'hv-moment-'));
    const run = new RecordedRun(dir, { every: 6 }).boot();
    for (let n = 0; n < 12; n++) {
      run.input(`line ${n}`);
      await run.settled();
    }
    await run.close();
    batches = [...openLog(dir).batches()].map(({ batch }) => batch);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const at = (
    moment: Parameters<typeof lsnAtMoment>[1],
    given: { readonly now?: number; readonly lsnLast?: number } = {},
  ): Promise<Lsn> =>
    lsnAtMoment(dir, moment, {
      now: asMicros(given.now ?? Number.MAX_SAFE_INTEGER),
      lsnLast: asLsn(given.lsnLast ?? lastOf(batches.at(-1) as Batch)),
    });

  it('is the end of the last batch at or before it, for every record', async () => {
    expect(checkpointLsns(dir).length).toBeGreaterThan(0);
    for (const batch of batches) {
      const last = lastOf(batch);
      expect(await at({ type: 'lsn', lsn: last })).toBe(last);
      if (batch.firstLsn > 1 && batch.records.length > 1)
        expect(await at({ type: 'lsn', lsn: asLsn(last - 1) })).toBe(batch.firstLsn - 1);
    }
  });

  it('has no record of a later time before it', async () => {
    for (const batch of batches) {
      const time = timeOf(batch);
      if (time <= RUN_HEADER.startedAt) continue;
      const found = await at({ type: 'time', time: asMicros(time - 1) });
      expect(found).toBeLessThan(lastOf(batch));
      const ago = { type: 'ago', micros: asMicros(1_000) as Micros } as const;
      expect(await at(ago, { now: time + 999 })).toBe(found);
    }
  });

  it('lies in what the copy has, though the log goes on', async () => {
    const middle = lastOf(batches[batches.length >> 1] as Batch);
    const end = timeOf(batches.at(-1) as Batch);
    expect(await at({ type: 'time', time: asMicros(end) }, { lsnLast: middle })).toBe(middle);
    expect(await at({ type: 'lsn', lsn: middle }, { lsnLast: middle })).toBe(middle);
  });

  it('is refused behind the last record there is, which is named', async () => {
    const middle = lastOf(batches[batches.length >> 1] as Batch);
    await expect(
      at({ type: 'lsn', lsn: asLsn(middle + 1) }, { lsnLast: middle }),
    ).rejects.toMatchObject({
      code: 'HV_E_USAGE',
      message: expect.stringMatching(new RegExp(`no record ${middle + 1}: its last is ${middle},`)),
    });
  });

  it('is refused where it is still to come', async () => {
    const now = timeOf(batches.at(-1) as Batch) + 5;
    const time = asMicros(now + 1);
    expect(await at({ type: 'time', time: asMicros(now) }, { now })).toBe(
      lastOf(batches.at(-1) as Batch),
    );
    await expect(at({ type: 'time', time }, { now })).rejects.toMatchObject({
      code: 'HV_E_USAGE',
      message: expect.stringContaining('is still to come'),
    });
  });

  it('is refused where the copy begins later', async () => {
    await expect(at({ type: 'time', time: asMicros(1) })).rejects.toMatchObject({
      code: 'HV_E_USAGE',
    });
  });
});
