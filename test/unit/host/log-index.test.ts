import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HvError } from '../../../hypervisor/base/errors.ts';
import { LogIndex } from '../../../hypervisor/host/log-index.ts';
import { openLog } from '../../../hypervisor/host/log-reader.ts';
import { asLsn, FRAME, FrameReader, type LogRecord } from '../../../log-format/index.ts';
import { STARTED_AT } from '../log-format/samples.ts';
import { tempDir, writeLog } from './log-samples.ts';

const BATCHES = 12;
const FIRST = '000001.hvlog';
const SECOND = '000002.hvlog';
const THIRD = '000003.hvlog';

/** A sealed log of three segments and 24 records. */
async function threeSegments(): Promise<string> {
  const dir = tempDir();
  await writeLog(dir, { batches: BATCHES, segmentBytes: 1050 });
  return dir;
}

async function oneSegment(options: { seal: boolean }): Promise<string> {
  const dir = tempDir();
  await writeLog(dir, { batches: BATCHES, ...options });
  return dir;
}

/** All records a reader that decodes everything finds, up to the first thing wrong. */
function readStraight(path: string): LogRecord[] {
  const records: LogRecord[] = [];
  try {
    for (const { batch } of openLog(path).batches()) records.push(...batch.records);
  } catch (error) {
    if (!(error instanceof HvError)) throw error;
  }
  return records;
}

function allOf(index: LogIndex): (LogRecord | undefined)[] {
  return Array.from({ length: index.records }, (_, at) => index.record(asLsn(index.firstLsn + at)));
}

/** Where the batches lie in a segment's file: start and end. */
function batchFrames(file: string): { readonly from: number; readonly to: number }[] {
  const reader = new FrameReader(1 << 20);
  reader.push(new Uint8Array(readFileSync(file)));
  const frames: { from: number; to: number }[] = [];
  for (let result = reader.next(); result.type === 'frame'; result = reader.next()) {
    const { type, offset, bytes } = result.frame;
    if (type === FRAME.batch) frames.push({ from: offset, to: offset + bytes.length });
  }
  return frames;
}

describe('an index', () => {
  test('gives every record of a rotated log by its lsn, in any order', async () => {
    const dir = await threeSegments();
    const index = new LogIndex(openLog(dir));
    const straight = readStraight(dir);
    expect(straight).toHaveLength(2 * BATCHES);
    expect(index).toMatchObject({ records: 24, batches: 12, segments: 3, lastLsn: 24, epoch: 1 });
    expect(index.ending).toEqual({ type: 'sealed' });
    expect(allOf(index)).toEqual(straight);
    for (const lsn of [24, 1, 13, 12, 2, 23])
      expect(index.record(asLsn(lsn))).toEqual(straight[lsn - 1]);
    expect(index.record(asLsn(0))).toBeUndefined();
    expect(index.record(asLsn(25))).toBeUndefined();
    expect(index.batchAt(asLsn(8))).toMatchObject({ firstLsn: 7 });
    index.close();
  });

  test('finds the last record of a time, checks behind it included', async () => {
    const index = new LogIndex(openLog(await threeSegments()));
    const times = allOf(index).flatMap((record) =>
      record !== undefined && 'time' in record ? [record.time - STARTED_AT] : [],
    );
    expect(times).toHaveLength(12);
    for (const [at, micros] of times.entries()) {
      expect(index.lsnAt(micros)).toBe(2 * at + 2);
      expect(index.lsnAt(micros - 1)).toBe(2 * at);
    }
    expect(index.lsnAt(1e12)).toBe(24);
    index.close();
  });

  test('uses a log cut anywhere behind its blobs up to the last whole batch, and says so', async () => {
    const dir = await oneSegment({ seal: false });
    const whole = readFileSync(join(dir, FIRST));
    const frames = batchFrames(join(dir, FIRST));
    for (let size = frames[0]?.from ?? 0; size <= whole.length; size++) {
      truncateSync(join(dir, FIRST), 0);
      writeFileSync(join(dir, FIRST), whole.subarray(0, size));
      const index = new LogIndex(openLog(dir));
      const complete = frames.filter(({ to }) => to <= size);
      const used = complete.at(-1)?.to ?? frames[0]?.from ?? 0;
      expect(index.records, `cut at ${size}`).toBe(2 * complete.length);
      expect(index.ending).toEqual({ type: 'open', tornBytes: size - used });
      index.close();
    }
  });

  test('uses a log with a changed byte up to the batch before it, and names the place', async () => {
    const dir = await oneSegment({ seal: true });
    const whole = readFileSync(join(dir, FIRST));
    const frames = batchFrames(join(dir, FIRST));
    for (const [number, { from, to }] of frames.entries()) {
      for (let at = from; at < to; at += 5) {
        const bytes = Buffer.from(whole);
        bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
        writeFileSync(join(dir, FIRST), bytes);
        const index = new LogIndex(openLog(dir));
        expect(index.records, `byte ${at}`).toBe(2 * number);
        expect(allOf(index)).toEqual(readStraight(dir));
        expect(index.ending).toMatchObject({
          type: 'damaged',
          error: { code: 'HV_E_LOG_DAMAGED', details: { offset: from, lsn: 2 * number } },
        });
        index.close();
      }
    }
  });

  test('sees a missing segment, one behind the end, and zeros that were never written', async () => {
    const dir = await threeSegments();
    copyFileSync(join(dir, THIRD), join(dir, '000004.hvlog'));
    expect(new LogIndex(openLog(dir)).ending).toMatchObject({ type: 'damaged' });
    rmSync(join(dir, '000004.hvlog'));
    rmSync(join(dir, THIRD));
    const short = new LogIndex(openLog(dir));
    expect(short.ending).toMatchObject({ type: 'damaged' });
    expect(String((short.ending as { error: Error }).error.message)).toContain(THIRD);
    expect(allOf(short)).toEqual(readStraight(dir));
    rmSync(join(dir, SECOND));
    const open = await oneSegment({ seal: false });
    appendFileSync(join(open, FIRST), Buffer.alloc(4096));
    expect(new LogIndex(openLog(open)).ending).toEqual({ type: 'open', tornBytes: 4096 });
  });

  test('refuses what is no log, as the reader does', async () => {
    expect(() => new LogIndex(openLog(join(tempDir(), 'nothing')))).toThrow(
      expect.objectContaining({ code: 'HV_E_LOG_NOT_FOUND' }),
    );
    const dir = await oneSegment({ seal: true });
    truncateSync(join(dir, FIRST), 100);
    expect(() => new LogIndex(openLog(dir))).toThrow(
      expect.objectContaining({ code: 'HV_E_LOG_DAMAGED' }),
    );
  });
});
