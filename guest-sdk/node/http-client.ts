/** `http.ClientRequest`. An ES5-style constructor. */

import { nextTick } from '../ticks.ts';
import { Buffer } from './buffer.ts';
import type { Agent } from './http-agent.ts';
import {
  checkParserOptions,
  checkPath,
  checkProtocol,
  checkTimeout,
  chooseAgent,
  defaultAgentOf,
  hostHeader,
  hostOf,
  methodOf,
  normalizeRequest,
  type RequestOptions,
} from './http-client-options.ts';
import { Exchange, emitError } from './http-client-socket.ts';
import { connectionReset, type IncomingMessage } from './http-incoming.ts';
import { OutgoingMessage } from './http-outgoing.ts';
import { headersSent } from './http-outgoing-headers.ts';
import {
  type HeaderValue,
  kErrored,
  kOutHeaders,
  kUniqueHeaders,
  type OutgoingMessage as OutgoingShape,
} from './http-outgoing-types.ts';
import { uniqueNames } from './http-server.ts';
import type { HttpSocket } from './http-types.ts';
import { exported as net } from './net.ts';
import { AbortError } from './node-errors.ts';
import { validateAbortSignal } from './validators.ts';

export interface ClientRequest extends OutgoingShape {
  agent: Agent | undefined;
  socketPath: string | undefined;
  method: string;
  path: string;
  host: string;
  protocol: string;
  maxHeaderSize: number | undefined;
  insecureHTTPParser: boolean | undefined;
  joinDuplicateHeaders: boolean | undefined;
  maxHeadersCount: number | null;
  timeout?: number;
  timeoutCb: (() => void) | null;
  _ended: boolean;
  res: IncomingMessage | null;
  aborted: boolean;
  upgradeOrConnect: boolean;
  reusedSocket: boolean;
  readonly exchange: Exchange | undefined;
  [kExchange]: Exchange | undefined;
  onSocket(socket: HttpSocket | null, error?: Error | null): void;
  setTimeout(ms: number, callback?: () => void): ClientRequest;
  forgetTimeout(): void;
  dropTimeout(): void;
  abort(): void;
  _deferToConnect(method: string | undefined, args: unknown[]): void;
}

export interface ClientRequestConstructor {
  new (input: unknown, options?: unknown, callback?: unknown): ClientRequest;
  (input: unknown, options?: unknown, callback?: unknown): ClientRequest;
  readonly prototype: ClientRequest;
}

const kExchange: unique symbol = Symbol('hv.exchange');
const BODYLESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: object): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

function obeySignal(request: ClientRequest, signal: Signal): void {
  const onAbort = (): void => {
    request.destroy(new AbortError(undefined, { cause: signal.reason }));
  };
  if (signal.aborted) {
    onAbort();
    return;
  }
  signal.addEventListener('abort', onAbort);
  request.once('close', () => signal.removeEventListener('abort', onAbort));
}

