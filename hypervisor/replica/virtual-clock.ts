/**
 * Stamps interrupts. The guest's clock follows the host's wall clock but never runs back, neither at
 * a step of the wall clock nor when another host takes over: there it goes on from the last stamp at
 * (nearly) the pace of the monotonic clock until the wall clock has caught up.
 */

import { asMicros, type Micros, type Millis } from '../../log-format/index.ts';

const MICROS_PER_MILLI = 1_000;
/**
 * A little slower than real time: far slower than any clock is disciplined (500 ppm), so that an
 * undisturbed wall clock always wins, and fast enough that timers stay useful after a step.
 */
const CATCH_UP_RATE = 1 - 1 / 1_024;

export class VirtualClock {
  #last: Micros;
  #lastAt: Millis | undefined;

  /** `last`: the newest time already in the log. */
  constructor(last: Micros) {
    this.#last = last;
  }

  /** The newest time given out. */
  get last(): Micros {
    return this.#last;
  }

  /** What `stamp` would give, without giving it. */
  peek(wall: Micros, now: Millis): Micros {
    const elapsed = this.#lastAt === undefined ? 0 : now - this.#lastAt;
    const paced = this.#last + Math.floor(elapsed * MICROS_PER_MILLI * CATCH_UP_RATE);
    return asMicros(Math.max(Math.floor(wall), paced));
  }

  stamp(wall: Micros, now: Millis): Micros {
    this.#last = this.peek(wall, now);
    this.#lastAt = now;
    return this.#last;
  }

  /** The log contains a later time (a resync inside a turn). */
  reached(time: Micros): void {
    if (time > this.#last) this.#last = time;
  }
}
