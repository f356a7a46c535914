/** `http.Server`: `net.Server` whose connections speak HTTP/1.1. An ES5-style constructor. */

import { nowMs } from '../timer-wheel.ts';
import { IncomingMessage, type IncomingMessageConstructor } from './http-incoming.ts';
import { kUniqueHeaders } from './http-outgoing-types.ts';
import { ServerResponse, type ServerResponseConstructor } from './http-response.ts';
import { Connection } from './http-server-connection.ts';
import { kIncoming, kResponse } from './http-server-types.ts';
import { STATUS_CODES } from './http-tokens.ts';
import type { HttpSocket } from './http-types.ts';
import { Server as NetServer, type Server as NetServerShape } from './net-server.ts';
import { nodeError, outOfRange } from './node-errors.ts';
import { clearTimeout, setUnreferencedTimeout, type Timeout } from './timers.ts';
import { validateBoolean, validateInteger, validateObject } from './validators.ts';

/** Characters of a head, as `--max-http-header-size` would change it. */
export const MAX_HEADER_SIZE = 16_384;

export interface ServerOptions {
  readonly IncomingMessage?: IncomingMessageConstructor;
  readonly ServerResponse?: ServerResponseConstructor;
  readonly maxHeaderSize?: number;
  readonly insecureHTTPParser?: boolean;
  readonly requestTimeout?: number;
  readonly headersTimeout?: number;
  readonly keepAliveTimeout?: number;
  readonly connectionsCheckingInterval?: number;
  readonly requireHostHeader?: boolean;
  readonly joinDuplicateHeaders?: boolean;
  readonly rejectNonStandardBodyWrites?: boolean;
  readonly optimizeEmptyRequests?: boolean;
  readonly uniqueHeaders?: readonly (string | readonly string[])[];
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  readonly highWaterMark?: number;
}

export interface HttpServer extends NetServerShape {
  [kIncoming]: IncomingMessageConstructor;
  [kResponse]: ServerResponseConstructor;
  [kUniqueHeaders]: Set<string> | null;
  [kWatch]: Watch;
  maxHeaderSize: number | undefined;
  readonly defaultHeaderSize: number;
  insecureHTTPParser: boolean | undefined;
  requestTimeout: number;
  headersTimeout: number;
  keepAliveTimeout: number;
  connectionsCheckingInterval: number;
  requireHostHeader: boolean;
  joinDuplicateHeaders: boolean | undefined;
  rejectNonStandardBodyWrites: boolean;
  optimizeEmptyRequests: boolean;
  httpAllowHalfOpen: boolean;
  timeout: number;
  maxHeadersCount: number | null;
  maxRequestsPerSocket: number | null;
  connectionGone(connection: Connection): void;
  watchIdle(): void;
  closeIdleConnections(): void;
}

/** Connections of a server and the two timers that look at them. */
interface Watch {
  readonly connections: Set<Connection>;
  /** Due when the first idle connection may have waited long enough. */
  idle: Timeout | undefined;
  /** Runs while there are connections. */
  check: Timeout | undefined;
}

const kWatch: unique symbol = Symbol('http.server.connections');

export interface ServerConstructor {
  new (options?: unknown, listener?: unknown): HttpServer;
  (options?: unknown, listener?: unknown): HttpServer;
  readonly prototype: HttpServer;
}

function timeOption(value: unknown, name: string, byDefault: number): number {
  if (value === undefined) return byDefault;
  validateInteger(value, name, 0);
  return value;
}

function optionalBoolean(value: unknown, name: string): void {
  if (value !== undefined) validateBoolean(value, name);
}

/** Names in lower case, from "Name" or ["Name", ...]. */
export function uniqueNames(
  names: readonly (string | readonly string[])[] | undefined,
): Set<string> | null {
  if (!Array.isArray(names) || names.length === 0) return null;
  const unique = new Set<string>();
  for (const name of names.flat() as string[]) unique.add(name.toLowerCase());
  return unique;
}

