/**
 * `hv/guest` outside a guest: the same names over ordinary timers, so that a script that uses them
 * runs under plain Node as well. What it cannot do there is interrupt code that computes, or make
 * anything safer than it is. Inside a guest this file is not used; the firmware has its own
 * (guest-sdk/hv-guest.ts, guest-sdk/preempt.ts).
 */

import { randomBytes } from 'node:crypto';

const DURATION_MS_MAX = 2 ** 31 - 1;
const LEVELS = ['async', 'received', 'replayed', 'verified', 'durable'] as const;
const HEALTH_STATES = ['ok', 'degraded', 'failing'] as const;

/**
 * How safe something is, weakest first: nothing is waited for; in the memory of the backups; run by
 * them; run with the same outputs; on their disks and the primary's.
 */
export type CommitLevel = (typeof LEVELS)[number];

/** How a guest can say that it is. */
export type HealthState = (typeof HEALTH_STATES)[number];

/** What a guest may ask of its hypervisor, and tell it. The same on every replica and in every replay. */
export interface Hypervisor {
  /**
   * Names this run: 32 hexadecimal digits. A guest that goes on elsewhere after a failover, a resume or in
   * a fork keeps it, so a key made of it and a number of the guest's own (`${hv.runId}:${order.id}`) names
   * one act of one run. Under plain Node it names the process.
   */
  readonly runId: string;
  /**
   * Lsn of the record whose turn runs: where `hv inspect <log> --at <lsn>` shows this moment. It never
   * falls. Under plain Node 0.
   */
  position(): number;
  /**
   * Resolves when everything the guest has done up to the call is as safe as `level`, whatever level
   * its outputs wait for; so are the outputs that follow. Under plain Node at once. Rejects with a
   * TypeError when `level` is none.
   */
  commit(level: CommitLevel): Promise<void>;
  /**
   * Says that now is a good moment for a checkpoint: something expensive is done, from which a restart or
   * a replay had better go on. A hint: the hypervisor takes one soon if checkpoints cost it little, and
   * none with `--checkpoint off`. Under plain Node it does nothing.
   */
  checkpoint(): void;
  /**
   * Says how the guest is, until it says otherwise: `hv status` shows it with the reason, and a guest that
   * is `failing` makes its replicas answer `/readyz` with 503. Under plain Node it does nothing. Throws a
   * TypeError for another state, or a reason that is no text.
   */
  health(state: HealthState, reason?: string): void;
}

/** Waits until its handler is called, or called again. */
export interface PreemptiveTimer {
  /** The handler will not be called any more. */
  cancel(): void;
  /** This timer alone does not keep the process alive. */
  unref(): this;
}

/** Timers whose handler runs even while the guest computes; never inside another such handler. */
export interface Preempt {
  /** Calls `handler` once, `ms` milliseconds from now: 1 to 2,147,483,647, smaller ones count as 1. */
  after(ms: number, handler: () => unknown): PreemptiveTimer;
  /** Calls `handler` every `ms` milliseconds. */
  every(ms: number, handler: () => unknown): PreemptiveTimer;
}

class OrdinaryTimer implements PreemptiveTimer {
  readonly #timer: NodeJS.Timeout;

  constructor(start: (run: () => void, ms: number) => NodeJS.Timeout, ms: number, run: () => void) {
    if (typeof run !== 'function') throw new TypeError('The "handler" argument must be a function');
    if (!(ms >= 0 && ms <= DURATION_MS_MAX))
      throw new RangeError(`The value of "ms" is out of range. Received ${String(ms)}`);
    this.#timer = start(() => run(), Math.max(1, Math.trunc(ms)));
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }

  unref(): this {
    this.#timer.unref();
    return this;
  }
}

export const preempt: Preempt = {
  after: (ms, handler) => new OrdinaryTimer(setTimeout, ms, handler),
  every: (ms, handler) => new OrdinaryTimer(setInterval, ms, handler),
};

/** One for the process, however many copies of this file it has loaded. */
function runId(): string {
  const known = globalThis as { [RUN_ID]?: string };
  known[RUN_ID] ??= randomBytes(16).toString('hex');
  return known[RUN_ID];
}

const RUN_ID: unique symbol = Symbol.for('hv/guest run id');

function oneOf(name: string, value: unknown, words: readonly string[]): void {
  if (!words.includes(value as string))
    throw new TypeError(
      `The argument '${name}' must be one of: '${words.join("', '")}'. Received ${String(value)}`,
    );
}

export const hv: Hypervisor = {
  get runId() {
    return runId();
  },
  position: () => 0,
  async commit(level) {
    oneOf('level', level, LEVELS);
  },
  checkpoint: () => undefined,
  health(state, reason = '') {
    oneOf('state', state, HEALTH_STATES);
    if (typeof reason !== 'string')
      throw new TypeError('The "reason" argument must be of type string');
  },
};
