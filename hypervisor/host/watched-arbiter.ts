/**
 * An arbiter that says when it does not answer: nobody may be promoted then, and people must know. In
 * normal operation nobody asks it anything, so it is probed by reads.
 */

import { performance } from 'node:perf_hooks';
import { ARBITER_PROBE_AWAY_MS, ARBITER_PROBE_MS, ARBITER_TROUBLE_MS } from '../base/limits.ts';
import type { Arbiter, ArbiterAnswer, ViewClaim } from '../ports.ts';
import type { View } from '../protocol/messages.ts';

/** For `hv status`. */
export interface ArbiterFigures {
  /** From the last question that was answered to its answer. */
  readonly rttMs: number | undefined;
  /** Since that answer. */
  readonly answeredMs: number | undefined;
  /** Since the first of the questions without an answer; undefined: it answers. */
  readonly unreachableMs: number | undefined;
  /** Why there was none. */
  readonly reason: string | undefined;
}

export interface WatchedOptions {
  /** Called with the reason at the first answer that is none, then every ARBITER_TROUBLE_MS of them. */
  readonly onTrouble: (reason: string) => void;
  /** Every view the arbiter has answered with. */
  readonly onView?: (view: View) => void;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

export class WatchedArbiter implements Arbiter {
  readonly #arbiter: Arbiter;
  readonly #onTrouble: (reason: string) => void;
  readonly #onView: ((view: View) => void) | undefined;
  readonly #now: () => number;
  #rttMs: number | undefined;
  #answeredAt: number | undefined;
  #awaySince: number | undefined;
  #reason: string | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(arbiter: Arbiter, options: WatchedOptions) {
    this.#arbiter = arbiter;
    this.#onTrouble = options.onTrouble;
    this.#onView = options.onView;
    this.#now = options.now ?? (() => performance.now());
  }

  read(vm: string, done: (answer: ArbiterAnswer) => void): void {
    this.#arbiter.read(vm, this.#noting(done));
  }

  claim(claim: ViewClaim, done: (answer: ArbiterAnswer) => void): void {
    this.#arbiter.claim(claim, this.#noting(done));
  }

  /** Reads the view of `vm` now and again until `stop`, so that an outage shows before a failover. */
  probe(vm: string): void {
    this.stop();
    const ask = (): void => {
      const asked = this.#timer;
      this.read(vm, ({ type }) => {
        if (this.#timer !== asked) return;
        later(type === 'unavailable' ? ARBITER_PROBE_AWAY_MS : ARBITER_PROBE_MS);
      });
    };
    const later = (ms: number): void => {
      this.#timer = setTimeout(ask, ms).unref();
    };
    later(0);
  }

  /** Ends the probing. Questions are passed on as before. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  figures(): ArbiterFigures {
    const since = (at: number | undefined): number | undefined =>
      at === undefined ? undefined : Math.round(this.#now() - at);
    return {
      rttMs: this.#rttMs,
      answeredMs: since(this.#answeredAt),
      unreachableMs: since(this.#awaySince),
      reason: this.#reason,
    };
  }

  #noting(done: (answer: ArbiterAnswer) => void): (answer: ArbiterAnswer) => void {
    const askedAt = this.#now();
    return (answer) => {
      const now = this.#now();
      if (answer.type !== 'unavailable') {
        this.#rttMs = Math.round((now - askedAt) * 1000) / 1000;
        this.#answeredAt = now;
        this.#awaySince = undefined;
        this.#reason = undefined;
        this.#toldAt = Number.NEGATIVE_INFINITY;
      } else {
        // It was away when it was asked, not only when that was given up.
        this.#awaySince ??= askedAt;
        this.#reason = answer.reason;
        if (now - this.#toldAt > ARBITER_TROUBLE_MS) {
          this.#toldAt = now;
          this.#onTrouble(answer.reason);
        }
      }
      done(answer);
      if (answer.type !== 'unavailable' && answer.view !== undefined) this.#onView?.(answer.view);
    };
  }
}
