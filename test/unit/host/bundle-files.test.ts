/** Which files beside the sources go into an image. */

import { expect, test } from 'vitest';
import { namedFiles } from '../../../hypervisor/host/bundle-files.ts';

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
  "join(__dirname, 'a', name)",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a guest.
  '`${__dirname}/${name}`',
  "join(other, 'a')",
  "new URL('https://example.org/x')",
])('%s names nothing that is known before the run', (source) => {
  expect(namedFiles(HERE, source)).toEqual([]);
});
