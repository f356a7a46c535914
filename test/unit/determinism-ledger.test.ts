/**
 * The ledger (docs/determinism.md) against the machine: whatever a guest can reach has a row that
 * says why it is the same in every run. A new global or member fails here until somebody has thought
 * about it. Every row names the tests that guard it, and they are there.
 */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleGuest } from '../../hypervisor/host/bundle.ts';
import { FAULTS } from '../fuzz/faults.ts';
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

interface Entry {
  readonly source: string;
  readonly label: string;
  readonly guards: readonly string[];
  readonly planted: readonly string[];
}

const LABELS = ['eliminated', 'normalised', 'recorded', 'refused'];
/** Sources that some row must begin with or name: what a runtime can leak into a program. */
const EXPECTED =
  'time of day|clock going backwards|time zone|locale|`Math.random`|`crypto`|order of timers|order of microtasks|cutting of network data|memory growth|heap limit|stack depth|garbage collection|`WeakRef`, `FinalizationRegistry`|`Map`, `Set`, object keys|ties and inconsistent|bits of NaN|`Error.stack`, file names|`process.env`|`process.argv`|`process.cwd`|`process.pid`|host name|addresses of objects|addresses and ports|module resolution|JSON and regular expressions|engine build|firmware build|Node version|WebAssembly compiler|CPU load|signals|standard input';

/** Titles of the tests and groups in a test file. */
function titlesOf(text: string): string[] {
  const title =
    /(?:\b(?:test|longTest|describe)\(|\]\)\(|\)\)?\()\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1\s*,/g;
  return [...text.matchAll(title)].map(([, , words = '']) => words);
}

/** What is wrong about a row; empty when it is guarded. `read` gives a file's text, if it is there. */
function unguarded(
  { source, label, guards, planted }: Entry,
  read: (path: string) => string | undefined,
): string[] {
  const wrong: string[] = [];
  if (!LABELS.includes(label)) wrong.push(`${source}: no such label ${label}`);
  if (guards.length === 0) wrong.push(`${source}: no guard`);
  for (const guard of guards) {
    const [path = '', words = ''] = guard.split(' > ');
    const text = read(path);
    if (words === '') wrong.push(`${source}: ${guard} names no test`);
    else if (text === undefined) wrong.push(`${source}: there is no ${path}`);
    else if (!titlesOf(text).some((title) => title.includes(words)))
      wrong.push(`${source}: ${path} has no test "${words}"`);
  }
  for (const fault of planted)
    if (!FAULTS.some(({ name }) => name === fault)) wrong.push(`${source}: nobody plants ${fault}`);
  return wrong;
}

function textOf(path: string): string | undefined {
  return existsSync(ROOT + path) ? readFileSync(ROOT + path, 'utf8') : undefined;
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
const quoted = (cell: string): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, one = '']) => one);
const entries: readonly Entry[] = rowsOf(ledger).map(
  ([source = '', label = '', , guards = '', planted = '']) => ({
    source,
    label,
    guards: quoted(guards),
    planted: quoted(planted),
  }),
);
const sources = entries.map(({ source }) => source);
const coverage = rowsOf(section).map(([row = '', names = '']) => ({
  row,
  patterns: quoted(names),
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
    expect(survey.modules.crypto?.members?.setEngine).toBe('refused');
    expect(names).not.toContain('crypto.setEngine');
  });

  test('finds nothing that would let two threads race', () => {
    for (const name of ['Atomics.wait', 'WebAssembly', 'Worker']) expect(names).not.toContain(name);
    for (const name of ['Worker', 'postMessageToThread'])
      expect(survey.modules.worker_threads?.members?.[name]).toBe('refused');
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

  test('has a guard for every row, in a file that is there, under a title that is in it', () => {
    expect(entries.flatMap((entry) => unguarded(entry, textOf))).toEqual([]);
    expect(entries.length).toBeGreaterThan(40);
  });

  test('has a row for every source a runtime is known to have', () => {
    const missing = EXPECTED.split('|').filter(
      (words) => !sources.some((source) => source.includes(words)),
    );
    expect(missing).toEqual([]);
    expect(new Set(sources).size).toBe(sources.length);
  });

  test('has a row for every fault that is planted', () => {
    const planted = entries.flatMap((entry) => entry.planted);
    expect(FAULTS.map(({ name }) => name).filter((name) => !planted.includes(name))).toEqual([]);
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
    'os.hostFigures',
    'process.hostMemory',
    'performance.hostLoad',
    'crypto.hostSeed',
    'Date.nowInMicros',
    'fetchLater',
    'sqlite.DatabaseSync',
  ])('a new name: %s', (name) => {
    expect(fault(name)).toBe(`${name}: in no row`);
  });

  test.each(['Math.randomInt', 'util.hostInfo', 'Array#toLocaleSorted'])(
    'a suspicious name under a wildcard: %s',
    (name) => {
      expect(fault(name)).toBe(`${name}: needs its full name in a row`);
    },
  );

  const entry = { source: 's', label: 'recorded', guards: ['a.test.ts > words'], planted: [] };
  const read = (text: string) => (path: string) => (path === 'a.test.ts' ? text : undefined);

  test('a row without a guard, without a file, without a title, with another label', () => {
    const text = read("test('some words here', () => {});");
    expect(unguarded(entry, text)).toEqual([]);
    expect(unguarded({ ...entry, guards: [] }, text)).toEqual(['s: no guard']);
    expect(unguarded({ ...entry, guards: ['b.test.ts > words'] }, text)).toEqual([
      's: there is no b.test.ts',
    ]);
    expect(unguarded(entry, read("// words\nconst words = 'words';"))).toEqual([
      's: a.test.ts has no test "words"',
    ]);
    expect(unguarded({ ...entry, guards: ['a.test.ts'] }, text)).toEqual([
      's: a.test.ts names no test',
    ]);
    expect(unguarded({ ...entry, label: 'hoped' }, text)).toEqual(['s: no such label hoped']);
    expect(unguarded({ ...entry, planted: ['nothing'] }, text)).toEqual([
      's: nobody plants nothing',
    ]);
  });
});