function storeOptions(server: HttpServer, options: ServerOptions): void {
  server[kIncoming] = options.IncomingMessage ?? IncomingMessage;
  server[kResponse] = options.ServerResponse ?? ServerResponse;
  if (options.maxHeaderSize !== undefined) {
    validateInteger(options.maxHeaderSize, 'maxHeaderSize', 0);
  }
  server.maxHeaderSize = options.maxHeaderSize;
  optionalBoolean(options.insecureHTTPParser, 'options.insecureHTTPParser');
  server.insecureHTTPParser = options.insecureHTTPParser;
  server.requestTimeout = timeOption(options.requestTimeout, 'requestTimeout', 300_000);
  const headersDefault =
    server.requestTimeout > 0 ? Math.min(60_000, server.requestTimeout) : 60_000;
  server.headersTimeout = timeOption(options.headersTimeout, 'headersTimeout', headersDefault);
  if (
    server.requestTimeout > 0 &&
    server.headersTimeout > 0 &&
    server.headersTimeout > server.requestTimeout
  ) {
    throw outOfRange('headersTimeout', '<= requestTimeout', options.headersTimeout);
  }
  server.keepAliveTimeout = timeOption(options.keepAliveTimeout, 'keepAliveTimeout', 5000);
  server.connectionsCheckingInterval = timeOption(
    options.connectionsCheckingInterval,
    'connectionsCheckingInterval',
    30_000,
  );
  optionalBoolean(options.requireHostHeader, 'options.requireHostHeader');
  server.requireHostHeader = options.requireHostHeader ?? true;
  optionalBoolean(options.joinDuplicateHeaders, 'options.joinDuplicateHeaders');
  server.joinDuplicateHeaders = options.joinDuplicateHeaders;
  const strict = options.rejectNonStandardBodyWrites;
  optionalBoolean(strict, 'options.rejectNonStandardBodyWrites');
  server.rejectNonStandardBodyWrites = strict ?? false;
  optionalBoolean(options.optimizeEmptyRequests, 'options.optimizeEmptyRequests');
  // Of Node 24, which shows no such property either.
  const value = options.optimizeEmptyRequests ?? false;
  Object.defineProperty(server, 'optimizeEmptyRequests', { value, configurable: true });
}

function construct(
  this: HttpServer | undefined,
  given?: unknown,
  second?: unknown,
): HttpServer | undefined {
  if (!(this instanceof Server)) return new Server(given, second);
  let options: ServerOptions = {};
  let listener = second;
  if (typeof given === 'function') listener = given;
  else if (given !== undefined && given !== null) {
    validateObject(given, 'options');
    options = given;
  }
  storeOptions(this, options);
  (NetServer as unknown as (this: object, options: object) => void).call(this, {
    allowHalfOpen: true,
    noDelay: options.noDelay ?? true,
    keepAlive: options.keepAlive,
    highWaterMark: options.highWaterMark,
  });
  if (listener) this.on('request', listener as () => void);
  this.httpAllowHalfOpen = false;
  this.on('connection', connectionListener);
  this.timeout = 0;
  this.maxHeadersCount = null;
  this.maxRequestsPerSocket = 0;
  Object.defineProperty(this, kWatch, {
    value: { connections: new Set(), idle: undefined, check: undefined },
  });
  this[kUniqueHeaders] = uniqueNames(options.uniqueHeaders);
  return undefined;
}

export const Server = construct as unknown as ServerConstructor;
Object.defineProperty(Server, 'name', { value: 'Server', configurable: true });
Object.setPrototypeOf(Server.prototype, NetServer.prototype);
Object.setPrototypeOf(Server, NetServer);

/** Makes HTTP of any Duplex that is given to it as a connection. */
export function connectionListener(this: HttpServer, socket: HttpSocket): void {
  const connection = new Connection(this, socket);
  if (this.timeout && typeof socket.setTimeout === 'function') socket.setTimeout(this.timeout);
  const watch = this[kWatch];
  watch.connections.add(connection);
  startCheck(this, watch);
}

function requestTimeoutError(): Error {
  return nodeError(Error, 'ERR_HTTP_REQUEST_TIMEOUT', 'Request timeout');
}

