/**
 * Logs recorded once must replay to the same bits for ever. When one fails, the change under test
 * alters what a log means: it needs a new format or machine version, never a new golden.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useLogKeys } from '../../hypervisor/host/log-keys.ts';
import { openLog } from '../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../hypervisor/host/log-store.ts';
import {
  type Batch,
  type BootConfig,
  encodeBatch,
  INTERRUPT,
  type LogRecord,
  sha256Hex,
} from '../../log-format/index.ts';
import { Stage } from '../support/hv-process.ts';
import { longTest } from '../support/long.ts';
import {
  ELSEWHERE,
  type Golden,
  goldens,
  guestLines,
  type Replayed,
  replayEach,
  reportOf,
} from './goldens.ts';

/** All replays: forty seconds on an idle machine, and a gate may share its processors. */
const REPLAYS_MS = 300_000;
/** Where they were recorded (scripts/record-golden.mjs). */
const STAGE_PATH = '/tmp/hv-golden';

const unpackedTo = mkdtempSync(join(tmpdir(), 'hv-golden-'));
const all = goldens(unpackedTo);
let stage: Stage;
let replays: readonly Replayed[];

beforeAll(async () => {
  stage = new Stage();
  replays = await replayEach(
    all.map(({ path, keyFile }) => ({ path, ...(keyFile && { keyFile }) })),
    ELSEWHERE,
  );
}, REPLAYS_MS);
afterAll(async () => {
  await stage.close();
  rmSync(unpackedTo, { recursive: true, force: true });
});

function recordsOf({ path }: Golden): readonly LogRecord[] {
  return [...openLog(path).batches()].flatMap(({ batch }) => batch.records);
}

/** Undefined when the log does not begin with it: it was trimmed or forked. */
function bootOf(golden: Golden): BootConfig | undefined {
  const boot = recordsOf(golden).find(
    (record) => record.type === 'interrupt' && record.kind === INTERRUPT.boot,
  );
  if (boot?.type !== 'interrupt') return undefined;
  return JSON.parse(new TextDecoder().decode(boot.payload)) as BootConfig;
}

function named(label: string): Golden {
  const golden = all.find((one) => one.label === label);
  if (golden === undefined) throw new Error(`there is no golden ${label}`);
  return golden;
}

test('no two goldens of a version end in the same memory', () => {
  const memories = all.map(({ version, usedHash }) => `${version} ${usedHash}`);
  expect(new Set(memories).size).toBe(all.length);
});

describe.each(all)('$label', (golden) => {
  const { version, name, path, expected, usedHash } = golden;

  test('is what was recorded, byte for byte', () => {
    for (const [file, { sha256 }] of Object.entries(expected.files))
      expect(sha256Hex(readFileSync(join(unpackedTo, `v${version}`, file))), file).toBe(sha256);
  });

  test('replays to the same records, ticks, digest, exit and memory, and prints the same', () => {
    const { answer, stdout, stderr } = replays[all.indexOf(golden)] ?? {};
    // Reports of version 1 are from a time when every replay began at the beginning.
    const report = { from: 0, ...expected.report, memoryHash: usedHash };
    expect(answer && reportOf(answer)).toEqual(report);
    expect(stdout).toBe(expected.stdout);
    expect(stderr && guestLines(stderr)).toBe(expected.stderr);
  });

  test('tells nothing of the machine it was recorded on', () => {
    const boot = bootOf(golden);
    const { blobs, header, firstLsn } = openLog(path);
    if (boot === undefined) expect(firstLsn).toBeGreaterThan(1);
    else {
      expect(boot).toMatchObject({ hostname: 'golden', cwd: STAGE_PATH, env: { LANG: 'C.UTF-8' } });
      expect(Object.keys(boot.env)).toEqual(['LANG']);
      for (const argument of boot.argv.slice(0, 2)) expect(argument).toContain(`${STAGE_PATH}/`);
    }
    const map = JSON.parse(new TextDecoder().decode(blobs.sourcemap)) as { sources: string[] };
    for (const source of map.sources)
      expect(source).toMatch(new RegExp(`^(file://)?${STAGE_PATH}/guests/|^hv-`));
    expect(header).toMatchObject({ name, formatVersion: version });
  });
});

longTest(
  'memory that no golden has used is as it was when they were recorded: zeros',
  async () => {
    const whole = all.filter(({ reportsWhole }) => reportsWhole);
    const answers = await replayEach(
      whole.map(({ path, keyFile }) => ({ path, untouchedToo: true, ...(keyFile && { keyFile }) })),
    );
    const hashes = answers.map(({ answer }) => answer.type === 'done' && answer.memoryHash);
    expect(hashes).toEqual(whole.map(({ expected }) => expected.report.memoryHash));
  },
  REPLAYS_MS,
);

