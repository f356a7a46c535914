/**
 * Snapshots of a backup: taken where the primary took its own, because a checkpoint record marks a place
 * at which the replay has just been compared byte for byte. The log is written by another thread, so
 * the snapshot waits for word of where its place is and that the copy is on disk up to there.
 */

import { asEpoch, asLsn, type LogHeader, type Lsn, type Micros } from '../../log-format/index.ts';
import type { HvError } from '../base/errors.ts';
import type { Machine } from '../machine/machine.ts';
import type { ReplayGroup, TurnsResult } from '../ports.ts';
import type { View } from '../protocol/messages.ts';
import { lastLsnOf } from '../replica/group-splitter.ts';
import type { CheckpointPlace, TakenCheckpoint } from './checkpoint-store.ts';
import { type CheckpointerOptions, FileCheckpointer, type PlacedLog } from './checkpointer.ts';
import type { Disk } from './disk.ts';
import type { LogPosition } from './log-cursor.ts';

export interface FollowedOptions {
  /** Of the copy. */
  readonly dir: string;
  readonly header: LogHeader;
  readonly machine: Machine;
  /** Where the machine stands. */
  readonly lsn: Lsn;
  readonly time: Micros;
  readonly onTaken: (taken: TakenCheckpoint) => void;
  readonly onTrouble: (error: HvError) => void;
  readonly onRecovered?: CheckpointerOptions['onRecovered'];
  readonly disk?: Disk;
}

/** A snapshot that waits for its place. */
interface Waiting {
  readonly lsn: Lsn;
  readonly time: Micros;
  readonly locate: (place: CheckpointPlace) => void;
  readonly giveUp: (error: Error) => void;
}

/** Another thread has the log: nothing is asked of it here. */
const ELSEWHERE: PlacedLog = {
  position: undefined,
  bytesAppended: 0,
  write: (done) => done(),
  sync: (done) => done(),
};

export class FollowedCheckpoints {
  /** Of the log where the machine stood at first. */
  readonly #time: Micros;
  readonly #checkpointer: FileCheckpointer;
  /** Places told before their groups were replayed. */
  readonly #places = new Map<
    Lsn,
    { readonly position: LogPosition; readonly view: View | undefined }
  >();
  /** Of the last group with a checkpoint. */
  #lsnReplayed: Lsn = asLsn(0);
  #waiting: Waiting | undefined;
  #live = false;

  constructor(options: FollowedOptions) {
    const { dir, header, machine, lsn, time, onTaken, onTrouble, onRecovered, disk } = options;
    this.#time = time;
    this.#checkpointer = new FileCheckpointer({
      ...{ dir, header, machine, lsn, time, onTaken },
      log: ELSEWHERE,
      every: { type: 'off' },
      keep: { type: 'all' },
      // One that is given up because the backup is promoted is no trouble.
      onTrouble: (error) => {
        if (!this.#live || this.#waiting === undefined) onTrouble(error);
        else this.#waiting = undefined;
      },
      ...(onRecovered === undefined ? {} : { onRecovered }),
      ...(disk === undefined ? {} : { disk }),
    });
  }

  /** A group was replayed, and compared with no difference. */
  replayed(group: ReplayGroup, { halted }: Pick<TurnsResult, 'halted'>): void {
    const mark = group.records.at(-2);
    if (mark?.type !== 'checkpoint') return;
    const lsn = lastLsnOf(group);
    this.#lsnReplayed = lsn;
    const known = this.#places.get(lsn);
    this.#places.delete(lsn);
    if (halted !== undefined) return;
    let waiting: Waiting | undefined;
    const located = new Promise<CheckpointPlace>((locate, giveUp) => {
      waiting = { lsn, time: mark.time, locate, giveUp };
    });
    if (!this.#checkpointer.follow({ lsn, time: mark.time, located })) return;
    this.#waiting = waiting;
    if (known !== undefined) this.placed(known.position, known.view);
  }

  /** A snapshot where the machine stood at first, which is `position`. The copy is on disk up to there. */
  keep(position: LogPosition, view: View | undefined): void {
    const time = this.#time;
    const located = Promise.resolve(placeOf({ position, view, time }));
    this.#checkpointer.follow({ lsn: position.lastLsn, time, located });
  }

  /** The copy is on disk up to `position`, behind a group with a checkpoint record. */
  placed(position: LogPosition, view: View | undefined): void {
    const waiting = this.#waiting;
    if (waiting?.lsn !== position.lastLsn) {
      // Behind the replay: that snapshot was not taken, because an earlier one was being written.
      if (position.lastLsn > this.#lsnReplayed)
        this.#places.set(position.lastLsn, { position, view });
      return;
    }
    this.#waiting = undefined;
    waiting.locate(placeOf({ position, view, time: waiting.time }));
  }

  /** The backup is promoted: its checkpoints are those of a primary with this log from here on. */
  goLive(
    log: PlacedLog,
    settings: {
      readonly checkpoint: CheckpointerOptions['every'];
      readonly keep: CheckpointerOptions['keep'];
    },
  ): FileCheckpointer {
    this.#live = true;
    this.#places.clear();
    this.#waiting?.giveUp(new Error('the backup has become primary'));
    this.#checkpointer.goLive({ log, every: settings.checkpoint, keep: settings.keep });
    return this.#checkpointer;
  }

  /** Calls `done` when nothing is being written. */
  whenIdle(done: () => void): void {
    this.#checkpointer.close(done);
  }
}

function placeOf(at: {
  readonly position: LogPosition;
  readonly view: View | undefined;
  readonly time: Micros;
}): CheckpointPlace {
  const { position, time, view = { epoch: asEpoch(0), primary: '', backups: [] } } = at;
  return { position, time, view, logDurable: (done) => done() };
}
