/**
 * The differential suite: many small programs by module under `differential/`, several to a file, and
 * programs that need a process of their own under `differential/whole`. Each file runs under Node and
 * as a guest; what each program prints is compared.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { differenceOf, type Outcome, underHv, underNode } from './run-program.ts';

const WHOLE = 'whole';
/** Shared by the files; runs nothing by itself. */
const HARNESS = 'cases.cjs';
/** A line of its own before what a program prints. */
const NAME = /^=== (.*)$/;

export interface Comparison {
  /** File below `differential/`. */
  readonly file: string;
  readonly program: string;
  /** Undefined: the same. */
  readonly difference: string | undefined;
  /** Why it differs, as `known-differences.json` has it. */
  readonly reason: string | undefined;
}

/** Files of the suite, in the order of their names. */
export function findFiles(root: string): string[] {
  const scripts = (folder: string): string[] =>
    readdirSync(join(root, folder)).filter((name) => /\.[cm]js$/.test(name));
  const own = scripts('.').filter((name) => name !== HARNESS);
  return [
    ...own.sort(),
    ...scripts(WHOLE)
      .sort()
      .map((name) => `${WHOLE}/${name}`),
  ];
}

/** What each program of a file printed; the harness ends with a name of its own. */
export function programsIn(stdout: string): Map<string, string> {
  const found = new Map<string, string>();
  let name: string | undefined;
  for (const line of stdout.split('\n')) {
    const begins = NAME.exec(line)?.[1];
    if (begins !== undefined) {
      name = begins;
      found.set(name, '');
    } else if (name !== undefined) found.set(name, `${found.get(name)}${line}\n`);
  }
  return found;
}

/** The first line that differs. */
function firstOf(expected: string, actual: string): string {
  const lines = expected.split('\n');
  const found = actual.split('\n');
  const at = lines.findIndex((line, index) => line !== found[index]);
  const shown = (line: string | undefined): string => (line ?? 'nothing').slice(0, 200);
  return `${shown(found[Math.max(at, 0)])} instead of ${shown(lines[Math.max(at, 0)])}`;
}

/** By program: undefined when both printed the same. */
export function compareOutcomes(
  file: string,
  node: Outcome,
  guest: Outcome,
): Map<string, string | undefined> {
  if (file.startsWith(`${WHOLE}/`)) {
    const name = file.slice(WHOLE.length + 1).replace(/\.[cm]js$/, '');
    return new Map([[name, differenceOf(node, guest)]]);
  }
  const expected = programsIn(node.stdout);
  const found = programsIn(guest.stdout);
  if (!expected.has('end')) throw new Error(`${file} does not end under Node: ${node.stderr}`);
  expected.delete('end');
  const compared = [...expected].map(([name, text]): [string, string | undefined] => {
    const actual = found.get(name);
    if (actual === undefined) return [name, `is not reached: ${guest.stderr.slice(0, 200)}`];
    return [name, actual === text ? undefined : firstOf(text, actual)];
  });
  return new Map(compared);
}

export interface SuiteOptions {
  /** The folder `differential`. */
  readonly root: string;
  readonly hv: readonly string[];
  readonly esbuild: string;
  readonly limitMs: number;
}

/** Runs one file on both sides. Throws when it does not end under Node. */
export async function compareFile(file: string, options: SuiteOptions): Promise<Comparison[]> {
  const { root, hv, esbuild, limitMs } = options;
  const run = { folder: root, file, hv, esbuild, limitMs };
  const known = JSON.parse(
    readFileSync(join(root, '../known-differences.json'), 'utf8'),
  ) as Readonly<Record<string, string>>;
  const compared = compareOutcomes(file, await underNode(run), await underHv(run));
  return [...compared].map(([program, difference]) => ({
    file,
    program,
    difference,
    reason: known[`${file}: ${program}`],
  }));
}
