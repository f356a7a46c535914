/** The queue of `process.nextTick`: runs after every callback, before the promise jobs. */

import { type AsyncContext, capture, enter, leave, leaveAll, observed } from './async-context.ts';
import { reportUncaught } from './fatal.ts';
import { validateFunction } from './node/validators.ts';

type Callback = (...args: unknown[]) => unknown;

interface Tick {
  readonly callback: Callback;
  readonly args: unknown[];
  context: AsyncContext | undefined;
}

let queue: Tick[] = [];
let head = 0;

export function nextTick(callback: Callback, ...args: unknown[]): void {
  validateFunction(callback, 'callback');
  const tick: Tick = { callback, args, context: undefined };
  tick.context = capture('TickObject', tick);
  queue.push(tick);
}

export function ticksPending(): boolean {
  return head < queue.length;
}

/** Runs all callbacks, also those they queue. Promise jobs wait for the machine's drain. */
export function runTicks(): void {
  while (head < queue.length) {
    const tick = queue[head];
    head += 1;
    if (!tick) continue;
    const { callback, args, context } = tick;
    const before = context === undefined ? undefined : enter(context);
    try {
      callback(...args);
    } catch (error) {
      reportUncaught(error, 'uncaughtException');
    }
    if (context !== undefined && before !== undefined) {
      leave(before, context);
      observed()?.destroy(context.asyncId);
    }
    leaveAll();
    // Drops the finished part now and then, so that a chain of ticks does not grow the array.
    if (head === 1024) {
      queue = queue.slice(head);
      head = 0;
    }
  }
  if (head > 0) {
    queue = [];
    head = 0;
  }
}
