/** Modules without a device of their own: each program prints as a guest what it prints in Node. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Ran, runInGuest, runInNode, scripts } from './kernel-runner.ts';

const read = (name: string): string =>
  readFileSync(new URL(`./programs/${name}.js`, import.meta.url), 'utf8');

const lines = ({ stdout }: Ran): string[] => stdout.split('\n');

async function sameAsNode(
  name: string,
  arrange: (lines: string[]) => string[] = (list) => list,
): Promise<void> {
  const file = scripts({ [`${name}.js`]: read(name) });
  const [guest, node] = [await runInGuest(file), runInNode(file)];
  expect(arrange(lines(guest))).toEqual(arrange(lines(node)));
  expect(guest.code).toBe(node.code);
}

test('a context follows code through callbacks, awaits, streams and sockets', () =>
  // Real timers and sockets of Node race with each other: what each line says is compared.
  sameAsNode('async-context', (list) => list.toSorted()));

test('values become the bytes V8 makes of them, code runs in contexts, errors go to domains', () =>
  sameAsNode('serialize'));

test('lines, terminals, names, tables and channels are what Node has', () =>
  sameAsNode('interfaces'));
