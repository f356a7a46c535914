/** What a simulated cluster is made of. */

import type { AckRule } from '../../hypervisor/protocol/ack-level.ts';
import type { OwnLogMode } from '../../hypervisor/protocol/own-log.ts';
import type { Handover } from '../../hypervisor/replica/handover.ts';
import type { Checker } from './checker.ts';
import type { Edge } from './edge.ts';
import type { Host } from './host.ts';
import type { Network } from './network.ts';
import type { Member } from './protection.ts';
import type { SimArbiter } from './sim-arbiter.ts';
import type { MachineKind } from './sim-machine.ts';
import type { ClockFaults, World } from './world.ts';

export interface Cluster {
  readonly world: World;
  readonly network: Network;
  readonly arbiter: SimArbiter;
  readonly edge: Edge;
  readonly checker: Checker;
  /** The newest process of each name. */
  readonly hosts: Map<string, Host>;
  machines: MachineKind;
  /** What outputs wait for. */
  readonly rule: AckRule;
  /** What a host of this name is as a backup. */
  readonly member: (name: string) => Member;
  backupsWanted: number;
  /** How long a replayed group keeps a backup's machine busy, at most. */
  replayMs: number;
  readonly resyncChance: number;
  /** Of so many groups one ends in a checkpoint, with a snapshot; 0: none does. */
  checkpointEvery: number;
  readonly ownLog: OwnLogMode;
  /** Silence that makes a peer suspect. */
  readonly detectMs: number;
  /** How long an append takes to reach the kernel, at most; 0: no time. */
  writeMs: number;
  /** The clock of a new host. */
  readonly clock: () => ClockFaults | undefined;
  readonly bugs: HostBugs;
  /** The guest was stopped on purpose, or has exited: it is not expected to answer. */
  stopped: boolean;
  /** All faults are over and none may follow. */
  calm: boolean;
  /** Every new process, before its first event. */
  readonly onHost?: (host: Host) => void;
  readonly onCalm?: () => void;
}

/** Planted bugs inside a host, around its ports. */
export interface HostBugs {
  readonly mangle?: (handover: Handover) => Handover;
  /** Every token is the same. */
  readonly sameToken?: boolean;
  /** A replay that differs is passed over. */
  readonly divergenceIgnored?: boolean;
  /** What a backup replays leaves it at once. */
  readonly backupReleases?: boolean;
  /** The own log says that it is written before it is. */
  readonly logLies?: boolean;
  /** The own rule of a primary, and what it says of it. */
  readonly rule?: (rule: AckRule) => AckRule;
  /** A backup's copy says that it is on disk before it is. */
  readonly syncLies?: boolean;
  /** A run that goes on takes all of its log for sent. */
  readonly forgetsMark?: boolean;
  /** A copy is run from its newest snapshot, whatever has left. */
  readonly startsAtNewest?: boolean;
  /** What streams a log out skips the last batch of it. */
  readonly streamSkips?: boolean;
}

export type Death = 'killed' | 'host lost' | 'disk' | 'ended';
