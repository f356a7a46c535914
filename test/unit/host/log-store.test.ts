import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HvError } from '../../../hypervisor/base/errors.ts';
import { type Disk, REAL_DISK } from '../../../hypervisor/host/disk.ts';
import type { LogPosition } from '../../../hypervisor/host/log-cursor.ts';
import { openLog, repairTornTail, verifyLog } from '../../../hypervisor/host/log-reader.ts';
import {
  type OpenSegmentFile,
  openSegmentFile,
} from '../../../hypervisor/host/log-segment-file.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import { encodeFrame, FRAME, type Lsn, SNAPSHOT_FRAME } from '../../../log-format/index.ts';
import { BLOBS, sampleHeader } from '../log-format/samples.ts';
import {
  batchNumber,
  closed,
  contentOf,
  createStore,
  failOnError,
  sealed,
  synced,
  tempDir,
  writeLog,
} from './log-samples.ts';

const SMALL = 1300;

/** Collects what `readAll` streams, and the lsn it ends with. */
function streamed(store: FileLogStore): Promise<{ bytes: Buffer; lastLsn: Lsn }> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    store.readAll(
      (bytes) => parts.push(bytes.slice()),
      (lastLsn, error) =>
        error ? reject(error) : resolve({ bytes: Buffer.concat(parts), lastLsn }),
    );
  });
}

/** A promise and what resolves it (Node 20 has no Promise.withResolvers). */
function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve: () => resolve() };
}

function diskOf(openFile: OpenSegmentFile): Disk {
  return { ...REAL_DISK, openFile };
}

/** A disk whose files fail at the nth call of one kind. */
function failingDisk(kind: 'write' | 'sync', nth: number, code: string): OpenSegmentFile {
  let calls = 0;
  const check = (called: string): void => {
    if (called === kind && ++calls >= nth) {
      throw Object.assign(new Error(code), { code });
    }
  };
  return (path, at) => {
    const file = openSegmentFile(path, at);
    return {
      writeSync: (buffers) => {
        check('write');
        file.writeSync(buffers);
      },
      write: async (buffers) => {
        check('write');
        await file.write(buffers);
      },
      sync: async () => {
        check('sync');
        await file.sync();
      },
      close: () => file.close(),
    };
  };
}

