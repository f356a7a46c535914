/** Whether this host may shadow the guest of a hello: its arbiter, its engine, its version. */

import type { Hello } from '../protocol/backup-events.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import { refusalOf } from '../replica/refusal.ts';
import { arbiterObstacle } from './arbiter-access.ts';
import { arbiterRefusal } from './colocation.ts';
import { engineParts, MACHINE_VERSION } from './machine-factory.ts';
import { HV_VERSION } from './version.ts';

/** The reason to refuse it, in words for the operator of the primary; undefined if there is none. */
export function hostRefusal(
  hello: Hello,
  host: {
    /** Named by the operator of this replica. */
    readonly arbiter: string | undefined;
    readonly mayBeColocated: boolean;
    /** Host of the primary, as its connection comes from. */
    readonly speaker: string;
  },
): string | undefined {
  const { arbiter, mayBeColocated, speaker } = host;
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

/** `refuses`, and whoever is refused is told of here too, for the operator of this replica. */
export function telling(
  refuses: (hello: Hello) => string | undefined,
  tell: ((primary: ReplicaId, reason: string) => void) | undefined,
): (hello: Hello) => string | undefined {
  return (hello) => {
    const reason = refuses(hello);
    if (reason !== undefined) tell?.(hello.primary, reason);
    return reason;
  };
}
