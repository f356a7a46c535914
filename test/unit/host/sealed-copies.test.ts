/** What a backup does with a copy of its own that is sealed and signed: streams, cuts, looks at it. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HvError } from '../../../hypervisor/base/errors.ts';
import { CopyDirectory } from '../../../hypervisor/host/copy-directory.ts';
import { cutCopy } from '../../../hypervisor/host/cut-copy.ts';
import { REAL_DISK } from '../../../hypervisor/host/disk.ts';
import { auditLog } from '../../../hypervisor/host/log-audit.ts';
import { segmentName } from '../../../hypervisor/host/log-cursor.ts';
import { headerAt } from '../../../hypervisor/host/log-glance.ts';
import { openLog, repairTornTail } from '../../../hypervisor/host/log-reader.ts';
import { signedSegments } from '../../../hypervisor/host/log-signatures.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import { sealing } from '../../../hypervisor/host/sealed-file.ts';
import { openStreamInput } from '../../../hypervisor/host/stream-input.ts';
import type { SuffixEnd } from '../../../hypervisor/ports.ts';
import { asLsn } from '../../../log-format/index.ts';
import { FAULTS, FaultyDisk } from '../../support/faulty-disk.ts';
import { batchNumber, closed, createStore, failOnError, sealed, synced } from './log-samples.ts';
import {
  audit,
  BACKUP,
  keyError,
  memoryDir,
  on,
  PRIMARY,
  plainBytes,
  plainly,
  refusal,
} from './sealed-hosts.ts';

beforeEach(() => on(PRIMARY));
afterEach(plainly);

/** All that a store gives a backup that has everything up to `lsn`. */
function suffixOf(store: FileLogStore, lsn: number): Promise<{ end: SuffixEnd; hex: string }> {
  return new Promise((resolve) => {
    const parts: Uint8Array[] = [];
    store.readFrom(
      asLsn(lsn),
      (bytes) => parts.push(bytes),
      (end) => resolve({ end, hex: Buffer.concat(parts).toString('hex') }),
    );
  });
}

/** Behind every record. */
async function suffixes(store: FileLogStore): Promise<Awaited<ReturnType<typeof suffixOf>>[]> {
  const found: Awaited<ReturnType<typeof suffixOf>>[] = [];
  for (let lsn = 0; lsn <= 80; lsn++) found.push(await suffixOf(store, lsn));
  await closed(store);
  return found;
}

describe('the suffix of a sealed log', () => {
  it('is that of the plain one behind any record: being written, and gone on with after a cut', async () => {
    const stores = async (): Promise<FileLogStore> => {
      const store = createStore(memoryDir(), { segmentBytes: 1300 });
      for (let n = 1; n <= 40; n++) store.append(batchNumber(n));
      await synced(store);
      return store;
    };
    const cut = async (): Promise<FileLogStore> => {
      const dir = memoryDir();
      const first = createStore(dir, { segmentBytes: 1300 });
      for (let n = 1; n <= 46; n++) first.append(batchNumber(n));
      await closed(first);
      const { position } = await cutCopy(dir, asLsn(60));
      const store = FileLogStore.resume(position, { ...failOnError, segmentBytes: 1300 });
      for (let n = 31; n <= 40; n++) store.append(batchNumber(n));
      await synced(store);
      return store;
    };
    for (const make of [stores, cut]) {
      plainly();
      const expected = await suffixes(await make());
      on(PRIMARY);
      expect(await suffixes(await make())).toEqual(expected);
      expect(expected.map(({ end }) => end.type)).toEqual(Array(81).fill('caughtUp'));
    }
  });

  it('reads no segment before the one it begins in, beyond its header', async () => {
    const dir = memoryDir();
    const first = createStore(dir, { segmentBytes: 1300 });
    for (let n = 1; n <= 60; n++) first.append(batchNumber(n));
    await closed(first);
    const position = await repairTornTail(dir);
    if (position === undefined) throw new Error('the log is sealed');
    const store = FileLogStore.resume(position, failOnError);
    expect(position.segment).toBeGreaterThan(4);
    for (let segment = 1; segment < position.segment; segment++) {
      const path = join(dir, segmentName(segment));
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.fill(0x55, bytes.length - 200));
    }
    expect((await suffixOf(store, 118)).end).toMatchObject({ type: 'caughtUp', from: 118 });
    expect((await suffixOf(store, 2)).end).toMatchObject({ type: 'failed' });
    await closed(store);
  });
});