function setFields(request: ClientRequest, options: RequestOptions, defaultPort: unknown): void {
  const start = `${request.method} ${request.path} HTTP/1.1\r\n`;
  if (Array.isArray(options.headers)) {
    request._storeHeader(start, options.headers);
    return;
  }
  const headers = (options.headers ?? {}) as Record<string, HeaderValue>;
  for (const key of Object.keys(headers)) request.setHeader(key, headers[key] as HeaderValue);
  const isHostWanted =
    options.setHost === undefined ? options.setDefaultHeaders !== false : Boolean(options.setHost);
  if (isHostWanted && !request.getHeader('host')) {
    request.setHeader('Host', hostHeader(request.host, options.port, defaultPort));
  }
  if (options.auth && !request.getHeader('Authorization')) {
    request.setHeader('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
  }
  if (request.getHeader('expect')) {
    if (request._header) throw headersSent('render');
    request._storeHeader(start, request[kOutHeaders]);
  }
}

function connect(request: ClientRequest, options: RequestOptions): void {
  request._last = true;
  request.shouldKeepAlive = false;
  const place = { ...options, path: options.socketPath };
  if (typeof options.createConnection !== 'function') {
    request.onSocket(net.connect(place) as unknown as HttpSocket);
    return;
  }
  let isCreated = false;
  const onCreated = (error: Error | null, socket?: HttpSocket): void => {
    if (isCreated) return;
    isCreated = true;
    if (error) nextTick(() => emitError(request, error));
    else request.onSocket(socket ?? null);
  };
  try {
    const socket = options.createConnection(place, onCreated);
    if (socket) onCreated(null, socket);
  } catch (error) {
    onCreated(error as Error);
  }
}

function construct(
  this: ClientRequest | undefined,
  input: unknown,
  second?: unknown,
  third?: unknown,
): ClientRequest | undefined {
  if (!(this instanceof ClientRequest)) return new ClientRequest(input, second, third);
  OutgoingMessage.call(this);
  const { options, callback } = normalizeRequest(input, second, third);
  const byDefault = defaultAgentOf(options);
  this.agent = chooseAgent(options, byDefault);
  const protocol = options.protocol || byDefault.protocol;
  checkPath(options.path);
  checkProtocol(protocol, this.agent?.protocol || byDefault.protocol);
  const defaultPort = options.defaultPort || this.agent?.defaultPort;
  options.port = options.port || defaultPort || 80;
  const host = hostOf(options);
  options.host = host;
  const isBare = options.setDefaultHeaders === false;
  this._removedConnection = isBare;
  this._removedContLen = isBare;
  this._removedTE = isBare;
  this.socketPath = options.socketPath;
  if (options.timeout !== undefined) this.timeout = checkTimeout(options.timeout, 'timeout');
  this.method = methodOf(options);
  checkParserOptions(options);
  this.maxHeaderSize = options.maxHeaderSize;
  this.insecureHTTPParser = options.insecureHTTPParser;
  this.joinDuplicateHeaders = options.joinDuplicateHeaders;
  this.path = options.path || '/';
  if (callback) this.once('response', callback as () => void);
  this.useChunkedEncodingByDefault = !BODYLESS.has(this.method);
  this._ended = false;
  this.res = null;
  this.aborted = false;
  this.timeoutCb = null;
  this.upgradeOrConnect = false;
  this.maxHeadersCount = null;
  this.reusedSocket = false;
  this.host = host;
  this.protocol = protocol;
  if (this.agent) {
    const isOnce = !this.agent.keepAlive && !Number.isFinite(this.agent.maxSockets);
    this._last = isOnce;
    this.shouldKeepAlive = !isOnce;
  }
  if (options.signal !== undefined && options.signal !== null) {
    validateAbortSignal(options.signal, 'signal');
    obeySignal(this, options.signal as Signal);
  }
  setFields(this, options, defaultPort);
  this[kUniqueHeaders] = uniqueNames(options.uniqueHeaders);
  // The signal is the request's: a socket that many requests use must not end with one of them.
  const { signal: _signal, ...place } = options;
  if (this.agent) this.agent.addRequest(this, place as never);
  else connect(this, place);
  return undefined;
}

export const ClientRequest = construct as unknown as ClientRequestConstructor;
Object.defineProperty(ClientRequest, 'name', { value: 'ClientRequest', configurable: true });
Object.setPrototypeOf(ClientRequest.prototype, OutgoingMessage.prototype);
Object.setPrototypeOf(ClientRequest, OutgoingMessage);

/** The request ended before it had a socket of its own. */
function closeUnsent(request: ClientRequest, error: Error | null | undefined): void {
  const shown = error ?? (request.aborted ? undefined : connectionReset('socket hang up'));
  request.destroyed = true;
  if (shown) emitError(request, shown);
  request._closed = true;
  request.emit('close');
}

function takeSocket(request: ClientRequest, socket: HttpSocket): void {
  request[kExchange] = new Exchange(request, socket);
  request.socket = socket;
  const byAgent = request.agent?.options?.timeout;
  if (request.timeout !== undefined || byAgent) listenForTimeout(request);
  request.emit('socket', socket);
}

function onSocketTimeout(this: HttpSocket): void {
  (this._httpMessage as ClientRequest | null | undefined)?.emit('timeout');
}

function listenForTimeout(request: ClientRequest): void {
  if (request.timeoutCb) return;
  request.timeoutCb = onSocketTimeout as () => void;
  if (request.socket) request.socket.once('timeout', onSocketTimeout);
  else request.on('socket', (socket: HttpSocket) => socket.once('timeout', onSocketTimeout));
}

function setSocketTimeout(socket: HttpSocket, ms: number): void {
  if (socket.connecting) socket.once('connect', () => socket.setTimeout?.(ms));
  else socket.setTimeout?.(ms);
}

const methods: ThisType<ClientRequest> & Record<string, unknown> = {
  _finish(): void {
    OutgoingMessage.prototype._finish.call(this);
  },

  _implicitHeader(): void {
    if (this._header) throw headersSent('render');
    this._storeHeader(`${this.method} ${this.path} HTTP/1.1\r\n`, this[kOutHeaders]);
  },

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    nextTick(() => this.emit('abort'));
    this.destroy();
  },

  destroy(error?: Error): ClientRequest {
    if (this.destroyed) return this;
    this.destroyed = true;
    // Nobody will read what is left of the response.
    this.res?._dump();
    this[kErrored] = error;
    this.socket?.destroy(error);
    return this;
  },

  onSocket(socket: HttpSocket | null, failed?: Error | null): void {
    nextTick(() => {
      if (!this.destroyed && !failed && socket) {
        takeSocket(this, socket);
        this._flush();
        return;
      }
      const error = failed ?? (this[kErrored] as Error | undefined);
      if (!socket) {
        closeUnsent(this, error);
        return;
      }
      if (!failed && this.agent && !socket.destroyed) {
        // The socket is good: it is the request that is gone.
        closeUnsent(this, error);
        socket.emit('free');
        return;
      }
      const done = (): void => {
        const { errored } = socket as unknown as { errored: Error | null };
        closeUnsent(this, errored ?? error);
      };
      socket.once('error', () => {});
      if ((socket as unknown as { closed: boolean }).closed) nextTick(done);
      else socket.once('close', done);
      socket.destroy(error);
    });
  },

  setTimeout(given: number, callback?: () => void): ClientRequest {
    if (this._ended) return this;
    listenForTimeout(this);
    const ms = checkTimeout(given, 'msecs');
    if (callback) this.once('timeout', callback);
    if (this.socket) setSocketTimeout(this.socket, ms);
    else this.once('socket', (socket: HttpSocket) => setSocketTimeout(socket, ms));
    return this;
  },

  setNoDelay(on: boolean): void {
    this._deferToConnect('setNoDelay', [on]);
  },

  setSocketKeepAlive(on: boolean, delay?: number): void {
    this._deferToConnect('setKeepAlive', [on, delay]);
  },

  clearTimeout(callback?: () => void): void {
    this.setTimeout(0, callback);
  },

  /** Calls a method of the socket once it is there and connected. */
  _deferToConnect(method: string | undefined, args: unknown[]): void {
    const call = (socket: HttpSocket): void => {
      const table = socket as unknown as Record<string, (...args: unknown[]) => void>;
      if (method) table[method]?.(...args);
    };
    const onSocket = (socket: HttpSocket): void => {
      if (!socket.connecting && socket.writable) call(socket);
      else socket.once('connect', () => call(socket));
    };
    if (this.socket) onSocket(this.socket);
    else this.once('socket', onSocket);
  },
};

/** What an exchange calls; not for programs. */
const internal: ThisType<ClientRequest> & Record<string, unknown> = {
  forgetTimeout(): void {
    if (this.timeoutCb) this.socket?.removeListener('timeout', onSocketTimeout);
  },

  dropTimeout(): void {
    if (!this.timeoutCb) return;
    this.socket?.setTimeout?.(0, this.timeoutCb);
    this.timeoutCb = null;
  },
};

function define(table: Record<string, unknown>, enumerable: boolean): void {
  for (const [name, value] of Object.entries(table)) {
    Object.defineProperty(ClientRequest.prototype, name, {
      value,
      writable: true,
      enumerable,
      configurable: true,
    });
  }
}
define(methods, true);
define(internal, false);
Object.defineProperty(ClientRequest.prototype, 'exchange', {
  get(this: ClientRequest) {
    return this[kExchange];
  },
  configurable: true,
});
