/**
 * How long the parts of a failover took on the replica that was promoted, from its own notes: silence
 * until the suspicion (detect), the arbiter's decision (claim), the replay of what was left (tail),
 * the way to live, and to the first output. No clock of its own.
 */

import type { Note } from '../protocol/notes.ts';

export const FAILOVER_PHASES = ['detect', 'claim', 'tail', 'live', 'firstOutput'] as const;
export type FailoverPhase = (typeof FAILOVER_PHASES)[number];

/** Milliseconds; a phase that has not come yet is absent. */
export type PhaseTimes = Readonly<Partial<Record<FailoverPhase, number>>>;

/** Why a primary was given up, in one of few words: labels of a metric must not grow. */
export type FailoverCause = 'closed' | 'silent' | 'other';

export function causeOf(reason: string): FailoverCause {
  if (reason.startsWith('link closed')) return 'closed';
  return reason.startsWith('silent') ? 'silent' : 'other';
}

export class FailoverPhases {
  #heardAt = Number.NaN;
  #last = Number.NaN;
  #cause: FailoverCause = 'other';
  #times: Partial<Record<FailoverPhase, number>> = {};
  #promoted = false;

  /** The primary has given a sign of life at `now`, in milliseconds. */
  heard(now: number): void {
    if (!this.#promoted) this.#heardAt = now;
  }

  /** The phase that ended with this note, and how long it took; undefined: none. */
  note(
    note: Note,
    now: number,
  ): { readonly phase: FailoverPhase; readonly ms: number } | undefined {
    switch (note.type) {
      case 'suspected':
        if (this.#promoted) return undefined;
        this.#cause = causeOf(note.reason);
        this.#times = {};
        // A link that never carried a heartbeat was silent for no time that anybody knows.
        this.#last = Number.isNaN(this.#heardAt) ? now : this.#heardAt;
        return this.#end('detect', now);
      case 'claimed':
        return this.#promoted ? undefined : this.#end('claim', now);
      case 'tailReplayed':
        return this.#end('tail', now);
      case 'promoted':
        this.#promoted = true;
        return this.#end('live', now);
      case 'firstOutput':
        return this.#promoted ? this.#end('firstOutput', now) : undefined;
      default:
        return undefined;
    }
  }

  /** Of the failover that made this replica primary; undefined: there was none. */
  get result(): { readonly cause: FailoverCause; readonly times: PhaseTimes } | undefined {
    return this.#promoted ? { cause: this.#cause, times: this.#times } : undefined;
  }

  #end(
    phase: FailoverPhase,
    now: number,
  ): { readonly phase: FailoverPhase; readonly ms: number } | undefined {
    // Without a suspicion it is no failover but a run that goes on.
    if (Number.isNaN(this.#last) || phase in this.#times) return undefined;
    const ms = Math.max(0, now - this.#last);
    this.#last = now;
    this.#times[phase] = ms;
    return { phase, ms };
  }
}