/** Refuses requests whose head or body takes too long, as long as there are connections. */
function startCheck(server: HttpServer, watch: Watch): void {
  if (watch.check !== undefined || server.connectionsCheckingInterval <= 0) return;
  watch.check = setUnreferencedTimeout(() => {
    watch.check = undefined;
    const now = nowMs();
    for (const connection of [...watch.connections]) {
      const { messageSinceMs: since, headIsComplete, current } = connection;
      if (since < 0) continue;
      const waited = now - since;
      const { headersTimeout, requestTimeout } = server;
      const isHeadLate = !headIsComplete && headersTimeout > 0 && waited >= headersTimeout;
      const isArriving = !headIsComplete || (current !== null && !current.complete);
      const isLate = isArriving && requestTimeout > 0 && waited >= requestTimeout;
      if (isHeadLate || isLate) {
        connection.messageSinceMs = -1;
        connection.fail(requestTimeoutError());
      }
    }
    if (watch.connections.size > 0) startCheck(server, watch);
  }, server.connectionsCheckingInterval);
}

/**
 * One timer for all connections that wait for a next request: a response costs a look at the clock,
 * not a timer.
 */
function expireIdle(server: HttpServer, watch: Watch): void {
  watch.idle = undefined;
  const now = nowMs();
  let next = Number.POSITIVE_INFINITY;
  for (const connection of [...watch.connections]) {
    const since = connection.idleSinceMs;
    if (since < 0) continue;
    if (now - since >= server.keepAliveTimeout) connection.expireIdle();
    else next = Math.min(next, since + server.keepAliveTimeout);
  }
  if (next !== Number.POSITIVE_INFINITY) {
    watch.idle = setUnreferencedTimeout(() => expireIdle(server, watch), next - now);
  }
}

const methods: ThisType<HttpServer> & Record<string, unknown> = {
  close(callback?: (error?: Error) => void): HttpServer {
    this.closeIdleConnections();
    const watch = this[kWatch];
    clearTimeout(watch.check);
    watch.check = undefined;
    NetServer.prototype.close.call(this, callback);
    return this;
  },

  closeAllConnections(): void {
    for (const { socket } of [...this[kWatch].connections]) socket.destroy();
  },

  closeIdleConnections(): void {
    for (const connection of [...this[kWatch].connections]) {
      if (connection.isIdle) connection.socket.destroy();
    }
  },

  setTimeout(ms: number, callback?: () => void): HttpServer {
    this.timeout = ms;
    if (callback) this.on('timeout', callback);
    return this;
  },

  [Symbol.for('nodejs.rejection')](error: unknown, event: string, ...args: unknown[]): void {
    if (event !== 'request') {
      this.emit('error', error);
      return;
    }
    const response = args[1] as ServerResponse & { getHeaderNames(): string[] };
    if (response.headersSent || response.finished) {
      response.destroy();
      return;
    }
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    response.statusCode = 500;
    response.end(STATUS_CODES[500]);
  },
};

for (const key of Reflect.ownKeys(methods)) {
  Object.defineProperty(Server.prototype, key, {
    value: (methods as Record<PropertyKey, unknown>)[key],
    writable: true,
    enumerable: typeof key === 'string',
    configurable: true,
  });
}

/** What the connections call; not for programs. */
const internal: ThisType<HttpServer> & Record<string, unknown> = {
  defaultHeaderSize: MAX_HEADER_SIZE,

  connectionGone(connection: Connection): void {
    const watch = this[kWatch];
    watch.connections.delete(connection);
    if (watch.connections.size > 0) return;
    clearTimeout(watch.check);
    clearTimeout(watch.idle);
    watch.check = undefined;
    watch.idle = undefined;
  },

  watchIdle(): void {
    const watch = this[kWatch];
    if (watch.idle !== undefined) return;
    const wait = this.keepAliveTimeout;
    watch.idle = setUnreferencedTimeout(() => expireIdle(this, watch), wait);
  },
};
for (const [name, value] of Object.entries(internal)) {
  Object.defineProperty(Server.prototype, name, { value, writable: true, configurable: true });
}
const asyncDispose = (Symbol as { asyncDispose?: symbol }).asyncDispose;
if (asyncDispose) {
  Object.defineProperty(Server.prototype, asyncDispose, {
    value(this: HttpServer): Promise<void> {
      return new Promise((resolve, reject) => {
        this.close((error) => (error ? reject(error) : resolve()));
      });
    },
    writable: true,
    configurable: true,
  });
}
