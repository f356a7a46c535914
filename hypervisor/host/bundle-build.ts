/**
 * The builds behind an image. The only importer of esbuild, imported itself only when there is
 * something to build.
 *
 * Nothing a guest could handle at run time may fail here: a module that is not found, a native addon
 * or a file of an unknown kind becomes code that throws when it is reached, as in Node. Nothing of
 * the host but the sources goes into the image: the same files give the same bytes.
 */

import { readFileSync } from 'node:fs';
import { builtinModules, isBuiltin } from 'node:module';
import { dirname, resolve } from 'node:path';
import { type BuildOptions, build, type Plugin, transform } from 'esbuild';
import * as contexts from './bundle-async.ts';
import { type BuildMessage, isBuildFailure, syntaxFault } from './bundle-errors.ts';
import { computedFiles } from './bundle-files.ts';
import { finishCode, finishMap, headOf } from './bundle-finish.ts';
import { inject, PLACE_NAMES } from './bundle-inject.ts';
import { loadsComputed } from './bundle-modules.ts';
import { inputFiles, type Metafile, type Plan, pathOf } from './bundle-plan.ts';
import {
  addonLoader,
  brokenFile,
  complaintAbout,
  missingModule,
  nativeAddon,
  nodesReason,
  unknownKind,
} from './bundle-stand-ins.ts';
import { isEsm, lookedUp, resolvedBy } from './bundle-table.ts';
import type { GuestLoadError } from './guest-load-error.ts';
import { columnBefore } from './source-map-shift.ts';

/** One for each reason to build again; more means a reason is not being removed. */
const BUILDS_MAX = 12;
const ENTRY = 'hv-entry';
const BUILTIN = 'hv-builtin';
const GUEST_API = 'hv/guest';
const MISSING = 'hv-missing';
const EXTRAS = 'hv-extras';
const ADDON = 'hv-addon';
/** What packages load their addons with, by names that are known at run time only. */
const ADDON_LOADERS =
  /^(?:bindings|node-gyp-build|node-gyp-build-optional-packages|(?:@mapbox\/)?node-pre-gyp|pkg-prebuilds)$/;
