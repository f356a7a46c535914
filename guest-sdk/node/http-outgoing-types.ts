/** What an outgoing message is made of, shared by the files of `http.OutgoingMessage`. */

import type { HttpSocket } from './http-types.ts';
import type { EmitterLike } from './stream-types.ts';

export type HeaderValue = string | number | readonly string[];
/** By lower-case name: the name as it was given, and the value. */
export type OutHeaders = Record<string, [name: string, value: HeaderValue]>;
export type Callback = (error?: Error | null) => void;

export interface OutputEntry {
  readonly data: string | Uint8Array;
  readonly encoding: string | null | undefined;
  readonly callback: Callback | null | undefined;
}

export interface OutgoingMessage extends EmitterLike {
  outputData: OutputEntry[];
  outputSize: number;
  writable: boolean;
  destroyed: boolean;
  _last: boolean;
  chunkedEncoding: boolean;
  shouldKeepAlive: boolean;
  maxRequestsOnConnectionReached: boolean;
  _defaultKeepAlive: boolean;
  useChunkedEncodingByDefault: boolean;
  sendDate: boolean;
  _removedConnection: boolean;
  _removedContLen: boolean;
  _removedTE: boolean;
  strictContentLength: boolean;
  _contentLength: number | null;
  _hasBody: boolean;
  _trailer: string;
  finished: boolean;
  _headerSent: boolean;
  _closed: boolean;
  socket: HttpSocket | null;
  _header: string | null;
  _keepAliveTimeout: number;
  _maxRequestsPerSocket?: number;
  _onPendingData: (amount: number) => void;
  statusCode?: number;
  agent?: unknown;
  [kOutHeaders]: OutHeaders | null;
  [kUniqueHeaders]: Set<string> | null;
  [kNeedDrain]: boolean;
  [kCorked]: number;
  [kChunks]: ChunkPart[];
  [kBytesWritten]: number;
  [kErrored]: unknown;
  [kStrictBody]: boolean;
  [kHighWaterMark]: number;
  readonly writableLength: number;
  readonly writableFinished: boolean;
  readonly headersSent: boolean;
  _implicitHeader(): void;
  _storeHeader(firstLine: string, headers: unknown): void;
  _send(
    data: string | Uint8Array,
    encoding?: unknown,
    callback?: unknown,
    length?: number,
  ): boolean;
  _writeRaw(data: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean;
  _flush(): void;
  _flushOutput(socket: HttpSocket): boolean | undefined;
  _finish(): void;
  setHeader(name: string, value: HeaderValue): OutgoingMessage;
  appendHeader(name: string, value: HeaderValue): OutgoingMessage;
  getHeader(name: string): HeaderValue | undefined;
  hasHeader(name: string): boolean;
  removeHeader(name: string): void;
  write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean;
  end(chunk?: unknown, encoding?: unknown, callback?: unknown): OutgoingMessage;
  destroy(error?: unknown): OutgoingMessage;
  cork(): void;
  uncork(): void;
  flushHeaders(): void;
  /** Set by who owns the message: called right before 'finish' is emitted. */
  [kBeforeFinish]?: (() => void) | undefined;
}

export interface ChunkPart {
  readonly data: string | Uint8Array;
  readonly encoding: unknown;
  readonly callback: unknown;
  readonly length: number;
}

export const kOutHeaders: unique symbol = Symbol('kOutHeaders');
export const kUniqueHeaders: unique symbol = Symbol('kUniqueHeaders');
export const kNeedDrain: unique symbol = Symbol('kNeedDrain');
export const kCorked: unique symbol = Symbol('corked');
export const kChunks: unique symbol = Symbol('kChunkedBuffer');
export const kBytesWritten: unique symbol = Symbol('kBytesWritten');
export const kErrored: unique symbol = Symbol('errored');
export const kStrictBody: unique symbol = Symbol('kRejectNonStandardBodyWrites');
export const kHighWaterMark: unique symbol = Symbol('kHighWaterMark');
export const kBeforeFinish: unique symbol = Symbol('hv.beforeFinish');
