import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REAL_DISK } from '../../../hypervisor/host/disk.ts';
import { segmentName } from '../../../hypervisor/host/log-cursor.ts';
import { BEGINNING_FILE } from '../../../hypervisor/host/log-files.ts';
import { LogMarks } from '../../../hypervisor/host/log-marks.ts';
import { openLog, repairTornTail, verifyLog } from '../../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import type { SuffixEnd } from '../../../hypervisor/ports.ts';
import { asLsn, FRAME, FrameReader, type Lsn, peekBatch } from '../../../log-format/index.ts';
import { BLOBS } from '../log-format/samples.ts';
import {
  batchNumber,
  closed,
  createStore,
  failOnError,
  synced,
  tempDir,
  writeLog,
} from './log-samples.ts';

const SMALL = 1300;

interface Read {
  readonly end: SuffixEnd;
  /** First lsn of each batch, and the letters of other frames. */
  readonly frames: readonly (number | string)[];
}

function framesIn(bytes: Uint8Array): (number | string)[] {
  const reader = new FrameReader(1 << 24);
  reader.push(bytes);
  const found: (number | string)[] = [];
  for (let next = reader.next(); next.type !== 'more'; next = reader.next()) {
    if (next.type === 'damaged') throw new Error(next.reason);
    const { type, bytes: frame } = next.frame;
    found.push(type === FRAME.batch ? peekBatch(frame).firstLsn : String.fromCharCode(type));
  }
  expect(reader.pending).toBe(0);
  return found;
}

function read(
  store: FileLogStore,
  lsn: number,
  onFrames: (frames: readonly (number | string)[]) => void = () => undefined,
): Promise<Read> {
  return new Promise((resolve) => {
    const frames: (number | string)[] = [];
    store.readFrom(
      asLsn(lsn),
      (bytes) => {
        const more = framesIn(bytes);
        frames.push(...more);
        onFrames(more);
      },
      (end) => resolve({ end, frames }),
    );
  });
}

/** First lsns of batches `from` to `to`, by number. */
const batches = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, n) => 2 * (from + n) - 1);

async function resumed(dir: string): Promise<FileLogStore> {
  const position = await repairTornTail(dir);
  if (position === undefined) throw new Error('the log is sealed');
  return FileLogStore.resume(position, { ...failOnError, segmentBytes: SMALL });
}

