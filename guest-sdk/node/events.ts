/**
 * `node:events`. EventEmitter is an ES5 constructor: half of npm inherits from it by
 * `EventEmitter.call(this)` and `util.inherits`, which a class would refuse.
 */

import { listenersOfTarget, maxListenersOfTarget } from '../web/event-target.ts';
import { addAbortListener, on, once } from './events-async.ts';
import type {
  EventEmitter as Emitter,
  EventEmitterFunction,
  EventEmitterOptions,
  EventName,
  Handlers,
  Listener,
} from './events-types.ts';
import { inspectHook } from './inspect-hook.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgType, nodeError } from './node-errors.ts';
import { validateBoolean, validateFunction, validateNumber } from './validators.ts';

export type {
  EventEmitterFunction,
  EventEmitterOptions,
  EventName,
  Listener,
} from './events-types.ts';
/** The type of an instance; the value of this name is the constructor. */
export type EventEmitter = Emitter;

const kCapture = Symbol('kCapture');
const kErrorMonitor: unique symbol = Symbol('events.errorMonitor');
const kRejection: unique symbol = Symbol.for('nodejs.rejection') as never;

interface Internals extends EventEmitter {
  [kCapture]: boolean;
  [kRejection]?: unknown;
}

let defaultMaxListeners = 10;

function emptyEvents(): Record<EventName, Handlers | undefined> {
  return Object.create(null) as Record<EventName, Handlers | undefined>;
}

function construct(this: Internals, options?: EventEmitterOptions): void {
  EventEmitter.init.call(this, options);
}

function init(this: Internals, options?: EventEmitterOptions): void {
  // Own state even where a subclass's prototype is itself an emitter (`Sub.prototype = new EE()`).
  if (
    this._events === undefined ||
    this._events === (Object.getPrototypeOf(this) as Internals)._events
  ) {
    this._events = emptyEvents();
    this._eventsCount = 0;
  }
  this._maxListeners = this._maxListeners || undefined;
  if (options?.captureRejections) {
    validateBoolean(options.captureRejections, 'options.captureRejections');
    this[kCapture] = options.captureRejections;
  } else {
    this[kCapture] = (EventEmitter.prototype as Internals)[kCapture];
  }
}

/** A listener that rejects becomes an 'error' (or goes to the emitter's rejection method). */
function captureRejection(
  emitter: Internals,
  result: unknown,
  name: EventName,
  args: readonly unknown[],
): void {
  if (!emitter[kCapture]) return;
  try {
    const { then } = result as { then?: unknown };
    if (typeof then !== 'function') return;
    then.call(result, undefined, (error: unknown) => {
      kernel().nextTick(emitRejection, emitter, error, name, args);
    });
  } catch (error) {
    emitter.emit('error', error);
  }
}

function emitRejection(
  emitter: Internals,
  error: unknown,
  name: EventName,
  args: readonly unknown[],
): void {
  const handler = emitter[kRejection];
  if (typeof handler === 'function') {
    handler.call(emitter, error, name, ...args);
    return;
  }
  // An 'error' listener that rejects in turn must not come back here for ever.
  const before = emitter[kCapture];
  try {
    emitter[kCapture] = false;
    emitter.emit('error', error);
  } finally {
    emitter[kCapture] = before;
  }
}

function throwUnhandled(error: unknown): never {
  if (error instanceof Error) throw error;
  let shown: unknown;
  try {
    shown = inspectHook.inspect(error);
  } catch {
    // A custom inspect function threw; the value itself is the best that is left.
    shown = error;
  }
  const unhandled = nodeError(Error, 'ERR_UNHANDLED_ERROR', `Unhandled error. (${String(shown)})`);
  throw Object.assign(unhandled, { context: error });
}

function emit(this: Internals, name: EventName, ...args: unknown[]): boolean {
  const events = this._events;
  if (name === 'error') {
    if (events?.[kErrorMonitor] !== undefined) this.emit(kErrorMonitor, ...args);
    if (events?.error === undefined) throwUnhandled(args[0]);
  }
  const handlers = events?.[name];
  if (handlers === undefined) return false;
  if (typeof handlers === 'function') {
    const result: unknown = Reflect.apply(handlers, this, args);
    if (result !== undefined && result !== null) captureRejection(this, result, name, args);
    return true;
  }
  // A copy: listeners may add and remove while it runs.
  const copy = handlers.slice();
  for (let i = 0; i < copy.length; i++) {
    const result: unknown = Reflect.apply(copy[i] as Listener, this, args);
    if (result !== undefined && result !== null) captureRejection(this, result, name, args);
  }
  return true;
}

