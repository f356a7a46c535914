/**
 * `node:async_hooks` over the contexts of async-context.ts. Hooks are told of what the kernel's queues,
 * sockets, reactions of promises and `AsyncResource` do; of promises nobody waits for they hear
 * nothing, and `destroy` comes for what ends by itself or by `emitDestroy`, never from a collection.
 */

import {
  type AsyncContext,
  type AsyncObserver,
  activate,
  captureNow,
  currentContext,
  dropStore,
  enter,
  leave,
  observe,
  observed,
  setStore,
  withStore,
  withStores,
} from '../async-context.ts';
import { queueImmediate } from '../loop.ts';
import { nodeError } from './node-errors.ts';
import { validateFunction, validateObject, validateString } from './validators.ts';

type Anything = (this: unknown, ...args: unknown[]) => unknown;
type HookName = keyof AsyncObserver;

const HOOK_NAMES: readonly HookName[] = ['init', 'before', 'after', 'destroy', 'promiseResolve'];

export function executionAsyncId(): number {
  activate();
  return currentContext().asyncId;
}

export function triggerAsyncId(): number {
  activate();
  return currentContext().triggerAsyncId;
}

export function executionAsyncResource(): object {
  activate();
  return currentContext().resource;
}

class AsyncHook {
  readonly #callbacks: ReadonlyMap<HookName, Anything>;

  constructor(callbacks: ReadonlyMap<HookName, Anything>) {
    this.#callbacks = callbacks;
  }

  enable(): this {
    if (!enabled.includes(this)) enabled = [...enabled, this];
    activate();
    observe(everyHook);
    return this;
  }

  disable(): this {
    enabled = enabled.filter((hook) => hook !== this);
    if (enabled.length === 0) observe(undefined);
    return this;
  }

  static tell(hook: AsyncHook, name: HookName, args: readonly unknown[]): void {
    const callback = hook.#callbacks.get(name);
    if (callback !== undefined) Reflect.apply(callback, hook, args);
  }
}

// Bundling renames a class that mentions itself.
Object.defineProperty(AsyncHook, 'name', { value: 'AsyncHook' });

let enabled: readonly AsyncHook[] = [];

function tellAll(name: HookName, ...args: unknown[]): void {
  for (const hook of enabled) AsyncHook.tell(hook, name, args);
}

const destroyed: number[] = [];

/** Node tells of ends when the callbacks at work are over. */
function tellDestroyed(): void {
  const ids = destroyed.splice(0);
  for (const id of ids) tellAll('destroy', id);
}

const everyHook: AsyncObserver = {
  init: (asyncId, type, triggerId, resource) => tellAll('init', asyncId, type, triggerId, resource),
  before: (asyncId) => tellAll('before', asyncId),
  after: (asyncId) => tellAll('after', asyncId),
  promiseResolve: (asyncId) => tellAll('promiseResolve', asyncId),
  destroy(asyncId): void {
    if (destroyed.length === 0) queueImmediate({ run: tellDestroyed, referenced: false });
    destroyed.push(asyncId);
  },
};

export function createHook(callbacks: Partial<Record<HookName, unknown>>): AsyncHook {
  const given = new Map<HookName, Anything>();
  for (const name of HOOK_NAMES) {
    const callback = callbacks[name];
    if (callback === undefined) continue;
    if (typeof callback !== 'function') {
      throw nodeError(TypeError, 'ERR_ASYNC_CALLBACK', `hook.${name} must be a function`);
    }
    given.set(name, callback as Anything);
  }
  return new AsyncHook(given);
}

interface ResourceOptions {
  readonly triggerAsyncId?: unknown;
  readonly requireManualDestroy?: unknown;
}

function triggerOf(options: unknown): number {
  const given = typeof options === 'number' ? options : (options as ResourceOptions).triggerAsyncId;
  if (given === undefined) return currentContext().asyncId;
  if (!Number.isSafeInteger(given) || (given as number) < -1) {
    const text = `Invalid triggerAsyncId value: ${String(given)}`;
    throw nodeError(RangeError, 'ERR_INVALID_ASYNC_ID', text);
  }
  return given as number;
}

const kContext = Symbol('hv.context');

