/**
 * Packages of the firmware that few guests use and that call nothing of a guest: their code lies in it
 * as text, and is compiled when it is first asked for (guest-sdk/late.ts). Compiled from the start,
 * code costs every guest about ten bytes of memory for each of its source.
 */

import { build as bundle } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
const LATE = /^(?:pako|brotli)\/|^\.\/late\/[\w-]+\.ts$/;
/** Files of the firmware itself: their functions keep their names, which traces look at. */
const OWN = /^\.\/late\//;

/** The dictionary of brotli in the packed form that the package has for browsers: a tenth of the text. */
const packedBrotli = {
  name: 'packed-brotli',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/dictionary-data$/ }, ({ resolveDir }) => ({
      path: `${resolveDir}/dictionary-browser.js`,
    }));
  },
};

/** One expression whose value is what the package exports. */
async function textOf(name, resolveDir) {
  const file = OWN.test(name) ? name.replace(OWN, `${root}guest-sdk/late/`) : name;
  const { outputFiles } = await bundle({
    stdin: { contents: `module.exports = require(${JSON.stringify(file)});`, resolveDir },
    bundle: true,
    write: false,
    minifyWhitespace: true,
    minifySyntax: true,
    minifyIdentifiers: !OWN.test(name),
    format: 'iife',
    globalName: 'late',
    platform: 'neutral',
    mainFields: ['main'],
    target: 'es2023',
    banner: { js: '(function(){"use strict";' },
    footer: { js: 'return late})()' },
    legalComments: 'none',
    plugins: [packedBrotli],
    logLevel: 'warning',
  });
  return outputFiles[0].text.trim();
}

/** For esbuild. */
export const bundleLate = {
  name: 'bundle-late',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: LATE }, ({ path, resolveDir }) => ({
      path,
      namespace: 'late',
      pluginData: resolveDir,
    }));
    onLoad({ filter: LATE, namespace: 'late' }, async ({ path, pluginData }) => ({
      contents: `module.exports = require(${JSON.stringify(`${root}guest-sdk/late.ts`)}).evaluateLate(${JSON.stringify(await textOf(path, pluginData))});`,
      resolveDir: pluginData,
    }));
  },
};
