/**
 * Bundles the guest's firmware into scripts in one file (log-format/firmware-parts.ts). The first has
 * its `start` function as its completion value. The output depends on the sources alone: no paths, no
 * times, so that its hash is the same everywhere.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { bundleIdna } from './bundle-idna.mjs';
import { bundleLate, numberParts } from './bundle-late.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const aliasFile = `${root}guest-sdk/aliases.json`;

/** `name -> file of guest-sdk`: what the bundled packages get instead of their own dependencies. */
function aliases() {
  if (!existsSync(aliasFile)) return {};
  const table = JSON.parse(readFileSync(aliasFile, 'utf8'));
  return Object.fromEntries(
    Object.entries(table).map(([name, file]) => [
      name,
      file.startsWith('.') ? `${root}guest-sdk/${file.slice(2)}` : file,
    ]),
  );
}

/**
 * Files whose async functions call the guest's: their awaits keep its context (guest-sdk/async-promises.ts),
 * as those of an image do that uses `async_hooks` (hypervisor/host/bundle-async.ts).
 */
const CALLS_GUEST =
  /readable-stream\/lib\/internal\/streams\/(?:from|pipeline|operators)\.js$|(?:stream-consumers|test-tree)\.ts$/;
const HELPERS =
  /^var (__async(?:Generator)?) = \(__this, __arguments, generator\) => \{\n(?:.|\n)*?^\};$/gm;

const ENCODING = `
  if (this.defaultEncoding !== 'utf8' && !Buffer.isEncoding(this.defaultEncoding))
    throw new ERR_UNKNOWN_ENCODING(this.defaultEncoding)`;

/**
 * What the stream package does otherwise than Node: an error that comes while a pipeline is being taken
 * down ends none of what it still waits for; encodings are checked, and are none of objects; what has
 * ended well is told so by null; and a target that throws ends with that error.
 */
const CORRECTIONS = [
  [
    /internal\/streams\/writable\.js$/,
    "this.defaultEncoding = (options && options.defaultEncoding) || 'utf8'",
    `this.defaultEncoding = (options && options.defaultEncoding) || 'utf8'${ENCODING}`,
  ],
  [
    /internal\/streams\/writable\.js$/,
    'encoding = state.defaultEncoding\n  } else {',
    'encoding = state.objectMode ? undefined : state.defaultEncoding\n  } else {',
  ],
  [
    /internal\/streams\/writable\.js$/,
    'if (!encoding) encoding = state.defaultEncoding',
    'if (!encoding) encoding = state.objectMode ? undefined : state.defaultEncoding',
  ],
  [
    /internal\/streams\/writable\.js$/,
    'state.pendingcb--\n    cb()',
    'state.pendingcb--\n    cb(null)',
  ],
  [/internal\/streams\/writable\.js$/, 'onfinishCallbacks[i]()', 'onfinishCallbacks[i](null)'],
  [
    /internal\/streams\/readable\.js$/,
    "this.defaultEncoding = (options && options.defaultEncoding) || 'utf8'",
    `this.defaultEncoding = (options && options.defaultEncoding) || 'utf8'${ENCODING}`,
  ],
  [
    /internal\/streams\/readable\.js$/,
    'ERR_METHOD_NOT_IMPLEMENTED,',
    'ERR_METHOD_NOT_IMPLEMENTED,\n    ERR_UNKNOWN_ENCODING,',
  ],
  [
    /internal\/streams\/readable\.js$/,
    'const ret = dest.write(chunk)',
    'let ret\n    try { ret = dest.write(chunk) } catch (error) { return dest.destroy(error) }',
  ],
  [
    /readable-stream\/lib\/internal\/streams\/pipeline\.js$/,
    "err.code !== 'ERR_STREAM_PREMATURE_CLOSE') {\n          finish(err)",
    "err.code !== 'ERR_STREAM_PREMATURE_CLOSE') {\n          finishImpl(err, false)",
  ],
];

function corrected(path, text) {
  let code = text;
  for (const [file, wrong, right] of CORRECTIONS) {
    if (!file.test(path)) continue;
    if (!code.includes(wrong)) throw new Error(`${path} has not what is corrected in it`);
    code = code.replace(wrong, right);
  }
  return code;
}

const keepContexts = {
  name: 'keep-contexts',
  setup({ onLoad }) {
    onLoad(
      { filter: /readable-stream\/lib\/internal\/streams\/(?:writable|readable)\.js$/ },
      ({ path }) => ({
        contents: corrected(path, readFileSync(path, 'utf8')),
      }),
    );
    onLoad({ filter: CALLS_GUEST }, async ({ path }) => {
      const loader = path.endsWith('.ts') ? 'ts' : 'js';
      const supported = { 'async-await': false, 'async-generator': false, 'for-await': false };
      const { code } = await transform(corrected(path, readFileSync(path, 'utf8')), {
        loader,
        supported,
      });
      const from = (file) => `require(${JSON.stringify(`${root}guest-sdk/${file}`)})`;
      const helpers = {
        __async: `${from('async-promises.ts')}.runAsync`,
        __asyncGenerator: `(self, args, body) => ${from('async-generators.ts')}.runAsyncGenerator(self, args, body, __await)`,
      };
      return {
        contents: code.replace(HELPERS, (_, name) => `var ${name} = ${helpers[name]};`),
        loader: 'js',
      };
    });
  },
};

/** web-streams-polyfill with Node's errors in the place of its own. */
const webStreamErrors = {
  name: 'web-stream-errors',
  setup({ onLoad }) {
    onLoad({ filter: /web-streams-polyfill\/dist\/ponyfill\.js$/ }, ({ path }) => ({
      contents: `const { WebTypeError: TypeError } = require(${JSON.stringify(`${root}guest-sdk/web/stream-errors.ts`)});
${readFileSync(path, 'utf8')}`,
      loader: 'js',
    }));
  },
};

/** The file of these parts, as `firmwareParts` takes it apart. */
function joined(parts) {
  const bytes = parts.map((part) => Buffer.from(part));
  const lengths = bytes.map(({ length }) => length).join(' ');
  const line = `throw Error("this firmware needs a newer hv");//hv:parts ${lengths}\n`;
  return Buffer.concat([Buffer.from(line), ...bytes]);
}

const parts = new Map();
const alias = aliases();
const plugins = [keepContexts, bundleIdna, webStreamErrors];
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['guest-sdk/firmware.ts'],
  write: false,
  bundle: true,
  format: 'iife',
  globalName: 'firmware',
  platform: 'neutral',
  mainFields: ['main'],
  target: 'es2023',
  // The engine has no `using`; everything else of ES2023 it has.
  banner: { js: '(function start(hvTraps) { "use strict";' },
  footer: { js: 'return firmware.start(hvTraps); })' },
  keepNames: false,
  minifyWhitespace: true,
  legalComments: 'none',
  charset: 'utf8',
  alias,
  plugins: [bundleLate({ aliased: Object.keys(alias), plugins, parts }), keepContexts],
  logLevel: 'warning',
});
mkdirSync(`${root}dist`, { recursive: true });
writeFileSync(`${root}dist/firmware.js`, joined(numberParts(outputFiles[0].text, parts)));
