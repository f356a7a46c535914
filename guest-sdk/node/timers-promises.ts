/** `node:timers/promises`. */

import { AbortError } from './node-errors.ts';
import {
  clearImmediate,
  clearTimeout,
  definePromisified,
  setImmediate as startImmediate,
  setInterval as startInterval,
  setTimeout as startTimeout,
  exported as timers,
} from './timers.ts';
import { validateAbortSignal, validateBoolean, validateObject } from './validators.ts';

interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

interface WaitOptions {
  readonly signal?: Signal;
  readonly ref?: boolean;
}

function checkOptions(options: WaitOptions): void {
  validateObject(options, 'options');
  validateAbortSignal(options.signal, 'options.signal');
  if (options.ref !== undefined) validateBoolean(options.ref, 'options.ref');
}

function abortError(signal: Signal): Error {
  return new AbortError(undefined, { cause: signal.reason });
}

/** A promise over one timer: `start` returns the function that stops it. */
function wait<T>(
  value: T,
  options: WaitOptions,
  start: (done: () => void) => () => void,
): Promise<T> {
  try {
    checkOptions(options);
  } catch (error) {
    return Promise.reject(error);
  }
  const { signal } = options;
  if (signal?.aborted) return Promise.reject(abortError(signal));
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      stop();
      if (signal) reject(abortError(signal));
    };
    const stop = start(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function setTimeout<T>(
  after?: number,
  value?: T,
  options: WaitOptions = {},
): Promise<T | undefined> {
  return wait(value, options, (done) => {
    const timer = startTimeout(done, after);
    if (options.ref === false) timer.unref();
    return () => clearTimeout(timer);
  });
}

function setImmediate<T>(value?: T, options: WaitOptions = {}): Promise<T | undefined> {
  return wait(value, options, (done) => {
    const immediate = startImmediate(done);
    if (options.ref === false) immediate.unref();
    return () => clearImmediate(immediate);
  });
}

async function* setInterval<T>(
  after?: number,
  value?: T,
  options: WaitOptions = {},
): AsyncGenerator<T | undefined, void> {
  checkOptions(options);
  const { signal } = options;
  if (signal?.aborted) throw abortError(signal);
  let due = 0;
  let wake: (() => void) | undefined;
  const interval = startInterval(() => {
    due += 1;
    wake?.();
  }, after);
  if (options.ref === false) interval.unref();
  const onAbort = (): void => {
    clearTimeout(interval);
    wake?.();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal?.aborted) {
      if (due === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      for (; due > 0; due--) yield value;
    }
    if (signal) throw abortError(signal);
  } finally {
    clearTimeout(interval);
    signal?.removeEventListener('abort', onAbort);
  }
}

definePromisified(startTimeout, setTimeout);
definePromisified(startImmediate, setImmediate);

export const exported = {
  setTimeout,
  setImmediate,
  setInterval,
  scheduler: {
    wait: (after?: number, options?: WaitOptions): Promise<undefined> =>
      setTimeout(after, undefined, options),
    yield: (): Promise<undefined> => setImmediate(),
  },
};

Object.defineProperty(timers, 'promises', {
  value: exported,
  enumerable: true,
  configurable: true,
});
