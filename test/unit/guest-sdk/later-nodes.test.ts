/** Where Node 24 does otherwise than the Node these tests run on, a guest does as Node 24. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runInGuest, scripts } from './kernel-runner.ts';

const read = (name: string): string =>
  readFileSync(new URL(`./programs/${name}`, import.meta.url), 'utf8');

test('files, streams and what else has changed are those of Node 24', async () => {
  const file = scripts({ 'later-nodes.js': read('later-nodes.js') });
  const { stdout, code } = await runInGuest(file);
  expect(stdout.split('\n').toSorted()).toEqual(read('later-nodes.txt').split('\n').toSorted());
  expect(code).toBe(0);
});
