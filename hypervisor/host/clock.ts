/**
 * The Clock port on Node. Monotonic time comes from hrtime; wall time has microseconds but follows
 * the system's wall clock, steps included: whoever needs it never to go back makes sure himself.
 */

import { asMicros, asMillis, type Micros, type Millis } from '../../log-format/index.ts';
import type { Clock, TimerHandle } from '../ports.ts';

/** Where a HostClock reads time; tests put their own in. */
export interface TimeSource {
  /** Milliseconds, monotonic, with a fraction. */
  monotonic(): number;
  /** Milliseconds since the Unix epoch, whole. */
  wall(): number;
}

const SYSTEM: TimeSource = {
  // performance.now() is hrtime without a bigint per call.
  monotonic: () => performance.now(),
  wall: () => Date.now(),
};

const MICROS_PER_MS = 1_000;
/** Longest delay setTimeout takes; beyond it Node fires at once. */
const TIMEOUT_MS_MAX = 0x7fffffff;

export class HostClock implements Clock {
  readonly #source: TimeSource;
  /** Wall minus monotonic, in microseconds, as last seen to fit. */
  #offsetMicros = 0;

  constructor(source: TimeSource = SYSTEM) {
    this.#source = source;
  }

  now(): Millis {
    return asMillis(this.#source.monotonic());
  }

  /**
   * The system's wall clock counts whole milliseconds here; the monotonic clock fills in the
   * fraction. Where both disagree (a step, NTP slewing) the wall clock is right.
   */
  wall(): Micros {
    const monotonicMicros = this.#source.monotonic() * MICROS_PER_MS;
    const wallMicros = this.#source.wall() * MICROS_PER_MS;
    let micros = Math.floor(monotonicMicros + this.#offsetMicros);
    if (micros < wallMicros || micros >= wallMicros + MICROS_PER_MS) {
      micros = micros < wallMicros ? wallMicros : wallMicros + MICROS_PER_MS - 1;
      this.#offsetMicros = micros - monotonicMicros;
    }
    return asMicros(micros);
  }

  setTimer(at: Millis, run: () => void): TimerHandle {
    let timer: NodeJS.Timeout | undefined;
    const arm = (): void => {
      const delay = Math.min(Math.max(Math.ceil(at - this.now()), 0), TIMEOUT_MS_MAX);
      timer = setTimeout(fire, delay);
    };
    const fire = (): void => {
      // Node counts in whole milliseconds of its loop's time and may be a fraction early.
      if (this.now() < at) arm();
      else run();
    };
    arm();
    return { cancel: () => clearTimeout(timer) };
  }

  defer(run: () => void): void {
    setImmediate(run);
  }
}