function warnOfLeak(emitter: Internals, name: EventName, count: number): void {
  const text = `Possible EventEmitter memory leak detected. ${count} ${String(name)} listeners added to ${inspectHook.inspect(emitter, { depth: -1 })}. MaxListeners is ${emitter.getMaxListeners()}. Use emitter.setMaxListeners() to increase limit`;
  const warning = new Error(text);
  warning.name = 'MaxListenersExceededWarning';
  kernel().emitWarning(Object.assign(warning, { emitter, type: name, count }));
}

function add(emitter: Internals, name: EventName, listener: Listener, prepend: boolean): void {
  validateFunction(listener, 'listener');
  if (emitter._events === undefined) {
    emitter._events = emptyEvents();
    emitter._eventsCount = 0;
  } else if (emitter._events.newListener !== undefined) {
    emitter.emit('newListener', name, listener.listener ?? listener);
  }
  // After the emit: a listener of 'newListener' may have replaced the object.
  const events = emitter._events ?? emptyEvents();
  let existing = events[name];
  if (existing === undefined) {
    events[name] = listener;
    emitter._eventsCount++;
    return;
  }
  if (typeof existing === 'function') {
    existing = prepend ? [listener, existing] : [existing, listener];
    events[name] = existing;
  } else if (prepend) existing.unshift(listener);
  else existing.push(listener);
  const limit = emitter._maxListeners ?? defaultMaxListeners;
  if (limit > 0 && existing.length > limit && existing.warned !== true) {
    existing.warned = true;
    warnOfLeak(emitter, name, existing.length);
  }
}

function onceWrapper(emitter: Internals, name: EventName, listener: Listener): Listener {
  let fired = false;
  const wrapper: Listener = (...args: unknown[]): unknown => {
    if (fired) return undefined;
    fired = true;
    emitter.removeListener(name, wrapper);
    return Reflect.apply(listener, emitter, args);
  };
  wrapper.listener = listener;
  return wrapper;
}

function removeListener(this: Internals, name: EventName, listener: Listener): Internals {
  validateFunction(listener, 'listener');
  const events = this._events;
  const handlers = events?.[name];
  if (events === undefined || handlers === undefined) return this;
  if (typeof handlers === 'function') {
    if (handlers !== listener && handlers.listener !== listener) return this;
    this._eventsCount--;
    if (this._eventsCount === 0) {
      this._events = emptyEvents();
      return this;
    }
    delete events[name];
    if (events.removeListener !== undefined) {
      this.emit('removeListener', name, handlers.listener ?? listener);
    }
    return this;
  }
  const position = handlers.findLastIndex((one) => one === listener || one.listener === listener);
  if (position < 0) return this;
  handlers.splice(position, 1);
  if (handlers.length === 1) events[name] = handlers[0];
  if (events.removeListener !== undefined) this.emit('removeListener', name, listener);
  return this;
}

function removeAllListeners(this: Internals, ...names: EventName[]): Internals {
  const events = this._events;
  if (events === undefined) return this;
  const [name] = names;
  if (events.removeListener === undefined) {
    if (names.length === 0) {
      this._events = emptyEvents();
      this._eventsCount = 0;
    } else if (events[name as EventName] !== undefined) {
      this._eventsCount--;
      if (this._eventsCount === 0) this._events = emptyEvents();
      else delete events[name as EventName];
    }
    return this;
  }
  if (names.length === 0) {
    for (const key of Reflect.ownKeys(events)) {
      if (key !== 'removeListener') this.removeAllListeners(key);
    }
    this.removeAllListeners('removeListener');
    this._events = emptyEvents();
    this._eventsCount = 0;
    return this;
  }
  const handlers = events[name as EventName];
  const listeners = typeof handlers === 'function' ? [handlers] : [...(handlers ?? [])].reverse();
  for (const listener of listeners) this.removeListener(name as EventName, listener);
  return this;
}

function handlersOf(emitter: EventEmitter, name: EventName): Listener[] {
  const handlers = emitter._events?.[name];
  if (handlers === undefined) return [];
  return typeof handlers === 'function' ? [handlers] : handlers.slice();
}

function listenerCount(this: EventEmitter, name: EventName, listener?: Listener): number {
  const handlers = this._events?.[name];
  if (handlers === undefined) return 0;
  if (listener !== undefined && listener !== null) {
    return handlersOf(this, name).filter((one) => one === listener || one.listener === listener)
      .length;
  }
  return typeof handlers === 'function' ? 1 : handlers.length;
}