describe('the suffix of a log', () => {
  it('is exactly the batches behind any record, in files and in the queue, and says where it begins', async () => {
    const dir = tempDir();
    const store = createStore(dir, { segmentBytes: SMALL });
    for (let n = 1; n <= 60; n++) store.append(batchNumber(n));
    await synced(store);
    for (let n = 61; n <= 64; n++) store.append(batchNumber(n));
    for (let lsn = 1; lsn <= 128; lsn++) {
      const from = lsn - (lsn % 2);
      const { end, frames } = await read(store, lsn);
      expect(end).toEqual({ type: 'caughtUp', from, lastLsn: 128 });
      expect(frames).toEqual(batches(from / 2 + 1, 64));
    }
    await closed(store);
  });

  it('is found in a log that an earlier process has written', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 60, segmentBytes: SMALL, seal: false });
    const store = await resumed(dir);
    for (let lsn = 1; lsn <= 120; lsn++) {
      const from = lsn - (lsn % 2);
      const { end, frames } = await read(store, lsn);
      expect(end).toEqual({ type: 'caughtUp', from, lastLsn: 120 });
      expect(frames).toEqual(batches(from / 2 + 1, 60));
    }
    await closed(store);
  });

  it('of nothing is the whole log with its beginning', async () => {
    const store = createStore(tempDir(), { segmentBytes: SMALL });
    for (let n = 1; n <= 30; n++) store.append(batchNumber(n));
    const { end, frames } = await read(store, 0);
    expect(end).toEqual({ type: 'caughtUp', from: 0, lastLsn: 60 });
    expect(frames).toEqual(['H', ...BLOBS.map(() => 'I'), ...batches(1, 30)]);
    await closed(store);
  });

  it('reads no segment before the one it begins in, beyond its header', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 60, segmentBytes: SMALL, seal: false });
    const store = await resumed(dir);
    const { segments } = verifyLog(openLog(dir));
    expect(segments).toBeGreaterThan(4);
    for (let segment = 1; segment < segments; segment++) {
      const path = join(dir, segmentName(segment));
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.fill(0, bytes.length - 200));
    }
    expect(await read(store, 118)).toMatchObject({
      end: { type: 'caughtUp', from: 118 },
      frames: batches(60, 60),
    });
    expect((await read(store, 2)).end).toMatchObject({ type: 'failed' });
    await closed(store);
  });

  it('has neither a gap nor a batch twice when batches are appended meanwhile', async () => {
    const store = createStore(tempDir(), { segmentBytes: SMALL });
    let n = 0;
    const append = (): void => store.append(batchNumber(++n));
    for (let k = 0; k < 30; k++) append();
    await synced(store);
    for (const lsn of [0, 1, 16, 59, 60]) {
      for (let k = 0; k < 5; k++) setImmediate(append);
      const stop = n + 20;
      const { end, frames } = await read(store, lsn, () => {
        if (n < stop) append();
      });
      expect(end).toEqual({ type: 'caughtUp', from: lsn - (lsn % 2), lastLsn: 2 * n });
      const got = frames.filter((one) => typeof one === 'number');
      expect(got).toEqual(batches(Math.floor(lsn / 2) + 1, n));
    }
    await closed(store);
  });

  it('of a trimmed log is there behind its first record and told to be gone before', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 60, segmentBytes: SMALL, seal: false });
    const store = await resumed(dir);
    writeFileSync(join(dir, BEGINNING_FILE), '');
    for (const gone of [1, 2, 3]) rmSync(join(dir, segmentName(gone)));
    const first = [...Array(60).keys()].map((index) => 2 * index + 1);
    const there: number[] = [];
    for (const lsn of first)
      if ((await read(store, lsn - 1)).end.type === 'caughtUp') there.push(lsn);
    expect(there.length).toBeGreaterThan(10);
    expect(there.length).toBeLessThan(50);
    expect(there).toEqual(first.slice(-there.length));
    await closed(store);
  });

  it('is told to be gone when it is trimmed past the reader', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 60, segmentBytes: SMALL, seal: false });
    const store = await resumed(dir);
    const { end, frames } = await read(store, 2, () => {
      rmSync(join(dir, segmentName(2)), { force: true });
    });
    expect(end).toEqual({ type: 'trimmed' });
    expect(frames).toEqual(batches(2, frames.length + 1));
    await closed(store);
  });

  it('waits while it is paused, and says nothing once it is cancelled', async () => {
    const store = createStore(tempDir(), { segmentBytes: SMALL });
    for (let n = 1; n <= 60; n++) store.append(batchNumber(n));
    await synced(store);
    const calls: string[] = [];
    const ended = new Promise<void>((resolve) => {
      const reading = store.readFrom(
        asLsn(1),
        () => {
          calls.push('frames');
          reading.pause();
          setImmediate(() => {
            calls.push('resumed');
            reading.resume();
          });
        },
        () => resolve(),
      );
    });
    await ended;
    expect(calls.length).toBeGreaterThan(8);
    expect(calls.every((call, index) => call === (index % 2 === 0 ? 'frames' : 'resumed'))).toBe(
      true,
    );
    let after = 0;
    const cancelled = store.readFrom(
      asLsn(1),
      () => {
        after += 1;
        cancelled.cancel();
      },
      () => {
        after += 100;
      },
    );
    await read(store, 1);
    expect(after).toBe(1);
    await closed(store);
  });

  it('fails after an error of the disk', async () => {
    const store = createStore(tempDir(), {
      onError: () => undefined,
      disk: {
        ...REAL_DISK,
        openFile: () => ({
          writeSync: () => undefined,
          write: () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })),
          sync: async () => undefined,
          close: async () => undefined,
        }),
      },
    });
    store.append(batchNumber(1));
    await new Promise<void>((resolve) => store.close(resolve));
    expect((await read(store, 1)).end).toMatchObject({ type: 'failed' });
  });
});

describe('marks in a log', () => {
  it('never lead behind the record wanted nor behind what is written, however many were dropped', () => {
    const marks = new LogMarks();
    const noted: { lsn: number; segment: number; offset: number }[] = [];
    for (let lsn = 0; lsn < 5000; lsn++) {
      const place = { segment: 1 + Math.floor(lsn / 100), offset: (lsn % 100) * 300_000 };
      marks.note(asLsn(lsn), place);
      noted.push({ lsn, ...place });
    }
    const end = { segment: 60, offset: 0 };
    expect(marks.before(asLsn(10), end)).toBeUndefined();
    for (let lsn = 4300; lsn < 5000; lsn += 7) {
      const { segment, offset } = noted[lsn] ?? end;
      expect(marks.before(asLsn(lsn) as Lsn, end)).toMatchObject({ segment, offset });
      const written = noted[lsn - 5] ?? end;
      expect(marks.before(asLsn(lsn), written)).toMatchObject({
        segment: written.segment,
        offset: written.offset,
      });
    }
  });
});
