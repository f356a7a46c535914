/** Every program of docs/hv-guest.md prints what the page says, as a guest and under plain Node. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleGuest } from '../../hypervisor/host/bundle.ts';
import { LiveGuest } from '../support/live-guest.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(ROOT, 'docs', 'hv-guest.md'), 'utf8');
const programs = [...page.matchAll(/```js\n([\s\S]*?)```\n```text\n([\s\S]*?)```/g)].map(
  ([, code = '', printed = '']) => ({ code, printed }),
);

/** A package that has hv installed, as a user has. */
const dir = mkdtempSync(join(tmpdir(), 'hv-guest-page-'));
beforeAll(() => {
  writeFileSync(join(dir, 'package.json'), '{ "private": true }\n');
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(ROOT, join(dir, 'node_modules', 'hv'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('every program of the page has its output', () => {
  expect(programs.length).toBe(page.split('```js\n').length - 1);
  expect(programs.length).toBeGreaterThan(5);
});

describe('every program of the page, one after the other', () => {
  const printed = programs.map((program) => program.printed).join('');
  const all = join(dir, 'all.mjs');
  beforeAll(() => {
    for (const [index, { code }] of programs.entries())
      writeFileSync(join(dir, `${index}.mjs`), code);
    const lines = programs.map((_, index) => `await import('./${index}.mjs'); await wait();`);
    const wait = 'const wait = () => new Promise((resolve) => setTimeout(resolve, 20));';
    writeFileSync(all, [wait, ...lines].join('\n'));
  });

  test('prints what is below it, under plain Node', () => {
    const said = execFileSync(process.execPath, [all], { cwd: dir, encoding: 'utf8' });
    expect(said).toBe(printed);
  });

  test('prints the same as a guest, and again in a replay', async () => {
    const image = await bundleGuest(all, { cwd: dir });
    const guest = new LiveGuest(image.code, {}, image.sourceMap).run();
    expect(guest.stdout).toBe(printed);
    expect(guest.replayed()).toBe(guest.memoryHash);
  });
});

test('a script that requires it runs under plain Node without a warning, with one run id in both forms', () => {
  writeFileSync(
    join(dir, 'both.cjs'),
    `const { hv } = require('hv/guest');
     import('hv/guest').then(({ hv: other }) => console.log(hv.runId === other.runId, hv.position()));`,
  );
  const said = execFileSync('sh', ['-c', `'${process.execPath}' both.cjs 2>&1`], {
    cwd: dir,
    encoding: 'utf8',
  });
  expect(said).toBe('true 0\n');
});