/** Sets the limit above which a leak is suspected, for `targets` or, without any, for all. */
function setMaxListeners(count: number = defaultMaxListeners, ...targets: object[]): void {
  validateNumber(count, 'setMaxListeners', 0);
  if (targets.length === 0) {
    defaultMaxListeners = count;
    return;
  }
  for (const target of targets) {
    if (maxListenersOfTarget(target, count) !== undefined) continue;
    const { setMaxListeners: set } = target as { setMaxListeners?: unknown };
    if (typeof set !== 'function') {
      throw invalidArgType('eventTargets', ['EventEmitter', 'EventTarget'], target);
    }
    set.call(target, count);
  }
}

const notEmitter = (value: unknown): Error =>
  invalidArgType('emitter', ['EventEmitter', 'EventTarget'], value);

const prototype: Record<PropertyKey, unknown> = {
  _events: undefined,
  _eventsCount: 0,
  _maxListeners: undefined,
  setMaxListeners(this: EventEmitter, n: number): EventEmitter {
    validateNumber(n, 'setMaxListeners', 0);
    this._maxListeners = n;
    return this;
  },
  getMaxListeners(this: EventEmitter): number {
    return this._maxListeners ?? defaultMaxListeners;
  },
  emit,
  addListener(this: Internals, name: EventName, listener: Listener): EventEmitter {
    add(this, name, listener, false);
    return this;
  },
  prependListener(this: Internals, name: EventName, listener: Listener): EventEmitter {
    add(this, name, listener, true);
    return this;
  },
  once(this: Internals, name: EventName, listener: Listener): EventEmitter {
    validateFunction(listener, 'listener');
    return this.on(name, onceWrapper(this, name, listener as Listener));
  },
  prependOnceListener(this: Internals, name: EventName, listener: Listener): EventEmitter {
    validateFunction(listener, 'listener');
    return this.prependListener(name, onceWrapper(this, name, listener as Listener));
  },
  removeListener,
  off: removeListener,
  removeAllListeners,
  listeners(this: EventEmitter, name: EventName): Listener[] {
    return handlersOf(this, name).map((one) => one.listener ?? one);
  },
  rawListeners(this: EventEmitter, name: EventName): Listener[] {
    return handlersOf(this, name);
  },
  listenerCount,
  eventNames(this: EventEmitter): EventName[] {
    return this._events === undefined || this._eventsCount === 0
      ? []
      : Reflect.ownKeys(this._events);
  },
};
// One function under both names: wrappers of `on` compare it with `addListener`.
prototype.on = prototype.addListener;

const statics = {
  once,
  on,
  addAbortListener,
  getEventListeners(target: object, name: EventName): unknown[] {
    const { listeners } = target as { listeners?: unknown };
    if (typeof listeners === 'function') return listeners.call(target, name) as unknown[];
    const found = listenersOfTarget(target, name);
    if (found === undefined) throw notEmitter(target);
    return found;
  },
  getMaxListeners(target: object): number {
    const { getMaxListeners } = target as { getMaxListeners?: unknown };
    if (typeof getMaxListeners === 'function') return getMaxListeners.call(target) as number;
    const limit = maxListenersOfTarget(target);
    if (limit === undefined) throw notEmitter(target);
    return limit;
  },
  usingDomains: false,
  captureRejectionSymbol: kRejection,
  errorMonitor: kErrorMonitor,
  setMaxListeners,
  init,
  listenerCount(emitter: EventEmitter, name: EventName): number {
    if (typeof emitter.listenerCount === 'function') return emitter.listenerCount(name);
    return listenerCount.call(emitter, name);
  },
};

export const EventEmitter: EventEmitterFunction = construct as unknown as EventEmitterFunction;
Object.defineProperty(EventEmitter, 'name', { value: 'EventEmitter', configurable: true });
Object.assign(EventEmitter, statics, { EventEmitter });
Object.assign(EventEmitter.prototype, prototype);
Object.defineProperty(EventEmitter.prototype, kCapture, { value: false, writable: true });
Object.defineProperties(EventEmitter, {
  captureRejections: {
    get: () => (EventEmitter.prototype as Internals)[kCapture],
    set: (value: unknown) => {
      validateBoolean(value, 'EventEmitter.captureRejections');
      (EventEmitter.prototype as Internals)[kCapture] = value;
    },
    enumerable: true,
    configurable: true,
  },
  defaultMaxListeners: {
    get: () => defaultMaxListeners,
    set: (value: unknown) => {
      validateNumber(value, 'defaultMaxListeners', 0);
      defaultMaxListeners = value;
    },
    enumerable: true,
  },
});

export { addAbortListener, on, once } from './events-async.ts';
export const exported: EventEmitterFunction = EventEmitter;
