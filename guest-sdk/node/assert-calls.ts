/** `assert.CallTracker`: functions that must be called an exact number of times. */

import { processObject } from '../process-object.ts';
import { AssertionError, type CallReport } from './assertion-error.ts';
import { kernel } from './kernel-hooks.ts';
import { invalidArgValue, nodeError } from './node-errors.ts';
import { validateUint32 } from './validators.ts';

type Callable = (this: unknown, ...args: unknown[]) => unknown;

interface TrackedCall {
  readonly thisArg: unknown;
  readonly arguments: readonly unknown[];
}

interface Tracked {
  readonly name: string;
  readonly expected: number;
  readonly made: Error;
  calls: TrackedCall[];
}

function nothing(): void {}

let warned = false;

export class CallTracker {
  readonly #tracked: Map<unknown, Tracked> = new Map();

  constructor() {
    if (warned) return;
    warned = true;
    kernel().emitWarning('assert.CallTracker is deprecated.', 'DeprecationWarning', 'DEP0173');
  }

  /** A function that does what `target` does; it must be called `expected` times, by default once. */
  calls(target?: unknown, expected?: unknown): Callable {
    if (processObject._exiting) {
      const message = 'Cannot call function in process exit handler';
      throw nodeError(Error, 'ERR_UNAVAILABLE_DURING_EXIT', message);
    }
    let [body, count] = [target, expected === undefined ? 1 : expected];
    if (typeof body === 'number') [body, count] = [nothing, body];
    else if (body === undefined) body = nothing;
    validateUint32(count, 'expected', { positive: true });
    const tracked: Tracked = {
      name: body === nothing ? 'calls' : (body as Callable).name || 'calls',
      expected: count as number,
      made: new Error(''),
      calls: [],
    };
    const proxy = new Proxy(body as Callable, {
      // Some test of some program has put accessors on Object.prototype.
      ...{ __proto__: null },
      apply(original, thisArg, args) {
        const call = { thisArg, arguments: Object.freeze(args.slice()) };
        tracked.calls.push(Object.freeze(call));
        return Reflect.apply(original, thisArg, args) as unknown;
      },
    });
    this.#tracked.set(proxy, tracked);
    return proxy;
  }

  getCalls(tracked: unknown): readonly TrackedCall[] {
    return Object.freeze(this.#find(tracked).calls.slice());
  }

  reset(tracked?: unknown): void {
    if (tracked !== undefined) this.#find(tracked).calls = [];
    else for (const one of this.#tracked.values()) one.calls = [];
  }

  report(): CallReport[] {
    const found: CallReport[] = [];
    for (const { name, expected, made, calls } of this.#tracked.values()) {
      if (calls.length === expected) continue;
      const message = `Expected the ${name} function to be executed ${expected} time(s) but was executed ${calls.length} time(s).`;
      found.push({ message, actual: calls.length, expected, operator: name, stack: made });
    }
    return found;
  }

  verify(): void {
    const details = this.report();
    if (details.length === 0) return;
    const message =
      details.length === 1
        ? details[0]?.message
        : 'Functions were not called the expected number of times';
    throw new AssertionError({ message, details });
  }

  #find(tracked: unknown): Tracked {
    const found = this.#tracked.get(tracked);
    if (found === undefined) throw invalidArgValue('tracked', tracked, 'is not a tracked function');
    return found;
  }
}
