/** Files of an image as modules: one program is run as a guest and under Node, and both print the same. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type BundleOptions, bundleGuest } from '../../../hypervisor/host/bundle.ts';
import { loadsComputed, looksUp } from '../../../hypervisor/host/bundle-modules.ts';
import { GuestRunner } from '../../support/guest-runner.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'hv-modules-')));
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

async function run(script: string, options: Partial<BundleOptions> = {}): Promise<GuestRunner> {
  const image = await bundleGuest(script, { cwd: dirname(script), ...options });
  return new GuestRunner(image.code, image.sourceMap).boot({ argv: ['node', script] }).run();
}

/** `flags`: Node's. */
async function expectAsNode(
  script: string,
  options: Partial<BundleOptions> & { readonly flags?: readonly string[] } = {},
): Promise<void> {
  const { flags = [], ...own } = options;
  const node = spawnSync(process.execPath, [...flags, script], {
    encoding: 'utf8',
    cwd: dirname(script),
  });
  const guest = await run(script, own);
  expect(guest.stderr).toBe('');
  expect(guest.stdout).toBe(node.stdout);
  expect(guest.stdout).not.toBe('');
}

/** Prints what each function gives, or throws. */
const SHOW =
  "function show(name, get) { try { console.log(name, get()); } catch (e) { console.log(name, e.code, e.message.split('\\n')[0]); } }\n";
const PACKAGES = {
  'd.json': '{"v":1}',
  'bad.json': '{bad',
  noext: 'module.exports = "noext " + __filename;',
  'lib/part.js':
    'exports.x = 7; exports.info = () => [module.id === __filename, module.loaded, module.parent === require.main, module.children.length, module.path === __dirname, require.main === module].join();',
  'plug/a.js': "module.exports = 'plug a';",
  'plug/b.js': "module.exports = 'plug b';",
  'plugm/a.mjs': "export default 'plugm a';",
  'cyca.js': "exports.early = 1; exports.b = require('./cycb').v;",
  'cycb.js': "exports.v = require('./cyca').early + 1;",
  'selfx.js': "module.exports = 'self';",
  'package.json':
    '{"name":"myself","exports":{"./x":"./selfx.js"},"imports":{"#inner":{"node":"./selfx.js","default":"./d.json"},"#lib/*":"./lib/*.js"}}',
  'node_modules/pkg/package.json': '{"name":"pkg","version":"1.2.3","main":"lib"}',
  'node_modules/pkg/lib.js': "module.exports = 'pkg main';",
  'node_modules/conds/package.json':
    '{"name":"conds","main":"x.js","module":"mod.js","browser":"br.js","exports":{".":{"browser":"./br.js","module":"./mod.js","node":{"import":"./ni.mjs","require":"./nr.js"},"default":"./d.js"},"./sub/*":"./sub/*.js","./hidden":null}}',
  'node_modules/conds/nr.js': "module.exports = 'node require';",
  'node_modules/conds/ni.mjs': "export default 'node import';",
  'node_modules/conds/sub/a.js': "module.exports = 'sub a';",
  'node_modules/folder/package.json': '{"main":"./lib"}',
  'node_modules/folder/lib/index.js': "module.exports = 'folder index';",
};

