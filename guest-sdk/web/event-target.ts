/**
 * EventTarget, Event and CustomEvent (DOM standard, sections 2.2 and 2.7) as Node has them: no tree,
 * a listener that throws becomes an uncaught exception and does not stop the others.
 */

import { kResistStop } from '../node/events-async.ts';
import { inspectHook } from '../node/inspect-hook.ts';
import { kernel } from '../node/kernel-hooks.ts';
import { invalidArgType, invalidThis, missingArgs, nodeError } from '../node/node-errors.ts';
import { validateObject } from '../node/validators.ts';
import { exposeInterface, innerOptions } from './interface.ts';

export interface EventInit {
  readonly bubbles?: boolean;
  readonly cancelable?: boolean;
  readonly composed?: boolean;
}

/** Option for events that we and not the guest have made. */
export const kTrusted: unique symbol = Symbol('trusted');

/** Set by Event, whose private state they need; a guest cannot reach them. */
let beginDispatch: (event: Event, target: EventTarget) => void;
let endDispatch: (event: Event) => void;
/** False once a listener has stopped the others. */
let reaches: (event: Event, listener: Registration) => boolean;

export class Event {
  static readonly NONE = 0;
  static readonly CAPTURING_PHASE = 1;
  static readonly AT_TARGET = 2;
  static readonly BUBBLING_PHASE = 3;
  readonly #type: string;
  readonly #bubbles: boolean;
  readonly #cancelable: boolean;
  readonly #composed: boolean;
  readonly #timeStamp: number;
  readonly #trusted: boolean;
  #target: EventTarget | null = null;
  #dispatching = false;
  #prevented = false;
  #propagationStopped = false;
  #inPassive = false;
  #stopped = false;

  constructor(type: string, options?: EventInit) {
    // biome-ignore lint/complexity/noArguments: an `undefined` that was given counts.
    if (arguments.length === 0) throw missingArgs('type');
    if (options !== undefined) {
      validateObject(options, 'options', { allowArray: true, allowFunction: true, nullable: true });
    }
    this.#type = String(type);
    this.#bubbles = Boolean(options?.bubbles);
    this.#cancelable = Boolean(options?.cancelable);
    this.#composed = Boolean(options?.composed);
    this.#trusted = Boolean((options as Record<symbol, unknown> | undefined)?.[kTrusted]);
    this.#timeStamp = kernel().monotonicMs();
  }

  get type(): string {
    return this.#type;
  }
  get target(): EventTarget | null {
    return this.#target;
  }
  get currentTarget(): EventTarget | null {
    return this.#dispatching ? this.#target : null;
  }
  get srcElement(): EventTarget | null {
    return this.#target;
  }
  get bubbles(): boolean {
    return this.#bubbles;
  }
  get cancelable(): boolean {
    return this.#cancelable;
  }
  get composed(): boolean {
    return this.#composed;
  }
  get defaultPrevented(): boolean {
    return this.#cancelable && this.#prevented;
  }
  get returnValue(): boolean {
    return !this.defaultPrevented;
  }
  get eventPhase(): number {
    return this.#dispatching ? Event.AT_TARGET : Event.NONE;
  }
  get timeStamp(): number {
    return this.#timeStamp;
  }
  get isTrusted(): boolean {
    return this.#trusted;
  }
  get cancelBubble(): boolean {
    return this.#propagationStopped;
  }
  set cancelBubble(value: boolean) {
    if (value) this.#propagationStopped = true;
  }
  composedPath(): EventTarget[] {
    return this.#dispatching && this.#target !== null ? [this.#target] : [];
  }
  preventDefault(): void {
    if (!this.#inPassive) this.#prevented = true;
  }
  stopPropagation(): void {
    this.#propagationStopped = true;
  }
  stopImmediatePropagation(): void {
    this.#stopped = true;
  }
  initEvent(_type: string): void {
    // Deprecated by the standard; a constructed event is initialised already.
  }

  static {
    beginDispatch = (event, target) => {
      if (event.#dispatching) {
        const text = `The event "${event.#type}" is already being dispatched`;
        throw nodeError(Error, 'ERR_EVENT_RECURSION', text);
      }
      event.#dispatching = true;
      event.#target = target;
    };
    endDispatch = (event) => {
      event.#dispatching = false;
    };
    reaches = (event, listener) => {
      event.#inPassive = listener.passive;
      return !event.#stopped || listener.resistsStop;
    };
  }
}

export class CustomEvent extends Event {
  readonly #detail: unknown;
  constructor(type: string, options?: EventInit & { readonly detail?: unknown }) {
    // biome-ignore lint/complexity/noArguments: an `undefined` that was given counts.
    if (arguments.length === 0) throw missingArgs('type');
    super(type, options);
    this.#detail = options?.detail ?? null;
  }
  get detail(): unknown {
    return this.#detail;
  }
}

type Callback = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };

