/**
 * An arbiter's HTTP server: who may ask, how much, and for how long. What is asked is answered by
 * arbiter-routes.ts. Whoever has not shown the token may hold a connection for seconds, send a few
 * kilobytes of head and no body that is looked at, and makes room for others when the house is full.
 */

import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { HvError } from '../base/errors.ts';
import {
  ARBITER_BODY_BYTES_MAX,
  ARBITER_CONNECTIONS_MAX,
  ARBITER_HEAD_BYTES_MAX,
  ARBITER_IDLE_MS,
  ARBITER_REQUEST_MS,
} from '../base/limits.ts';
import { formatAddress, type HostPort, isLoopback, parseAddress } from './addresses.ts';
import { type Answer, answerTo, type Parts, wrong } from './arbiter-routes.ts';
import { bearsToken } from './arbiter-token.ts';

export type AnyServer = HttpServer | HttpsServer;

export interface ArbiterServerOptions extends Parts {
  readonly listen: HostPort;
  /** Undefined: none is needed, which only a loopback address may have. */
  readonly token: string | undefined;
  /** Makes the server; another one than Node's plain one brings TLS. */
  readonly createServer?: (options: ServerOptions, onRequest: RequestListener) => AnyServer;
  /** Limits that tests make small. */
  readonly limits?: { readonly connections?: number; readonly requestMs?: number };
  /** A bug of ours met while answering. */
  readonly broken: (error: unknown) => void;
}

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

export class ArbiterServer {
  readonly #options: ArbiterServerOptions;
  readonly #server: AnyServer;
  /** Connections that have not shown the token yet, oldest first. */
  readonly #strangers = new Map<string, Socket>();
  #connections = 0;
  #closing = false;

  private constructor(options: ArbiterServerOptions) {
    this.#options = options;
    const requestMs = options.limits?.requestMs ?? ARBITER_REQUEST_MS;
    const create = options.createServer ?? createHttpServer;
    this.#server = create(
      {
        maxHeaderSize: ARBITER_HEAD_BYTES_MAX,
        headersTimeout: requestMs,
        requestTimeout: requestMs,
        connectionsCheckingInterval: Math.max(10, requestMs / 10),
        keepAliveTimeout: ARBITER_IDLE_MS,
        noDelay: true,
      },
      (request, response) => this.#onRequest(request, response),
    );
    // A client that reads no answer is as dead as one that sends nothing.
    this.#server.setTimeout(2 * ARBITER_IDLE_MS);
    this.#server.on('connection', (socket: Socket) => this.#onConnection(socket));
  }

  /** Throws HV_E_USAGE without a token beyond loopback, and HV_E_PORT_IN_USE. */
  static async listen(options: ArbiterServerOptions): Promise<ArbiterServer> {
    const { host, port } = options.listen;
    if (options.token === undefined && !isLoopback(host))
      throw new HvError(
        'HV_E_USAGE',
        `an arbiter on ${formatAddress(options.listen)} can be reached by others and needs --token-file`,
      );
    const server = new ArbiterServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', (error) => reject(listenError(options.listen, error)));
      server.#server.listen({ host: host === '' ? undefined : host, port }, resolve);
    });
    return server;
  }

  get address(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return formatAddress({ host: address, port });
  }

  get connections(): number {
    return this.#connections;
  }

  /** Answers what is being asked, then closes. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#options.polls.endAll();
    this.#server.closeIdleConnections();
    for (const socket of this.#strangers.values()) socket.destroy();
    await closed;
  }

  #onConnection(socket: Socket): void {
    const name = nameOf(socket);
    const max = this.#options.limits?.connections ?? ARBITER_CONNECTIONS_MAX;
    if (this.#connections >= max) {
      const oldest = this.#strangers.entries().next().value;
      if (oldest === undefined) {
        socket.destroy();
        return;
      }
      this.#strangers.delete(oldest[0]);
      oldest[1].destroy();
    }
    this.#connections += 1;
    this.#strangers.set(name, socket);
    socket.once('close', () => {
      this.#connections -= 1;
      if (this.#strangers.get(name) === socket) this.#strangers.delete(name);
    });
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      // Nobody reads the rest of what it sends.
      send(response, refusal, { close: true });
      return;
    }
    this.#strangers.delete(nameOf(request.socket));
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    this.#answer(request, gone.signal).then(
      (answer) => send(response, answer, { close: this.#closing || answer.status === 413 }),
      (error: unknown) => {
        this.#options.broken(error);
        send(response, wrong(500, 'a bug in hv'), { close: true });
      },
    );
  }

  #refusal(request: IncomingMessage): Answer | undefined {
    const { token } = this.#options;
    const { method = '', url = '', headers } = request;
    if (url === '/healthz' && method === 'GET') return { status: 200, body: { ok: true } };
    if (token !== undefined && !bearsToken(headers.authorization, token))
      return wrong(401, 'this needs the header Authorization: Bearer TOKEN');
    // A page in a browser on this machine must not ask in its user's name, by whatever name of ours.
    if (token === undefined && !isOurs(headers.host))
      return wrong(421, `${headers.host ?? 'no host'} is not this machine's own name for itself`);
    if (method !== 'GET' && !JSON_TYPE.test(headers['content-type'] ?? ''))
      return wrong(415, 'the body must be sent as application/json');
    return undefined;
  }

  async #answer(request: IncomingMessage, gone: AbortSignal): Promise<Answer> {
    const { method = '', url = '' } = request;
    const text = await bodyOf(request);
    if (text === undefined) return wrong(413, `a body has at most ${ARBITER_BODY_BYTES_MAX} bytes`);
    let body: unknown;
    try {
      body = text === '' ? undefined : JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return wrong(400, 'the body is not JSON');
    }
    return answerTo({ method, target: url, body, gone }, this.#options);
  }
}

/** Undefined: longer than it may be. Of a client that goes away in the middle nothing is left. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  return await new Promise((resolve) => {
    request.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes > ARBITER_BODY_BYTES_MAX) resolve(undefined);
      else parts.push(part);
    });
    const end = (): void => resolve(request.complete ? Buffer.concat(parts).toString() : '');
    request.on('end', end);
    request.on('close', end);
    request.on('error', end);
  });
}

function send(response: ServerResponse, answer: Answer, how: { readonly close: boolean }): void {
  if (response.destroyed || response.headersSent) return;
  const text = `${JSON.stringify(answer.body)}\n`;
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...(how.close ? { connection: 'close' } : {}),
    ...(answer.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(answer.status === 503 ? { 'retry-after': '1' } : {}),
  });
  response.end(text);
}

function isOurs(host: string | undefined): boolean {
  try {
    return isLoopback(parseAddress(host ?? '', { what: 'Host', portDefault: 80 }).host);
  } catch (error) {
    if (error instanceof HvError) return false;
    throw error;
  }
}

function nameOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

function listenError(listen: HostPort, error: Error): Error {
  const { code } = error as NodeJS.ErrnoException;
  const address = formatAddress(listen);
  if (code === 'EADDRINUSE')
    return new HvError('HV_E_PORT_IN_USE', `${address} is in use`, { cause: error });
  return new HvError('HV_E_USAGE', `cannot listen on ${address}: ${error.message}`, {
    cause: error,
  });
}
