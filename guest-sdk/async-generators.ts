/** Async generators over plain ones, for images whose awaits must carry a context (async-promises.ts). */

import { type AsyncContext, enter, leave } from './async-context.ts';
import { awaitable, awaitContext, nativeThen } from './async-promises.ts';

type Kind = 'next' | 'throw' | 'return';
type Body = Generator<unknown, unknown, unknown>;

/** The bundler's mark of an `await` in the body: value, and whether it stands for a `yield*`. */
interface Awaiting {
  readonly 0: unknown;
  readonly 1: unknown;
}

interface Request {
  readonly kind: Kind;
  readonly value: unknown;
  resolve(result: IteratorResult<unknown, unknown>): void;
  reject(error: unknown): void;
}

const asyncGeneratorPrototype = Object.getPrototypeOf(async function* () {}).prototype as object;

/** One running async generator: requests are answered one after the other, as the language says. */
class Run {
  readonly #body: Body;
  readonly #isAwait: (value: unknown) => value is Awaiting;
  readonly #requests: Request[] = [];
  #busy = false;
  #finished = false;

  constructor(body: Body, isAwait: (value: unknown) => value is Awaiting) {
    this.#body = body;
    this.#isAwait = isAwait;
  }

  request(kind: Kind, value: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#requests.push({ kind, value, resolve, reject });
      if (!this.#busy) this.#begin();
    });
  }

  #begin(): void {
    const request = this.#requests[0];
    if (request === undefined) return;
    this.#busy = true;
    const { kind, value } = request;
    if (!this.#finished) this.#advance(kind, value);
    else if (kind === 'throw') this.#fail(value);
    else if (kind === 'next') this.#answer(undefined, true);
    else this.#await(value, (kept) => this.#answer(kept, true), this.#fail);
  }

  #advance(kind: Kind, sent: unknown): void {
    let result: IteratorResult<unknown, unknown>;
    try {
      result = this.#body[kind](sent);
    } catch (error) {
      this.#finished = true;
      this.#fail(error);
      return;
    }
    const { value, done } = result;
    const thrown = (error: unknown): void => this.#advance('throw', error);
    if (this.#isAwait(value)) {
      const delegates = Boolean(value[1]);
      // What a delegate answers to `return` decides whether this generator returns as well.
      const answer = delegates && kind === 'return' ? 'return' : 'next';
      this.#await(value[0], (given) => this.#advance(answer, given), thrown);
    } else if (done === true) {
      this.#finished = true;
      this.#await(value, (given) => this.#answer(given, true), this.#fail);
    } else this.#await(value, (given) => this.#answer(given, false), thrown);
  }

  #await(
    value: unknown,
    onValue: (given: unknown) => void,
    onError: (error: unknown) => void,
  ): void {
    let awaited: Promise<unknown>;
    try {
      awaited = awaitable(value);
    } catch (error) {
      onError(error);
      return;
    }
    const context = awaitContext(awaited);
    void nativeThen.call(awaited, within(context, onValue), within(context, onError));
  }

  #answer(value: unknown, done: boolean): void {
    const request = this.#requests.shift();
    this.#busy = false;
    request?.resolve({ value, done });
    this.#begin();
  }

  #fail = (error: unknown): void => {
    const request = this.#requests.shift();
    this.#busy = false;
    request?.reject(error);
    this.#begin();
  };
}

function within(context: AsyncContext, act: (value: unknown) => void): (value: unknown) => void {
  return (value) => {
    const before = enter(context);
    try {
      act(value);
    } finally {
      leave(before, context);
    }
  };
}

/** What an async generator function returns whose body is a generator with marked awaits. */
export function runAsyncGenerator(
  self: unknown,
  args: unknown,
  body: (...args: unknown[]) => Body,
  Await: new (...args: unknown[]) => Awaiting,
): object {
  const isAwait = (value: unknown): value is Awaiting => value instanceof Await;
  const run = new Run(body.apply(self, args as unknown[]), isAwait);
  const generator = Object.create(asyncGeneratorPrototype) as object;
  for (const kind of ['next', 'return', 'throw'] as const) {
    Object.defineProperty(generator, kind, {
      value: (value: unknown) => run.request(kind, value),
      writable: true,
      configurable: true,
    });
  }
  return generator;
}
