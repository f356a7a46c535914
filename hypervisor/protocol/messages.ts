/**
 * What replicas say to each other. Every message carries the epoch of its sender; a receiver refuses
 * an older one (rules 3 and 4 of primary/backup replication, MIT 6.824 lecture 3, 2015).
 */

import type { EncodedBatch, Epoch, Lsn } from '../../log-format/index.ts';
import type { AckRule } from './ack-level.ts';
import type { EpochStart } from './history.ts';

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

/** A file of a snapshot: its name without a directory, and its length. */
export interface SnapshotFile {
  readonly name: string;
  readonly bytes: number;
}

export type ArbiterAnswer =
  | { readonly type: 'won'; readonly view: View }
  /** `view` is the one in force. */
  | { readonly type: 'lost'; readonly view: View }
  | { readonly type: 'current'; readonly view: View | undefined }
  /** Nobody knows whether the claim was taken; ask again with the same token. */
  | { readonly type: 'unavailable'; readonly reason: string };

/** Version of this file's messages; both ends must have the same. */
export const PROTOCOL_VERSION = 4;

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
      /** Of the guest: a copy of another one is never continued. */
      readonly imageHash: string;
      /** URL of the arbiter, as the primary reaches it. */
      readonly arbiter: string;
      readonly detectMs: number;
      /** What outputs wait for, now and after a takeover. */
      readonly rule: AckRule;
      /** Idle replicas that may be recruited when a backup is lost. */
      readonly spares: readonly ReplicaId[];
      /** The primary's log, so that a copy can tell how much of it is good. */
      readonly epochs: readonly EpochStart[];
      readonly lsnFirst: Lsn;
      readonly lsnLast: Lsn;
      /**
       * No output of records up to here is held any more: a replica may begin with its machine as it was
       * there. Behind it, outputs have to be made again, should it become primary.
       */
      readonly lsnSettled: Lsn;
      /** The sender is a backup itself and passes the log on: the receiver is never in a view. */
      readonly relay: boolean;
    }
  /** Backup to primary: the answer to hello. */
  | {
      readonly type: 'welcome';
      readonly epoch: Epoch;
      /** It holds the log up to here; 0: nothing of it. */
      readonly lsnReceived: Lsn;
      /** Who is preferred among equals: more comes first. */
      readonly priority: number;
      /** Follows, but is never in a view. */
      readonly hidden: boolean;
      /** Keeps the log and runs nothing. */
      readonly cold: boolean;
    }
  /**
   * Primary to backup, before the first frame: batches follow from behind `lsn`. Where that is not what
   * the backup has, it begins anew. `files`: of the snapshot of that place, which comes first, behind the
   * frames of header and blobs; none: the log is all it takes.
   */
  | {
      readonly type: 'transfer';
      readonly epoch: Epoch;
      readonly lsn: Lsn;
      readonly files: readonly SnapshotFile[];
    }
  /** Primary to backup: the next piece of a snapshot's file. */
  | {
      readonly type: 'snapshot';
      readonly epoch: Epoch;
      readonly name: string;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
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
  /**
   * Primary to backup: the arbiter decided this view, and the receiver is not in it any more, or is its
   * primary (a planned switchover).
   */
  | { readonly type: 'view'; readonly epoch: Epoch; readonly view: View }
  /** Primary to backup: bring the log to disk, up to `lsn` at least, and acknowledge. */
  | { readonly type: 'sync'; readonly epoch: Epoch; readonly lsn: Lsn }
  /** Backup to primary, cumulative. */
  | {
      readonly type: 'ack';
      readonly epoch: Epoch;
      readonly lsnReceived: Lsn;
      readonly lsnReplayed: Lsn;
      /** On the backup's disk. */
      readonly lsnDurable: Lsn;
      /** Hash of all outputs up to `lsnReplayed`, as the backup has computed it; 0 before the first. */
      readonly outputsCrc: number;
    }
  /** Backup to backup, first on a link: the primary is gone for me; how far is your log? */
  | {
      readonly type: 'poll';
      readonly epoch: Epoch;
      readonly vm: string;
      readonly candidate: ReplicaId;
    }
  /** The answer. `follows`: the primary is not gone for this replica, which goes on with it. */
  | {
      readonly type: 'position';
      readonly epoch: Epoch;
      readonly replica: ReplicaId;
      readonly follows: boolean;
      /** Of the last record of its log. */
      readonly logEpoch: Epoch;
      readonly lsnReceived: Lsn;
    }
  /** Backup to primary: its replay differs; it must not be promoted any more. */
  | { readonly type: 'diverged'; readonly epoch: Epoch; readonly lsn: Lsn; readonly report: string }
  /** Either way, on the heartbeat connection of the supervisors. */
  | { readonly type: 'heartbeat'; readonly epoch: Epoch; readonly beat: number }
  /** Either way: the sender stops on purpose; this is not a failure. */
  | { readonly type: 'bye'; readonly epoch: Epoch; readonly code: number; readonly reason: string }
  /** Fresh backup to a primary's listener: dial me at this address and let me join. */
  | { readonly type: 'join'; readonly epoch: Epoch; readonly address: ReplicaId };
