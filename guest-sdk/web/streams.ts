/**
 * The Web Streams of the standard: the web-streams-polyfill package, evaluated when a program first
 * asks for one of its classes, and what Node's classes have beyond the standard.
 */

import { inspectHook } from '../node/inspect-hook.ts';
import { invalidThis } from '../node/node-errors.ts';
import { type InspectOptions, innerOptions } from './interface.ts';

export interface StreamReader {
  read(): Promise<{ readonly done: boolean; readonly value: unknown }>;
  cancel(reason?: unknown): Promise<void>;
  releaseLock(): void;
  readonly closed: Promise<void>;
}

export interface StreamWriter {
  write(chunk: unknown): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
  readonly closed: Promise<void>;
  readonly ready: Promise<void>;
}

export interface WebReadable extends AsyncIterable<unknown> {
  readonly locked: boolean;
  getReader(options?: object): StreamReader;
  cancel(reason?: unknown): Promise<void>;
}

export interface WebWritable {
  readonly locked: boolean;
  getWriter(): StreamWriter;
  abort(reason?: unknown): Promise<void>;
  close(): Promise<void>;
}

export interface StreamPair {
  readonly readable: WebReadable;
  readonly writable: WebWritable;
}

export interface ReadController {
  readonly desiredSize: number | null;
  enqueue(chunk: unknown): void;
  close(): void;
  error(reason?: unknown): void;
}

export interface WriteController {
  error(reason?: unknown): void;
}

export interface Strategy {
  readonly highWaterMark?: number;
  size?(chunk: unknown): number;
}

type Class<T, Args extends unknown[]> = { new (...args: Args): T; readonly prototype: T };

export interface WebStreams {
  readonly ReadableStream: Class<WebReadable, [source?: object, strategy?: Strategy]>;
  readonly WritableStream: Class<WebWritable, [sink?: object, strategy?: Strategy]>;
  readonly TransformStream: Class<
    StreamPair,
    [transformer?: object, writable?: Strategy, readable?: Strategy]
  >;
  readonly CountQueuingStrategy: Class<Strategy, [init: { readonly highWaterMark: number }]>;
  readonly ByteLengthQueuingStrategy: Class<Strategy, [init: { readonly highWaterMark: number }]>;
}

/** The bundler's, which evaluates a package where it is called. */
declare function require(name: 'web-streams-polyfill'): WebStreams;

/** In Node's order. */
export const WEB_STREAM_NAMES = [
  'ReadableStream',
  'ReadableStreamDefaultReader',
  'ReadableStreamBYOBReader',
  'ReadableStreamBYOBRequest',
  'ReadableByteStreamController',
  'ReadableStreamDefaultController',
  'TransformStream',
  'TransformStreamDefaultController',
  'WritableStream',
  'WritableStreamDefaultWriter',
  'WritableStreamDefaultController',
  'ByteLengthQueuingStrategy',
  'CountQueuingStrategy',
] as const;

const kInspect = Symbol.for('nodejs.util.inspect.custom');
/** What `stream.finished` waits for. */
const kIsClosedPromise = Symbol.for('nodejs.webstream.isClosedPromise');
/** What `stream.addAbortSignal` calls. */
const kControllerError = Symbol.for('nodejs.webstream.controllerErrorFunction');

/** The state the package keeps in every stream. */
interface Inside {
  _state?: string;
  _storedError?: unknown;
  _readableStreamController?: { error(reason: unknown): void };
  _writableStreamController?: { error(reason: unknown): void };
  _backpressure?: boolean;
  _ownerReadableStream?: unknown;
  _ownerWritableStream?: unknown;
}

interface Ending {
  state: string;
  promise: Promise<void> | undefined;
  end(): void;
}

