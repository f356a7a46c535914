/**
 * Feeds a protocol core: one event at a time, its effects carried out before the next, and a single
 * timer for whatever the core waits for. An effect may bring the next event at once (an arbiter in
 * the same process answers before it returns), so events queue up instead of nesting.
 */

import type { Millis } from '../../log-format/index.ts';
import type { Clock, TimerHandle } from '../ports.ts';

export interface SteppedCore<E, F> {
  step(event: E, effects: F[]): void;
  deadline(): Millis | undefined;
}

export interface StepperOptions<E, F> {
  readonly clock: Clock;
  readonly core: SteppedCore<E, F>;
  readonly perform: (effect: F) => void;
  readonly deadline: (now: Millis) => E;
  /** Called when the core has come to rest. */
  readonly settled: () => void;
}

export class Stepper<E, F> {
  readonly #options: StepperOptions<E, F>;
  readonly #events: E[] = [];
  readonly #effects: F[] = [];
  #stepping = false;
  #timer: TimerHandle | undefined;
  #timerAt = 0;

  constructor(options: StepperOptions<E, F>) {
    this.#options = options;
  }

  step(event: E): void {
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    const { core, perform } = this.#options;
    const events = this.#events;
    const effects = this.#effects;
    for (let at = 0; at < events.length; at++) {
      core.step(events[at] as E, effects);
      for (const effect of effects) perform(effect);
      effects.length = 0;
    }
    events.length = 0;
    this.#stepping = false;
    this.#arm();
    this.#options.settled();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** A timer that rings too early is only looked at again: cheaper than moving it at every message. */
  #arm(): void {
    const { clock, core, deadline } = this.#options;
    const at = core.deadline();
    if (at === undefined) return;
    if (this.#timer !== undefined) {
      if (this.#timerAt <= at) return;
      this.#timer.cancel();
    }
    this.#timerAt = at;
    const look = (): void => {
      if (this.#timer === undefined) return;
      this.#timer = undefined;
      const due = core.deadline();
      const now = clock.now();
      if (due !== undefined && now >= due) this.step(deadline(now));
      else this.#arm();
    };
    // Timers ring before the host's loop has read what came in while this thread was busy: silence is
    // judged behind that, or every own pause would look like a dead peer.
    this.#timer = clock.setTimer(at, () => clock.defer(look));
  }
}
