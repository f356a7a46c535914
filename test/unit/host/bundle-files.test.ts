/** Which files beside the sources go into an image. */

import { expect, test } from 'vitest';
import { namedFiles } from '../../../hypervisor/host/bundle-files.ts';
import { globExpression } from '../../../hypervisor/host/bundle-include.ts';
import { MissingFiles } from '../../../hypervisor/host/missing-files.ts';

const HERE = '/srv/app/main.js';

test.each([
  ['path.join(__dirname, \'a\', "b.txt")', '/srv/app/a/b.txt'],
  ["resolve(__dirname, '../up.json')", '/srv/up.json'],
  ["join(import.meta.dirname, 'a.txt',)", '/srv/app/a.txt'],
  ["__dirname + '/added.txt'", '/srv/app/added.txt'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a guest.
  ['`${__dirname}/views/index.html`', '/srv/app/views/index.html'],
  ["new URL('./with%20space.txt', import.meta.url)", '/srv/app/with space.txt'],
])('%s is a file the image carries', (source, path) => {
  expect(namedFiles(HERE, source)).toContain(path);
});

test('a source that names itself is in the image', () => {
  expect(namedFiles(HERE, 'fs.readFileSync(__filename)')).toEqual([HERE]);
});

test.each([
  'join(__dirname, name)',
  "resolve(__dirname, '..')",
  "join(__dirname, 'a', name)",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a guest.
  '`${__dirname}/${name}`',
  "join(other, 'a')",
  "new URL('https://example.org/x')",
])('%s names nothing that is known before the run', (source) => {
  expect(namedFiles(HERE, source)).toEqual([]);
});

test.each([
  ['readdirSync(__dirname)', '/srv/app'],
  ["path.join(process.cwd(), 'views')", '/srv/views'],
  ["express.static('public')", '/srv/public'],
  ["fs.readFileSync('data.json', 'utf8')", '/srv/data.json'],
  ["app.set('views', './templates')", '/srv/templates'],
  ["serveStatic({ root: './static' })", '/srv/static'],
])('%s names what lies beside the source or in the working directory', (source, path) => {
  expect(namedFiles(HERE, source, '/srv')).toContain(path);
});

test.each(["readFileSync('/etc/passwd')", "static('.')", "readFile('../up')", "resolve('')"])(
  '%s does not bring what lies elsewhere',
  (source) => {
    expect(namedFiles(HERE, source, '/srv')).toEqual([]);
  },
);

test.each([
  ['/a/**/*.html', '/a/x/y.html', true],
  ['/a/**/*.html', '/a/y.html', true],
  ['/a/*.html', '/a/x/y.html', false],
  ['/a/?.{txt,md}', '/a/b.md', true],
  ['/a/?.{txt,md}', '/a/bb.md', false],
  ['/a/x+y.txt', '/a/xxy.txt', false],
])('the pattern %s against %s is %s', (pattern, path, expected) => {
  expect(globExpression(pattern).test(path)).toBe(expected);
});

test('a missing file is told of once, and only when it is on this host', () => {
  const missing = new MissingFiles();
  const said = (path: string): string[] =>
    missing.namedIn(
      Buffer.from(`Error: ENOENT: no such file or directory, open '${path}'\n    at x`),
    );
  expect(said('/nowhere/at/all')).toEqual([]);
  expect(said(import.meta.filename)).toEqual([import.meta.filename]);
  expect(said(import.meta.filename)).toEqual([]);
});
