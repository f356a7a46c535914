/** News for a backup's protocol core, and the work it hands back. */

import type { EncodedBatch, Lsn, Millis } from '../../log-format/index.ts';
import type { Position } from './election.ts';
import type { History } from './history.ts';
import type { ArbiterAnswer, Message, ReplicaId, SnapshotFile, View } from './messages.ts';
import type { Note } from './notes.ts';
import type { Question } from './views.ts';

export type Hello = Message & { readonly type: 'hello' };

/** `link`: the shell's number of a connection, never used twice. */
export type BackupEvent = { readonly now: Millis } & (
  | { readonly type: 'message'; readonly link: number; readonly message: Message }
  | { readonly type: 'closed'; readonly link: number; readonly reason: string }
  | { readonly type: 'beat'; readonly at: Millis }
  | { readonly type: 'suspect'; readonly reason: string }
  /** Records up to `lastLsn` are held; the newest view and a stop among them, if any. */
  | {
      readonly type: 'logged';
      readonly lastLsn: Lsn;
      readonly view: View | undefined;
      readonly stop: { readonly code: number; readonly reason: string } | undefined;
      readonly history: History;
    }
  /** `outputsCrc`: hash of all outputs up to there. */
  | { readonly type: 'replayed'; readonly lsn: Lsn; readonly outputsCrc: number }
  /** The copy is on disk up to `lsn`. */
  | { readonly type: 'durable'; readonly lsn: Lsn }
  /** Another backup has answered a poll. */
  | { readonly type: 'position'; readonly position: Position }
  /** Its operator makes this replica primary, whatever the arbiter says. */
  | { readonly type: 'force'; readonly view: View }
  | { readonly type: 'diverged'; readonly lsn: Lsn; readonly report: string }
  /** What arrived is no log, or has a gap. */
  | { readonly type: 'damaged'; readonly reason: string }
  /** The files of the copy were deleted: what is in memory is good, and could not be gone on from. */
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'answer'; readonly token: string; readonly answer: ArbiterAnswer }
  | { readonly type: 'deadline' }
);

export type BackupEffect =
  | { readonly type: 'send'; readonly link: number; readonly message: Message }
  | { readonly type: 'close'; readonly link: number; readonly reason: string }
  /**
   * `fresh`: begin an empty copy of the log. `keep`: go on with the copy as it is. `reopen`: cut the copy
   * on this host's disk behind `from` and go on with that.
   */
  | {
      readonly type: 'open';
      readonly hello: Hello;
      readonly from: Lsn;
      readonly how: 'fresh' | 'keep' | 'reopen';
    }
  /** Begin anew with a snapshot of `lsn`, whose files follow. */
  | {
      readonly type: 'join';
      readonly hello: Hello;
      readonly lsn: Lsn;
      readonly files: readonly SnapshotFile[];
    }
  | {
      readonly type: 'snapshot';
      readonly name: string;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  /** Bring the copy to disk; answer with `durable`. */
  | { readonly type: 'sync' }
  /** Ask these backups for their position. */
  | { readonly type: 'poll'; readonly peers: readonly ReplicaId[]; readonly message: Message }
  | { readonly type: 'intake'; readonly bytes: Uint8Array }
  | { readonly type: 'append'; readonly batch: EncodedBatch }
  /** Send `ack()` soon. */
  | { readonly type: 'ack' }
  | { readonly type: 'forget'; readonly lsn: Lsn }
  | { readonly type: 'ask'; readonly question: Question }
  /** Throw away machine, log and outputs. */
  | { readonly type: 'reset'; readonly reason: string }
  /** The view is won: hand over to a primary. Final. */
  | { readonly type: 'promote'; readonly view: View }
  /** The primary stopped on purpose: replay to the end, seal. Final. */
  | { readonly type: 'finish'; readonly code: number; readonly reason: string }
  /** The replay differs and the primary knows it. Final. */
  | { readonly type: 'fail'; readonly lsn: Lsn; readonly report: string }
  | { readonly type: 'note'; readonly note: Note };

/** What the shell of a backup gives its core. */
export interface BackupOptions {
  readonly newToken: () => string;
  /** Preferred for a takeover: more comes first. */
  readonly priority: number;
  /** Never in a view. */
  readonly hidden: boolean;
  /** Keeps the log and runs nothing. */
  readonly cold: boolean;
  /** What this host's disk has of the log of a hello from an earlier life. */
  readonly standing: (hello: Hello) => History | undefined;
  /** Why this host cannot shadow the guest of a hello; undefined if it can. */
  readonly refuses: (hello: Hello) => string | undefined;
}
