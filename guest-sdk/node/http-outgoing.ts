/** `http.OutgoingMessage`: the writing half of requests and responses. An ES5-style constructor. */

import { EventEmitter } from './events.ts';
import { headerMethods, headerViews } from './http-outgoing-headers.ts';
import { storeHeader } from './http-outgoing-store.ts';
import {
  type Callback,
  kBytesWritten,
  kChunks,
  kCorked,
  kErrored,
  kHighWaterMark,
  kNeedDrain,
  kOutHeaders,
  kStrictBody,
  kUniqueHeaders,
  type OutgoingMessage as OutgoingShape,
} from './http-outgoing-types.ts';
import {
  closeOutput,
  errorOf,
  isStrict,
  mismatch,
  writeChunk,
  writeLast,
} from './http-outgoing-write.ts';
import type { HttpSocket } from './http-types.ts';
import { nodeError } from './node-errors.ts';
import { exported as stream } from './stream.ts';

export type OutgoingMessage = OutgoingShape;

export interface OutgoingMessageConstructor {
  new (options?: object): OutgoingMessage;
  (options?: object): OutgoingMessage;
  call(self: object, options?: object): void;
  readonly prototype: OutgoingMessage;
}

const HIGH_WATER_MARK = 16_384;
const nothing = (): void => {};

interface Options {
  readonly highWaterMark?: number;
  readonly rejectNonStandardBodyWrites?: boolean;
}

function construct(this: OutgoingMessage, options?: Options): void {
  // Stream's constructor is the emitter's; `init` keeps what a subclass has set already.
  EventEmitter.init.call(this, options as never);
  this.outputData = [];
  this.outputSize = 0;
  this.writable = true;
  this.destroyed = false;
  this._last = false;
  this.chunkedEncoding = false;
  this.shouldKeepAlive = true;
  this.maxRequestsOnConnectionReached = false;
  this._defaultKeepAlive = true;
  this.useChunkedEncodingByDefault = true;
  this.sendDate = false;
  this._removedConnection = false;
  this._removedContLen = false;
  this._removedTE = false;
  this.strictContentLength = false;
  this[kBytesWritten] = 0;
  this._contentLength = null;
  this._hasBody = true;
  this._trailer = '';
  this[kNeedDrain] = false;
  this.finished = false;
  this._headerSent = false;
  this[kCorked] = 0;
  this[kChunks] = [];
  this._closed = false;
  this.socket = null;
  this._header = null;
  this[kOutHeaders] = null;
  this._keepAliveTimeout = 0;
  this._onPendingData = nothing;
  this[kErrored] = null;
  this[kHighWaterMark] = options?.highWaterMark ?? HIGH_WATER_MARK;
  this[kStrictBody] = options?.rejectNonStandardBodyWrites ?? false;
}

export const OutgoingMessage = construct as unknown as OutgoingMessageConstructor;
Object.defineProperty(OutgoingMessage, 'name', { value: 'OutgoingMessage', configurable: true });
Object.setPrototypeOf(
  OutgoingMessage.prototype,
  (stream as unknown as { prototype: object }).prototype,
);
Object.setPrototypeOf(OutgoingMessage, stream as unknown as object);
// Null until a server with unique headers says otherwise.
Object.defineProperty(OutgoingMessage.prototype, kUniqueHeaders, { value: null, writable: true });

