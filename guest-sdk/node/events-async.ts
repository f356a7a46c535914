/** `events.once`, `events.on` and `events.addAbortListener`: emitters and targets as promises. */

import { kDispose } from './dispose-symbols.ts';
import { kernel } from './kernel-hooks.ts';
import { AbortError, invalidArgType } from './node-errors.ts';
import {
  validateAbortSignal,
  validateFunction,
  validateInteger,
  validateObject,
} from './validators.ts';

type Name = string | symbol;
type Handler = (...args: never[]) => unknown;

interface EmitterLike {
  on?(name: Name, handler: Handler): unknown;
  once?(name: Name, handler: Handler): unknown;
  removeListener?(name: Name, handler: Handler): unknown;
  addEventListener?(name: Name, handler: Handler, options?: object): unknown;
  removeEventListener?(name: Name, handler: Handler): unknown;
  pause?(): void;
  resume?(): void;
}

interface SignalLike extends EmitterLike {
  readonly aborted: boolean;
  readonly reason: unknown;
}

export interface OnceOptions {
  readonly signal?: SignalLike;
}

export interface OnOptions extends OnceOptions {
  /** Events that end the iteration. */
  readonly close?: readonly string[];
  readonly highWaterMark?: number;
  readonly highWatermark?: number;
  readonly lowWaterMark?: number;
  readonly lowWatermark?: number;
}

function listen(emitter: EmitterLike, name: Name, handler: Handler, isOnce = false): void {
  if (typeof emitter.on === 'function') {
    if (isOnce) emitter.once?.(name, handler);
    else emitter.on(name, handler);
  } else if (typeof emitter.addEventListener === 'function') {
    emitter.addEventListener(name, handler, { once: isOnce });
  } else {
    throw invalidArgType('emitter', 'EventEmitter', emitter);
  }
}

function unlisten(emitter: EmitterLike, name: Name, handler: Handler): void {
  if (typeof emitter.removeListener === 'function') emitter.removeListener(name, handler);
  else if (typeof emitter.removeEventListener === 'function') {
    emitter.removeEventListener(name, handler);
  } else {
    throw invalidArgType('emitter', 'EventEmitter', emitter);
  }
}

function abortErrorOf(signal: SignalLike | undefined): AbortError {
  return new AbortError(undefined, { cause: signal?.reason });
}

/** The arguments of the next event `name`; rejects with the argument of an 'error' before it. */
export async function once(
  emitter: EmitterLike,
  name: Name,
  options: OnceOptions = {},
): Promise<unknown[]> {
  validateObject(options, 'options');
  const { signal } = options;
  validateAbortSignal(signal, 'options.signal');
  if (signal?.aborted) throw abortErrorOf(signal);
  return await new Promise((resolve, reject) => {
    const onEvent = (...args: unknown[]): void => {
      if (typeof emitter.removeListener === 'function') emitter.removeListener('error', onError);
      if (signal) unlisten(signal, 'abort', onAbort);
      resolve(args);
    };
    const onError = (error: unknown): void => {
      unlisten(emitter, name, onEvent);
      if (signal) unlisten(signal, 'abort', onAbort);
      reject(error);
    };
    const onAbort = (): void => {
      unlisten(emitter, name, onEvent);
      unlisten(emitter, 'error', onError);
      reject(abortErrorOf(signal));
    };
    listen(emitter, name, onEvent, true);
    if (name !== 'error' && typeof emitter.once === 'function') emitter.once('error', onError);
    if (signal) listen(signal, 'abort', onAbort, true);
  });
}

interface Waiting {
  resolve(result: IteratorResult<unknown[], undefined>): void;
  reject(error: unknown): void;
}

type Emission = AsyncIterableIterator<unknown[], undefined>;

const done: IteratorResult<unknown[], undefined> = { value: undefined, done: true };
const asyncIteratorPrototype: object = Object.getPrototypeOf(
  Object.getPrototypeOf(async function* () {}).prototype,
);

/** Events that arrive faster than they are consumed, and consumers that came too early. */
class Emissions {
  readonly emitter: EmitterLike;
  readonly signal: SignalLike | undefined;
  readonly high: number;
  readonly low: number;
  readonly listeners: [EmitterLike, Name, Handler][] = [];
  events: unknown[][] = [];
  waiting: Waiting[] = [];
  error: { readonly value: unknown } | undefined = undefined;
  finished = false;
  paused = false;

