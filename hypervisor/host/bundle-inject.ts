/**
 * What a file of the guest gets of its own in the one image: its `__filename`, `__dirname` and
 * `import.meta`, and `require` calls the bundler can see. The bundler replaces free uses of these
 * names by the ones declared here (see `PLACE_NAMES`).
 */

import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

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
  /** 0-based line and column of the insertion, and its length in UTF-16 units. */
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** A `require` made by `createRequire` that does nothing but load literals is the bundler's own. */
export function withPlainRequire(original: string): string {
  const bundled = original.replace(CREATE_REQUIRE, (call) => ' '.repeat(call.length));
  return bundled === original || DOES_MORE.test(bundled) ? original : bundled;
}

/** The injected text of `file` (absolute), or undefined when it needs nothing. */
export function inject(file: string, original: string): Injection | undefined {
  const bundled = withPlainRequire(original);
  if (bundled === original && !NEEDS_PLACE.test(original)) return undefined;
  const at = PROLOGUE.exec(bundled)?.[0].length ?? 0;
  const before = bundled.slice(0, at);
  const declared = NEEDS_PLACE.test(bundled) ? declarations(file, bundled) : '';
  return {
    original,
    text: before + declared + bundled.slice(at),
    line: before.split('\n').length - 1,
    column: at - (before.lastIndexOf('\n') + 1),
    length: declared.length,
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
