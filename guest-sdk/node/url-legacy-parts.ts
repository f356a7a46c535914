/** The object of Node's older URL interface, its groups of schemes, and how it becomes text. */

import { encodeQueryText, exported as querystring } from './querystring.ts';

/** What `url.parse` returns. Fields a text does not set are null. */
export interface LegacyParts {
  protocol: string | null;
  slashes: boolean | null;
  auth: string | null;
  host: string | null;
  port: string | null;
  hostname: string | null;
  hash: string | null;
  search: string | null;
  query: unknown;
  pathname: string | null;
  path: string | null;
  href: string | null;
}

const SLASHED = new Set(['http', 'https', 'ftp', 'gopher', 'file', 'ws', 'wss']);

/** Schemes that have `//` and a host; `protocol` with or without its colon. */
export function isSlashed(protocol: string | null | undefined): boolean {
  return typeof protocol === 'string' && SLASHED.has(protocol.replace(/:$/, ''));
}

/** Schemes that never have a host, and whose text is left as it is. */
export function isScript(protocol: string | null | undefined): boolean {
  return protocol === 'javascript' || protocol === 'javascript:';
}

export function isIpv6(hostname: string): boolean {
  return hostname.startsWith('[') && hostname.endsWith(']');
}

/** `path`, which `http.request` takes: path and query in one. */
export function joinPath(parts: { pathname?: string | null; search?: string | null }): string {
  return (parts.pathname || '') + (parts.search || '');
}

function hostText(parts: Partial<LegacyParts>, auth: string): string {
  const { host, hostname, port } = parts;
  if (host) return auth + host;
  if (!hostname) return '';
  const named = hostname.includes(':') && !isIpv6(hostname) ? `[${hostname}]` : hostname;
  return auth + named + (port ? `:${port}` : '');
}

/** The text of `parts`, which may be any object with some of the fields. */
export function formatParts(parts: Partial<LegacyParts>): string {
  let auth = parts.auth || '';
  if (auth) auth = `${encodeQueryText(auth).replaceAll('%3A', ':')}@`;
  let protocol = parts.protocol || '';
  let host = hostText(parts, auth);
  const { query } = parts;
  const queryText = query !== null && typeof query === 'object' ? querystring.stringify(query) : '';
  let search = parts.search || (queryText && `?${queryText}`) || '';
  if (protocol && !protocol.endsWith(':')) protocol += ':';
  let pathname = (parts.pathname || '').replace(/[#?]/g, encodeURIComponent);
  if (parts.slashes || isSlashed(protocol)) {
    if (parts.slashes || host) {
      if (pathname && !pathname.startsWith('/')) pathname = `/${pathname}`;
      host = `//${host}`;
    } else if (protocol.startsWith('file')) host = '//';
  }
  search = search.replaceAll('#', '%23');
  let hash = parts.hash || '';
  if (hash && !hash.startsWith('#')) hash = `#${hash}`;
  if (search && !search.startsWith('?')) search = `?${search}`;
  return protocol + host + pathname + search + hash;
}