export interface ListenerOptions {
  readonly once?: boolean;
  readonly capture?: boolean;
  readonly passive?: boolean;
  readonly signal?: { readonly aborted: boolean; addEventListener: unknown };
}

interface Registration {
  readonly callback: Callback;
  readonly once: boolean;
  readonly capture: boolean;
  readonly passive: boolean;
  readonly resistsStop: boolean;
  removed: boolean;
}

interface TargetState {
  readonly listeners: Map<string | symbol, Registration[]>;
  maxListeners: number;
  warned: boolean;
}

const states = new WeakMap<object, TargetState>();

function stateOf(target: unknown): TargetState {
  const state = typeof target === 'object' && target !== null ? states.get(target) : undefined;
  if (state === undefined) throw invalidThis('EventTarget');
  return state;
}

function isCallback(callback: unknown): callback is Callback {
  if (typeof callback === 'function') return true;
  if (typeof callback === 'object' && callback !== null) return true;
  return false;
}

function warnOfLeak(target: EventTarget, type: string, count: number): void {
  const text = `Possible EventTarget memory leak detected. ${count} ${type} listeners added to ${inspectHook.inspect(target, { depth: -1 })}. MaxListeners is ${stateOf(target).maxListeners}. Use events.setMaxListeners() to increase limit`;
  const warning = new Error(text);
  warning.name = 'MaxListenersExceededWarning';
  kernel().emitWarning(Object.assign(warning, { target, type, count }));
}

export class EventTarget {
  constructor() {
    states.set(this, { listeners: new Map(), maxListeners: 10, warned: false });
  }

  addEventListener(
    type: string,
    callback: Callback | null,
    options?: boolean | ListenerOptions,
  ): void {
    // biome-ignore lint/complexity/noArguments: an `undefined` that was given counts.
    if (arguments.length < 2) throw missingArgs('type', 'listener');
    const state = stateOf(this);
    const given: ListenerOptions = typeof options === 'object' && options !== null ? options : {};
    const capture = typeof options === 'boolean' ? options : Boolean(given.capture);
    if (callback == null) {
      const text = `addEventListener called with ${callback} which has no effect.`;
      const warning = Object.assign(new Error(text), { target: this, type });
      warning.name = 'AddEventListenerArgumentTypeWarning';
      kernel().emitWarning(warning);
      return;
    }
    if (!isCallback(callback)) throw invalidArgType('listener', 'EventListener', callback);
    const { signal } = given;
    if (signal !== undefined) {
      if (signal === null || typeof signal !== 'object' || !('aborted' in signal)) {
        throw invalidArgType('options.signal', 'AbortSignal', signal);
      }
      if (signal.aborted) return;
      const remove = (): void => this.removeEventListener(type, callback, { capture });
      (signal as unknown as EventTarget).addEventListener('abort', remove, { once: true });
    }
    const name = String(type);
    const list = state.listeners.get(name) ?? [];
    if (list.some((one) => one.callback === callback && one.capture === capture)) return;
    list.push({
      callback,
      capture,
      once: Boolean(given.once),
      passive: Boolean(given.passive),
      resistsStop: Boolean((given as Record<symbol, unknown>)[kResistStop]),
      removed: false,
    });
    state.listeners.set(name, list);
    if (state.maxListeners > 0 && list.length > state.maxListeners && !state.warned) {
      state.warned = true;
      warnOfLeak(this, name, list.length);
    }
  }

  removeEventListener(
    type: string,
    callback: Callback | null,
    options?: boolean | ListenerOptions,
  ): void {
    // biome-ignore lint/complexity/noArguments: an `undefined` that was given counts.
    if (arguments.length < 2) throw missingArgs('type', 'listener');
    const state = stateOf(this);
    if (callback == null) return;
    const capture = typeof options === 'boolean' ? options : Boolean(options?.capture);
    const name = String(type);
    const list = state.listeners.get(name);
    const index = list?.findIndex((one) => one.callback === callback && one.capture === capture);
    if (list === undefined || index === undefined || index < 0) return;
    for (const one of list.splice(index, 1)) one.removed = true;
    if (list.length === 0) state.listeners.delete(name);
  }

