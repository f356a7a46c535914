/**
 * What names stand for at run time: `require.resolve('x')`, `createRequire(…)('x')`, a name out of a
 * variable. Node itself is asked, when the image is made.
 */

import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { withPlainRequire } from './bundle-inject.ts';
import { type InputFile, inputFiles, type Metafile, type Plan, pathOf } from './bundle-plan.ts';

/** guest-sdk/late/image-modules.ts reads it. */
export interface ImageTable {
  readonly resolved: Record<string, Record<string, string>>;
  readonly packages: Record<string, string>;
  readonly imported: Record<string, string>;
}

const SOURCE = /\.(?:[cm]?[jt]sx?|json)$/;
const MAKES_REQUIRE = /\b(?:const|let|var)\s+([\w$]+)\s*=\s*(?:[\w$]+\s*\.\s*)?createRequire\(/g;
const ASKS =
  /\brequire\s*\.\s*resolve\b|\bcreateRequire\s*\(|\bmodule\s*\.\s*require\b|\b_load\b|\bimport\s*\.\s*meta\s*\.\s*resolve\b/;

/** Names a source looks up beside its calls of `require` that the bundler sees. */
export function lookUps(source: string): string[] {
  const text = withPlainRequire(source);
  if (!ASKS.test(text)) return [];
  const callees = [
    'require',
    'module\\s*\\.\\s*require',
    'createRequire\\([^()]*\\)',
    'import\\s*\\.\\s*meta',
  ];
  for (const [, name = ''] of text.matchAll(MAKES_REQUIRE))
    callees.push(name.replaceAll('$', '\\$'));
  const call = new RegExp(
    String.raw`(?<![.\w$])(?:${callees.join('|')})(?:\s*\.\s*resolve)?\(\s*(["'])([^"'\n]+)\1`,
    'g',
  );
  return [...text.matchAll(call)].map(([, , name = '']) => name);
}

/** The file Node gives to `require(name)` in the file `from`. */
export function resolvedBy(from: string, name: string): string | undefined {
  const switches = process as { noDeprecation?: boolean };
  const { noDeprecation = false } = switches;
  // What it has to say about a package.json is about the guest's, and not to us.
  switches.noDeprecation = true;
  try {
    const path = createRequire(from).resolve(name);
    return isBuiltin(path) ? undefined : path;
  } catch {
    // Nothing is found at run time either, and the guest's own error says so.
    return undefined;
  } finally {
    switches.noDeprecation = noDeprecation;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function manifestOf(
  directory: string,
): { name?: unknown; main?: unknown; type?: unknown } | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as object;
  } catch {
    // None, or none that Node could read.
    return undefined;
  }
}

/** The nearest directory with a package.json, from a file upwards. */
export function packageOf(path: string): string | undefined {
  for (let at = dirname(path); ; at = dirname(at)) {
    if (manifestOf(at) !== undefined) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** Template engines, which express loads by the name the program gives. */
function engines(source: string): string[] {
  const set = /["']view engine["']\s*,\s*(["'])([\w@/.-]+)\1/g;
  return [...source.matchAll(set)].map(([, , name = '']) => name);
}

/** Files that are looked up and not in the image: they become modules of it. */
export function lookedUp(files: readonly InputFile[]): string[] {
  const found = new Set<string>();
  for (const { path } of files) {
    if (!/\.[cm]?[jt]sx?$/.test(path)) continue;
    const source = textOf(path);
    for (const name of [...lookUps(source), ...engines(source)]) {
      const file = resolvedBy(path, name);
      if (file !== undefined && SOURCE.test(file)) found.add(file);
    }
  }
  return [...found].sort();
}

/** True when Node loads the file as an ES module. */
export function isEsm(path: string): boolean {
  if (/\.m[jt]s$/.test(path)) return true;
  if (/\.(?:c[jt]s|json)$/.test(path)) return false;
  const at = packageOf(path);
  if (at !== undefined && manifestOf(at)?.type === 'module') return true;
  return /^\s*(?:import\s*[\w{*"']|export\s+(?:default|const|let|var|class|function|async|\{|\*))/m.test(
    textOf(path),
  );
}

export function tableOf(plan: Plan, metafile: Metafile): ImageTable {
  const table: ImageTable = { resolved: {}, packages: {}, imported: {} };
  const directories = new Set<string>();
  for (const [name, { imports }] of Object.entries(metafile.inputs)) {
    const path = pathOf(plan, name);
    if (path === undefined) continue;
    const own: Record<string, string> = {};
    for (const asked of [...lookUps(textOf(path)), ...engines(textOf(path))]) {
      const file = resolvedBy(path, asked);
      if (file !== undefined) own[asked] = file;
    }
    for (const { original, path: to, kind, external } of imports) {
      const file = external === true || original === undefined ? undefined : pathOf(plan, to);
      if (file === undefined || original === undefined) continue;
      if (/^(?:import-statement|dynamic-import)$/.test(kind) && !/^[./]/.test(original))
        table.imported[original] = file;
    }
    if (Object.keys(own).length > 0) table.resolved[path] = own;
  }
  for (const { path } of inputFiles(plan, metafile)) {
    const at = packageOf(path);
    if (at !== undefined) directories.add(at);
  }
  for (const directory of [...directories].sort()) {
    const main = exportedMain(directory) ?? resolvedBy(join(directory, 'hv.js'), directory);
    if (main !== undefined && extname(main) !== '') table.packages[directory] = main;
  }
  return table;
}

/** What a package gives to `require` of its own name. */
function exportedMain(directory: string): string | undefined {
  const name = manifestOf(directory)?.name;
  return typeof name === 'string' ? resolvedBy(join(directory, 'hv.js'), name) : undefined;
}
