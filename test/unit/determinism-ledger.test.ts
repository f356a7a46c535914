/**
 * The ledger (docs/determinism.md) against the machine: whatever a guest can reach has a row that
 * says why it is the same in every run. A new global or member fails here until somebody has thought
 * about it.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleGuest } from '../../hypervisor/host/bundle.ts';
import { GuestRunner } from '../support/guest-runner.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Owners whose members are all suspect: each must be listed by name. */
const SENSITIVE = ['Date.', 'process.', 'os.', 'performance.', 'perf_hooks.', 'crypto.', 'v8.'];
/** Names that sound like time, chance or the host need a pattern of their own, not a wildcard. */
const SUSPICIOUS =
  /random|uuid|\bnow\b|uptime|hrtime|usage|cpu|loadavg|pid\b|\benv\b|host|[ug]id\b|interfaces|memory|timeorigin|timestamp|locale|zone/i;

type Kind = 'class' | 'function' | 'object' | 'value' | 'refused';
interface Surveyed {
  readonly kind: Kind;
  readonly members?: Readonly<Record<string, Kind>>;
  readonly methods?: Readonly<Record<string, Kind>>;
}
interface Survey {
  readonly globals: Readonly<Record<string, Surveyed>>;
  readonly modules: Readonly<Record<string, Surveyed>>;
}

/** Names of everything that is there and answers. */
function reachable({ globals, modules }: Survey): string[] {
  const names = new Set<string>();
  const add = (name: string, kind: Kind): void => {
    if (kind !== 'refused') names.add(name);
  };
  for (const [name, { kind, members = {}, methods = {} }] of Object.entries(globals)) {
    add(name, kind);
    for (const [member, of] of Object.entries(members)) add(`${name}.${member}`, of);
    for (const [method, of] of Object.entries(methods)) add(`${name}#${method}`, of);
  }
  for (const [name, { members = {} }] of Object.entries(modules)) {
    for (const [member, of] of Object.entries(members)) add(`${name}.${member}`, of);
  }
  return [...names];
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

const [ledger = '', section = ''] = readFileSync(`${ROOT}docs/determinism.md`, 'utf8').split(
  '## Names a guest can reach',
);
const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map(cellsOf)
    .slice(1);
const sources = rowsOf(ledger).map(([source = '']) => source);
const coverage = rowsOf(section).map(([row = '', names = '']) => ({
  row,
  patterns: [...names.matchAll(/`([^`]+)`/g)].map(([, pattern = '']) => pattern),
}));
const patterns = coverage.flatMap((row) => row.patterns);
const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
const prefixes = patterns.filter((p) => p.endsWith('*')).map((p) => p.slice(0, -1));

function covers(pattern: string, name: string): boolean {
  if (pattern.endsWith('*')) return name.startsWith(pattern.slice(0, -1));
  return pattern.startsWith('*') ? name.endsWith(pattern.slice(1)) : name === pattern;
}

/** What is wrong about a name of the guest; undefined when the ledger covers it. */
function fault(name: string): string | undefined {
  if (exact.has(name) || exact.has(`*${name.slice(name.indexOf('#'))}`)) return undefined;
  if (!prefixes.some((prefix) => name.startsWith(prefix))) return `${name}: in no row`;
  if (SUSPICIOUS.test(name)) return `${name}: needs its full name in a row`;
  return undefined;
}

let names: readonly string[];
let survey: Survey;
beforeAll(async () => {
  const { code } = await bundleGuest(`${ROOT}scripts/guest-survey.cjs`, { cwd: ROOT });
  const { stdout, stderr, exitCode } = new GuestRunner(code).boot().run();
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  survey = JSON.parse(stdout) as Survey;
  names = reachable(survey);
});

describe('the survey', () => {
  test('sees globals, methods and modules, and tells what only refuses', () => {
    expect(names.length).toBeGreaterThan(1000);
    expect(names).toEqual(
      expect.arrayContaining(['Math.random', 'Date#getTimezoneOffset', 'os.cpus', 'Array#sort']),
    );
    expect(survey.globals.crypto?.members?.subtle).toBe('refused');
    expect(names).not.toContain('crypto.subtle');
  });

  test('finds nothing that would let two threads race', () => {
    for (const name of ['Atomics.wait', 'WebAssembly', 'Worker', 'MessageChannel'])
      expect(names).not.toContain(name);
    expect(survey.modules).not.toHaveProperty('worker_threads');
  });
});

describe('the ledger', () => {
  test('covers every name a guest can reach', () => {
    expect(names.map(fault).filter((text) => text !== undefined)).toEqual([]);
  });

  test('has no pattern that covers nothing', () => {
    const stale = patterns.filter((pattern) => !names.some((name) => covers(pattern, name)));
    expect(stale).toEqual([]);
  });

  test('refers from every name to a row there is', () => {
    for (const { row, patterns: own } of coverage) {
      expect(own).not.toEqual([]);
      expect(
        sources.filter((source) => source.startsWith(row)),
        row,
      ).toHaveLength(1);
    }
  });

  test('lists members of what is suspect by name', () => {
    const wide = prefixes.filter((prefix) =>
      SENSITIVE.some((owner) => prefix.startsWith(owner) || owner.startsWith(prefix)),
    );
    expect(wide).toEqual([]);
  });
});

describe('the check sees', () => {
  test.each([
    'os.freemem',
    'process.constrainedMemory',
    'performance.eventLoopUtilization',
    'crypto.createHash',
    'Date.nowInMicros',
    'fetch',
    'fs.statSync',
  ])('a new name: %s', (name) => {
    expect(fault(name)).toBe(`${name}: in no row`);
  });

  test.each(['Math.randomInt', 'util.hostInfo', 'Array#toLocaleSorted'])(
    'a suspicious name under a wildcard: %s',
    (name) => {
      expect(fault(name)).toBe(`${name}: needs its full name in a row`);
    },
  );
});
