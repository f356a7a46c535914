/**
 * Writes dist/bin: the command line and its worker threads, each with all it imports in one file. To
 * load them as the two hundred small modules they are written as took most of the time of a start.
 * They are CommonJS, which V8 can keep the bytecode of (hypervisor/cli/cached-code.ts). What only one
 * subcommand needs is evaluated when that runs.
 * The library (dist/hypervisor/index.js) and the tests use the modules themselves; of `hv/guest` there is
 * a CommonJS form as well, because guests that `require` it run under plain Node, too.
 */

import { chmodSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'dist', 'bin');

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.20',
  format: 'cjs',
  outdir: out,
  charset: 'ascii',
  // Loaded by those who use it: an arbiter in PostgreSQL; and what starts a program of its own.
  external: ['pg', 'esbuild'],
  legalComments: 'linked',
  logLevel: 'warning',
  // What is left of `import()` is of CommonJS packages, and a script of node:vm has no loader.
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': 'hvBundleUrl' },
  // The directive is one only where it comes first.
  banner: {
    js: '"use strict";\nconst hvBundleUrl = require("node:url").pathToFileURL(__filename).href;',
  },
};

const workers = readdirSync(join(root, 'hypervisor', 'host'))
  .filter((file) => file.endsWith('-worker.ts'))
  .map((file) => join('hypervisor', 'host', file));

const entries = ['hypervisor/cli/main.ts', ...workers];
const nameOf = (entry) => basename(entry, '.ts');

rmSync(out, { recursive: true, force: true });
await Promise.all([
  build({
    ...common,
    entryPoints: ['hypervisor/guest.ts'],
    outdir: join(root, 'dist', 'hypervisor'),
    outExtension: { '.js': '.cjs' },
  }),
  build({
    ...common,
    entryPoints: entries.map((entry) => ({ in: entry, out: `${nameOf(entry)}.bundle` })),
  }),
  build({
    ...{ absWorkingDir: root, outdir: out, platform: 'node', target: common.target, format: 'cjs' },
    entryPoints: ['hypervisor/cli/cached-code.ts'],
  }),
]);
// The package's own type is `module`.
writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }\n');
for (const entry of entries) {
  const name = nameOf(entry);
  const load = `require('./cached-code.js').runCached(\`\${__dirname}/${name}.bundle.js\`);\n`;
  writeFileSync(join(out, `${name}.js`), `#!/usr/bin/env node\n${load}`);
}
chmodSync(join(out, 'main.js'), 0o755);
