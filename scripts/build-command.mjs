/**
 * Writes dist/bin: the command line and its worker threads, each with all it imports in few files. To
 * load them as the two hundred small modules they are written as took most of the time of a start.
 * The library (dist/hypervisor/index.js) and the tests use the modules themselves.
 */

import { readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'dist', 'bin');

/** Starts a program of its own, so it stays where it is; by `require`, which reads its one file faster. */
const viaRequire = {
  name: 'via-require',
  setup(bundle) {
    bundle.onResolve({ filter: /^esbuild$/ }, ({ kind }) =>
      kind === 'require-call'
        ? { path: 'esbuild', external: true }
        : { path: 'esbuild', namespace: 'via-require' },
    );
    bundle.onLoad({ filter: /.*/, namespace: 'via-require' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
      resolveDir: root,
    }));
  },
};

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.20',
  format: 'esm',
  outdir: out,
  // Loaded by those who use it: an arbiter in PostgreSQL.
  external: ['pg'],
  plugins: [viaRequire],
  legalComments: 'linked',
  logLevel: 'warning',
  // CommonJS packages in an ES module.
  banner: {
    js: "import { createRequire as hvCreateRequire } from 'node:module';\nconst require = hvCreateRequire(import.meta.url);",
  },
};

const workers = readdirSync(join(root, 'hypervisor', 'host'))
  .filter((file) => file.endsWith('-worker.ts'))
  .map((file) => join('hypervisor', 'host', file));

rmSync(out, { recursive: true, force: true });
await Promise.all([
  // What only one subcommand needs is loaded when that runs.
  build({
    ...common,
    entryPoints: ['hypervisor/cli/main.ts'],
    splitting: true,
    chunkNames: 'part-[hash]',
  }),
  // A worker needs all of its code at once.
  build({ ...common, entryPoints: workers }),
]);
