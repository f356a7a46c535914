/**
 * The head of an HTTP/1.x message as text (one character per byte): start line and field lines, and
 * what they say about the body. Strict as RFC 9112 asks: nothing that two parsers could read in two
 * ways is accepted.
 */

import {
  type Failure,
  failure,
  fieldsFailure,
  requestLineFailure,
  statusLineFailure,
} from './http-head-errors.ts';

/** What the field lines of one message say. `raw` alternates names and values as they came. */
export interface Fields {
  readonly raw: string[];
  /** Of Content-Length; -1 without one. */
  readonly length: number;
  /** The last transfer coding is "chunked". */
  readonly chunked: boolean;
  /** There is a Transfer-Encoding with some other last coding. */
  readonly otherCoding: boolean;
  readonly close: boolean;
  readonly keepAlive: boolean;
  /** "upgrade" is among the options of Connection, and there is an Upgrade field. */
  readonly upgrade: boolean;
  readonly host: boolean;
  /** Value of Expect. */
  readonly expect: string | undefined;
  /** Shared by all messages with the same lines: the table of `headers`, once somebody made it. */
  readonly shared: { table?: Readonly<Record<string, string | string[] | undefined>> };
}

export interface StartLine {
  readonly major: number;
  readonly minor: number;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly reason: string;
}

export type Parsed<T> = T | Failure;

export function isFailure(value: object): value is Failure {
  return 'code' in value;
}

