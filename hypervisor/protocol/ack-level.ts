/**
 * How safe a record must be on a backup before an output that depends on it may leave, weakest first
 * (protocols A, B and C of DRBD are `async`, `received` and `durable`).
 */

/**
 * - `async`: nothing is waited for. Only this level can lose what has left: at most the lag.
 * - `received`: in the backup's memory. VMware FT's rule: both replicas must die to lose it.
 * - `replayed`: run by the backup, so that a takeover has nothing to catch up with.
 * - `verified`: run, and the backup's outputs have the same hash as the primary's.
 * - `durable`: on the disks of the backup and of the primary.
 */
export const ACK_LEVELS = ['async', 'received', 'replayed', 'verified', 'durable'] as const;
export type AckLevel = (typeof ACK_LEVELS)[number];

/** A backup has to replay at once, and the `end` of a group may not wait for the next one. */
export function needsReplay(level: AckLevel): boolean {
  return level === 'replayed' || level === 'verified';
}

/** What outputs wait for. */
export interface AckRule {
  readonly level: AckLevel;
  /** Backups of the view that must have a record; 0: all of them. */
  readonly quorum: number;
  /** `stop`: with fewer backups than the quorum (or none) in the view, nothing leaves. */
  readonly onLoss: 'continue' | 'stop';
}

/** Backups of a view of `backups` that have to acknowledge. Fewer than asked for where the view is small. */
export function quorumOf(rule: Pick<AckRule, 'quorum' | 'level'>, backups: number): number {
  if (rule.level === 'async') return 0;
  return rule.quorum === 0 ? backups : Math.min(rule.quorum, backups);
}

/**
 * Backups that must compare their logs before one of them goes live, itself included: enough that one
 * of them holds whatever any quorum has acknowledged (R + W > N).
 */
export function electionQuorum(rule: Pick<AckRule, 'quorum' | 'level'>, backups: number): number {
  const quorum = quorumOf(rule, backups);
  return quorum === 0 ? 1 : backups - quorum + 1;
}
