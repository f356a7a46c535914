/** One connection of an HTTP server: from bytes to requests, and responses out in their order. */

import { nextTick, runTicks } from '../ticks.ts';
import { nowMs } from '../timer-wheel.ts';
import type { Buffer } from './buffer.ts';
import {
  closeUnread,
  connectionReset,
  endIncoming,
  hasStream,
  type IncomingMessage,
} from './http-incoming.ts';
import { kBeforeFinish, kNeedDrain, kUniqueHeaders } from './http-outgoing-types.ts';
import {
  type BodyRule,
  type Head,
  HttpParser,
  type ParseError,
  type ParserSink,
  sameFailure,
} from './http-parser.ts';
import { emitClose, kTellsClose, type ServerResponse } from './http-response.ts';
import type { HttpServer } from './http-server.ts';
import { bringsBody, makeRequest } from './http-server-request.ts';
import { kResponse } from './http-server-types.ts';
import type { HttpSocket } from './http-types.ts';
import { bufferOf, consume, stopConsuming } from './net-consume.ts';

const REPLIES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

function ignore(): void {}

export class Connection implements ParserSink {
  readonly server: HttpServer;
  readonly socket: HttpSocket;
  readonly parser: HttpParser;
  /** Requests whose responses are not finished, oldest first. */
  readonly incoming: IncomingMessage[] = [];
  /** Responses that wait for the ones before them. */
  readonly outgoing: ServerResponse[] = [];
  /** When the head or body that is arriving began; -1 between messages. */
  messageSinceMs: number;
  headIsComplete = false;
  /** When the last response was sent and nothing was asked since; -1 while there is work. */
  idleSinceMs = -1;
  /** The bytes come straight from the device: ticks may run between the parts of a message. */
  #direct = false;
  #outgoingBytes = 0;
  #requests = 0;
  #over = false;
  /** Why nothing of this connection is understood any more. */
  #failure: ParseError | undefined;
  readonly #listeners: readonly (readonly [string, (...args: never[]) => void])[];

  constructor(server: HttpServer, socket: HttpSocket) {
    this.server = server;
    this.socket = socket;
    this.parser = new HttpParser(this, {
      kind: 'request',
      maxHeaderSize: server.maxHeaderSize || server.defaultHeaderSize,
      lenient: server.insecureHTTPParser === true,
    });
    this.messageSinceMs = nowMs();
    socket.parser = this.parser;
    socket.server = server;
    socket._httpReadStart = (): void => this.#readStart();
    (socket as { [kTellsClose]?: boolean })[kTellsClose] = true;
    this.#listeners = [
      ['timeout', (): void => this.#onTimeout()],
      ['drain', (): void => this.#onDrain()],
      ['data', (bytes: Buffer): void => this.#onData(bytes)],
      ['error', this.#onError],
      ['end', (): void => this.#onEnd()],
      ['close', (): void => this.#onClose()],
    ];
    const isDirect = consume(socket, this.#consume);
    for (const [name, listener] of this.#listeners) {
      if (name !== 'data' || !isDirect) socket.on(name, listener);
    }
  }

  #listen(wanted: string): void {
    for (const [name, listener] of this.#listeners) {
      if (name === wanted) this.socket.on(name, listener);
    }
  }

  /** The request whose body is arriving, or whose end nobody has read yet. */
  get current(): IncomingMessage | null {
    return this.parser.incoming as IncomingMessage | null;
  }

  /** Between messages, and nothing to answer. */
  get isIdle(): boolean {
    const response = this.socket._httpMessage as ServerResponse | null | undefined;
    return this.messageSinceMs < 0 && (!response || response.finished);
  }

  /** A request took longer than the server allows. */
  fail(error: Error): void {
    this.#onError(error);
  }

  expireIdle(): void {
    this.idleSinceMs = -1;
    this.socket.emit('timeout');
  }

  #onTimeout(): void {
    const { current, server, socket } = this;
    const response = socket._httpMessage as ServerResponse | null | undefined;
    const byRequest = current !== null && !current.complete && current.emit('timeout', socket);
    const byResponse = response ? response.emit('timeout', socket) : false;
    const byServer = server.emit('timeout', socket);
    if (!byRequest && !byResponse && !byServer) socket.destroy();
  }

  #onDrain(): void {
    const { socket } = this;
    const mustWait = this.#outgoingBytes > socket.writableHighWaterMark;
    if (socket._paused && !mustWait) {
      socket._paused = false;
      socket.resume();
    }
    const response = socket._httpMessage as ServerResponse | null | undefined;
    if (response && !response.finished && response[kNeedDrain]) {
      response[kNeedDrain] = false;
      response.emit('drain');
    }
  }

  /** Bytes from the device, when nobody else reads the socket. */
  readonly #consume = (bytes: ArrayBuffer): boolean => {
    const { socket } = this;
    const events = (socket as unknown as { _events: Record<string, unknown> })._events;
    const isRead = events.data !== undefined || events.readable !== undefined;
    if (this.#over || isRead || socket.readableFlowing === false) {
      // Somebody reads beside us, or not at all: from now on we read as everybody does.
      stopConsuming(socket);
      if (!this.#over) this.#listen('data');
      return false;
    }
    this.#direct = true;
    this.#onData(bufferOf(bytes));
    this.#direct = false;
    return true;
  };

  #onData(bytes: Buffer): void {
    this.idleSinceMs = -1;
    if (this.#failure !== undefined) {
      // Whoever keeps the connection is told of everything that comes on it.
      this.#onParseError(sameFailure(this.#failure), bytes);
      return;
    }
    const used = this.parser.execute(bytes);
    if (typeof used !== 'number') {
      this.#onParseError(used, bytes);
      return;
    }
    const { current, parser } = this;
    if (parser.upgraded && current) this.#upgrade(current, bytes.subarray(used));
    else if (this.messageSinceMs < 0 && !parser.isIdle) this.messageSinceMs = nowMs();
  }

  #onParseError(error: ParseError, packet: Buffer): void {
    error.rawPacket = packet;
    this.parser.stop();
    this.#failure = error;
    this.messageSinceMs = -1;
    this.#onError(error);
  }

  readonly #onError = (error: Error): void => {
    const { socket } = this;
    socket.removeListener('error', this.#onError);
    if (socket.listenerCount('error') === 0) socket.on('error', ignore);
    if (this.server.emit('clientError', error, socket)) return;
    // An answer in the middle of another one would be worse than none.
    const response = socket._httpMessage as ServerResponse | null | undefined;
    if (socket.writable && !response?._headerSent) {
      const status = REPLIES[(error as { code?: string }).code ?? ''] ?? '400 Bad Request';
      socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, 'latin1');
    }
    socket.destroy(error);
  };