  constructor(emitter: EmitterLike, options: OnOptions) {
    this.emitter = emitter;
    this.signal = options.signal;
    const high = options.highWaterMark ?? options.highWatermark ?? Number.MAX_SAFE_INTEGER;
    const low = options.lowWaterMark ?? options.lowWatermark ?? 1;
    validateInteger(high, 'options.highWaterMark', 1);
    validateInteger(low, 'options.lowWaterMark', 1);
    this.high = high;
    this.low = low;
  }

  listen(target: EmitterLike, name: Name, handler: Handler, isOnce = false): void {
    listen(target, name, handler, isOnce);
    this.listeners.push([target, name, handler]);
  }

  take(args: unknown[]): void {
    const consumer = this.waiting.shift();
    if (consumer !== undefined) {
      consumer.resolve({ value: args, done: false });
      return;
    }
    this.events.push(args);
    if (!this.paused && this.events.length > this.high && this.emitter.pause) {
      this.paused = true;
      this.emitter.pause();
    }
  }

  next(): Promise<IteratorResult<unknown[], undefined>> {
    const value = this.events.shift();
    if (value !== undefined) {
      if (this.paused && this.events.length < this.low) {
        this.emitter.resume?.();
        this.paused = false;
      }
      return Promise.resolve({ value, done: false });
    }
    if (this.error !== undefined) {
      const { value: reason } = this.error;
      this.error = undefined;
      return Promise.reject(reason);
    }
    if (this.finished) return this.close();
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
    });
  }

  fail(error: unknown): void {
    const consumer = this.waiting.shift();
    if (consumer === undefined) this.error = { value: error };
    else consumer.reject(error);
    this.close();
  }

  close(): Promise<IteratorResult<unknown[], undefined>> {
    for (const [target, name, handler] of this.listeners.splice(0)) unlisten(target, name, handler);
    this.finished = true;
    for (const consumer of this.waiting.splice(0)) consumer.resolve(done);
    return Promise.resolve(done);
  }
}

/** Iterates the events `name`, each as its array of arguments, until 'error', abort or `close`. */
export function on(emitter: EmitterLike, name: Name, options: OnOptions = {}): Emission {
  validateObject(options, 'options');
  const { signal } = options;
  validateAbortSignal(signal, 'options.signal');
  if (signal?.aborted) throw abortErrorOf(signal);
  const emissions = new Emissions(emitter, options);
  const iterator = Object.assign(Object.create(asyncIteratorPrototype) as Emission, {
    next: () => emissions.next(),
    return: () => emissions.close(),
    throw(error: unknown): Promise<IteratorResult<unknown[], undefined>> {
      if (!(error instanceof Error)) {
        throw invalidArgType('EventEmitter.AsyncIterator', 'Error', error);
      }
      emissions.fail(error);
      return Promise.resolve(done);
    },
    [Symbol.asyncIterator](): Emission {
      return iterator;
    },
  });
  emissions.listen(emitter, name, (...args: unknown[]) => emissions.take(args));
  if (name !== 'error' && typeof emitter.on === 'function') {
    emissions.listen(emitter, 'error', (error: unknown) => emissions.fail(error));
  }
  for (const event of options.close ?? []) {
    emissions.listen(emitter, event, () => emissions.close());
  }
  if (signal) {
    emissions.listen(signal, 'abort', () => emissions.fail(abortErrorOf(signal)), true);
  }
  return iterator;
}

/** Listens for abort even where another listener stops propagation; `dispose` unlistens. */
export function addAbortListener(signal: unknown, listener: Handler): object {
  if (signal === undefined) throw invalidArgType('signal', 'AbortSignal', signal);
  validateAbortSignal(signal, 'signal');
  validateFunction(listener, 'listener');
  const source = signal as SignalLike;
  if (source.aborted) kernel().queueMicrotask(() => listener());
  else source.addEventListener?.('abort', listener, { once: true, [kResistStop]: true });
  return {
    [kDispose](): void {
      source.removeEventListener?.('abort', listener);
    },
  };
}

/** Option of our EventTarget: `stopImmediatePropagation` does not reach this listener. */
export const kResistStop: unique symbol = Symbol('kResistStopPropagation');
