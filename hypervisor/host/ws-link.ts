/**
 * One WebSocket as a Link: framing, flushing and closing. The only importer of ws. Must never deliver
 * a message after its link has closed, nor believe a byte of a peer before wire.ts has.
 */

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { assert } from '../base/assert.ts';
import {
  FRAME_BYTES_MAX,
  HELLO_BYTES_MAX,
  LINK_CLOSE_MS,
  LINK_HEADER_BYTES_MAX,
} from '../base/limits.ts';
import type { Link, LinkHandlers } from '../ports.ts';
import type { Message } from '../protocol/messages.ts';
import { type DecodedMessage, decodeMessage, encodeMessage } from '../protocol/wire.ts';

/** For clients of a demo's guest. */
export { WebSocket } from 'ws';

const WS_OPTIONS = {
  // Batches are compact or compressed already; deflate would cost a copy and a thread hop each.
  perMessageDeflate: false,
  skipUTF8Validation: true,
  autoPong: false,
  maxPayload: FRAME_BYTES_MAX + LINK_HEADER_BYTES_MAX,
};

/** RFC 6455, 7.4.1. */
const CLOSE = { normal: 1000, lost: 1006, policy: 1008 } as const;
/** A close frame carries at most 123 bytes of reason (RFC 6455, 5.5). */
const CLOSE_REASON_BYTES_MAX = 123;

/** What is wrong with what a peer sent, or did not send. */
export type Garbage = 'malformed' | 'oversized' | 'slow';

export interface WsLinkOptions {
  readonly socket: Duplex | undefined;
  /** Time the peer has for its first message; undefined: any, and any length. */
  readonly helloTimeoutMs: number | undefined;
  onGarbage(what: Garbage): void;
  /** The first message is here. */
  onSpoken?(): void;
  /** Words for an error of the socket. */
  explain?(error: Error & { code?: string }): string;
}

export class WsLink implements Link {
  readonly peer: string;
  readonly #ws: WebSocket;
  readonly #options: WsLinkOptions;
  #handlers: LinkHandlers | undefined;
  #socket: Duplex | undefined;
  /** Messages sent before the handshake was over. */
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #corked = false;
  #closing = false;
  #closed = false;
  #told = false;
  #reason: string | undefined;
  #cut: NodeJS.Timeout | undefined;
  /** Ends the watch over the first message. */
  #hello: (() => void) | undefined;

  constructor(ws: WebSocket, peer: string, options: WsLinkOptions) {
    this.peer = peer;
    this.#ws = ws;
    this.#options = options;
    if (options.socket) {
      this.#own(options.socket);
      if (options.helloTimeoutMs !== undefined)
        this.#hello = this.#awaitHello(options.socket, options.helloTimeoutMs);
    }
    ws.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    ws.on('error', (error: Error & { code?: string }) => {
      this.#reason ??= options.explain?.(error) ?? (error.message || error.code);
      if (!error.code?.startsWith('WS_ERR_')) return;
      // A frame the receiver will not take, too long for one: ws answers with a close frame, and a
      // stranger might never answer that.
      options.onGarbage(/_LENGTH$/.test(error.code) ? 'oversized' : 'malformed');
      this.#cutLater();
    });
    ws.on('close', (code, reason) => this.#onClose(code, reason.toString()));
  }

  /** Must be called in the same turn of the loop in which the link came to be. */
  attach(handlers: LinkHandlers): void {
    assert(this.#handlers === undefined, 'a link has one owner');
    this.#handlers = handlers;
  }

  opened(socket: Duplex): void {
    this.#own(socket);
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    for (const bytes of early) this.#ws.send(bytes);
    if (this.#closing) this.#ws.close(CLOSE.normal);
  }

  #own(socket: Duplex): void {
    this.#socket = socket;
    // A dead peer's FIN: ws would first wait until our own queue has drained towards it.
    socket.once('end', () => this.#ws.terminate());
  }

  /** Until the first message is complete a stranger gets little time and little memory. */
  #awaitHello(socket: Duplex, ms: number): () => void {
    const timer = setTimeout(() => this.#fault(`it said nothing within ${ms} ms`, 'slow'), ms);
    let bytes = 0;
    // Behind ws's own listener: a message that is complete ends the watch before it is counted.
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= HELLO_BYTES_MAX) return;
      this.#fault(`its first message is longer than ${HELLO_BYTES_MAX} bytes`, 'oversized');
    };
    socket.on('data', count);
    return () => {
      clearTimeout(timer);
      socket.off('data', count);
    };
  }

  /**
   * A batch leaves at once: the backup takes it while the primary runs it (ship before run). So does
   * an ack, which is cumulative already: outputs wait for nothing else.
   * Everything else waits for the end of this turn of the loop and shares one system call.
   */
  send(message: Message): void {
    if (this.#closing || this.#closed) return;
    const bytes = encodeMessage(message);
    if (this.#ws.readyState === WebSocket.CONNECTING) {
      this.#early.push(bytes);
      this.#earlyBytes += bytes.length;
      return;
    }
    const urgent = message.type === 'batch' || message.type === 'ack';
    if (!urgent) this.#cork();
    this.#ws.send(bytes, { binary: true });
    if (urgent) this.#uncork();
  }

  sendAside(bytes: Uint8Array): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping(bytes);
  }

  /** Called with bytes that are its own. */
  onAside(taker: (bytes: Uint8Array) => void): void {
    this.#ws.on('ping', (bytes) => taker(Uint8Array.from(bytes)));
  }

  get queuedBytes(): number {
    return this.#earlyBytes + this.#ws.bufferedAmount;
  }

  /** Flushes what was sent, then closes; `onClose` comes when the other end has it or is cut. */
  close(): void {
    this.#finish(CLOSE.normal, '');
  }

  /** Closes without waiting for anything. */
  terminate(reason: string): void {
    this.#reason ??= reason;
    this.#ws.terminate();
  }

  #finish(code: number, reason: string): void {
    if (this.#closing || this.#closed) return;
    this.#closing = true;
    this.#reason ??= 'closed here';
    this.#uncork();
    this.#cutLater();
    if (this.#ws.readyState !== WebSocket.CONNECTING) this.#ws.close(code, reason);
  }

  #cutLater(): void {
    this.#cut ??= setTimeout(() => this.#ws.terminate(), LINK_CLOSE_MS);
  }

  #cork(): void {
    if (this.#corked || !this.#socket) return;
    this.#corked = true;
    this.#socket.cork();
    setImmediate(() => this.#uncork());
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket?.uncork();
  }

  #onMessage(data: WebSocket.RawData, isBinary: boolean): void {
    if (this.#closing || this.#closed) return;
    const decoded: DecodedMessage =
      isBinary && data instanceof Uint8Array
        ? decodeMessage(data)
        : { type: 'garbage', reason: 'it sent text' };
    if (decoded.type === 'garbage') {
      this.#fault(decoded.reason, 'malformed');
      return;
    }
    if (this.#hello !== undefined) {
      this.#endHello();
      this.#options.onSpoken?.();
    }
    this.#handlers?.onMessage(decoded.message);
  }

  #endHello(): void {
    this.#hello?.();
    this.#hello = undefined;
  }

  #fault(reason: string, what: Garbage): void {
    if (this.#closing || this.#closed) return;
    this.#endHello();
    this.#reason = `closed here: ${reason}`;
    this.#options.onGarbage(what);
    const bytes = Buffer.from(reason).subarray(0, CLOSE_REASON_BYTES_MAX);
    this.#finish(CLOSE.policy, bytes.toString('latin1').replace(/[^ -~]/g, '?'));
    // The owner need not wait for a stranger to say goodbye.
    this.#tell(this.#reason);
  }

  #onClose(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#cut);
    this.#endHello();
    this.#early = [];
    this.#earlyBytes = 0;
    this.#tell(this.#reason ?? this.#whyClosed(code, reason));
  }

