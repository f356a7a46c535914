/** What a socket is made of, shared by the files of `net.Socket`. */

import type { ConnectionEnds } from './net-device.ts';
import type { Wire } from './net-wire.ts';
import type { DuplexStream } from './stream-types.ts';
import type { Timeout } from './timers.ts';

export interface SocketOptions {
  readonly allowHalfOpen?: boolean;
  readonly highWaterMark?: number;
  readonly readableHighWaterMark?: number;
  readonly writableHighWaterMark?: number;
  readonly readable?: boolean;
  readonly writable?: boolean;
  readonly objectMode?: unknown;
  readonly readableObjectMode?: unknown;
  readonly writableObjectMode?: unknown;
  readonly onread?: unknown;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: unknown;
  readonly signal?: unknown;
  readonly handle?: Wire;
  readonly ends?: ConnectionEnds;
  readonly pauseOnCreate?: boolean;
  readonly server?: ConnectionOwner;
}

/** `onread`: what is read goes into a buffer of the program's, and it is told how much. */
export interface OnRead {
  buffer: unknown;
  readonly make: (() => unknown) | undefined;
  readonly callback: (this: Socket, length: number, buffer: Uint8Array) => unknown;
}

/** The server a socket was accepted by. */
export interface ConnectionOwner {
  connectionClosed(socket: Socket): void;
}

export interface Socket extends DuplexStream {
  connecting: boolean;
  server: ConnectionOwner | null;
  _handle: Wire | null;
  _server: ConnectionOwner | null;
  _host: string | null;
  _hadError: boolean;
  timeout: number | undefined;
  autoSelectFamilyAttemptedAddresses: string[];
  [kState]: SocketState;
  connect(...args: unknown[]): Socket;
  setTimeout(ms: number, callback?: () => void): Socket;
  _unrefTimer(): void;
  _undestroy(): void;
}

export interface SocketState {
  ends: ConnectionEnds | undefined;
  /** The peer's address was read while the socket was open: it stays readable. */
  peerRead: boolean;
  wire: Wire | undefined;
  reset: boolean;
  referenced: boolean;
  noDelay: boolean;
  keepAlive: boolean;
  /** Seconds until the host's first probe, as far as a program asks for them back. */
  keepAliveDelay: number;
  onRead: OnRead | undefined;
  /** Bytes of the write that waits for the connection. */
  pendingBytes: number;
  /** One of several addresses is tried. */
  attempt: { failed(error: Error): void; over(): void } | undefined;
  idle: Timeout | undefined;
  place: { host: string; port: number };
  /** Who asked for the address has told of it, or there was nothing to ask. */
  lookedUp: boolean;
  /** `close` waits for the device's last word about the connection. */
  announceClose: (() => void) | undefined;
  /**
   * Takes what arrives past the stream, as long as nobody reads that. False gives the bytes back: the
   * stream has them from then on.
   */
  consumer: ((bytes: ArrayBuffer) => boolean) | undefined;
}

export const kState: unique symbol = Symbol('hv.socket');
