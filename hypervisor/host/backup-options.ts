/** How a process of `hv backup` is set up, and what it tells. */

import type { Epoch, Micros } from '../../log-format/index.ts';
import type { HvError } from '../base/errors.ts';
import type { BackupOutcome, PrimaryOutcome } from '../replica/hooks.ts';
import type { MountOption } from './mount-option.ts';
import type { SupervisorHooks } from './supervisor.ts';
import type { LinkSecurity } from './tls.ts';

/** What kind of backup this is. */
export interface MemberKind {
  readonly priority: number;
  readonly hidden: boolean;
  readonly cold: boolean;
  /** Follows other backups: it looks for no primary by itself. */
  readonly chained: boolean;
  /** Cold, with snapshots. */
  readonly warm: boolean;
  /** How far a forced promotion goes back unless told; 0: not at all. */
  readonly delay: Micros;
}

export interface BackupHostOptions {
  /** `host:port` to listen on; port 0 for any. */
  readonly listen: string;
  /** Where copies of logs go, one directory per guest. */
  readonly dir: string;
  /** Overrides the arbiter named by the primary. */
  readonly arbiter: string | undefined;
  /** The run whose primary is to be looked for at the arbiter from the start. */
  readonly seeks?: string | undefined;
  /** Also one that dies with the host of a replica. */
  readonly arbiterMayBeColocated: boolean;
  /** Silence of a machine at work that ends it by force; Infinity: none does. */
  readonly hangLimitMs: number;
  /** Directories of this host that the guest has, for after a takeover. */
  readonly mounts?: readonly MountOption[];
  /** How links are authenticated; by default plain, and to this machine only. */
  readonly security?: LinkSecurity;
  /** See `SupervisorOptions`; after a takeover. */
  readonly readsAgain?: boolean;
  readonly member: MemberKind;
  readonly note: SupervisorHooks['note'];
  readonly trouble: SupervisorHooks['trouble'];
  /** The primary has given a sign of life. */
  heard?(): void;
  /** See `SupervisorHooks`; after a takeover. */
  readonly beat?: SupervisorHooks['beat'];
  readonly checkpoint?: SupervisorHooks['checkpoint'];
  /** The replay has caught up with the log, for the first time since this backup joined. */
  inStep(epoch: Epoch): void;
  /** Exactly once. */
  ended(outcome: BackupOutcome | PrimaryOutcome | undefined, error: HvError | undefined): void;
}

/** What a process needs to go on as a backup of the same guest. */
export interface Succession {
  /** As bound, also when the listener is closed. */
  readonly address: string;
  readonly vm: string;
  readonly arbiter: string;
}