  dispatchEvent(event: Event): boolean {
    // biome-ignore lint/complexity/noArguments: an `undefined` that was given counts.
    if (arguments.length < 1) throw missingArgs('event');
    const state = stateOf(this);
    if (!(event instanceof Event)) throw invalidArgType('event', 'Event', event);
    beginDispatch(event, this);
    try {
      for (const one of [...(state.listeners.get(event.type) ?? [])]) {
        if (one.removed) continue;
        if (!reaches(event, one)) continue;
        if (one.once) this.removeEventListener(event.type, one.callback, one);
        callListener(this, one.callback, event);
      }
    } finally {
      endDispatch(event);
    }
    return !event.defaultPrevented;
  }
}

function callListener(target: EventTarget, callback: Callback, event: Event): void {
  try {
    const result: unknown =
      typeof callback === 'function' ? callback.call(target, event) : callback.handleEvent(event);
    // An async listener that rejects is as uncaught as a sync one that throws.
    const then = result == null ? undefined : (result as { then?: unknown }).then;
    if (typeof then === 'function') {
      then.call(result, undefined, (error: unknown) => kernel().throwLater(error));
    }
  } catch (error) {
    kernel().throwLater(error);
  }
}

/** Callbacks registered for `type`; undefined for what is no EventTarget. */
export function listenersOfTarget(target: object, type: string | symbol): unknown[] | undefined {
  return (
    states
      .get(target)
      ?.listeners.get(type)
      ?.map((one) => one.callback) ?? (states.has(target) ? [] : undefined)
  );
}

/** The types somebody listens for. */
export function listenedTypes(target: object): (string | symbol)[] {
  return [...(states.get(target)?.listeners.keys() ?? [])];
}

/** The leak limit of an EventTarget, set first if `count` is given; undefined if it is none. */
export function maxListenersOfTarget(target: object, count?: number): number | undefined {
  const state = states.get(target);
  if (state === undefined) return undefined;
  if (count !== undefined) {
    state.maxListeners = count;
    state.warned = false;
  }
  return state.maxListeners;
}

const handlerStates = new WeakMap<object, Map<string, { handler: unknown; listener: Callback }>>();

/** Adds an `on<type>` property to a class of targets, as HTML's event handlers work. */
export function defineHandler(prototype: EventTarget, type: string): void {
  Object.defineProperty(prototype, `on${type}`, {
    get(this: EventTarget): unknown {
      return handlerStates.get(this)?.get(type)?.handler ?? null;
    },
    set(this: EventTarget, handler: unknown): void {
      const handlers = handlerStates.get(this) ?? new Map();
      handlerStates.set(this, handlers);
      const before = handlers.get(type);
      if (before !== undefined) {
        before.handler = typeof handler === 'function' ? handler : null;
        return;
      }
      if (typeof handler !== 'function') return;
      const state = {
        handler: handler as unknown,
        listener: (event: Event): unknown =>
          typeof state.handler === 'function' ? state.handler.call(this, event) : undefined,
      };
      handlers.set(type, state);
      this.addEventListener(type, state.listener);
    },
    enumerable: true,
    configurable: true,
  });
}

exposeInterface(Event, 'Event', (self, depth, options) => {
  const { name } = self.constructor;
  if (depth < 0) return name;
  const { type, defaultPrevented, cancelable, timeStamp } = self;
  const shown = { type, defaultPrevented, cancelable, timeStamp };
  return `${name} ${inspectHook.inspect(shown, innerOptions(options))}`;
});
exposeInterface(CustomEvent, 'CustomEvent');
exposeInterface(EventTarget, 'EventTarget', (self, depth, options) => {
  const { name } = self.constructor;
  return depth < 0 ? name : `${name} ${inspectHook.inspect({}, innerOptions(options))}`;
});
for (const name of ['NONE', 'CAPTURING_PHASE', 'AT_TARGET', 'BUBBLING_PHASE'] as const) {
  for (const holder of [Event, Event.prototype]) {
    const value = Event[name];
    Object.defineProperty(holder, name, {
      value,
      enumerable: true,
      writable: false,
      configurable: false,
    });
  }
}
