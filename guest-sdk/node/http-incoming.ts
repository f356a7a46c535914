/**
 * `http.IncomingMessage`: a Readable whose stream state is made when somebody looks at it. Most
 * requests of a server have no body that anybody reads.
 */

import { nextTick } from '../ticks.ts';
import type { HttpSocket } from './http-types.ts';
import { nodeError } from './node-errors.ts';
import { exported as stream } from './stream.ts';
import type { Done, ReadableStream, StreamModule } from './stream-types.ts';

const { Readable } = stream as unknown as StreamModule;

export type HeaderTable = Record<string, string | string[] | undefined>;

interface ReadableState {
  readonly ended: boolean;
  readonly endEmitted: boolean;
  readonly resumeScheduled: boolean;
  readingMore: boolean;
}

export interface IncomingMessage extends ReadableStream {
  socket: HttpSocket | null;
  connection: HttpSocket | null;
  httpVersion: string | null;
  httpVersionMajor: number | null;
  httpVersionMinor: number | null;
  complete: boolean;
  headers: HeaderTable;
  headersDistinct: Record<string, string[]>;
  rawHeaders: string[];
  trailers: HeaderTable;
  rawTrailers: string[];
  joinDuplicateHeaders: boolean;
  aborted: boolean;
  upgrade: boolean | null;
  url: string;
  method: string | null;
  statusCode: number | null;
  statusMessage: string | null;
  client: HttpSocket | null;
  res?: unknown;
  req?: unknown;
  _consuming: boolean;
  _dumped: boolean;
  _readableState: ReadableState;
  [kLazy]: LazyParts;
  _events: object | undefined;
  removeAllListeners(name: string): void;
  _dump(): void;
  _addHeaderLine(field: string, value: string, table: HeaderTable): void;
  setTimeout(ms: number, callback?: () => void): IncomingMessage;
}

interface LazyParts {
  /** The whole message came before anybody looked at the stream. */
  ended: boolean;
  /** And it was read for nobody: a stream that is made now is one that has ended and closed. */
  over: boolean;
  /** How many of `rawHeaders` make it into `headers`. */
  count: number;
  headers: HeaderTable | undefined;
  distinct: Record<string, string[]> | undefined;
  trailers: HeaderTable | undefined;
  trailersDistinct: Record<string, string[]> | undefined;
  options: object | undefined;
  shared: { table?: Readonly<HeaderTable> } | undefined;
}

export const kLazy: unique symbol = Symbol('hv.incoming');

export interface IncomingMessageConstructor {
  new (socket: unknown, options?: object): IncomingMessage;
  (socket: unknown, options?: object): IncomingMessage;
  readonly prototype: IncomingMessage;
}

function construct(
  this: IncomingMessage | undefined,
  socket: HttpSocket | null,
  options?: object,
): IncomingMessage | undefined {
  if (!(this instanceof IncomingMessage)) return new IncomingMessage(socket, options);
  this[kLazy] = {
    ended: false,
    over: false,
    count: Number.POSITIVE_INFINITY,
    headers: undefined,
    distinct: undefined,
    trailers: undefined,
    trailersDistinct: undefined,
    options,
    shared: undefined,
  };
  this.socket = socket;
  this.httpVersionMajor = null;
  this.httpVersionMinor = null;
  this.httpVersion = null;
  this.complete = false;
  this.rawHeaders = [];
  this.rawTrailers = [];
  this.joinDuplicateHeaders = false;
  this.aborted = false;
  this.upgrade = null;
  this.url = '';
  this.method = null;
  this.statusCode = null;
  this.statusMessage = null;
  this.client = socket;
  this._consuming = false;
  this._dumped = false;
  return undefined;
}

export const IncomingMessage = construct as unknown as IncomingMessageConstructor;
Object.defineProperty(IncomingMessage, 'name', { value: 'IncomingMessage', configurable: true });
Object.setPrototypeOf(IncomingMessage.prototype, Readable.prototype);
Object.setPrototypeOf(IncomingMessage, Readable);

/** The state of a stream that was read to its end and closed. */
const CLOSED = {
  ended: true,
  endEmitted: true,
  destroyed: true,
  closed: true,
  closeEmitted: true,
};

