/** `node:timers`: Node 20's timer objects over the kernel's wheel and immediate queue. */

import { type AsyncContext, capture, enter, leave, observed } from '../async-context.ts';
import {
  cancelImmediate,
  type ImmediateEntry,
  onTimerDue,
  queueImmediate,
  referenceImmediate,
} from '../loop.ts';
import { nowMs, setReferenced, startTimer, stopTimer, type TimerEntry } from '../timer-wheel.ts';
import { kDispose } from './dispose-symbols.ts';
import { kernel } from './kernel-hooks.ts';
import { validateFunction, validateNumber } from './validators.ts';

type Callback = (...args: unknown[]) => unknown;

const DURATION_MAX_MS = 2 ** 31 - 1;
/** `util.promisify.custom`, by its registered name: util is above this module. */
const promisifyCustom = Symbol.for('nodejs.util.promisify.custom');
/** Timers whose number was asked for: `clearTimeout(+timer)` must find them. */
const timersById = new Map<number, Timeout>();
let lastId = 0;

/** Once in a process, as Node 24 has it. */
let negativeTold = false;
let nanTold = false;

function durationOf(after: unknown): number {
  if (after === undefined) return 1;
  const duration = Number(after);
  if (duration >= 1 && duration <= DURATION_MAX_MS) return duration;
  if (duration > DURATION_MAX_MS) {
    kernel().emitWarning(
      `${duration} does not fit into a 32-bit signed integer.\nTimeout duration was set to 1.`,
      'TimeoutOverflowWarning',
    );
  } else if (duration < 0 && !negativeTold) {
    negativeTold = true;
    kernel().emitWarning(
      `${duration} is a negative number.\nTimeout duration was set to 1.`,
      'TimeoutNegativeWarning',
    );
  } else if (Number.isNaN(duration) && !nanTold) {
    nanTold = true;
    kernel().emitWarning(
      `${duration} is not a number.\nTimeout duration was set to 1.`,
      'TimeoutNaNWarning',
    );
  }
  return 1;
}

export class Timeout implements TimerEntry {
  previous: TimerEntry | undefined = undefined;
  next: TimerEntry | undefined = undefined;
  list: TimerEntry['list'] = undefined;
  startedAt = 0;
  durationMs = 0;
  referenced: boolean;
  _idleTimeout: number;
  _onTimeout: Callback | null;
  _timerArgs: unknown[] | undefined;
  _repeat: number | null;
  _destroyed = false;
  #id = 0;
  #context: AsyncContext | undefined;

  constructor(
    callback: Callback,
    after: unknown,
    args: unknown[] | undefined,
    options: { readonly repeat: boolean; readonly referenced: boolean },
  ) {
    const duration = durationOf(after);
    this._idleTimeout = duration;
    this._onTimeout = callback;
    this._timerArgs = args;
    this._repeat = options.repeat ? duration : null;
    this.referenced = options.referenced;
    this.#context = capture('Timeout', this);
    startTimer(this, duration, nowMs());
  }

  /** Starts the wait again from now, whether the timer has fired or not. */
  refresh(): this {
    if (!this._destroyed || this._onTimeout !== null) {
      if (this._idleTimeout >= 0) {
        this._destroyed = false;
        startTimer(this, this._idleTimeout, nowMs());
      }
    }
    return this;
  }

  ref(): this {
    setReferenced(this, true);
    return this;
  }

  unref(): this {
    setReferenced(this, false);
    return this;
  }

  hasRef(): boolean {
    return this.referenced;
  }

  close(): this {
    Timeout.end(this);
    return this;
  }

  [kDispose](): void {
    Timeout.end(this);
  }

  [Symbol.toPrimitive](): number {
    if (this.#id === 0) {
      lastId += 1;
      this.#id = lastId;
      timersById.set(lastId, this);
    }
    return this.#id;
  }

