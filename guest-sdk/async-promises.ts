/**
 * Promises as carriers of an async context. The engine has no hook for its promise jobs, so reactions
 * are wrapped where they are attached: by a `then` that replaces the engine's once somebody can tell
 * (async-context.ts), and, for `await`, by `runAsync`, which the bundler puts into images that use
 * `async_hooks` in place of the engine's async functions (hypervisor/host/bundle-async.ts).
 */

import {
  type AsyncContext,
  captureNow,
  currentContext,
  enter,
  leave,
  newAsyncId,
  observed,
  onActivation,
} from './async-context.ts';

type Reaction = (value: unknown) => unknown;
type Then = (
  this: Promise<unknown>,
  onFulfilled?: unknown,
  onRejected?: unknown,
) => Promise<unknown>;

const NativePromise = Promise;
export const nativeThen: Then = Promise.prototype.then as Then;

const resolveNatively = Promise.resolve as (
  this: PromiseConstructor,
  value: unknown,
) => Promise<unknown>;

/** The engine's `Promise.resolve`, whatever a guest has put in its place. */
export function nativeResolve(value: unknown): Promise<unknown> {
  return resolveNatively.call(NativePromise, value);
}

/**
 * What `await` makes of a value. The job that calls the `then` of an object that is no promise is the
 * engine's and would run in no context; this one runs in the context of the `await`.
 */
export function awaitable(value: unknown): Promise<unknown> {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (!isObject || value instanceof NativePromise)
    return resolveNatively.call(NativePromise, value);
  return new NativePromise((resolve, reject) => {
    const method = (value as { then?: unknown }).then;
    if (typeof method !== 'function') {
      resolve(value);
      return;
    }
    const call = inside(currentContext(), () => {
      try {
        Reflect.apply(method, value, [resolve, reject]);
      } catch (error) {
        reject(error);
      }
    });
    void nativeThen.call(nativeResolve(undefined), call);
  });
}

/** The context of a reaction. Promises have ids; without hooks nobody is told of them. */
function contextOf(): AsyncContext {
  const { asyncId, resource, stores } = currentContext();
  return { asyncId: newAsyncId(), triggerAsyncId: asyncId, resource, stores, announced: false };
}

function inside(context: AsyncContext, reaction: unknown): unknown {
  if (typeof reaction !== 'function') return reaction;
  return (value: unknown): unknown => {
    const before = enter(context);
    try {
      return (reaction as Reaction)(value);
    } finally {
      leave(before, context);
    }
  };
}

/** `Promise.prototype.then` once contexts are captured. */
function then(this: Promise<unknown>, onFulfilled?: unknown, onRejected?: unknown): unknown {
  const observer = observed();
  if (observer !== undefined) return observedThen.call(this, onFulfilled, onRejected);
  const context = contextOf();
  return nativeThen.call(this, inside(context, onFulfilled), inside(context, onRejected));
}

/** With hooks the promise that is made is an operation of its own, whose id its reaction runs under. */
function observedThen(
  this: Promise<unknown>,
  onFulfilled?: unknown,
  onRejected?: unknown,
): Promise<unknown> {
  const resource = {};
  const context = captureNow('PROMISE', resource, currentContext().asyncId);
  const settled = (reaction: unknown): unknown => {
    const run = inside(context, reaction);
    if (typeof run !== 'function') return run;
    return (value: unknown): unknown => {
      try {
        return run(value);
      } finally {
        observed()?.promiseResolve(context.asyncId);
      }
    };
  };
  return nativeThen.call(this, settled(onFulfilled), settled(onRejected));
}

Object.defineProperty(then, 'name', { value: 'then', configurable: true });

onActivation(() => {
  Object.defineProperty(NativePromise.prototype, 'then', {
    value: then,
    writable: true,
    enumerable: false,
    configurable: true,
  });
});

/** The context the code after an `await` of `awaited` runs in. */
export function awaitContext(awaited: object): AsyncContext {
  if (observed() === undefined) return contextOf();
  return captureNow('PROMISE', awaited, currentContext().asyncId);
}

type Body = Generator<unknown, unknown, unknown>;

/**
 * An async function whose body is a generator: every `yield` of it is an `await`. Settles in as many
 * turns of the job queue as the engine's own would.
 */
export function runAsync(
  self: unknown,
  args: unknown,
  body: (...args: never[]) => Body,
): Promise<unknown> {
  let run: Body;
  let first: IteratorResult<unknown, unknown>;
  try {
    run = (body as (...args: unknown[]) => Body).apply(self, args as unknown[]);
    first = run.next();
  } catch (error) {
    return new NativePromise((_resolve, reject) => reject(error));
  }
  // Many calls never wait: without the closures below they cost half.
  if (first.done) return new NativePromise((resolve) => resolve(first.value));
  return new NativePromise((resolve, reject) => {
    let context: AsyncContext;
    const wait = (value: unknown): void => {
      const awaited = awaitable(value);
      context = awaitContext(awaited);
      void nativeThen.call(awaited, next, fail);
    };
    const advance = (result: IteratorResult<unknown, unknown>): void => {
      if (result.done) resolve(result.value);
      else wait(result.value);
    };
    const next = (value: unknown): void => {
      const entered = context;
      const before = enter(entered);
      try {
        advance(run.next(value));
      } catch (error) {
        reject(error);
      }
      leave(before, entered);
    };
    const fail = (reason: unknown): void => {
      const entered = context;
      const before = enter(entered);
      try {
        advance(run.throw(reason));
      } catch (error) {
        reject(error);
      }
      leave(before, entered);
    };
    wait(first.value);
  });
}
