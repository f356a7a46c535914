/** `http.ServerResponse`. An ES5-style constructor: frameworks call it on objects of their own. */

import type { IncomingMessage } from './http-incoming.ts';
import { OutgoingMessage } from './http-outgoing.ts';
import { headersSent } from './http-outgoing-headers.ts';
import {
  type HeaderValue,
  kOutHeaders,
  type OutgoingMessage as OutgoingShape,
} from './http-outgoing-types.ts';
import {
  hasInvalidHeaderChar,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from './http-tokens.ts';
import type { HttpSocket } from './http-types.ts';
import { inspectHook } from './inspect-hook.ts';
import { invalidArgValue, nodeError } from './node-errors.ts';
import { validateObject } from './validators.ts';

export interface ServerResponse extends OutgoingShape {
  req: IncomingMessage;
  statusCode: number;
  statusMessage: string | undefined;
  _sent100: boolean;
  _expect_continue: boolean;
  assignSocket(socket: HttpSocket): void;
  detachSocket(socket: HttpSocket): void;
  writeContinue(callback?: unknown): void;
  writeHead(status: number, reason?: unknown, headers?: unknown): ServerResponse;
}

export interface ServerResponseConstructor {
  new (request: IncomingMessage, options?: object): ServerResponse;
  (request: IncomingMessage, options?: object): ServerResponse;
  readonly prototype: ServerResponse;
}

/** On sockets of a server's own connections: they tell their response when they close. */
export const kTellsClose: unique symbol = Symbol('hv.tellsClose');

function construct(this: ServerResponse, request: IncomingMessage, options?: object): void {
  OutgoingMessage.call(this, options);
  if (request.method === 'HEAD') this._hasBody = false;
  this.req = request;
  this.sendDate = true;
  this._sent100 = false;
  this._expect_continue = false;
  const { httpVersionMajor: major, httpVersionMinor: minor } = request;
  if ((major ?? 0) < 1 || (minor ?? 0) < 1) {
    this.useChunkedEncodingByDefault = /(?:^|\W)chunked(?:$|\W)/i.test(String(request.headers?.te));
    this.shouldKeepAlive = false;
  }
}

export const ServerResponse = construct as unknown as ServerResponseConstructor;
Object.defineProperty(ServerResponse, 'name', { value: 'ServerResponse', configurable: true });
Object.setPrototypeOf(ServerResponse.prototype, OutgoingMessage.prototype);
Object.setPrototypeOf(ServerResponse, OutgoingMessage);

/** The response is over, one way or the other. Once. */
export function emitClose(message: OutgoingShape): void {
  if (message._closed) return;
  message.destroyed = true;
  message._closed = true;
  message.emit('close');
}

function onSocketClose(this: HttpSocket): void {
  if (this._httpMessage) emitClose(this._httpMessage as OutgoingShape);
}

const LINK = /^(?:<[^>]*>)(?:\s*;\s*[^;"\s]+(?:=(")?[^;"\s]*\1)?)*$/;

function linkValue(hints: unknown): string {
  const values = Array.isArray(hints) ? hints : [hints];
  for (const value of values) {
    if (typeof value === 'string' && LINK.test(value)) continue;
    const reason = 'must be an array or string of format "</styles.css>; rel=preload; as=style"';
    throw invalidArgValue('hints', Array.isArray(hints) ? value : hints, reason);
  }
  return values.join(', ');
}

/** Headers given to writeHead beside those set before: the later ones win. */
function mergeHeaders(response: ServerResponse, given: unknown): unknown {
  if (!response[kOutHeaders]) return given;
  if (Array.isArray(given)) {
    const flat = Array.isArray(given[0]) ? (given as unknown[][]).flat() : (given as unknown[]);
    if (flat.length % 2 !== 0) throw invalidArgValue('headers', given);
    for (let i = 0; i < flat.length; i += 2) response.removeHeader(String(flat[i]));
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i]) response.appendHeader(flat[i] as string, flat[i + 1] as HeaderValue);
    }
  } else if (given) {
    for (const key of Object.keys(given as object)) {
      if (key) response.setHeader(key, (given as Record<string, HeaderValue>)[key] as HeaderValue);
    }
  }
  return response[kOutHeaders];
}

