/**
 * Links between replicas: dialling them and listening for them. One port serves three paths; the
 * transport is a WebSocket (ws-link.ts), because every proxy and load balancer knows its handshake.
 * Works in the main thread and in workers.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { assert } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { HANDSHAKE_TIMEOUT_MS, LINKS_MAX } from '../base/limits.ts';
import type { Link, LinkHandlers } from '../ports.ts';
import { formatAddress, type HostPort, parseAddress } from './addresses.ts';
import { dialWebSocket, WebSocketAcceptor, type WsLink } from './ws-link.ts';

/** `/link`: replicas. `/heartbeat`: supervisors. `/join`: a fresh backup asks a primary to dial it. */
export const LINK_PATHS = ['/link', '/heartbeat', '/join'] as const;
export type LinkPath = (typeof LINK_PATHS)[number];

export interface DialHandlers extends LinkHandlers {
  /** The peer's listener has taken the link. Messages sent before wait for this. */
  onOpen?(): void;
}

export interface IncomingLink {
  readonly path: LinkPath;
  /** `host:port` of the other end of the socket, for people; not its name in views. */
  readonly remoteAddress: string;
  readonly link: Link;
}

export interface ListenerCounters {
  /** Links open now. */
  readonly open: number;
  readonly accepted: number;
  /** Strangers: not a WebSocket, a browser, an unknown path, one too many. */
  readonly refused: number;
  /** Links cut because of what the peer sent, or did not send in time. */
  readonly garbage: number;
}

const NOT_FOUND = '404 Not Found';

/**
 * Dials the listener at `address` (`host:port`). The link may be used at once: what is sent before it
 * opens waits. A failure to reach the peer within `timeoutMs` is an `onClose`, never a throw; an
 * address that is none throws HV_E_USAGE.
 */
export function dialLink(
  address: string,
  path: LinkPath,
  handlers: DialHandlers,
  options: { readonly timeoutMs?: number } = {},
): Link {
  const { host, port } = parseAddress(address, { what: 'the address of a replica' });
  const url = `ws://${formatAddress({ host: host === '' ? 'localhost' : host, port })}${path}`;
  const link = dialWebSocket(url, {
    peer: address,
    timeoutMs: options.timeoutMs ?? HANDSHAKE_TIMEOUT_MS,
    onOpen: () => handlers.onOpen?.(),
  });
  link.attach(handlers);
  return link;
}

export interface ListenerOptions {
  /** Called for every link; the handlers it returns get the first message. */
  onLink(incoming: IncomingLink): LinkHandlers;
  readonly linksMax?: number;
  /** Time a new link has for its first message, and a socket for its handshake. */
  readonly helloTimeoutMs?: number;
}

/** Accepts links on one address. Strangers get a short answer and no memory. */
export class LinkListener {
  readonly #http: Server;
  readonly #acceptor: WebSocketAcceptor;
  readonly #options: ListenerOptions;
  readonly #linksMax: number;
  readonly #helloTimeoutMs: number;
  readonly #links = new Set<WsLink>();
  #accepted = 0;
  #refused = 0;
  #garbage = 0;

  private constructor(options: ListenerOptions) {
    this.#options = options;
    this.#linksMax = options.linksMax ?? LINKS_MAX;
    this.#helloTimeoutMs = options.helloTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    this.#acceptor = new WebSocketAcceptor((socket) => this.#refuse(socket, '400 Bad Request'));
    this.#http = createServer({
      headersTimeout: this.#helloTimeoutMs,
      requestTimeout: this.#helloTimeoutMs,
      connectionsCheckingInterval: Math.min(this.#helloTimeoutMs, 1_000),
    });
    // Sockets in their handshake count here too; the links among them are limited at the upgrade.
    this.#http.maxConnections = 2 * this.#linksMax;
    this.#http.on('request', (_request, response) => this.#answerStranger(response));
    this.#http.on('clientError', (_error, socket) => {
      this.#refused += 1;
      socket.destroy();
    });
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /**
   * Listens on `address` (`host:port`, port 0 for any). Rejects with HV_E_PORT_IN_USE, or with
   * HV_E_USAGE when the address is not one of this machine or not ours to take.
   */
  static listen(address: string, options: ListenerOptions): Promise<LinkListener> {
    const { host, port } = parseAddress(address, { what: 'the address to listen on' });
    const listener = new LinkListener(options);
    return new Promise((resolve, reject) => {
      listener.#http.once('error', (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'HV_E_PORT_IN_USE' : 'HV_E_USAGE';
        const what = error.code === 'EADDRINUSE' ? 'it is taken' : error.message;
        const details = { address, code: error.code };
        reject(
          new HvError(code, `cannot listen on ${address}: ${what}`, { details, cause: error }),
        );
      });
      const where = host === '' ? { port } : { port, host };
      listener.#http.listen({ ...where, exclusive: true }, () => {
        listener.#http.removeAllListeners('error');
        // Accept errors (no more file descriptors): the socket is gone, the listener is not.
        listener.#http.on('error', () => {
          listener.#refused += 1;
        });
        resolve(listener);
      });
    });
  }

  /** As bound, with the real port. */
  get address(): HostPort {
    const bound = this.#http.address();
    assert(bound !== null && typeof bound === 'object', 'a listener is bound until it is closed');
    return { host: bound.address, port: bound.port };
  }

  get counters(): ListenerCounters {
    return {
      open: this.#links.size,
      accepted: this.#accepted,
      refused: this.#refused,
      garbage: this.#garbage,
    };
  }

  /** Cuts every link and stops listening. */
  close(): Promise<void> {
    for (const link of this.#links) link.terminate('closed here');
    this.#http.closeAllConnections();
    return new Promise((resolve) => this.#http.close(() => resolve()));
  }

  #answerStranger(response: ServerResponse): void {
    this.#refused += 1;
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' });
    response.end('This port is an hv link; it speaks to other hv replicas only\n');
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = LINK_PATHS.find((known) => known === request.url);
    const status = this.#whyRefused(path, request);
    if (path === undefined || status !== undefined) {
      this.#refuse(socket, status ?? NOT_FOUND);
      return;
    }
    const { remoteAddress = '', remotePort = 0 } = request.socket;
    const peer = formatAddress({ host: remoteAddress, port: remotePort });
    const options = {
      peer,
      helloTimeoutMs: this.#helloTimeoutMs,
      onGarbage: () => {
        this.#garbage += 1;
      },
    };
    this.#acceptor.accept({ request, socket, head }, options, (link) => {
      this.#accepted += 1;
      this.#links.add(link);
      socket.once('close', () => this.#links.delete(link));
      link.attach(this.#options.onLink({ path, remoteAddress: peer, link }));
    });
  }

  #whyRefused(path: LinkPath | undefined, request: IncomingMessage): string | undefined {
    if (path === undefined) return NOT_FOUND;
    // Browsers name the page a script comes from. hv does not, so a page cannot become a replica.
    if (request.headers.origin !== undefined) return '403 Forbidden';
    return this.#links.size >= this.#linksMax ? '503 Service Unavailable' : undefined;
  }

  #refuse(socket: Duplex, status: string): void {
    this.#refused += 1;
    socket.on('error', () => socket.destroy());
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
      socket.destroy(),
    );
  }
}
