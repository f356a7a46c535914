/** How a history protects its guest: the rule outputs wait by, and what kind of backup each host is. */

import { ACK_LEVELS, type AckRule, needsReplay } from '../../hypervisor/protocol/ack-level.ts';
import type { Random } from './random.ts';

/** What a host is as a backup. */
export interface Member {
  /** Preferred for a takeover: more comes first. */
  readonly priority: number;
  /** Never in a view. */
  readonly hidden: boolean;
  /** Keeps the log and runs nothing until it is promoted. */
  readonly cold: boolean;
}

export const DEFAULT_RULE: AckRule = { level: 'received', quorum: 0, onLoss: 'continue' };
export const PLAIN: Member = { priority: 0, hidden: false, cold: false };

/** A rule that `backups` can fulfil; the default in half of the histories. */
export function drawRule(random: Random, backups: number): AckRule {
  if (backups === 0 || random.chance(0.5)) return DEFAULT_RULE;
  const level = random.pick(ACK_LEVELS);
  // Which waits for nobody, so that nothing else can be asked for.
  if (level === 'async') return { ...DEFAULT_RULE, level };
  return {
    level,
    quorum: random.pick(backups > 1 ? [0, 0, 1, 2] : [0, 1]),
    onLoss: random.chance(0.3) ? 'stop' : 'continue',
  };
}

export function drawMember(random: Random): Member {
  const cold = random.chance(0.1);
  return { priority: random.pick([0, 0, 1]), hidden: random.chance(0.1), cold };
}

/** Of the view, for an output to leave at all. */
export function backupsNeeded({ onLoss, quorum }: AckRule): number {
  return onLoss === 'stop' ? Math.max(1, quorum) : 0;
}

/** It can be taken into a view. */
export function mayJoin({ hidden, cold }: Member, { level }: AckRule): boolean {
  return !hidden && !(cold && needsReplay(level));
}
