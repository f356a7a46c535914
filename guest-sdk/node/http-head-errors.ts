/**
 * Why a head is refused: which rule of RFC 9112 it breaks, with the codes and words of Node's parser.
 * Only looked at when the quick patterns of http-head.ts do not match, or when a head is not whole
 * yet: what can be no head any more is refused at once.
 */

import { METHODS } from './http-tokens.ts';

export interface Failure {
  readonly code: string;
  readonly reason: string;
  /** Offset in the text of the head. */
  readonly at: number;
}

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;

export function failure(code: string, reason: string, at: number): Failure {
  return { code, reason, at };
}

const isTokenChar = (text: string, at: number): boolean =>
  /[\^_`a-zA-Z\-0-9!#$%&'*+.|~]/.test(text.charAt(at));

/** Methods of RTSP: refused, but Node's parser reads on as long as a word may become one. */
const FOREIGN = [
  'ANNOUNCE',
  'DESCRIBE',
  'FLUSH',
  'GET_PARAMETER',
  'PAUSE',
  'PLAY',
  'RECORD',
  'REDIRECT',
  'SETUP',
  'SET_PARAMETER',
  'TEARDOWN',
];

/** First place where `text` can be none of METHODS; -1 while it may become one. */
function methodFailure(text: string): Failure | undefined {
  const space = text.indexOf(' ');
  const word = space < 0 ? text : text.slice(0, space);
  if (METHODS.includes(word) || (space < 0 && METHODS.some((name) => name.startsWith(word)))) {
    return undefined;
  }
  for (let length = word.length; length > 0; length--) {
    const start = word.slice(0, length);
    if (METHODS.includes(start)) {
      return failure('HPE_INVALID_METHOD', 'Expected space after method', length);
    }
    if ([...METHODS, ...FOREIGN].some((name) => name.startsWith(start))) {
      return failure('HPE_INVALID_METHOD', 'Invalid method encountered', length);
    }
  }
  return failure('HPE_INVALID_METHOD', 'Invalid method encountered', 0);
}

/** The target of a request, up to the space after it. */
function targetFailure(text: string, start: number, end: number): Failure | undefined {
  const target = text.slice(start, end);
  const isConnect = text.startsWith('CONNECT ');
  const bad = /[^!-~]/.exec(target);
  if (bad && /[\t\f]/.test(bad[0])) {
    return failure('HPE_INVALID_URL', 'Invalid characters in url', start + bad.index + 1);
  }
  if (target !== '' && !isConnect && !/^[/*a-zA-Z]/.test(target)) {
    return failure('HPE_INVALID_URL', 'Unexpected start char in url', start);
  }
  const schema = /^[a-zA-Z]+/.exec(target)?.[0] ?? '';
  if (schema !== '' && !isConnect) {
    const rest = target.slice(schema.length);
    if (rest === '' && end < text.length) {
      return failure('HPE_INVALID_URL', 'Invalid characters in url', end + 1);
    }
    if (rest !== '' && !rest.startsWith('://') && !'://'.startsWith(rest)) {
      const reason = 'Unexpected char in url schema';
      return failure('HPE_INVALID_URL', reason, start + schema.length);
    }
  }
  if (!bad) return undefined;
  const before = target.slice(0, bad.index);
  const part = before.includes('#') ? 'fragment' : before.includes('?') ? 'query' : 'path';
  return failure('HPE_INVALID_URL', `Invalid char in url ${part}`, start + bad.index);
}

const REQUEST_VERSIONS = ['0.9', '1.0', '1.1', '2.0'];

/** What follows the target, or starts a response: "HTTP/1.1". */
function versionFailure(
  text: string,
  start: number,
  names: readonly string[],
  expected: string,
): Failure | undefined {
  const rest = text.slice(start);
  const name = names.find((one) => rest.startsWith(one) || one.startsWith(rest));
  if (name === undefined) {
    let same = 0;
    while (names.some((one) => one.startsWith(rest.slice(0, same + 1)))) same += 1;
    return failure('HPE_INVALID_CONSTANT', `Expected ${expected}`, start + same);
  }
  if (rest.length <= name.length) return undefined;
  const version = rest.slice(name.length, name.length + 3);
  const isStart = REQUEST_VERSIONS.some((one) => one.startsWith(version));
  if (!isStart) {
    const wrong = /^\d/.test(version) ? (version[1] === '.' || version.length < 2 ? 3 : 1) : 0;
    const reason =
      wrong === 0
        ? 'Invalid major version'
        : wrong === 1
          ? 'Expected dot'
          : /^\d\.\D/.test(version)
            ? 'Invalid minor version'
            : 'Invalid HTTP version';
    return failure('HPE_INVALID_VERSION', reason, start + name.length + wrong);
  }
  return undefined;
}

const AFTER_VERSION = 'Expected CRLF after version';

export function requestLineFailure(text: string): Failure | undefined {
  const method = methodFailure(text);
  if (method) return method;
  const start = /^[A-Z-]+ +/.exec(text)?.[0].length ?? 0;
  if (start === 0 || start === text.length) return undefined;
  const lineEnd = text.slice(start).search(/[\r\n]/);
  const space = text.indexOf(' ', start);
  const hasSpace = space >= 0 && (lineEnd < 0 || space < start + lineEnd);
  const end = hasSpace ? space : lineEnd < 0 ? text.length : start + lineEnd;
  const target = targetFailure(text, start, end);
  if (target) return target;
  if (!hasSpace) {
    const isCut = lineEnd >= 0 && text[end] === '\r' && end + 1 < text.length;
    if (!isCut || text[end + 1] === '\n') return undefined;
    return failure('HPE_STRICT', 'Expected CRLF', end + 1);
  }
  const version = end + 1;
  const names = ['HTTP/', 'RTSP/', 'ICE/'];
  const bad = versionFailure(text, version, names, 'HTTP/, RTSP/ or ICE/');
  if (bad) return bad;
  const after = text.indexOf('/', version) + 4;
  return lineEndFailure(text, after, AFTER_VERSION);
}

function lineEndFailure(text: string, at: number, reason: string): Failure | undefined {
  if (at >= text.length || text.indexOf('\r\n', at) === at) return undefined;
  if (text[at] !== '\r') {
    const isLf = text[at] === '\n';
    return failure('HPE_INVALID_VERSION', reason, isLf ? at + 1 : at);
  }
  return at + 1 < text.length ? failure('HPE_STRICT', reason, at + 1) : undefined;
}

export function statusLineFailure(text: string): Failure | undefined {
  const bad = versionFailure(text, 0, ['HTTP/', 'RTSP/', 'ICE/'], 'HTTP/, RTSP/ or ICE/');
  const after = text.indexOf('/') + 4;
  if (bad || after < 4 || text.length <= after) return bad;
  if (text[after] !== ' ') {
    return failure('HPE_INVALID_VERSION', 'Expected space after version', after);
  }
  const statusEnd = after + 4;
  for (let at = after + 1; at < Math.min(statusEnd, text.length); at++) {
    if (!/\d/.test(text.charAt(at))) {
      return failure('HPE_INVALID_STATUS', 'Invalid status code', at);
    }
  }
  if (text.length > statusEnd && !/[ \r\n]/.test(text.charAt(statusEnd))) {
    return failure('HPE_INVALID_STATUS', 'Invalid response status', statusEnd);
  }
  const end = text.indexOf('\r');
  const lf = text.indexOf('\n');
  if (lf >= 0 && (end < 0 || lf < end)) {
    return failure('HPE_CR_EXPECTED', 'Missing expected CR after response line', lf);
  }
  if (end < 0 || end + 1 === text.length || text[end + 1] === '\n') return undefined;
  return failure('HPE_STRICT', 'Missing expected LF after response line', end + 1);
}

/** What starts a line: the end of the head, a name, or what may not be there. */
function lineStartFailure(
  text: string,
  at: number,
  before: { readonly isFirst: boolean; readonly wasEmpty: boolean },
): Failure | undefined {
  const code = text.charCodeAt(at);
  if (code === CR) {
    if (at + 1 === text.length || text.charCodeAt(at + 1) === LF) return undefined;
    return failure('HPE_STRICT', 'Expected LF after headers', at + 1);
  }
  if (code === LF) {
    return failure('HPE_INVALID_HEADER_TOKEN', 'Invalid header field char', at + 1);
  }
  if (code !== SPACE && code !== TAB) return undefined;
  if (before.isFirst) {
    return failure('HPE_UNEXPECTED_SPACE', 'Unexpected space after start line', at + 1);
  }
  if (before.wasEmpty) {
    return failure('HPE_INVALID_HEADER_TOKEN', 'Invalid header value char', at + 1);
  }
  const reason = 'Unexpected whitespace after header value';
  return failure('HPE_INVALID_HEADER_TOKEN', reason, at);
}

/** Field lines from `start` on; undefined when they are good as far as they go. */
export function fieldsFailure(text: string, start: number, lenient: boolean): Failure | undefined {
  let at = start;
  let wasEmpty = false;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const bad = lineStartFailure(text, at, { isFirst: at === start, wasEmpty });
    if (bad || code === CR) return bad;
    const nameStart = at;
    while (at < text.length && isTokenChar(text, at)) at += 1;
    if (at === text.length) return undefined;
    if (at === nameStart || text[at] !== ':') {
      return failure('HPE_INVALID_HEADER_TOKEN', 'Invalid header token', at);
    }
    const value = /[^\t\x20-\x7e\x80-\xff]/g;
    const loose = /[\r\n]/g;
    const pattern = lenient ? loose : value;
    pattern.lastIndex = at + 1;
    const end = pattern.exec(text);
    if (!end) return undefined;
    wasEmpty = text.slice(at + 1, end.index).trim() === '';
    at = end.index;
    if (text.charCodeAt(at) === LF) {
      return failure('HPE_CR_EXPECTED', 'Missing expected CR after header value', at);
    }
    if (text.charCodeAt(at) !== CR) {
      return failure('HPE_INVALID_HEADER_TOKEN', 'Invalid header value char', at);
    }
    if (at + 1 === text.length) return undefined;
    if (text.charCodeAt(at + 1) !== LF) {
      return failure('HPE_LF_EXPECTED', 'Missing expected LF after header value', at + 1);
    }
    at += 2;
  }
  return undefined;
}
