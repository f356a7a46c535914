/** `util.promisify`, `util.callbackify` and `util.aborted`. */

import { kernel } from './kernel-hooks.ts';
import { invalidArgType, nodeError } from './node-errors.ts';
import { validateAbortSignal, validateFunction, validateObject } from './validators.ts';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

export const kPromisify: unique symbol = Symbol.for('nodejs.util.promisify.custom') as never;
/** Names of the values a callback gets when they are several (`dns.lookup`). */
export const kPromisifyArgs: unique symbol = Symbol('customPromisifyArgs');

function copyShape(from: AnyFunction, to: AnyFunction): AnyFunction {
  Object.setPrototypeOf(to, Object.getPrototypeOf(from));
  return Object.defineProperties(to, Object.getOwnPropertyDescriptors(from));
}

/** `original` as a function that returns a promise instead of taking a callback. */
export function promisify(original: AnyFunction): AnyFunction {
  validateFunction(original, 'original');
  const properties = original as unknown as Record<symbol, unknown>;
  const custom = properties[kPromisify];
  if (custom) {
    validateFunction(custom, 'util.promisify.custom');
    const hidden = { enumerable: false, writable: false, configurable: true };
    return Object.defineProperty(custom as AnyFunction, kPromisify, { ...hidden, value: custom });
  }
  const names = properties[kPromisifyArgs] as readonly string[] | undefined;
  const promisified: AnyFunction = function (...args) {
    return new Promise((resolve, reject) => {
      const done = (error: unknown, ...values: unknown[]): void => {
        if (error) reject(error);
        else if (names === undefined || values.length <= 1) resolve(values[0]);
        else resolve(Object.fromEntries(names.map((name, index) => [name, values[index]])));
      };
      Reflect.apply(original, this, [...args, done]);
    });
  };
  Object.setPrototypeOf(promisified, Object.getPrototypeOf(original));
  const hidden = { enumerable: false, writable: false, configurable: true };
  Object.defineProperty(promisified, kPromisify, { ...hidden, value: promisified });
  return copyShape(original, promisified);
}
Object.defineProperty(promisify, 'custom', { value: kPromisify, enumerable: true });

function reasonAsError(reason: unknown): unknown {
  if (reason) return reason;
  const error = nodeError(
    Error,
    'ERR_FALSY_VALUE_REJECTION',
    'Promise was rejected with falsy value',
  );
  return Object.assign(error, { reason });
}

/** `original`, which returns a promise, as a function that takes a callback last. */
export function callbackify(original: AnyFunction): AnyFunction {
  validateFunction(original, 'original');
  const callbackified: AnyFunction = function (...args) {
    const done = args.pop();
    validateFunction(done, 'last argument');
    const call = (...values: unknown[]): void => {
      // Outside the promise: what the callback throws is uncaught, not a rejection.
      kernel().nextTick(() => Reflect.apply(done, this, values));
    };
    const promise = Reflect.apply(original, this, args) as PromiseLike<unknown>;
    promise.then(
      (value) => call(null, value),
      (reason) => call(reasonAsError(reason)),
    );
    return undefined;
  };
  const shape = Object.getOwnPropertyDescriptors(original);
  if (typeof shape.length?.value === 'number') shape.length.value++;
  if (typeof shape.name?.value === 'string') shape.name.value += 'Callbackified';
  return Object.defineProperties(callbackified, shape);
}

/** Resolves when `signal` aborts. `resource` is what the wait is for, in Node's API. */
export async function aborted(signal: unknown, resource: unknown): Promise<void> {
  if (signal === undefined) throw invalidArgType('signal', 'AbortSignal', signal);
  validateAbortSignal(signal, 'signal');
  validateObject(resource, 'resource', { nullable: false, allowFunction: true, allowArray: true });
  const source = signal as EventTargetLike & { readonly aborted: boolean };
  if (source.aborted) return;
  await new Promise<void>((resolve) => {
    source.addEventListener('abort', () => resolve(), { once: true });
  });
}

interface EventTargetLike {
  addEventListener(type: string, listener: () => void, options: object): void;
}
