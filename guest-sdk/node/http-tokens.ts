/** The words of HTTP/1.1: methods, status texts, which characters names and values may have. */

import { nodeError } from './node-errors.ts';

export const METHODS: readonly string[] =
  'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE'.split(
    ' ',
  );

const STATUS_LINES = `100 Continue|101 Switching Protocols|102 Processing|103 Early Hints|200 OK|201 Created|202 Accepted
203 Non-Authoritative Information|204 No Content|205 Reset Content|206 Partial Content|207 Multi-Status|208 Already Reported
226 IM Used|300 Multiple Choices|301 Moved Permanently|302 Found|303 See Other|304 Not Modified|305 Use Proxy
307 Temporary Redirect|308 Permanent Redirect|400 Bad Request|401 Unauthorized|402 Payment Required|403 Forbidden
404 Not Found|405 Method Not Allowed|406 Not Acceptable|407 Proxy Authentication Required|408 Request Timeout|409 Conflict
410 Gone|411 Length Required|412 Precondition Failed|413 Payload Too Large|414 URI Too Long|415 Unsupported Media Type
416 Range Not Satisfiable|417 Expectation Failed|418 I'm a Teapot|421 Misdirected Request|422 Unprocessable Entity
423 Locked|424 Failed Dependency|425 Too Early|426 Upgrade Required|428 Precondition Required|429 Too Many Requests
431 Request Header Fields Too Large|451 Unavailable For Legal Reasons|500 Internal Server Error|501 Not Implemented
502 Bad Gateway|503 Service Unavailable|504 Gateway Timeout|505 HTTP Version Not Supported|506 Variant Also Negotiates
507 Insufficient Storage|508 Loop Detected|509 Bandwidth Limit Exceeded|510 Not Extended
511 Network Authentication Required`;

/** Programs add to it and `statusMessage` defaults from it, so it stays a plain object. */
export const STATUS_CODES: Record<number, string> = {};
for (const line of STATUS_LINES.split(/[|\n]/))
  STATUS_CODES[Number(line.slice(0, 3))] = line.slice(4);

const TOKEN = /^[\^_`a-zA-Z\-0-9!#$%&'*+.|~]+$/;
const INVALID_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** True for a `token` of RFC 9110: what a method or a header name may be. */
export function isToken(value: unknown): boolean {
  return TOKEN.test(value as string);
}

/** True when a header value has a character that may not be in one. */
export function hasInvalidHeaderChar(value: unknown): boolean {
  return INVALID_VALUE.test(value as string);
}

/** Names checked already: a server sets the same few again and again. */
const goodNames = new Set<unknown>();
const GOOD_NAMES_MAX = 200;

export function validateHeaderName(name: unknown, label?: string): asserts name is string {
  if (goodNames.has(name)) return;
  if (typeof name !== 'string' || name === '' || !isToken(name)) {
    const text = `${label || 'Header name'} must be a valid HTTP token ["${String(name)}"]`;
    throw nodeError(TypeError, 'ERR_INVALID_HTTP_TOKEN', text);
  }
  if (goodNames.size < GOOD_NAMES_MAX) goodNames.add(name);
}

export function validateHeaderValue(name: string, value: unknown): void {
  if (value === undefined) {
    const text = `Invalid value "undefined" for header "${name}"`;
    throw nodeError(TypeError, 'ERR_HTTP_INVALID_HEADER_VALUE', text);
  }
  if (hasInvalidHeaderChar(value)) {
    throw nodeError(
      TypeError,
      'ERR_INVALID_CHAR',
      `Invalid character in header content ["${name}"]`,
    );
  }
}
