import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GUESTS, Stage } from '../support/hv-process.ts';
import { LONG } from '../support/long.ts';

/** Only force ends this one. */
const UNPOLLED = 'unpolled-index-of';
const LIMITS = ['--memory', '48MiB', '--cpu', '3M'];
/** Ends before there is a machine: test/e2e/guest-errors.test.ts. */
const UNLOADABLE = 'syntax-error';
/** How each ends under LIMITS: 124 is the limit of its turn, everything else the guest's own end. */
const ENDS: Readonly<Record<string, readonly (number | null)[]>> = {
  'array-holes': [124],
  'async-loop': [124],
  'bigint-tower': [1, 124],
  'catastrophic-regex': [124],
  'deep-json': [0, 124],
  'deep-recursion': [0, 124],
  'exit-code': [3, 7, 42],
  'generator-loop': [124],
  'huge-string': [0, 1, 124, 134],
  'infinite-loop': [124],
  'memory-bomb': [1, 134],
  'microtask-loop': [124],
  'missing-module': [0, 1],
  'preempt-deep': [0, 124],
  'promise-loop': [124],
  'proxy-traps': [124],
  'recursion-json': [0, 124],
  'recursion-shapes': [0, 124],
  'reject-unhandled': [1],
  'string-doubling': [1, 124],
  'swallow-all': [124],
  'throw-uncaught': [1],
  'unpolled-builtins': [0, 124],
  'weakref-storm': [1, 124, 134],
};

/** One for each way in which a guest can go wrong; the rest are its cousins (and test/replay runs them all). */
const IN_THE_GATE = ['catastrophic-regex', 'deep-recursion', 'memory-bomb', 'microtask-loop'];
const guests = Object.entries(ENDS).filter(([name]) => LONG || IN_THE_GATE.includes(name));

let stage: Stage;
beforeAll(() => {
  stage = new Stage();
});
afterAll(() => stage.close());

const path = (name: string): string => join(GUESTS, 'hostile', `${name}.js`);

test('every hostile guest is in the table', () => {
  const names: readonly string[] = readdirSync(join(GUESTS, 'hostile')).map((file) =>
    file.replace(/\.js$/, ''),
  );
  expect([...Object.keys(ENDS), UNPOLLED, UNLOADABLE].sort()).toEqual([...names].sort());
});

describe.each(guests)('the hostile guest %s', (name, codes) => {
  test('ends on primary and backup alike, and replays', async () => {
    const dir = `copy-${name}`;
    const backup = await stage.backup('--dir', dir);
    const arguments_ = ['--name', name, '--backup', backup.address, ...LIMITS, path(name)];
    const primary = await stage.hv(['run', ...arguments_]).exited;
    expect(codes, primary.stderr).toContain(primary.code);
    if (primary.code === 124) expect(primary.stderr).toContain('HV_E_CPU_LIMIT');
    expect((await backup.process.exited).code).toBe(primary.code);
    // Both hold the same log: its replay is checked at every turn, the last one included.
    const replay = await stage.hv(['replay', '--json', join(dir, name)]).exited;
    expect(JSON.parse(replay.stdout)).toMatchObject({
      verdict: 'verified',
      exit: { code: primary.code },
    });
  });
});

describe('a built-in that never polls', () => {
  test('is ended by force on the primary, and then on the backup that takes over', async () => {
    const limit = ['--hang-limit', '1s'];
    const backup = await stage.backup('--dir', 'copy-hung', ...limit);
    const options = ['--name', 'hung', '--backup', backup.address, ...limit];
    const primary = await stage.hv(['run', ...options, path(UNPOLLED)]).exited;
    expect(primary.code).toBe(124);
    expect(primary.stderr).toMatch(/hv: turn \d+ gave no sign of life for 1 s .*HV_E_GUEST_HUNG/);
    const second = await backup.process.exited;
    expect(second.code).toBe(124);
    const turn = /turn \d+ gave/.exec(primary.stderr)?.[0];
    expect(second.stderr).toContain(turn);
    expect(second.stderr).toContain('HV_E_GUEST_HUNG');
  });

  test('is never what a guest is taken for that computes', async () => {
    // Two seconds of a processor; a thread waits for one longer than a tenth where many want it.
    const options = ['--hang-limit', '500ms', '--cpu', '20M'];
    const one = await stage.hv(['run', ...options, path('infinite-loop')]).exited;
    expect(one.stderr).toContain('HV_E_CPU_LIMIT');
    expect(one.stderr).not.toContain('HV_E_GUEST_HUNG');
  });
});
