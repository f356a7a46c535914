/** Which goldens there are: none may go, every guest has one, every kind of record is in one. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { openLog } from '../../hypervisor/host/log-reader.ts';
import { MACHINE_VERSION } from '../../hypervisor/host/machine-factory.ts';
import { FORMAT_VERSION, INTERRUPT, type LogRecord, RECORD } from '../../log-format/index.ts';
import { GUESTS } from '../support/hv-process.ts';
import { type Golden, goldenDir, goldens, VERSIONS } from './goldens.ts';

/** Adding one is an addition here too; one that is gone is a promise taken back. */
const NAMES: Readonly<Record<number, readonly string[]>> = {
  1: [
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
  ],
  2: [
    'array-holes',
    'async-loop',
    'bench-cpu',
    'bigint-tower',
    'catastrophic-regex',
    'chat',
    'checkpoints',
    'commit',
    'counter',
    'deep-json',
    'deep-recursion',
    'disk',
    'echo',
    'event-order',
    'exit-code',
    'failover',
    'fork',
    'generator-loop',
    'groups',
    'hello',
    'huge-string',
    'hv-guest',
    'infinite-loop',
    'joined',
    'kv',
    'kv-killed',
    'memory-bomb',
    'microtask-loop',
    'missing-module',
    'mount',
    'preempt',
    'preempt-deep',
    'promise-loop',
    'promoted',
    'proxy-traps',
    'recursion-json',
    'recursion-shapes',
    'reject-unhandled',
    'resumed',
    'sealed',
    'second-ticks',
    'semantics',
    'small-stack',
    'stack-depth',
    'stdin-sum',
    'stopped',
    'string-doubling',
    'swallow-all',
    'throw-uncaught',
    'ticker',
    'trimmed',
    'turn-ticks',
    'unpolled-builtins',
    'weakref-storm',
  ],
};
/** Bytes each folder may put into every clone: four snapshots of 1.7 MB and the firmwares are most of the second. */
const BYTES_MAX: Readonly<Record<number, number>> = { 1: 2_000_000, 2: 10_000_000 };

/** Guests without a golden, and why. */
const WITHOUT: Readonly<Record<string, string>> = {
  'bench-heap.js': 'holds as much memory as a benchmark asks for, too much for a clone',
  'syntax-error.js': 'is refused before there is a machine, so there is no log',
  'unpolled-index-of.js': 'is ended by force inside a turn, which no replay can end',
};

const unpackedTo = mkdtempSync(join(tmpdir(), 'hv-golden-'));
const all = goldens(unpackedTo);
afterAll(() => rmSync(unpackedTo, { recursive: true, force: true }));

const newest = all.filter(({ version }) => version === FORMAT_VERSION);

function recordsOf({ path }: Golden): readonly LogRecord[] {
  return [...openLog(path).batches()].flatMap(({ batch }) => batch.records);
}

test('there are goldens of every format, the one that is written included', () => {
  expect(VERSIONS).toContain(FORMAT_VERSION);
  expect(VERSIONS).toEqual(Array.from({ length: FORMAT_VERSION }, (_, index) => index + 1));
});

