/**
 * Links between replicas: dialling them and listening for them. One port serves three paths; the
 * transport is a WebSocket (ws-link.ts), because every proxy and load balancer knows its handshake.
 * Works in the main thread and in workers.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { assert } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import {
  HANDSHAKE_TIMEOUT_MS,
  HANDSHAKES_MAX,
  HANDSHAKES_PER_ADDRESS_MAX,
  LINKS_MAX,
} from '../base/limits.ts';
import type { Link, LinkHandlers } from '../ports.ts';
import { formatAddress, type HostPort, parseAddress } from './addresses.ts';
import { Admission, type Refusal, RefusalCounts } from './admission.ts';
import { createLinkServer, type LinkServer, renewServer } from './link-server.ts';
import { keepTokenFresh } from './link-tokens.ts';
import { dialFailure, type LinkSecurity, LOCAL_ONLY } from './tls.ts';
import { dialWebSocket, WebSocketAcceptor, type WsLink } from './ws-link.ts';

/**
 * `/link`: replicas. `/heartbeat`: supervisors. `/join`: a fresh backup asks a primary to dial it. `/follow`:
 * one that is never to be in a view asks any replica that has the log.
 */
export const LINK_PATHS = ['/link', '/heartbeat', '/join', '/follow'] as const;
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
  /** Sockets, links among them, that have not said their first message. */
  readonly handshakes: number;
  readonly accepted: number;
  /** Sockets that did not become links: not authenticated, not a WebSocket, too many, too slow. */
  readonly refused: number;
  /** Links cut because of what the peer sent, or did not send in time. */
  readonly garbage: number;
  /** All of `refused` and `garbage`, by reason. */
  readonly reasons: Readonly<Record<Refusal, number>>;
}

interface Answer {
  readonly status: string;
  readonly reason: Refusal;
}

const NOT_FOUND: Answer = { status: '404 Not Found', reason: 'stranger' };
const FORBIDDEN: Answer = { status: '403 Forbidden', reason: 'stranger' };
const FULL: Answer = { status: '503 Service Unavailable', reason: 'tooMany' };

/**
 * Dials the listener at `address` (`host:port`). The link may be used at once: what is sent before it
 * opens waits. A failure to reach the peer within `timeoutMs` is an `onClose`, never a throw; an
 * address that is none throws HV_E_USAGE.
 */
export function dialLink(
  address: string,
  path: LinkPath,
  handlers: DialHandlers,
  options: { readonly timeoutMs?: number; readonly security?: LinkSecurity } = {},
): Link {
  const { host, port } = parseAddress(address, { what: 'the address of a replica' });
  const security = options.security ?? LOCAL_ONLY;
  const peer = { host: host === '' ? 'localhost' : host, port };
  const timeoutMs = options.timeoutMs ?? HANDSHAKE_TIMEOUT_MS;
  const scheme = security.mode === 'plain' ? 'ws' : 'wss';
  const link = dialWebSocket(`${scheme}://${formatAddress(peer)}${path}`, {
    peer: address,
    timeoutMs,
    connect: () => dialSocket({ ...peer, timeout: timeoutMs }, security),
    explain: (error) => dialFailure(error, security.mode),
    onOpen: (socket) => {
      keepTokenFresh(link, { socket, end: 'dialled', security });
      handlers.onOpen?.();
    },
  });
  link.attach(handlers);
  return link;
}

/** A socket on its way to `peer`. One that may not be plain fails before a byte has left. */
function dialSocket(peer: HostPort & { readonly timeout: number }, security: LinkSecurity): Socket {
  // Names, unlike addresses, are not sent to the server: it has one certificate for all of them.
  const secure = security.connect(peer);
  if (secure !== undefined) return secure;
  const refusal = (where: string): Error =>
    new Error(`a link to ${where} would be neither authenticated nor local`);
  if (!security.allows(peer.host)) {
    const dead = new Socket();
    process.nextTick(() => dead.destroy(refusal(peer.host)));
    return dead;
  }
  const socket = connect(peer);
  // A name may say one thing and its address another.
  socket.once('connect', () => {
    const { remoteAddress = '' } = socket;
    if (!security.allows(remoteAddress)) socket.destroy(refusal(remoteAddress));
  });
  return socket;
}

export interface ListenerOptions {
  /** Called for every link; the handlers it returns get the first message. */
  onLink(incoming: IncomingLink): LinkHandlers;
  readonly linksMax?: number;
  /** Time a new link has for its first message, and a socket for its handshake. */
  readonly helloTimeoutMs?: number;
  /** By default plain, and for this machine only. */
  readonly security?: LinkSecurity;
}

/** Accepts links on one address. Strangers get a short answer and no memory. */
export class LinkListener {
  readonly #http: LinkServer;
  readonly #acceptor: WebSocketAcceptor;
  readonly #options: ListenerOptions;
  readonly #security: LinkSecurity;
  readonly #admission: Admission;
  readonly #linksMax: number;
  readonly #helloTimeoutMs: number;
  readonly #links = new Set<WsLink>();
  readonly #reasons = new RefusalCounts();
  readonly #unwatch: () => void;
  #accepted = 0;
  #refused = 0;
  #garbage = 0;

