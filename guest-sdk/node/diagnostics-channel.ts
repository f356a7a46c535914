/** `node:diagnostics_channel`: named channels, and groups of five of them that trace one operation. */

import { kernel } from './kernel-hooks.ts';
import { invalidArgType } from './node-errors.ts';
import { validateFunction } from './validators.ts';

type Name = string | symbol;
type Subscriber = (message: unknown, name: Name) => void;
type Anything = (this: unknown, ...args: unknown[]) => unknown;
type Transform = ((data: unknown) => unknown) | undefined;

interface Storage {
  run(store: unknown, act: () => unknown): unknown;
}

/** Weak: a channel nobody holds or listens to goes; `kept` has those that are subscribed to. */
const channels = new Map<Name, WeakRef<Channel>>();
const kept = new Set<Channel>();
const forgotten = new FinalizationRegistry<Name>((name) => {
  if (channels.get(name)?.deref() === undefined) channels.delete(name);
});

function throwLater(error: unknown): void {
  kernel().throwLater(error);
}

export class Channel {
  _subscribers: readonly Subscriber[] | undefined = undefined;
  _stores: Map<Storage, Transform> | undefined = undefined;
  readonly name: Name;

  constructor(name: Name) {
    this.name = name;
    channels.set(name, new WeakRef(this));
    forgotten.register(this, name);
  }

  subscribe(subscription: unknown): void {
    validateFunction(subscription, 'subscription');
    // Never in place: a publication at work goes on with the list it began with.
    this._subscribers = [...(this._subscribers ?? []), subscription as Subscriber];
    keep(this);
  }

  unsubscribe(subscription: unknown): boolean {
    const list = this._subscribers ?? [];
    const index = list.indexOf(subscription as Subscriber);
    if (index < 0) return false;
    this._subscribers = list.toSpliced(index, 1);
    keep(this);
    return true;
  }

  bindStore(store: Storage, transform?: Transform): void {
    this._stores ??= new Map();
    this._stores.set(store, transform);
    keep(this);
  }

  unbindStore(store: Storage): boolean {
    const found = this._stores?.delete(store) ?? false;
    keep(this);
    return found;
  }

  get hasSubscribers(): boolean {
    return (this._subscribers?.length ?? 0) > 0 || (this._stores?.size ?? 0) > 0;
  }

  publish(data: unknown): void {
    for (const subscriber of this._subscribers ?? []) {
      try {
        subscriber(data, this.name);
      } catch (error) {
        throwLater(error);
      }
    }
  }

  runStores(data: unknown, act: Anything, self?: unknown, ...args: unknown[]): unknown {
    let run = (): unknown => {
      this.publish(data);
      return Reflect.apply(act, self, args);
    };
    for (const [store, transform] of this._stores ?? []) run = inStore(store, data, run, transform);
    return run();
  }
}

function inStore(
  store: Storage,
  data: unknown,
  next: () => unknown,
  transform: Transform,
): () => unknown {
  return () => {
    let context = data;
    if (transform !== undefined) {
      try {
        context = transform(data);
      } catch (error) {
        throwLater(error);
        return next();
      }
    }
    return store.run(context, next);
  };
}

function keep(channel: Channel): void {
  if (channel.hasSubscribers) kept.add(channel);
  else kept.delete(channel);
}

export function channel(name: unknown): Channel {
  const known = channels.get(name as Name)?.deref();
  if (known !== undefined) return known;
  if (typeof name !== 'string' && typeof name !== 'symbol') {
    throw invalidArgType('channel', ['string', 'symbol'], name);
  }
  return new Channel(name);
}

function subscribe(name: unknown, subscription: unknown): void {
  channel(name).subscribe(subscription);
}

function unsubscribe(name: unknown, subscription: unknown): boolean {
  return channel(name).unsubscribe(subscription);
}

function hasSubscribers(name: unknown): boolean {
  return channels.get(name as Name)?.deref()?.hasSubscribers ?? false;
}