/** "HTTP/1.1 200 OK" of the usual responses. */
const statusLines = new Map<number, string>();

function statusLine(status: number, reason: string): string {
  const known = statusLines.get(status);
  if (known !== undefined && reason === STATUS_CODES[status]) return known;
  const made = `HTTP/1.1 ${status} ${reason}\r\n`;
  if (reason === STATUS_CODES[status]) statusLines.set(status, made);
  return made;
}

const methods: ThisType<ServerResponse> & Record<string, unknown> = {
  _finish(): void {
    OutgoingMessage.prototype._finish.call(this);
  },

  assignSocket(socket: HttpSocket): void {
    if (socket._httpMessage) {
      throw nodeError(Error, 'ERR_HTTP_SOCKET_ASSIGNED', 'Socket already assigned');
    }
    socket._httpMessage = this;
    if (!(kTellsClose in socket)) socket.on('close', onSocketClose);
    this.socket = socket;
    this._flush();
  },

  detachSocket(socket: HttpSocket): void {
    if (!(kTellsClose in socket)) socket.removeListener('close', onSocketClose);
    socket._httpMessage = null;
    this.socket = null;
  },

  writeContinue(callback?: unknown): void {
    this._writeRaw('HTTP/1.1 100 Continue\r\n\r\n', 'ascii', callback);
    this._sent100 = true;
  },

  writeProcessing(callback?: unknown): void {
    this._writeRaw('HTTP/1.1 102 Processing\r\n\r\n', 'ascii', callback);
  },

  writeEarlyHints(hints: unknown, callback?: unknown): void {
    validateObject(hints, 'hints');
    const { link } = hints as { link?: unknown };
    if (link === null || link === undefined) return;
    const value = linkValue(link);
    if (value.length === 0) return;
    let head = `HTTP/1.1 103 Early Hints\r\nLink: ${value}\r\n`;
    for (const key of Object.keys(hints)) {
      if (key === 'link') continue;
      const one = (hints as Record<string, unknown>)[key];
      validateHeaderName(key);
      validateHeaderValue(key, one);
      head += `${key}: ${String(one)}\r\n`;
    }
    this._writeRaw(`${head}\r\n`, 'ascii', callback);
  },

  _implicitHeader(): void {
    this.writeHead(this.statusCode);
  },

  writeHead(given: number, reason?: unknown, more?: unknown): ServerResponse {
    if (this._header) throw headersSent('write');
    const status = given | 0;
    if (status < 100 || status > 999) {
      const shown = typeof given === 'string' ? given : inspectHook.inspect(given);
      const text = `Invalid status code: ${shown}`;
      throw nodeError(RangeError, 'ERR_HTTP_INVALID_STATUS_CODE', text);
    }
    let headers = more;
    if (typeof reason === 'string') this.statusMessage = reason;
    else {
      this.statusMessage ||= STATUS_CODES[status] ?? 'unknown';
      headers ??= reason;
    }
    this.statusCode = status;
    headers = mergeHeaders(this, headers);
    const text = String(this.statusMessage);
    if (text !== STATUS_CODES[status] && hasInvalidHeaderChar(text)) {
      throw nodeError(TypeError, 'ERR_INVALID_CHAR', 'Invalid character in statusMessage');
    }
    if (status === 204 || status === 304 || status < 200) this._hasBody = false;
    // The body that the client holds back for our word will not come: the connection is of no use.
    if (this._expect_continue && !this._sent100) this.shouldKeepAlive = false;
    this._storeHeader(statusLine(status, text), headers);
    return this;
  },
};

for (const [name, value] of Object.entries({
  ...methods,
  statusCode: 200,
  statusMessage: undefined,
  // The older spelling of writeHead.
  writeHeader: methods.writeHead,
})) {
  Object.defineProperty(ServerResponse.prototype, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}
