/** What a replica's main thread and its worker say to each other. Plain data, structured-cloned. */

import type { BootConfig, LogHeader, Micros } from '../../log-format/index.ts';
import type { HvErrorCode } from '../base/errors.ts';
import type { MachineDivergence, ReplayGroup, TurnsResult } from '../ports.ts';
import type { AckRule } from '../protocol/ack-level.ts';
import type { ReplicaId, View } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import type { OwnLogMode } from '../protocol/own-log.ts';
import type { CheckpointEvery } from '../replica/checkpoint-policy.ts';
import type { Handover } from '../replica/handover.ts';
import type { PrimaryOutcome } from '../replica/hooks.ts';
import { METER_WORDS, Meters } from '../replica/meters.ts';
import type { TakenCheckpoint } from './checkpoint-store.ts';
import type { KeepPolicy } from './checkpointer.ts';
import type { LogPosition } from './log-cursor.ts';
import type { GuestBlobs } from './machine-factory.ts';
import type { MountOption } from './mount-option.ts';
import type { RecoveryReport } from './recovery.ts';
import type { RestoredCopy, RestoreRequest } from './restore-copy.ts';
import type { WorkerStatus } from './status.ts';
import type { SecurityMaterial } from './tls.ts';

/** Words of the shared control area (Int32). */
export const CONTROL = {
  /** Counted up at every interrupt poll: the guest is alive. */
  alive: 0,
  /** Non-zero: stop the guest at its next poll. */
  stop: 1,
  stopCode: 2,
  /** Non-zero while the machine works on the turn whose lsn is in the next two words. */
  busy: 3,
  turnLow: 4,
  turnHigh: 5,
  words: 8,
} as const;

/** The meters of a machine's thread lie behind the control words: both threads see them. */
const METERS_AT = CONTROL.words * 4;

export function newControl(): Int32Array {
  const bytes = METERS_AT + METER_WORDS * Float64Array.BYTES_PER_ELEMENT;
  return new Int32Array(new SharedArrayBuffer(bytes), 0, CONTROL.words);
}

/** Call hooks in the machine's thread alone. */
export function metersOf(control: Int32Array): Meters {
  return new Meters(new Float64Array(control.buffer, METERS_AT, METER_WORDS));
}

/** What a primary needs to know beside its log. */
export interface PrimarySettings {
  readonly id: ReplicaId;
  /** URL of the arbiter; undefined for a guest that will never have a backup. */
  readonly arbiter: string | undefined;
  /** This replica went live without the arbiter: its view is to be claimed there yet. */
  readonly late?: { readonly view: View; readonly token: string } | undefined;
  readonly detectMs: number;
  /** What of the own log outputs wait for. */
  readonly ownLog: OwnLogMode;
  /** What of the backups outputs wait for. */
  readonly rule: AckRule;
  /** Idle replicas that may be recruited. */
  readonly spares: readonly ReplicaId[];
  readonly checkpoint: CheckpointEvery;
  readonly keep: KeepPolicy;
  /** Outputs go into the log, byte for byte. */
  readonly recordOutputs: boolean;
  /** A listener of an earlier life whose port is taken moves to a free one. */
  readonly movesPorts: boolean;
  /** Directories of this host that the guest has. */
  readonly mounts: readonly MountOption[];
  /** The guest goes on where some of those it had are not given. */
  readonly mountsMayMiss: boolean;
  /** How links to backups are authenticated. */
  readonly security: SecurityMaterial;
}

export interface PrimaryStart {
  readonly role: 'primary';
  readonly control: Int32Array;
  readonly header: LogHeader;
  readonly blobs: GuestBlobs;
  readonly boot: BootConfig;
  /** Undefined: no log is kept. */
  readonly logDir: string | undefined;
  /** Without a log: whether it is encoded all the same, as for one. */
  readonly encodes: boolean;
  readonly settings: PrimarySettings;
  /** The guest boots when all of these have joined. */
  readonly backups: readonly ReplicaId[];
}

