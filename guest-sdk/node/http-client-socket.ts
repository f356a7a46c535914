/** The client's end of a connection: one request, its responses, and how the socket is left. */

import { nextTick } from '../ticks.ts';
import type { Buffer } from './buffer.ts';
import type { ClientRequest } from './http-client.ts';
import { connectionReset, endIncoming, IncomingMessage, kLazy } from './http-incoming.ts';
import { kNeedDrain } from './http-outgoing-types.ts';
import {
  type BodyRule,
  type Head,
  HttpParser,
  type ParseError,
  type ParserSink,
} from './http-parser.ts';
import { MAX_HEADER_SIZE } from './http-server.ts';
import type { HttpSocket } from './http-types.ts';

const HEADER_PAIRS_MAX = 2000;

type ClientSocket = HttpSocket & { _hadError?: boolean };

export class Exchange implements ParserSink {
  readonly request: ClientRequest;
  readonly socket: ClientSocket;
  readonly parser: HttpParser;
  #incoming: IncomingMessage | undefined;
  readonly #listeners: Readonly<Record<string, (...args: never[]) => void>>;

  constructor(request: ClientRequest, socket: HttpSocket) {
    this.request = request;
    this.socket = socket;
    this.parser = new HttpParser(this, {
      kind: 'response',
      maxHeaderSize: request.maxHeaderSize || MAX_HEADER_SIZE,
      lenient: request.insecureHTTPParser === true,
    });
    socket.parser = this.parser;
    socket._httpMessage = request;
    socket._httpReadStart = (): void => this.#readStart();
    this.#listeners = {
      error: (error: Error): void => this.#onError(error),
      data: (bytes: Buffer): void => this.#onData(bytes),
      end: (): void => this.#onEnd(),
      close: (): void => this.#onClose(),
      drain: (): void => this.#onDrain(),
      timeout: (): void => {
        request.res?.emit('timeout');
      },
    };
    for (const [name, listener] of Object.entries(this.#listeners)) {
      if (name !== 'timeout') socket.on(name, listener);
    }
  }

