/** From the head of a request to an IncomingMessage. */

import { type IncomingMessage, kLazy } from './http-incoming.ts';
import type { Head } from './http-parser.ts';
import type { HttpServer } from './http-server.ts';
import { kIncoming } from './http-server-types.ts';
import type { HttpSocket } from './http-types.ts';

/** Header pairs that count when the server says nothing: twice as many texts. */
const HEADER_PAIRS_MAX = 2000;

/** What a server hands to its listeners for the head of a request. */
export function makeRequest(
  server: HttpServer,
  socket: HttpSocket,
  { line, fields, upgrade }: Head,
): IncomingMessage {
  const request = new server[kIncoming](socket);
  request.httpVersionMajor = line.major;
  request.httpVersionMinor = line.minor;
  request.httpVersion = line.minor === 1 ? '1.1' : `${line.major}.${line.minor}`;
  request.joinDuplicateHeaders = server.joinDuplicateHeaders === true;
  request.url = line.url;
  request.rawHeaders = fields.raw;
  request.method = line.method;
  request.upgrade = upgrade;
  const lazy = request[kLazy];
  lazy.shared = fields.shared;
  const pairs = server.maxHeadersCount ?? HEADER_PAIRS_MAX;
  if (pairs > 0) lazy.count = 2 * pairs;
  return request;
}

/** A head that speaks of a body, be it an empty one. */
export function bringsBody(raw: readonly string[]): boolean {
  return raw.some(
    (name, at) => at % 2 === 0 && /^(?:content-length|transfer-encoding)$/i.test(name),
  );
}
