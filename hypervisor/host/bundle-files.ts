/**
 * Files beside the sources that a guest opens: those whose names the sources spell out, relative to
 * themselves, and the source that reads itself. They go into the image, for a guest sees no disk of
 * the host. A name put together at run time is not seen, nor are directories.
 */

import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { EMBEDDED_FILE_BYTES_MAX } from '../base/limits.ts';

/** Path, content, and whether that is base64 instead of text. */
export type EmbeddedFile = readonly [path: string, content: string, isBase64: 0 | 1];

const USES_FILES = /["'](?:node:)?fs(?:\/promises)?["']/;
const HERE = String.raw`(?:__dirname|import\.meta\.dirname)`;
const LITERAL = String.raw`(?:'[^'\\\n]*'|"[^"\\\n]*"|\x60[^\x60\\$\n]*\x60)`;
/** `join(__dirname, 'a', 'b')` and `resolve(...)`. */
const JOINED = new RegExp(
  String.raw`\b(?:join|resolve)\(\s*${HERE}((?:\s*,\s*${LITERAL})+)\s*,?\s*\)`,
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
const ITSELF = /\b__filename\b|\bimport\.meta\.(?:filename|url)\b/;

const unquoted = (literal: string): string => literal.slice(1, -1);

/** Absolute paths that the source at `path` names. */
export function namedFiles(path: string, source: string): string[] {
  const here = dirname(path);
  const names = ITSELF.test(source) ? [path] : [];
  for (const [, list = ''] of source.matchAll(JOINED)) {
    const parts = [...list.matchAll(new RegExp(LITERAL, 'g'))].map(([literal]) =>
      unquoted(literal),
    );
    names.push(resolve(here, ...parts.map((part) => `./${part}`)));
  }
  for (const [, literal = ''] of source.matchAll(ADDED))
    names.push(resolve(here + unquoted(literal)));
  for (const [, rest = ''] of source.matchAll(TEMPLATE)) names.push(resolve(here + rest));
  for (const [, literal = ''] of source.matchAll(ADDRESSED)) {
    const url = new URL(unquoted(literal), pathToFileURL(path));
    if (url.protocol === 'file:') names.push(fileURLToPath(url));
  }
  return names;
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
    // It may be made at run time, or be a directory: the guest finds out, as in Node.
    return undefined;
  }
}

/** The code of an image, whose function carries the files as a property, if there are any. */
export function withFiles(code: string, sources: readonly string[]): string {
  const files = embeddedFiles(code, sources);
  if (files.length === 0) return code;
  // On the first line after a hashbang's: all others keep their numbers.
  const wrapped = code.replace(/^((?:\/\/[^\n]*\n)?)\(/, '$1Object.assign((');
  return `${wrapped.trimEnd()},{files:${JSON.stringify(files)}})`;
}

/** What goes into an image of `sources` whose code is `code`; nothing when it uses no files. */
function embeddedFiles(code: string, sources: readonly string[]): EmbeddedFile[] {
  if (!USES_FILES.test(code)) return [];
  const names = new Set<string>();
  for (const source of sources) {
    if (!/\.[cm]?[jt]sx?$/.test(source)) continue;
    for (const name of namedFiles(source, readFileSync(source, 'utf8'))) names.add(name);
  }
  return [...names]
    .sort()
    .map(embed)
    .filter((file) => file !== undefined);
}
