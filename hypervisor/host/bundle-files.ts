/**
 * Files beside the sources that a guest opens: those whose names the sources spell out, the source
 * that reads itself, and what the user names. They go into the image, for a guest sees no disk of the
 * host. A directory brings what is in it, but for hidden files and `node_modules`. A name put
 * together at run time is not seen.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  EMBEDDED_FILE_BYTES_MAX,
  EMBEDDED_FILES_BYTES_MAX,
  EMBEDDED_FILES_MAX,
} from '../base/loading-limits.ts';
import { packageName } from './bundle-hints.ts';
import type { InputFile } from './bundle-plan.ts';

/** Path, content, and whether that is base64 instead of text. */
export type EmbeddedFile = readonly [path: string, content: string, isBase64: 0 | 1];

const USES_FILES = /["'](?:node:)?fs(?:\/promises)?["']/;
const SOURCE = /\.[cm]?[jt]sx?$/;
const MODULE = /\.(?:[cm]?[jt]sx?|json)$/;
const HERE = String.raw`(?:__dirname|import\.meta\.dirname)`;
const CWD = String.raw`process\.cwd\(\)`;
const LITERAL = String.raw`(?:'[^'\\\n]*'|"[^"\\\n]*"|\x60[^\x60\\$\n]*\x60)`;
/** `join(__dirname, 'a', 'b')` and `resolve(...)`; the same of the working directory. */
const JOINED = new RegExp(
  String.raw`\b(?:join|resolve)\(\s*(${HERE}|${CWD})((?:\s*,\s*${LITERAL})+)\s*,?\s*\)`,
  'g',
);
/** `__dirname + '/a'`. */
const ADDED = new RegExp(String.raw`\b${HERE}\s*\+\s*(${LITERAL})`, 'g');
/** A template that begins with the directory. */
const TEMPLATE = new RegExp(String.raw`\x60\$\{\s*${HERE}\s*\}(/[^\x60\\$\n]*)\x60`, 'g');
/** `new URL('./a', import.meta.url)`. */
const ADDRESSED = new RegExp(
  String.raw`\bnew URL\(\s*(${LITERAL})\s*,\s*import\.meta\.url\s*,?\s*\)`,
  'g',
);
/** The directory itself, listed or served. */
const LISTED = new RegExp(
  String.raw`\b(?:readdir|readdirSync|opendir|opendirSync|static)\(\s*${HERE}\s*[,)]`,
);
/** A name from the working directory, in calls and options that take one. */
const FROM_CWD = new RegExp(
  String.raw`\b(?:(?:readFile|readdir|opendir|stat|access|exists|open|readJson)(?:Sync)?|createReadStream|static|serveStatic|sendFile|resolve)\(\s*(${LITERAL})|\b(?:root|views|directory)['"]?\s*[:,]\s*(${LITERAL})`,
  'g',
);
const ITSELF = /\b__filename\b|\bimport\.meta\.(?:filename|url)\b/;
/** Packages that read a file of the working directory by themselves. */
const READERS: Readonly<Record<string, string>> = { dotenv: '.env', config: 'config' };
const LISTS = /\b(?:readdir|opendir|glob|autoload)/i;

const unquoted = (literal: string): string => literal.slice(1, -1);

function isAbove(path: string, directory: string): boolean {
  return path !== directory && `${directory}/`.startsWith(path.endsWith('/') ? path : `${path}/`);
}

/** Absolute paths that the source at `path` names; with `cwd`, also from there. */
export function namedFiles(path: string, source: string, cwd?: string): string[] {
  const here = dirname(path);
  const names = ITSELF.test(source) ? [path] : [];
  if (LISTED.test(source)) names.push(here);
  for (const [, base = '', list = ''] of source.matchAll(JOINED)) {
    const from = base.startsWith('process') ? cwd : here;
    if (from === undefined) continue;
    const parts = [...list.matchAll(new RegExp(LITERAL, 'g'))].map(([literal]) =>
      unquoted(literal),
    );
    const at = resolve(from, ...parts.map((part) => `./${part}`));
    // A directory above is where a program reckons from: its tests and its packages are in there, too.
    if (!isAbove(at, from)) names.push(at);
  }
  for (const [, literal = ''] of source.matchAll(ADDED))
    names.push(resolve(here + unquoted(literal)));
  for (const [, rest = ''] of source.matchAll(TEMPLATE)) names.push(resolve(here + rest));
  for (const [, literal = ''] of source.matchAll(ADDRESSED)) {
    const url = new URL(unquoted(literal), pathToFileURL(path));
    if (url.protocol === 'file:') names.push(fileURLToPath(url));
  }
  if (cwd === undefined) return names;
  for (const [, given, option] of source.matchAll(FROM_CWD)) {
    const name = unquoted(given ?? option ?? '');
    const at = resolve(cwd, name);
    // Nothing from elsewhere, and never the whole directory.
    if (name !== '' && at.startsWith(join(cwd, '/')) && at !== cwd) names.push(at);
  }
  return names;
}

/** Every file below `path`, or itself; a directory's hidden files and node_modules are left out. */
export function filesBelow(path: string): string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  if (!stats.isDirectory()) return stats.isFile() ? [path] : [];
  return readdirSync(path)
    .sort()
    .filter((name) => !name.startsWith('.') && name !== 'node_modules')
    .flatMap((name) => filesBelow(join(path, name)));
}