test('require has a cache, a resolution and a module for each file, as in Node', async () => {
  const script = project({
    'main.js': `${SHOW}const p = require('./lib/part'); const name = 'par' + 't'; const whole = './lib/' + name;
show('resolve', () => [require.resolve('./lib/part'), require.resolve('pkg'), require.resolve('pkg/package.json'), require.resolve('fs')].join());
show('unresolved', () => require.resolve('nowhere'));
show('paths', () => [require.resolve.paths('x')[0], require.resolve.paths('./x'), require.resolve.paths('fs')].join());
show('cache', () => require.cache[require.resolve('./lib/part')].exports === p);
show('main in cache', () => require.cache[__filename] === module && require.main === module && module.parent === null);
show('module', () => p.info());
show('again', () => { delete require.cache[require.resolve('./lib/part')]; return require('./lib/part') !== p; });
show('in part', () => require('./lib/' + name).x);
show('whole', () => require(whole).x);
show('package', () => require(['pkg'][0]));
show('json', () => JSON.stringify(require(__dirname + '/d.json')));
show('bad json', () => require('./bad.json'));
show('no extension', () => require('./noext'));
show('cycle', () => JSON.stringify(require('./cyca')));
show('glob', () => ['a', 'b'].map((one) => require('./plug/' + one)).join());
show('glob missed', () => require('./plug/' + 'zz'));
show('listed', () => require('fs').readdirSync(__dirname + '/plug').map((one) => require(require('path').join(__dirname, 'plug', one))).join());
show('optional', () => { try { return require('optional'); } catch (e) { return [e.code, e.message, e.requireStack].join('|'); } });
show('empty', () => require(''));
show('number', () => require(5));
show('keys', () => Object.keys(require).join());
show('module.require', () => module.require('./lib/part').x);
show('made', () => { const made = require('module').createRequire(__filename); return [made('./d.json').v, made('./lib/part').x, made('pkg'), made.resolve('./d.json')].join(); });
show('load', () => require('module')._load('./d.json', module).v);
show('conditions', () => [require('conds'), require('conds/sub/a'), require('folder'), require('myself/x'), require('#inner'), require('#lib/part').x].join());
show('hidden', () => require('conds/hidden'));
show('linked', () => require('linked').where);
`,
    ...PACKAGES,
    'elsewhere/package.json': '{"name":"linked"}',
    'elsewhere/index.js': 'exports.where = __filename;',
  });
  symlinkSync('../elsewhere', join(dirname(script), 'node_modules/linked'));
  await expectAsNode(script);
});

test('import() takes names that are known at run time only, as in Node', async () => {
  const script = project({
    'main.js': `(async () => {
const show = async (name, get) => { try { console.log(name, await get()); } catch (e) { console.log(name, e.code, e.message.split('\\n')[0]); } };
await show('glob', async () => (await import(\`./plugm/\${['a'][0]}.mjs\`)).default);
await show('name', async () => Object.keys(await import(['./e.mjs'][0])).join());
await show('url', async () => Object.keys(await import(require('url').pathToFileURL(__dirname + '/e.mjs'))).join());
await show('same', async () => (await import('./e.mjs')) === (await import(['./e.mjs'][0])));
await show('builtin', async () => typeof (await import(['node:fs'][0])).readFileSync);
await show('package', async () => (await import('conds')).default);
await show('missing', async () => import('nowhere'));
await show('missing name', async () => import(['nowhere'][0]));
await show('json', async () => JSON.stringify((await import('./d.json', { with: { type: 'json' } })).default));
await show('tag', async () => Object.prototype.toString.call(await import('./e.mjs')));
})();
`,
    ...PACKAGES,
    'e.mjs': 'export default 1; export const n = 2;',
  });
  await expectAsNode(script);
});

test('a directory that is not there and whose files are named at run time fails when they are', async () => {
  const script = project({
    'main.js': `${SHOW}const load = (x) => require('./none/' + x + '.js');
show('call', () => load('a'));
/* é */ const both = (x) => { try { return [require(\`./nöne/\${x}\`), require('../no/' + x)]; } catch { return new Error('here').stack.split('\\n')[1].trim(); } };
console.log(both('b'), typeof __filename);
import('./none/' + process.argv[0]).catch((error) => console.log(error.code));
`,
  });
  await expectAsNode(script);
});

test('an ES module with top-level await, JSON and a require of its own is what it is in Node', async () => {
  const script = project({
    'main.mjs': `import { createRequire } from 'node:module';
import json from './d.json' with { type: 'json' };
const load = createRequire(import.meta.url);
await null;
console.log(json, load('./d.json'), load('./lib/part').x, load.resolve('pkg'), load('fs').sep, load(['pkg'][0]), load('./d.json') === load('./d.json'));
console.log(import.meta.resolve === undefined || import.meta.resolve('./lib/part.js'), import.meta.resolve('node:fs'));
`,
    ...PACKAGES,
  });
  await expectAsNode(script);
});

test('modules of -r and --import run before the script, in this order', async () => {
  const script = project({
    'main.js': "console.log('main', require.main === module, globalThis.first);",
    'first.js': "console.log('first', __filename); globalThis.first = 1;",
    'second.mjs': "console.log('second', globalThis.first);",
  });
  await expectAsNode(script, {
    require: ['./first.js'],
    import: ['./second.mjs'],
    flags: ['-r', './first.js', '--import', './second.mjs'],
  });
  await expect(bundleGuest(script, { cwd: dirname(script), require: ['./no'] })).rejects.toThrow(
    "Cannot find module './no'",
  );
});

