/**
 * When the answer of an asynchronous call comes: in a callback of the loop of its own, in the order
 * the calls were made. The work is done there and not before, so that what the guest does after the
 * call (an abort, a change of the buffer) still counts, as with Node's threads.
 */

import { capture, runIn } from '../async-context.ts';
import { type ImmediateEntry, queueImmediate } from '../loop.ts';
import { withoutFrames } from './fs-errors.ts';
import { type Job, type Prepare, perform } from './fs-jobs.ts';
import { AbortError } from './node-errors.ts';
import { validateFunction } from './validators.ts';

interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
}

/** Calls `act` in a callback of its own. */
export function later(act: () => void): void {
  const resource: Partial<ImmediateEntry> = { referenced: true };
  const context = capture('FSREQCALLBACK', resource);
  resource.run = (): void => runIn(context, act);
  queueImmediate(resource as ImmediateEntry);
}

export function checkAborted(signal: unknown): void {
  const given = signal as Signal | undefined;
  if (given?.aborted) throw new AbortError(undefined, { cause: given.reason });
}

function settle(job: Job, done: (value: unknown) => void, failed: (error: unknown) => void): void {
  let value: unknown;
  try {
    checkAborted(job.signal);
    value = perform(job);
  } catch (error) {
    failed(error);
    return;
  }
  done(value);
}

export function callLater(job: Job, callback: (...results: unknown[]) => void): void {
  const answer = (value: unknown): void => {
    if (job.results !== undefined) callback(null, ...job.results(value as never));
    else if (value === undefined) callback(null);
    else callback(null, value);
  };
  later(() => settle(job, answer, (error) => callback(withoutFrames(error))));
}

export function promiseLater(job: Job): Promise<unknown> {
  return new Promise((resolve, reject) => {
    later(() => settle(job, resolve, reject));
  });
}

export function named<T extends object>(name: string, value: T, length?: number): T {
  Object.defineProperty(value, 'name', { value: name, configurable: true });
  if (length !== undefined) Object.defineProperty(value, 'length', { value: length });
  return value;
}

type Callback = (...results: unknown[]) => void;

/** Of these Node checks the other arguments before the callback. */
const CALLBACK_LAST = new Set(['read', 'write', 'ftruncate', 'truncate']);

/**
 * The form with a callback, which is the last argument that is a function; `arity` counts it. What
 * is missing is named as Node names it.
 */
export function withCallback(
  name: string,
  arity: number,
  prepare: Prepare,
): (...args: unknown[]) => void {
  const call = (...args: unknown[]): void => {
    if (CALLBACK_LAST.has(name) && !args.some((arg) => typeof arg === 'function'))
      prepare(...args.slice(0, arity - 1));
    const [callback, rest] = takeCallback(args, arity, name === 'opendir' ? 'callback' : 'cb');
    callLater(prepare(...rest), callback);
  };
  return named(name, call, arity);
}

export function takeCallback(
  args: readonly unknown[],
  arity: number,
  label = 'cb',
): [callback: Callback, rest: unknown[]] {
  const at = args.findLastIndex((arg) => typeof arg === 'function');
  const callback = at < 0 ? args[arity - 1] : args[at];
  validateFunction(callback, label);
  return [callback as unknown as Callback, args.slice(0, at)];
}

/** The form that answers with a promise. */
export function withPromise(
  name: string,
  prepare: Prepare,
): (...args: unknown[]) => Promise<unknown> {
  return named(name, async (...args: unknown[]) => promiseLater(prepare(...args)), prepare.length);
}

export function synchronous(
  name: string,
  arity: number,
  prepare: Prepare,
): (...args: unknown[]) => unknown {
  return named(name, (...args: unknown[]): unknown => perform(prepare(...args)), arity);
}
