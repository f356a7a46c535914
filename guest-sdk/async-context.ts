/**
 * What a callback inherits from the code that asked for it: the stores of `AsyncLocalStorage` and the
 * ids of `async_hooks`. The kernel's queues capture it and run what they hold inside it. Costs one
 * comparison until a guest first uses `async_hooks` in a way that can tell.
 *
 * Below everything else of the firmware: it imports nothing.
 */

/** One asynchronous operation, or one part of its run: a store that changes makes another one. */
export interface AsyncContext {
  readonly asyncId: number;
  readonly triggerAsyncId: number;
  readonly resource: object;
  /** By storage. Never changed in place. */
  readonly stores: ReadonlyMap<object, unknown>;
  /** Between `before` and `after` hooks are told of it; contexts of promises are told otherwise. */
  readonly announced: boolean;
}

/** What the hooks of `async_hooks.createHook` are told. */
export interface AsyncObserver {
  init(asyncId: number, type: string, triggerAsyncId: number, resource: object): void;
  before(asyncId: number): void;
  after(asyncId: number): void;
  destroy(asyncId: number): void;
  promiseResolve(asyncId: number): void;
}

export const NO_STORES: ReadonlyMap<object, unknown> = new Map();
const SCRIPT_ID = 1;

const root: AsyncContext = {
  asyncId: 0,
  triggerAsyncId: 0,
  resource: {},
  stores: NO_STORES,
  announced: false,
};
/** The script itself, while it runs for the first time. */
const script: AsyncContext = { ...root, asyncId: SCRIPT_ID, resource: {} };

let active = false;
let current: AsyncContext = script;
let lastId = SCRIPT_ID;
let observer: AsyncObserver | undefined;
let wake: (() => void) | undefined;
/** What hooks were told has begun, and not yet that it ended: an error may pass by the end. */
const open: AsyncContext[] = [];

export function currentContext(): AsyncContext {
  return current;
}

/** From now on queues capture contexts. Before, nobody could have told the difference. */
export function activate(): void {
  if (active) return;
  active = true;
  wake?.();
}

/** Called once, when contexts begin to be captured. */
export function onActivation(callback: () => void): void {
  wake = callback;
}

export function isActive(): boolean {
  return active;
}

/** `undefined` when no hook is enabled. */
export function observe(given: AsyncObserver | undefined): void {
  observer = given;
}

export function observed(): AsyncObserver | undefined {
  return observer;
}

export function newAsyncId(): number {
  lastId += 1;
  return lastId;
}

/** The context of a new operation that the code at work starts; undefined while nobody can tell. */
export function capture(type: string, resource: object): AsyncContext | undefined {
  return active ? captureNow(type, resource, current.asyncId) : undefined;
}

/** The same with a cause of its own, for `AsyncResource`, which activates. */
export function captureNow(type: string, resource: object, triggerAsyncId: number): AsyncContext {
  const asyncId = newAsyncId();
  const context = { asyncId, triggerAsyncId, resource, stores: current.stores, announced: true };
  observer?.init(asyncId, type, triggerAsyncId, resource);
  return context;
}

/** Enters `context` and answers the one to go back to with `leave`. */
export function enter(context: AsyncContext | undefined): AsyncContext {
  const before = current;
  current = context ?? root;
  if (observer !== undefined && current.announced) {
    open.push(current);
    observer.before(current.asyncId);
  }
  return before;
}

export function leave(before: AsyncContext, entered?: AsyncContext): void {
  if (entered !== undefined && open.length > 0 && open.at(-1) === entered) {
    open.pop();
    observer?.after(entered.asyncId);
  }
  current = before;
}

/** The callback of a kernel queue has ended: what it entered and did not leave is over. */
export function leaveAll(): void {
  while (open.length > 0) observer?.after(open.pop()?.asyncId ?? 0);
  current = root;
}

/** Runs `act` inside `context`. */
export function runIn<T>(context: AsyncContext | undefined, act: () => T): T {
  const before = enter(context);
  try {
    return act();
  } finally {
    leave(before, context);
  }
}

/** The rest of the code at work sees `value` in `storage`. */
export function setStore(storage: object, value: unknown): void {
  const stores = new Map(current.stores);
  stores.set(storage, value);
  current = { ...current, stores };
}

/** Runs `act` with `value` in `storage`, and then has there again what was there. */
export function withStore<T>(storage: object, value: unknown, act: () => T): T {
  const had = current.stores.has(storage);
  const before = current.stores.get(storage);
  setStore(storage, value);
  try {
    return act();
  } finally {
    if (had) setStore(storage, before);
    else dropStore(storage);
  }
}

/** The rest of the code at work, and what it starts, has nothing of `storage`. */
export function dropStore(storage: object): void {
  if (!current.stores.has(storage)) return;
  const stores = new Map(current.stores);
  stores.delete(storage);
  current = { ...current, stores };
}

/** Runs `act` with the stores of `from` in place of its own, and all else unchanged. */
export function withStores<T>(stores: ReadonlyMap<object, unknown>, act: () => T): T {
  const before = current;
  current = { ...current, stores };
  try {
    return act();
  } finally {
    current = before;
  }
}