describe('a log store', () => {
  it('writes what a reader reads back', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 20 });
    const log = openLog(dir);
    expect(log.header).toEqual(sampleHeader());
    for (const blob of BLOBS) expect(log.blobs[blob.name]).toEqual(blob.bytes);
    const lsns = [...log.batches()].flatMap(({ batch }) => [batch.firstLsn, batch.records.length]);
    expect(lsns).toEqual(Array.from({ length: 20 }, (_, n) => [2 * n + 1, 2]).flat());
    expect(verifyLog(log)).toMatchObject({
      sealed: true,
      tornBytes: 0,
      lastLsn: 40,
      records: 40,
      batches: 20,
      segments: 1,
      bytes: statSync(join(dir, '000001.hvlog')).size,
    });
  });

  it('keeps its files from other users', async () => {
    const dir = join(tempDir(), 'below', 'server');
    await writeLog(dir, { batches: 1 });
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, '000001.hvlog')).mode & 0o777).toBe(0o600);
  });

  it('never writes over a log that is there', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 1 });
    const before = contentOf(dir);
    expect(() => createStore(dir)).toThrow(expect.objectContaining({ code: 'HV_E_LOG_WRITE' }));
    expect(contentOf(dir)).toEqual(before);
  });

  it('refuses a gap between batches and an older epoch', async () => {
    const store = createStore(tempDir());
    store.append(batchNumber(1, 2));
    expect(() => store.append(batchNumber(3, 2))).toThrow('without a gap');
    expect(() => store.append(batchNumber(2, 1))).toThrow('never go back');
    await closed(store);
    expect(() => store.append(batchNumber(2, 2))).toThrow('closed log');
  });

  it('cuts segments that verify as one log, whatever the timing of the appends', async () => {
    const [one, other] = [tempDir(), tempDir()];
    await writeLog(one, { batches: 60, segmentBytes: SMALL });
    const store = createStore(other, { segmentBytes: SMALL });
    for (let n = 1; n <= 60; n++) {
      store.append(batchNumber(n));
      if (n % 7 === 0) await synced(store);
    }
    await sealed(store);
    expect(contentOf(other)).toEqual(contentOf(one));
    const verdict = verifyLog(openLog(one));
    expect(verdict).toMatchObject({ sealed: true, records: 120 });
    expect(verdict.segments).toBeGreaterThan(2);
  });

  it('says synced only when everything appended before is in the file', async () => {
    const dir = tempDir();
    const store = createStore(dir);
    for (let n = 1; n <= 10; n++) store.append(batchNumber(n));
    await synced(store);
    expect(verifyLog(openLog(dir))).toMatchObject({ sealed: false, tornBytes: 0, lastLsn: 20 });
    await synced(store);
    store.append(batchNumber(11));
    await Promise.all([synced(store), synced(store)]);
    expect(verifyLog(openLog(dir)).lastLsn).toBe(22);
    await closed(store);
  });

  it('puts one batch into each segment when a header alone is past the size', async () => {
    const dir = tempDir();
    await writeLog(dir, { batches: 4, segmentBytes: 1 });
    expect(verifyLog(openLog(dir))).toMatchObject({ sealed: true, segments: 4, lastLsn: 8 });
  });

  it('asked to write does so in the call, and after it a killed process has lost nothing', async () => {
    const dir = tempDir();
    const store = createStore(dir);
    for (let n = 1; n <= 5; n++) {
      store.append(batchNumber(n));
      let written = false;
      store.write(() => {
        written = true;
      });
      expect(written).toBe(true);
      expect(verifyLog(openLog(dir))).toMatchObject({ sealed: false, lastLsn: 2 * n });
    }
    await closed(store);
  });

  it('asked to write at a change of segments says so only when it is done', async () => {
    const dir = tempDir();
    const store = createStore(dir, { segmentBytes: SMALL });
    let waited = 0;
    for (let n = 1; n <= 40; n++) {
      store.append(batchNumber(n));
      let during = true;
      await new Promise<void>((resolve) => {
        store.write(() => {
          if (!during) waited++;
          resolve();
        });
        during = false;
      });
      expect(verifyLog(openLog(dir)).lastLsn).toBe(2 * n);
    }
    expect(waited).toBeGreaterThan(2);
    await sealed(store);
    const whole = tempDir();
    await writeLog(whole, { batches: 40, segmentBytes: SMALL });
    expect(contentOf(dir)).toEqual(contentOf(whole));
  });

  it('asked to write says nothing when the disk refuses, and reports it once', async () => {
    const errors: HvError[] = [];
    const store = createStore(tempDir(), {
      disk: diskOf(failingDisk('write', 1, 'ENOSPC')),
      onError: (error) => errors.push(error),
    });
    store.append(batchNumber(1));
    let written = false;
    store.write(() => {
      written = true;
    });
    expect(written).toBe(false);
    expect(errors.map(({ code }) => code)).toEqual(['HV_E_LOG_WRITE']);
    await closed(store);
  });

  it('does not take for synced what was appended during a write', async () => {
    const release = deferred();
    let writes = 0;
    const openFile: OpenSegmentFile = (path, at) => {
      const file = openSegmentFile(path, at);
      return {
        writeSync: (buffers) => file.writeSync(buffers),
        write: async (buffers) => {
          if (++writes === 2) await release.promise;
          await file.write(buffers);
        },
        sync: () => file.sync(),
        close: () => file.close(),
      };
    };
    const store = createStore(tempDir(), { disk: diskOf(openFile) });
    store.append(batchNumber(1));
    const first = synced(store);
    // The loop is in its first write by then; this batch waits for the second.
    await new Promise((resolve) => setImmediate(resolve));
    store.append(batchNumber(2));
    let second = false;
    const both = synced(store).then(() => {
      second = true;
    });
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).toBe(2);
    expect(second).toBe(false);
    release.resolve();
    await both;
    await closed(store);
  });

  it('never closes a file while it is being synced', async () => {
    let early = 0;
    let calls = 0;
    const openFile: OpenSegmentFile = (path, at) => {
      const file = openSegmentFile(path, at);
      let syncs = 0;
      return {
        writeSync: (buffers) => file.writeSync(buffers),
        write: (buffers) => file.write(buffers),
        sync: async () => {
          syncs++;
          const turns = ++calls % 3 === 1 ? 60 : 1;
          for (let n = 0; n < turns; n++) await new Promise((resolve) => setImmediate(resolve));
          syncs--;
        },
        close: () => {
          if (syncs > 0) early++;
          return file.close();
        },
      };
    };
    const store = createStore(tempDir(), { disk: diskOf(openFile), segmentBytes: 1 });
    for (let n = 1; n <= 20; n++) {
      store.append(batchNumber(n));
      for (let k = 0; k < (n % 4) * 5; k++) {
        store.sync(() => undefined);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await closed(store);
    expect(early).toBe(0);
  });

  it('writes many batches at a time', async () => {
    let writes = 0;
    const counting: OpenSegmentFile = (path, at) => {
      const file = openSegmentFile(path, at);
      return {
        writeSync: (buffers) => file.writeSync(buffers),
        write: (buffers) => {
          writes++;
          return file.write(buffers);
        },
        sync: () => file.sync(),
        close: () => file.close(),
      };
    };
    const store = createStore(tempDir(), { disk: diskOf(counting) });
    for (let n = 1; n <= 400; n++) store.append(batchNumber(n));
    await synced(store);
    expect(writes).toBe(1);
    await closed(store);
  });

  it('calls back whoever seals, closes or asks twice', async () => {
    const dir = tempDir();
    const store = createStore(dir);
    store.append(batchNumber(1));
    await Promise.all([sealed(store), closed(store), sealed(store)]);
    await closed(store);
    expect(verifyLog(openLog(dir)).sealed).toBe(true);
  });
});

