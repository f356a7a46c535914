/**
 * Rejected promises nobody handles, as Node 20's default mode has it: 'unhandledRejection', else an
 * uncaught exception. Fed by the engine's tracker; acted on between callbacks, when ticks and jobs
 * are done, so that a handler attached in time counts.
 */

import { reportUncaught } from './fatal.ts';
import { processObject } from './process-object.ts';

interface Rejection {
  readonly reason: unknown;
  readonly id: number;
  warned: boolean;
}

/** Weak: a promise the guest has forgotten must not stay for its late handler. */
const unhandled = new WeakMap<object, Rejection>();
let pending: object[] = [];
let handledLate: { promise: object; id: number }[] = [];
let lastId = 0;

/** One event of the engine's tracker. Runs no guest code. */
export function rejectionEvent(promise: object, reason: unknown, handled: boolean): void {
  if (!handled) {
    lastId += 1;
    unhandled.set(promise, { reason, id: lastId, warned: false });
    pending.push(promise);
    return;
  }
  const rejection = unhandled.get(promise);
  if (rejection === undefined) return;
  unhandled.delete(promise);
  if (rejection.warned) handledLate.push({ promise, id: rejection.id });
}

/** Reports what has collected. True if guest code may have run. */
export function processRejections(): boolean {
  if (pending.length === 0 && handledLate.length === 0) return false;
  const late = handledLate;
  handledLate = [];
  for (const { promise, id } of late) reportLate(promise, id);
  const batch = pending;
  pending = [];
  let ran = late.length > 0;
  for (const promise of batch) {
    const rejection = unhandled.get(promise);
    if (rejection === undefined || rejection.warned) continue;
    rejection.warned = true;
    ran = true;
    report(promise, rejection.reason);
  }
  return ran;
}

function report(promise: object, reason: unknown): void {
  let handled = false;
  try {
    handled = processObject.emit('unhandledRejection', reason, promise);
  } catch (error) {
    reportUncaught(error, 'uncaughtException');
    return;
  }
  if (handled) return;
  reportUncaught(reason instanceof Error ? reason : notAnError(reason), 'unhandledRejection');
}

function reportLate(promise: object, id: number): void {
  try {
    if (processObject.emit('rejectionHandled', promise)) return;
    const text = `Promise rejection was handled asynchronously (rejection id: ${id})`;
    const { emitWarning } = processObject as unknown as {
      emitWarning(text: string, name: string): void;
    };
    emitWarning(text, 'PromiseRejectionHandledWarning');
  } catch (error) {
    reportUncaught(error, 'uncaughtException');
  }
}

function notAnError(reason: unknown): Error {
  const error = new Error(
    `This error originated either by throwing inside of an async function without a catch block, or by rejecting a promise which was not handled with .catch(). The promise rejected with the reason "${shortly(reason)}".`,
  );
  const stack = `UnhandledPromiseRejection: ${error.message}`;
  Object.defineProperty(error, 'name', { value: 'UnhandledPromiseRejection', configurable: true });
  Object.defineProperty(error, 'stack', { value: stack, configurable: true });
  return Object.assign(error, { code: 'ERR_UNHANDLED_REJECTION' });
}

/** V8's text for a value without running code of the guest. */
function shortly(reason: unknown): string {
  if (typeof reason !== 'object' || reason === null) return String(reason);
  const own = Object.getPrototypeOf(reason) as { constructor?: { name?: unknown } } | null;
  const name = own?.constructor?.name;
  return `#<${typeof name === 'string' && name !== '' ? name : 'Object'}>`;
}
