/**
 * A guest that cannot be started because of its own source: missing, or not JavaScript. The text is
 * what Node prints for the same script, so that nobody has to learn a second language of errors.
 */

import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { GuestLoadError } from './guest-load-error.ts';

/** The part of an esbuild message this file reads. */
export interface BuildMessage {
  readonly text: string;
  readonly location: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly lineText: string;
  } | null;
}

/** A failed build of esbuild. */
export function isBuildFailure(
  error: unknown,
): error is Error & { readonly errors: readonly BuildMessage[] } {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}

function closed(text: string): string {
  return `${text}\n\nNode.js ${process.version}\n`;
}

/** Node's words for a script that does not exist. */
export function missingScript(path: string): GuestLoadError {
  const fields = "{\n  code: 'MODULE_NOT_FOUND',\n  requireStack: []\n}";
  return new GuestLoadError(closed(`Error: Cannot find module '${path}' ${fields}`));
}

/** Node's words for a module of `-r` or `--import` that is not found. */
export function missingPreload(name: string): GuestLoadError {
  const fields = "{\n  code: 'MODULE_NOT_FOUND',\n  requireStack: [ 'internal/preload' ]\n}";
  const stack = 'Require stack:\n- internal/preload';
  return new GuestLoadError(closed(`Error: Cannot find module '${name}'\n${stack} ${fields}`));
}

/**
 * Node's words for a file that does not parse: its own where it can be asked (JavaScript), esbuild's
 * otherwise (TypeScript). `file` is absolute.
 */
export function syntaxFault(message: BuildMessage, file: string): GuestLoadError {
  const fromNode = nodeComplaint(file);
  if (fromNode !== undefined) return new GuestLoadError(closed(fromNode));
  const { location, text } = message;
  if (location === null) return new GuestLoadError(closed(`SyntaxError: ${text}`));
  const caret = `${location.lineText.slice(0, location.column).replace(/[^\t]/g, ' ')}^`;
  const place = `${file}:${location.line}\n${location.lineText}\n${caret}`;
  return new GuestLoadError(closed(`${place}\n\nSyntaxError: ${text}`));
}

/** What `node --check` says about the file: V8's words, without the frames of Node's loader. */
function nodeComplaint(file: string): string | undefined {
  if (!/\.[cm]?js$/.test(file)) return undefined;
  const { stderr, status } = spawnSync(process.execPath, ['--check', file], {
    encoding: 'utf8',
    env: {},
  });
  if (status === 0 || status === null) return undefined;
  const text = stderr.split('\n    at ')[0]?.trimEnd() ?? '';
  // A script with `import` is a module here: what V8 says about it as a script is beside the point.
  if (!text.includes('SyntaxError') || /import statement|'export'/.test(text)) return undefined;
  return file.endsWith('.mjs') && text.startsWith(file)
    ? pathToFileURL(file).href + text.slice(file.length)
    : text;
}