/** Sees every change of `_state`, so that an end can be waited for without a reader's lock. */
function watchState(prototype: object): void {
  const endings = new WeakMap<object, Ending>();
  const of = (self: object): Ending => {
    let ending = endings.get(self);
    if (ending === undefined) {
      ending = { state: '', promise: undefined, end: () => {} };
      endings.set(self, ending);
    }
    return ending;
  };
  const isOver = ({ state }: Ending): boolean => state === 'closed' || state === 'errored';
  Object.defineProperty(prototype, '_state', {
    configurable: true,
    get(this: object): string {
      return of(this).state;
    },
    set(this: object, state: string) {
      const ending = of(this);
      ending.state = state;
      if (isOver(ending)) ending.end();
    },
  });
  Object.defineProperty(prototype, kIsClosedPromise, {
    configurable: true,
    get(this: Inside) {
      const ending = of(this);
      // The error is stored after the state: it is read in a later job.
      ending.promise ??= new Promise<void>((resolve) => {
        ending.end = resolve;
        if (isOver(ending)) resolve();
      }).then(() => {
        if (ending.state === 'errored') throw this._storedError;
      });
      ending.promise.catch(() => {});
      return { promise: ending.promise };
    },
  });
  const error = function (this: Inside, reason: unknown): void {
    (this._readableStreamController ?? this._writableStreamController)?.error(reason);
  };
  Object.defineProperty(prototype, kControllerError, { value: error, configurable: true });
}

type Show = (self: Inside) => Record<string, unknown>;

/** Shows an object of class `name` as its class and the fields `show` gives. */
export function defineInspection<T extends object>(
  prototype: object,
  name: string,
  show: (self: T) => Record<string, unknown>,
): void {
  const inspect = function (this: T, depth: number, options: InspectOptions): unknown {
    if (typeof this !== 'object' || this === null) throw invalidThis(name);
    if (depth !== null && depth < 0) return this;
    return `${name} ${inspectHook.inspect(show(this), innerOptions(options))}`;
  };
  Object.defineProperty(prototype, kInspect, {
    value: inspect,
    configurable: true,
    writable: true,
  });
}

const SHOWN: Readonly<Record<string, Show>> = {
  ReadableStream: (self) => ({
    locked: (self as WebReadable).locked,
    state: self._state,
    supportsBYOB: '_pendingPullIntos' in (self._readableStreamController ?? {}),
  }),
  WritableStream: (self) => ({ locked: (self as WebWritable).locked, state: self._state }),
  TransformStream: (self) => {
    const { readable, writable } = self as StreamPair;
    return { readable, writable, backpressure: self._backpressure };
  },
  CountQueuingStrategy: (self) => ({ highWaterMark: (self as Strategy).highWaterMark }),
  ByteLengthQueuingStrategy: (self) => ({ highWaterMark: (self as Strategy).highWaterMark }),
  ReadableStreamDefaultReader: (self) => ({
    stream: self._ownerReadableStream,
    readRequests: (self as { _readRequests?: { length: number } })._readRequests?.length,
    close: (self as StreamReader).closed,
  }),
  WritableStreamDefaultWriter: (self) => {
    const { closed: close, ready } = self as StreamWriter;
    const { desiredSize } = self as { desiredSize?: unknown };
    return { stream: self._ownerWritableStream, close, ready, desiredSize };
  },
};

let loaded: WebStreams | undefined;

export function webStreams(): WebStreams {
  if (loaded !== undefined) return loaded;
  loaded = require('web-streams-polyfill');
  watchState(loaded.ReadableStream.prototype);
  watchState(loaded.WritableStream.prototype);
  const classes = loaded as unknown as Record<string, { prototype: object }>;
  for (const [name, show] of Object.entries(SHOWN)) {
    defineInspection(classes[name]?.prototype ?? {}, name, show);
  }
  return loaded;
}

/** `target[name]`, made by `load` when it is first read. */
export function defineLate(
  target: object,
  name: string,
  load: () => unknown,
  enumerable: boolean,
): void {
  const settle = (value: unknown): unknown => {
    Object.defineProperty(target, name, { value, writable: true, enumerable, configurable: true });
    return value;
  };
  Object.defineProperty(target, name, {
    get: () => settle(load()),
    set: settle,
    enumerable,
    configurable: true,
  });
}

/** All classes of the package, each by its name. */
export function defineWebStreams(target: object, enumerable: boolean): void {
  for (const name of WEB_STREAM_NAMES) {
    const load = (): unknown => (webStreams() as unknown as Record<string, unknown>)[name];
    defineLate(target, name, load, enumerable);
  }
}