/** Makes the stream of a message; everything of Readable comes by `_readableState` first. */
function makeStream(message: IncomingMessage): ReadableState {
  const { socket } = message;
  const highWaterMark = (socket as { readableHighWaterMark?: number } | null)
    ?.readableHighWaterMark;
  const lazy = message[kLazy];
  Readable.call(message, {
    ...(highWaterMark === undefined ? {} : { highWaterMark }),
    ...lazy?.options,
    autoDestroy: true,
  });
  // Nobody has read yet: what arrives must not make the stream ask for more by itself.
  message._readableState.readingMore = true;
  if (lazy?.over) {
    Object.assign(message._readableState, CLOSED);
  } else if (lazy?.ended) Readable.prototype.push.call(message, null);
  return message._readableState;
}

/** Whether the stream of a message exists. Asking does not make it. */
export function hasStream(message: IncomingMessage): boolean {
  return Object.hasOwn(message, '_readableState');
}

Object.defineProperty(IncomingMessage.prototype, '_readableState', {
  get(this: IncomingMessage): ReadableState | undefined {
    // The prototype itself is asked by those who list its properties.
    return this[kLazy] === undefined ? undefined : makeStream(this);
  },
  set(this: IncomingMessage, value: unknown): void {
    Object.defineProperty(this, '_readableState', {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  },
  configurable: true,
});

/** The end of the message, for whoever reads it. */
export function endIncoming(message: IncomingMessage): void {
  if (hasStream(message)) message.push(null);
  else message[kLazy].ended = true;
}

/** A message that brings no body: its stream has ended and closed before anybody looks. */
export function closeUnread(message: IncomingMessage): void {
  message._dumped = true;
  message[kLazy].ended = true;
  message[kLazy].over = true;
  if (hasStream(message)) Object.assign(message._readableState, CLOSED);
}

/** Fields of which a second value is dropped, however it came. */
const SINGLE = new Set(
  'age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since last-modified location max-forwards proxy-authorization referer retry-after server user-agent'.split(
    ' ',
  ),
);

function addLine(message: IncomingMessage, field: string, value: string, table: HeaderTable): void {
  const name = field.toLowerCase();
  const known = Object.hasOwn(table, name) ? table[name] : undefined;
  if (name === 'set-cookie') {
    if (known === undefined) table[name] = [value];
    else (known as string[]).push(value);
  } else if (known === undefined) table[name] = value;
  else if (name === 'cookie') table[name] = `${String(known)}; ${value}`;
  else if (message.joinDuplicateHeaders || !SINGLE.has(name)) {
    table[name] = `${String(known)}, ${value}`;
  }
}

function tableOf(message: IncomingMessage, raw: readonly string[], count: number): HeaderTable {
  const table: HeaderTable = {};
  const end = Math.min(raw.length, count);
  for (let i = 0; i < end; i += 2) {
    message._addHeaderLine(raw[i] as string, raw[i + 1] as string, table);
  }
  return table;
}

/** A copy of the table that a message with the same lines has made before. */
function sharedTable(message: IncomingMessage): HeaderTable | undefined {
  const { shared, count } = message[kLazy];
  const isUsual =
    shared !== undefined &&
    count >= message.rawHeaders.length &&
    !message.joinDuplicateHeaders &&
    message._addHeaderLine === methods._addHeaderLine;
  if (!isUsual) return undefined;
  shared.table ??= tableOf(message, message.rawHeaders, count);
  const cookies = shared.table['set-cookie'];
  if (Array.isArray(cookies)) return { ...shared.table, 'set-cookie': cookies.slice() };
  return { ...shared.table };
}

function distinctOf(raw: readonly string[], count: number): Record<string, string[]> {
  const table: Record<string, string[]> = Object.create(null);
  const end = Math.min(raw.length, count);
  for (let i = 0; i < end; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const list = Object.hasOwn(table, name) ? table[name] : undefined;
    if (list === undefined) table[name] = [raw[i + 1] as string];
    else list.push(raw[i + 1] as string);
  }
  return table;
}

const methods: ThisType<IncomingMessage> & Record<string, unknown> = {
  setTimeout(ms: number, callback?: () => void): IncomingMessage {
    if (callback) this.on('timeout', callback);
    (this.socket as unknown as { setTimeout(ms: number): void }).setTimeout(ms);
    return this;
  },

  _read(): void {
    if (!this._consuming) this._readableState.readingMore = false;
    this._consuming = true;
    const { socket } = this;
    // What was held back because nobody read flows again.
    if (socket?.readable) socket._httpReadStart?.();
  },

  _destroy(given: Error | null, done: Done): void {
    const error = given;
    const { socket } = this;
    if (!this.readableEnded || !this.complete) {
      this.aborted = true;
      this.emit('aborted');
    }
    if (socket && !socket.destroyed && this.aborted) {
      socket.destroy(error);
      // The socket is gone at once; its listeners hear of it before ours do.
      nextTick(() => nextTick(() => finishDestroy(this, error, done)));
      return;
    }
    nextTick(() => finishDestroy(this, error, done));
  },

  _addHeaderLine(field: string, value: string, table: HeaderTable): void {
    addLine(this, field, value, table);
  },

  _addHeaderLines(lines: string[] | undefined, count: number): void {
    if (!lines?.length) return;
    const table = this.complete ? this.trailers : this.headers;
    for (let i = 0; i < count; i += 2) {
      this._addHeaderLine(lines[i] as string, lines[i + 1] as string, table);
    }
  },

  _addHeaderLineDistinct(field: string, value: string, table: Record<string, string[]>): void {
    const name = field.toLowerCase();
    table[name] ??= [];
    table[name].push(value);
  },

  /** Reads the rest for nobody, so that the next message of the connection can come. */
  _dump(): void {
    if (this._dumped) return;
    this._dumped = true;
    // Without a stream there is nobody to hear its end either.
    if (!hasStream(this) && this[kLazy].ended && this._events === undefined) {
      this[kLazy].over = true;
      return;
    }
    this.removeAllListeners('data');
    this.resume();
  },
};

/** A message that nobody listens to must not end the process. */
function finishDestroy(message: IncomingMessage, error: Error | null, done: Done): void {
  const heard = message.listenerCount('error') > 0;
  done(error && !heard ? null : error);
}

for (const [name, value] of Object.entries(methods)) {
  Object.defineProperty(IncomingMessage.prototype, name, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function accessor(
  name: string,
  get: (this: IncomingMessage) => unknown,
  set: (this: IncomingMessage, value: never) => void,
): void {
  Object.defineProperty(IncomingMessage.prototype, name, {
    get,
    set,
    enumerable: false,
    configurable: true,
  });
}

accessor(
  'connection',
  function () {
    return this.socket;
  },
  function (value) {
    this.socket = value;
  },
);
accessor(
  'headers',
  function () {
    const lazy = this[kLazy];
    lazy.headers ??= sharedTable(this) ?? tableOf(this, this.rawHeaders, lazy.count);
    return lazy.headers;
  },
  function (value) {
    this[kLazy].headers = value;
  },
);
accessor(
  'headersDistinct',
  function () {
    const lazy = this[kLazy];
    lazy.distinct ??= distinctOf(this.rawHeaders, lazy.count);
    return lazy.distinct;
  },
  function (value) {
    this[kLazy].distinct = value;
  },
);
accessor(
  'trailers',
  function () {
    const lazy = this[kLazy];
    lazy.trailers ??= tableOf(this, this.rawTrailers, Number.POSITIVE_INFINITY);
    return lazy.trailers;
  },
  function (value) {
    this[kLazy].trailers = value;
  },
);
accessor(
  'trailersDistinct',
  function () {
    const lazy = this[kLazy];
    lazy.trailersDistinct ??= distinctOf(this.rawTrailers, Number.POSITIVE_INFINITY);
    return lazy.trailersDistinct;
  },
  function (value) {
    this[kLazy].trailersDistinct = value;
  },
);

/** ECONNRESET, as everything in Node that was cut off. */
export function connectionReset(message: string): Error {
  return Object.assign(nodeError(Error, 'ECONNRESET', message), { code: 'ECONNRESET' });
}
