/** What `hv run` loads beside the script: modules before it, environment files, files of the image. */

import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Stage } from '../support/hv-process.ts';

let stage: Stage;
beforeAll(() => {
  stage = new Stage();
  mkdirSync(join(stage.dir, 'pages'));
  const files = {
    'before.js': 'globalThis.before = __filename;',
    'first.env': 'A=first\nB="two words"\n',
    'second.env': 'A=second\nHOME=/nowhere\n',
    'pages/a.html': '<a>',
    'pages/b.txt': 'b',
    'main.js':
      "const fs = require('fs'); const name = 'pages';\nconsole.log(globalThis.before, process.env.A, process.env.B, process.env.HOME !== '/nowhere', fs.readFileSync('./' + name + '/a.html', 'utf8'));\nfs.readFileSync(require('path').resolve(name, 'b.txt'));\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(stage.dir, name), text);
});
afterAll(() => stage.close());

test('modules, environment files and files of the image reach a guest, and what is missing is named', async () => {
  const env = {
    PATH: process.env.PATH,
    HOME: stage.dir,
    XDG_CACHE_HOME: join(stage.dir, 'cache'),
    NODE_OPTIONS: '--no-warnings',
  };
  const args = [
    ...['run', '--no-record', '-r', './before.js', '--env-file', 'first.env'],
    ...['--env-file', 'second.env', '--include', 'pages/**/*.html', 'main.js'],
  ];
  const { code, stdout, stderr } = await stage.hv(args, { env }).exited;
  expect(stdout).toBe(`${join(stage.dir, 'before.js')} second two words true <a>\n`);
  expect(code).toBe(1);
  expect(stderr).toContain('hv: NODE_OPTIONS is set');
  const missed = join(stage.dir, 'pages/b.txt');
  expect(stderr).toContain(`hv: ${missed} is on this host, and not in the guest's image.`);
  expect(stderr).toContain(`hv run --include '${missed}'`);
  const kept = readdirSync(join(stage.dir, 'cache/hv/images'));
  expect(kept).toHaveLength(1);
  expect(statSync(join(stage.dir, 'cache/hv/images', kept[0] ?? '')).mode & 0o777).toBe(0o600);
  const again = await stage.hv(args, { env }).exited;
  expect(again.stdout).toBe(stdout);
});