const STRICT_DIRECTIVE = /^\s*(["'])use strict\1/m;
/** How esbuild writes `import('x')` of something that is not in the bundle. */
const DYNAMIC_IMPORT = /\.then\(\(\) => __toESM\((?:__)?require\("([^"]+)"\)/g;

function exactly(texts: Iterable<string>): RegExp {
  const escaped = [...texts].map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(`^(?:${escaped.join('|')})$`);
}

/** Filters name exact files and specifiers: a call into JavaScript per file would triple the time. */
function guestPlugin(plan: Plan): Plugin {
  return {
    name: 'hv-guest',
    setup(setup): void {
      setup.onLoad({ filter: /\.node$/ }, ({ path }) => ({
        contents: nativeAddon(path),
      }));
      addonLoaders(setup);
      if (plan.broken.size > 0) {
        setup.onLoad({ filter: exactly(plan.broken.keys()) }, ({ path }) => ({
          contents: brokenFile(plan.broken.get(path) ?? ''),
          loader: 'js',
        }));
      }
      if (plan.opaque.size > 0) {
        setup.onLoad({ filter: exactly(plan.opaque) }, ({ path }) => ({
          contents: unknownKind(path),
        }));
      }
      if (plan.injections.size > 0 || plan.wrapScript) {
        const files = new Set([
          ...plan.injections.keys(),
          ...(plan.wrapScript ? [plan.script] : []),
        ]);
        setup.onLoad({ filter: exactly(files) }, ({ path }) => ({
          contents: plan.injections.get(path)?.text ?? readFileSync(path, 'utf8'),
          loader: loaderOf(path),
        }));
      }
      if (plan.missing.size > 0) {
        setup.onResolve({ filter: exactly(plan.missing) }, ({ path, importer, kind }) => {
          const isImport = /^(?:import-statement|dynamic-import)$/.test(kind);
          const found = isImport ? undefined : resolvedBy(importer, path);
          if (found !== undefined) return { path: found };
          // As a call of `require` it is one at run time, too.
          if (!isImport && nodesReason(path, importer) === undefined)
            return { path, external: true };
          const pluginData = { specifier: path, importer };
          return { path: path || ' ', namespace: MISSING, suffix: `?${importer}`, pluginData };
        });
        setup.onLoad({ filter: /^/, namespace: MISSING }, ({ pluginData }) => {
          const { specifier, importer } = pluginData as { specifier: string; importer: string };
          return { contents: missingModule(specifier, importer) };
        });
      }
      if (plan.extras.size > 0) extras(setup, plan.extras);
      builtinsAsModules(setup, plan.topLevelAwait ? builtinModules : []);
    },
  };
}

/**
 * Modules of the guest that the image asks for when it runs. `hv/guest` always: it is the firmware's,
 * also where a package of that name is installed. Node's: in the form with top-level await, where an
 * external import would stay an `import` statement.
 */
function builtinsAsModules(
  setup: Parameters<Plugin['setup']>[0],
  nodeModules: readonly string[],
): void {
  const names = exactly([GUEST_API, ...nodeModules]).source;
  const filter = new RegExp(nodeModules.length > 0 ? `^node:|${names}` : names);
  setup.onResolve({ filter }, ({ path }) => ({ path, namespace: BUILTIN }));
  setup.onLoad({ filter: /^/, namespace: BUILTIN }, ({ path }) => ({
    // Not a call of the name `require` alone: that one the bundler would resolve again.
    contents: `module.exports = (0, require)(${JSON.stringify(path)});`,
  }));
}

/** A package that looks for its addon says at once that there can be none. */
function addonLoaders(setup: Parameters<Plugin['setup']>[0]): void {
  setup.onResolve({ filter: ADDON_LOADERS }, ({ path, importer }) => ({
    path,
    namespace: ADDON,
    suffix: `?${importer}`,
    pluginData: importer,
  }));
  setup.onLoad({ filter: /^/, namespace: ADDON }, ({ pluginData }) => ({
    contents: addonLoader(String(pluginData)),
  }));
}

/** Tells the firmware of files that only names at run time lead to. */
function extras(setup: Parameters<Plugin['setup']>[0], files: Plan['extras']): void {
  setup.onResolve({ filter: exactly([EXTRAS]) }, ({ path }) => ({ path, namespace: EXTRAS }));
  setup.onLoad({ filter: /^/, namespace: EXTRAS }, () => {
    const entries = [...files].sort().map(([path, isModule]) => {
      const quoted = JSON.stringify(path);
      return `${quoted}: () => ${isModule ? 'import' : 'require'}(${quoted})`;
    });
    const contents = `(0, require)("hv/internal/modules").all.extra({${entries.join(',\n')}});`;
    return { contents, resolveDir: '/' };
  });
}

function loaderOf(path: string): 'js' | 'jsx' | 'ts' | 'tsx' {
  if (/\.tsx$/.test(path)) return 'tsx';
  if (/\.jsx$/.test(path)) return 'jsx';
  return /\.[cm]?ts$/.test(path) ? 'ts' : 'js';
}

function entryOf(plan: Plan): Pick<BuildOptions, 'entryPoints' | 'stdin'> {
  const quoted = JSON.stringify(plan.script);
  const stdin = (contents: string): Pick<BuildOptions, 'stdin'> => ({
    stdin: { contents, resolveDir: dirname(plan.script), sourcefile: ENTRY, loader: 'js' },
  });
  const before = [...(plan.extras.size > 0 ? [EXTRAS] : []), ...plan.preloads].map((name) =>
    JSON.stringify(name),
  );
  // An import drops the script's exports, which have no place inside a function.
  if (plan.topLevelAwait)
    return stdin([...before, quoted].map((name) => `import ${name};`).join('\n'));
  if (plan.wrapScript) {
    const first = before.map((name) => `require(${name});\n`).join('');
    return stdin(`${first}module.exports = require(${quoted});`);
  }
  return { entryPoints: [plan.script] };
}

function optionsOf(plan: Plan): BuildOptions {
  return {
    ...entryOf(plan),
    absWorkingDir: dirname(plan.script),
    outfile: 'image.js',
    write: false,
    bundle: true,
    metafile: true,
    platform: 'node',
    format: plan.topLevelAwait ? 'esm' : 'cjs',
    target: 'es2023',
    // The bundler knows most names of Node's, but not every one below another.
    external: builtinModules.filter((name) => name.includes('/')),
    conditions: ['node-addons', 'module-sync'],
    // Node knows no other kinds of text than these.
    loader: { '.txt': 'js', '.css': 'js' },
    mainFields: ['main'],
    keepNames: plan.keepNames,
    define: PLACE_NAMES,
    sourcemap: 'external',
    sourcesContent: true,
    legalComments: 'none',
    charset: 'utf8',
    treeShaking: true,
    ...contexts.surroundings(plan, headOf(plan)),
    logLevel: 'silent',
    plugins: [guestPlugin(plan)],
  };
}

/** Learns from a failed build. False when there is nothing to do about an error. */
function learnFromErrors(plan: Plan, errors: readonly BuildMessage[]): boolean {
  let learned = false;
  // Texts change when every place in them is known.
  const unknown = new Set<string>();
  for (const { text, location } of errors) {
    // The bundler quotes as JSON does: a name may hold a backslash.
    const unresolved = /^Could not resolve "(.*)"/.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1');
    const isPattern = /^Could not resolve (?:require|import)\(/.test(text);
    const noLoader = /^No loader is configured for ".*" files: (.*)$/.exec(text)?.[1];
    const file = location === null ? undefined : pathOf(plan, location.file);
    if (unresolved !== undefined) {
      if (plan.missing.has(unresolved)) continue;
      plan.missing.add(unresolved);
      learned = true;
    } else if (isPattern && file !== undefined && location !== null) {
      if (noteUnknown(plan, file, location)) unknown.add(file);
    } else if (noLoader !== undefined) {
      plan.opaque.add(resolve(dirname(plan.script), noLoader));
      learned = true;
    } else if (/[Tt]op-level await/.test(text)) {
      learned = !plan.topLevelAwait || learned;
      plan.topLevelAwait = true;
    } else if (file !== undefined && file !== plan.script && !plan.broken.has(file)) {
      plan.broken.set(file, complaintAbout(file, text));
      plan.faults.set(file, { text, location });
      learned = true;
    }
  }
  for (const file of unknown) learned = planInjection(plan, file) || learned;
  return learned;
}

/** `require('./x/' + name)` of a directory that is not there: it is for the run to say so. */
function noteUnknown(
  plan: Plan,
  file: string,
  { line, column, lineText }: NonNullable<BuildMessage['location']>,
): boolean {
  // The bundler counts lines from 1, and columns in bytes of the text as it was given.
  const units = Buffer.from(lineText).subarray(0, column).toString().length;
  const insertions = plan.injections.get(file)?.insertions ?? [];
  const place = { line: line - 1, column: columnBefore(insertions, line - 1, units) };
  const known = plan.unknown.get(file) ?? [];
  if (known.some((one) => one.line === place.line && one.column === place.column)) return false;
  plan.unknown.set(file, [...known, place]);
  return true;
}

/** The fault of a file of the user's own that the script is sure to reach: better now than later. */
function faultIn(plan: Plan, metafile: Metafile): GuestLoadError | undefined {
  for (const [importer, { imports }] of Object.entries(metafile.inputs)) {
    if (pathOf(plan, importer) === undefined || importer.includes('node_modules/')) continue;
    for (const { path, original } of imports) {
      const file = original === undefined ? undefined : pathOf(plan, path);
      const fault = file === undefined ? undefined : plan.faults.get(file);
      if (file === undefined || fault === undefined) continue;
      if (!/\/node_modules\/|\.json$/.test(file)) return syntaxFault(fault, file);
    }
  }
  return undefined;
}

/** Looks for what the finished code still lacks. False when it is good. */
function learnFromOutput(plan: Plan, code: string, metafile: Metafile): boolean {
  const files = inputFiles(plan, metafile);
  let learned = false;
  if (!plan.plain && loadsComputed(code)) {
    for (const path of [...lookedUp(files), ...computedFiles(files)]) {
      if (plan.extras.has(path) || path === plan.script) continue;
      plan.extras.set(path, isEsm(path));
      plan.wrapScript = true;
      learned = true;
    }
  }
  if (/__hv_(?:filename|dirname|meta)|createRequire/.test(code)) {
    for (const { path } of files) {
      if (plan.scanned.has(path) || /\.(?:json|node)$/.test(path)) continue;
      if (plan.opaque.has(path) || plan.broken.has(path)) continue;
      plan.scanned.add(path);
      learned = planInjection(plan, path) || learned;
    }
  }
  // An import that may fail is left in place; as a `require` it would fail in other words.
  for (const [, name = ''] of code.matchAll(DYNAMIC_IMPORT)) {
    if (isBuiltin(name) || name === GUEST_API || plan.missing.has(name)) continue;
    plan.missing.add(name);
    learned = true;
  }
  // Bundling renames a class whose name is taken in the common scope; packages read `Class.name`.
  if (
    !plan.keepNames &&
    /\bclass _\w+ |= class \w+\d+ |^class \w+\d+ |^var \w+\d+ = class /m.test(code)
  ) {
    plan.keepNames = true;
    learned = true;
  }
  if (!plan.lowerAsync && contexts.needsContexts(code)) {
    plan.lowerAsync = true;
    learned = true;
  }
  return learnStrictness(plan, code, files) || learned;
}

/**
 * One directive governs the whole common scope. Modules are strict; a script is as it says; and a
 * CommonJS file without the directive may need sloppy mode, so it must never inherit strictness.
 */
function learnStrictness(
  plan: Plan,
  code: string,
  files: readonly { path: string; format: string | undefined }[],
): boolean {
  const sloppy = files.filter(
    ({ path, format }) =>
      path !== plan.script &&
      format !== 'esm' &&
      !path.endsWith('.json') &&
      !STRICT_DIRECTIVE.test(readText(path)),
  );
  plan.isModule = files.find(({ path }) => path === plan.script)?.format === 'esm';
  plan.strict = plan.isModule && !sloppy.some(({ format }) => format === 'cjs');
  const inherits = code.split('\n', 3).includes('"use strict";');
  if (plan.isModule || !inherits || sloppy.length === 0 || plan.wrapScript) return false;
  plan.wrapScript = true;
  return true;
}

function planInjection(plan: Plan, path: string): boolean {
  const injection = inject(path, readFileSync(path, 'utf8'), plan.unknown.get(path));
  if (injection !== undefined) plan.injections.set(path, injection);
  return injection !== undefined;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not a file of the disk (a plugin made it up): it says nothing about strictness.
    return '"use strict"';
  }
}

/** The fault to show for errors no further build can remove: the first with a place. */
function faultOf(plan: Plan, errors: readonly BuildMessage[]): GuestLoadError {
  const message = errors.find(({ location }) => location !== null) ?? errors[0];
  const file = resolve(dirname(plan.script), message?.location?.file ?? plan.script);
  return syntaxFault(message ?? { text: 'the bundler gave no reason', location: null }, file);
}

/** What the builds of a plan lead to. */
export interface Built {
  readonly code: string;
  readonly map: string;
  readonly metafile: Metafile;
}

/** Builds until nothing is left to learn. Throws GuestLoadError for a file that does not parse. */
export async function buildPlan(plan: Plan): Promise<Built> {
  let problems: readonly BuildMessage[] = [];
  for (let round = 0; round < BUILDS_MAX; round++) {
    try {
      const { outputFiles = [], metafile } = await build({ ...optionsOf(plan), metafile: true });
      let code = outputFiles.find(({ path }) => path.endsWith('.js'))?.text ?? '';
      let map = outputFiles.find(({ path }) => path.endsWith('.map'))?.text ?? '';
      const fault = faultIn(plan, metafile);
      if (fault !== undefined) throw fault;
      if (learnFromOutput(plan, code, metafile)) continue;
      if (contexts.isLoweredWhole(plan))
        ({ code, map } = await contexts.lowerWhole({ code, map }, headOf(plan), (text, options) =>
          transform(text, options),
        ));
      return {
        code: finishCode(plan, code, metafile),
        map: finishMap(plan, map, metafile),
        metafile,
      };
    } catch (error) {
      if (!isBuildFailure(error)) throw error;
      problems = error.errors;
      if (!learnFromErrors(plan, problems)) break;
    }
  }
  throw faultOf(plan, problems);
}