describe.each(VERSIONS)('the goldens of format %i', (version) => {
  test('are the committed ones, and nothing else lies beside them', () => {
    const own = all.filter((golden) => golden.version === version);
    expect(own.map(({ name }) => name).sort()).toEqual(NAMES[version]);
    const used = own.flatMap(({ name, expected }) => [
      `${name}.json`,
      ...Object.entries(expected.files).flatMap(([file, { cut }]) =>
        cut === undefined ? [file] : [`${file}.cut`, cut.file],
      ),
    ]);
    expect(filesIn(version).sort()).toEqual([...new Set(used)].sort());
  });

  test('are small enough for every clone', () => {
    const sizes = filesIn(version).map((file) => statSync(join(goldenDir(version), file)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(BYTES_MAX[version] ?? 0);
  });

  test('cover a failover, a kill, a limit, and guests that fail', () => {
    const of = (name: string) => {
      const found = all.find((golden) => golden.version === version && golden.name === name);
      return found?.expected;
    };
    const failing = version === 1 ? 'uncaught-error' : 'throw-uncaught';
    const rejecting = version === 1 ? 'unhandled-rejection' : 'reject-unhandled';
    expect(of('failover')?.report.log.epoch).toBeGreaterThanOrEqual(5);
    expect(of('kv-killed')?.report.log.sealed).toBe(false);
    expect(of('turn-ticks')?.report.exit?.code).toBe(124);
    expect(of(failing)?.stderr).toContain('TypeError: cannot deliver apples');
    expect(of(rejecting)?.stderr).toContain('Error: no such order');
  });
});

function filesIn(version: number): string[] {
  const dir = goldenDir(version);
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(join(dir, file)).isFile(),
  );
}

describe('the newest format', () => {
  test('has a golden of every guest there is, or a reason why not', () => {
    const guests = [GUESTS, join(GUESTS, 'hostile')].flatMap((dir) =>
      readdirSync(dir).filter((file) => /\.(js|mjs|ts)$/.test(file)),
    );
    const recorded = newest.map(({ path }) => openLog(path).header.script);
    for (const guest of guests)
      expect(recorded.includes(guest), `${guest} has a golden`).toBe(!(guest in WITHOUT));
    expect(guests).toEqual(expect.arrayContaining(Object.keys(WITHOUT)));
  });

  test('has a golden with every kind of record that is not an interrupt', () => {
    const types = new Set(newest.flatMap((golden) => recordsOf(golden).map(({ type }) => type)));
    types.delete('interrupt');
    expect([...types].sort()).toEqual(Object.keys(RECORD).sort());
  });

  test('has a golden with every interrupt the guests of this repository can get', () => {
    const kinds = new Set(
      newest.flatMap((golden) =>
        recordsOf(golden).flatMap((record) => (record.type === 'interrupt' ? [record.kind] : [])),
      ),
    );
    const missing = Object.entries(INTERRUPT)
      .filter(([, kind]) => !kinds.has(kind))
      .map(([name]) => name);
    // No guest dials or listens for a signal.
    expect(missing).toEqual(['signal', 'netConnected']);
  });

  test('has goldens of all that can become of a log', () => {
    const of = (name: string) => {
      const golden = newest.find((one) => one.name === name);
      if (golden === undefined) throw new Error(`there is no golden ${name}`);
      return { golden, log: openLog(golden.path), records: recordsOf(golden) };
    };
    expect(of('checkpoints').golden.snapshots.length).toBeGreaterThanOrEqual(4);
    expect(of('trimmed').log.firstLsn).toBeGreaterThan(1);
    expect(of('trimmed').log.header.vm).toMatch(/^trimmed-/);
    expect(of('fork').log.firstLsn).toBeGreaterThan(1);
    expect(of('fork').records.some((record) => isKind(record, INTERRUPT.reseed))).toBe(true);
    const resumed = of('resumed');
    expect(resumed.golden.expected.report.log.epoch).toBe(2);
    expect(resumed.records.filter((record) => isKind(record, INTERRUPT.boot))).toHaveLength(1);
    const checks = of('groups').records.map((one) => (one.type === 'end' ? one.checks.length : 0));
    expect(Math.max(...checks)).toBeGreaterThanOrEqual(4);
    const resyncs = of('bench-cpu').records.filter(({ type }) => type === 'resync');
    expect(resyncs.length).toBeGreaterThanOrEqual(2);
    expect(of('second-ticks').log.header.secondTicksMax).toBe(2_000_000);
    expect(of('small-stack').log.header.stackBytes).toBe(256 * 1024);
  });

  test('has goldens of every machine since the one with a commit, the newest included', () => {
    const versions = ['commit', 'hv-guest', 'disk'].map((name) => {
      const golden = newest.find((one) => one.name === name);
      return golden && openLog(golden.path).header.machineVersion;
    });
    expect(versions).toEqual([3, MACHINE_VERSION, MACHINE_VERSION]);
    const disk = newest.find(({ name }) => name === 'disk');
    expect(disk?.expected.stdout).toContain('ENOSPC: no space left on device');
  });

  test('has goldens of all that can become of a log that is replicated', () => {
    const of = (name: string) => {
      const golden = newest.find((one) => one.name === name);
      if (golden === undefined) throw new Error(`there is no golden ${name}`);
      const log = openLog(golden.path);
      expect(log.header.machineVersion, name).toBeGreaterThanOrEqual(3);
      return { golden, log, records: recordsOf(golden) };
    };
    const commits = of('commit').records.filter((one) => isKind(one, INTERRUPT.committed));
    expect(commits).toHaveLength(9);
    const views = of('promoted').records.filter((one) => one.type === 'view');
    const primaries = views.flatMap(({ primary, backups }) => (backups.length > 1 ? primary : []));
    expect(new Set(primaries).size).toBe(2);
    const { log, golden } = of('joined');
    expect(log.firstLsn).toBeGreaterThan(1);
    expect(golden.snapshots.length).toBeGreaterThan(0);
    const sealed = of('sealed').golden;
    const bytes = readFileSync(join(sealed.path, '000001.hvlog'));
    expect(bytes.includes('pipelined-')).toBe(false);
    expect(of('sealed').records.some((one) => textOf(one).includes('pipelined-'))).toBe(true);
  });
});

function textOf(record: LogRecord): string {
  const bytes = record.type === 'interrupt' ? record.payload : undefined;
  return Buffer.from(bytes ?? []).toString('latin1');
}

function isKind(record: LogRecord, kind: number): boolean {
  return record.type === 'interrupt' && record.kind === kind;
}

describe('the recorder', () => {
  test('leaves an existing golden alone, and those of older formats', () => {
    const script = fileURLToPath(new URL('../../scripts/record-golden.mjs', import.meta.url));
    const before = contents();
    const said = execFileSync(process.execPath, [script, 'hello'], { encoding: 'utf8' });
    expect(said).toBe('hello: exists, kept\n');
    expect(contents()).toEqual(before);
  });

  function contents(): readonly string[] {
    return VERSIONS.flatMap((version) =>
      filesIn(version).map((file) => {
        const path = join(goldenDir(version), file);
        return `${basename(path)} ${statSync(path).mtimeMs} ${readFileSync(path).length}`;
      }),
    );
  }
});
