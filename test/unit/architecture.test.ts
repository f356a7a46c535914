import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  checkFile,
  checkPackages,
  codeOf,
  importsOf,
  LINES_MAX,
  type SourceFile,
} from './architecture-rules.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

function sourcesOf(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({
      path: path.slice(ROOT.length).replaceAll('\\', '/'),
      text: readFileSync(path, 'utf8'),
    }))
    .filter((file) => !file.path.endsWith('.d.ts'));
}

/** Rules broken by a file of one text, without the path. */
function rules(path: string, text: string): string[] {
  return checkFile({ path, text }).map((violation) => violation.rule);
}

describe('the tree', () => {
  const files = ['log-format', 'hypervisor', 'guest-sdk'].flatMap(sourcesOf);

  test('is found at all', () => {
    expect(files.map((file) => file.path)).toContain('hypervisor/ports.ts');
    expect(files.length).toBeGreaterThan(20);
  });

  test('every file is in a layer, imports only downwards, is pure where it must be and short', () => {
    expect(files.flatMap(checkFile)).toEqual([]);
  });

  test('each package is imported by one file', () => {
    expect(checkPackages(files)).toEqual([]);
  });
});

describe('the checker sees', () => {
  test('a file in no layer', () => {
    expect(rules('hypervisor/util.ts', '')).toEqual([expect.stringContaining('in no layer')]);
    expect(rules('hypervisor/base/queue.ts', '')).toEqual([]);
  });

  test.each([
    ['hypervisor/protocol/replica.ts', "import { x } from '../machine/cpu.ts';"],
    ['hypervisor/machine/cpu.ts', "import { x } from '../protocol/replica.ts';"],
    ['hypervisor/machine/cpu.ts', "import type { View } from '../protocol/messages.ts';"],
    ['hypervisor/machine/cpu.ts', "import { Clock } from '../ports.ts';"],
    ['hypervisor/base/queue.ts', "import { asLsn } from '../../log-format/index.ts';"],
    ['hypervisor/replica/loop.ts', "import { cpu } from '../machine/cpu.ts';"],
    ['hypervisor/replica/loop.ts', "import type { Socket } from 'node:net';"],
    ['hypervisor/timeline/seek.ts', "const fs = await import('node:fs');"],
    ['hypervisor/host/link.ts', "import { main } from '../cli/main.ts';"],
    ['hypervisor/ports.ts', "import { isView } from './protocol/messages.ts';"],
    ['log-format/frame.ts', "import { crc32 } from 'node:zlib';"],
    ['log-format/frame.ts', "import { Packr } from 'msgpackr';"],
    ['log-format/codec.ts', "export * from '../hypervisor/base/assert.ts';"],
    ['guest-sdk/node/net.ts', "import { RECORD } from '../../log-format/records.ts';"],
    ['guest-sdk/node/net.ts', "import net from 'node:net';"],
    ['hypervisor/base/queue.ts', "import './prng.js';"],
    ['hypervisor/base/queue.ts', "import {\n  a,\n  type b,\n} from '../ports.ts';"],
    ['hypervisor/base/queue.ts', "export { a } from '../ports.ts';"],
  ])('a forbidden import in %s: %s', (path, text) => {
    expect(rules(path, text)).not.toEqual([]);
  });

  test.each([
    ['hypervisor/protocol/replica.ts', "import type { Epoch } from '../../log-format/index.ts';"],
    ['hypervisor/machine/cpu.ts', "import type { Output } from '../ports.ts';"],
    ['hypervisor/ports.ts', "import type { View } from './protocol/messages.ts';"],
    ['hypervisor/replica/loop.ts', "import { Replica } from '../protocol/replica.ts';"],
    ['hypervisor/host/link.ts', "import { WebSocket } from 'ws';\nimport net from 'node:net';"],
    ['hypervisor/cli/main.ts', "import { a } from '../host/link.ts'; await import('./b.ts');"],
    ['log-format/checksum.ts', "import { crc32 } from 'node:zlib';"],
    ['log-format/codec.ts', "import { Packr } from 'msgpackr';"],
    ['guest-sdk/node/net.ts', "import { TRAP } from '../../log-format/abi.ts';"],
    ['guest-sdk/node/stream.ts', "import stream from 'readable-stream/lib/ours/index.js';"],
    ['hypervisor/base/queue.ts', "// import { a } from '../ports.ts';\nconst s = 'import \"x\"';"],
  ])('nothing wrong in %s: %s', (path, text) => {
    expect(rules(path, text)).toEqual([]);
  });

  test.each([
    'const t = Date.now();',
    'const t = new Date();',
    'const r = Math.random();',
    'setTimeout(run, 5);',
    'queueMicrotask(run);',
    'async function f() {}',
    'const f = async () => 1;',
    'for await (const x of y) {}',
    'if (process.env.DEBUG) run();',
    "process['exit'](1);",
    'const t = performance.now();',
    'const t = globalThis.Date.now();',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template is the text under test
    'const s = `at ${Date.now()}`;',
    "const a = b / c; const t = '/'; Date.now(); const d = '/';",
    'const r = /[/"]/; Date.now(); const q = /"/;',
  ])('ambient authority in a pure layer: %s', (text) => {
    expect(rules('hypervisor/protocol/x.ts', text)).toEqual([expect.stringContaining('is pure')]);
    expect(rules('hypervisor/host/x.ts', text)).toEqual([]);
  });

  test.each([
    '// Date.now() would differ on the backup',
    '/* await is banned here */',
    "assert(ok, 'process.exit');",
    'const updateDate = 1;',
    'this.process.run();',
    'const x = config.performance.now;',
    'const s = `Date.now()`;',
    'const mode = { async: true };',
    'const r = /Date/;',
  ])('nothing wrong in a pure layer with: %s', (text) => {
    expect(rules('hypervisor/protocol/x.ts', text)).toEqual([]);
  });

  test('a file that is too long, and says what to do', () => {
    const path = 'hypervisor/base/long.ts';
    expect(rules(path, '//\n'.repeat(LINES_MAX))).toEqual([]);
    expect(rules(path, '//\n'.repeat(LINES_MAX + 1))).toEqual([
      `has ${LINES_MAX + 1} lines, ${LINES_MAX} is the limit: move one concern into a file of its ` +
        'own beside it (do not raise the limit)',
    ]);
  });

  test('a package imported by two files, but not a type of commander', () => {
    const file = (name: string, text: string): SourceFile => ({
      path: `hypervisor/cli/${name}.ts`,
      text,
    });
    const one = file('a', "import { WebSocket } from 'ws';");
    const two = file('b', "const { x } = await import('ws/lib/x.js');");
    expect(checkPackages([one, file('c', "import type { Command } from 'commander';")])).toEqual(
      [],
    );
    expect(checkPackages([one, two]).map((violation) => violation.path)).toEqual([
      one.path,
      two.path,
    ]);
  });
});

describe('the scanner', () => {
  test('finds imports of every form and tells types apart', () => {
    const text = [
      "import a, { b } from './a.ts';",
      "import type { c } from './c.ts';",
      "export * from './d.ts';",
      "export type { e } from './e.ts';",
      "import './f.ts';",
      "const g = await import('./g.ts');",
      "import { type h } from './h.ts';",
      "export const from = 'not one';",
    ].join('\n');
    expect(
      importsOf(text).map(({ from, typeOnly }) => `${from}${typeOnly ? ' type' : ''}`),
    ).toEqual(['./a.ts', './c.ts type', './d.ts', './e.ts type', './f.ts', './h.ts', './g.ts']);
  });

  test('drops comments, strings and regular expressions and keeps code in templates', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template is the text under test
    const text = "a(/x'/g, 'y//'); /* c */ b = `t${d({ e: `f` })}u` / 2; // g";
    expect(codeOf(text, { keepSpecifiers: false }).replaceAll(' ', '')).toBe(
      'a(""g,"");b=""+(d({e:""}))/2;',
    );
  });
});