describe('handover', () => {
  it('lets another store continue to the same bytes', async () => {
    const [one, other] = [tempDir(), tempDir()];
    await writeLog(one, { batches: 50, segmentBytes: SMALL });
    let store = createStore(other, { segmentBytes: SMALL });
    for (let n = 1; n <= 50; n++) {
      store.append(batchNumber(n));
      if (n % 10 !== 0) continue;
      const position = await new Promise<LogPosition | undefined>((resolve) =>
        store.handover(resolve),
      );
      const posted = structuredClone(position);
      if (posted === undefined) throw new Error('nothing was handed over');
      store = FileLogStore.resume(posted, { ...failOnError, segmentBytes: SMALL });
    }
    await sealed(store);
    expect(contentOf(other)).toEqual(contentOf(one));
  });

  it('is refused when the file is not as long as it was', async () => {
    const dir = tempDir();
    const store = createStore(dir);
    store.append(batchNumber(1));
    const position = await new Promise<LogPosition | undefined>((resolve) =>
      store.handover(resolve),
    );
    if (position === undefined) throw new Error('nothing was handed over');
    truncateSync(join(dir, '000001.hvlog'), position.offset - 1);
    expect(() => FileLogStore.resume(position, failOnError)).toThrow(
      expect.objectContaining({ code: 'HV_E_LOG_WRITE' }),
    );
  });
});

