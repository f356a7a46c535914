/**
 * `npm run compat`: small programs with packages from npm, each run under Node and as a guest of hv;
 * what they print is compared, and docs/compatibility.md says how it went. Needs the registry, so it
 * is no part of the tests. Ends with 1 when something differs that known.json does not know, or no
 * longer differs.
 */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Comparison, compareFile, findFiles } from './differential.ts';
import { findGroups, type Program, SHARED_FILES } from './programs.ts';
import { compose, composeDifferences, insert, type Part, type Result } from './report.ts';
import { differenceOf, hvOf, underHv, underNode } from './run-program.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const sources = join(root, 'test/compat/programs');
const page = join(root, 'docs/compatibility.md');
const { values: options } = parseArgs({
  options: {
    // The differential suite instead, which needs no packages.
    differential: { type: 'boolean', default: false },
    // Only programs whose group/file contains this; the page is left alone.
    only: { type: 'string', default: '' },
    // Where packages are installed; kept, so that the next run finds them.
    dir: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    'limit-ms': { type: 'string', default: '120000' },
  },
});
const known = JSON.parse(readFileSync(join(root, 'test/compat/known.json'), 'utf8')) as Readonly<
  Record<string, string>
>;

function prepare(place: string, group: string): void {
  const folder = join(place, group);
  mkdirSync(folder, { recursive: true });
  cpSync(join(sources, group), folder, { recursive: true });
  cpSync(join(sources, 'tsconfig.json'), join(folder, 'tsconfig.json'));
  for (const file of SHARED_FILES) {
    const from = file === 'ask.cjs' ? sources : join(sources, 'clients');
    cpSync(join(from, file), join(folder, file));
  }
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  const { status } = spawnSync('npm', args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`npm install failed in ${folder}`);
}

async function compare(place: string, program: Program): Promise<Result> {
  const { group, file } = program;
  const run = {
    folder: join(place, group),
    file,
    hv: hvOf(root),
    esbuild: join(root, 'node_modules/.bin/esbuild'),
    limitMs: Number(options['limit-ms']),
  };
  const difference = differenceOf(await underNode(run), await underHv(run));
  console.log(
    `${difference === undefined ? 'same' : 'differs'} ${group}/${file} ${difference ?? ''}`,
  );
  return { ...program, difference, reason: known[`${group}/${file}`] };
}

/** Gives what `act` gives for each of the things, in their order; `--jobs` at once. */
async function each<Item, Value>(
  items: readonly Item[],
  act: (item: Item) => Promise<Value>,
): Promise<Value[]> {
  const values = new Map<number, Value>();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++)
      values.set(at, await act(items[at] as Item));
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, worker));
  return items.flatMap((_, at) => (values.has(at) ? [values.get(at) as Value] : []));
}

function writePart(part: Part, text: string): void {
  if (options.only !== '') return;
  writeFileSync(page, insert(readFileSync(page, 'utf8'), part, text));
}

/** Ends with 1 for what is new: a difference without a reason, or a reason without a difference. */
function finish(news: readonly string[]): void {
  for (const one of news) console.log(one);
  process.exitCode = news.length > 0 ? 1 : 0;
}

function newsOf(name: string, difference?: string, reason?: string): string[] {
  if ((difference === undefined) === (reason === undefined)) return [];
  return [`${name}: ${difference ?? 'the list of what is known says that it differs'}`];
}

async function differential(): Promise<void> {
  const folder = join(root, 'test/compat/differential');
  const suite = {
    root: folder,
    hv: hvOf(root),
    esbuild: join(root, 'node_modules/.bin/esbuild'),
    limitMs: Number(options['limit-ms']),
  };
  const files = findFiles(folder).filter((file) => file.includes(options.only));
  const results: Comparison[] = (
    await each(files, async (file) => {
      const compared = await compareFile(file, suite);
      const same = compared.filter(({ difference }) => difference === undefined).length;
      console.log(`${same} of ${compared.length} same ${file}`);
      return compared;
    })
  ).flat();
  writePart('npm run compat -- --differential', composeDifferences(results));
  finish(
    results.flatMap(({ file, program, difference, reason }) =>
      newsOf(`${file}: ${program}`, difference, reason),
    ),
  );
}

async function main(): Promise<void> {
  if (options.differential) return differential();
  const groups = findGroups(sources).map(({ name, programs }) => ({
    name,
    programs: programs.filter(({ file }) => `${name}/${file}`.includes(options.only)),
  }));
  const wanted = groups.filter(({ programs }) => programs.length > 0);
  const place = options.dir ?? mkdtempSync(join(tmpdir(), 'hv-compat-'));
  for (const { name } of wanted) prepare(place, name);
  const done = await each(
    wanted.flatMap(({ programs }) => programs),
    (program) => compare(place, program),
  );
  if (options.dir === undefined) rmSync(place, { recursive: true });
  writePart('npm run compat', compose(done));
  finish(
    done.flatMap(({ group, file, difference, reason }) =>
      newsOf(`${group}/${file}`, difference, reason),
    ),
  );
}

await main();
