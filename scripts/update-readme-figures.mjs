/**
 * Writes measured figures and the sample of a demo into README.md. Figures come from files that the
 * benchmarks have written with --json; nothing is typed by hand. `--check` only says whether it would
 * change anything. Needs `npm run build` first.
 *
 *   node scripts/update-readme-figures.mjs [--results <directory>] [--demo <file>] [--readme <file>] [--check]
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = new URL('../', import.meta.url);

/** One result per file; a benchmark that failed leaves an empty one, which is an error here. */
function readResults(directory) {
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'));
  if (names.length === 0) throw new Error(`no .json result in ${directory}`);
  return names.sort().map((name) => {
    try {
      return JSON.parse(readFileSync(join(directory, name), 'utf8'));
    } catch (error) {
      throw new Error(`${name} is no result of a benchmark`, { cause: error });
    }
  });
}

const { values } = parseArgs({
  options: {
    results: { type: 'string' },
    demo: { type: 'string' },
    readme: { type: 'string', default: fileURLToPath(new URL('README.md', root)) },
    check: { type: 'boolean', default: false },
  },
});
if (values.results === undefined && values.demo === undefined) {
  console.error(
    'usage: update-readme-figures.mjs [--results <directory>] [--demo <file>] [--check]',
  );
  process.exit(2);
}

const { renderDemo, renderFigures, replaceSection } = await import(
  new URL('dist/bench/figures.js', root).href
);
const before = readFileSync(values.readme, 'utf8');
let text = before;
if (values.results !== undefined) {
  text = replaceSection(text, 'bench', renderFigures(readResults(values.results)));
}
if (values.demo !== undefined) {
  text = replaceSection(text, 'demo', renderDemo(readFileSync(values.demo, 'utf8')));
}
if (!values.check) {
  writeFileSync(values.readme, text);
} else if (text !== before) {
  console.error('the figures in the README are not those of these results');
  process.exit(1);
}
