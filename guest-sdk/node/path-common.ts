/** What both flavours of `node:path` share. */

import { validateObject } from './validators.ts';

export interface ParsedPath {
  root: string;
  dir: string;
  base: string;
  ext: string;
  name: string;
}

export interface PathModule {
  resolve(...paths: string[]): string;
  normalize(path: string): string;
  isAbsolute(path: string): boolean;
  join(...paths: string[]): string;
  relative(from: string, to: string): string;
  toNamespacedPath(path: string): string;
  dirname(path: string): string;
  basename(path: string, suffix?: string): string;
  extname(path: string): string;
  format(parts: Partial<ParsedPath>): string;
  parse(path: string): ParsedPath;
  readonly sep: string;
  readonly delimiter: string;
  win32: PathModule;
  posix: PathModule;
  _makeLong(path: string): string;
}

/** Segments of a path with "." and ".." worked off; leading ".." stay where nothing is above. */
export function collapse(
  segments: readonly string[],
  options: { readonly rooted: boolean },
): string[] {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!options.rooted) kept.push('..');
  }
  return kept;
}

/** Start of the extension in a base name, or its length: "a.b" 1, ".rc" 3, ".." 2. */
export function extensionAt(base: string): number {
  const dot = base.lastIndexOf('.');
  return dot <= 0 || base === '..' ? base.length : dot;
}

/** `base` without `suffix`, unless that is all there is of it. */
export function withoutSuffix(base: string, suffix: string | undefined): string {
  if (suffix === undefined || suffix === '' || base === suffix) return base;
  return base.endsWith(suffix) ? base.slice(0, -suffix.length) : base;
}

/** `path.format` for both flavours. */
export function formatWith(separator: string, parts: Partial<ParsedPath>): string {
  validateObject(parts, 'pathObject');
  const directory = parts.dir || parts.root;
  const extension = parts.ext ? (parts.ext.startsWith('.') ? parts.ext : `.${parts.ext}`) : '';
  const base = parts.base || `${parts.name || ''}${extension}`;
  if (!directory) return base;
  return directory === parts.root ? `${directory}${base}` : `${directory}${separator}${base}`;
}
