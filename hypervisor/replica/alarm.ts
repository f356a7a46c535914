/** The guest's one alarm: turns a virtual time into a timer of the host, and rings once. */

import { asMillis, type Micros } from '../../log-format/index.ts';
import type { Clock, TimerHandle } from '../ports.ts';
import type { VirtualClock } from './virtual-clock.ts';

const MICROS_PER_MILLI = 1_000;

export class Alarm {
  readonly #clock: Clock;
  readonly #virtual: VirtualClock;
  readonly #ring: () => void;
  #at: Micros | undefined;
  #timer: TimerHandle | undefined;
  /** Rung, and the interrupt has not been run yet: a second one would be one too many. */
  #ringing = false;

  constructor(clock: Clock, virtual: VirtualClock, ring: () => void) {
    this.#clock = clock;
    this.#virtual = virtual;
    this.#ring = ring;
  }

  /** When the guest wants to be woken, as it is after every turn; undefined: not at all. */
  set(at: Micros | undefined): void {
    if (this.#ringing || (at === this.#at && this.#timer !== undefined)) return;
    this.#at = at;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (at !== undefined) this.#arm(at);
  }

  /** The alarm's interrupt is about to run; what it arms anew is told by `set`. */
  taken(): void {
    this.#ringing = false;
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#at = undefined;
  }

  #arm(at: Micros): void {
    const now = this.#clock.now();
    const ahead = at - this.#virtual.peek(this.#clock.wall(), now);
    const delayMs = Math.max(0, ahead) / MICROS_PER_MILLI;
    this.#timer = this.#clock.setTimer(asMillis(now + delayMs), () => {
      this.#timer = undefined;
      // The wall clock may have been set back meanwhile; an alarm that is early for the guest would
      // find nothing due.
      if (this.#virtual.peek(this.#clock.wall(), this.#clock.now()) < at) {
        this.#arm(at);
        return;
      }
      this.#at = undefined;
      this.#ringing = true;
      this.#ring();
    });
  }
}
