/**
 * `hv/guest` outside a guest: the same names over ordinary timers, so that a script that uses them
 * runs under plain Node as well. What it cannot do there is interrupt code that computes, or make
 * anything safer than it is. Inside a guest this file is not used; the firmware has its own
 * (guest-sdk/preempt.ts, guest-sdk/commit.ts).
 */

const DURATION_MS_MAX = 2 ** 31 - 1;
const LEVELS = ['async', 'received', 'replayed', 'verified', 'durable'] as const;

/**
 * How safe something is, weakest first: nothing is waited for; in the memory of the backups; run by
 * them; run with the same outputs; on their disks and the primary's.
 */
export type CommitLevel = (typeof LEVELS)[number];

/** What a guest may ask of its hypervisor. */
export interface Hypervisor {
  /**
   * Resolves when everything the guest has done up to the call is as safe as `level`, whatever level
   * its outputs wait for; so are the outputs that follow. Under plain Node at once. Rejects with a
   * TypeError when `level` is none.
   */
  commit(level: CommitLevel): Promise<void>;
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

export const hv: Hypervisor = {
  async commit(level) {
    if (!LEVELS.includes(level))
      throw new TypeError(
        `The argument 'level' must be one of: '${LEVELS.join("', '")}'. Received ${String(level)}`,
      );
  },
};
