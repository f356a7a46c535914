/**
 * Writes docs/errors.md from the catalogue in hypervisor/base/errors.ts. `--check` only compares.
 *
 *   node scripts/generate-errors.mjs [--check]
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = new URL('../', import.meta.url);
const target = new URL('docs/errors.md', root);

/** Node 20 does not run TypeScript: the catalogue is bundled in memory and imported as data. */
async function load(path) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(path, root))],
    bundle: true,
    format: 'esm',
    write: false,
    logLevel: 'silent',
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}

export async function renderErrors() {
  const { CATALOGUE, EXIT } = await load('hypervisor/base/errors.ts');
  const lines = [
    '# Errors',
    '',
    '<!-- Generated from hypervisor/base/errors.ts by scripts/generate-errors.mjs. Do not edit. -->',
    '',
    'Every error of hv has a code. `hv help CODE` prints the row below it on the command line.',
    'A guest that ends by itself decides the exit status of `hv run`; the ones below are of hv.',
    '',
    '## Exit statuses',
    '',
    '| status | name | codes |',
    '|--:|---|---|',
  ];
  const codes = Object.entries(CATALOGUE);
  for (const [name, status] of Object.entries(EXIT)) {
    const own = codes.filter(([, row]) => row.exit === status).map(([code]) => link(code));
    lines.push(`| ${status} | ${name} | ${own.join(', ')} |`);
  }
  for (const [code, row] of codes) {
    lines.push('', `## ${code}`, '', `Exit status ${row.exit}.`, '');
    lines.push(`**What it means.** ${row.means}`, '', `**What to do.** ${row.fix}`);
  }
  return `${lines.join('\n')}\n`;
}

function link(code) {
  return `[${code}](#${code.toLowerCase()})`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = await renderErrors();
  if (!process.argv.includes('--check')) {
    writeFileSync(target, wanted);
  } else if (readFileSync(target, 'utf8') !== wanted) {
    console.error(
      'docs/errors.md is not what the catalogue says: node scripts/generate-errors.mjs',
    );
    process.exit(1);
  }
}