describe('a copy made from frames', () => {
  it.each([1, 7, 100_000])('is the same files when they come %i bytes at a time', async (size) => {
    const [one, other] = [tempDir(), tempDir()];
    const primary = createStore(one, { segmentBytes: SMALL });
    const backup = FileLogStore.fromFrames(other, { ...failOnError, segmentBytes: SMALL });
    for (let n = 1; n <= 40; n++) primary.append(batchNumber(n));
    const { bytes, lastLsn } = await streamed(primary);
    expect(lastLsn).toBe(80);
    const types: number[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      const part = new Uint8Array(bytes.subarray(at, at + size));
      types.push(...backup.appendFrames(part).map((frame) => frame.type));
    }
    expect(types).toEqual([
      FRAME.header,
      ...BLOBS.map(() => FRAME.blob),
      ...Array.from({ length: 40 }, () => FRAME.batch),
    ]);
    for (let n = 41; n <= 60; n++) {
      primary.append(batchNumber(n, 2));
      backup.append(batchNumber(n, 2));
    }
    expect(backup.lastLsn).toBe(120);
    await Promise.all([sealed(primary), sealed(backup)]);
    expect(contentOf(other)).toEqual(contentOf(one));
    expect(verifyLog(openLog(other))).toMatchObject({ sealed: true, lastLsn: 120, epoch: 2 });
  });

  it('has no gap to the batches appended after the stream ended', async () => {
    const primary = createStore(tempDir(), { segmentBytes: SMALL });
    const backup = FileLogStore.fromFrames(tempDir(), failOnError);
    let n = 0;
    let joined = false;
    let told = 0;
    let toldAt = -1;
    const append = (): void => {
      const batch = batchNumber(++n);
      primary.append(batch);
      if (joined) backup.append(batch);
    };
    for (let k = 0; k < 30; k++) append();
    const done = new Promise<void>((resolve) => {
      primary.readAll(
        (bytes) => {
          if (n < 60) append();
          backup.appendFrames(bytes);
        },
        (lastLsn) => {
          told = lastLsn;
          toldAt = 2 * n;
          joined = true;
          resolve();
        },
      );
      for (let k = 0; k < 5; k++) setImmediate(append);
    });
    await done;
    expect(told).toBe(toldAt);
    append();
    expect(backup.lastLsn).toBe(2 * n);
    await Promise.all([closed(primary), closed(backup)]);
  });

  it('refuses what is no log, with a code', async () => {
    const primary = createStore(tempDir());
    primary.append(batchNumber(1));
    const { bytes } = await streamed(primary);
    await closed(primary);
    const damaged = expect.objectContaining({ code: 'HV_E_LOG_DAMAGED' });
    const refused: FileLogStore[] = [];
    const fresh = (): FileLogStore => {
      const store = FileLogStore.fromFrames(tempDir(), failOnError);
      refused.push(store);
      return store;
    };
    const flipped = new Uint8Array(bytes);
    flipped[200] = (flipped[200] ?? 0) ^ 1;
    expect(() => fresh().appendFrames(flipped)).toThrow(damaged);
    expect(() => fresh().appendFrames(batchNumber(1).bytes)).toThrow(damaged);
    const twice = fresh();
    twice.appendFrames(new Uint8Array(bytes));
    expect(() => twice.appendFrames(batchNumber(1).bytes)).toThrow(damaged);
    expect(() => twice.appendFrames(encodeFrame(FRAME.seal, new Uint8Array()))).toThrow(damaged);
    for (const type of Object.values(SNAPSHOT_FRAME)) {
      const store = fresh();
      store.appendFrames(new Uint8Array(bytes));
      expect(() => store.appendFrames(encodeFrame(type, new Uint8Array()))).toThrow(damaged);
    }
    const tooNew = new Uint8Array(16);
    tooNew.set(new TextEncoder().encode('hvlog\r\n\0'));
    tooNew[9] = 3;
    expect(() => fresh().appendFrames(encodeFrame(FRAME.header, tooNew))).toThrow(
      expect.objectContaining({ code: 'HV_E_LOG_VERSION' }),
    );
    await Promise.all(refused.map(closed));
  });
});

