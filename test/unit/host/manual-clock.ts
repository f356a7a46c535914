/** A clock that stands until it is moved: timers run in the order they fall due. */

import type { Clock, TimerHandle } from '../../../hypervisor/ports.ts';
import { asMicros, asMillis, type Micros, type Millis } from '../../../log-format/index.ts';

export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): Millis {
    return asMillis(this.#now);
  }

  wall(): Micros {
    return asMicros(this.#now * 1_000);
  }

  setTimer(at: Millis, run: () => void): TimerHandle {
    const timer = { at, run };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  defer(run: () => void): void {
    this.setTimer(this.now(), run);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Runs what falls due on the way, at its time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((left, right) => left.at - right.at);
      if (next === undefined || next.at > end) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  /** Passes time during which nothing runs, as in a stopped process. */
  sleep(ms: number): void {
    this.#now += ms;
  }
}
