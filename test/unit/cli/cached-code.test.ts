import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

const BIN = fileURLToPath(new URL('../../../dist/bin/', import.meta.url));
const HASH_BYTES = 32;

const dir = mkdtempSync(join(tmpdir(), 'hv-cached-'));
const file = join(dir, 'some.bundle.js');
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What the file prints; each run prints what it was given by its text. */
function run(env: NodeJS.ProcessEnv = {}): string {
  const load = `require(${JSON.stringify(join(BIN, 'cached-code.js'))}).runCached(${JSON.stringify(file)})`;
  return execFileSync(process.execPath, ['-e', load], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

const textOf = (word: string): string =>
  `"use strict";\nfunction say() { console.log('${word}', __filename === require('node:path').resolve(__filename)); }\nsay();\n`;

const sealed = (text: string, data: Uint8Array): Buffer =>
  Buffer.concat([createHash('sha256').update(text, 'latin1').update(data).digest(), data]);

describe('bytecode beside a file', () => {
  beforeEach(() => {
    writeFileSync(file, textOf('one'));
    run({ HV_WARM_CODE_CACHE: '1' });
  });

  test('is made only while hv is built, and taken from then on', () => {
    const cache = readFileSync(`${file}.cache`);
    expect(run()).toBe('one true\n');
    expect(readFileSync(`${file}.cache`).equals(cache)).toBe(true);
    const cachedData = cache.subarray(HASH_BYTES);
    const script = new Script(Module.wrap(textOf('one')), { filename: file, cachedData });
    expect(script.cachedDataRejected).toBe(false);
  });

  test('of another text of the same length is not taken', () => {
    writeFileSync(file, textOf('two'));
    expect(run()).toBe('two true\n');
  });

  test.each([
    ['missing', undefined],
    ['empty', (): Buffer => Buffer.alloc(0)],
    ['cut off', (cache: Buffer): Buffer => cache.subarray(0, 200)],
    [
      'changed in a bit',
      (cache: Buffer): Buffer => cache.fill((cache.at(-1) ?? 0) ^ 1, cache.length - 1),
    ],
    ['nothing V8 has written', (): Buffer => sealed(textOf('one'), Buffer.alloc(400, 7))],
  ])('that is %s costs time only', (_, damaged) => {
    const cache = readFileSync(`${file}.cache`);
    if (damaged === undefined) rmSync(`${file}.cache`);
    else writeFileSync(`${file}.cache`, damaged(cache));
    expect(run()).toBe('one true\n');
  });
});

test('the build has made bytecode of the command and of every worker but one, and V8 takes it', () => {
  const bundles = readdirSync(BIN).filter((name) => name.endsWith('.bundle.js'));
  const taken = bundles.filter((name) => {
    const text = readFileSync(join(BIN, name), 'latin1');
    const kept = join(BIN, `${name}.cache`);
    if (!existsSync(kept)) return false;
    const cache = readFileSync(kept);
    const cachedData = cache.subarray(HASH_BYTES);
    if (!sealed(text, cachedData).equals(cache)) return false;
    const script = new Script(Module.wrap(text), { filename: join(BIN, name), cachedData });
    return script.cachedDataRejected === false;
  });
  // A replay against another script is no everyday start.
  expect(bundles.filter((name) => !taken.includes(name))).toEqual(['refeed-worker.bundle.js']);
});
