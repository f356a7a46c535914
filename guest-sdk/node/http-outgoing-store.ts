/** From header fields to the text of a head: what is sent, what is added, how the body is framed. */

import {
  type HeaderValue,
  kOutHeaders,
  kUniqueHeaders,
  type OutgoingMessage,
} from './http-outgoing-types.ts';
import { validateHeaderName, validateHeaderValue } from './http-tokens.ts';
import { invalidArgValue, nodeError } from './node-errors.ts';

let dateSecond = -1;
let dateText = '';

/** The value of a Date field, by the guest's clock. */
export function httpDate(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}

/** Which fields that matter for framing the program has set itself. */
interface Seen {
  connection: boolean;
  length: boolean;
  coding: boolean;
  date: boolean;
  expect: boolean;
  trailer: boolean;
}

const CLOSE = /(?:^|\W)close(?:$|\W)/i;
const CHUNKED = /(?:^|\W)chunked(?:$|\W)/i;

function note(message: OutgoingMessage, seen: Seen, name: string, value: string): void {
  const { length } = name;
  if (length < 4 || length > 17) return;
  switch (name.toLowerCase()) {
    case 'connection':
      seen.connection = true;
      message._removedConnection = false;
      if (CLOSE.test(value)) message._last = true;
      else message.shouldKeepAlive = true;
      return;
    case 'transfer-encoding':
      seen.coding = true;
      message._removedTE = false;
      if (CHUNKED.test(value)) message.chunkedEncoding = true;
      return;
    case 'content-length':
      seen.length = true;
      message._contentLength = Number(value);
      message._removedContLen = false;
      return;
    case 'date':
      seen.date = true;
      return;
    case 'expect':
      seen.expect = true;
      return;
    case 'trailer':
      seen.trailer = true;
      return;
    case 'keep-alive':
      message._defaultKeepAlive = false;
      return;
    default:
  }
}

/** The lines of one field: several for a list, unless they belong into one. */
function linesOf(
  message: OutgoingMessage,
  seen: Seen,
  name: string,
  given: unknown,
  validate: boolean,
): string {
  if (validate) validateHeaderName(name);
  let value = given;
  if (Array.isArray(value)) {
    const isCookie = name.length === 6 && name.toLowerCase() === 'cookie';
    const separate =
      (value.length < 2 || !isCookie) &&
      !(value.length > 1 && message[kUniqueHeaders]?.has(name.toLowerCase()));
    if (separate) {
      let lines = '';
      for (const one of value) lines += line(message, seen, name, one as string, validate);
      return lines;
    }
    value = value.join('; ');
  }
  return line(message, seen, name, value as string, validate);
}

function line(
  message: OutgoingMessage,
  seen: Seen,
  name: string,
  value: string,
  validate: boolean,
): string {
  if (validate) validateHeaderValue(name, value);
  note(message, seen, name, value);
  return `${name}: ${value}\r\n`;
}

function allLines(message: OutgoingMessage, seen: Seen, headers: unknown): string {
  let lines = '';
  if (headers === message[kOutHeaders] && headers) {
    // Checked when they were set.
    const table = headers as Record<string, [string, HeaderValue]>;
    for (const key in table) {
      const entry = table[key] as [string, HeaderValue];
      lines += linesOf(message, seen, entry[0], entry[1], false);
    }
    return lines;
  }
  if (Array.isArray(headers)) {
    if (headers.length > 0 && Array.isArray(headers[0])) {
      for (const [name, value] of headers as [string, unknown][]) {
        lines += linesOf(message, seen, name, value, true);
      }
      return lines;
    }
    if (headers.length % 2 !== 0) {
      throw invalidArgValue('headers', headers);
    }
    for (let i = 0; i < headers.length; i += 2) {
      lines += linesOf(message, seen, headers[i] as string, headers[i + 1], true);
    }
    return lines;
  }
  for (const name in headers as Record<string, unknown>) {
    if (!Object.hasOwn(headers as object, name)) continue;
    lines += linesOf(message, seen, name, (headers as Record<string, unknown>)[name], true);
  }
  return lines;
}

/** The Connection field, when the program has none. */
function connectionLines(message: OutgoingMessage, seen: Seen): string {
  const keeps =
    message.shouldKeepAlive &&
    (seen.length || message.useChunkedEncodingByDefault || Boolean(message.agent));
  if (keeps && message.maxRequestsOnConnectionReached) return 'Connection: close\r\n';
  if (!keeps) {
    message._last = true;
    return 'Connection: close\r\n';
  }
  if (!message._keepAliveTimeout || !message._defaultKeepAlive) return 'Connection: keep-alive\r\n';
  const seconds = Math.floor(message._keepAliveTimeout / 1000);
  const requests = Math.trunc(message._maxRequestsPerSocket ?? 0);
  const max = requests > 0 ? `, max=${message._maxRequestsPerSocket}` : '';
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}${max}\r\n`;
}

/** How the body ends, when the program has not said. */
function framingLine(message: OutgoingMessage, seen: Seen): string {
  if (!message._hasBody) {
    message.chunkedEncoding = false;
    return '';
  }
  if (!message.useChunkedEncodingByDefault) {
    message._last = true;
    return '';
  }
  if (!seen.trailer && !message._removedContLen && typeof message._contentLength === 'number') {
    return `Content-Length: ${message._contentLength}\r\n`;
  }
  if (message._removedTE) {
    // Only the end of the connection can be the end of the body.
    message._last = true;
    return '';
  }
  message.chunkedEncoding = true;
  return 'Transfer-Encoding: chunked\r\n';
}

/** Makes `_header` of a message. */
export function storeHeader(message: OutgoingMessage, firstLine: string, headers: unknown): void {
  const seen: Seen = {
    connection: false,
    length: false,
    coding: false,
    date: false,
    expect: false,
    trailer: false,
  };
  let header = firstLine;
  if (headers) header += allLines(message, seen, headers);
  if (message.sendDate && !seen.date) header += `Date: ${httpDate()}\r\n`;
  const isBare = message.statusCode === 204 || message.statusCode === 304;
  if (message.chunkedEncoding && isBare) {
    message.chunkedEncoding = false;
    message.shouldKeepAlive = false;
  }
  if (message._removedConnection) message._last = !message.shouldKeepAlive;
  else if (!seen.connection) header += connectionLines(message, seen);
  if (!seen.length && !seen.coding) header += framingLine(message, seen);
  if (message.chunkedEncoding !== true && seen.trailer) {
    const text = 'Trailers are invalid with this transfer encoding';
    throw nodeError(Error, 'ERR_HTTP_TRAILER_INVALID', text);
  }
  message._header = `${header}\r\n`;
  message._headerSent = false;
  if (seen.expect) message._send('');
}
