/** The part of `node:url` that ES modules need to find their own place: file URLs. */

import { bootConfig } from '../boot-config.ts';
import { unsupported } from '../errors.ts';
import { invalidArgType, nodeError } from './node-errors.ts';

const SCHEME = 'file:';

/** `fileURLToPath(text | { href })`: ERR_INVALID_URL_SCHEME for others, as in Node. */
function fileURLToPath(url: unknown): string {
  const text = typeof url === 'object' && url !== null ? (url as { href?: unknown }).href : url;
  if (typeof text !== 'string') throw invalidArgType('path', ['string', 'URL'], url);
  if (!text.startsWith(SCHEME)) {
    if (!/^[a-z][a-z0-9+.-]*:/i.test(text))
      throw nodeError(TypeError, 'ERR_INVALID_URL', 'Invalid URL');
    throw nodeError(TypeError, 'ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  }
  const [, host = '', path = ''] = /^file:(?:\/\/([^/?#]*))?([^?#]*)/.exec(text) ?? [];
  if (host !== '' && host !== 'localhost') {
    const reason = `File URL host must be "localhost" or empty on ${bootConfig().platform}`;
    throw nodeError(TypeError, 'ERR_INVALID_FILE_URL_HOST', reason);
  }
  if (/%2f/i.test(path)) {
    const reason = 'File URL path must not include encoded / characters';
    throw nodeError(TypeError, 'ERR_INVALID_FILE_URL_PATH', reason);
  }
  return decodeURIComponent(path);
}

interface FileUrl {
  readonly href: string;
  readonly protocol: string;
  readonly pathname: string;
  toString(): string;
  toJSON(): string;
}

/** `pathToFileURL(path)`: what code does with the result is mostly `.href`. */
function pathToFileURL(path: unknown): FileUrl {
  if (typeof path !== 'string') throw invalidArgType('path', 'string', path);
  const absolute = path.startsWith('/') ? path : `${bootConfig().cwd}/${path}`;
  const parts: string[] = [];
  for (const part of absolute.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const end = parts.length > 0 && /\/$/.test(absolute) ? '/' : '';
  const pathname = `/${parts.map((part) => encodeURI(part).replace(/[?#]/g, encodeURIComponent)).join('/')}${end}`;
  const href = `file://${pathname}`;
  return { href, protocol: SCHEME, pathname, toString: () => href, toJSON: () => href };
}

/** Names of the module this guest has no code for: reading one says so. */
const MISSING = [
  'URL',
  'URLSearchParams',
  'parse',
  'format',
  'resolve',
  'domainToASCII',
  'domainToUnicode',
];

export const exported: Record<string, unknown> = { fileURLToPath, pathToFileURL };
for (const name of MISSING) {
  Object.defineProperty(exported, name, {
    get(): never {
      throw unsupported('url', name);
    },
    enumerable: true,
    configurable: true,
  });
}
