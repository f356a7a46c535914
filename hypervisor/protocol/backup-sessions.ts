/** All backups of a primary, and what is true of them together. */

import { asMillis, type Lsn, type Millis } from '../../log-format/index.ts';
import { WINDOW_BYTES_MAX } from '../base/limits.ts';
import type { BackupSession, Overdue } from './backup-session.ts';
import type { ReplicaId } from './messages.ts';

export class BackupSessions {
  readonly #sessions = new Map<ReplicaId, BackupSession>();
  readonly #named: (peer: ReplicaId) => boolean;

  /** `named`: the view in force, or one that may be, contains this backup. */
  constructor(named: (peer: ReplicaId) => boolean) {
    this.#named = named;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(peer: ReplicaId): BackupSession | undefined {
    return this.#sessions.get(peer);
  }

  add(session: BackupSession): void {
    this.#sessions.set(session.peer, session);
  }

  delete(peer: ReplicaId): void {
    this.#sessions.delete(peer);
  }

  all(): MapIterator<BackupSession> {
    return this.#sessions.values();
  }

  /** Outputs wait for its acks, whether it still answers or not. */
  needed(session: BackupSession): boolean {
    return session.state === 'gated' || this.#named(session.peer);
  }

  /** What every needed backup has acknowledged; Infinity if none is needed. */
  lowestAck(): number {
    let lowest = Infinity;
    for (const session of this.#sessions.values()) {
      if (this.needed(session)) lowest = Math.min(lowest, session.window.lsnAcked);
    }
    return lowest;
  }

  /** Fullest window of a needed backup: 1 is full. */
  fill(): number {
    let fill = 0;
    for (const session of this.#sessions.values()) {
      if (this.needed(session)) fill = Math.max(fill, session.window.bytes / WINDOW_BYTES_MAX);
    }
    return fill;
  }

  /** Those that have not been told that outputs up to `lsn` have left. */
  *untold(lsn: Lsn): Generator<BackupSession> {
    for (const session of this.#sessions.values()) {
      if (session.live && session.lsnReleasedSent < lsn) yield session;
    }
  }

  /** Those that should have been heard of by now, and what to make of it. */
  overdue(now: Millis): readonly { readonly peer: ReplicaId; readonly verdict: Overdue }[] {
    const found: { readonly peer: ReplicaId; readonly verdict: Overdue }[] = [];
    for (const session of this.#sessions.values()) {
      const verdict = session.overdue(now);
      if (verdict !== undefined) found.push({ peer: session.peer, verdict });
    }
    return found;
  }

  deadline(): Millis | undefined {
    let earliest = Infinity;
    for (const session of this.#sessions.values()) {
      earliest = Math.min(earliest, session.deadline() ?? Infinity);
    }
    return earliest === Infinity ? undefined : asMillis(earliest);
  }
}
