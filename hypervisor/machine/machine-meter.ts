/** What a machine has used so far, for those who look at it. */

import type { GuestHealth } from '../../log-format/index.ts';

/** What a guest has used since its boot; `bytes` and `blocks` of its heap now. */
export interface MachineMeter {
  readonly turns: number;
  readonly ticks: number;
  readonly outputs: number;
  readonly bytes: number;
  readonly blocks: number;
  /** Calls of the guest to its devices by name, in this process. */
  readonly traps: Readonly<Record<string, number>>;
  /** What the guest last said of itself (`hv.health`); absent: nothing. */
  readonly health?: GuestHealth;
}
