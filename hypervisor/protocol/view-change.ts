/** Which view fits the facts: without the lost, with those who hold all that has left. */

import { asEpoch, type Epoch, type Lsn } from '../../log-format/index.ts';
import { type AckRule, quorumOf } from './ack-level.ts';
import type { BackupSessions } from './backup-sessions.ts';
import type { ReplicaId, View } from './messages.ts';

/** Of a replica that has not heard of any. */
export const NO_VIEW: View = { epoch: asEpoch(0), primary: '', backups: [] };

export interface ViewChangeFacts {
  /** In force; its primary is this replica. */
  readonly current: View;
  readonly sessions: BackupSessions;
  readonly lsnReleased: Lsn;
  /** The guest is being stopped: nobody new is taken in. */
  readonly stopping: boolean;
  readonly rule: AckRule;
}

/** The view to claim, or undefined when the one in force is right as it is. */
export function nextView(facts: ViewChangeFacts): View | undefined {
  const { current, sessions, rule } = facts;
  if (fits(current, sessions)) return undefined;
  const next = current.backups.filter((peer) => sessions.get(peer)?.state === 'gated');
  let changed = next.length < current.backups.length;
  for (const session of sessions.all()) {
    if (session.state !== 'gated' || current.backups.includes(session.peer)) continue;
    if (facts.stopping || !holds(session.window.lsnAcked, facts)) continue;
    next.push(session.peer);
    changed = true;
  }
  if (!changed) return undefined;
  // What has left may be on the lost ones alone: the others first have to catch up.
  if (!holds(sessions.reached(next, quorumOf(rule, next.length), 'received'), facts))
    return undefined;
  const rank = (peer: ReplicaId): number => sessions.get(peer)?.priority ?? 0;
  // Of equals, one that has run the log comes before one that would have to run all of it first.
  const isCold = (peer: ReplicaId): number => (sessions.get(peer)?.cold === true ? 1 : 0);
  next.sort((left, right) => rank(right) - rank(left) || isCold(left) - isCold(right));
  return { ...aloneAfter(current.epoch, current.primary), backups: next };
}

/** Asked at every step: nothing is made where the view names exactly those who are in step. */
function fits({ backups }: View, sessions: BackupSessions): boolean {
  let gated = 0;
  for (const { state, peer } of sessions.all()) {
    if (state !== 'gated') continue;
    if (!backups.includes(peer)) return false;
    gated += 1;
  }
  return gated === backups.length;
}

/** Asynchronous replication promises nothing of what has left. */
function holds(lsn: number, { rule, lsnReleased }: ViewChangeFacts): boolean {
  return rule.level === 'async' || lsn >= lsnReleased;
}

/** The view of a primary without backups that follows `epoch`. */
export function aloneAfter(epoch: Epoch, primary: ReplicaId): View {
  return { epoch: asEpoch(epoch + 1), primary, backups: [] };
}

/**
 * A view that this replica won under one of its names and did not live to write into its log. It names no
 * backup, so nobody else can have gone on; and the log ends in a view of the same kind (or in none yet),
 * or else it may have lost what led there.
 */
export function wasOwn(
  view: View | undefined,
  own: {
    readonly id: ReplicaId;
    /** Who led the newest view in the log, if it led alone. */
    readonly formerIds: readonly ReplicaId[];
    readonly epochLast: Epoch;
  },
): view is View {
  if (view === undefined || view.backups.length > 0) return false;
  if (own.epochLast > 0 && own.formerIds.length === 0) return false;
  return view.primary === own.id || own.formerIds.includes(view.primary);
}