export class AsyncResource {
  constructor(type: unknown, options: unknown = {}) {
    validateString(type, 'type');
    if (typeof options !== 'number') validateObject(options, 'options', { nullable: true });
    const trigger = triggerOf(options ?? {});
    if (type === '' && observed() !== undefined) {
      throw nodeError(TypeError, 'ERR_ASYNC_TYPE', `Invalid name for async "type": ${type}`);
    }
    const context = captureNow(type, this, trigger);
    Object.defineProperty(this, kContext, { value: context });
  }

  runInAsyncScope(callback: Anything, self?: unknown, ...args: unknown[]): unknown {
    const context = contextOf(this);
    const before = enter(context);
    try {
      return Reflect.apply(callback, self, args);
    } finally {
      leave(before, context);
    }
  }

  emitDestroy(): this {
    observed()?.destroy(contextOf(this).asyncId);
    return this;
  }

  asyncId(): number {
    return contextOf(this).asyncId;
  }

  triggerAsyncId(): number {
    return contextOf(this).triggerAsyncId;
  }

  bind(callback: unknown): unknown {
    validateFunction(callback, 'fn');
    const act = callback as Anything;
    const resource = this;
    const bound = function (this: unknown, ...args: unknown[]): unknown {
      return resource.runInAsyncScope(act, this, ...args);
    };
    Object.defineProperty(bound, 'length', {
      value: act.length,
      writable: false,
      enumerable: false,
      configurable: true,
    });
    return bound;
  }

  static bind(callback: unknown, type?: unknown, self?: unknown): unknown {
    validateFunction(callback, 'fn');
    const act = callback as Anything;
    const resource = new AsyncResource(type || act.name || 'bound-anonymous-fn');
    return resource.bind(self === undefined ? act : act.bind(self));
  }
}

function contextOf(resource: AsyncResource): AsyncContext {
  return (resource as unknown as { [kContext]: AsyncContext })[kContext];
}

interface StorageOptions {
  readonly defaultValue?: unknown;
  readonly name?: unknown;
}

export class AsyncLocalStorage {
  readonly #default: unknown;
  readonly #name: string;

  constructor(options: StorageOptions = {}) {
    validateObject(options, 'options');
    const { defaultValue, name } = options;
    if (name !== undefined) validateString(name, 'options.name');
    this.#default = defaultValue;
    this.#name = name === undefined ? '' : name;
    activate();
  }

  get name(): string {
    return this.#name;
  }

  static bind(callback: unknown): unknown {
    return AsyncResource.bind(callback);
  }

  static snapshot(): unknown {
    activate();
    const { stores } = currentContext();
    return (callback: Anything, ...args: unknown[]): unknown =>
      withStores(stores, () => callback(...args));
  }

  disable(): void {
    dropStore(this);
  }

  enterWith(store: unknown): void {
    setStore(this, store);
  }

  run(store: unknown, callback: Anything, ...args: unknown[]): unknown {
    return withStore(this, store, () => Reflect.apply(callback, null, args));
  }

  exit(callback: Anything, ...args: unknown[]): unknown {
    if (this.getStore() === undefined) return Reflect.apply(callback, null, args);
    return withStore(this, undefined, () => Reflect.apply(callback, null, args));
  }

  getStore(): unknown {
    const { stores } = currentContext();
    return stores.has(this) ? stores.get(this) : this.#default;
  }
}

const PROVIDERS =
  'NONE DIRHANDLE DNSCHANNEL FILEHANDLE FSREQCALLBACK GETADDRINFOREQWRAP GETNAMEINFOREQWRAP HTTPCLIENTREQUEST HTTPINCOMINGMESSAGE PIPEWRAP PROMISE QUERYWRAP SHUTDOWNWRAP SIGNALWRAP STREAMPIPE TCPCONNECTWRAP TCPSERVERWRAP TCPWRAP TLSWRAP TTYWRAP UDPSENDWRAP UDPWRAP WRITEWRAP ZLIB Timeout Immediate TickObject'.split(
    ' ',
  );

export const exported: Record<string, unknown> = {
  AsyncLocalStorage,
  createHook,
  executionAsyncId,
  triggerAsyncId,
  executionAsyncResource,
  asyncWrapProviders: Object.freeze(
    Object.assign(
      Object.create(null) as Record<string, number>,
      Object.fromEntries(PROVIDERS.map((name, index) => [name, index])),
    ),
  ),
  AsyncResource,
};
