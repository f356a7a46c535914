import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bundleGuest, type GuestImage } from '../../../hypervisor/host/bundle.ts';
import { GuestLoadError } from '../../../hypervisor/host/guest-load-error.ts';
import { shiftMappings } from '../../../hypervisor/host/source-map-shift.ts';
import { GuestRunner } from '../../support/guest-runner.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'hv-bundle-')));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;

/** Writes the files into a fresh directory; the path of the first one. */
function project(files: Readonly<Record<string, string>>): string {
  directories += 1;
  const directory = join(root, String(directories));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return join(directory, Object.keys(files)[0] ?? '');
}

async function run(script: string): Promise<GuestRunner> {
  const image = await bundleGuest(script, { cwd: '/' });
  return new GuestRunner(image.code, image.sourceMap).boot({ argv: ['node', script] }).run();
}

/** What the guest prints must be what Node prints for the same files. */
async function expectAsNode(files: Readonly<Record<string, string>>): Promise<string> {
  const script = project(files);
  const node = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  const guest = await run(script);
  expect(guest.stderr).toBe('');
  expect(guest.stdout).toBe(node.stdout);
  expect(guest.stdout).not.toBe('');
  return guest.stdout;
}

describe('a bundled script sees what Node shows it:', () => {
  test('paths per file, the main module and a hashbang', async () => {
    await expectAsNode({
      'main.js':
        "#!/usr/bin/env node\n'use strict';\nconst part = require('./lib/part');\nconsole.log(__filename, __dirname, require.main === module, part(), this === module.exports, (function () { return this; })());",
      'lib/part.js':
        'module.exports = function () { return [__filename, __dirname, require.main === module, require.main.filename, this === globalThis].join(); };',
    });
  });

  test('import.meta, default and named imports of CommonJS and JSON, strict mode', async () => {
    await expectAsNode({
      'main.mjs':
        "import data, { named } from './data.cjs';\nimport { EventEmitter } from 'node:events';\nimport * as path from 'path';\nimport json from './j.json' with { type: 'json' };\nconsole.log(import.meta.url, import.meta.dirname, import.meta.filename, data, named, this, json, typeof EventEmitter, path.join('a', 'b'));\nconsole.log((function () { return this; })(), typeof require);\n".replace(
          ', typeof require',
          '',
        ),
      'data.cjs': "'use strict';\nexports.named = 1; exports.other = __filename;",
      'j.json': '{"a":[1,2]}',
    });
  });

  test('top-level await, dynamic import and module order', async () => {
    await expectAsNode({
      'main.mjs':
        "console.log('start');\nimport './first.mjs';\nconst { value } = await import('./lazy.mjs');\nconsole.log(value, import.meta.url.slice(-8), (await import('node:path')).sep);\nexport const unused = 1;\n",
      'first.mjs': "console.log('first'); await null; console.log('first again');",
      'lazy.mjs':
        "console.log('lazy'); export const value = 7; export default import.meta.filename;",
    });
  });

  test('top-level await in a program with contexts', async () => {
    await expectAsNode({
      'main.mjs':
        "import { AsyncLocalStorage } from 'node:async_hooks';\nconst store = new AsyncLocalStorage();\nconst told = [];\nawait store.run('a', async () => { await null; told.push(store.getStore()); });\nfor await (const one of [store.getStore(), 'b']) told.push(one);\nconst { later } = await import('./later.mjs');\nconsole.log(told, await later(store), store.getStore());\ntry { await Promise.reject(new Error('here')); } catch (error) { console.log(error.message, /main\\.mjs/.test(error.stack)); }\n",
      'later.mjs':
        "await null; export const later = (store) => store.run('c', async () => { await null; return store.getStore(); });",
    });
  });

  test('packages by the conditions of Node', async () => {
    await expectAsNode({
      'main.js':
        "console.log(require('dual'), require('dual/sub'), require('plain').name); import('dual').then((m) => console.log(m.default));",
      'node_modules/dual/package.json':
        '{"name":"dual","exports":{".":{"browser":"./browser.js","import":"./module.mjs","require":"./common.cjs"},"./sub":"./sub.js"}}',
      'node_modules/dual/module.mjs': "export default 'import';",
      'node_modules/dual/common.cjs': "module.exports = 'require';",
      'node_modules/dual/browser.js': "module.exports = 'browser';",
      'node_modules/dual/sub.js': "module.exports = 'sub';",
      'node_modules/plain/package.json':
        '{"name":"plain","main":"lib.js","module":"no.mjs","browser":"no.js"}',
      'node_modules/plain/lib.js': 'class Reader {} module.exports = Reader;',
      'node_modules/plain/no.mjs': 'export default 1;',
      'node_modules/plain/no.js': '',
    });
  });

  test('what is not found is an error at run time, in the words of Node', async () => {
    await expectAsNode({
      'main.js':
        "for (const load of [() => require('optional-package'), () => require('./gone'), () => require('no\\\\such'), () => require('./dir/' + 'x')]) try { load(); } catch (e) { console.log(e.code, e.message.split('\\n')[0]); }\ntry { require('./user'); } catch (e) { console.log(e.code, e.requireStack.length > 0); }\nimport('nowhere').catch((e) => console.log(e.code, e.message));",
      'user.js': "module.exports = require('missing-dependency');",
    });
  });

  test('a strict script does not make its sloppy imports strict, nor the other way', async () => {
    await expectAsNode({
      'main.js':
        "'use strict';\nconst sloppy = require('./sloppy.js'); console.log(sloppy(), (function () { return this; })(), require.main === module, typeof module.id, module.exports === exports);",
      'sloppy.js':
        'implicit = 5; module.exports = function () { return [implicit, this === globalThis, arguments.callee.name].join(); };',
    });
    const own =
      'console.log((function () { return this; })(), (() => { try { undeclared = 1; } catch (e) { return e.name; } })());';
    await expectAsNode({
      'main.js': `'use strict';\nrequire('./strict.js'); require('./silent.js'); ${own}`,
      'strict.js': `'use strict'; ${own}`,
      'silent.js': 'implicit = 5; console.log(implicit);',
    });
    await expectAsNode({
      'main.js': `'use strict';\nrequire('./strict.js'); ${own}`,
      'strict.js': `'use strict'; ${own}`,
    });
    await expectAsNode({
      'main.js': "const strict = require('./strict.js'); loose = 1; console.log(loose, strict());",
      'strict.js':
        "'use strict'; module.exports = function () { try { undeclared = 1; return this; } catch (e) { return e.name; } };",
    });
  });

  test('names of classes that collide', async () => {
    const out = await expectAsNode({
      'main.mjs':
        "import { Thing as A } from './a.mjs'; import { Thing as B, Self } from './b.mjs'; console.log(A.name, B.name, Self.name);",
      'a.mjs': 'export class Thing {}',
      'b.mjs': 'export class Thing {} export class Self { static made = new Self(); }',
    });
    expect(out).toBe('Thing Thing Self\n');
  });

  test('require made by createRequire', async () => {
    await expectAsNode({
      'main.mjs':
        "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);\nconsole.log(require('./part.cjs'), require('node:path').sep);",
      'part.cjs': 'module.exports = __filename;',
    });
  });
});

