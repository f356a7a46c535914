/** The outside half of mounts, as the shell sees it. */

import type { Epoch, MountAct } from '../../log-format/index.ts';

/** Directories of the host that a guest has as its own. */
export interface MountBackend {
  /** Every act when it is produced, before any release. */
  retain(act: MountAct): void;
  /** The output rule is satisfied: act, unless it was done in an earlier life. Live replicas only. */
  release(act: MountAct): void;
  /** Nobody of an earlier epoch acts any more. Before the first release. */
  goLive(epoch: Epoch): void;
}
