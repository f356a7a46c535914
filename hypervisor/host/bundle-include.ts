/** Files the user names for an image: `--include`, and `"hv": { "include": […] }` in a package.json. */

import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { filesBelow } from './bundle-files.ts';

/** Where an asterisk, a question mark or braces begin, a pattern has no fixed directory any more. */
const MAGIC = /[*?{]/;

/** A pattern as an expression for whole paths: `*`, `**`, `?` and `{a,b}`. */
export function globExpression(pattern: string): RegExp {
  const parts = pattern.replace(/\*\*\/|\*\*|[\\^$.*+?()[\]{}|,]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part === '{') return '(?:';
    if (part === '}') return ')';
    return part === ',' ? '|' : `\\${part}`;
  });
  return new RegExp(`^${parts}$`);
}

function matches(pattern: string, directory: string): string[] {
  const whole = resolve(directory, pattern);
  const at = whole.search(MAGIC);
  try {
    if (at < 0) return filesBelow(whole);
    const expression = globExpression(whole);
    return filesBelow(dirname(whole.slice(0, at + 1))).filter((path) => expression.test(path));
  } catch {
    // Not to be read: as if nothing were there, which is said.
    return [];
  }
}

/** The nearest package.json above the script, if it says something to hv. */
function manifestOf(
  script: string,
): { readonly path: string; readonly include: string[] } | undefined {
  for (let at = dirname(script); ; at = dirname(at)) {
    const path = join(at, 'package.json');
    try {
      const { hv } = JSON.parse(readFileSync(path, 'utf8')) as { hv?: { include?: unknown } };
      const { include } = hv ?? {};
      return {
        path,
        include: Array.isArray(include) ? include.filter((one) => typeof one === 'string') : [],
      };
    } catch {
      // None here, or none that can be read: the next one up counts.
      if (dirname(at) === at) return undefined;
    }
  }
}

export function includedFiles(
  script: string,
  asked: { readonly cwd: string; readonly include: readonly string[] },
): { readonly files: readonly string[]; readonly hints: readonly string[] } {
  const files: string[] = [];
  const hints: string[] = [];
  const add = (pattern: string, directory: string, where: string): void => {
    const found = matches(pattern, directory);
    if (found.length === 0) hints.push(`${where} '${pattern}' names no file`);
    files.push(...found);
  };
  for (const pattern of asked.include) add(pattern, asked.cwd, '--include');
  const manifest = manifestOf(script);
  for (const pattern of manifest?.include ?? [])
    add(pattern, dirname(manifest?.path ?? '/'), `${manifest?.path}: "include"`);
  return { files: [...new Set(files)].sort(), hints };
}
