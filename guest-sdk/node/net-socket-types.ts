/** What a socket is made of, shared by the files of `net.Socket`. */

import type { ConnectionEnds } from './net-device.ts';
import type { Wire } from './net-wire.ts';
import type { DuplexStream } from './stream-types.ts';
import type { Timeout } from './timers.ts';

export interface SocketOptions {
  readonly allowHalfOpen?: boolean;
  readonly highWaterMark?: number;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  readonly signal?: unknown;
  readonly handle?: Wire;
  readonly ends?: ConnectionEnds;
  readonly pauseOnCreate?: boolean;
  readonly server?: ConnectionOwner;
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
  idle: Timeout | undefined;
  place: { host: string; port: number };
  /** `close` waits for the device's last word about the connection. */
  announceClose: (() => void) | undefined;
  /**
   * Takes what arrives past the stream, as long as nobody reads that. False gives the bytes back: the
   * stream has them from then on.
   */
  consumer: ((bytes: ArrayBuffer) => boolean) | undefined;
}

export const kState: unique symbol = Symbol('hv.socket');
