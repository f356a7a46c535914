/**
 * The admin port: pages for people, probes and scrapers, and actions for whoever is authenticated. A
 * GET changes nothing, ever. Everything a stranger can make it do is bounded: connections, headers,
 * bodies, time. It is never a reason to stop a guest.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HvError } from '../base/errors.ts';
import {
  ADMIN_BODY_BYTES_MAX,
  ADMIN_CHECK_MS,
  ADMIN_CONNECTIONS_MAX,
  ADMIN_HEADER_BYTES_MAX,
  ADMIN_HEADERS_MS,
  ADMIN_IDLE_MS,
  ADMIN_REQUEST_MS,
} from '../base/limits.ts';
import { formatAddress, type HostPort, isLoopback } from './addresses.ts';
import { type AdminToken, refusalFor } from './admin-guard.ts';
import { listenForOwner } from './owner-socket.ts';

export interface AdminRequest {
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Whole; empty for a GET. */
  readonly body: Uint8Array;
}

export type AdminAnswer =
  | {
      readonly type: 'page';
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
    }
  /** The route goes on writing to the response, whose head it sends itself. */
  | { readonly type: 'stream'; readonly begin: (response: ServerResponse) => void };

/**
 * One thing the port can do. A `POST` acts, so it is answered only to whoever has the token or came
 * through the owner's socket; a `GET` may change nothing.
 */
export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Of a POST; a longer one is refused unread. */
  readonly bodyBytesMax?: number;
  answer(request: AdminRequest): Promise<AdminAnswer>;
}

export interface AdminServerOptions {
  readonly routes: readonly AdminRoute[];
  /** Undefined: only this machine may ask, and nobody may act through the port. */
  readonly token: AdminToken | undefined;
}

const NO_BODY: Uint8Array = new Uint8Array(0);

export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #server: Server;
  #close: (() => void)[] = [];
  #address: HostPort | undefined;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#server = this.#newServer({ owner: false });
    // Streams of events among them; whoever has a good token comes again.
    options.token?.onWithdrawn(() => this.#server.closeAllConnections());
  }

  /** As bound. */
  get address(): HostPort | undefined {
    return this.#address;
  }

  /**
   * Listens at `place`, or with `orAnyPort` at a free port beside it when that one is taken. Rejects
   * with HV_E_PORT_IN_USE, and with HV_E_USAGE for an address others can reach without a token.
   */
  async listen(place: HostPort, { orAnyPort }: { readonly orAnyPort: boolean }): Promise<void> {
    if (this.#options.token === undefined && !isLoopback(place.host))
      throw new HvError(
        'HV_E_USAGE',
        `--admin ${formatAddress(place)} can be reached from elsewhere: it needs --admin-token-file`,
      );
    try {
      await bind(this.#server, place);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !orAnyPort)
        throw portError(place, error);
      await bind(this.#server, { host: place.host, port: 0 });
    }
    const { address, port } = this.#server.address() as AddressInfo;
    this.#address = { host: address, port };
    this.#server.unref();
    this.#close.push(() => this.#server.close());
  }

  /** Also answers at a socket of the file system, where whoever can open it may do everything. */
  async listenForOwner(path: string): Promise<void> {
    const socket = await listenForOwner(this.#newServer({ owner: true }), path);
    this.#close.push(() => socket.close());
  }

  close(): void {
    for (const close of this.#close.splice(0)) close();
    this.#server.closeAllConnections();
  }

  #newServer({ owner }: { readonly owner: boolean }): Server {
    const server = createServer(
      {
        maxHeaderSize: ADMIN_HEADER_BYTES_MAX,
        headersTimeout: ADMIN_HEADERS_MS,
        requestTimeout: ADMIN_REQUEST_MS,
        connectionsCheckingInterval: ADMIN_CHECK_MS,
        keepAliveTimeout: ADMIN_HEADERS_MS,
      },
      (request, response) => this.#take(request, response, owner),
    );
    server.maxConnections = ADMIN_CONNECTIONS_MAX;
    server.setTimeout(ADMIN_IDLE_MS, (socket) => socket.destroy());
    return server;
  }

  #take(request: IncomingMessage, response: ServerResponse, owner: boolean): void {
    // A reader that goes away in the middle is no news.
    response.on('error', () => response.destroy());
    this.#answer(request, response, owner).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else plain(response, 500, error instanceof Error ? error.message : String(error));
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse, owner: boolean): Promise<void> {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const { remoteAddress } = request.socket;
    const refusal = refusalFor(
      { request, owner, remoteAddress, acts: !reads },
      this.#options.token,
    );
    if (refusal !== undefined) {
      if (refusal.status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
      return plain(response, refusal.status, refusal.reason);
    }
    // An absolute form (`GET http://…`) names its host a second time: only paths are served.
    const url = URL.parse(request.url ?? '', 'http://hv');
    const found = this.#options.routes.filter(({ path }) => path === url?.pathname);
    if (url?.host !== 'hv' || found.length === 0)
      return plain(response, 404, `there is no such page; there are: ${this.#paths().join(' ')}`);
    const route = found.find(({ method }) =>
      reads ? method === 'GET' : method === request.method,
    );
    if (route === undefined) {
      response.setHeader('Allow', found.map(({ method }) => method).join(', '));
      return plain(response, 405, 'this page is not for that method');
    }
    const body = reads
      ? NO_BODY
      : await bodyOf(request, route.bodyBytesMax ?? ADMIN_BODY_BYTES_MAX);
    if (body === undefined) {
      response.setHeader('Connection', 'close');
      return plain(response, 413, 'the body is longer than this page takes');
    }
    const { headers } = request;
    const answer = await route.answer({ query: url.searchParams, headers, body });
    if (answer.type === 'stream') answer.begin(response);
    else send(response, answer);
  }

  #paths(): string[] {
    return [...new Set(this.#options.routes.map(({ path }) => path))];
  }
}

/** Headers of every answer: nothing here is for the pages of others, or for keeping. */
export const ADMIN_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
};

export function jsonPage(status: number, value: unknown): AdminAnswer {
  return {
    type: 'page',
    status,
    contentType: 'application/json',
    body: `${JSON.stringify(value)}\n`,
  };
}

export function textPage(status: number, body: string): AdminAnswer {
  return { type: 'page', status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}

function plain(response: ServerResponse, status: number, reason: string): void {
  const answer = textPage(status, reason);
  if (answer.type === 'page') send(response, answer);
}

function send(
  response: ServerResponse,
  { status, contentType, body }: AdminAnswer & { readonly type: 'page' },
): void {
  response.writeHead(status, { ...ADMIN_HEADERS, 'Content-Type': contentType });
  response.end(body);
}

/** Undefined: it is longer than `bytesMax`. */
async function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

function bind(server: Server, { host, port }: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: host === '' ? '::' : host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function portError(place: HostPort, error: unknown): HvError {
  const at = formatAddress(place);
  const { code, message } = error as NodeJS.ErrnoException;
  const text = code === 'EADDRINUSE' ? `${at} is taken` : `cannot listen on ${at}: ${message}`;
  return new HvError('HV_E_PORT_IN_USE', `the admin port: ${text}`, { cause: error });
}
