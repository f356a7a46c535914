/** Which view fits the facts: without the lost, with those who hold all that has left. */

import { asEpoch, type Epoch, type Lsn } from '../../log-format/index.ts';
import type { BackupSessions } from './backup-sessions.ts';
import type { ReplicaId, View } from './messages.ts';

export interface ViewChangeFacts {
  /** Backups of the view in force. */
  readonly current: readonly ReplicaId[];
  readonly sessions: BackupSessions;
  readonly lsnReleased: Lsn;
  /** The guest is being stopped: nobody new is taken in. */
  readonly stopping: boolean;
}

/** The backups to claim, or undefined when the view in force is right as it is. */
export function nextBackups(facts: ViewChangeFacts): readonly ReplicaId[] | undefined {
  const { current, sessions } = facts;
  const next: ReplicaId[] = current.filter((peer) => sessions.get(peer)?.state === 'gated');
  let changed = next.length < current.length;
  for (const session of sessions.all()) {
    if (session.state !== 'gated' || current.includes(session.peer)) continue;
    if (facts.stopping || session.window.lsnAcked < facts.lsnReleased) continue;
    next.push(session.peer);
    changed = true;
  }
  return changed ? next : undefined;
}

/** The view of a primary without backups that follows `epoch`. */
export function aloneAfter(epoch: Epoch, primary: ReplicaId): View {
  return { epoch: asEpoch(epoch + 1), primary, backups: [] };
}

/**
 * A view that this replica won under one of its names and did not live to write into its log. It
 * names no backup, so nobody else can have gone on.
 */
export function wasOwn(
  view: View | undefined,
  own: { readonly id: ReplicaId; readonly formerIds: readonly ReplicaId[] },
): view is View {
  if (view === undefined || view.backups.length > 0) return false;
  return view.primary === own.id || own.formerIds.includes(view.primary);
}
