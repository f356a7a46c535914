/** `mock` of `node:test`: functions, methods and accessors that note how they are called. */

import { invalidArgType, invalidArgValue } from './node-errors.ts';
import { throwing } from './refusals.ts';
import { validateFunction, validateInteger, validateObject, validateString } from './validators.ts';

type Callable = (this: unknown, ...args: unknown[]) => unknown;

interface Call {
  readonly arguments: readonly unknown[];
  readonly error: unknown;
  readonly result: unknown;
  readonly stack: Error;
  readonly target: unknown;
  readonly this: unknown;
}

interface MockRules {
  readonly original: Callable;
  readonly implementation: Callable;
  /** After so many calls the original is back. */
  readonly times: number;
  /** Puts things back where the mock was set into an object. */
  readonly undo: () => void;
}

function checkTimes(value: unknown, name: string): number {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  validateInteger(value, name, 1);
  return value as number;
}

export class MockFunctionContext {
  #calls: Call[] = [];
  readonly #rules: MockRules;
  #implementation: Callable;
  readonly #once = new Map<number, Callable>();
  #times: number;

  constructor(rules: MockRules) {
    this.#rules = rules;
    this.#implementation = rules.implementation;
    this.#times = rules.times;
  }

  get calls(): readonly Call[] {
    return this.#calls.slice();
  }

  callCount(): number {
    return this.#calls.length;
  }

  mockImplementation(implementation: unknown): void {
    validateFunction(implementation, 'implementation');
    this.#implementation = implementation as Callable;
  }

  mockImplementationOnce(implementation: unknown, onCall?: unknown): void {
    validateFunction(implementation, 'implementation');
    const call = onCall ?? this.#calls.length;
    validateInteger(call, 'onCall', this.#calls.length);
    this.#once.set(call as number, implementation as Callable);
  }

  restore(): void {
    this.#rules.undo();
    this.#implementation = this.#rules.original;
    this.#times = Number.POSITIVE_INFINITY;
    this.#once.clear();
  }

  resetCalls(): void {
    this.#calls = [];
  }

  /** What a call of the mock does; `target` is the constructor that `new` was used on. */
  run(receiver: unknown, args: unknown[], target: unknown): unknown {
    const index = this.#calls.length;
    const implementation = this.#once.get(index) ?? this.#implementation;
    this.#once.delete(index);
    if (index + 1 === this.#times) this.restore();
    let [result, error, self]: unknown[] = [undefined, undefined, receiver];
    try {
      if (target === undefined) result = Reflect.apply(implementation, receiver, args);
      else {
        result = Reflect.construct(implementation, args, target as new () => object);
        self = result;
      }
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      const stack = new Error();
      this.#calls.push({ arguments: args, error, result, stack, target, this: self });
    }
    return result;
  }
}

function makeMock(rules: MockRules): [Callable, MockFunctionContext] {
  const context = new MockFunctionContext(rules);
  const mocked = new Proxy(rules.original, {
    apply: (_, receiver, args) => context.run(receiver, args, undefined),
    construct: (_, args, target) => context.run(undefined, args, target) as object,
    get: (target, name, receiver) =>
      name === 'mock' ? context : Reflect.get(target, name, receiver),
  });
  return [mocked, context];
}

function findProperty(object: object, name: PropertyKey): PropertyDescriptor | undefined {
  let holder: object | null = object;
  while (holder !== null) {
    const descriptor = Object.getOwnPropertyDescriptor(holder, name);
    if (descriptor !== undefined) return descriptor;
    holder = Object.getPrototypeOf(holder) as object | null;
  }
  return undefined;
}

interface MockOptions {
  readonly getter?: unknown;
  readonly setter?: unknown;
  readonly times?: unknown;
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

export class MockTracker {
  readonly #mocks: MockFunctionContext[] = [];
  readonly timers: object = new Proxy(
    {},
    { get: (_, name) => throwing('test', `mock.timers.${String(name)}`, 'timers of your own') },
  );

  fn(original?: unknown, implementation?: unknown, options?: unknown): Callable {
    let [from, to, rules] = [original, implementation, options];
    if (isObject(from)) [from, to, rules] = [undefined, undefined, from];
    else if (isObject(to)) [to, rules] = [undefined, to];
    from ??= (): void => {};
    to ??= from;
    validateFunction(from, 'original');
    validateFunction(to, 'implementation');
    validateObject(rules ?? {}, 'options');
    const times = checkTimes((rules as MockOptions | undefined)?.times, 'options.times');
    const [mocked, context] = makeMock({
      original: from as Callable,
      implementation: to as Callable,
      times,
      undo: () => {},
    });
    this.#mocks.push(context);
    return mocked;
  }

  method(object: object, name: PropertyKey, implementation?: unknown, options?: unknown): Callable {
    if (!isObject(object) && typeof object !== 'function')
      throw invalidArgType('object', 'object', object);
    if (typeof name !== 'symbol') validateString(name, 'methodName');
    let [to, given] = [implementation, options as MockOptions | undefined];
    if (isObject(to)) [to, given] = [undefined, to as MockOptions];
    validateObject(given ?? {}, 'options');
    const rules = given ?? {};
    if (rules.getter && rules.setter) {
      throw invalidArgValue('options.setter', rules.setter, "cannot be used with 'options.getter'");
    }
    const descriptor = findProperty(object, name);
    const kind = rules.getter ? 'get' : rules.setter ? 'set' : 'value';
    const original: unknown = descriptor?.[kind];
    if (typeof original !== 'function' || descriptor === undefined)
      throw invalidArgValue('methodName', original, 'must be a method');
    to ??= original;
    validateFunction(to, 'implementation');
    const own = Object.hasOwn(object, name);
    const [mocked, context] = makeMock({
      original: original as Callable,
      implementation: to as Callable,
      times: checkTimes(rules.times, 'options.times'),
      undo: () => {
        if (own) Object.defineProperty(object, name, descriptor);
        else Reflect.deleteProperty(object, name);
      },
    });
    Object.defineProperty(object, name, { ...descriptor, configurable: true, [kind]: mocked });
    this.#mocks.push(context);
    return mocked;
  }

  getter(object: object, name: PropertyKey, implementation?: unknown, options?: object): Callable {
    if (isObject(implementation)) {
      return this.method(object, name, undefined, { ...(implementation as object), getter: true });
    }
    return this.method(object, name, implementation, { ...options, getter: true });
  }

  setter(object: object, name: PropertyKey, implementation?: unknown, options?: object): Callable {
    if (isObject(implementation)) {
      return this.method(object, name, undefined, { ...(implementation as object), setter: true });
    }
    return this.method(object, name, implementation, { ...options, setter: true });
  }

  /** Everything is as before, and the mocks are forgotten. */
  reset(): void {
    this.restoreAll();
    this.#mocks.length = 0;
  }

  restoreAll(): void {
    for (const mocked of this.#mocks) mocked.restore();
  }
}
