/** What happened to a replica, for status lines, metrics and the phase report of a failover. */

import type { Lsn } from '../../log-format/index.ts';
import type { AckRule } from './ack-level.ts';
import type { ReplicaId, View } from './messages.ts';
import { lacksBackups } from './release-limit.ts';

export type Note =
  /** This replica may run the guest and let outputs out. */
  | { readonly type: 'primaryLive'; readonly view: View }
  /** A state transfer to `peer` begins. */
  | { readonly type: 'joining'; readonly peer: ReplicaId }
  | { readonly type: 'refused'; readonly peer: ReplicaId; readonly reason: string }
  /** `peer` is in the view: from now on it may take over. */
  | { readonly type: 'backupJoined'; readonly peer: ReplicaId; readonly view: View }
  | { readonly type: 'protected'; readonly view: View }
  | { readonly type: 'unprotected'; readonly view: View }
  /** A peer that was needed is gone or silent; a claim follows. */
  | { readonly type: 'suspected'; readonly peer: ReplicaId; readonly reason: string }
  /** Own lateness explains the silence; judgement is put off. */
  | { readonly type: 'tilted'; readonly peer: ReplicaId }
  /** `by`: not by its own claim, but because the primary has handed over, or by the word of its operator. */
  | { readonly type: 'claimed'; readonly view: View; readonly by?: 'switchover' | 'operator' }
  | { readonly type: 'lost'; readonly view: View | undefined }
  | {
      readonly type: 'diverged';
      readonly peer: ReplicaId;
      readonly lsn: Lsn;
      readonly report: string;
    }
  | { readonly type: 'fenced'; readonly view: View | undefined; readonly discarded: number }
  /** A backup: the log begins to arrive. */
  | { readonly type: 'following'; readonly peer: ReplicaId }
  /** A backup: `peer` has dialled, and this replica cannot shadow its guest. Who only asks (hv doctor) has no epoch. */
  | { readonly type: 'declined'; readonly peer: ReplicaId; readonly reason: string }
  /** A backup: it is named in the view its log has reached. */
  | { readonly type: 'synced'; readonly view: View }
  /** A backup: what it had is thrown away; it waits for a primary to dial. */
  | { readonly type: 'reset'; readonly reason: string }
  | { readonly type: 'promoted'; readonly view: View; readonly lsnReceived: Lsn }
  /** A run is continued from its own log, whose last record is `lsn`. */
  | { readonly type: 'resumed'; readonly view: View; readonly lsn: Lsn }
  | { readonly type: 'tailReplayed'; readonly lsn: Lsn }
  | { readonly type: 'firstOutput'; readonly lsn: Lsn }
  /** Outputs wait for more than one replica, and by the guest's rule for as long as it takes. */
  | { readonly type: 'held'; readonly view: View }
  | { readonly type: 'switchingOver'; readonly peer: ReplicaId }
  | { readonly type: 'switchoverFailed'; readonly peer: ReplicaId; readonly reason: string }
  /** `peer` is primary of `view` by agreement; this replica's reign is over. */
  | { readonly type: 'handedOver'; readonly peer: ReplicaId; readonly view: View }
  /** A backup: the log goes on behind `lsn`, which it has; no state was transferred. */
  | { readonly type: 'continuing'; readonly peer: ReplicaId; readonly lsn: Lsn }
  /** A backup: it may not be primary now, keeps what it has and waits for one to dial. */
  | { readonly type: 'parted'; readonly reason: string }
  /** A backup: it compares its log with others' before one of them claims. */
  | { readonly type: 'polling'; readonly peers: readonly ReplicaId[] }
  | { readonly type: 'guestExited'; readonly code: number; readonly reason: string }
  /** `confirmed`: every backup of the view has the stop record, so none will take over. */
  | { readonly type: 'stopped'; readonly code: number; readonly confirmed: boolean };

/** What the views of a primary mean for its guest's protection, each thing once. */
export class ProtectionNews {
  /** That outputs are held was said of this want of backups. */
  #told = false;

  changed(before: View, view: View, rule: AckRule): readonly Note[] {
    const notes: Note[] = [];
    for (const peer of view.backups) {
      if (!before.backups.includes(peer)) notes.push({ type: 'backupJoined', peer, view });
    }
    const had = before.backups.length > 0;
    const has = view.backups.length > 0;
    if (has && !had) notes.push({ type: 'protected', view });
    if (had && !has) notes.push({ type: 'unprotected', view });
    const lacks = lacksBackups(rule, view);
    if (had && lacks) notes.push({ type: 'held', view });
    this.#told = had && lacks;
    return notes;
  }

  /** `isHeld`: an output waits for a view with more backups, which may never have been there. */
  holding(view: View, isHeld: boolean): readonly Note[] {
    if (!isHeld || this.#told) return [];
    this.#told = true;
    return [{ type: 'held', view }];
  }
}
