/** How `url.parse` takes a text apart: no standard, but what programs have come to rely on. */

import { invalidUrl } from '../web/url.ts';
import { hostToAscii } from '../web/url-machine.ts';
import { kernel } from './kernel-hooks.ts';
import { exported as querystring } from './querystring.ts';
import {
  formatParts,
  isIpv6,
  isScript,
  isSlashed,
  joinPath,
  type LegacyParts,
} from './url-legacy-parts.ts';

export interface ParseOptions {
  readonly parsesQuery: boolean;
  /** `//host/path` without a scheme names a host. */
  readonly slashesDenoteHost: boolean;
}

/** A path, perhaps with a query: what a server is asked for, and what needs no more care. */
const SIMPLE_PATH = /^(\/\/?(?!\/)[^?\s]*)(\?\S*)?$/;
const PROTOCOL = /^[a-z0-9.+-]+:/i;
const HOST_WITH_AUTH = /^\/\/[^@/]+@[^@/]+/;
/** Ends the host, unless an "@" follows that makes all before it a name and a password. */
const AFTER_HOST = /[ "%';<>\\^`{|}]/;
const FORBIDDEN_IN_HOST = /[\0\t\n\r #%/:<>?@[\\\]^|]/;
const FORBIDDEN_IN_IPV6 = /[\0\t\n\r #%/<>?@\\^|]/;
const HOSTNAME_MAX = 255;
const ESCAPED = /[\t\n\r "'<>\\^`{|}]/g;

/** Control characters, spaces, no-break spaces and byte order marks at both ends. */
const TRIMMED = /^[^!-\x9f\xa1-\ufefe\uff00-\uffff]+|[^!-\x9f\xa1-\ufefe\uff00-\uffff]+$/g;

const hex = (char: string): string =>
  `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/** Without white space around it, and with slashes for backslashes before the query. */
function normalised(url: string): string {
  const text = url.replace(TRIMMED, '');
  const end = text.search(/[?#]/);
  if (end < 0) return text.replaceAll('\\', '/');
  return text.slice(0, end).replaceAll('\\', '/') + text.slice(end);
}

let hasWarned = false;

function warnAboutPort(url: string): void {
  if (hasWarned) return;
  hasWarned = true;
  const text = `The URL ${url} is invalid. Future versions of Node.js will throw an error.`;
  kernel().emitWarning(text, 'DeprecationWarning', 'DEP0170');
}

interface Authority {
  /** Where the name and password end; -1 without any. */
  readonly at: number;
  /** Where the host ends. */
  readonly end: number;
  /** The text without the tabs and line ends in it. */
  readonly text: string;
}

function findAuthority(rest: string): Authority {
  let text = rest;
  let at = -1;
  let end = -1;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === '\t' || char === '\n' || char === '\r') {
      text = text.slice(0, i) + text.slice(i + 1);
      i--;
    } else if (char === '@') {
      at = i;
      end = -1;
    } else if (char === '#' || char === '/' || char === '?') {
      if (end < 0) end = i;
      break;
    } else if (end < 0 && AFTER_HOST.test(char)) end = i;
  }
  return { at, end: end < 0 ? text.length : end, text };
}

/** Splits `host` into name and port. A colon alone is a port that is not there. */
function takeHost(parts: LegacyParts, host: string): void {
  const port = /:\d*$/.exec(host)?.[0];
  if (port !== undefined && port !== ':') parts.port = port.slice(1);
  parts.hostname = port === undefined ? host : host.slice(0, host.length - port.length);
}

/** Cuts the host where it stops being one; what is cut off belongs to the path. */
function cutHostname(parts: LegacyParts, rest: string, url: string): string {
  const hostname = parts.hostname ?? '';
  const bad = hostname.search(/[/\\#?:]/);
  if (bad < 0) return rest;
  if (hostname[bad] === ':') warnAboutPort(url);
  parts.hostname = hostname.slice(0, bad);
  return `/${hostname.slice(bad)}${rest}`;
}

function checkHostname(parts: LegacyParts, url: string): void {
  let hostname = parts.hostname ?? '';
  const numeric = isIpv6(hostname);
  hostname = hostname.length > HOSTNAME_MAX ? '' : hostname.toLowerCase();
  if (hostname !== '' && numeric) {
    if (FORBIDDEN_IN_IPV6.test(hostname)) throw invalidUrl(url);
  } else if (hostname !== '') {
    hostname = hostToAscii(hostname);
    // Both would let a host pass for another one.
    if (hostname === '' || FORBIDDEN_IN_HOST.test(hostname)) throw invalidUrl(url);
  }
  parts.hostname = hostname;
}

/** Reads the host at the start of `rest` into `parts` and returns what follows it. */
function readAuthority(parts: LegacyParts, rest: string, url: string): string {
  const { at, end, text } = findAuthority(rest);
  if (at >= 0) parts.auth = decodeURIComponent(text.slice(0, at));
  takeHost(parts, text.slice(at + 1, end));
  let left = text.slice(end);
  const numeric = isIpv6(parts.hostname ?? '');
  if (!numeric) left = cutHostname(parts, left, url);
  checkHostname(parts, url);
  const hostname = parts.hostname ?? '';
  parts.host = hostname + (parts.port ? `:${parts.port}` : '');
  if (numeric) {
    parts.hostname = hostname.slice(1, -1);
    if (!left.startsWith('/')) left = `/${left}`;
  }
  return left;
}

function readQuery(parts: LegacyParts, search: string | null, parsesQuery: boolean): void {
  if (search !== null) {
    parts.search = search;
    const query = search.slice(1);
    parts.query = parsesQuery ? querystring.parse(query) : query;
  } else if (parsesQuery) {
    parts.search = null;
    parts.query = Object.create(null);
  }
}

/** Path, query and fragment of what follows the host. */
function readRest(parts: LegacyParts, rest: string, parsesQuery: boolean): void {
  const hashAt = rest.indexOf('#');
  const before = hashAt < 0 ? rest : rest.slice(0, hashAt);
  if (hashAt >= 0) parts.hash = rest.slice(hashAt);
  const queryAt = before.indexOf('?');
  readQuery(parts, queryAt < 0 ? null : before.slice(queryAt), parsesQuery);
  const pathname = queryAt < 0 ? before : before.slice(0, queryAt);
  if (pathname !== '') parts.pathname = pathname;
}

/** Sets the fields of `parts`, which is new, from `url`. */
export function parseInto(parts: LegacyParts, url: string, options: ParseOptions): void {
  const { parsesQuery, slashesDenoteHost } = options;
  let rest = normalised(url);
  const simple = slashesDenoteHost || /[#@]/.test(rest) ? null : SIMPLE_PATH.exec(rest);
  if (simple !== null) {
    parts.path = rest;
    parts.href = rest;
    parts.pathname = simple[1] ?? null;
    readQuery(parts, simple[2] ?? null, parsesQuery);
    return;
  }
  const protocol = PROTOCOL.exec(rest)?.[0];
  const lower = protocol?.toLowerCase();
  if (protocol !== undefined && lower !== undefined) {
    parts.protocol = lower;
    rest = rest.slice(protocol.length);
  }
  const mayHaveSlashes = slashesDenoteHost || protocol !== undefined || HOST_WITH_AUTH.test(rest);
  const slashes = mayHaveSlashes && rest.startsWith('//');
  if (slashes && !isScript(lower)) {
    rest = rest.slice(2);
    parts.slashes = true;
  }
  // A scheme nobody knows is followed by a host, with slashes or without.
  const hasHost = slashes || (protocol !== undefined && !isSlashed(protocol));
  if (hasHost && !isScript(lower)) rest = readAuthority(parts, rest, url);
  if (!isScript(lower)) rest = rest.replace(ESCAPED, hex);
  readRest(parts, rest, parsesQuery);
  if (isSlashed(lower) && parts.hostname && !parts.pathname) parts.pathname = '/';
  if (parts.pathname || parts.search) parts.path = joinPath(parts);
  parts.href = formatParts(parts);
}
