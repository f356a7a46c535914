/** All backups of a primary, and what is true of them together. */

import type { Epoch, Lsn, Millis } from '../../log-format/index.ts';
import { WINDOW_BYTES_MAX } from '../base/limits.ts';
import type { AckLevel } from './ack-level.ts';
import type { BackupSession, Overdue } from './backup-session.ts';
import { earlier } from './deadlines.ts';
import type { Message, ReplicaId } from './messages.ts';

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

  /** The lsn that `quorum` of these backups have reached at `level`; Infinity if it is 0. */
  reached(peers: readonly ReplicaId[], quorum: number, level: AckLevel): number {
    if (quorum === 0) return Infinity;
    // At every ack: the usual cases allocate nothing.
    if (quorum === peers.length) {
      let lowest = Infinity;
      for (const peer of peers)
        lowest = Math.min(lowest, this.#sessions.get(peer)?.position(level) ?? 0);
      return lowest;
    }
    const positions = peers.map((peer) => this.#sessions.get(peer)?.position(level) ?? 0);
    positions.sort((left, right) => right - left);
    return positions[quorum - 1] ?? 0;
  }

  /** The least any newcomer has that outputs wait for already; Infinity if there is none. */
  newcomers(level: AckLevel): number {
    let lowest = Infinity;
    for (const session of this.#sessions.values())
      if (session.state === 'gated' && !this.#named(session.peer))
        lowest = Math.min(lowest, session.position(level));
    return lowest;
  }

  /** What every needed backup has acknowledged; Infinity if none is needed. */
  lowestAck(): number {
    let lowest = Infinity;
    for (const session of this.#sessions.values()) {
      if (this.needed(session)) lowest = Math.min(lowest, session.window.lsnAcked);
    }
    return lowest;
  }

  /** What every linked backup that runs the guest has run; Infinity if there is none. */
  lowestReplayed(): number {
    let lowest = Infinity;
    for (const session of this.#sessions.values())
      if (session.state !== 'lost' && !session.cold)
        lowest = Math.min(lowest, session.window.lsnReplayed);
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

  /** Somebody has not been told that outputs up to `lsn` have left. */
  isUntold(lsn: Lsn): boolean {
    for (const session of this.#sessions.values())
      if (session.live && session.lsnReleasedSent < lsn) return true;
    return false;
  }

  /** Those that have not been told that outputs up to `lsn` have left. */
  *untold(lsn: Lsn): Generator<BackupSession> {
    for (const session of this.#sessions.values()) {
      if (session.live && session.lsnReleasedSent < lsn) yield session;
    }
  }

  /** The message about what has left, for each that has not been told; it counts as told now. */
  *news(
    epoch: Epoch,
    lsnReleased: Lsn,
  ): Generator<{ readonly peer: ReplicaId; readonly message: Message }> {
    for (const session of this.untold(lsnReleased)) {
      session.lsnReleasedSent = lsnReleased;
      yield { peer: session.peer, message: { type: 'released', epoch, lsnReleased } };
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
    let first: Millis | undefined;
    for (const session of this.#sessions.values()) first = earlier(first, session.deadline());
    return first;
  }
}
