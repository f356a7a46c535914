/** What the guest wants to be told: that everything up to a record is as safe as it asked. */

import type { Lsn } from '../../log-format/index.ts';
import type { AckLevel } from './ack-level.ts';

export interface Commit {
  readonly id: number;
  readonly lsn: Lsn;
  readonly level: AckLevel;
}

const NOTHING: readonly Commit[] = [];

export class Commits {
  #waiting: Commit[] = [];

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  add(commit: Commit): void {
    this.#waiting.push(commit);
  }

  /** Highest record whose durability is waited for; undefined if none is. */
  get lsnDurable(): Lsn | undefined {
    return this.#waiting.findLast(({ level }) => level === 'durable')?.lsn;
  }

  /** Highest record that is waited for by one that does not ask for the disk; undefined if none is. */
  get lsnWritten(): Lsn | undefined {
    return this.#waiting.findLast(({ level }) => level !== 'durable')?.lsn;
  }

  /** Backups have to tell the hash of their outputs. */
  get verifies(): boolean {
    return this.#waiting.some(({ level }) => level === 'verified');
  }

  /** Takes out what `limit` allows, in the order of the requests. */
  reached(limit: (level: AckLevel) => number): readonly Commit[] {
    if (this.#waiting.length === 0) return NOTHING;
    const done: Commit[] = [];
    const rest: Commit[] = [];
    for (const commit of this.#waiting)
      (commit.lsn <= limit(commit.level) ? done : rest).push(commit);
    if (done.length > 0) this.#waiting = rest;
    return done;
  }
}
