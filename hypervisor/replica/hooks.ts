/** What a replica's shell tells the composition root, and how it is set up. */

import type { Epoch, Lsn, Micros } from '../../log-format/index.ts';
import type {
  Arbiter,
  BackupMachine,
  BackupStore,
  Checkpointer,
  Clock,
  Console,
  Entropy,
  LogBase,
  LogStore,
  MachinePort,
  NetBackend,
  Output,
} from '../ports.ts';
import type { Hello } from '../protocol/backup-events.ts';
import type { ReplicaId, View } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import type { OwnLogMode } from '../protocol/own-log.ts';
import type { Handover } from './handover.ts';
import type { Meters } from './meters.ts';

export interface PrimaryPorts {
  readonly clock: Clock;
  readonly store: LogStore;
  readonly arbiter: Arbiter;
  readonly machine: MachinePort;
  readonly net: NetBackend;
  readonly console: Console;
  readonly entropy: Entropy;
  /** Undefined: no snapshots are kept. */
  readonly checkpoints?: Checkpointer | undefined;
  /** Undefined: nothing is counted. */
  readonly meters?: Meters | undefined;
}

export interface PrimaryConfig {
  /** This replica's name in views. */
  readonly id: ReplicaId;
  readonly vm: string;
  readonly detectMs: number;
  readonly ownLog: OwnLogMode;
  /** Set: every output is recorded in these bytes, so that a replay compares it byte for byte. */
  readonly recordOutput?: ((output: Output) => Uint8Array) | undefined;
  /** Of the log's header. */
  readonly startedAt: Micros;
  /** Sent to every backup; the shell adds epoch and names. */
  readonly hello: Omit<Hello, 'type' | 'epoch' | 'primary' | 'backup' | 'vm' | 'detectMs'>;
}

export type PrimaryOutcome =
  | {
      readonly type: 'stopped';
      readonly code: number;
      readonly reason: string;
      readonly confirmed: boolean;
    }
  | { readonly type: 'fenced'; readonly view: View | undefined }
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
  /** Every output when it is replayed, before anything is known of its release. */
  retain(output: Output): void;
  /** Undefined: nothing is counted. */
  readonly meters?: Meters | undefined;
}

export interface BackupConfig {
  /** Why this host cannot shadow the guest of a hello; undefined if it can. See `refusalOf`. */
  refuses(hello: Hello): string | undefined;
}

export type BackupOutcome =
  | { readonly type: 'stopped'; readonly code: number; readonly reason: string }
  | { readonly type: 'diverged'; readonly lsn: Lsn; readonly report: string };

/** What goes to the new primary beside the handover; both are the receiver's from here on. */
export interface Estate {
  readonly store: BackupStore;
  /** Undefined if not even a header had arrived, which a promoted backup never is. */
  readonly machine: BackupMachine;
}

export interface BackupHooks {
  note(note: Note, at: Micros): void;
  /** The view is won: build a primary from this. The backup does nothing more. */
  promoted(handover: Handover, estate: Estate): void;
  /** Exactly once, unless promoted. */
  ended(outcome: BackupOutcome): void;
}

/** What a primary says of itself to `backup`. */
export function helloFor(config: PrimaryConfig, backup: ReplicaId, epoch: Epoch): Hello {
  const { id: primary, vm, detectMs, hello } = config;
  return { type: 'hello', ...hello, vm, detectMs, primary, backup, epoch };
}
