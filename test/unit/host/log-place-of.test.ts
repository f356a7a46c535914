import { describe, expect, it } from 'vitest';
import { REAL_DISK } from '../../../hypervisor/host/disk.ts';
import type { LogPosition } from '../../../hypervisor/host/log-cursor.ts';
import { openLog, verifyLog } from '../../../hypervisor/host/log-reader.ts';
import { openSegmentFile } from '../../../hypervisor/host/log-segment-file.ts';
import { asLsn } from '../../../log-format/index.ts';
import { batchNumber, closed, createStore, synced, tempDir, writeLog } from './log-samples.ts';

const SMALL = 1300;

describe('the place behind a batch', () => {
  it('is where a log of so many batches ends, whatever was appended behind it', async () => {
    const store = createStore(tempDir(), { segmentBytes: SMALL });
    const places = new Map<number, LogPosition>();
    for (let n = 1; n <= 30; n++) {
      store.append(batchNumber(n));
      if (n % 4 === 0) store.placeOf(asLsn(2 * n), (place) => places.set(n, place));
    }
    await synced(store);
    expect([...places.keys()]).toEqual([4, 8, 12, 16, 20, 24, 28]);
    for (const [n, { dir: _, ...place }] of places) {
      const dir = tempDir();
      await writeLog(dir, { batches: n, segmentBytes: SMALL, seal: false });
      expect(verifyLog(openLog(dir)).end).toMatchObject(place);
    }
    await closed(store);
  });

  it('is told only when the log is on disk up to there, and never after an error', async () => {
    let syncs = 0;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const store = createStore(tempDir(), {
      onError: () => undefined,
      disk: {
        ...REAL_DISK,
        openFile: (path, at) => {
          const file = openSegmentFile(path, at);
          return {
            writeSync: (buffers) => file.writeSync(buffers),
            write: (buffers) => file.write(buffers),
            sync: async () => {
              syncs += 1;
              if (syncs === 2) await held;
              if (syncs > 2) throw Object.assign(new Error('EIO'), { code: 'EIO' });
              await file.sync();
            },
            close: () => file.close(),
          };
        },
      },
    });
    store.append(batchNumber(1));
    await synced(store);
    let told = 0;
    store.append(batchNumber(2));
    store.placeOf(asLsn(4), () => {
      told += 1;
    });
    await new Promise<void>((resolve) => store.write(resolve));
    while (syncs < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(told).toBe(0);
    release();
    while (told === 0) await new Promise((resolve) => setImmediate(resolve));
    store.append(batchNumber(3));
    store.placeOf(asLsn(6), () => {
      told += 1;
    });
    await closed(store);
    expect(told).toBe(1);
  });
});
