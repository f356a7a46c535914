/**
 * What replicas say to each other. Every message carries the epoch of its sender; a receiver refuses
 * an older one (rules 3 and 4 of primary/backup replication, MIT 6.824 lecture 3, 2015).
 */

import type { EncodedBatch, Epoch, Lsn } from '../../log-format/index.ts';

/** `host:port` of a replica's link listener: its name in views. */
export type ReplicaId = string;

/** Who is what in an epoch. Changes only by compare-and-set at the arbiter. */
export interface View {
  readonly epoch: Epoch;
  readonly primary: ReplicaId;
  readonly backups: readonly ReplicaId[];
}

/** One try to change the view; the arbiter accepts it if its current epoch is `expect`. */
export interface ViewClaim {
  readonly vm: string;
  readonly expect: Epoch;
  readonly next: View;
  /** Names this claim: a retry with the same token after a lost answer still wins. */
  readonly token: string;
}

export type ArbiterAnswer =
  | { readonly type: 'won'; readonly view: View }
  /** `view` is the one in force. */
  | { readonly type: 'lost'; readonly view: View }
  | { readonly type: 'current'; readonly view: View | undefined }
  /** Nobody knows whether the claim was taken; ask again with the same token. */
  | { readonly type: 'unavailable'; readonly reason: string };

/** Version of this file's messages; both ends must have the same. */
export const PROTOCOL_VERSION = 1;

export type Message =
  /** Primary to backup, first on every link. */
  | {
      readonly type: 'hello';
      readonly protocol: number;
      readonly hvVersion: string;
      readonly vm: string;
      readonly name: string;
      readonly epoch: Epoch;
      readonly primary: ReplicaId;
      /** The receiver's name in views: it cannot know under which address it was reached. */
      readonly backup: ReplicaId;
      readonly engineHash: string;
      readonly helperHash: string;
      readonly machineVersion: number;
      /** URL of the arbiter, as the primary reaches it. */
      readonly arbiter: string;
      readonly detectMs: number;
    }
  /** Backup to primary: the answer to hello. */
  | { readonly type: 'welcome'; readonly epoch: Epoch; readonly lsnReceived: Lsn }
  /** Backup to primary: it cannot shadow this guest. The link closes. */
  | { readonly type: 'refuse'; readonly epoch: Epoch; readonly reason: string }
  /** Primary to backup: frames of the log from its start (header, blobs, batches up to `lastLsn`). */
  | {
      readonly type: 'frames';
      readonly epoch: Epoch;
      readonly bytes: Uint8Array;
    }
  /** Primary to backup: the next batch, and how far outputs have left. */
  | {
      readonly type: 'batch';
      readonly epoch: Epoch;
      readonly lsnReleased: Lsn;
      readonly batch: EncodedBatch;
    }
  /** Primary to backup: nothing new but the released lsn; lets an idle backup forget outputs. */
  | { readonly type: 'released'; readonly epoch: Epoch; readonly lsnReleased: Lsn }
  /** Primary to backup: the arbiter decided this view and the receiver is not in it any more. */
  | { readonly type: 'view'; readonly epoch: Epoch; readonly view: View }
  /** Backup to primary, cumulative. */
  | {
      readonly type: 'ack';
      readonly epoch: Epoch;
      readonly lsnReceived: Lsn;
      readonly lsnReplayed: Lsn;
    }
  /** Backup to primary: its replay differs; it must not be promoted any more. */
  | { readonly type: 'diverged'; readonly epoch: Epoch; readonly lsn: Lsn; readonly report: string }
  /** Either way, on the heartbeat connection of the supervisors. */
  | { readonly type: 'heartbeat'; readonly epoch: Epoch; readonly beat: number }
  /** Either way: the sender stops on purpose; this is not a failure. */
  | { readonly type: 'bye'; readonly epoch: Epoch; readonly code: number; readonly reason: string }
  /** Fresh backup to a primary's listener: dial me at this address and let me join. */
  | { readonly type: 'join'; readonly epoch: Epoch; readonly address: ReplicaId };
