/**
 * How long the parts of a failover took on the replica that was promoted, from its own notes: silence
 * until the suspicion (detect), the arbiter's decision (claim), the replay of what was left (tail),
 * the way to live, and to the first output, if somebody waited for one. Of a switchover, and of a promotion
 * by force, those from the decision on. No clock of its own.
 */

import { FIRST_OUTPUT_MS } from '../base/tool-limits.ts';
import type { Note } from '../protocol/notes.ts';

export const FAILOVER_PHASES = ['detect', 'claim', 'tail', 'live', 'firstOutput'] as const;
export type FailoverPhase = (typeof FAILOVER_PHASES)[number];

/** Milliseconds; a phase that has not come yet is absent. */
export type PhaseTimes = Readonly<Partial<Record<FailoverPhase, number>>>;

/**
 * Why a primary was given up, in one of few words: labels of a metric must not grow. The last two were
 * decided by people.
 */
export const FAILOVER_CAUSES = ['closed', 'silent', 'other', 'switchover', 'forced'] as const;
export type FailoverCause = (typeof FAILOVER_CAUSES)[number];

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

  /** Nobody had to find out that the primary was gone: its phases are those of no failover. */
  get #planned(): boolean {
    return this.#cause === 'switchover' || this.#cause === 'forced';
  }

  /** The phase of a failover that ended with this note, and how long it took; undefined: none. */
  note(
    note: Note,
    now: number,
  ): { readonly phase: FailoverPhase; readonly ms: number } | undefined {
    switch (note.type) {
      case 'suspected':
        if (this.#promoted) return undefined;
        // A link that never carried a heartbeat was silent for no time that anybody knows.
        this.#begin(causeOf(note.reason), Number.isNaN(this.#heardAt) ? now : this.#heardAt);
        return this.#end('detect', now);
      case 'following':
      case 'parted':
      case 'reset':
        // A suspicion that came to nothing: whatever comes later is another story.
        if (!this.#promoted) this.#begin('other', Number.NaN);
        if (note.type === 'following') this.heard(now);
        return undefined;
      case 'claimed':
        if (this.#promoted) return undefined;
        if (note.by === undefined) return this.#end('claim', now);
        this.#begin(note.by === 'operator' ? 'forced' : 'switchover', now);
        return undefined;
      case 'tailReplayed':
        return this.#end('tail', now);
      case 'promoted':
        this.#promoted = true;
        return this.#end('live', now);
      case 'firstOutput':
        // A later one answers a request that came later: a guest nobody asked had nothing to recover.
        if (!this.#promoted || now - this.#last > FIRST_OUTPUT_MS) return undefined;
        return this.#end('firstOutput', now);
      default:
        return undefined;
    }
  }

  /** Of the failover that made this replica primary; undefined: there was none. */
  get result(): { readonly cause: FailoverCause; readonly times: PhaseTimes } | undefined {
    return this.#promoted ? { cause: this.#cause, times: this.#times } : undefined;
  }

  #begin(cause: FailoverCause, at: number): void {
    this.#cause = cause;
    this.#times = {};
    this.#last = at;
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
    return this.#planned ? undefined : { phase, ms };
  }
}
