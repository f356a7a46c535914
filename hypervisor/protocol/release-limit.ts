/** How far outputs may leave: what the acks of the backups allow under the guest's rule. */

import type { Lsn } from '../../log-format/index.ts';
import { type AckLevel, type AckRule, quorumOf } from './ack-level.ts';
import type { BackupSessions } from './backup-sessions.ts';
import type { View } from './messages.ts';

export interface LimitFacts {
  readonly rule: AckRule;
  readonly view: View;
  /** Of a claim that is not decided yet: it may be in force already. */
  readonly pending: View | undefined;
  readonly sessions: BackupSessions;
  readonly lsnReleased: Lsn;
}

/**
 * The last lsn that is as safe as `level`; Infinity when no backup is needed. The view in force and
 * one that may be both have to have their quorum, and a newcomer is waited for from before the claim:
 * the arbiter may decide while the answer is under way, and then it may go live at once.
 */
export function releaseLimit(level: AckLevel, facts: LimitFacts): number {
  const { rule, view, pending, sessions } = facts;
  if (lacksBackups(rule, view)) return facts.lsnReleased;
  const reached = ({ backups }: View): number =>
    sessions.reached(backups, quorumOf({ ...rule, level }, backups.length), level);
  return Math.min(
    reached(view),
    pending === undefined ? Infinity : reached(pending),
    sessions.newcomers(level),
  );
}

/** The guest's owner prefers silence to an answer that one replica alone vouches for. */
export function lacksBackups(rule: AckRule, view: View): boolean {
  return rule.onLoss === 'stop' && view.backups.length < Math.max(1, rule.quorum);
}