const methods: ThisType<OutgoingMessage> & Record<string, unknown> = {
  ...headerMethods,

  cork(): void {
    this[kCorked] += 1;
    this.socket?.cork();
  },

  uncork(): void {
    this[kCorked] -= 1;
    this.socket?.uncork();
    if (this[kCorked] > 0 || this[kChunks].length === 0) return;
    const parts = this[kChunks];
    this[kChunks] = [];
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const callbacks = parts.map(({ callback }) => callback).filter((one) => one) as Callback[];
    this._send(`${length.toString(16)}\r\n`, 'latin1', null);
    for (const { data, encoding, length: size } of parts) this._send(data, encoding, null, size);
    this._send('\r\n', null, (error?: Error) => {
      for (const callback of callbacks) callback(error);
    });
  },

  setTimeout(ms: number, callback?: () => void): OutgoingMessage {
    if (callback) this.on('timeout', callback);
    if (this.socket) this.socket.setTimeout?.(ms);
    else {
      this.once('socket', (socket: HttpSocket) => {
        socket.setTimeout?.(ms);
      });
    }
    return this;
  },

  destroy(error?: unknown): OutgoingMessage {
    if (this.destroyed) return this;
    this.destroyed = true;
    this[kErrored] = error;
    if (this.socket) this.socket.destroy(error);
    else {
      this.once('socket', (socket: HttpSocket) => {
        socket.destroy(error);
      });
    }
    return this;
  },

  /** Sends `data`, after the head when that has not gone yet. */
  _send(data: string | Uint8Array, encoding: unknown, callback: unknown, length?: number): boolean {
    if (this._headerSent) return this._writeRaw(data, encoding, callback);
    this._headerSent = true;
    const header = this._header ?? '';
    const isPlain = encoding === 'utf8' || encoding === 'latin1' || !encoding;
    if (typeof data === 'string' && isPlain) {
      return this._writeRaw(header + data, encoding, callback);
    }
    const first = { data: header, encoding: 'latin1', callback: null };
    this.outputData.unshift(first);
    this.outputSize += header.length;
    this._onPendingData(header.length);
    void length;
    return this._writeRaw(data, encoding, callback);
  },

  _writeRaw(data: string | Uint8Array, given: unknown, then: unknown): boolean {
    const { socket } = this;
    if (socket?.destroyed) return false;
    const encoding = typeof given === 'function' ? null : (given as string | null | undefined);
    const callback = (typeof given === 'function' ? given : then) as Callback | null | undefined;
    if (socket && socket._httpMessage === this && socket.writable) {
      if (this.outputData.length > 0) this._flushOutput(socket);
      return socket.write(data, encoding, callback);
    }
    this.outputData.push({ data, encoding, callback });
    this.outputSize += data.length;
    this._onPendingData(data.length);
    return this.outputSize < this[kHighWaterMark];
  },

  _storeHeader(firstLine: string, headers: unknown): void {
    storeHeader(this, firstLine, headers);
  },

  _implicitHeader(): void {
    throw nodeError(
      Error,
      'ERR_METHOD_NOT_IMPLEMENTED',
      'The _implicitHeader() method is not implemented',
    );
  },

  write(chunk: unknown, given?: unknown, then?: unknown): boolean {
    const encoding = typeof given === 'function' ? null : given;
    const callback = typeof given === 'function' ? given : then;
    return writeChunk(this, chunk, encoding, callback, false);
  },

  end(chunk?: unknown, encoding?: unknown, then?: unknown): OutgoingMessage {
    if (typeof chunk === 'function') return this.end(null, null, chunk);
    if (typeof encoding === 'function') return this.end(chunk, null, encoding);
    let isSent = false;
    if (chunk) {
      if (this.finished) {
        const error = nodeError(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');
        errorOf(this, error, typeof then === 'function' ? then : nothing);
        return this;
      }
      isSent = writeLast(this, chunk, encoding);
    } else if (this.finished) {
      if (typeof then === 'function') {
        if (!this.writableFinished) this.on('finish', then as () => void);
        else {
          const text = 'Cannot call end after a stream was finished';
          then(nodeError(Error, 'ERR_STREAM_ALREADY_FINISHED', text));
        }
      }
      return this;
    } else if (!this._header) {
      this.socket?.cork();
      this._contentLength = 0;
      this._implicitHeader();
    }
    if (typeof then === 'function') this.once('finish', then as () => void);
    if (isStrict(this) && this[kBytesWritten] !== this._contentLength) {
      throw mismatch(this[kBytesWritten], this._contentLength as number);
    }
    if (!isSent) closeOutput(this, Boolean(chunk));
    this.finished = true;
    const { socket } = this;
    if (this.outputData.length === 0 && socket && socket._httpMessage === this) this._finish();
    return this;
  },

  /** All of the message is with the socket. */
  _finish(): void {
    this.emit('prefinish');
  },

  /** Writes what was held back while another message had the socket. */
  _flush(): void {
    const { socket } = this;
    if (!socket?.writable) return;
    const more = this._flushOutput(socket);
    if (this.finished) this._finish();
    else if (more && this[kNeedDrain]) {
      this[kNeedDrain] = false;
      this.emit('drain');
    }
  },

  _flushOutput(socket: HttpSocket): boolean | undefined {
    while (this[kCorked] > 0) {
      this[kCorked] -= 1;
      socket.cork();
    }
    const { outputData } = this;
    if (outputData.length === 0) return undefined;
    socket.cork();
    let more: boolean | undefined;
    for (const { data, encoding, callback } of outputData) {
      more = socket.write(data, encoding, callback);
    }
    socket.uncork();
    this.outputData = [];
    this._onPendingData(-this.outputSize);
    this.outputSize = 0;
    return more;
  },

  flushHeaders(): void {
    if (!this._header) this._implicitHeader();
    this._send('');
  },

  [Symbol.for('nodejs.rejection')](error: unknown): void {
    this.destroy(error);
  },

  pipe(): void {
    this.emit('error', nodeError(Error, 'ERR_STREAM_CANNOT_PIPE', 'Cannot pipe, not readable'));
  },
};

for (const name of Reflect.ownKeys(methods)) {
  Object.defineProperty(OutgoingMessage.prototype, name, {
    value: (methods as Record<PropertyKey, unknown>)[name],
    writable: true,
    enumerable: typeof name === 'string',
    configurable: true,
  });
}

function getter(name: string, get: (this: OutgoingMessage) => unknown, enumerable = false): void {
  Object.defineProperty(OutgoingMessage.prototype, name, { get, enumerable, configurable: true });
}

getter('errored', function () {
  return this[kErrored];
});
getter('closed', function () {
  return this._closed;
});
getter('writableFinished', function () {
  return (
    this.finished && this.outputSize === 0 && (!this.socket || this.socket.writableLength === 0)
  );
});
getter('writableObjectMode', () => false);
getter('writableLength', function () {
  const chunks = this[kChunks].reduce((sum, { length }) => sum + length, 0);
  return this.outputSize + chunks + (this.socket ? this.socket.writableLength : 0);
});
getter('writableHighWaterMark', function () {
  return this.socket ? this.socket.writableHighWaterMark : this[kHighWaterMark];
});
getter('writableCorked', function () {
  return this[kCorked];
});
getter(
  'headersSent',
  function () {
    return Boolean(this._header);
  },
  true,
);
getter('writableEnded', function () {
  return this.finished;
});
getter('writableNeedDrain', function () {
  return !this.destroyed && !this.finished && this[kNeedDrain];
});
Object.defineProperty(OutgoingMessage.prototype, 'connection', {
  get(this: OutgoingMessage) {
    return this.socket;
  },
  set(this: OutgoingMessage, value: HttpSocket | null) {
    this.socket = value;
  },
  configurable: true,
});
Object.defineProperties(OutgoingMessage.prototype, headerViews);
