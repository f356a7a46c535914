/**
 * What a file of the guest gets of its own in the one image: its `__filename`, `__dirname` and
 * `import.meta`, and `require` calls the bundler can see. The bundler replaces free uses of these
 * names by the ones declared here (see `PLACE_NAMES`).
 */

import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Insertion } from './source-map-shift.ts';

/** esbuild's `define`: free names of a guest's file, and the variable each file declares instead. */
export const PLACE_NAMES = {
  __filename: '__hv_filename',
  __dirname: '__hv_dirname',
  'import.meta': '__hv_meta',
} as const;

const NEEDS_PLACE = /\b__filename\b|\b__dirname\b|\bimport\s*\.\s*meta\b/;
/** Hashbang, comments, white space and directives: declarations must not come before them. */
const PROLOGUE =
  /^(?:#![^\n]*(?:\n|$)|\s+|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|(["'])use [a-z ]+\1\s*(?:;|(?=\n)))*/;
/** `const require = createRequire(import.meta.url)`: without it the bundler knows `require`. */
const CREATE_REQUIRE =
  /\b(?:const|let|var)\s+require\s*=\s*(?:[\w$]+\s*\.\s*)?createRequire\(\s*(?:import\.meta\.(?:url|filename)|__filename)\s*\)/g;

/** Uses of `require` beyond a call with a literal. */
const DOES_MORE = /(?<![.\w$])require\b(?!\s*\(\s*(?:'[^'\n]*'|"[^"\n]*")\s*\))/;

/** A file's text with declarations put in, and where, so that positions can be put right again. */
export interface Injection {
  readonly original: string;
  readonly text: string;
  /** In the order of their places; lengths in UTF-16 units. */
  readonly insertions: readonly Insertion[];
}

/** 0-based place of the argument of a `require` or `import` whose file only the run can name. */
export type Argument = Pick<Insertion, 'line' | 'column'>;

/** Before an expression of a string: the same string, which no bundler takes for a pattern of files. */
const UNKNOWN_START = '(0,"")+';

/** A `require` made by `createRequire` that does nothing but load literals is the bundler's own. */
export function withPlainRequire(original: string): string {
  const bundled = original.replace(CREATE_REQUIRE, (call) => ' '.repeat(call.length));
  return bundled === original || DOES_MORE.test(bundled) ? original : bundled;
}

/** The injected text of `file` (absolute), or undefined when it needs nothing. */
export function inject(
  file: string,
  original: string,
  unknown: readonly Argument[] = [],
): Injection | undefined {
  const bundled = withPlainRequire(original);
  if (bundled === original && !NEEDS_PLACE.test(original) && unknown.length === 0) return undefined;
  const at = PROLOGUE.exec(bundled)?.[0].length ?? 0;
  const before = bundled.slice(0, at);
  const declared = NEEDS_PLACE.test(bundled) ? declarations(file, bundled) : '';
  const line = before.split('\n').length - 1;
  const column = at - (before.lastIndexOf('\n') + 1);
  const added = [
    { line, column, text: declared },
    ...unknown.map((place) => ({ ...place, text: UNKNOWN_START })),
  ].sort((a, b) => a.line - b.line || a.column - b.column);
  const lines = bundled.split('\n');
  // From the last one on: those before it keep their places.
  for (const one of added.toReversed()) {
    const own = lines[one.line] ?? '';
    lines[one.line] = own.slice(0, one.column) + one.text + own.slice(one.column);
  }
  return {
    original,
    text: lines.join('\n'),
    insertions: added.map(({ text, ...place }) => ({ ...place, length: text.length })),
  };
}

/** One line, so that the lines after it keep their numbers. */
function declarations(file: string, text: string): string {
  const filename = JSON.stringify(file);
  const directory = JSON.stringify(dirname(file));
  const parts: string[] = [];
  if (/\b__filename\b/.test(text)) parts.push(`__hv_filename=${filename}`);
  if (/\b__dirname\b/.test(text)) parts.push(`__hv_dirname=${directory}`);
  if (/\bimport\s*\.\s*meta\b/.test(text)) {
    const url = JSON.stringify(pathToFileURL(file).href);
    // Not a call of the name `require` alone: that one the bundler would resolve.
    const resolves = /\bmeta\s*\.\s*resolve\b/.test(text)
      ? `,resolve:(name)=>(0,require)("hv/internal/modules").all.resolveFrom(${filename},name)`
      : '';
    parts.push(
      `__hv_meta={__proto__:null,dirname:${directory},filename:${filename}${resolves},url:${url}}`,
    );
  }
  return `;var ${parts.join(',')};`;
}