  /** Ends the timer for good: it will not fire and its number is free. */
  static end(timer: Timeout): void {
    if (!timer._destroyed && timer.#context) observed()?.destroy(timer.#context.asyncId);
    timer._destroyed = true;
    timer._idleTimeout = -1;
    timer._onTimeout = null;
    stopTimer(timer);
    if (timer.#id !== 0) timersById.delete(timer.#id);
  }

  /** The timer is due. An interval waits again from the moment its callback was called. */
  static fire(timer: Timeout): void {
    const callback = timer._onTimeout;
    if (callback === null) return;
    const start = nowMs();
    const before = timer.#context === undefined ? undefined : enter(timer.#context);
    try {
      // Not by a method of the callback's, which is the guest's to change.
      Reflect.apply(callback, timer, timer._timerArgs ?? []);
    } finally {
      if (timer._repeat !== null && timer._idleTimeout !== -1) {
        timer._idleTimeout = timer._repeat;
        startTimer(timer, timer._repeat, start);
      } else if (timer.list === undefined && !timer._destroyed) {
        timer._destroyed = true;
        if (timer.#id !== 0) timersById.delete(timer.#id);
      }
    }
    // Not after an error: its report belongs to this context, and the kernel leaves all of them.
    if (before === undefined) return;
    leave(before, timer.#context);
    if (timer._destroyed) observed()?.destroy(timer.#context?.asyncId ?? 0);
  }
}

// The bundler names a class that mentions itself differently; people see the name in traces.
Object.defineProperty(Timeout, 'name', { value: 'Timeout', configurable: true });

onTimerDue((timer) => Timeout.fire(timer as Timeout));

export function setTimeout(callback: Callback, after?: unknown, ...args: unknown[]): Timeout {
  validateFunction(callback, 'callback');
  const given = args.length === 0 ? undefined : args;
  return new Timeout(callback, after, given, { repeat: false, referenced: true });
}

export function setInterval(callback: Callback, after?: unknown, ...args: unknown[]): Timeout {
  validateFunction(callback, 'callback');
  const given = args.length === 0 ? undefined : args;
  return new Timeout(callback, after, given, { repeat: true, referenced: true });
}

/** For the kernel's own waits (idle sockets, AbortSignal.timeout): never keeps the guest alive. */
export function setUnreferencedTimeout(callback: () => void, after: number): Timeout {
  return new Timeout(callback, after, undefined, { repeat: false, referenced: false });
}

export function clearTimeout(timer?: unknown): void {
  if (timer instanceof Timeout) Timeout.end(timer);
  else if (typeof timer === 'number' || typeof timer === 'string') {
    const known = timersById.get(Number(timer));
    if (known) Timeout.end(known);
  }
}

export function clearInterval(timer?: unknown): void {
  clearTimeout(timer);
}

export class Immediate {
  _onImmediate: Callback | null;
  _argv: unknown[];
  _destroyed = false;
  #entry: ImmediateEntry;
  #context: AsyncContext | undefined;

  constructor(callback: Callback, args: unknown[]) {
    this._onImmediate = callback;
    this._argv = args;
    this.#context = capture('Immediate', this);
    this.#entry = { run: () => this.#run(), referenced: true };
    queueImmediate(this.#entry);
  }

  #run(): void {
    const callback = this._onImmediate;
    this._destroyed = true;
    this._onImmediate = null;
    if (callback === null) return;
    if (this.#context === undefined) {
      Reflect.apply(callback, this, this._argv ?? []);
      return;
    }
    const before = enter(this.#context);
    Reflect.apply(callback, this, this._argv ?? []);
    leave(before, this.#context);
    observed()?.destroy(this.#context.asyncId);
  }

  ref(): this {
    referenceImmediate(this.#entry, true);
    return this;
  }

  unref(): this {
    referenceImmediate(this.#entry, false);
    return this;
  }

  [kDispose](): void {
    clearImmediate(this);
  }

  hasRef(): boolean {
    return this.#entry.referenced;
  }

  static end(immediate: Immediate): void {
    immediate._destroyed = true;
    immediate._onImmediate = null;
    cancelImmediate(immediate.#entry);
  }
}

export function setImmediate(callback: Callback, ...args: unknown[]): Immediate {
  validateFunction(callback, 'callback');
  return new Immediate(callback, args);
}

export function clearImmediate(immediate?: unknown): void {
  if (immediate instanceof Immediate) Immediate.end(immediate);
}

interface Enrolled {
  _idleTimeout: number;
  _onTimeout?: (() => void) | null;
  _hvTimer?: Timeout;
}

/** The timers of old: any object with `_onTimeout` waits, from `active` on. */
function enroll(item: Enrolled, after: unknown): void {
  validateNumber(after, 'msecs', 0, DURATION_MAX_MS);
  unenroll(item);
  item._idleTimeout = after;
}

function unenroll(item: Enrolled): void {
  clearTimeout(item._hvTimer);
  item._idleTimeout = -1;
}

function startEnrolled(item: Enrolled, referenced: boolean): void {
  if (!(item._idleTimeout >= 0)) return;
  clearTimeout(item._hvTimer);
  const options = { repeat: false, referenced };
  const timer = new Timeout(() => item._onTimeout?.(), item._idleTimeout, undefined, options);
  Object.defineProperty(item, '_hvTimer', { value: timer, writable: true, configurable: true });
}

/** What `require('timers')` returns. `promises` is added by timers-promises.ts. */
export const exported = {
  setTimeout,
  clearTimeout,
  setImmediate,
  clearImmediate,
  setInterval,
  clearInterval,
  _unrefActive: (item: Enrolled): void => startEnrolled(item, false),
  active: (item: Enrolled): void => startEnrolled(item, true),
  unenroll,
  enroll,
};

/** Lets `util.promisify(setTimeout)` find the promise forms. */
export function definePromisified(
  target: typeof setTimeout | typeof setImmediate,
  form: (...args: never[]) => unknown,
): void {
  Object.defineProperty(target, promisifyCustom, {
    value: form,
    enumerable: true,
    configurable: true,
  });
}
