import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog } from '../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../hypervisor/host/log-store.ts';
import {
  blobNames,
  encodeBatch,
  INTERRUPT,
  type LogHeader,
  type LogRecord,
  sha256Hex,
} from '../../log-format/index.ts';
import { GUESTS, Stage } from '../support/hv-process.ts';

let stage: Stage;
beforeAll(async () => {
  stage = new Stage();
  const one = stage.hv(['run', '--name', 'sum', join(GUESTS, 'stdin-sum.js')], { stdin: 'pipe' });
  one.child.stdin?.end('1\n2\n39\n');
  expect((await one.exited).code).toBe(0);
});
afterAll(() => stage.close());

/** Writes the recorded log again, every frame and seal valid, with other records or another header. */
async function forge(
  name: string,
  change: { record?: (record: LogRecord) => LogRecord; header?: (header: LogHeader) => LogHeader },
): Promise<string> {
  const log = openLog(join(stage.dir, '.hv', 'sum'));
  const dir = join(stage.dir, name);
  const header = (change.header ?? ((same) => same))(log.header);
  const blobs = blobNames().map((blob) => ({
    name: blob,
    hash: sha256Hex(log.blobs[blob]),
    bytes: log.blobs[blob],
  }));
  const store = FileLogStore.create(dir, header, blobs, {
    onError: (error) => {
      throw error;
    },
  });
  for (const { batch } of log.batches()) {
    const records = batch.records.map(change.record ?? ((same) => same));
    store.append(encodeBatch({ ...batch, records }, header.startedAt));
  }
  await new Promise<void>((resolve) => store.seal(resolve));
  return dir;
}

describe('a replay that differs', () => {
  test('is reported with turn, lsn, time, both figures and the records around it', async () => {
    const log = await forge('other-input', {
      record: (record) =>
        record.type === 'interrupt' && record.kind === INTERRUPT.stdinData
          ? { ...record, payload: new TextEncoder().encode('1\n2\n40\n') }
          : record,
    });
    const { code, stderr } = await stage.hv(['replay', '-q', log]).exited;
    expect(code).toBe(120);
    expect(stderr).toMatch(/DIVERGED at lsn \d+ \(.*turn.* lsn \d+.*\+\d+\.\d{6}s\)/);
    expect(stderr).toMatch(/digest +recorded [0-9a-f]{8} +replayed [0-9a-f]{8}/);
    expect(stderr).toContain('stdinData');
    expect(stderr).toContain('HV_E_DIVERGED');
    const json = await stage.hv(['replay', '--json', log]).exited;
    expect(JSON.parse(json.stdout)).toMatchObject({ verdict: 'diverged' });
  });

  test('does not differ when nothing was changed: the forger is honest', async () => {
    const log = await forge('same', {});
    expect((await stage.hv(['replay', '-q', log]).exited).code).toBe(0);
  });

  test('of another engine or helper is refused before it starts', async () => {
    for (const field of ['engineHash', 'helperHash'] as const) {
      const log = await forge(`other-${field}`, {
        header: (header) => ({ ...header, [field]: 'ab'.repeat(32) }),
      });
      const { code, stderr } = await stage.hv(['replay', log]).exited;
      expect(code).toBe(120);
      expect(stderr).toContain('HV_E_ENGINE_MISMATCH');
      expect(stderr).toContain('abababababab');
    }
  });

  test('of a machine that has another seed is found at the first check', async () => {
    const log = await forge('other-seed', {
      header: (header) => ({ ...header, seed: 'ab'.repeat(32) }),
    });
    expect((await stage.hv(['replay', '-q', log]).exited).code).toBe(120);
  });
});
