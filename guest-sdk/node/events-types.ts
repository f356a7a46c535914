/** The shapes of `node:events`. */

import type { addAbortListener, on, once } from './events-async.ts';

export type EventName = string | symbol;
/** `listener` is what a `once` wrapper stands for. */
export type Listener = ((this: never, ...args: never[]) => unknown) & { listener?: Listener };
/** One listener alone, or a list. */
export type Handlers = Listener | (Listener[] & { warned?: boolean });

/** Options of the constructor. */
export interface EventEmitterOptions {
  readonly captureRejections?: boolean;
}

/** What an instance can do. */
export interface EventEmitter {
  _events: Record<EventName, Handlers | undefined> | undefined;
  _eventsCount: number;
  _maxListeners: number | undefined;
  on(name: EventName, listener: Listener): this;
  addListener(name: EventName, listener: Listener): this;
  prependListener(name: EventName, listener: Listener): this;
  once(name: EventName, listener: Listener): this;
  prependOnceListener(name: EventName, listener: Listener): this;
  off(name: EventName, listener: Listener): this;
  removeListener(name: EventName, listener: Listener): this;
  removeAllListeners(name?: EventName): this;
  emit(name: EventName, ...args: unknown[]): boolean;
  setMaxListeners(count: number): this;
  getMaxListeners(): number;
  listeners(name: EventName): Listener[];
  rawListeners(name: EventName): Listener[];
  listenerCount(name: EventName, listener?: Listener): number;
  eventNames(): EventName[];
}

/** The constructor: `new EventEmitter()` and `EventEmitter.call(this)`. */
export interface EventEmitterFunction {
  new (options?: EventEmitterOptions): EventEmitter;
  (this: object, options?: EventEmitterOptions): void;
  prototype: EventEmitter;
  EventEmitter: EventEmitterFunction;
  captureRejections: boolean;
  defaultMaxListeners: number;
  readonly once: typeof once;
  readonly on: typeof on;
  readonly addAbortListener: typeof addAbortListener;
  getEventListeners(target: object, name: EventName): unknown[];
  getMaxListeners(target: object): number;
  usingDomains: boolean;
  readonly captureRejectionSymbol: symbol;
  readonly errorMonitor: symbol;
  setMaxListeners(count?: number, ...targets: object[]): void;
  init(this: object, options?: EventEmitterOptions): void;
  listenerCount(emitter: EventEmitter, name: EventName): number;
}