describe('hv replay', () => {
  test.each(['v1/failover', 'v1/uncaught-error', 'v2/throw-uncaught', 'v2/stdin-sum'])(
    'prints again what %s printed',
    async (label) => {
      const { path, expected } = named(label);
      const { code, stdout, stderr } = await stage.hv(['replay', path]).exited;
      expect(stdout).toBe(expected.stdout);
      expect(guestLines(stderr)).toBe(expected.stderr);
      expect(code).toBe(0);
    },
  );
});

describe('snapshots beside a log', () => {
  const withSnapshots = all.filter(({ snapshots }) => snapshots.length > 0);
  /** Without those that are only there because later ones are differences to them. */
  const startsOf = ({ path, snapshots }: Golden): readonly number[] =>
    snapshots.filter((lsn) => lsn + 1 >= openLog(path).firstLsn);
  let behind: readonly { golden: Golden; from: number; replayed: Replayed | undefined }[];
  beforeAll(async () => {
    const from = withSnapshots.flatMap((golden) =>
      startsOf(golden).map((lsn) => ({ golden, from: lsn })),
    );
    const answers = await replayEach(
      from.map(({ golden: { path, keyFile }, from: lsn }) => ({
        ...{ path, from: lsn },
        ...(keyFile && { keyFile }),
      })),
    );
    behind = from.map((one, index) => ({ ...one, replayed: answers[index] }));
  }, REPLAYS_MS);

  test.each(withSnapshots)('of $label lead to the same end, each of them', (golden) => {
    const own = behind.filter((one) => one.golden === golden);
    expect(own.map(({ from }) => from)).toEqual(startsOf(golden));
    const { exit, end, lastLsn } = golden.expected.report;
    const memoryHash = golden.usedHash;
    for (const { from, replayed } of own) {
      const answer = replayed?.answer;
      expect(answer && reportOf(answer)).toMatchObject({ from, end, memoryHash, lastLsn });
      expect(answer?.type === 'done' && answer.report.exit).toEqual(exit);
      // What is printed behind a snapshot is the end of what all of it prints.
      expect(golden.expected.stdout.endsWith(replayed?.stdout ?? 'nothing')).toBe(true);
    }
  });
});

describe('a log with one byte of input changed', () => {
  /** Re-encoded as hv would have: nothing but the guest's answer can give it away. */
  function falsified({ batch }: { batch: Batch }, from: string, to: string): Batch {
    const records = batch.records.map((record) => {
      if (record.type !== 'interrupt' || record.payload === undefined) return record;
      const text = Buffer.from(record.payload).toString('latin1').replace(from, to);
      return { ...record, payload: new Uint8Array(Buffer.from(text, 'latin1')) };
    });
    return { ...batch, records };
  }

  // Where it shows is where the guest first answers with it, or with something that depends on it.
  const CASES = [
    ['v1/hello', 'golden"]', 'holden"]', 'lsn 3 (turn at lsn 2,'],
    ['v1/stdin-sum', '39', '38', 'lsn 6 (one of the turns at lsn 4 to 5,'],
    ['v1/kv', 'greeting\r\n$5\r\nhello', 'greeting\r\n$5\r\nhallo', 'lsn 13 (turn at lsn 12,'],
    ['v2/hello', 'golden"]', 'holden"]', 'lsn 3 (turn at lsn 2,'],
    ['v2/stdin-sum', '39', '38', 'lsn 6 (turn at lsn 5,'],
    ['v2/kv', 'greeting\r\n$5\r\nworld', 'greeting\r\n$5\r\nwarld', 'lsn 12 (turn at lsn 11,'],
    ['v2/groups', 'all 3', 'aLl 3', 'lsn 29 (turn at lsn 27,'],
    ['v2/echo', 'bytes', 'bites', 'lsn 11 (turn at lsn 10,'],
  ] as const;
  let found: ReadonlyMap<string, Replayed | undefined>;

  beforeAll(async () => {
    // What is written here is plain.
    useLogKeys(undefined);
    const paths: { readonly path: string }[] = [];
    for (const [label, from, to] of CASES) paths.push({ path: await falsify(label, from, to) });
    const answers = await replayEach(paths);
    found = new Map(CASES.map(([label], index) => [label, answers[index]]));
  }, REPLAYS_MS);

  /** Writes the falsified log and answers where. */
  async function falsify(label: string, from: string, to: string): Promise<string> {
    const log = openLog(named(label).path);
    const dir = join(unpackedTo, 'falsified', label);
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
    return dir;
  }

  test.each(CASES)('diverges at its place: %s', (label, _from, _to, place) => {
    const answer = found.get(label)?.answer;
    expect(answer?.type === 'diverged' && answer.text).toContain(`DIVERGED at ${place}`);
  });
});
