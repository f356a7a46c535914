/** How the body of an outgoing message gets to its socket: checks, framing, and one write when one will do. */

import { nextTick } from '../ticks.ts';
import { Buffer } from './buffer.ts';
import {
  type ChunkPart,
  kBeforeFinish,
  kBytesWritten,
  kChunks,
  kCorked,
  kHighWaterMark,
  kNeedDrain,
  kStrictBody,
  type OutgoingMessage,
} from './http-outgoing-types.ts';
import { writeTextAtOnce } from './net-socket-write.ts';
import { invalidArgType, nodeError } from './node-errors.ts';

const nothing = (): void => {};

export function errorOf(message: OutgoingMessage, error: Error, callback: unknown): void {
  nextTick(() => {
    if (typeof callback === 'function') callback(error);
    const { emit, destroyed } = message as OutgoingMessage & { _closed: boolean };
    if (typeof emit === 'function' && !destroyed) message.emit('error', error);
  });
}

/** What may not be written to this message; undefined when it may. */
function writeError(message: OutgoingMessage): Error | undefined {
  if (message.finished) return nodeError(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end');
  if (!message.destroyed) return undefined;
  const text = 'Cannot call write after a stream was destroyed';
  return nodeError(Error, 'ERR_STREAM_DESTROYED', text);
}

function checkChunk(chunk: unknown): void {
  if (chunk === null) {
    throw nodeError(TypeError, 'ERR_STREAM_NULL_VALUES', 'May not write null values to stream');
  }
  if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) {
    throw invalidArgType('chunk', ['string', 'Buffer', 'Uint8Array'], chunk);
  }
}

function lengthOf(chunk: string | Uint8Array, encoding: unknown): number {
  return typeof chunk === 'string'
    ? Buffer.byteLength(chunk, encoding as 'utf8')
    : chunk.byteLength;
}

export function mismatch(wrote: number, said: number): Error {
  const text = `Response body's content-length of ${wrote} byte(s) does not match the content-length of ${said} byte(s) set in header`;
  return nodeError(Error, 'ERR_HTTP_CONTENT_LENGTH_MISMATCH', text);
}

export function isStrict(message: OutgoingMessage): boolean {
  return (
    message.strictContentLength &&
    typeof message._contentLength === 'number' &&
    message._hasBody &&
    !message.chunkedEncoding
  );
}

function frame(message: OutgoingMessage, part: ChunkPart): boolean {
  message._send(`${part.length.toString(16)}\r\n`, 'latin1', null);
  message._send(part.data, part.encoding, null, part.length);
  return message._send('\r\n', null, part.callback);
}

export function writeChunk(
  message: OutgoingMessage,
  chunk: unknown,
  encoding: unknown,
  then: unknown,
  isEnd: boolean,
): boolean {
  checkChunk(chunk);
  const callback = typeof then === 'function' ? then : nothing;
  const data = chunk as string | Uint8Array;
  const bad = writeError(message);
  if (bad) {
    if (!message.destroyed) errorOf(message, bad, callback);
    else nextTick(callback as () => void, bad);
    return false;
  }
  const length = lengthOf(data, encoding);
  if (!message._header) {
    if (isEnd) message._contentLength ??= length;
    message._implicitHeader();
  }
  if (!message._hasBody) {
    if (message[kStrictBody]) {
      const text = 'Adding content for this request method or response status is not allowed.';
      throw nodeError(Error, 'ERR_HTTP_BODY_NOT_ALLOWED', text);
    }
    nextTick(callback as () => void);
    return true;
  }
  if (isStrict(message)) {
    const total = message[kBytesWritten] + length;
    const said = message._contentLength as number;
    if (total > said || (isEnd && total !== said)) throw mismatch(total, said);
  }
  message[kBytesWritten] += length;
  const { socket } = message;
  if (!isEnd && socket && !(socket as unknown as { writableCorked: number }).writableCorked) {
    socket.cork();
    nextTick(() => socket.uncork());
  }
  let more: boolean;
  if (message.chunkedEncoding && length !== 0) {
    const part: ChunkPart = { data, encoding, callback, length };
    if (message[kCorked] > 0 && message._headerSent) {
      message[kChunks].push(part);
      more = message[kChunks].reduce((sum, one) => sum + one.length, 0) < message[kHighWaterMark];
    } else more = frame(message, part);
  } else more = message._send(data, encoding, callback, length);
  if (!more) message[kNeedDrain] = true;
  return more;
}

/** Everything is with the socket. */
function onFinish(message: OutgoingMessage): void {
  if ((message.socket as { _hadError?: boolean } | null)?._hadError) return;
  message[kBeforeFinish]?.();
  message.emit('finish');
}

/** A whole message as one write: head and text together, when nothing is in the way. */
function sendWhole(message: OutgoingMessage, data: string, encoding: unknown): boolean {
  const { socket } = message;
  if (
    socket === null ||
    socket._httpMessage !== message ||
    message._headerSent ||
    message._header === null ||
    message.outputData.length > 0 ||
    message.chunkedEncoding ||
    !socket.writable ||
    !(encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'latin1')
  ) {
    return false;
  }
  message._headerSent = true;
  const text = message._header + data;
  const then = (): void => onFinish(message);
  // Most sockets are the kernel's own and idle: no need to go through the stream.
  if (encoding !== 'latin1' && writeTextAtOnce(socket, text, then)) return true;
  socket.write(text, encoding ?? 'utf8', then);
  return true;
}

/** The last chunk of `end`. True when all of the message, with its end, is on its way. */
export function writeLast(message: OutgoingMessage, chunk: unknown, encoding: unknown): boolean {
  if (typeof chunk !== 'string' || message._header || message.destroyed || message[kStrictBody]) {
    message.socket?.cork();
    writeChunk(message, chunk, encoding, undefined, true);
    return false;
  }
  const length = Buffer.byteLength(chunk, encoding as 'utf8');
  message._contentLength ??= length;
  message._implicitHeader();
  if (message._hasBody && !message.strictContentLength && sendWhole(message, chunk, encoding)) {
    message[kBytesWritten] += length;
    return true;
  }
  message.socket?.cork();
  writeChunk(message, chunk, encoding, undefined, true);
  return false;
}

export function closeOutput(message: OutgoingMessage, hadChunk: boolean): void {
  const finish = (): void => onFinish(message);
  if (message._hasBody && message.chunkedEncoding) {
    message._send(`0\r\n${message._trailer}\r\n`, 'latin1', finish);
  } else if (!message._headerSent || message.writableLength > 0 || hadChunk) {
    message._send('', 'latin1', finish);
  } else nextTick(finish);
  const { socket } = message;
  if (socket) {
    // Whoever corked it, the message is over.
    const state = (socket as unknown as { _writableState?: { corked: number } })._writableState;
    if (state) state.corked = 1;
    socket.uncork();
  }
  message[kCorked] = 1;
  message.uncork();
}
