/**
 * The reading half of `net.Socket`: what the device delivers goes to the stream, to a protocol that reads
 * past it, or into the buffer of `onread`. What arrives while the socket does not read waits here.
 */

import { handleClosed, handleOpened, queueArrival } from '../loop.ts';
import { Buffer } from './buffer.ts';
import { kState, type OnRead, type Socket } from './net-socket-types.ts';
import type { Wire } from './net-wire.ts';

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** The `onread` of `options` where it is whole; Node ignores any other. */
export function onReadOf(given: unknown): OnRead | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const { buffer, callback } = given as Partial<OnRead>;
  if (typeof callback !== 'function') return undefined;
  if (typeof buffer === 'function') {
    const make = buffer as () => unknown;
    return { buffer: make(), make, callback };
  }
  return isBytes(buffer) ? { buffer, make: undefined, callback } : undefined;
}

/** Fills the buffer of the program's again and again. What is left when it wants no more is given back. */
function fill(socket: Socket, wire: Wire, bytes: Uint8Array): Uint8Array | undefined {
  const onRead = socket[kState].onRead as OnRead;
  let rest = bytes;
  while (rest.byteLength > 0 && wire.reading && !socket.destroyed) {
    const into = onRead.buffer as Uint8Array;
    const length = Math.min(into.byteLength, rest.byteLength);
    into.set(rest.subarray(0, length));
    wire.bytesRead += length;
    rest = rest.subarray(length);
    const wantsMore = onRead.callback.call(socket, length, into) !== false;
    const next = onRead.make?.();
    if (isBytes(next)) onRead.buffer = next;
    if (!wantsMore) wire.setReading(false);
  }
  return rest.byteLength > 0 ? rest : undefined;
}

/** What arrives on one connection. */
export class Arrivals {
  readonly #socket: Socket;
  readonly #wire: Wire;
  #held: Uint8Array[] = [];
  #hasEnded = false;
  #scheduled = false;

  constructor(socket: Socket, wire: Wire) {
    this.#socket = socket;
    this.#wire = wire;
    wire.onReading = () => this.#schedule();
  }

  data(bytes: ArrayBuffer): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (socket[kState].idle !== undefined) socket._unrefTimer();
    // Some may be on its way when a socket is paused, from the pause at its start on.
    if (!this.#wire.reading || this.#held.length > 0) this.#held.push(new Uint8Array(bytes));
    else this.#take(bytes);
  }

  ended(): void {
    this.#wire.inputEnded();
    this.#hasEnded = true;
    if (this.#held.length === 0) this.#end();
  }

  /** The connection is gone: what waits goes to the stream, which keeps it for a reader. */
  flush(): void {
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) {
      if (!this.#socket.destroyed) this.#take(bytes.slice().buffer);
    }
    if (this.#hasEnded && held.length > 0) this.#end();
  }

  #take(bytes: ArrayBuffer): void {
    const socket = this.#socket;
    const wire = this.#wire;
    const state = socket[kState];
    if (state.onRead !== undefined) {
      const rest = fill(socket, wire, new Uint8Array(bytes));
      if (rest !== undefined) this.#held.unshift(rest);
      return;
    }
    wire.bytesRead += bytes.byteLength;
    if (state.consumer?.(bytes)) return;
    if (!socket.push(Buffer.from(bytes))) wire.setReading(false);
  }

  #end(): void {
    const socket = this.#socket;
    this.#hasEnded = false;
    if (socket.destroyed) return;
    socket.push(null);
    socket.read(0);
  }

  /** Reading begins again: what waits comes when the loop polls, as it would from the host. */
  #schedule(): void {
    if (this.#scheduled || this.#held.length === 0) return;
    this.#scheduled = true;
    handleOpened();
    queueArrival(() => {
      this.#scheduled = false;
      handleClosed();
      this.#release();
    });
  }

  #release(): void {
    while (this.#held.length > 0 && this.#wire.reading && !this.#socket.destroyed) {
      const bytes = this.#held.shift() as Uint8Array;
      this.#take(bytes.slice().buffer);
    }
    if (this.#held.length === 0 && this.#hasEnded) this.#end();
  }
}