  private constructor(options: ListenerOptions, security: LinkSecurity) {
    this.#options = options;
    this.#security = security;
    this.#linksMax = options.linksMax ?? LINKS_MAX;
    this.#helloTimeoutMs = options.helloTimeoutMs ?? HANDSHAKE_TIMEOUT_MS;
    this.#acceptor = new WebSocketAcceptor((socket) =>
      this.#refuse(socket, '400 Bad Request', 'stranger'),
    );
    this.#admission = new Admission({
      handshakesMax: HANDSHAKES_MAX,
      perOriginMax: HANDSHAKES_PER_ADDRESS_MAX,
      tls: security.mode !== 'plain',
      deadlineMs: this.#helloTimeoutMs,
      onRefused: (reason) => this.#countRefused(reason),
    });
    this.#http = createLinkServer({
      security,
      admission: this.#admission,
      linksMax: this.#linksMax,
      deadlineMs: this.#helloTimeoutMs,
      onDropped: () => this.#countRefused('tooMany'),
    });
    this.#http.on('request', (request, response) => this.#answerStranger(request, response));
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#unwatch = security.watch(() => renewServer(this.#http, security));
  }

  /**
   * Listens on `address` (`host:port`, port 0 for any). Rejects with HV_E_PORT_IN_USE, with HV_E_USAGE
   * when the address is not one of this machine or not ours to take, or with HV_E_PLAIN_LINK.
   */
  static async listen(address: string, options: ListenerOptions): Promise<LinkListener> {
    const { host, port } = parseAddress(address, { what: 'the address to listen on' });
    const security = options.security ?? LOCAL_ONLY;
    security.checkListen(address);
    const listener = new LinkListener(options, security);
    await listener.#bind(address, { host, port });
    try {
      // A name that says one thing may have an address that says another.
      security.checkListen(formatAddress(listener.address));
    } catch (error) {
      await listener.close();
      throw error;
    }
    return listener;
  }

  #bind(address: string, { host, port }: HostPort): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#http.once('error', (error: NodeJS.ErrnoException) => {
        const code = error.code === 'EADDRINUSE' ? 'HV_E_PORT_IN_USE' : 'HV_E_USAGE';
        const what = error.code === 'EADDRINUSE' ? 'it is taken' : error.message;
        const details = { address, code: error.code };
        reject(
          new HvError(code, `cannot listen on ${address}: ${what}`, { details, cause: error }),
        );
      });
      const where = host === '' ? { port } : { port, host };
      this.#http.listen({ ...where, exclusive: true }, () => {
        this.#http.removeAllListeners('error');
        // Accept errors (no more file descriptors): the socket is gone, the listener is not.
        this.#http.on('error', () => this.#countRefused('tooMany'));
        resolve();
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
      handshakes: this.#admission.handshakes,
      accepted: this.#accepted,
      refused: this.#refused,
      garbage: this.#garbage,
      reasons: this.#reasons.all,
    };
  }

  /** Cuts every link and stops listening. */
  close(): Promise<void> {
    this.#unwatch();
    for (const link of this.#links) link.terminate('closed here');
    this.#admission.close();
    this.#http.closeAllConnections();
    return new Promise((resolve) => this.#http.close(() => resolve()));
  }

  #countRefused(reason: Refusal): void {
    this.#refused += 1;
    this.#reasons.add(reason);
  }

  #answerStranger(request: IncomingMessage, response: ServerResponse): void {
    this.#admission.refuse(request.socket, 'stranger', { cut: false });
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' });
    response.end('This port is an hv link; it speaks to other hv replicas only\n');
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = LINK_PATHS.find((known) => known === request.url);
    const answer = this.#whyRefused(path, request);
    if (path === undefined || answer !== undefined) {
      const { status, reason } = answer ?? NOT_FOUND;
      this.#refuse(socket, status, reason);
      return;
    }
    const { remoteAddress = '', remotePort = 0 } = request.socket;
    const from = { remoteAddress, remotePort };
    const peer = formatAddress({ host: remoteAddress, port: remotePort });
    const options = {
      peer,
      helloTimeoutMs: this.#helloTimeoutMs,
      onGarbage: (what: Refusal) => {
        this.#garbage += 1;
        this.#reasons.add(what);
      },
      onSpoken: () => this.#admission.spoken(from),
    };
    this.#acceptor.accept({ request, socket, head }, options, (link) => {
      this.#accepted += 1;
      this.#links.add(link);
      this.#admission.linked(from);
      socket.once('close', () => this.#links.delete(link));
      link.attach(this.#options.onLink({ path, remoteAddress: peer, link }));
      keepTokenFresh(link, { socket, end: 'accepted', security: this.#security });
    });
  }

  #whyRefused(path: LinkPath | undefined, request: IncomingMessage): Answer | undefined {
    if (path === undefined) return NOT_FOUND;
    // Browsers name the page a script comes from. hv does not, so a page cannot become a replica.
    if (request.headers.origin !== undefined) return FORBIDDEN;
    return this.#links.size >= this.#linksMax ? FULL : undefined;
  }

  #refuse(socket: Duplex, status: string, reason: Refusal): void {
    this.#admission.refuse(socket as Socket, reason, { cut: false });
    socket.on('error', () => socket.destroy());
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () =>
      socket.destroy(),
    );
  }
}