  #detach(...names: string[]): void {
    for (const name of names) {
      const listener = this.#listeners[name];
      if (listener) this.socket.removeListener(name, listener);
    }
  }

  /** The request is answered and the socket goes back to its agent. */
  release(): void {
    this.#detach('error', 'data', 'end', 'close', 'drain', 'timeout');
    this.socket.parser = null;
  }

  #fail(error: Error): void {
    this.socket._hadError = true;
    emitError(this.request, error);
  }

  #onDrain(): void {
    const { request } = this;
    if (request.finished || !request[kNeedDrain]) return;
    request[kNeedDrain] = false;
    request.emit('drain');
  }

  #onError(error: Error): void {
    this.#fail(error);
    this.parser.stop();
    this.#detach('data', 'end');
    this.socket.destroy();
  }

  #onEnd(): void {
    const { request, socket } = this;
    if (!request.res && !socket._hadError) this.#fail(connectionReset('socket hang up'));
    this.#finishParser();
    socket.end();
  }

  #finishParser(): void {
    this.parser.finish();
    this.parser.stop();
  }

  #onClose(): void {
    const { request, socket } = this;
    this.#finishParser();
    const { res } = request;
    request.destroyed = true;
    if (res) {
      if (!res.complete) res.destroy(connectionReset('aborted'));
      request._closed = true;
      request.emit('close');
      if (!res.aborted && res.readable) endIncoming(res);
    } else {
      if (!socket._hadError) this.#fail(connectionReset('socket hang up'));
      request._closed = true;
      request.emit('close');
    }
    // Nobody will write that.
    request.outputData.length = 0;
  }

  #onData(bytes: Buffer): void {
    const used = this.parser.execute(bytes);
    if (typeof used !== 'number') {
      this.#onParseError(used, bytes);
      return;
    }
    const incoming = this.#incoming;
    if (!incoming) return;
    if (this.parser.upgraded) this.#upgrade(incoming, bytes.subarray(used));
    else if (incoming.complete && !isInformational(incoming)) {
      // What comes after the response of the only request belongs to nobody.
      this.#detach('data', 'end', 'drain');
      this.parser.stop();
    }
  }

  #onParseError(error: ParseError, packet: Buffer): void {
    error.rawPacket = packet;
    this.parser.stop();
    this.#detach('data', 'end');
    this.socket._hadError = true;
    this.socket.destroy();
    emitError(this.request, error);
  }

  #upgrade(response: IncomingMessage, head: Buffer): void {
    const { request, socket } = this;
    request.res = response;
    this.#detach('data', 'end', 'drain', 'timeout');
    request.forgetTimeout();
    const name = request.method === 'CONNECT' ? 'connect' : 'upgrade';
    if (request.listenerCount(name) === 0) {
      socket.destroy();
      return;
    }
    request.upgradeOrConnect = true;
    socket.emit('agentRemove');
    this.release();
    socket._httpMessage = null;
    (socket as { readableFlowing: boolean | null }).readableFlowing = null;
    request.emit(name, response, socket, head);
    request.destroyed = true;
    request._closed = true;
    request.emit('close');
  }

  head(head: Head): BodyRule {
    const { request, socket } = this;
    const response = this.#makeResponse(head);
    if (request.res) {
      // Two answers to one question: neither can be trusted.
      socket.destroy();
      this.parser.stop();
      return 'none';
    }
    this.#incoming = response;
    request.res = response;
    if (head.upgrade) return 'upgrade';
    if (request.method === 'CONNECT') {
      response.upgrade = true;
      return 'upgrade';
    }
    if (isInformational(response)) {
      request.res = null;
      this.#inform(response);
      return 'none';
    }
    if (request.shouldKeepAlive && !head.keepAlive && !request.upgradeOrConnect) {
      request.shouldKeepAlive = false;
    }
    response.req = request;
    const onTimeout = this.#listeners.timeout;
    if (request.timeoutCb && onTimeout) socket.on('timeout', onTimeout);
    response.on('end', (): void => responseEnded(request, response));
    request.on('finish', (): void => {
      if (request.shouldKeepAlive && request._ended) keepAlive(request);
    });
    const isHeard = request.emit('response', response);
    if (!isHeard) response._dump();
    return request.method === 'HEAD' || response.statusCode === 304 ? 'none' : 'as-said';
  }

  #inform(response: IncomingMessage): void {
    const { request } = this;
    if (response.statusCode === 100) request.emit('continue');
    request.emit('information', {
      statusCode: response.statusCode,
      statusMessage: response.statusMessage,
      httpVersion: response.httpVersion,
      httpVersionMajor: response.httpVersionMajor,
      httpVersionMinor: response.httpVersionMinor,
      headers: response.headers,
      rawHeaders: response.rawHeaders,
    });
  }

  #makeResponse({ line, fields, upgrade }: Head): IncomingMessage {
    const { request, socket } = this;
    const response = new IncomingMessage(socket);
    response.httpVersionMajor = line.major;
    response.httpVersionMinor = line.minor;
    response.httpVersion = `${line.major}.${line.minor}`;
    response.joinDuplicateHeaders = request.joinDuplicateHeaders === true;
    response.rawHeaders = fields.raw;
    response.statusCode = line.status;
    response.statusMessage = line.reason;
    response.upgrade = upgrade;
    const lazy = response[kLazy];
    lazy.shared = fields.shared;
    const pairs = request.maxHeadersCount;
    const max = typeof pairs === 'number' ? pairs : HEADER_PAIRS_MAX;
    if (max > 0) lazy.count = 2 * max;
    return response;
  }

  body(bytes: Buffer): void {
    const incoming = this.#incoming;
    if (!incoming || incoming._dumped) return;
    if (!incoming.push(bytes)) this.socket.pause();
  }

  complete(trailers: string[]): void {
    const incoming = this.#incoming;
    if (!incoming || incoming.upgrade === true) return;
    incoming.complete = true;
    if (trailers.length > 0) incoming.rawTrailers = trailers;
    if (isInformational(incoming)) return;
    endIncoming(incoming);
    this.#readStart();
  }

  #readStart(): void {
    const { socket } = this;
    if (!socket._paused && socket.readableFlowing === false) socket.resume();
  }
}

function isInformational({ statusCode }: IncomingMessage): boolean {
  return statusCode !== null && statusCode < 200 && statusCode >= 100 && statusCode !== 101;
}

/** An error before there is a response belongs to the request. */
export function emitError(request: ClientRequest, error: Error): void {
  request.emit('error', error);
}

function responseEnded(request: ClientRequest, response: IncomingMessage): void {
  const { socket } = request;
  request.forgetTimeout();
  request._ended = true;
  if (!request.shouldKeepAlive) {
    if (socket?.writable) {
      if (socket.destroySoon) socket.destroySoon();
      else socket.end();
    }
  } else if (request.writableFinished && !response.aborted) keepAlive(request);
}

function keepAlive(request: ClientRequest): void {
  request.dropTimeout();
  request.exchange?.release();
  nextTick(() => {
    request._closed = true;
    request.emit('close');
    request.socket?.emit('free');
  });
  request.destroyed = true;
}
