/** Reading a socket past its stream, for a protocol that reads all of it: see `SocketState.consumer`. */

import type { Buffer } from './buffer.ts';
import { asBuffer, FastBuffer } from './buffer-class.ts';
import { kState, type Socket } from './net-socket-types.ts';

/** A Buffer over all of `bytes`, which nobody else has. */
export function bufferOf(bytes: ArrayBuffer): Buffer {
  return asBuffer(new FastBuffer(bytes)) as Buffer;
}

/** True when `socket` is one of the kernel's, with nothing read yet: `consumer` gets what comes. */
export function consume(socket: object, consumer: (bytes: ArrayBuffer) => boolean): boolean {
  const state = (socket as Partial<Socket>)[kState];
  if (state === undefined || state.consumer !== undefined) return false;
  const { readableLength, _handle } = socket as { readableLength: number; _handle: unknown };
  if (readableLength > 0 || _handle === null) return false;
  state.consumer = consumer;
  return true;
}

export function stopConsuming(socket: object): void {
  const state = (socket as Partial<Socket>)[kState];
  if (state !== undefined) state.consumer = undefined;
}
