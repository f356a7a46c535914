/**
 * A stop on purpose, step by step: outputs first, then the stop record, and the end only when every
 * replica that could take over has that record. A deliberate stop must not look like a failure
 * (control entries of VMware FT 2010, 2.5).
 */

import { asMillis, type Lsn, type Millis } from '../../log-format/index.ts';
import { STOP_TIMEOUT_MS } from '../base/limits.ts';

export type StopStep = 'wait' | 'append' | 'confirmed' | 'unconfirmed';

export interface StopFacts {
  readonly now: Millis;
  /** Outputs in the gate. */
  readonly held: number;
  /** Acknowledged by all who could take over; Infinity if there is none. */
  readonly lowestAck: number;
  /** No claim is open: nobody can have been named meanwhile. */
  readonly decided: boolean;
}

export class DeliberateStop {
  readonly code: number;
  readonly reason: string;
  readonly #by: Millis;
  #phase: 'draining' | 'appending' | 'confirming' = 'draining';
  #lsn: Lsn | undefined;

  constructor(stop: { readonly code: number; readonly reason: string }, now: Millis) {
    this.code = stop.code;
    this.reason = stop.reason;
    this.#by = asMillis(now + STOP_TIMEOUT_MS);
  }

  /** The stop record is in the log, at `lsn`. */
  appended(lsn: Lsn): void {
    this.#phase = 'confirming';
    this.#lsn = lsn;
  }

  deadline(): Millis {
    return this.#by;
  }

  /** What to do now; `append` is said once. */
  next(facts: StopFacts): StopStep {
    const late = facts.now >= this.#by;
    if (this.#phase === 'draining') {
      if (facts.held > 0 && !late) return 'wait';
      this.#phase = 'appending';
      return 'append';
    }
    if (this.#lsn === undefined) return 'wait';
    if (facts.decided && facts.lowestAck >= this.#lsn) return 'confirmed';
    return late ? 'unconfirmed' : 'wait';
  }
}
