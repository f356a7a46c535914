/**
 * `hv/guest`: timers whose handler runs even while the guest computes. Each has an ordinary timer as
 * its twin, which fires when the guest is idle; the earliest of them is also armed at the machine,
 * which calls `preempt` in the middle of a turn once it is due.
 *
 * The handler runs where a call of it could stand in the user's own code: never in the middle of the
 * firmware, whose lists may be half linked there. It sees what that code sees, half done or not.
 */

import { FIRMWARE_FILE } from '../log-format/abi.ts';
import { traps } from './drivers/traps.ts';
import { NativeError } from './errors.ts';
import { reportUncaught } from './fatal.ts';
import { isInLate } from './late.ts';
import { clearTimeout, setInterval, setTimeout, type Timeout } from './node/timers.ts';
import { validateFunction, validateNumber } from './node/validators.ts';
import { bootedAtMicros, nowMs } from './timer-wheel.ts';

const DURATION_MAX_MS = 2 ** 31 - 1;
const waiting = new Set<PreemptiveTimer>();
let armedMs = -1;

class PreemptiveTimer {
  readonly #handler: () => unknown;
  readonly #everyMs: number | undefined;
  readonly #twin: Timeout;
  dueMs: number;

  constructor(handler: () => unknown, ms: unknown, options: { readonly repeats: boolean }) {
    validateFunction(handler, 'handler');
    validateNumber(ms, 'ms', 0, DURATION_MAX_MS);
    const duration = Math.max(1, Math.trunc(ms as number));
    this.#handler = handler;
    this.#everyMs = options.repeats ? duration : undefined;
    this.dueMs = nowMs() + duration;
    const start = options.repeats ? setInterval : setTimeout;
    this.#twin = start(() => this.fire(), duration);
    waiting.add(this);
    arm();
  }

  /** Runs the handler; what it throws passes through. */
  fire(): void {
    if (this.#everyMs === undefined) this.cancel();
    else {
      this.dueMs = nowMs() + this.#everyMs;
      this.#twin.refresh();
      arm();
    }
    const handler = this.#handler;
    handler();
  }

  /** The handler will not run any more. */
  cancel(): void {
    waiting.delete(this);
    clearTimeout(this.#twin);
    arm();
  }

  /** It alone does not keep the process alive. */
  unref(): this {
    this.#twin.unref();
    return this;
  }
}

function arm(): void {
  let earliest = -1;
  for (const { dueMs } of waiting) if (earliest < 0 || dueMs < earliest) earliest = dueMs;
  if (earliest === armedMs) return;
  armedMs = earliest;
  traps.preempt(earliest < 0 ? -1 : bootedAtMicros() + earliest * 1000);
}

/** Runs what is due, if the code it interrupts lets it. Called by the machine, at a poll of a turn. */
export function preempt(): void {
  if (!mayInterrupt(new NativeError().stack ?? '')) return;
  const now = nowMs();
  const due = [...waiting].filter(({ dueMs }) => dueMs <= now).sort((a, b) => a.dueMs - b.dueMs);
  // The machine learns by this that handlers begin: what goes wrong from here on is the guest's end.
  armedMs = -1;
  traps.preempt(-1);
  for (const timer of due) {
    if (!waiting.has(timer)) continue;
    try {
      timer.fire();
    } catch (error) {
      reportUncaught(error, 'uncaughtException');
    }
  }
  arm();
}

/** `stack`: the engine's, of `preempt` itself. Built-ins are as interruptible as who called them. */
function mayInterrupt(stack: string): boolean {
  if (isInLate()) return false;
  const frames = stack.split('\n').slice(1);
  const interrupted = frames.find((frame) => frame !== '' && !frame.endsWith(' (native)'));
  return interrupted !== undefined && !interrupted.includes(`(${FIRMWARE_FILE}`);
}

function after(ms: number, handler: () => unknown): PreemptiveTimer {
  return new PreemptiveTimer(handler, ms, { repeats: false });
}

function every(ms: number, handler: () => unknown): PreemptiveTimer {
  return new PreemptiveTimer(handler, ms, { repeats: true });
}

/** Of what `require('hv/guest')` returns. */
export const exported = { preempt: { after, every } };