describe('a bundled TypeScript guest', () => {
  test('has its types removed and its newer syntax lowered', async () => {
    const guest = await run(
      project({
        'main.ts':
          "import { area, type Shape } from './shape.ts';\nenum Kind { a = 1, b }\nclass P { constructor(private readonly n: number) {} get(): number { return this.n; } }\nfunction mark(v: unknown, c: { name: string | symbol }) { console.log('decorated', String(c.name)); }\nclass D { @mark m(): void {} }\nconst s: Shape = { w: 2, h: 3 };\n{ using r = { [Symbol.dispose]() { console.log('disposed'); } }; }\nconsole.log(area(s), Kind[2], new P(4).get(), typeof D, import.meta.url.slice(-8));\n",
        'shape.ts':
          'export interface Shape { w: number; h: number }\nexport const area = (s: Shape): number => s.w * s.h;\n',
      }),
    );
    expect(guest.stdout).toBe('decorated m\ndisposed\n6 b 4 function /main.ts\n');
  });
});

describe('an image', () => {
  const files = {
    'main.mjs':
      "import './b.cjs';\nconst at = new Error(import.meta.filename); console.log(at.stack);",
    'b.cjs': 'const x = __dirname; module.exports = () => { throw new Error(x); };',
  };

  test('is the same bytes for the same files, wherever it is made from', async () => {
    const script = project(files);
    const once = await bundleGuest(script, { cwd: '/' });
    const again = await bundleGuest('main.mjs', { cwd: dirname(script) });
    expect(again).toEqual(once);
    expect(once).toMatchObject({ script, files: 2 } satisfies Partial<GuestImage>);
  });

  test('maps positions to the files as they are, injected text notwithstanding', async () => {
    const script = project(files);
    const guest = await run(script);
    expect(guest.stdout).toContain(`at file://${script}:2:12\n`);
    const { sourceMap } = await bundleGuest(script, { cwd: '/' });
    const map = JSON.parse(new TextDecoder().decode(sourceMap));
    expect(map.sources).toContain(`file://${script}`);
    expect(map.sources).toContain(join(dirname(script), 'b.cjs'));
    expect(map.sourcesContent).toContain(files['main.mjs']);
    expect(map.sourcesContent).toContain(files['b.cjs']);
  });

  test('names a native addon that is reached', async () => {
    const script = project({
      'main.js':
        "try { require('./build/fast.node'); } catch (e) { console.log(e.code, e.message); }",
      'build/fast.node': 'ELF',
    });
    expect((await run(script)).stdout).toBe(
      `ERR_HV_UNSUPPORTED Cannot load the native addon '${join(dirname(script), 'build/fast.node')}': a guest runs JavaScript only. Use a package without native code\n`,
    );
  });
});

