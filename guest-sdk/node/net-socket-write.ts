/** The writing half of `net.Socket`: from stream chunks to writes of the device. */

import { ENCODING } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import { nextTick } from '../ticks.ts';
import { Buffer } from './buffer.ts';
import { closedError } from './net-errors.ts';
import { kState, type Socket } from './net-socket-types.ts';
import { Wire } from './net-wire.ts';
import { nodeError } from './node-errors.ts';
import type { Done } from './stream-types.ts';

/** Chunks of a corked write up to this many bytes are joined: one output instead of many. */
const JOIN_BYTES_MAX = 65_536;

function writeAll(
  socket: Socket,
  buffer: ArrayBuffer,
  offset: number,
  length: number,
  done: Done,
): void {
  const wire = socket._handle;
  if (wire === null) {
    done(nodeError(Error, 'ERR_SOCKET_CLOSED', 'Socket is closed'));
    return;
  }
  if (wire instanceof Wire && !wire.isOpen) {
    done(closedError('write'));
    return;
  }
  if (socket[kState].idle !== undefined) socket._unrefTimer();
  if (wire.writeBuffer(buffer, offset, length, done)) done();
}

/** Runs `action` once connected; a socket that closes before fails it. */
function whenConnected(socket: Socket, bytes: number, action: () => void, done: Done): void {
  socket[kState].pendingBytes = bytes;
  const onConnect = (): void => {
    socket[kState].pendingBytes = 0;
    socket.removeListener('close', onClose);
    action();
  };
  const onClose = (): void => {
    socket.removeListener('connect', onConnect);
    done(
      nodeError(
        Error,
        'ERR_SOCKET_CLOSED_BEFORE_CONNECTION',
        'Socket closed before the connection was established',
      ),
    );
  };
  socket.once('connect', onConnect);
  socket.once('close', onClose);
}

function toBytes(chunk: unknown, encoding: unknown): Uint8Array {
  if (typeof chunk !== 'string') return chunk as Uint8Array;
  if (encoding === 'utf8' || encoding === 'utf-8') {
    return new Uint8Array(traps.encode(chunk, ENCODING.utf8));
  }
  return Buffer.from(chunk, encoding as 'utf8');
}

interface CorkedChunk {
  readonly chunk: unknown;
  readonly encoding: unknown;
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.byteLength;
  }
  return joined;
}

interface WriteState {
  length: number;
  corked: number;
  writing: boolean;
  ending: boolean;
  errored: unknown;
  sync: boolean;
  writelen: number;
  writecb: Done | null;
  bufferProcessing: boolean;
  buffered: readonly unknown[];
  onwrite: Done;
}

/**
 * Writes a UTF-8 text past the stream when that is idle, which saves most of the cost of a small
 * write. False when it did nothing: the socket is not one of the kernel's, or it is busy.
 */
export function writeTextAtOnce(stream: object, text: string, done: () => void): boolean {
  const socket = stream as Socket & { _writableState?: WriteState };
  const state = socket._writableState;
  const wire = socket._handle;
  const isIdle =
    kState in socket &&
    wire instanceof Wire &&
    state !== undefined &&
    !socket.connecting &&
    !socket.destroyed &&
    state.length === 0 &&
    state.corked === 0 &&
    !state.writing &&
    !state.ending &&
    !state.errored &&
    !wire.writing;
  if (!isIdle) return false;
  const buffer = traps.encode(text, ENCODING.utf8);
  if (socket[kState].idle !== undefined) socket._unrefTimer();
  const length = buffer.byteLength;
  if (wire.writeBuffer(buffer, 0, length, () => state.onwrite())) {
    nextTick(done);
    return true;
  }
  // The credit is used up: from here on it is a write of the stream that has not come back.
  state.length = length;
  state.writing = true;
  state.sync = false;
  state.writelen = length;
  state.writecb = done;
  return true;
}

/** Bytes of the chunks that wait in the stream's buffer. */
export function bufferedBytes(socket: Socket): number {
  const { _writableState: state } = socket as unknown as {
    _writableState: { getBuffer?(): readonly CorkedChunk[] };
  };
  let bytes = 0;
  for (const { chunk, encoding } of state.getBuffer?.() ?? []) {
    bytes += Buffer.byteLength(chunk as string, encoding as 'utf8');
  }
  return bytes;
}

export const streamMethods: ThisType<Socket> & Record<string, unknown> = {
  _read(): void {
    if (this.connecting) this.once('connect', () => this._handle?.setReading(true));
    else this._handle?.setReading(true);
  },

  _write(chunk: unknown, encoding: unknown, done: Done): void {
    if (this.connecting) {
      const bytes = toBytes(chunk, encoding);
      const write = (): void =>
        writeAll(this, bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength, done);
      whenConnected(this, bytes.byteLength, write, done);
      return;
    }
    if (typeof chunk === 'string' && encoding === 'utf8') {
      // The common case of text: one conversion by the host, no view, no copy.
      const buffer = traps.encode(chunk, ENCODING.utf8);
      writeAll(this, buffer, 0, buffer.byteLength, done);
      return;
    }
    const bytes = toBytes(chunk, encoding);
    writeAll(this, bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength, done);
  },

  _writev(chunks: readonly CorkedChunk[], done: Done): void {
    const parts = chunks.map(({ chunk, encoding }) => toBytes(chunk, encoding));
    const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
    const write = (): void => {
      if (length <= JOIN_BYTES_MAX) {
        writeAll(this, join(parts, length).buffer as ArrayBuffer, 0, length, done);
        return;
      }
      const next = (index: number): void => {
        const part = parts[index];
        if (part === undefined) {
          done();
          return;
        }
        const then = (error?: Error | null): void => (error ? done(error) : next(index + 1));
        writeAll(this, part.buffer as ArrayBuffer, part.byteOffset, part.byteLength, then);
      };
      next(0);
    };
    if (this.connecting) whenConnected(this, length, write, done);
    else write();
  },

  _final(done: Done): void {
    if (this.connecting) {
      this.once('connect', () => {
        this._handle?.end();
        done();
      });
      return;
    }
    this._handle?.end();
    done();
  },
};
