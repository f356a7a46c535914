/**
 * Whether the arbiter answers, asked when somebody looks and not otherwise: an idle guest costs its
 * arbiter nothing. The answer decides nothing, it is only told.
 */

import { ARBITER_LOOK_MS, ARBITER_LOOK_WAIT_MS } from '../base/limits.ts';
import type { Arbiter } from '../ports.ts';

export interface ArbiterState {
  readonly url: string;
  readonly up: boolean;
  /** Of the last answer, in milliseconds; undefined: it did not answer in time. */
  readonly roundTripMs: number | undefined;
  /** Why it is not up. */
  readonly reason: string | undefined;
}

export interface ArbiterPlace {
  readonly url: string;
  readonly vm: string;
}

export class ArbiterWatch {
  readonly #open: (url: string) => Arbiter;
  #place: ArbiterPlace | undefined;
  #arbiter: Arbiter | undefined;
  #state: ArbiterState | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: ((state: ArbiterState | undefined) => void)[] | undefined;

  constructor(open: (url: string) => Arbiter) {
    this.#open = open;
  }

  /**
   * Calls back with what is known, after a question if that is older than ARBITER_LOOK_MS. Undefined:
   * there is no arbiter at `place`.
   */
  look(place: ArbiterPlace | undefined, done: (state: ArbiterState | undefined) => void): void {
    if (place === undefined) {
      done(undefined);
      return;
    }
    if (place.url !== this.#place?.url || place.vm !== this.#place.vm) this.#moveTo(place);
    if (this.#looking !== undefined) this.#looking.push(done);
    else if (performance.now() - this.#lookedAt < ARBITER_LOOK_MS) done(this.#state);
    else this.#ask(place, done);
  }

  #moveTo(place: ArbiterPlace): void {
    // Whoever waits for the other guest's arbiter gets no answer of it any more.
    const waiting = this.#looking ?? [];
    this.#looking = undefined;
    for (const one of waiting) one(undefined);
    this.#place = place;
    this.#arbiter = this.#open(place.url);
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  #ask({ url, vm }: ArbiterPlace, done: (state: ArbiterState | undefined) => void): void {
    const waiting = [done];
    this.#looking = waiting;
    const began = performance.now();
    const answered = (reason: string | undefined): void => {
      if (this.#looking !== waiting) return;
      clearTimeout(timer);
      this.#looking = undefined;
      const up = reason === undefined;
      this.#lookedAt = performance.now();
      const roundTripMs = up ? this.#lookedAt - began : undefined;
      this.#state = { url, up, roundTripMs, reason };
      for (const one of waiting) one(this.#state);
    };
    const timer = setTimeout(
      () => answered(`no answer within ${ARBITER_LOOK_WAIT_MS} ms`),
      ARBITER_LOOK_WAIT_MS,
    );
    this.#arbiter?.read(vm, (answer) =>
      answered(answer.type === 'unavailable' ? answer.reason : undefined),
    );
  }
}