const TRACE_EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
type TraceEvent = (typeof TRACE_EVENTS)[number];
type Handlers = Partial<Record<TraceEvent, unknown>>;
type Context = Record<string, unknown>;

function channelOf(given: unknown, event: TraceEvent): Channel {
  if (typeof given === 'string') return channel(`tracing:${given}:${event}`);
  if (typeof given === 'object' && given !== null) {
    const own = (given as Record<string, unknown>)[event];
    if (own instanceof Channel) return own;
    if (own === undefined || own === null) {
      throw new TypeError('Cannot convert undefined or null to object');
    }
    throw invalidArgType(`nameOrChannels.${event}`, 'Channel', own);
  }
  throw invalidArgType('nameOrChannels', ['string', 'object', 'TracingChannel'], given);
}

class TracingChannel {
  declare readonly start: Channel;
  declare readonly end: Channel;
  declare readonly asyncStart: Channel;
  declare readonly asyncEnd: Channel;
  declare readonly error: Channel;

  constructor(given: unknown) {
    for (const event of TRACE_EVENTS) {
      Object.defineProperty(this, event, { value: channelOf(given, event) });
    }
  }

  get hasSubscribers(): boolean {
    return TRACE_EVENTS.some((event) => this[event].hasSubscribers);
  }

  subscribe(handlers: Handlers): void {
    for (const event of TRACE_EVENTS) {
      if (handlers[event]) this[event].subscribe(handlers[event]);
    }
  }

  unsubscribe(handlers: Handlers): boolean {
    let done = true;
    for (const event of TRACE_EVENTS) {
      if (handlers[event] && !this[event].unsubscribe(handlers[event])) done = false;
    }
    return done;
  }

  traceSync(act: Anything, context: Context = {}, self?: unknown, ...args: unknown[]): unknown {
    if (!this.hasSubscribers) return Reflect.apply(act, self, args);
    return this.start.runStores(context, () => {
      try {
        const result: unknown = Reflect.apply(act, self, args);
        context.result = result;
        return result;
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }

  tracePromise(act: Anything, context: Context = {}, self?: unknown, ...args: unknown[]): unknown {
    if (!this.hasSubscribers) return Reflect.apply(act, self, args);
    const settle = (): void => {
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
    };
    const onValue = (result: unknown): unknown => {
      context.result = result;
      settle();
      return result;
    };
    const onError = (error: unknown): unknown => {
      context.error = error;
      this.error.publish(context);
      settle();
      return Promise.reject(error);
    };
    return this.start.runStores(context, () => {
      try {
        const made: unknown = Reflect.apply(act, self, args);
        const promise = made instanceof Promise ? made : Promise.resolve(made);
        return promise.then(onValue, onError);
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }

  traceCallback(
    act: Anything,
    position = -1,
    context: Context = {},
    self?: unknown,
    ...args: unknown[]
  ): unknown {
    if (!this.hasSubscribers) return Reflect.apply(act, self, args);
    const tracing = this;
    const callback = args.at(position);
    validateFunction(callback, 'callback');
    const wrapped = function (this: unknown, ...given: unknown[]): unknown {
      const [error, result] = given;
      if (error) {
        context.error = error;
        tracing.error.publish(context);
      } else context.result = result;
      return tracing.asyncStart.runStores(context, () => {
        try {
          return Reflect.apply(callback as Anything, this, given);
        } finally {
          tracing.asyncEnd.publish(context);
        }
      });
    };
    const passed = args.toSpliced(position, 1, wrapped);
    return this.start.runStores(context, () => {
      try {
        return Reflect.apply(act, self, passed);
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }
}

export const exported: Record<string, unknown> = {
  channel,
  hasSubscribers,
  subscribe,
  tracingChannel: (given: unknown): TracingChannel => new TracingChannel(given),
  unsubscribe,
  Channel,
};
