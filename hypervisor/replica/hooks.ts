/** What a replica's shell tells the composition root, and how it is set up. */

import type { Lsn, Micros } from '../../log-format/index.ts';
import { HISTORY_EPOCHS_MAX } from '../base/limits.ts';
import type {
  Arbiter,
  BackupMachine,
  BackupStore,
  Checkpointer,
  Clock,
  Console,
  Entropy,
  Link,
  LinkHandlers,
  LogBase,
  LogStore,
  MachinePort,
  NetBackend,
  Output,
  ReopenedCopy,
  SnapshotReceiver,
  SnapshotSource,
} from '../ports.ts';
import type { AckRule } from '../protocol/ack-level.ts';
import type { Hello } from '../protocol/backup-events.ts';
import type { History } from '../protocol/history.ts';
import type { ReplicaId, SnapshotFile, View } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import type { OwnLogMode } from '../protocol/own-log.ts';
import type { PrimaryCore } from '../protocol/primary.ts';
import type { Handover } from './handover.ts';
import type { Meters } from './meters.ts';
import type { MountBackend } from './mount-backend.ts';

export interface PrimaryPorts {
  readonly clock: Clock;
  readonly store: LogStore;
  readonly arbiter: Arbiter;
  readonly machine: MachinePort;
  readonly net: NetBackend;
  readonly console: Console;
  /** Undefined: the guest has none. */
  readonly mounts?: MountBackend | undefined;
  readonly entropy: Entropy;
  /** Undefined: no snapshots are kept. */
  readonly checkpoints?: Checkpointer | undefined;
  readonly snapshots?: SnapshotSource | undefined;
  /** Undefined: nothing is counted. */
  readonly meters?: Meters | undefined;
}

export interface PrimaryConfig {
  /** This replica's name in views. */
  readonly id: ReplicaId;
  readonly vm: string;
  readonly detectMs: number;
  readonly ownLog: OwnLogMode;
  readonly rule: AckRule;
  /** Set: every output is recorded in these bytes, so that a replay compares it byte for byte. */
  readonly recordOutput?: ((output: Output) => Uint8Array) | undefined;
  /** Of the log's header. */
  readonly startedAt: Micros;
  /** Sent to every backup; the shell adds epoch and names. */
  readonly hello: Omit<
    Hello,
    | 'type'
    | 'epoch'
    | 'primary'
    | 'backup'
    | 'vm'
    | 'detectMs'
    | 'rule'
    | 'epochs'
    | 'lsnFirst'
    | 'lsnLast'
    | 'lsnSettled'
    | 'relay'
  >;
}

/** What of the protocol may be looked at. */
export type PrimaryFacts = Pick<
  PrimaryCore<Output>,
  | 'view'
  | 'live'
  | 'ended'
  | 'throttled'
  | 'switchingOver'
  | 'sessions'
  | 'heldBytes'
  | 'lsnReleased'
  | 'lsnDurable'
>;

export type PrimaryOutcome =
  | {
      readonly type: 'stopped';
      readonly code: number;
      readonly reason: string;
      readonly confirmed: boolean;
    }
  | { readonly type: 'fenced'; readonly view: View | undefined }
  /** Another replica is primary by agreement; the guest runs there. */
  | { readonly type: 'handedOver'; readonly view: View }
  /** A promoted backup whose replay of the dead primary's log differs. */
  | { readonly type: 'diverged'; readonly lsn: Lsn; readonly report: string };

export interface PrimaryHooks {
  /** `at`: wall clock. */
  note(note: Note, at: Micros): void;
  /** Exactly once; the log is closed, nothing runs any more. */
  ended(outcome: PrimaryOutcome): void;
}

export interface BackupPorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** For the address in a hello. */
  openArbiter(address: string): Arbiter;
  /** An empty copy of a log, for each state transfer anew. */
  openStore(hello: Hello): BackupStore;
  openMachine(base: LogBase): BackupMachine;
  /**
   * Cuts what the disk has of the log behind `from`, keeping what is cut in quarantine, and brings a
   * machine to its end. `undefined`: it cannot be used.
   */
  reopen(
    hello: Hello,
    at: { readonly from: Lsn; readonly lsnReleased: Lsn },
    done: (copy: ReopenedCopy | undefined) => void,
  ): void;
  /** Takes a snapshot in and begins a copy behind it. `undefined`: what came cannot be used. */
  join(
    hello: Hello,
    snapshot: { readonly lsn: Lsn; readonly files: readonly SnapshotFile[] },
    done: (copy: ReopenedCopy | undefined) => void,
  ): SnapshotReceiver;
  /** A connection to another backup, for one question. */
  dial(peer: ReplicaId, handlers: LinkHandlers): Link;
  /** Every output when it is replayed, before anything is known of its release. */
  retain(output: Output): void;
  /** Undefined: nothing is counted. */
  readonly meters?: Meters | undefined;
}

export interface BackupConfig {
  /** Why this host cannot shadow the guest of a hello; undefined if it can. See `refusalOf`. */
  refuses(hello: Hello): string | undefined;
  /** Preferred for a takeover: more comes first. */
  readonly priority: number;
  /** Never in a view. */
  readonly hidden: boolean;
  /** Keeps the log and runs nothing until it is promoted. */
  readonly cold: boolean;
  /** What the disk has of the log of a hello. */
  standing(hello: Hello): History | undefined;
}

export type BackupOutcome =
  | { readonly type: 'stopped'; readonly code: number; readonly reason: string }
  | { readonly type: 'diverged'; readonly lsn: Lsn; readonly report: string };

/** What goes to the new primary beside the handover; both are the receiver's from here on. */
export interface Estate {
  readonly store: BackupStore;
  /** Undefined: the copy was cold, or its machine's replay differed and the log is to be run by another one. */
  readonly machine: BackupMachine | undefined;
}

export interface BackupHooks {
  note(note: Note, at: Micros): void;
  /** The view is won: build a primary from this. The backup does nothing more. */
  promoted(handover: Handover, estate: Estate): void;
  /** Exactly once, unless promoted. */
  ended(outcome: BackupOutcome): void;
}

/** What a primary says of itself to `backup`. */
export function helloFor(
  config: PrimaryConfig,
  history: History,
  to: Pick<Hello, 'backup' | 'epoch' | 'lsnSettled'>,
): Hello {
  const { id: primary, vm, detectMs, rule, hello } = config;
  const { lsnFirst, lsnLast } = history;
  const epochs = history.epochs.slice(-HISTORY_EPOCHS_MAX);
  const log = { epochs, lsnFirst, lsnLast };
  return { type: 'hello', ...hello, vm, detectMs, rule, primary, ...to, ...log, relay: false };
}

export interface PrimarySetup {
  readonly ports: PrimaryPorts;
  readonly config: PrimaryConfig;
  readonly hooks: PrimaryHooks;
  /** From a promoted backup; without it the log is empty and the first view is to be claimed. */
  readonly handover?: Handover;
}
