/**
 * Packages of the firmware that are parts of their own (log-format/firmware-parts.ts): compiled when
 * they are first required, which costs a guest without them nothing. Those that every guest has are
 * parts, too, because the memory for compiling one is that of the next.
 *
 * What a part requires of the rest of the firmware it is handed when it is evaluated, so that there is
 * one of it.
 */

import { dirname, resolve as resolvePath } from 'node:path';
import { build as bundle } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
const LATE =
  /^(?:pako|brotli|@noble\/(?:ciphers|hashes)|@pkgjs\/parseargs|readable-stream|node-inspect-extracted|tr46|web-streams-polyfill|whatwg-url)(?:\/|$)/;
/** What is required of a package whose modules must be evaluated once for all who require one. */
const SHARED = {
  'readable-stream': ['readable-stream/lib/ours/errors.js', 'readable-stream/lib/stream.js'],
};
/** Directories of our own that are a part each, with the packages that nobody else requires; as they are required. */
const OWN_NAME = /\/(?:(?:asymmetric|intl)\/index|late\/[\w-]+)\.ts$/;
const OWN = /\/guest-sdk\/(?:(?:asymmetric|intl)\/index|late\/[\w-]+)\.ts$/;
/** Packages none of whose names can be seen by a guest. */
const NAMELESS = /^(?:pako|brotli|@noble)\//;
/** How code names a part until all are known; see `numberParts`. */
const CALL = /\bhvTraps\.late\("([^"]+)"\)/g;

/** The dictionary of brotli in the packed form that the package has for browsers: a tenth of the text. */
const packedBrotli = {
  name: 'packed-brotli',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/dictionary-data$/ }, ({ resolveDir }) => ({
      path: `${resolveDir}/dictionary-browser.js`,
    }));
  },
};

function packageOf(name) {
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/');
}

/** How a part names a link: where this checkout lies does not show. */
function keyOf(link) {
  return JSON.stringify(link.replace(root, ''));
}

/** The name of what a part requires of the rest of the firmware; undefined: `path` is in the part itself. */
function linkOf({ own, directory, aliased }, path, resolveDir) {
  const isOurs = path.startsWith('.') && resolveDir.startsWith(`${root}guest-sdk`);
  const file = isOurs ? resolvePath(resolveDir, path) : path;
  if (file.startsWith(`${root}guest-sdk/`))
    return directory !== undefined && file.startsWith(`${directory}/`) ? undefined : file;
  const isOther =
    aliased.includes(path.replace(/\/$/, '')) || (LATE.test(path) && packageOf(path) !== own);
  return isOther ? path : undefined;
}

/** Notes in `links` what a part requires of the rest of the firmware. */
function linksOf(part, links) {
  return {
    name: 'links',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /./ }, ({ path, resolveDir }) => {
        const link = linkOf(part, path, resolveDir);
        if (link === undefined) return undefined;
        links.add(link);
        return { path: link.replace(root, ''), namespace: 'link' };
      });
      onLoad({ filter: /./, namespace: 'link' }, ({ path }) => ({
        contents: `module.exports = hvLinks[${keyOf(path)}]();`,
      }));
    },
  };
}

/** The source of a part, a function of its links, and their names. */
async function partOf(name, { resolveDir, plugins, ...part }) {
  const links = new Set();
  const shared = SHARED[name]?.map((one) => JSON.stringify(one));
  const entry = shared
    ? `{${shared.map((one) => `${one}: () => require(${one})`).join(',')}}`
    : `require(${JSON.stringify(name)})`;
  const { outputFiles } = await bundle({
    stdin: { contents: `module.exports = ${entry};`, resolveDir },
    bundle: true,
    write: false,
    minifyWhitespace: true,
    minifyIdentifiers: NAMELESS.test(name),
    minifySyntax: NAMELESS.test(name),
    format: 'iife',
    globalName: 'late',
    platform: 'neutral',
    mainFields: ['main'],
    target: 'es2023',
    banner: { js: '(function(hvLinks){"use strict";' },
    footer: { js: 'return late})' },
    legalComments: 'none',
    charset: 'ascii',
    plugins: [packedBrotli, ...plugins, linksOf(part, links)],
    logLevel: 'warning',
  });
  return { text: outputFiles[0].text.trim(), links: [...links].sort() };
}

/**
 * A plugin for esbuild. `aliased`: names the firmware has modules of its own for; `plugins`: for the
 * files of the parts; `parts`: gets their sources by name.
 */
export function bundleLate({ aliased, plugins, parts }) {
  const evaluated = (name, text, links) => {
    parts.set(name, text);
    const table = links.map((link) => `${keyOf(link)}: () => require(${JSON.stringify(link)})`);
    return `module.exports = hvTraps.late(${JSON.stringify(name)})({${table.join(',')}});`;
  };
  return {
    name: 'bundle-late',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: LATE }, ({ path, resolveDir }) => ({
        path,
        namespace: 'part',
        pluginData: resolveDir,
      }));
      onLoad({ filter: LATE, namespace: 'part' }, async ({ path, pluginData: resolveDir }) => {
        const own = packageOf(path);
        if (SHARED[own] && path !== own) {
          const from = `require(${JSON.stringify(own)})[${JSON.stringify(path)}]`;
          return { contents: `module.exports = ${from}();`, resolveDir };
        }
        const { text, links } = await partOf(path, { resolveDir, own, aliased, plugins });
        return { contents: evaluated(path, text, links), resolveDir };
      });
      onResolve({ filter: OWN_NAME }, ({ path, resolveDir }) => {
        const file = resolvePath(resolveDir, path);
        return OWN.test(file) ? { path: file, namespace: 'own-part' } : undefined;
      });
      onLoad({ filter: OWN, namespace: 'own-part' }, async ({ path }) => {
        const directory = dirname(path);
        const given = { resolveDir: directory, own: undefined, directory, aliased, plugins };
        const { text, links } = await partOf(path, given);
        return { contents: evaluated(path.replace(root, ''), text, links), resolveDir: directory };
      });
    },
  };
}

/** The parts of a firmware with this first one: those that are named in it by their place, in the order of their names. */
export function numberParts(first, parts) {
  const names = [...parts.keys()].sort();
  const numbered = first.replace(CALL, (_, name) => {
    if (!parts.has(name)) throw new Error(`the firmware has no part ${name}`);
    return `hvTraps.late(${names.indexOf(name) + 1})`;
  });
  return [numbered, ...names.map((name) => parts.get(name))];
}
