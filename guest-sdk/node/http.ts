/** `node:http`. */

import { Agent, globalAgent, setGlobalAgent } from './http-agent.ts';
import { ClientRequest } from './http-client.ts';
import { IncomingMessage } from './http-incoming.ts';
import { OutgoingMessage } from './http-outgoing.ts';
import { ServerResponse } from './http-response.ts';
import { connectionListener, type HttpServer, MAX_HEADER_SIZE, Server } from './http-server.ts';
import { METHODS, STATUS_CODES, validateHeaderName, validateHeaderValue } from './http-tokens.ts';
import { validateInteger } from './validators.ts';

function createServer(options?: unknown, listener?: unknown): HttpServer {
  return new Server(options, listener);
}

function request(url: unknown, options?: unknown, callback?: unknown): ClientRequest {
  return new ClientRequest(url, options, callback);
}

function get(url: unknown, options?: unknown, callback?: unknown): ClientRequest {
  const made = request(url, options, callback);
  made.end();
  return made;
}

export const exported: Record<string, unknown> = {
  _connectionListener: connectionListener,
  METHODS: [...METHODS].sort(),
  STATUS_CODES,
  Agent,
  ClientRequest,
  IncomingMessage,
  OutgoingMessage,
  Server,
  ServerResponse,
  createServer,
  validateHeaderName,
  validateHeaderValue,
  get,
  request,
  /** Parsers are not pooled here; the number is checked and forgotten. */
  setMaxIdleHTTPParsers(max: unknown): void {
    validateInteger(max, 'max', 1);
  },
};
Object.defineProperties(exported, {
  maxHeaderSize: { value: MAX_HEADER_SIZE, enumerable: true, configurable: true },
  globalAgent: { get: globalAgent, set: setGlobalAgent, enumerable: true, configurable: true },
});
