/** A client's connection that comes back by itself: connects, and connects again when it is lost. */

import { connect, type Socket } from 'node:net';

export interface SocketHandlers {
  onOpen(): void;
  /** Latin1: one character per byte. */
  onText(text: string): void;
  /** The connection is gone; another attempt follows unless `stop` was called. */
  onLost(): void;
}

/** Pause between attempts. Short, because it is part of the gap a client sees. */
const RETRY_MS = 3;
/** A SYN nobody answers would otherwise wait for a second. */
const CONNECT_TIMEOUT_MS = 250;

export class PersistentSocket {
  readonly #port: number;
  readonly #handlers: SocketHandlers;
  #socket: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #open = false;
  #stopped = false;

  constructor(port: number, handlers: SocketHandlers) {
    this.#port = port;
    this.#handlers = handlers;
  }

  get open(): boolean {
    return this.#open;
  }

  start(): void {
    const socket = connect(this.#port, '127.0.0.1');
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.setNoDelay(true);
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => {
      if (socket.connecting) socket.destroy();
    });
    socket.on('connect', () => {
      socket.setTimeout(0);
      this.#open = true;
      this.#handlers.onOpen();
    });
    socket.on('data', (text: string) => this.#handlers.onText(text));
    // Every error is followed by close: refused and reset connections are what a failover looks like.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onClose());
  }

  /** Call only while `open`. */
  send(text: string): void {
    this.#socket?.write(text, 'latin1');
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  #onClose(): void {
    const wasOpen = this.#open;
    this.#open = false;
    if (wasOpen && !this.#stopped) this.#handlers.onLost();
    if (!this.#stopped) this.#retry = setTimeout(() => this.start(), RETRY_MS);
  }
}
