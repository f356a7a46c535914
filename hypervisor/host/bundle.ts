/**
 * Makes one image of a guest's script and everything it imports. The only importer of esbuild.
 *
 * Nothing a guest could handle at run time may fail here: a module that is not found, a native addon
 * or a file of an unknown kind becomes code that throws when it is reached, as in Node. Nothing of
 * the host but the sources goes into the image: the same files give the same bytes.
 */

import { readFileSync } from 'node:fs';
import { builtinModules, createRequire, isBuiltin } from 'node:module';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BuildOptions, build, type Metafile, type Plugin, transform } from 'esbuild';
import * as contexts from './bundle-async.ts';
import { type BuildMessage, isBuildFailure, missingScript, syntaxFault } from './bundle-errors.ts';
import { withFiles } from './bundle-files.ts';
import { type Injection, inject, PLACE_NAMES } from './bundle-inject.ts';
import { missingModule, nativeAddon, unknownKind } from './bundle-stand-ins.ts';
import type { GuestLoadError } from './guest-load-error.ts';
import { type SourceMapJson, shiftMappings } from './source-map-shift.ts';

/** A bundled guest. */
export interface GuestImage {
  /**
   * JavaScript whose completion value is a function of (require, module, exports, __filename,
   * __dirname); asynchronous when a file of the graph has a top-level await.
   */
  readonly code: Uint8Array;
  /** Source map version 3 with absolute source paths and the sources' text. */
  readonly sourceMap: Uint8Array;
  /** Absolute path of the script. */
  readonly script: string;
  /** Source files in the image. */
  readonly files: number;
}

/** What is known about this guest so far; each build may add to it, and then there is another. */
interface Plan {
  readonly script: string;
  readonly injections: Map<string, Injection>;
  /** Specifiers nothing was found for. */
  readonly missing: Set<string>;
  /** Absolute paths of files that are no source text. */
  readonly opaque: Set<string>;
  /** Files already looked at for names that need an injection. */
  readonly scanned: Set<string>;
  topLevelAwait: boolean;
  /** The script is an ES module. */
  isModule: boolean;
  strict: boolean;
  /** The script in a function of its own, because its strictness must not reach its imports. */
  wrapScript: boolean;
  keepNames: boolean;
  /** Awaits carry the context of `async_hooks`. */
  lowerAsync: boolean;
}

