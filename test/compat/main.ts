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
import { findGroups, type Program, SHARED_FILES } from './programs.ts';
import { compose, insert, type Result } from './report.ts';
import { differenceOf, hvOf, underHv, underNode } from './run-program.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const sources = join(root, 'test/compat/programs');
const page = join(root, 'docs/compatibility.md');
const { values: options } = parseArgs({
  options: {
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

async function main(): Promise<void> {
  const groups = findGroups(sources).map(({ name, programs }) => ({
    name,
    programs: programs.filter(({ file }) => `${name}/${file}`.includes(options.only)),
  }));
  const wanted = groups.filter(({ programs }) => programs.length > 0);
  const place = options.dir ?? mkdtempSync(join(tmpdir(), 'hv-compat-'));
  for (const { name } of wanted) prepare(place, name);
  const queue = wanted.flatMap(({ programs }) => programs);
  const results: (Result | undefined)[] = queue.map(() => undefined);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < queue.length; at = next++) {
      const program = queue[at];
      if (program !== undefined) results[at] = await compare(place, program);
    }
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, worker));
  if (options.dir === undefined) rmSync(place, { recursive: true });
  const done = results.filter((result) => result !== undefined);
  if (options.only === '') writeFileSync(page, insert(readFileSync(page, 'utf8'), compose(done)));
  const news = done.filter(
    ({ difference, reason }) => (difference === undefined) !== (reason === undefined),
  );
  for (const { group, file, difference } of news) {
    console.log(`${group}/${file}: ${difference ?? 'known.json says that it differs'}`);
  }
  process.exitCode = news.length > 0 ? 1 : 0;
}

await main();
