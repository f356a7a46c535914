/** `node:path`: the posix flavour, with the win32 one beside it. */

import { kernel } from './kernel-hooks.ts';
import {
  collapse,
  extensionAt,
  formatWith,
  type ParsedPath,
  type PathModule,
  withoutSuffix,
} from './path-common.ts';
import { win32 } from './path-win32.ts';
import { validateString } from './validators.ts';

export type { ParsedPath, PathModule } from './path-common.ts';

function normalize(path: string): string {
  validateString(path, 'path');
  if (path.length === 0) return '.';
  const rooted = path.startsWith('/');
  const joined = collapse(path.split('/'), { rooted }).join('/');
  const slash = path.endsWith('/') ? '/' : '';
  if (joined === '') return rooted ? '/' : `.${slash}`;
  return `${rooted ? '/' : ''}${joined}${slash}`;
}

function resolve(...paths: string[]): string {
  let resolved = '';
  let rooted = false;
  for (let i = paths.length - 1; i >= -1 && !rooted; i--) {
    const path = i >= 0 ? paths[i] : kernel().cwd();
    validateString(path, `paths[${i}]`);
    if (path.length === 0) continue;
    resolved = `${path}/${resolved}`;
    rooted = path.startsWith('/');
  }
  const joined = collapse(resolved.split('/'), { rooted }).join('/');
  if (rooted) return `/${joined}`;
  return joined === '' ? '.' : joined;
}

function relative(from: string, to: string): string {
  validateString(from, 'from');
  validateString(to, 'to');
  if (from === to) return '';
  const source = resolve(from).split('/').filter(Boolean);
  const target = resolve(to).split('/').filter(Boolean);
  let common = 0;
  while (common < source.length && source[common] === target[common]) common++;
  const up = source.slice(common).map(() => '..');
  return [...up, ...target.slice(common)].join('/');
}

function join(...paths: string[]): string {
  for (const path of paths) validateString(path, 'path');
  const joined = paths.filter((path) => path.length > 0).join('/');
  return joined === '' ? '.' : normalize(joined);
}

/** Position behind the last character of `path` that is not a trailing separator. */
function trimmedEnd(path: string): number {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  return end;
}

function dirname(path: string): string {
  validateString(path, 'path');
  if (path.length === 0) return '.';
  const trimmed = path.slice(0, trimmedEnd(path));
  if (trimmed === '') return '/';
  const slash = trimmed.lastIndexOf('/');
  if (slash === -1) return '.';
  // "//a" keeps both slashes (POSIX leaves their meaning open); any other run of them goes.
  if (slash === 1 && trimmed.startsWith('//')) return '//';
  return slash === 0 ? '/' : trimmed.slice(0, slash);
}

function basename(path: string, suffix?: string): string {
  if (suffix !== undefined) validateString(suffix, 'suffix');
  validateString(path, 'path');
  if (suffix === path) return '';
  const end = trimmedEnd(path);
  const base = path.slice(path.lastIndexOf('/', end - 1) + 1, end);
  return withoutSuffix(base, suffix);
}

function extname(path: string): string {
  const base = basename(path);
  return base.slice(extensionAt(base));
}

function parse(path: string): ParsedPath {
  validateString(path, 'path');
  const root = path.startsWith('/') ? '/' : '';
  const base = basename(path);
  const at = extensionAt(base);
  const end = trimmedEnd(path);
  const start = end - base.length;
  const dir = start > root.length ? path.slice(0, start - 1) : root;
  return { root, dir, base, ext: base.slice(at), name: base.slice(0, at) };
}

export const posix: PathModule = {
  resolve,
  normalize,
  isAbsolute(path: string): boolean {
    validateString(path, 'path');
    return path.startsWith('/');
  },
  join,
  relative,
  toNamespacedPath: (path) => path,
  dirname,
  basename,
  extname,
  format: (parts) => formatWith('/', parts),
  parse,
  sep: '/',
  delimiter: ':',
  win32,
  _makeLong: (path) => path,
} as PathModule;

posix.posix = posix;
win32.posix = posix;
win32.win32 = win32;

export const exported: PathModule = posix;