export interface BackupStart {
  readonly role: 'backup';
  readonly control: Int32Array;
  readonly header: LogHeader;
  /** Undefined: those of the copy that is restored. */
  readonly blobs: GuestBlobs | undefined;
  /** The machine goes on from a copy of the log instead of its beginning. */
  readonly restore: RestoreRequest | undefined;
  /** Directory of the copy, where snapshots go that are taken at the primary's checkpoints; undefined: none are. */
  readonly checkpoints: string | undefined;
  /** Where the guest's files are shown (disk-copy.ts); undefined: nowhere. */
  readonly disk: string | undefined;
  /** Directories of this host, for after a takeover. */
  readonly mounts: readonly MountOption[];
}

/** A run that goes on from its own log. */
export interface ResumeStart {
  readonly role: 'resume';
  readonly control: Int32Array;
  /** Locked by the main thread. */
  readonly logDir: string;
  /** For a guest that was killed before its first turn. */
  readonly boot: BootConfig;
  readonly settings: PrimarySettings;
  /** The guest does not wait for them: it serves at once. */
  readonly backups: readonly ReplicaId[];
}

export type WorkerStart = PrimaryStart | BackupStart | ResumeStart;

export type ToWorker =
  | { readonly type: 'replay'; readonly group: ReplayGroup }
  /** The copy is on disk up to a checkpoint of the primary; `view`: in force there. */
  | { readonly type: 'placed'; readonly position: LogPosition; readonly view: View | undefined }
  /** Leave a snapshot where the machine was restored to, at `position`. */
  | { readonly type: 'keep'; readonly position: LogPosition; readonly view: View | undefined }
  | {
      readonly type: 'promote';
      readonly handover: Handover;
      readonly position: LogPosition;
      readonly settings: PrimarySettings;
      /** Other backups of the dead primary: they wait for a primary to dial. */
      readonly others: readonly ReplicaId[];
    }
  | { readonly type: 'addBackup'; readonly peer: ReplicaId }
  /** Spares of the view service, best first. */
  | { readonly type: 'recruit'; readonly spares: readonly ReplicaId[] }
  | { readonly type: 'heartbeat'; readonly peer: ReplicaId }
  /** Hand the guest over; notes say how it goes. */
  | { readonly type: 'switchOver'; readonly to: ReplicaId | undefined }
  | { readonly type: 'suspect'; readonly peer: ReplicaId; readonly reason: string }
  | { readonly type: 'signal'; readonly number: number }
  | { readonly type: 'status'; readonly id: number }
  /** The files of tokens or certificates were read again. */
  | { readonly type: 'security'; readonly material: SecurityMaterial }
  | { readonly type: 'stop'; readonly code: number; readonly reason: string };

export type FromWorker =
  | {
      readonly type: 'replayed';
      readonly result: TurnsResult;
      readonly divergence: MachineDivergence | undefined;
    }
  /** The machine stands where its copy of the log ends; once, before anything is replayed. */
  | { readonly type: 'restored'; readonly restored: RestoredCopy }
  | { readonly type: 'status'; readonly id: number; readonly status: WorkerStatus }
  | { readonly type: 'note'; readonly note: Note; readonly at: Micros }
  /** The machine is where its log ends. */
  | { readonly type: 'recovered'; readonly report: RecoveryReport }
  | { readonly type: 'checkpoint'; readonly taken: TakenCheckpoint }
  /** A stop was taken: the guest is not stuck in a built-in. */
  | { readonly type: 'stopping' }
  /** The link to `peer` is closed: heartbeats to it make no sense any more. */
  | { readonly type: 'unlinked'; readonly peer: ReplicaId }
  /** The guest listens (or stopped listening) to a signal: the main thread installs the handler. */
  | { readonly type: 'signal'; readonly number: number; readonly on: boolean }
  /** Trouble with the host that ends nothing, such as a port that is still taken. */
  | {
      readonly type: 'trouble';
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'ended'; readonly outcome: PrimaryOutcome }
  /** An error of the world that ends the replica. */
  | {
      readonly type: 'failed';
      readonly code: HvErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    };
