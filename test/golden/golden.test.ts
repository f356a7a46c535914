/**
 * Logs recorded once must replay to the same bits for ever. When one fails, the change under test
 * alters what a log means: it needs a new format or machine version, never a new golden.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLog } from '../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../hypervisor/host/log-store.ts';
import type { ReplayAnswer } from '../../hypervisor/host/replay-worker.ts';
import {
  type Batch,
  type BootConfig,
  encodeBatch,
  INTERRUPT,
  type LogRecord,
  sha256Hex,
} from '../../log-format/index.ts';
import { Stage } from '../support/hv-process.ts';
import { GOLDEN_DIR, type Golden, goldens, replayEach, reportOf } from './goldens.ts';

/** Adding one is an addition here too; one that is gone is a promise taken back. */
const NAMES = [
  'counter',
  'event-order',
  'failover',
  'hello',
  'kv',
  'kv-killed',
  'semantics',
  'stack-depth',
  'stdin-sum',
  'ticker',
  'turn-ticks',
  'uncaught-error',
  'unhandled-rejection',
];
const FILE_BYTES_MAX = 200_000;
const ALL_BYTES_MAX = 2_000_000;
/** All replays: six seconds on an idle machine, and a gate may share its processors. */
const REPLAYS_MS = 120_000;
/** Where they were recorded (scripts/record-golden.mjs). */
const STAGE_PATH = '/tmp/hv-golden';

const all = goldens();
let stage: Stage;
let answers: readonly ReplayAnswer[];

beforeAll(async () => {
  stage = new Stage();
  answers = await replayEach(all.map(({ path }) => path));
}, REPLAYS_MS);
afterAll(() => stage.close());

function recordsOf({ path }: Golden): readonly LogRecord[] {
  return [...openLog(path).batches()].flatMap(({ batch }) => batch.records);
}

function bootOf(golden: Golden): BootConfig {
  const boot = recordsOf(golden).find(
    (record) => record.type === 'interrupt' && record.kind === INTERRUPT.boot,
  );
  const payload = boot?.type === 'interrupt' ? boot.payload : undefined;
  return JSON.parse(new TextDecoder().decode(payload)) as BootConfig;
}

describe('the set', () => {
  test('is the committed one, small enough for every clone', () => {
    expect(all.map(({ name }) => name).sort()).toEqual(NAMES);
    expect(readdirSync(GOLDEN_DIR)).toHaveLength(2 * NAMES.length);
    const sizes = all.map(({ path }) => statSync(path).size);
    expect(Math.max(...sizes)).toBeLessThan(FILE_BYTES_MAX);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(ALL_BYTES_MAX);
  });

  test('covers a failover, a kill, a limit, and guests that fail', () => {
    const of = (name: string) => all.find((golden) => golden.name === name)?.expected;
    expect(of('failover')?.report.log.epoch).toBeGreaterThanOrEqual(5);
    expect(of('kv-killed')?.report.log.sealed).toBe(false);
    expect(of('turn-ticks')?.report.exit?.code).toBe(124);
    expect(of('uncaught-error')?.stderr).toContain('TypeError: cannot deliver apples');
    expect(of('unhandled-rejection')?.stderr).toContain('Error: no such order');
  });

  test('no two of them end in the same memory', () => {
    expect(new Set(all.map(({ expected }) => expected.report.memoryHash)).size).toBe(all.length);
  });
});

describe.each(all)('$name', (golden) => {
  const { name, path, expected } = golden;

  test('is the file that was recorded', () => {
    expect(sha256Hex(readFileSync(path))).toBe(expected.sha256);
  });

  test('replays to the same records, ticks, digest, exit and memory', () => {
    const answer = answers[all.indexOf(golden)];
    expect(answer && reportOf(answer)).toEqual(expected.report);
  });

  test('prints again what it printed', async () => {
    const { code, stdout, stderr } = await stage.hv(['replay', path]).exited;
    expect(stdout).toBe(expected.stdout);
    expect(stderr.replace(/^hv: .*\n/gm, '')).toBe(expected.stderr);
    expect(code).toBe(0);
  });

  test('tells nothing of the machine it was recorded on', () => {
    const boot = bootOf(golden);
    expect(boot).toMatchObject({ hostname: 'golden', cwd: STAGE_PATH, env: { LANG: 'C.UTF-8' } });
    expect(Object.keys(boot.env)).toEqual(['LANG']);
    for (const argument of boot.argv.slice(0, 2)) expect(argument).toContain(`${STAGE_PATH}/`);
    const { blobs, header } = openLog(path);
    const map = JSON.parse(new TextDecoder().decode(blobs.sourcemap)) as { sources: string[] };
    for (const source of map.sources)
      expect(source).toMatch(new RegExp(`^(file://)?${STAGE_PATH}/guests/|^hv-`));
    expect(header.name).toBe(name);
  });
});

describe('a log with one byte of input changed', () => {
  let copies: string;
  beforeAll(() => {
    copies = mkdtempSync(join(tmpdir(), 'hv-golden-'));
  });
  afterAll(() => rmSync(copies, { recursive: true, force: true }));

  /** Re-encoded as hv would have: nothing but the guest's answer can give it away. */
  function falsified({ batch }: { batch: Batch }, from: string, to: string): Batch {
    const records = batch.records.map((record) => {
      if (record.type !== 'interrupt' || record.payload === undefined) return record;
      const text = Buffer.from(record.payload).toString('latin1').replace(from, to);
      return { ...record, payload: new Uint8Array(Buffer.from(text, 'latin1')) };
    });
    return { ...batch, records };
  }

  test.each([
    ['hello', 'golden"]', 'holden"]'],
    ['stdin-sum', '39', '38'],
    ['kv', 'hello', 'hallo'],
  ])('diverges: %s', async (name, from, to) => {
    const log = openLog(join(GOLDEN_DIR, `${name}.hvlog`));
    const dir = join(copies, name);
    const blobs = (['firmware', 'image', 'sourcemap'] as const).map((kind) => {
      const bytes = log.blobs[kind];
      return { name: kind, hash: sha256Hex(bytes), bytes };
    });
    const onError = (error: Error): never => {
      throw error;
    };
    const store = FileLogStore.create(dir, log.header, blobs, { onError });
    for (const located of log.batches())
      store.append(encodeBatch(falsified(located, from, to), log.header.startedAt));
    await new Promise<void>((resolve) => store.seal(resolve));
    expect(await replayEach([dir])).toMatchObject([{ type: 'diverged' }]);
  });
});

describe('the recorder', () => {
  test('leaves an existing golden alone', () => {
    const script = fileURLToPath(new URL('../../scripts/record-golden.mjs', import.meta.url));
    const before = readFileSync(join(GOLDEN_DIR, 'hello.hvlog'));
    const said = execFileSync(process.execPath, [script, 'hello'], { encoding: 'utf8' });
    expect(said).toBe('hello: exists, kept\n');
    expect(readFileSync(join(GOLDEN_DIR, 'hello.hvlog')).equals(before)).toBe(true);
  });
});