describe('a script that cannot be bundled', () => {
  const failure = async (script: string): Promise<GuestLoadError> => {
    const error = await bundleGuest(script, { cwd: root }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(GuestLoadError);
    return error as GuestLoadError;
  };

  test('is missing', async () => {
    const { text, exitCode } = await failure('nowhere.js');
    expect(text).toBe(
      `Error: Cannot find module '${join(root, 'nowhere.js')}' {\n  code: 'MODULE_NOT_FOUND',\n  requireStack: []\n}\n\nNode.js ${process.version}\n`,
    );
    expect(exitCode).toBe(1);
  });

  test('does not parse, itself or what it imports', async () => {
    const script = project({
      'main.js': "require('./bad.js');",
      'bad.js': 'let ok = 1;\n\tlet b = ;\n',
    });
    const bad = join(dirname(script), 'bad.js');
    expect((await failure(script)).text).toBe(
      `${bad}:2\n\tlet b = ;\n\t        ^\n\nSyntaxError: Unexpected token ';'\n\nNode.js ${process.version}\n`,
    );
    const typed = project({ 'main.ts': 'const a: number = ;\n' });
    expect((await failure(typed)).text).toBe(
      `${typed}:1\nconst a: number = ;\n                  ^\n\nSyntaxError: Unexpected ";"\n\nNode.js ${process.version}\n`,
    );
  });
});

test('shifted mappings move back what stands behind the insertion, and nothing else', () => {
  // Two segments on the first line: original (0,3) and (0,25); one on the second: (1,25).
  const mappings = 'AAAG,CAAsB;AACA';
  const shifted = shiftMappings(mappings, new Map([[0, [{ line: 0, column: 5, length: 10 }]]]));
  expect(shifted).toBe('AAAG,CAAY;AACU');
  expect(shiftMappings(mappings, new Map())).toBe(mappings);
});
