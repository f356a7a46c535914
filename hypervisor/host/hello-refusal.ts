/** Whether this replica may shadow the guest of a hello: its kind, its arbiter, its engine, its version. */

import { needsReplay } from '../protocol/ack-level.ts';
import type { Hello } from '../protocol/backup-events.ts';
import { refusalOf } from '../replica/refusal.ts';
import { arbiterObstacle } from './arbiter-access.ts';
import type { BackupHostOptions } from './backup-options.ts';
import { arbiterRefusal } from './colocation.ts';
import { engineParts, MACHINE_VERSION } from './machine-factory.ts';
import { HV_VERSION } from './version.ts';

export interface RefusalOptions
  extends Pick<BackupHostOptions, 'arbiter' | 'arbiterMayBeColocated'> {
  readonly member: Pick<BackupHostOptions['member'], 'cold' | 'hidden'>;
}

/** The reason to refuse it, in words for the operators of both replicas; undefined if there is none. */
export function hostRefusal(
  hello: Hello,
  /** Host of the primary, as its connection comes from. */
  speaker: string,
  own: RefusalOptions,
): string | undefined {
  const { arbiter, arbiterMayBeColocated: mayBeColocated, member } = own;
  const misfit = kindRefusal(hello, member);
  if (misfit !== undefined) return misfit;
  const misplaced = arbiterRefusal(arbiter ?? hello.arbiter, speaker, { mayBeColocated });
  if (misplaced !== undefined) return misplaced;
  const obstacle = arbiterObstacle(arbiter ?? hello.arbiter);
  if (obstacle !== undefined) return obstacle;
  const { engineHash, helperHash } = engineParts();
  return refusalOf(hello, {
    hvVersion: HV_VERSION,
    engineHash,
    helperHash,
    machineVersion: MACHINE_VERSION,
  });
}

/**
 * Outputs would wait for a replay that never comes. It is not taken in as one that does not count either:
 * its operator would rely on a backup that cannot take over.
 */
function kindRefusal(
  { rule }: Hello,
  { cold, hidden }: RefusalOptions['member'],
): string | undefined {
  if (!cold || hidden || !needsReplay(rule.level)) return undefined;
  return `a --store-only backup runs nothing, and with --ack ${rule.level} outputs wait for its replay: start it without --store-only, or with --hidden to keep the log and not be waited for`;
}