function filesAt(path: string): string[] {
  try {
    return filesBelow(path);
  } catch {
    // Not to be read, or gone meanwhile: the guest finds out, as in Node.
    return [];
  }
}

/** Modules that a file of the user's own finds by listing a directory. */
export function computedFiles(files: readonly InputFile[]): string[] {
  const found: string[] = [];
  for (const { path } of files) {
    if (!SOURCE.test(path) || packageName(path) !== undefined) continue;
    const source = readFileSync(path, 'utf8');
    if (!LISTS.test(source)) continue;
    for (const name of namedFiles(path, source)) {
      if (name !== path) found.push(...filesAt(name).filter((file) => MODULE.test(file)));
    }
  }
  return found.slice(0, EMBEDDED_FILES_MAX);
}

/** The file as it goes into the image; undefined when there is none, or it is too large. */
function embed(path: string): EmbeddedFile | undefined {
  try {
    const { size } = statSync(path);
    if (size > EMBEDDED_FILE_BYTES_MAX) return undefined;
    const bytes = readFileSync(path);
    const text = bytes.toString();
    return Buffer.from(text).equals(bytes) ? [path, text, 0] : [path, bytes.toString('base64'), 1];
  } catch {
    // It may be made at run time: the guest finds out, as in Node.
    return undefined;
  }
}

/** Files for an image, and how many did not fit. */
export interface Embedded {
  readonly files: readonly EmbeddedFile[];
  readonly left: readonly string[];
}

/** What goes into an image of `sources` whose code is `code`, and the files at `included`. */
export function embeddedFiles(
  code: string,
  sources: readonly string[],
  options: { readonly cwd: string; readonly included: readonly string[] },
): Embedded {
  const { cwd, included } = options;
  const names = new Set<string>(included);
  if (USES_FILES.test(code)) {
    for (const source of sources) {
      const owner = packageName(source);
      const reads = owner === undefined ? undefined : READERS[owner];
      if (reads !== undefined) names.add(resolve(cwd, reads));
      if (!SOURCE.test(source)) continue;
      const from = owner === undefined ? cwd : undefined;
      for (const name of namedFiles(source, readFileSync(source, 'utf8'), from)) names.add(name);
    }
  }
  const paths = [...new Set([...names].flatMap(filesAt))].sort();
  const files: EmbeddedFile[] = [];
  const left: string[] = [];
  let bytes = 0;
  for (const path of paths) {
    const file = files.length < EMBEDDED_FILES_MAX ? embed(path) : undefined;
    if (file === undefined || bytes + file[1].length > EMBEDDED_FILES_BYTES_MAX) left.push(path);
    else {
      files.push(file);
      bytes += file[1].length;
    }
  }
  return { files, left };
}

/** The code of an image, whose function carries the files as a property, if there are any. */
export function withFiles(code: string, files: readonly EmbeddedFile[]): string {
  if (files.length === 0) return code;
  // On the first line after a hashbang's: all others keep their numbers.
  const wrapped = code.replace(/^((?:\/\/[^\n]*\n)?)\(/, '$1Object.assign((');
  return `${wrapped.trimEnd()},{files:${JSON.stringify(files)}})`;
}
