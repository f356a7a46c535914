/** Which view fits the facts: without the lost, with those who hold all that has left. */

import type { Lsn } from '../../log-format/index.ts';
import type { BackupSessions } from './backup-sessions.ts';
import type { ReplicaId } from './messages.ts';

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
