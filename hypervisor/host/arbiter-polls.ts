/** Long polls of an arbiter: who wants to hear of a view later than one it knows. */

import { ARBITER_POLLS_MAX } from '../base/limits.ts';
import type { ViewRecord } from './arbiter-file.ts';

interface Poll {
  readonly after: number;
  readonly end: () => void;
}

export class ArbiterPolls {
  readonly #polls = new Map<string, Set<Poll>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /**
   * Resolves when `vm` has a view later than `after`, after `waitMs`, or when `signal` says that nobody
   * waits any more; at once where ARBITER_POLLS_MAX wait already.
   */
  wait(vm: string, after: number, how: { waitMs: number; signal: AbortSignal }): Promise<void> {
    if (this.#count >= ARBITER_POLLS_MAX || how.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const polls = this.#polls.get(vm) ?? new Set();
      this.#polls.set(vm, polls);
      const end = (): void => {
        if (!polls.delete(poll)) return;
        this.#count -= 1;
        if (polls.size === 0 && this.#polls.get(vm) === polls) this.#polls.delete(vm);
        clearTimeout(timer);
        how.signal.removeEventListener('abort', end);
        resolve();
      };
      const poll = { after, end };
      const timer = setTimeout(end, how.waitMs);
      how.signal.addEventListener('abort', end);
      polls.add(poll);
      this.#count += 1;
    });
  }

  changed({ vm, view }: ViewRecord): void {
    for (const poll of [...(this.#polls.get(vm) ?? [])]) if (view.epoch > poll.after) poll.end();
  }

  endAll(): void {
    for (const polls of [...this.#polls.values()]) for (const poll of [...polls]) poll.end();
  }
}
