/**
 * Addresses as servers meet them, http, ws and file with nothing odd about them, without the
 * standard's state machine: an expression takes one apart in some microseconds where the machine
 * needs most of a millisecond. What is odd (credentials, other schemes, hosts beyond ASCII, IPv6,
 * drive letters, control characters) goes through the machine. Both give the same answers.
 */

import { percentEncode } from './percent-encode.ts';
import {
  contextOf,
  contextOfRecord,
  defaultPortOf,
  fragmentSectionOf,
  isSpecial,
  pathnameOf,
  protocolOf,
  querySectionOf,
  type URLContext,
  withRest,
} from './url-context.ts';
import { urlMachine } from './url-machine.ts';

const ABSOLUTE =
  /^(https?:|wss?:|file:)\/\/([\w.-]*)(?::(\d{1,5}))?(\/[ !"$->@-[\]-\uffff]*)?(\?[ !"$-[\]-\uffff]*)?(#[ -[\]-\uffff]*)?$/;
const RELATIVE = /^([ !"$->@-[\]-\uffff]*)(\?[ !"$-[\]-\uffff]*)?(#[ -[\]-\uffff]*)?$/;
/** A first segment that could be a scheme. */
const SCHEME_LIKE = /^[A-Za-z][\w+.-]*:/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;
/** The last label begins with a digit: read as an IPv4 address, in one of its many spellings. */
const NUMBER_LAST = /(?:^|\.)\d[^.]*\.?$/;
const DOT_SEGMENT = /\/(?:\.|%2[eE]){1,2}(?:\/|$)/;
const SINGLE_DOT = /^(?:\.|%2[eE])$/;
const DOUBLE_DOT = /^(?:\.|%2[eE]){2}$/;
/** Segments a file address treats as a drive, or may. */
const DRIVE = /(?:^|\/)[A-Za-z][:|]/;
const PORT_MAX = 65_535;

/** What is encoded in a path, in the query of a special scheme, and in a fragment. */
const UNSAFE_PATH = /[ "<>^`{}\x7f-\uffff]+/g;
const UNSAFE_QUERY = /[ "'<>\x7f-\uffff]+/g;
const UNSAFE_FRAGMENT = /[ "<>`\x7f-\uffff]+/g;
/** What a setter's text may not hold if it is to be handled here. */
const CONTROL_OR_BACKSLASH = /[^ -[\]-\uffff]/;

/** A host in its normal form; undefined when only the machine can tell. */
function plainHost(text: string): string | undefined {
  const host = text.toLowerCase();
  if (host.includes('xn--')) return undefined;
  return NUMBER_LAST.test(host) && !IPV4.test(host) ? undefined : host;
}

/** Removes "." and ".." of a path that begins with a slash. */
function withoutDots(path: string): string {
  if (!DOT_SEGMENT.test(path)) return path;
  const segments = path.slice(1).split('/');
  const kept: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    const goesUp = DOUBLE_DOT.test(segment);
    if (goesUp) kept.pop();
    if (!goesUp && !SINGLE_DOT.test(segment)) kept.push(segment);
    else if (isLast) kept.push('');
  }
  return `/${kept.join('/')}`;
}

const pathOf = (text: string): string => withoutDots(percentEncode(text, UNSAFE_PATH));

function absolute(input: string): URLContext | undefined {
  const found = ABSOLUTE.exec(input);
  if (found === null || input.endsWith(' ')) return undefined;
  const [, protocol = '', hostText = '', portText, path = '/', query = '', fragment = ''] = found;
  const isFile = protocol === 'file:';
  let host = plainHost(hostText);
  if (host === undefined || (host === '' && !isFile)) return undefined;
  if (isFile) {
    if (portText !== undefined || DRIVE.test(path)) return undefined;
    if (host === 'localhost') host = '';
  }
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && port > PORT_MAX) return undefined;
  return contextOf({
    protocol,
    username: '',
    password: '',
    host,
    port: port === defaultPortOf(protocol) ? undefined : port,
    pathname: pathOf(path),
    search: percentEncode(query, UNSAFE_QUERY),
    hash: percentEncode(fragment, UNSAFE_FRAGMENT),
  });
}

function relative(input: string, base: URLContext): URLContext | undefined {
  const found = RELATIVE.exec(input);
  if (found === null || !isSpecial(base)) return undefined;
  const [, path = '', query = '', fragment = ''] = found;
  const isOdd = path.startsWith('//') || path.startsWith(' ') || input.endsWith(' ');
  if (isOdd || SCHEME_LIKE.test(path)) return undefined;
  const basePath = pathnameOf(base);
  const isFile = protocolOf(base) === 'file:';
  if (isFile && (DRIVE.test(path) || DRIVE.test(basePath))) return undefined;
  let pathname = basePath;
  if (path.startsWith('/')) pathname = pathOf(path);
  else if (path !== '') pathname = pathOf(basePath.slice(0, basePath.lastIndexOf('/') + 1) + path);
  const isSame = path === '' && found[2] === undefined;
  return withRest(base, {
    pathname,
    search: isSame ? querySectionOf(base) : percentEncode(query, UNSAFE_QUERY),
    hash: percentEncode(fragment, UNSAFE_FRAGMENT),
  });
}

function byMachine(input: string, base: URLContext | undefined): URLContext | undefined {
  const machine = urlMachine();
  const baseURL = base === undefined ? null : machine.basicURLParse(base.href);
  const record = machine.basicURLParse(input, { baseURL });
  return record === null ? undefined : contextOfRecord(record);
}

/** The base of the last relative address: servers resolve every request against the same one. */
let lastBase: { readonly text: string; readonly context: URLContext } | undefined;

function baseOf(text: string): URLContext | undefined {
  if (lastBase?.text === text) return lastBase.context;
  const context = absolute(text) ?? byMachine(text, undefined);
  if (context !== undefined) lastBase = { text, context };
  return context;
}

/** Parses `input`, against `base` if given. undefined when either is no address. Never changed. */
export function parseUrl(input: string, base?: string): URLContext | undefined {
  if (base === undefined) return absolute(input) ?? byMachine(input, undefined);
  const context = baseOf(base);
  if (context === undefined) return undefined;
  return absolute(input) ?? relative(input, context) ?? byMachine(input, context);
}

/** The address with another part, as its setters have it; undefined when only the machine can tell. */
export function withPart(
  context: URLContext,
  part: 'pathname' | 'search' | 'hash',
  text: string,
): URLContext | undefined {
  if (!isSpecial(context) || CONTROL_OR_BACKSLASH.test(text)) return undefined;
  const rest = {
    pathname: pathnameOf(context),
    search: querySectionOf(context),
    hash: fragmentSectionOf(context),
  };
  if (part === 'pathname') {
    if (protocolOf(context) === 'file:') return undefined;
    const marked = text.replace(/[?#]/g, encodeURIComponent);
    rest.pathname = pathOf(marked.startsWith('/') ? marked : `/${marked}`);
  } else if (part === 'search') {
    const query = text.startsWith('?') ? text : `?${text}`;
    rest.search = text === '' ? '' : percentEncode(query.replaceAll('#', '%23'), UNSAFE_QUERY);
  } else {
    const fragment = text.startsWith('#') ? text : `#${text}`;
    rest.hash = text === '' ? '' : percentEncode(fragment, UNSAFE_FRAGMENT);
  }
  return withRest(context, rest);
}