/** One for each reason to build again; more means a reason is not being removed. */
const BUILDS_MAX = 12;
const ENTRY = 'hv-entry';
const BUILTIN = 'hv-builtin';
const GUEST_API = 'hv/guest';
const MISSING = 'hv-missing';
/** In a function of its own the script gets a `module` of the bundler; it must be the main one. */
const BECOME_MAIN = ';require.main=Object.assign(module,require.main,{exports});';
const STRICT_DIRECTIVE = /^\s*(["'])use strict\1/m;
/** How esbuild writes `import('x')` of something that is not in the bundle. */
const DYNAMIC_IMPORT = /\.then\(\(\) => __toESM\((?:__)?require\("([^"]+)"\)/g;
const PARAMETERS = '(require, module, exports, __filename, __dirname)';

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
        setup.onResolve({ filter: exactly(plan.missing) }, ({ path, importer, kind }) => ({
          path,
          namespace: MISSING,
          suffix: `?${importer}`,
          pluginData: {
            importer,
            isImport: kind === 'import-statement' || kind === 'dynamic-import',
          },
        }));
        setup.onLoad({ filter: /^/, namespace: MISSING }, ({ path, pluginData }) => {
          const { importer, isImport } = pluginData as { importer: string; isImport: boolean };
          return { contents: missingModule(path, importer, isImport) };
        });
      }
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
  // An import drops the script's exports, which have no place inside a function.
  if (plan.topLevelAwait) return stdin(`import ${quoted};`);
  if (plan.wrapScript) return stdin(`module.exports = require(${quoted});`);
  return { entryPoints: [plan.script] };
}

/** The image's first line. Its function's name tells errors.ts how V8 would show the frame. */
function headOf(plan: Plan): string {
  const kind = plan.topLevelAwait ? 'async function hvModule' : 'function hvMain';
  return `(${kind}${PARAMETERS} {`;
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
    conditions: ['node-addons'],
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
  for (const { text } of errors) {
    const unresolved = /^Could not resolve "(.*)"/.exec(text)?.[1];
    const noLoader = /^No loader is configured for ".*" files: (.*)$/.exec(text)?.[1];
    if (unresolved !== undefined && !plan.missing.has(unresolved)) {
      plan.missing.add(unresolved);
      learned = true;
    } else if (noLoader !== undefined) {
      plan.opaque.add(resolve(dirname(plan.script), noLoader));
      learned = true;
    } else if (/[Tt]op-level await/.test(text) && !plan.topLevelAwait) {
      plan.topLevelAwait = true;
      learned = true;
    }
  }
  return learned;
}

function inputFiles(
  plan: Plan,
  metafile: Metafile,
): { path: string; format: string | undefined }[] {
  return Object.entries(metafile.inputs)
    .filter(([name]) => !/^(?:hv-|<)/.test(name))
    .map(([name, input]) => ({ path: resolve(dirname(plan.script), name), format: input.format }));
}

/** Looks for what the finished code still lacks. False when it is good. */
function learnFromOutput(plan: Plan, code: string, metafile: Metafile): boolean {
  const files = inputFiles(plan, metafile);
  let learned = false;
  if (/__hv_(?:filename|dirname|meta)|createRequire/.test(code)) {
    for (const { path } of files) {
      if (plan.scanned.has(path) || /\.(?:json|node)$/.test(path) || plan.opaque.has(path))
        continue;
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
  const sloppy = files.some(
    ({ path, format }) =>
      path !== plan.script && format === 'cjs' && !STRICT_DIRECTIVE.test(readText(path)),
  );
  plan.isModule = files.find(({ path }) => path === plan.script)?.format === 'esm';
  plan.strict = plan.isModule && !sloppy;
  const inherits = code.split('\n', 3).includes('"use strict";');
  if (plan.isModule || !inherits || !sloppy || plan.wrapScript) return false;
  plan.wrapScript = true;
  planInjection(plan, plan.script);
  return true;
}

function planInjection(plan: Plan, path: string): boolean {
  const first = plan.wrapScript && path === plan.script ? BECOME_MAIN : '';
  const injection = inject(path, readFileSync(path, 'utf8'), first);
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

/**
 * The source map with every file as Node shows it (a path for CommonJS, a URL for a module), its own
 * text and its own columns.
 */
function finishMap(plan: Plan, text: string, metafile: Metafile): string {
  const map = JSON.parse(text) as SourceMapJson;
  const modules = new Set(
    inputFiles(plan, metafile).flatMap(({ path, format }) => (format === 'esm' ? [path] : [])),
  );
  const paths = map.sources.map((source) =>
    source.startsWith('hv-') ? source : resolve(dirname(plan.script), source),
  );
  const found = paths.map((path) => plan.injections.get(path));
  const insertions = new Map(
    [...found.entries()].flatMap(([index, injection]) =>
      injection ? [[index, injection] as const] : [],
    ),
  );
  return JSON.stringify({
    ...map,
    sources: paths.map((path) => (modules.has(path) ? pathToFileURL(path).href : path)),
    sourcesContent: map.sourcesContent?.map((content, index) => found[index]?.original ?? content),
    mappings: insertions.size === 0 ? map.mappings : shiftMappings(map.mappings, insertions),
  });
}

function finishCode(plan: Plan, text: string): string {
  // The engine evaluates an expression: a hashbang becomes a comment and keeps its line.
  const lowered = plan.lowerAsync ? contexts.withContexts(text) : text;
  const code = lowered.startsWith('#!') ? `//${lowered}` : lowered;
  if (!plan.isModule) return code;
  const head = headOf(plan);
  const directive = plan.strict ? '"use strict";' : '';
  return code.replace(head, `${head.replace('hvMain', 'hvModule')}${directive}`);
}

function findScript(scriptPath: string, cwd: string): string {
  const path = resolve(cwd, scriptPath);
  try {
    // Node's own resolution of a main script: extensions, directories with a package.json.
    return createRequire(resolve(cwd, 'hv.js')).resolve(path);
  } catch {
    // Node says "not found" in several ways; for the user there is one.
    throw missingScript(path);
  }
}

function newPlan(script: string): Plan {
  return {
    script,
    injections: new Map(),
    missing: new Set(),
    opaque: new Set(),
    scanned: new Set(),
    topLevelAwait: false,
    isModule: false,
    strict: false,
    wrapScript: false,
    keepNames: false,
    lowerAsync: false,
  };
}

/** The fault to show for errors no further build can remove: the first with a place. */
function faultOf(plan: Plan, errors: readonly BuildMessage[]): GuestLoadError {
  const message = errors.find(({ location }) => location !== null) ?? errors[0];
  const file = resolve(dirname(plan.script), message?.location?.file ?? plan.script);
  return syntaxFault(message ?? { text: 'the bundler gave no reason', location: null }, file);
}

/**
 * Bundles the script at `scriptPath` (relative to `cwd`) with everything it imports. Throws
 * GuestLoadError when the script is missing or a file of it does not parse.
 */
export async function bundleGuest(
  scriptPath: string,
  options: { readonly cwd: string },
): Promise<GuestImage> {
  const plan = newPlan(findScript(scriptPath, options.cwd));
  let problems: readonly BuildMessage[] = [];
  for (let round = 0; round < BUILDS_MAX; round++) {
    try {
      const { outputFiles = [], metafile } = await build({ ...optionsOf(plan), metafile: true });
      let code = outputFiles.find(({ path }) => path.endsWith('.js'))?.text ?? '';
      let map = outputFiles.find(({ path }) => path.endsWith('.map'))?.text ?? '';
      if (learnFromOutput(plan, code, metafile)) continue;
      if (contexts.isLoweredWhole(plan))
        ({ code, map } = await contexts.lowerWhole({ code, map }, headOf(plan), (text, options) =>
          transform(text, options),
        ));
      const encoder = new TextEncoder();
      const sources = inputFiles(plan, metafile).map(({ path }) => path);
      return {
        code: encoder.encode(withFiles(finishCode(plan, code), sources)),
        sourceMap: encoder.encode(finishMap(plan, map, metafile)),
        script: plan.script,
        files: sources.length,
      };
    } catch (error) {
      if (!isBuildFailure(error)) throw error;
      problems = error.errors;
      if (!learnFromErrors(plan, problems)) break;
    }
  }
  throw faultOf(plan, problems);
}
