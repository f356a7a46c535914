/**
 * Parts of the firmware that few guests use and that call nothing of a guest: their code lies in it
 * as text, and is compiled when it is first asked for (guest-sdk/late.ts). Compiled from the start,
 * code costs every guest about ten bytes of memory for each of its source.
 */

import { resolve as resolvePath } from 'node:path';
import { build as bundle } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
const LATE = /^(?:pako|brotli)\//;

/** The dictionary of brotli in the packed form that the package has for browsers: a tenth of the text. */
const packedBrotli = {
  name: 'packed-brotli',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/dictionary-data$/ }, ({ resolveDir }) => ({
      path: `${resolveDir}/dictionary-browser.js`,
    }));
  },
};

/** Directories of our own modules that are late as a whole. What they import from elsewhere is not. */
const OWN = /\/guest-sdk\/asymmetric\/index\.ts$/;
/** Packages that the firmware has anyway. */
const SHARED = /^@noble\/hashes\//;

/**
 * Inside late code, what is not late is asked for by number: of `outer`, which is filled with the files
 * and packages in question.
 */
const leaveOut = (directory, outer) => ({
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    const numbered = (name) => {
      if (!outer.includes(name)) outer.push(name);
      return { path: String(outer.indexOf(name)), namespace: 'outer' };
    };
    onResolve({ filter: SHARED }, ({ path }) => numbered(path));
    onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
      if (!resolveDir.startsWith(`${root}guest-sdk`)) return undefined;
      const file = resolvePath(resolveDir, path);
      return file.startsWith(directory) ? undefined : numbered(file);
    });
    onLoad({ filter: /.*/, namespace: 'outer' }, ({ path }) => ({
      contents: `module.exports = lateOuter(${path});`,
    }));
  },
});

/**
 * One expression whose value is what `name` exports. `outer` undefined: it needs nothing of the
 * firmware; else the expression is a function of a function that gives what its number names.
 */
async function textOf(name, resolveDir, outer) {
  const { outputFiles } = await bundle({
    stdin: { contents: `module.exports = require(${JSON.stringify(name)});`, resolveDir },
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    globalName: 'late',
    platform: 'neutral',
    mainFields: ['main'],
    target: 'es2023',
    banner: { js: `(function(${outer ? 'lateOuter' : ''}){"use strict";` },
    footer: { js: `return late})${outer ? '' : '()'}` },
    legalComments: 'none',
    plugins: outer ? [leaveOut(resolveDir, outer)] : [packedBrotli],
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
    onResolve({ filter: /\/asymmetric\/index\.ts$/ }, ({ path, resolveDir }) => ({
      path: resolvePath(resolveDir, path),
      namespace: 'late-own',
    }));
    onLoad({ filter: OWN, namespace: 'late-own' }, async ({ path }) => {
      const directory = resolvePath(path, '..');
      const outer = [];
      const text = await textOf(path, directory, outer);
      const given = outer.map((name) => `() => require(${JSON.stringify(name)})`).join(', ');
      return {
        contents: `const outer = [${given}];
module.exports = require(${JSON.stringify(`${root}guest-sdk/late.ts`)}).evaluateLate(${JSON.stringify(text)})((number) => outer[number]());`,
        resolveDir: directory,
      };
    });
    onLoad({ filter: LATE, namespace: 'late' }, async ({ path, pluginData }) => ({
      contents: `module.exports = require(${JSON.stringify(`${root}guest-sdk/late.ts`)}).evaluateLate(${JSON.stringify(await textOf(path, pluginData))});`,
      resolveDir: pluginData,
    }));
  },
};
