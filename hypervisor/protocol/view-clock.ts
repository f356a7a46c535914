/**
 * Time as the view service may judge by it. Its own pauses must not look like the silence of others: a
 * step of the clock counts as two pings at most, and after a long one nothing heard before counts at all.
 */

import type { Millis } from '../../log-format/index.ts';
import {
  VIEW_DEAD_PINGS,
  VIEW_GRACE_PINGS,
  VIEW_PING_MS,
  VIEW_STEP_PINGS,
  VIEW_TILT_MS,
} from '../base/limits.ts';

export class ViewClock {
  /** Milliseconds of watching: stands still while the service does. */
  time = 0;
  #seen: Millis;
  #tiltedAt: number | undefined;

  constructor(now: Millis) {
    this.#seen = now;
  }

  /** True: the service was asleep, or its clock was set. A step back counts as no time. */
  advance(now: Millis): boolean {
    const step = now - this.#seen;
    const jumped = Math.abs(step) > VIEW_PING_MS + VIEW_TILT_MS;
    if (step < 0 && !jumped) return false;
    this.#seen = now;
    this.time += Math.min(Math.max(step, 0), VIEW_STEP_PINGS * VIEW_PING_MS);
    if (!jumped) return false;
    this.#tiltedAt = this.time;
    return true;
  }

  get suspended(): boolean {
    return this.#tiltedAt !== undefined && !this.graceOver(this.#tiltedAt);
  }

  graceOver(since: number): boolean {
    return this.time - since > VIEW_GRACE_PINGS * VIEW_PING_MS;
  }

  missed(silentMs: number): boolean {
    return silentMs > VIEW_DEAD_PINGS * VIEW_PING_MS;
  }
}
