/** News for a primary's protocol core, and the work it hands back. `T` is an output, never opened. */

import type { EncodedBatch, Epoch, Lsn, Millis } from '../../log-format/index.ts';
import type { AckLevel, AckRule } from './ack-level.ts';
import type { ArbiterAnswer, Message, ReplicaId, View } from './messages.ts';
import type { Note } from './notes.ts';
import type { Gated } from './output-gate.ts';
import type { OwnLogMode } from './own-log.ts';
import type { Question } from './views.ts';

export type PrimaryEvent<T> = { readonly now: Millis } & (
  | { readonly type: 'start' }
  /** A connection to `peer` is open. Only if `canLink(peer)`. */
  | { readonly type: 'linked'; readonly peer: ReplicaId }
  | { readonly type: 'message'; readonly peer: ReplicaId; readonly message: Message }
  | { readonly type: 'closed'; readonly peer: ReplicaId; readonly reason: string }
  /** A heartbeat of `peer`, and when it was seen. */
  | { readonly type: 'beat'; readonly peer: ReplicaId; readonly at: Millis }
  /** Somebody with a better view (the supervisor) gave `peer` up. */
  | { readonly type: 'suspect'; readonly peer: ReplicaId; readonly reason: string }
  /** The stream to `peer` ended with this lsn, or broke off. */
  | {
      readonly type: 'streamed';
      readonly peer: ReplicaId;
      readonly lastLsn: Lsn;
      readonly failure: string | undefined;
    }
  /** A batch is in the own log; `stop`: its last record is the stop record asked for. */
  | { readonly type: 'appended'; readonly batch: EncodedBatch; readonly stop: boolean }
  /** All outputs of records up to `lsn`; `end`: the group's last record, and the hash of all outputs. */
  | {
      readonly type: 'produced';
      readonly lsn: Lsn;
      readonly outputs: readonly Gated<T>[];
      readonly end?: { readonly lsn: Lsn; readonly outputsCrc: number };
    }
  /** The guest asks to be told when everything up to `lsn` is as safe as `level`. */
  | { readonly type: 'commit'; readonly id: number; readonly lsn: Lsn; readonly level: AckLevel }
  /** Hand the guest over to `to`, or to the backup that is nearest to a takeover. */
  | { readonly type: 'switchover'; readonly to: ReplicaId | undefined }
  /** The own log is in its file up to `lsn`; `durable`: on the disk. */
  | { readonly type: 'written'; readonly lsn: Lsn; readonly durable: boolean }
  /** No group is under way and all of the log is appended: asked for by `pause`. */
  | { readonly type: 'paused' }
  /** Nothing has been shipped for a while. */
  | { readonly type: 'idle' }
  | { readonly type: 'answer'; readonly token: string; readonly answer: ArbiterAnswer }
  /** The arbiter named a later view, in which this replica is not primary, without being asked for one. */
  | { readonly type: 'deposed'; readonly view: View }
  | { readonly type: 'deadline' }
  /** The guest has exited or is to be stopped; no more turns will run. */
  | { readonly type: 'stop'; readonly code: number; readonly reason: string }
);

export type PrimaryEffect<T> =
  | { readonly type: 'send'; readonly peer: ReplicaId; readonly message: Message }
  | { readonly type: 'close'; readonly peer: ReplicaId; readonly reason: string }
  /** Bring `peer`, which has the log up to `from`, up to date; answer with `streamed`. */
  | { readonly type: 'stream'; readonly peer: ReplicaId; readonly from: Lsn }
  | { readonly type: 'ask'; readonly question: Question }
  /** Append a view record; answer with `appended`. */
  | { readonly type: 'appendView'; readonly view: View }
  /** Append a stop record; answer with `appended`. */
  | { readonly type: 'appendStop'; readonly code: number; readonly reason: string }
  /** Outputs wait for the own log: bring it to its file now; answer with `written`. */
  | { readonly type: 'write'; readonly durable: boolean }
  | { readonly type: 'release'; readonly outputs: readonly Gated<T>[] }
  /** What the guest asked for with `commit` is reached. */
  | { readonly type: 'committed'; readonly id: number }
  /** `on`: take no more input and run no more turns, for a switchover; the guest may go on else. */
  | { readonly type: 'pause'; readonly on: boolean }
  /** Another replica is primary, by agreement: end without a word to the guest. Final. */
  | { readonly type: 'handedOver'; readonly view: View }
  /** Buffers are full (or have room again): no more turns until it is off. */
  | { readonly type: 'throttle'; readonly on: boolean }
  /** The log is complete: seal it and end. */
  | {
      readonly type: 'finish';
      readonly code: number;
      readonly reason: string;
      readonly confirmed: boolean;
    }
  /** Another replica is primary: let nothing out any more, and end. */
  | { readonly type: 'halt'; readonly view: View | undefined; readonly discarded: number }
  | { readonly type: 'note'; readonly note: Note };

export interface PrimaryOptions {
  readonly id: ReplicaId;
  readonly vm: string;
  readonly detectMs: number;
  readonly newToken: () => string;
  /** The hello for a backup. The shell writes it, because the core knows no hashes. */
  readonly hello: (backup: ReplicaId, epoch: Epoch) => Message;
  /** The view this replica has won already (a promoted backup). Without one it claims the first. */
  readonly view: View | undefined;
  /** Epoch of the own log when the run is continued; 0 for a new one. */
  readonly epochLast: Epoch;
  /** Who led the newest view in the log, if it led alone: this replica, under a name of an earlier life. */
  readonly formerIds: readonly ReplicaId[];
  readonly ownLog: OwnLogMode;
  readonly rule: AckRule;
  readonly lsnAppended: Lsn;
  readonly lsnReleased: Lsn;
}
