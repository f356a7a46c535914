/**
 * The same log gives the same memory under other Nodes, other compilers of the engine's code, other
 * zones, locales, directories and paths of hv, and on a busy machine. `HV_NODES=all` adds newer Nodes, installed from the npm registry
 * into a temporary directory; without it they are skipped, because tests need no network.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  ELSEWHERE,
  goldens,
  REPLAY_EACH,
  replayEach,
  type Surroundings,
} from '../golden/goldens.ts';
import { GUESTS, Stage } from '../support/hv-process.ts';
import { LONG, longTest } from '../support/long.ts';

const MAJORS = [22, 24] as const;
const asked = process.env.HV_NODES === 'all';
if (!asked)
  console.log(`HV_NODES is not 'all': replays on Node ${MAJORS.join(' and ')} are skipped`);
/** An install downloads 40 MB. */
const INSTALL_MS = 300_000;
// Half a minute to a minute on two processors that others use as well.
vi.setConfig({ testTimeout: 300_000 });

const unpackedTo = mkdtempSync(join(tmpdir(), 'hv-goldens-'));
type Goldens = ReturnType<typeof goldens>;
const everything = goldens(unpackedTo);
const hashesOf = (some: Goldens): Record<string, string> =>
  Object.fromEntries(some.map(({ label, usedHash }) => [label, usedHash]));
/**
 * Every golden is replayed by both compilers together. By one of them alone, where each process
 * compiles all of the engine or runs its slowest code, those of version 1 and the ones of version 2
 * that differ in what they ask of the engine: numbers, text, depth, collection, places inside a turn,
 * snapshots. Another turn of an endless loop would add time and nothing else.
 */
const OF_VERSION_2 = [
  'bench-cpu',
  'bigint-tower',
  'catastrophic-regex',
  'checkpoints',
  'deep-json',
  'deep-recursion',
  'failover',
  'fork',
  'kv',
  'memory-bomb',
  'preempt',
  'semantics',
  'stack-depth',
  'trimmed',
  'turn-ticks',
  'weakref-storm',
];
/** Of these, what the gate takes. */
const IN_THE_GATE = ['semantics', 'stack-depth', 'preempt', 'kv'];
const telling = everything.filter(({ version, name }) =>
  asked
    ? version === 1 || OF_VERSION_2.includes(name)
    : version === 2 && IN_THE_GATE.includes(name),
);
/** Of every kind one, for what can hardly depend on the guest. */
const FEW = ['semantics', 'kv', 'failover', 'preempt', 'trimmed'];
const few = everything.filter(({ version, name }) => version === 2 && FEW.includes(name));

/** Compilers of WebAssembly: the baseline alone, the optimizing one alone, both as usual. */
const COMPILERS: readonly (readonly [string, readonly string[]])[] = [
  ['the usual compilers', []],
  ['only the baseline compiler', ['--liftoff-only']],
  ['only the optimizing compiler', ['--no-liftoff']],
];

/** Memory after each golden, by name; what went wrong instead, when something did. */
async function memories(
  surroundings: Surroundings,
  some: Goldens = everything,
): Promise<Record<string, string>> {
  const replays = await replayEach(
    some.map(({ path, keyFile }) => ({ path, ...(keyFile && { keyFile }) })),
    surroundings,
  );
  return Object.fromEntries(
    replays.map(({ answer }, index) => [
      some[index]?.label ?? '',
      answer.type === 'done' ? answer.memoryHash : JSON.stringify(answer),
    ]),
  );
}

let stage: Stage;
beforeAll(() => {
  stage = new Stage();
});
afterAll(async () => {
  await stage.close();
  rmSync(unpackedTo, { recursive: true, force: true });
});

describe(`Node ${process.versions.node}, the one at hand`, () => {
  // One compiler alone costs as much as a dozen replays: the gate takes the one whose code differs most.
  test.each(LONG ? COMPILERS.slice(1) : COMPILERS.slice(2))(
    'replays to the same memory with %s',
    async (_, nodeFlags) => {
      expect(await memories({ nodeFlags }, telling)).toEqual(hashesOf(telling));
    },
  );

  // Every golden is replayed elsewhere by test/golden.
  test('replays to the same memory in another zone, locale and directory', async () => {
    expect(await memories(ELSEWHERE, few)).toEqual(hashesOf(few));
  });

  // The stock glue of the engine writes argv[1] into guest memory.
  longTest('replays to the same memory when hv is started by another path', async () => {
    const far = join(stage.dir, 'a path', 'of another length');
    mkdirSync(far, { recursive: true });
    const script = join(far, 'hv-of-another-name.mjs');
    symlinkSync(REPLAY_EACH, script);
    expect(await memories({ script, env: { _: script } }, few)).toEqual(hashesOf(few));
  });

  longTest('replays to the same memory while every processor is busy', async () => {
    const busy = await Promise.all(
      Array.from({ length: availableParallelism() + 1 }, () => burn()),
    );
    try {
      expect(await memories({}, few)).toEqual(hashesOf(few));
      expect(busy.map(({ exitCode }) => exitCode)).toEqual(busy.map(() => null));
    } finally {
      for (const child of busy) child.kill('SIGKILL');
    }
  });
});

/** A process that does nothing but use up its processor; resolves once it does. */
async function burn(): Promise<ChildProcess> {
  const program = 'process.stdout.write("x"); setImmediate(() => { for (;;); });';
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] });
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

describe.skipIf(!asked).each(MAJORS)('Node %i', (major) => {
  let prefix: string;
  let node: string;
  afterAll(() => rmSync(prefix, { recursive: true, force: true }));

  beforeAll(async () => {
    prefix = mkdtempSync(join(tmpdir(), `hv-node-${major}-`));
    const name = `node-${process.platform}-${process.arch}`;
    node = join(prefix, 'node_modules', name, 'bin', 'node');
    const flags = ['--prefix', prefix, '--no-audit', '--no-fund', '--no-save'];
    await promisify(execFile)('npm', ['install', ...flags, `${name}@${major}`], { cwd: prefix });
  }, INSTALL_MS);

  test('is what was installed', async () => {
    const { stdout } = await promisify(execFile)(node, ['--version']);
    expect(stdout).toMatch(new RegExp(`^v${major}\\.`));
  });

  test.each(COMPILERS)('replays to the same memory with %s', async (_, nodeFlags) => {
    const some = nodeFlags.length === 0 ? everything : telling;
    expect(await memories({ node, nodeFlags, ...ELSEWHERE }, some)).toEqual(hashesOf(some));
  });

  test('records what this Node replays', async () => {
    const script = join(GUESTS, 'event-order.mjs');
    const run = await stage.hv(['run', '--name', `by-${major}`, script], { node }).exited;
    const replay = await stage.hv(['replay', '--json', `.hv/by-${major}`]).exited;
    const again = await stage.hv(['replay', '--json', `.hv/by-${major}`], { node }).exited;
    expect(run.code).toBe(0);
    expect(JSON.parse(replay.stdout)).toMatchObject({ verdict: 'verified', exit: { code: 0 } });
    expect(JSON.parse(again.stdout).memoryHash).toBe(JSON.parse(replay.stdout).memoryHash);
  });
});
