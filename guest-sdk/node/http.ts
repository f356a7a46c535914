/** `node:http`. */

import { IncomingMessage } from './http-incoming.ts';
import { OutgoingMessage } from './http-outgoing.ts';
import { ServerResponse } from './http-response.ts';
import { connectionListener, type HttpServer, MAX_HEADER_SIZE, Server } from './http-server.ts';
import { METHODS, STATUS_CODES, validateHeaderName, validateHeaderValue } from './http-tokens.ts';

function createServer(options?: unknown, listener?: unknown): HttpServer {
  return new Server(options, listener);
}

export const exported: Record<string, unknown> = {
  _connectionListener: connectionListener,
  METHODS: [...METHODS].sort(),
  STATUS_CODES,
  IncomingMessage,
  OutgoingMessage,
  Server,
  ServerResponse,
  createServer,
  validateHeaderName,
  validateHeaderValue,
  maxHeaderSize: MAX_HEADER_SIZE,
};
