/** Small logs on disk for the tests of store and reader. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import type { LogStoreOptions } from '../../../hypervisor/host/log-writer.ts';
import { type EncodedBatch, encodeBatch, INTERRUPT } from '../../../log-format/index.ts';
import { BLOBS, batchOf, end, interrupt, STARTED_AT, sampleHeader } from '../log-format/samples.ts';

/** A directory that is gone after the test. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'hv-log-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Batch number `n` (from 1) of a log in which every batch has two records. */
export function batchNumber(n: number, epoch = 1): EncodedBatch {
  const payload = new TextEncoder().encode(`request ${n}`);
  const record = interrupt(100 * n, { kind: INTERRUPT.netData, id: 2, payload });
  return encodeBatch(batchOf(epoch, 2 * n - 1, [record, end(n)]), STARTED_AT);
}

export const failOnError: Pick<LogStoreOptions, 'onError'> = {
  onError: (error) => {
    throw error;
  },
};

export function createStore(dir: string, options: Partial<LogStoreOptions> = {}): FileLogStore {
  return FileLogStore.create(dir, sampleHeader(), BLOBS, { ...failOnError, ...options });
}

export const sealed = (store: FileLogStore): Promise<void> =>
  new Promise((resolve) => store.seal(resolve));
export const closed = (store: FileLogStore): Promise<void> =>
  new Promise((resolve) => store.close(resolve));
export const synced = (store: FileLogStore): Promise<void> =>
  new Promise((resolve) => store.sync(resolve));

/** Writes a log of `batches` batches; segments are cut after `segmentBytes`. */
export async function writeLog(
  dir: string,
  options: { batches: number; segmentBytes?: number; seal?: boolean },
): Promise<void> {
  const { segmentBytes = 1_000_000, seal = true } = options;
  const store = createStore(dir, { segmentBytes });
  for (let n = 1; n <= options.batches; n++) store.append(batchNumber(n));
  await (seal ? sealed(store) : closed(store));
}

/** Name and content of every file of a directory. */
export function contentOf(dir: string): Map<string, string> {
  const names = readdirSync(dir).sort();
  return new Map(names.map((name) => [name, readFileSync(join(dir, name)).toString('hex')]));
}
