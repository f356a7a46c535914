/**
 * A parsed address: its normal form as one string, and where its parts lie in it. Shown under
 * `Symbol(context)` when a URL is inspected with `showHidden`, so the names of the fields are Node's.
 */

import { type MachineRecord, urlMachine } from './url-machine.ts';

/** Offset of a part that is not there. */
export const ABSENT = 0xffff_ffff;

const SCHEME_TYPES = ['http:', ' ', 'https:', 'ws:', 'ftp:', 'wss:', 'file:'];
const NOT_SPECIAL = 1;
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  'http:': 80,
  'https:': 443,
  'ws:': 80,
  'wss:': 443,
  'ftp:': 21,
};

export function defaultPortOf(protocol: string): number | undefined {
  return DEFAULT_PORTS[protocol];
}

/** What an address is put together from. `search` and `hash` with their marks, "" when absent. */
export interface UrlParts {
  /** With its colon. */
  readonly protocol: string;
  readonly username: string;
  readonly password: string;
  /** undefined when there is no authority at all. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
}

export class URLContext {
  href = '';
  protocol_end = 0;
  username_end = 0;
  host_start = 0;
  host_end = 0;
  pathname_start = 0;
  search_start: number = ABSENT;
  hash_start: number = ABSENT;
  port: number = ABSENT;
  scheme_type: number = NOT_SPECIAL;

  get hasPort(): boolean {
    return this.port !== ABSENT;
  }
  get hasSearch(): boolean {
    return this.search_start !== ABSENT;
  }
  get hasHash(): boolean {
    return this.hash_start !== ABSENT;
  }
}
// Bundling may have renamed the class.
Object.defineProperty(URLContext, 'name', { value: 'URLContext', configurable: true });

export function isSpecial(context: URLContext): boolean {
  return context.scheme_type !== NOT_SPECIAL;
}

export function contextOf(parts: UrlParts): URLContext {
  const context = new URLContext();
  const type = SCHEME_TYPES.indexOf(parts.protocol);
  if (type >= 0) context.scheme_type = type;
  context.protocol_end = parts.protocol.length;
  let href = parts.protocol;
  if (parts.host === undefined) {
    context.username_end = href.length;
    context.host_start = href.length;
    context.host_end = href.length;
    // Without it, the path would read as an authority.
    if (parts.pathname.startsWith('//')) href += '/.';
  } else {
    href += `//${parts.username}`;
    context.username_end = href.length;
    if (parts.password !== '') href += `:${parts.password}`;
    context.host_start = href.length;
    if (parts.username !== '' || parts.password !== '') href += '@';
    href += parts.host;
    context.host_end = href.length;
    if (parts.port !== undefined) {
      href += `:${parts.port}`;
      context.port = parts.port;
    }
  }
  context.pathname_start = href.length;
  href += parts.pathname;
  if (parts.search !== '') {
    context.search_start = href.length;
    href += parts.search;
  }
  if (parts.hash !== '') {
    context.hash_start = href.length;
    href += parts.hash;
  }
  context.href = href;
  return context;
}

export function contextOfRecord(record: MachineRecord): URLContext {
  const { serializeHost, serializePath } = urlMachine();
  return contextOf({
    protocol: `${record.scheme}:`,
    username: record.username,
    password: record.password,
    host: record.host === null ? undefined : serializeHost(record.host),
    port: record.port ?? undefined,
    pathname: serializePath(record),
    search: record.query === null ? '' : `?${record.query}`,
    hash: record.fragment === null ? '' : `#${record.fragment}`,
  });
}

export const protocolOf = ({ href, protocol_end }: URLContext): string =>
  href.slice(0, protocol_end);

export const usernameOf = ({ href, protocol_end, username_end }: URLContext): string =>
  username_end > protocol_end + 2 ? href.slice(protocol_end + 2, username_end) : '';

export const passwordOf = ({ href, username_end, host_start }: URLContext): string =>
  host_start > username_end ? href.slice(username_end + 1, host_start) : '';

/** True when an authority begins the address, be it empty. */
export const hasAuthority = ({ protocol_end, host_start }: URLContext): boolean =>
  host_start > protocol_end;

export function hostnameOf({ href, host_start, host_end }: URLContext): string {
  return href.slice(href[host_start] === '@' ? host_start + 1 : host_start, host_end);
}

export function hostOf(context: URLContext): string {
  const hostname = hostnameOf(context);
  return context.hasPort ? `${hostname}:${context.port}` : hostname;
}

/** Where the path ends. */
function pathEnd({ href, search_start, hash_start }: URLContext): number {
  return Math.min(search_start, hash_start, href.length);
}

export const pathnameOf = (context: URLContext): string =>
  context.href.slice(context.pathname_start, pathEnd(context));

/** With its question mark; "?" for a query that is there and empty. */
export const querySectionOf = ({ href, search_start, hash_start }: URLContext): string =>
  search_start === ABSENT ? '' : href.slice(search_start, Math.min(hash_start, href.length));

/** With its number sign; "#" for a fragment that is there and empty. */
export const fragmentSectionOf = ({ href, hash_start }: URLContext): string =>
  hash_start === ABSENT ? '' : href.slice(hash_start);

const orNothing = (section: string): string => (section.length === 1 ? '' : section);

export const searchOf = (context: URLContext): string => orNothing(querySectionOf(context));
export const hashOf = (context: URLContext): string => orNothing(fragmentSectionOf(context));

/** The address with another path, query and fragment; the sections with their marks. */
export function withRest(
  context: URLContext,
  rest: { readonly pathname: string; readonly search: string; readonly hash: string },
): URLContext {
  const changed = Object.assign(new URLContext(), context);
  let href = context.href.slice(0, context.pathname_start) + rest.pathname;
  changed.search_start = rest.search === '' ? ABSENT : href.length;
  href += rest.search;
  changed.hash_start = rest.hash === '' ? ABSENT : href.length;
  changed.href = href + rest.hash;
  return changed;
}