describe('a stream of a sealed file', () => {
  it('lets the loop go round while it finds the frames, and gives what the file holds', async () => {
    const dir = memoryDir();
    const store = createStore(dir);
    const many = 9000;
    for (let n = 1; n <= many; n++) store.append(batchNumber(n));
    await sealed(store);
    const path = join(dir, segmentName(1));
    const all = plainBytes(path);
    const input = await openStreamInput(path);
    let rounds = 0;
    let counting = true;
    const count = (): void => {
      rounds += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    expect(await input.size()).toBe(all.length);
    counting = false;
    expect(rounds).toBeGreaterThan(1);
    expect(readFileSync(path).length).toBeGreaterThan(262_144);
    const into = Buffer.alloc(all.length);
    expect(await input.read(into, 0)).toBe(all.length);
    expect(into.equals(all)).toBe(true);
    await input.close();
  });

  it('that was cut to nothing has no header any more', async () => {
    const dir = memoryDir();
    await sealed(createStore(dir));
    const path = join(dir, segmentName(1));
    expect(headerAt(path)).toBeDefined();
    await REAL_DISK.cut(path, 0);
    expect(headerAt(path)).toBeUndefined();
  });
});

/** A signed log of several segments, two records a batch, that has ended on purpose. */
async function signedLog(batches = 40): Promise<string> {
  const dir = memoryDir();
  const store = createStore(dir, { segmentBytes: 1300 });
  for (let n = 1; n <= batches; n++) store.append(batchNumber(n));
  await sealed(store);
  return dir;
}

describe('a cut of a sealed and signed copy', () => {
  it('keeps what it cuts in a sealed quarantine, takes its signatures along, and goes on signed', async () => {
    for (const lsn of [2, 20, 41, 78, 80]) {
      on(PRIMARY);
      const dir = await signedLog();
      const before = signedSegments(dir);
      const { position, lsnLast, quarantine } = await cutCopy(dir, asLsn(lsn));
      expect(lsnLast).toBe(lsn - (lsn % 2));
      const left = before.filter((segment) => segment < position.segment);
      expect(signedSegments(dir)).toEqual(left);
      if (left.length > 0) expect(audit(dir, PRIMARY).signatures).toBe(left.length);
      if (quarantine !== undefined) {
        expect(readFileSync(quarantine.file).includes('request')).toBe(false);
        const kept = [...openLog(quarantine.file).batches()].map(({ batch }) => batch.firstLsn);
        expect(kept).toEqual(
          Array.from({ length: 40 - lsnLast / 2 }, (_, n) => lsnLast + 2 * n + 1),
        );
        expect(auditLog(quarantine.file).signatures).toBe(0);
        expect(() => audit(quarantine.file, PRIMARY)).toThrow(
          refusal('nothing of this log is signed'),
        );
        on(BACKUP);
        expect(() => openLog(quarantine.file)).toThrow(keyError('wrong'));
        on(PRIMARY);
      }
      expect(quarantine === undefined).toBe(lsn === 80);
      const store = FileLogStore.resume(position, { ...failOnError, segmentBytes: 1300 });
      for (let n = lsnLast / 2 + 1; n <= 44; n++) store.append(batchNumber(n, 3));
      await sealed(store);
      expect(audit(dir, PRIMARY)).toMatchObject({ signedTo: 88, signedWhole: true });
    }
  });

  it.each(FAULTS)(
    'that ends by %s at any operation leaves no signature of what is gone',
    async (fault) => {
      for (let at = 1; ; at++) {
        const dir = await signedLog(24);
        const disk = new FaultyDisk(at, fault);
        const ended = cutCopy(dir, asLsn(14), sealing(disk)).then(
          () => undefined,
          (error: unknown) => {
            if (!(error instanceof HvError)) throw error;
          },
        );
        await Promise.race([ended, disk.died]);
        const what = `${fault} at ${at}: ${disk.operations[at - 1]}`;
        const { verdict } = auditLog(dir);
        expect(verdict.lastLsn, what).toBeGreaterThanOrEqual(14);
        if (signedSegments(dir).length > 0) expect(() => audit(dir, PRIMARY), what).not.toThrow();
        expect((await cutCopy(dir, asLsn(14))).lsnLast, what).toBe(14);
        if (disk.operations.length < at) break;
      }
    },
  );
});

describe('the directory of a sealed copy', () => {
  it('ends a backup that was started without its key, and stays as it is', async () => {
    const dir = await signedLog();
    const before = readdirSync(dir);
    plainly();
    const troubles: string[] = [];
    const error = await new Promise<unknown>((onError) => {
      const directory = new CopyDirectory({
        dir,
        cold: true,
        warm: undefined,
        hangLimitMs: Number.POSITIVE_INFINITY,
        meters: undefined,
        onError,
        onMachine: () => undefined,
        onStore: () => undefined,
        trouble: (event) => troubles.push(event),
      });
      void directory.inspect().then(() => onError('inspected'));
      directory.release();
    });
    expect(error).toEqual(keyError('missing'));
    expect(troubles).toEqual([]);
    expect(readdirSync(dir)).toEqual(before);
  });
});