  #tell(reason: string): void {
    if (this.#told) return;
    this.#told = true;
    this.#handlers?.onClose(reason);
  }

  #whyClosed(code: number, reason: string): string {
    if (code === CLOSE.lost) return 'connection lost';
    return reason === '' ? 'closed by the peer' : `closed by the peer: ${reason}`;
  }
}

/** Starts a handshake with a listener; `onOpen` follows, or the link's `onClose`. */
export function dialWebSocket(
  url: string,
  options: {
    readonly peer: string;
    readonly timeoutMs: number;
    /** Makes the socket; it may still be connecting. */
    connect(): Socket;
    /** Words for what kept a socket from opening. */
    explain(error: Error & { code?: string }): string;
    onOpen(socket: Duplex): void;
  },
): WsLink {
  const ws = new WebSocket(url, {
    ...WS_OPTIONS,
    handshakeTimeout: options.timeoutMs,
    createConnection: () => options.connect(),
    // Masks guard proxies against scripts in browsers; a zero one saves a pass over every batch.
    generateMask: (mask) => void mask.fill(0),
  });
  const link = new WsLink(ws, options.peer, {
    socket: undefined,
    helloTimeoutMs: undefined,
    onGarbage: () => {},
    explain: (error) => options.explain(error),
  });
  let socket: Duplex | undefined;
  ws.once('upgrade', (response: IncomingMessage) => {
    socket = response.socket;
  });
  ws.once('open', () => {
    assert(socket !== undefined, 'a link opens after its upgrade');
    link.opened(socket);
    options.onOpen(socket);
  });
  return link;
}

/** The listening half of the handshake. `onStranger` gets sockets whose request is no WebSocket's. */
export class WebSocketAcceptor {
  readonly #server: WebSocketServer;

  constructor(onStranger: (socket: Duplex) => void) {
    this.#server = new WebSocketServer({ ...WS_OPTIONS, noServer: true, clientTracking: false });
    this.#server.on('wsClientError', (_error, socket) => onStranger(socket));
  }

  /** Calls `done` with the link in the turn in which it came to be: attach its owner there. */
  accept(
    upgrade: {
      readonly request: IncomingMessage;
      readonly socket: Duplex;
      readonly head: Buffer;
    },
    options: Omit<WsLinkOptions, 'socket'> & { readonly peer: string },
    done: (link: WsLink) => void,
  ): void {
    const { request, socket, head } = upgrade;
    this.#server.handleUpgrade(request, socket, head, (ws) =>
      done(new WsLink(ws, options.peer, { ...options, socket })),
    );
  }
}