test('a file that does not parse fails where it is reached, when it is a package or JSON', async () => {
  const script = project({
    'main.js':
      "try { require('newer'); } catch (e) { console.log(e.name, e.message); } try { require('./broken.json'); } catch (e) { console.log(e.name, e.message); }",
    'node_modules/newer/index.js': 'let = ;',
    'broken.json': '{',
  });
  await expectAsNode(script);
});

test('a stack names the sources of a compiled file, through its own map', async () => {
  const script = project({
    'main.js': "require('./compiled.js')();",
    'compiled.js':
      'module.exports = function () {\n  throw new Error("boom");\n};\n//# sourceMappingURL=compiled.js.map\n',
    'compiled.js.map': JSON.stringify({
      version: 3,
      sources: ['original.ts'],
      sourcesContent: ['// one\n\nexport = () => {\n\n  throw new Error("boom");\n};\n'],
      names: [],
      // Line 1 is line 3, line 2 is line 5.
      mappings: 'AAEA;EAEE',
    }),
  });
  const { stderr } = await run(script);
  expect(stderr).toContain(`${join(dirname(script), 'original.ts')}:5`);
});

test('paths of a tsconfig, enums, decorators and parameter properties work', async () => {
  const script = project({
    'src/main.ts':
      "import { helper } from '@lib/helper';\nimport config from '../config.json' with { type: 'json' };\nconst enum Kind { a = 1, b }\nenum Named { x = 'X' }\nfunction sealed(target: Function) { console.log('sealed', target.name); }\n@sealed class A { constructor(readonly n: number) {} }\nconst value = <T>(v: T): T => v;\nconsole.log(helper(), Kind.b, Named.x, new A(3).n, value(config satisfies object));\n",
    'src/lib/helper.ts':
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a guest.
      'export const helper = (): string => `helped by ${__dirname.slice(-3)}`;\n',
    'config.json': '{"port":1}',
    'tsconfig.json':
      '{ // a comment\n "compilerOptions": { "experimentalDecorators": true, "baseUrl": ".", "paths": { "@lib/*": ["src/lib/*"] } } }',
  });
  expect((await run(script)).stdout).toBe('sealed A\nhelped by lib 2 X 3 { port: 1 }\n');
});

test('what needs native code, WebAssembly or a second process is named before the guest starts', async () => {
  const script = project({
    'main.js':
      "try { require('bcrypt'); } catch (e) { console.log(e.code, e.message); }\nconst { spawn } = require('node:child_process'); if (process.argv[9]) spawn('ls');\nif (process.argv[9]) require('sharp'); if (process.argv[9]) require('wasmy');",
    'node_modules/bcrypt/package.json': '{"name":"bcrypt","dependencies":{"node-gyp-build":"1"}}',
    'node_modules/bcrypt/index.js': "module.exports = require('node-gyp-build')(__dirname);",
    'node_modules/sharp/package.json': '{"name":"sharp"}',
    'node_modules/sharp/index.js': "module.exports = require('./x.node');",
    'node_modules/sharp/x.node': 'ELF',
    'node_modules/wasmy/index.js': 'module.exports = WebAssembly.instantiate(new Uint8Array(0));',
  });
  const { hints } = await bundleGuest(script, { cwd: dirname(script) });
  expect(hints).toEqual([
    `${script} uses child_process: a guest is one process, and what would start another throws. Use a second guest, and talk to it over node:net`,
    `the package sharp, which ${script} imports, is native code, and a guest runs JavaScript only. Use a program outside the guest, over node:net`,
    `the package wasmy, which ${script} imports, is WebAssembly, which a guest has not. Use a package in JavaScript`,
  ]);
  const at = join(dirname(script), 'node_modules/bcrypt/index.js');
  expect((await run(script)).stdout).toBe(
    `ERR_HV_UNSUPPORTED Cannot load the native addon of the package bcrypt '${at}': a guest runs JavaScript only. Use the package 'bcryptjs'\n`,
  );
});

test('only code that computes a name or looks one up pays for it', () => {
  for (const code of ['require_a();', 'require("fs")', 'x.require(y)', 'require_b(n)']) {
    expect([code, loadsComputed(code), looksUp(code)]).toEqual([code, false, false]);
  }
  expect(loadsComputed('require(name)')).toBe(true);
  expect(loadsComputed('.then(() => __toESM(require(n)))')).toBe(true);
  expect(loadsComputed('require.resolve("x")')).toBe(false);
  expect(looksUp('require.resolve("x")')).toBe(true);
  expect(looksUp('require.cache')).toBe(true);
});