const REQUEST_LINE =
  /^([A-Z]+|M-SEARCH) +(?:([/*][!-~]*|[a-zA-Z]+:\/\/[!-~]*)|([!-~]+))(?: (?:HTTP|RTSP|ICE)\/(1\.1|1\.0|0\.9|2\.0))?$/;
const STATUS_LINE = /^(?:HTTP|RTSP|ICE)\/(1\.1|1\.0|0\.9|2\.0) (\d\d\d)(?: ([^\r\n]*))?$/;
const FIELDS = /^(?:[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const FIELDS_LENIENT = /^(?:[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+:[^\r\n]*\r\n)*$/;
const DIGITS = /^[0-9]+$/;

export function parseRequestLine(line: string): Parsed<StartLine> {
  const match = REQUEST_LINE.exec(line);
  const bad = match === null || (match[3] !== undefined && match[1] !== 'CONNECT');
  const wrong = requestLineFailureOf(line, bad, match?.[1] ?? '');
  if (wrong) return wrong;
  const [, method = '', target, authority, version = '0.9'] = match ?? [];
  return {
    major: version.charCodeAt(0) - 48,
    minor: version.charCodeAt(2) - 48,
    method,
    url: target ?? authority ?? '',
    status: 0,
    reason: '',
  };
}

/** Methods seen to be good, so that the usual one costs a look into a set. */
const goodMethods = new Set<string>();

function requestLineFailureOf(line: string, bad: boolean, method: string): Failure | undefined {
  if (!bad && goodMethods.has(method)) return undefined;
  const found = requestLineFailure(`${line}\r\n`);
  if (found) return found;
  if (bad) return failure('HPE_INVALID_URL', 'Invalid characters in url', line.length);
  goodMethods.add(method);
  return undefined;
}

export function parseStatusLine(line: string): Parsed<StartLine> {
  const match = STATUS_LINE.exec(line);
  if (match === null) {
    const found = statusLineFailure(`${line}\r\n`);
    return found ?? failure('HPE_INVALID_STATUS', 'Invalid response status', line.length);
  }
  const [, version = '', status = '', reason = ''] = match;
  return {
    major: version.charCodeAt(0) - 48,
    minor: version.charCodeAt(2) - 48,
    method: '',
    url: '',
    status: Number(status),
    reason,
  };
}

/** Without the optional white space (SP and HTAB only) around it. */
function trimmed(text: string): string {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  if (first > 32 && last > 32) return text;
  return text.replace(/^[\t ]+|[\t ]+$/g, '');
}

interface Meaning {
  length: number;
  coding: 'none' | 'chunked' | 'other';
  close: boolean;
  keepAlive: boolean;
  upgradeOption: boolean;
  upgradeField: boolean;
  host: boolean;
  expect: string | undefined;
}

function readLength(meaning: Meaning, value: string, lenient: boolean): string | undefined {
  if (meaning.length >= 0) return 'Duplicate Content-Length';
  if (meaning.coding !== 'none' && !lenient) {
    return "Content-Length can't be present with Transfer-Encoding";
  }
  if (value === '') return 'Empty Content-Length';
  if (!DIGITS.test(value)) return 'Invalid character in Content-Length';
  const length = Number(value);
  if (!Number.isSafeInteger(length)) return 'Content-Length overflow';
  meaning.length = length;
  return undefined;
}

function readCoding(meaning: Meaning, value: string, lenient: boolean): string | undefined {
  if (meaning.length >= 0 && !lenient) {
    return "Transfer-Encoding can't be present with Content-Length";
  }
  const codings = value.toLowerCase().split(',').map(trimmed);
  for (const coding of codings) {
    if (coding === '') continue;
    // Whatever comes after "chunked" would be read by nobody or by somebody else.
    if (meaning.coding === 'chunked' && !lenient) return 'Invalid `Transfer-Encoding` header value';
    meaning.coding = coding === 'chunked' ? 'chunked' : 'other';
  }
  return undefined;
}

function readConnection(meaning: Meaning, value: string): void {
  for (const option of value.toLowerCase().split(',').map(trimmed)) {
    if (option === 'close') meaning.close = true;
    else if (option === 'keep-alive') meaning.keepAlive = true;
    else if (option === 'upgrade') meaning.upgradeOption = true;
  }
}

/** What one field means for the framing; a failure when it cannot be meant. */
function readField(
  meaning: Meaning,
  name: string,
  value: string,
  lenient: boolean,
): readonly [code: string, reason: string] | undefined {
  switch (name.length) {
    case 4:
      if (name.toLowerCase() === 'host') meaning.host = true;
      return undefined;
    case 6:
      if (name.toLowerCase() === 'expect') meaning.expect ??= value;
      return undefined;
    case 7:
      if (name.toLowerCase() === 'upgrade') meaning.upgradeField = true;
      return undefined;
    case 10:
      if (name.toLowerCase() === 'connection') readConnection(meaning, value);
      return undefined;
    case 16:
      if (name.toLowerCase() === 'proxy-connection') readConnection(meaning, value);
      return undefined;
    case 14: {
      if (name.toLowerCase() !== 'content-length') return undefined;
      const reason = readLength(meaning, value, lenient);
      if (reason === undefined) return undefined;
      const isDuplicate = reason.startsWith('Duplicate');
      return [isDuplicate ? 'HPE_UNEXPECTED_CONTENT_LENGTH' : 'HPE_INVALID_CONTENT_LENGTH', reason];
    }
    case 17: {
      if (name.toLowerCase() !== 'transfer-encoding') return undefined;
      const reason = readCoding(meaning, value, lenient);
      return reason === undefined ? undefined : ['HPE_INVALID_TRANSFER_ENCODING', reason];
    }
    default:
      return undefined;
  }
}

/** Reads field lines, each with its CRLF. `start` is where `block` is in the head, for failures. */
export function parseFields(block: string, start: number, lenient: boolean): Parsed<Fields> {
  if (!(lenient ? FIELDS_LENIENT : FIELDS).test(block)) {
    const found = fieldsFailure(block, 0, lenient);
    const bad = found ?? failure('HPE_INVALID_HEADER_TOKEN', 'Invalid header token', block.length);
    return failure(bad.code, bad.reason, bad.at + start);
  }
  const raw: string[] = [];
  const meaning: Meaning = {
    length: -1,
    coding: 'none',
    close: false,
    keepAlive: false,
    upgradeOption: false,
    upgradeField: false,
    host: false,
    expect: undefined,
  };
  let at = 0;
  while (at < block.length) {
    const end = block.indexOf('\r\n', at);
    const colon = block.indexOf(':', at);
    const name = block.slice(at, colon);
    const value = end === colon + 1 ? '' : trimmed(block.slice(colon + 1, end));
    raw.push(name, value);
    const bad = readField(meaning, name, value, lenient);
    if (bad) return failure(bad[0], bad[1], start + end);
    at = end + 2;
  }
  return {
    raw,
    length: meaning.length,
    chunked: meaning.coding === 'chunked',
    otherCoding: meaning.coding === 'other',
    close: meaning.close,
    keepAlive: meaning.keepAlive,
    upgrade: meaning.upgradeOption && meaning.upgradeField,
    host: meaning.host,
    expect: meaning.expect,
    shared: {},
  };
}

const BLOCK_LENGTH_MAX = 1024;
const BLOCKS_MAX = 64;
const blocks = new Map<string, Fields>();

/**
 * `parseFields` with a memory: a client sends the same lines with request after request. `raw` of
 * the answer is the caller's own.
 */
export function parseFieldsAgain(block: string, start: number, lenient: boolean): Parsed<Fields> {
  if (lenient || block.length > BLOCK_LENGTH_MAX) return parseFields(block, start, lenient);
  const known = blocks.get(block);
  if (known !== undefined) return { ...known, raw: known.raw.slice() };
  const fields = parseFields(block, start, lenient);
  if (isFailure(fields)) return fields;
  if (blocks.size >= BLOCKS_MAX) blocks.clear();
  blocks.set(block, fields);
  return { ...fields, raw: fields.raw.slice() };
}

/** What is wrong with a head that is not whole yet; undefined while it may become a good one. */
export function partialFailure(
  text: string,
  kind: 'request' | 'response',
  lenient: boolean,
): Failure | undefined {
  const line = kind === 'request' ? requestLineFailure(text) : statusLineFailure(text);
  if (line) return line;
  const end = text.indexOf('\r\n');
  if (end < 0) return undefined;
  return fieldsFailure(text, end + 2, lenient);
}