describe('a disk that fails', () => {
  it.each<['write' | 'sync', number, string]>([
    ['write', 1, 'ENOSPC'],
    ['write', 3, 'ENOSPC'],
    ['sync', 1, 'EIO'],
  ])('at a %s is reported once and nothing hangs', async (kind, nth, code) => {
    const errors: HvError[] = [];
    const failure = deferred();
    const store = createStore(tempDir(), {
      disk: diskOf(failingDisk(kind, nth, code)),
      onError: (error) => {
        errors.push(error);
        failure.resolve();
      },
    });
    let safe = 0;
    for (let n = 1; n <= 5; n++) {
      store.append(batchNumber(n));
      const saved = synced(store).then(() => safe++);
      await Promise.race([saved, failure.promise]);
    }
    await closed(store);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'HV_E_LOG_WRITE', details: { code } });
    expect(errors[0]?.message).toContain(code);
    expect(safe).toBeLessThan(5);
    await expect(streamed(store)).rejects.toBe(errors[0]);
    const position = await new Promise((resolve) => store.handover(resolve));
    expect(position).toBeUndefined();
  });

  it('in the middle of a write leaves a log that can go on', async () => {
    const dir = tempDir();
    const halfway: OpenSegmentFile = (path, at) => {
      const file = openSegmentFile(path, at);
      let calls = 0;
      return {
        writeSync: (buffers) => file.writeSync(buffers),
        write: async (buffers) => {
          if (++calls < 2) return file.write(buffers);
          await file.write([(buffers[0] ?? new Uint8Array()).subarray(0, 20)]);
          throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        },
        sync: () => file.sync(),
        close: () => file.close(),
      };
    };
    const errors: HvError[] = [];
    const store = createStore(dir, {
      disk: diskOf(halfway),
      onError: (error) => errors.push(error),
    });
    store.append(batchNumber(1));
    await synced(store);
    store.append(batchNumber(2));
    await closed(store);
    expect(errors).toHaveLength(1);
    expect(verifyLog(openLog(dir))).toMatchObject({ sealed: false, tornBytes: 20, lastLsn: 2 });
    const position = await repairTornTail(dir);
    if (position === undefined) throw new Error('the log cannot go on');
    const again = FileLogStore.resume(position, failOnError);
    again.append(batchNumber(2));
    await sealed(again);
    expect(verifyLog(openLog(dir))).toMatchObject({ sealed: true, lastLsn: 4 });
  });

  it('in any write, halfway, leaves a log that can go on to the same bytes', async () => {
    const whole = tempDir();
    await writeLog(whole, { batches: 30, segmentBytes: SMALL });
    let goneOn = 0;
    for (let failing = 2; ; failing++) {
      const dir = tempDir();
      let writes = 0;
      const openFile: OpenSegmentFile = (path, at) => {
        const file = openSegmentFile(path, at);
        return {
          writeSync: (buffers) => file.writeSync(buffers),
          write: async (buffers) => {
            if (++writes < failing) return file.write(buffers);
            const bytes = Buffer.concat(buffers);
            await file.write([bytes.subarray(0, bytes.length >> 1)]);
            throw new Error('the plug was pulled');
          },
          sync: () => file.sync(),
          close: () => file.close(),
        };
      };
      let failed = false;
      const failure = deferred();
      const store = createStore(dir, {
        disk: diskOf(openFile),
        segmentBytes: SMALL,
        onError: () => {
          failed = true;
          failure.resolve();
        },
      });
      for (let n = 1; n <= 30; n++) {
        store.append(batchNumber(n));
        if (n % 3 === 0) await Promise.race([synced(store), failure.promise]);
      }
      await sealed(store);
      if (!failed) break;
      const position = await repairTornTail(dir);
      if (position === undefined) throw new Error('the log cannot go on');
      const again = FileLogStore.resume(position, { ...failOnError, segmentBytes: SMALL });
      for (let n = position.lastLsn / 2 + 1; n <= 30; n++) again.append(batchNumber(n));
      await sealed(again);
      expect(contentOf(dir)).toEqual(contentOf(whole));
      goneOn++;
    }
    expect(goneOn).toBeGreaterThan(5);
  });

  it('that refuses the next segment leaves a log that can go on', async () => {
    const dir = tempDir();
    const openFile: OpenSegmentFile = (path, at) => {
      if (path.endsWith('000002.hvlog')) throw new Error('no more files');
      return openSegmentFile(path, at);
    };
    const errors: HvError[] = [];
    const onError = (error: HvError): unknown => errors.push(error);
    const store = createStore(dir, { disk: diskOf(openFile), onError, segmentBytes: 1 });
    store.append(batchNumber(1));
    store.append(batchNumber(2));
    await closed(store);
    expect(errors).toHaveLength(1);
    expect(await repairTornTail(dir)).toMatchObject({ segment: 1, lastLsn: 2 });
  });

  it('that forbids the directory is an error at once', () => {
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    expect(() => createStore(join(file, 'below'))).toThrow(
      expect.objectContaining({ code: 'HV_E_LOG_WRITE' }),
    );
  });
});
