/** The parts of `node:url` between paths of files and URLs, and between URLs and requests. */

import { bootConfig } from '../boot-config.ts';
import { URL } from '../web/url.ts';
import { hostToUnicode, urlMachine } from '../web/url-machine.ts';
import { wellFormed } from '../web/usv.ts';
import { invalidArgType, invalidArgValue, missingArgs, nodeError } from './node-errors.ts';
import { exported as path } from './path.ts';
import { validateObject, validateString } from './validators.ts';

interface PathOptions {
  readonly windows?: boolean;
}

type UrlLike = Pick<URL, 'href' | 'protocol' | 'hostname' | 'pathname'>;

/** A URL of any realm or package; the older interface's objects have `path` and `auth`. */
function isUrlLike(value: unknown): value is UrlLike {
  const self = value as Partial<Record<string, unknown>> | null | undefined;
  return Boolean(self?.href && self.protocol && self.auth === undefined && self.path === undefined);
}

function invalidFilePath(reason: string, input: unknown): Error {
  const text = `File URL path ${reason}`;
  return Object.assign(nodeError(TypeError, 'ERR_INVALID_FILE_URL_PATH', text), { input });
}

function decodedPath(url: UrlLike, separators: RegExp, named: string): string {
  if (separators.test(url.pathname)) {
    throw invalidFilePath(`must not include encoded ${named} characters`, url);
  }
  return decodeURIComponent(url.pathname);
}

function windowsPath(url: UrlLike): string {
  const { hostname } = url;
  const decoded = decodedPath(url, /%2f|%5c/i, '\\ or /').replaceAll('/', '\\');
  if (hostname !== '') return `\\\\${hostToUnicode(hostname)}${decoded}`;
  if (!/^.[a-z]:/is.test(decoded)) throw invalidFilePath('must be absolute', url);
  return decoded.slice(1);
}

export function fileURLToPath(given: unknown, options: PathOptions = {}): string {
  const url: unknown = typeof given === 'string' ? new URL(given) : given;
  if (!isUrlLike(url)) throw invalidArgType('path', ['string', 'URL'], given);
  if (url.protocol !== 'file:') {
    throw nodeError(TypeError, 'ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
  }
  if (options?.windows) return windowsPath(url);
  if (url.hostname !== '') {
    const reason = `File URL host must be "localhost" or empty on ${bootConfig().platform}`;
    throw nodeError(TypeError, 'ERR_INVALID_FILE_URL_HOST', reason);
  }
  return decodedPath(url, /%2f/i, '/');
}

/** Everything but what a path may hold as it is. */
const UNSAFE_IN_FILE = /[^!$&'()*+,\-./\w:;=@]+/g;

function fileUrl(hostname: string, resolved: string): URL {
  const encode = (run: string): string =>
    encodeURIComponent(wellFormed(run)).replaceAll('~', '%7E');
  return new URL(`file://${hostname}${resolved.replace(UNSAFE_IN_FILE, encode)}`);
}

/** `\\server\share\file`, also as `\\?\UNC\server\share\file`. */
function uncUrl(resolved: string): URL {
  const start = /^\\\\\?\\UNC\\/.test(resolved) ? 8 : 2;
  const end = resolved.indexOf('\\', start);
  if (end < 0) throw invalidArgValue('path', resolved, 'Missing UNC resource path');
  if (end === 2) throw invalidArgValue('path', resolved, 'Empty UNC servername');
  return fileUrl(resolved.slice(start, end), resolved.slice(end).replaceAll('\\', '/'));
}

export function pathToFileURL(filePath: unknown, options?: PathOptions | null): URL {
  validateString(filePath, 'path');
  const windows = options?.windows ?? false;
  const isLocalExtended = windows && /^\\\\\?\\[a-z]:/i.test(filePath);
  const given = isLocalExtended ? filePath.slice(4) : filePath;
  const isUnc = windows && given.startsWith('\\\\');
  let resolved = given;
  if (!isUnc) resolved = windows ? path.win32.resolve(given) : path.posix.resolve(given);
  if (windows && resolved.startsWith('\\\\')) return uncUrl(resolved);
  // Resolving strips a slash at the end, which means something in a URL.
  const isDirectory = given.endsWith('/') || (windows && given.endsWith('\\'));
  if (isDirectory && !resolved.endsWith(windows ? '\\' : '/')) resolved += '/';
  return fileUrl('', windows ? `/${resolved.replaceAll('\\', '/')}` : resolved);
}
Object.defineProperty(pathToFileURL, 'length', { value: 2 });

/** Options of `http.request` from a URL. */
export function urlToHttpOptions(url: unknown): object {
  validateObject(url, 'url', { allowArray: true, allowFunction: true });
  const { hostname, pathname, port, username, password, search } = url as URL;
  const options: Record<string, unknown> = {
    __proto__: null,
    ...url,
    protocol: (url as URL).protocol,
    hostname: hostname?.startsWith('[') ? hostname.slice(1, -1) : hostname,
    hash: (url as URL).hash,
    search,
    pathname,
    path: `${pathname || ''}${search || ''}`,
    href: (url as URL).href,
  };
  if (port !== '') options.port = Number(port);
  if (username || password) {
    options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  }
  return options;
}

/** The host that `domain` names in a URL, "" if it names none. */
function hostOfDomain(domain: unknown): string {
  const machine = urlMachine();
  const url = machine.basicURLParse('ws://x');
  const text = `${domain}`;
  if (url === null || text === '') return '';
  const parsed = machine.basicURLParse(text, { url, stateOverride: 'hostname' });
  return parsed === null ? '' : machine.serializeHost(parsed.host);
}

export function domainToASCII(...args: readonly unknown[]): string {
  if (args.length < 1) throw missingArgs('domain');
  return hostOfDomain(args[0]);
}

export function domainToUnicode(...args: readonly unknown[]): string {
  if (args.length < 1) throw missingArgs('domain');
  return hostToUnicode(hostOfDomain(args[0]));
}

for (const entry of [domainToASCII, domainToUnicode]) {
  Object.defineProperty(entry, 'length', { value: 1 });
}