  #onEnd(): void {
    const { socket } = this;
    const bad = this.parser.finish();
    if (bad) {
      this.#onError(bad);
      return;
    }
    const last = this.outgoing.at(-1) ?? (socket._httpMessage as ServerResponse | null | undefined);
    if (!this.server.httpAllowHalfOpen) {
      this.#abortIncoming();
      socket.end();
    } else if (last) last._last = true;
    else socket.end();
  }

  #onClose(): void {
    this.#over = true;
    this.parser.stop();
    this.server.connectionGone(this);
    this.#abortIncoming();
    const response = this.socket._httpMessage as ServerResponse | null | undefined;
    if (response) emitClose(response);
  }

  #abortIncoming(): void {
    for (const request of this.incoming.splice(0)) {
      // Nobody has asked for its stream, and it came whole: there is nobody to tell.
      if (!hasStream(request) && request.complete && request.listenerCount('aborted') === 0) {
        request.aborted = true;
      }
      request.destroy(connectionReset('aborted'));
    }
  }

  /** Takes the socket away from HTTP and gives it to who listens for the upgrade. */
  #upgrade(request: IncomingMessage, head: Buffer): void {
    const { server, socket } = this;
    for (const [name, listener] of this.#listeners) socket.removeListener(name, listener);
    this.#over = true;
    stopConsuming(socket);
    server.connectionGone(this);
    socket.parser = null;
    delete (socket as { [kTellsClose]?: boolean })[kTellsClose];
    const name = request.method === 'CONNECT' ? 'connect' : 'upgrade';
    if (server.listenerCount(name) === 0) {
      socket.destroy();
      return;
    }
    (socket as { readableFlowing: boolean | null }).readableFlowing = null;
    server.emit(name, request, socket, head);
  }

  head(head: Head): BodyRule {
    const { server, socket } = this;
    this.headIsComplete = true;
    const request = makeRequest(server, socket, head);
    this.parser.incoming = request;
    if (head.upgrade) {
      request.upgrade = request.method === 'CONNECT' || server.listenerCount('upgrade') > 0;
      if (request.upgrade) return 'upgrade';
    }
    const { fields } = head;
    if (server.optimizeEmptyRequests && !bringsBody(fields.raw)) closeUnread(request);
    this.incoming.push(request);
    if (!socket._paused) {
      // A peer that does not read its answers is not read either.
      const isFull = socket.writableNeedDrain === true;
      if (isFull || this.#outgoingBytes >= socket.writableHighWaterMark) {
        socket._paused = true;
        socket.pause();
      }
    }
    this.#answer(request, head);
    return 'as-said';
  }

  #answer(request: IncomingMessage, { fields, keepAlive, line }: Head): void {
    const { server, socket } = this;
    const response = new server[kResponse](request, {
      highWaterMark: socket.writableHighWaterMark,
      rejectNonStandardBodyWrites: server.rejectNonStandardBodyWrites,
    });
    response._keepAliveTimeout = server.keepAliveTimeout;
    response._maxRequestsPerSocket = server.maxRequestsPerSocket ?? 0;
    response._onPendingData = this.#onPending;
    response.shouldKeepAlive = keepAlive;
    if (server[kUniqueHeaders]) response[kUniqueHeaders] = server[kUniqueHeaders];
    response[kBeforeFinish] = (): void => this.#onFinish(request, response);
    if (socket._httpMessage) this.outgoing.push(response);
    else response.assignSocket(socket);
    if (line.major === 1 && line.minor === 1) {
      if (server.requireHostHeader && !fields.host) {
        response.writeHead(400, ['Connection', 'close']);
        response.end();
        return;
      }
      if (this.#isOverLimit(request, response)) return;
      if (fields.expect !== undefined) {
        this.#expect(fields.expect, request, response);
        return;
      }
    }
    server.emit('request', request, response);
  }

  readonly #onPending = (bytes: number): void => {
    this.#outgoingBytes += bytes;
    this.#onDrain();
  };

  /** More requests on this connection than the server answers. */
  #isOverLimit(request: IncomingMessage, response: ServerResponse): boolean {
    const { maxRequestsPerSocket: limit } = this.server;
    if (typeof limit !== 'number' || limit <= 0) return false;
    this.#requests += 1;
    response.maxRequestsOnConnectionReached = limit <= this.#requests;
    if (limit >= this.#requests) return false;
    this.server.emit('dropRequest', request, this.socket);
    response.writeHead(503);
    response.end();
    return true;
  }

  #expect(value: string, request: IncomingMessage, response: ServerResponse): void {
    const { server } = this;
    if (/(?:^|\W)100-continue(?:$|\W)/i.test(value)) {
      response._expect_continue = true;
      if (server.listenerCount('checkContinue') > 0) {
        server.emit('checkContinue', request, response);
        return;
      }
      response.writeContinue();
      server.emit('request', request, response);
    } else if (server.listenerCount('checkExpectation') > 0) {
      server.emit('checkExpectation', request, response);
    } else {
      response.writeHead(417);
      response.end();
    }
  }

  body(bytes: Buffer): void {
    const { current } = this;
    if (!current) return;
    if (!current._dumped && !current.push(bytes)) this.socket.pause();
    // As in Node, what the listeners have put off comes before the rest of the message.
    if (this.#direct) runTicks();
  }

  complete(trailers: string[]): void {
    const { current } = this;
    if (!current) return;
    current.complete = true;
    this.messageSinceMs = -1;
    this.headIsComplete = false;
    if (trailers.length > 0) current.rawTrailers = trailers;
    if (current.upgrade === true) return;
    endIncoming(current);
    this.#readStart();
  }

  #readStart(): void {
    const { socket } = this;
    if (socket._paused || socket.readableFlowing !== false || this.#over) return;
    socket.resume();
  }

  /** The parser lets go of a request that is answered and read. */
  #forget(request: IncomingMessage): void {
    const { parser } = this;
    if (parser.incoming !== request) return;
    if (!hasStream(request) || request.readableEnded) {
      if (request.complete) parser.incoming = null;
      return;
    }
    request.on('end', () => {
      if (parser.incoming === request) parser.incoming = null;
    });
  }

  /** All of a response is with the socket: what comes next on this connection. */
  #onFinish(request: IncomingMessage, response: ServerResponse): void {
    const { server, socket, incoming } = this;
    if (incoming[0] === request) incoming.shift();
    if (!request._consuming) request._dump();
    response.detachSocket(socket);
    this.#forget(request);
    nextTick(emitClose as () => void, response);
    if (response._last) {
      if (socket.destroySoon) socket.destroySoon();
      else socket.end();
      return;
    }
    const next = this.outgoing.shift();
    if (next) {
      next.assignSocket(socket);
      return;
    }
    if (server.keepAliveTimeout > 0) {
      this.idleSinceMs = nowMs();
      server.watchIdle();
    }
  }
}
