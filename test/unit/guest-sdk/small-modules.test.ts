/** Modules without a device of their own: each program prints as a guest what it prints in Node. */

import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { bundleGuest } from '../../../hypervisor/host/bundle.ts';
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

test('users, variables, arguments, media types and hooks are what Node has', () =>
  sameAsNode('odds', (list) => list.toSorted()));

test('numbers, dates, lists, plurals and orders of texts are those of English', () =>
  sameAsNode('intl'));

test('marks, measures, observers and histograms are what Node has', () =>
  sameAsNode('performance'));

test('lines, terminals, names, tables and channels are what Node has', () =>
  sameAsNode('interfaces'));

test('streams are compressed and decompressed, and refused, as Node does it', () =>
  // Node's threads finish in any order.
  sameAsNode('zlib', (list) => list.toSorted()));

test('keys sign, are written, derived and copied as in Node, through the web interface too', () =>
  sameAsNode('asymmetric'));

test('streams of the web carry, transcode and end as in Node, and become streams of Node', () =>
  sameAsNode('web-streams'));

test('files, directories, links, streams and handles are what Node has', () => sameAsNode('files'));

test('the script, files it names, its directory, variables from a file and watchers are there', () => {
  scripts({ 'beside.txt': 'beside\n', 'named.env': 'NAMED=yes\n' });
  return sameAsNode('surroundings');
});

test('tests of node:test run, wait, fail and are reported as in Node', () =>
  // Durations and the frames of a stack are nobody's promise.
  sameAsNode('tests', (list) =>
    list.filter((line) => !/^ *(?:# )?(?:duration_ms|location:|stack:)|:\d+:\d+\)?'?$/.test(line)),
  ));

test('arguments that nobody should pass, and calls in odd moments, end as in Node', () =>
  sameAsNode('edges'));

test('what later Nodes have in assert, util, process, timers and perf_hooks is there', async () => {
  const { stdout, stderr } = await runInGuest(scripts({ 'later.js': read('later') }));
  expect(stderr).toBe('');
  expect(stdout).toBe(
    `true true false false true false true
ref unref ref
ERR_INVALID_THIS
require_module,typescript false
user,system 0
true
TimeoutNegativeWarning -5 is a negative number.
TimeoutNaNWarning NaN is not a number.
Point 1 b
true true true
GET
false false false
`,
  );
});

test('the disk is as large as half of the heap, and a full one says so', async () => {
  const { stdout, stderr } = await runInGuest(scripts({ 'full.js': read('full') }));
  expect(stderr).toBe('');
  expect(stdout).toMatchInlineSnapshot(`
    "125829120 true
    1099511627776 0
    15 ENOSPC write ENOSPC: no space left on device, write
    true
    true
    8388608 [ 'dev', 'tmp' ] false
    to the console
    xxxxxxxxxx"
  `);
});

test('what a guest cannot have loads, and fails as its API fails, with where to read on', async () => {
  const { stdout, stderr } = await runInGuest(scripts({ 'refusals.js': read('refusals') }));
  expect(stderr).toBe('');
  expect(stdout).toMatchInlineSnapshot(`
    "undefined false -38
    ERR_HV_UNSUPPORTED spawnSync ls null 0
    spawn ERR_HV_UNSUPPORTED spawn ls ls [ '-l' ] -38
    close -38 null
    exec ERR_HV_UNSUPPORTED  
    execFile ERR_HV_UNSUPPORTED
    end
    promised ERR_HV_UNSUPPORTED 
    Error ERR_HV_UNSUPPORTED true true
    fork ERR_HV_UNSUPPORTED
    true 0 null
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    Error ERR_HV_UNSUPPORTED true true
    true
    ENOTFOUND getaddrinfo ENOTFOUND example.org example.org -3008 getaddrinfo ERR_HV_UNSUPPORTED
    Error ERR_HV_UNSUPPORTED true true
    "
  `);
});

test('an await keeps its context only in an image that can tell', async () => {
  const plain = scripts({ 'plain.js': 'async function f() { await 1; }\nf();\n' });
  const code = async (file: string): Promise<string> =>
    new TextDecoder().decode((await bundleGuest(file, { cwd: dirname(file) })).code);
  expect(await code(plain)).toContain('await 1');
  const resource = "const { AsyncResource } = require('async_hooks');\nAsyncResource;\n";
  const alone = scripts({ 'alone.js': `${resource}async function f() { await 1; }\nf();\n` });
  expect(await code(alone)).toContain('await 1');
  const storage = "const { AsyncLocalStorage } = require('async_hooks');\nAsyncLocalStorage;\n";
  const using = scripts({ 'using.js': `${storage}async function f() { await 1; }\nf();\n` });
  expect(await code(using)).not.toContain('await 1');
  // The helpers of the bundler are replaced in place: lines keep their numbers.
  expect(await code(using)).toContain('hv/internal/async');
});
