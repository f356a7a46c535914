/**
 * One connection of the guest on a host socket: bytes both ways with absolute offsets, credit, and
 * the order of its interrupts. What happens on the socket is reported as it happens; the machine sees
 * it only once it is logged.
 */

import type { Socket } from 'node:net';
import {
  INTERRUPT,
  NET_ERRORS,
  NET_OPTION,
  NET_WRITE_CREDIT_BYTES,
} from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { NET_DATA_BYTES_MAX, NET_DRAIN_BYTES, NET_RECEIVE_WINDOW_BYTES } from '../base/limits.ts';
import type { HostInterrupt } from '../ports.ts';
import { netAddress } from './addresses.ts';
import { resetSocket } from './reset-socket.ts';

// A guest waits for a drain only when its credit is used up, and less than one step stays unreported.
assert(2 * NET_DRAIN_BYTES <= NET_WRITE_CREDIT_BYTES, 'a drained guest has credit');

/** What a connection needs of its backend. */
export interface ConnectionOwner {
  emit(interrupt: HostInterrupt): void;
  /** The connection has output that leaves with `flush`, at the end of this turn of the loop. */
  flushLater(connection: DirectConnection): void;
  /** The last interrupt of the connection is emitted. */
  gone(connection: DirectConnection): void;
}

/** Index in NET_ERRORS for what Node reports. Arguments it refuses (ERR_...) count as EINVAL. */
export function errorIndex(error: unknown): number {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const name = code?.startsWith('ERR_') ? 'EINVAL' : code;
  const index = NET_ERRORS.findIndex((known) => known !== '' && known === name);
  return index === -1 ? NET_ERRORS.indexOf('UNKNOWN') : index;
}

/** Both ends of an open socket as an interrupt carries them; undefined once the socket is gone. */
export function endsOf(socket: Socket): Uint8Array | undefined {
  const peer = netAddress(socket.remoteAddress, socket.remotePort);
  const local = netAddress(socket.localAddress, socket.localPort);
  if (peer === undefined || local === undefined) return undefined;
  return new TextEncoder().encode(JSON.stringify({ peer, local }));
}

export class DirectConnection {
  readonly id: number;
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #onWritten: () => void = () => this.#reportLeft();
  /** Output handed to the socket, and how much of it the guest knows to have left. */
  #written = 0;
  #reported = 0;
  /** Input the guest has been given and has not consumed. */
  #unconsumed = 0;
  #throttled: boolean;
  #corked = false;
  #ended = false;
  #done = false;
  #error: unknown;

  /** Takes the socket over; `throttled` as the backend is now. */
  constructor(
    id: number,
    socket: Socket,
    owner: ConnectionOwner,
    { throttled }: { readonly throttled: boolean },
  ) {
    this.id = id;
    this.#socket = socket;
    this.#owner = owner;
    this.#throttled = throttled;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#emit(INTERRUPT.netEnd, 0, undefined));
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => this.#onClose());
    this.#flow();
  }

  /** An outgoing connection reports its ends when it opens; should it fail, only netClose comes. */
  announceConnect(): void {
    this.#socket.once('connect', () => {
      const ends = endsOf(this.#socket);
      // Reset before we could ask for its addresses: the close that follows says it all.
      if (ends !== undefined) this.#emit(INTERRUPT.netConnected, 0, ends);
    });
  }

  /** `offset` counts from the start of the stream: bytes written already are not written twice. */
  write(offset: number, bytes: Uint8Array): void {
    assert(offset <= this.#written, 'output has no gap');
    const fresh = bytes.subarray(this.#written - offset);
    if (fresh.length === 0 || this.#ended) return;
    this.#written += fresh.length;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      this.#owner.flushLater(this);
    }
    this.#socket.write(fresh, this.#onWritten);
  }

  /** Hands to the kernel what was written in this turn of the loop. */
  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.flush();
    this.#socket.end();
  }

  /** What was written before still reaches the kernel, as with Node's own sockets. */
  destroy({ reset }: { readonly reset: boolean }): void {
    this.#ended = true;
    this.flush();
    if (reset) resetSocket(this.#socket);
    else this.#socket.destroy();
  }

  /** The guest has used up input: at the window's edge this starts reading again. */
  consumed(bytes: number): void {
    assert(bytes >= 0 && bytes <= this.#unconsumed, 'a guest consumes what it was given');
    this.#unconsumed -= bytes;
    this.#flow();
  }

  throttle(on: boolean): void {
    this.#throttled = on;
    this.#flow();
  }

  option(option: number, value: number): void {
    if (option === NET_OPTION.noDelay) this.#socket.setNoDelay(value !== 0);
    if (option === NET_OPTION.keepAlive) this.#socket.setKeepAlive(value !== 0);
  }

  /** Ends the socket without telling anybody: the backend closes. */
  abandon(): void {
    this.#done = true;
    this.destroy({ reset: false });
  }

  #flow(): void {
    const wanted = !this.#throttled && this.#unconsumed < NET_RECEIVE_WINDOW_BYTES;
    if (wanted) this.#socket.resume();
    else this.#socket.pause();
  }

  #onData(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += NET_DATA_BYTES_MAX) {
      const payload = owned(chunk.subarray(at, at + NET_DATA_BYTES_MAX));
      this.#unconsumed += payload.length;
      this.#emit(INTERRUPT.netData, 0, payload);
    }
    if (this.#unconsumed >= NET_RECEIVE_WINDOW_BYTES) this.#flow();
  }

  /**
   * Reports output the kernel has taken, but only in large steps: each report is a log record and
   * starts a turn, and a guest with most of its credit left is not waiting for one.
   */
  #reportLeft(): void {
    const left = this.#written - this.#socket.writableLength - this.#reported;
    if (left < NET_DRAIN_BYTES || this.#socket.destroyed) return;
    this.#reported += left;
    this.#emit(INTERRUPT.netDrain, left, undefined);
  }

  #onClose(): void {
    const error = this.#error === undefined ? 0 : errorIndex(this.#error);
    this.#emit(INTERRUPT.netClose, error, undefined);
    this.#done = true;
    this.#owner.gone(this);
  }

  #emit(kind: HostInterrupt['kind'], num: number, payload: Uint8Array | undefined): void {
    if (!this.#done) this.#owner.emit({ kind, id: this.id, num, payload });
  }
}

/** Bytes that share no memory with a pool or with another chunk: the log keeps them. */
function owned(chunk: Uint8Array): Uint8Array {
  const whole = chunk.byteLength === chunk.buffer.byteLength;
  return whole ? new Uint8Array(chunk.buffer) : new Uint8Array(chunk);
}
