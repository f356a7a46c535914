/** What a socket says of itself: properties that are read anew each time. */

import type { NetAddress } from '../../log-format/abi.ts';
import { kState, type Socket } from './net-socket-types.ts';
import { bufferedBytes } from './net-socket-write.ts';

/** Only an open socket has addresses; the peer's stays known to those who asked in time (as Node). */
export function endOf(socket: Socket, which: 'peer' | 'local'): NetAddress | undefined {
  const state = socket[kState];
  const isOpen = socket._handle !== null && !socket.connecting;
  if (which === 'peer' && isOpen) state.peerRead = true;
  return isOpen || (which === 'peer' && state.peerRead) ? state.ends?.[which] : undefined;
}

const views: Readonly<Record<string, (this: Socket) => unknown>> = {
  _connecting() {
    return this.connecting;
  },
  pending() {
    return this._handle === null || this.connecting;
  },
  readyState() {
    if (this.connecting) return 'opening';
    if (this.readable && this.writable) return 'open';
    if (this.readable) return 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  },
  bufferSize() {
    return this._handle ? this.writableLength : undefined;
  },
  bytesRead() {
    return this[kState].wire?.bytesRead ?? 0;
  },
  bytesWritten() {
    // What was handed to the device, and what still waits: for the connection, and in the stream's buffer.
    const { wire, pendingBytes } = this[kState];
    return (wire?.bytesWritten ?? 0) + pendingBytes + bufferedBytes(this);
  },
  _bytesDispatched() {
    return this[kState].wire?.bytesWritten ?? 0;
  },
  remoteAddress() {
    return endOf(this, 'peer')?.address;
  },
  remoteFamily() {
    return endOf(this, 'peer')?.family;
  },
  remotePort() {
    return endOf(this, 'peer')?.port;
  },
  localAddress() {
    return endOf(this, 'local')?.address;
  },
  localFamily() {
    return endOf(this, 'local')?.family;
  },
  localPort() {
    return endOf(this, 'local')?.port;
  },
};

export function defineViews(prototype: object): void {
  for (const [name, get] of Object.entries(views)) {
    Object.defineProperty(prototype, name, { get, enumerable: true, configurable: true });
  }
}
