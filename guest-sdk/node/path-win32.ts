/** `path.win32`: drive letters, UNC shares, both slashes. A guest is posix; libraries still ask. */

import { kernel } from './kernel-hooks.ts';
import {
  collapse,
  extensionAt,
  formatWith,
  type PathModule,
  withoutSuffix,
} from './path-common.ts';
import { validateString } from './validators.ts';

interface Split {
  /** "C:", "\\\\server\\share" or "". */
  readonly device: string;
  /** Characters of the path that `device` stands for. */
  readonly deviceLength: number;
  /** A separator follows the device; always so for a share. */
  readonly rooted: boolean;
}

const isSlash = (char: string | undefined): boolean => char === '/' || char === '\\';
const share = /^[\\/]{2}([^\\/]+)[\\/]+([^\\/]+)/;

/** As `splitRoot`, but "\\\\?\\" and "\\\\.\\" name devices: what follows is an ordinary path. */
function split(path: string): Split {
  const device = /^[\\/]{2}([?.])[\\/]+[^\\/]/.exec(path)?.[1];
  if (device === undefined) return splitRoot(path);
  return { device: `\\\\${device}`, deviceLength: 3, rooted: true };
}

function splitRoot(path: string): Split {
  const unc = share.exec(path);
  if (unc !== null) {
    const device = `\\\\${unc[1]}\\${unc[2]}`;
    return { device, deviceLength: unc[0].length, rooted: true };
  }
  if (/^[A-Za-z]:/.test(path)) {
    return { device: path.slice(0, 2), deviceLength: 2, rooted: isSlash(path[2]) };
  }
  return { device: '', deviceLength: 0, rooted: isSlash(path[0]) };
}

const segmentsOf = (path: string): string[] => path.split(/[\\/]/);

/** A relative path must not turn into one on another device by losing its ".\\". */
function mayNameDevice(path: string, tail: string): boolean {
  return path.includes(':') && (/^[A-Za-z]:/.test(tail) || /:(?:[\\/]|$)/.test(path));
}

function normalize(path: string): string {
  validateString(path, 'path');
  if (path.length === 0) return '.';
  const { device, deviceLength, rooted } = split(path);
  const rest = path.slice(deviceLength);
  let tail = collapse(segmentsOf(rest), { rooted }).join('\\');
  if (tail === '' && !rooted) tail = '.';
  if (tail !== '' && isSlash(rest.at(-1))) tail += '\\';
  if (!rooted && device === '' && mayNameDevice(path, tail)) return `.\\${tail}`;
  return `${device}${rooted ? '\\' : ''}${tail}`;
}

function resolve(...paths: string[]): string {
  let device = '';
  let tail = '';
  let rooted = false;
  for (let i = paths.length - 1; i >= -1; i--) {
    const path = i >= 0 ? paths[i] : kernel().cwd();
    validateString(path, `paths[${i}]`);
    if (path.length === 0) continue;
    const parts = split(path);
    if (parts.device !== '') {
      if (device === '') device = parts.device;
      else if (parts.device.toLowerCase() !== device.toLowerCase()) continue;
    }
    if (!rooted) {
      tail = `${path.slice(parts.deviceLength)}\\${tail}`;
      ({ rooted } = parts);
    }
    if (rooted && device !== '') break;
  }
  const joined = collapse(segmentsOf(tail), { rooted }).join('\\');
  return `${device}${rooted ? '\\' : ''}${joined}` || '.';
}

const DEVICE = /^(?:con|prn|aux|nul|(?:com|lpt)[1-9¹²³]):/i;

function join(...paths: string[]): string {
  for (const path of paths) validateString(path, 'path');
  const parts = paths.filter((path) => path.length > 0);
  const [first] = parts;
  if (first === undefined) return '.';
  let joined = parts.join('\\');
  // Two slashes in front mean a share only if the first part says so by itself.
  if (!/^[\\/]{2}[^\\/]/.test(first)) joined = joined.replace(/^[\\/]{2,}/, '\\');
  // What names a device stays as it is: normalized, it could lead out of where it was put.
  if (joined.split(/\\+/).some((part) => DEVICE.test(part))) return joined.replaceAll('/', '\\');
  return normalize(joined);
}

function relative(from: string, to: string): string {
  validateString(from, 'from');
  validateString(to, 'to');
  if (from === to) return '';
  const [source, target] = [resolve(from), resolve(to)];
  if (source.toLowerCase() === target.toLowerCase()) return '';
  const sources = source.split('\\').filter(Boolean);
  const targets = target.split('\\').filter(Boolean);
  let common = 0;
  while (
    common < sources.length &&
    sources[common]?.toLowerCase() === targets[common]?.toLowerCase()
  ) {
    common++;
  }
  if (common === 0 && sources.length > 0 && targets.length > 0) return target;
  return [...sources.slice(common).map(() => '..'), ...targets.slice(common)].join('\\');
}

function rootOf(path: string): string {
  const { deviceLength, rooted, device } = splitRoot(path);
  if (device.startsWith('\\\\'))
    return path.slice(0, deviceLength + (isSlash(path[deviceLength]) ? 1 : 0));
  return path.slice(0, deviceLength + (rooted ? 1 : 0));
}

/** Where the last segment begins and ends, behind the root. */
function lastSegment(path: string): { start: number; end: number } {
  const { deviceLength, device } = splitRoot(path);
  const floor = device.startsWith('\\\\') ? 0 : deviceLength;
  let end = path.length;
  while (end > floor && isSlash(path[end - 1])) end--;
  let start = end;
  while (start > floor && !isSlash(path[start - 1])) start--;
  return { start, end };
}

function basename(path: string, suffix?: string): string {
  if (suffix !== undefined) validateString(suffix, 'suffix');
  validateString(path, 'path');
  if (suffix === path) return '';
  const { start, end } = lastSegment(path);
  return withoutSuffix(path.slice(start, end), suffix);
}

function dirname(path: string): string {
  validateString(path, 'path');
  if (path.length === 0) return '.';
  const root = rootOf(path);
  let { start } = lastSegment(path);
  if (start > root.length && isSlash(path[start - 1])) start--;
  if (start > root.length) return path.slice(0, start);
  return root === '' ? '.' : root;
}

export const win32: PathModule = {
  resolve,
  normalize,
  isAbsolute(path: string): boolean {
    validateString(path, 'path');
    return isSlash(path[0]) || /^[A-Za-z]:[\\/]/.test(path);
  },
  join,
  relative,
  toNamespacedPath(path: string): string {
    if (typeof path !== 'string' || path.length === 0) return path;
    const resolved = resolve(path);
    if (resolved.startsWith('\\\\') && !/^\\\\[?.]/.test(resolved)) {
      return `\\\\?\\UNC\\${resolved.slice(2)}`;
    }
    if (resolved.length <= 2) return path;
    return /^[A-Za-z]:\\/.test(resolved) ? `\\\\?\\${resolved}` : resolved;
  },
  dirname,
  basename,
  extname(path: string): string {
    const base = basename(path);
    return base.slice(extensionAt(base));
  },
  format: (parts) => formatWith('\\', parts),
  parse(path: string) {
    validateString(path, 'path');
    const root = rootOf(path);
    const { start, end } = lastSegment(path);
    const base = start >= root.length ? path.slice(start, end) : '';
    const at = extensionAt(base);
    const dir = start > root.length ? path.slice(0, start - 1) : root;
    return { root, dir, base, ext: base.slice(at), name: base.slice(0, at) };
  },
  sep: '\\',
  delimiter: ';',
  _makeLong: (path) => win32.toNamespacedPath(path),
} as PathModule;
