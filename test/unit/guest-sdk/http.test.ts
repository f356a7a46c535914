/** `node:http` in a guest: a set of programs prints what it prints in Node. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { type Ran, runInGuest } from './kernel-runner.ts';

const main = fileURLToPath(new URL('http/main.cjs', import.meta.url));
/**
 * From `node main.cjs` of Node 20. Kept, as real sockets and timers make Node's own run depend on the
 * load of the host; the guest's run here has a network and a time of its own.
 */
const printedByNode = readFileSync(new URL('http/printed-by-node.txt', import.meta.url), 'utf8');

const PARTS: Readonly<Record<string, string>> = {
  parser: 'a server accepts what Node accepts and refuses the rest with its codes',
  answers: 'what a handler does is on the wire, byte by byte, as in Node',
  connections: 'bodies, expectations, upgrades, limits and timeouts go as in Node',
  requests: 'requests are named, answered and given up as in Node',
  agents: 'agents share sockets as in Node, and classes can be derived from in the old way',
};

let guest: Ran;

beforeAll(async () => {
  guest = await runInGuest(main);
}, 60_000);

/** What one part has printed. */
function partOf(text: string, name: string): string[] {
  const part = text.split('## ').find((one) => one.startsWith(`${name}\n`)) ?? '';
  return part.split('\n').slice(1);
}

for (const [name, sentence] of Object.entries(PARTS)) {
  test(sentence, () => {
    expect(partOf(guest.stdout, name)).toEqual(partOf(printedByNode, name));
    expect(partOf(guest.stdout, name).length).toBeGreaterThan(30);
  });
}

test('the programs end by themselves, without an error', () => {
  expect([guest.code, guest.stderr]).toEqual([0, '']);
});
