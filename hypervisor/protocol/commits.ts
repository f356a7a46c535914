/** What the guest wants to be told: that everything up to a record is as safe as it asked. */

import type { Lsn } from '../../log-format/index.ts';
import type { AckLevel } from './ack-level.ts';

export interface Commit {
  readonly id: number;
  readonly lsn: Lsn;
  readonly level: AckLevel;
}

export class Commits {
  #waiting: Commit[] = [];

  add(commit: Commit): void {
    this.#waiting.push(commit);
  }

  /** Highest record whose durability is waited for; undefined if none is. */
  get lsnDurable(): Lsn | undefined {
    return this.#waiting.findLast(({ level }) => level === 'durable')?.lsn;
  }

  /** Takes out what `limit` allows, in the order of the requests. */
  reached(limit: (level: AckLevel) => number): readonly Commit[] {
    if (this.#waiting.length === 0) return [];
    const done = this.#waiting.filter(({ level, lsn }) => lsn <= limit(level));
    if (done.length > 0) this.#waiting = this.#waiting.filter((commit) => !done.includes(commit));
    return done;
  }
}
