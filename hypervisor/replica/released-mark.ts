/**
 * Keeps beside the own log what has left, for a run that goes on from it: outputs wait for backups while
 * the ends of their groups are in the log already, so the log alone does not tell. Late, never early: what
 * is behind the mark may be let out twice, what is before it must have left.
 */

import { asEpoch, asLsn, type Epoch, type Lsn } from '../../log-format/index.ts';
import { RELEASED_MARK_RECORDS } from '../base/limits.ts';
import type { LogStore } from '../ports.ts';
import type { View } from '../protocol/messages.ts';
import type { MountBackend } from './mount-backend.ts';

export class ReleasedMark {
  readonly #store: Pick<LogStore, 'released'>;
  readonly #mounts: Pick<MountBackend, 'goLive'> | undefined;
  #epoch: Epoch = asEpoch(0);
  #lsn: Lsn;
  #kept: Lsn = asLsn(0);

  /** `lsn`: what had left before this life. `mounts` keep marks of their own (host/mount-marker.ts). */
  constructor(store: Pick<LogStore, 'released'>, lsn: Lsn, mounts?: Pick<MountBackend, 'goLive'>) {
    this.#store = store;
    this.#mounts = mounts;
    this.#lsn = lsn;
  }

  /** A view begins: call before its record is logged, or the mark would be that of another reign. */
  begin(epoch: Epoch): void {
    this.#epoch = epoch;
    this.#keep();
    this.#mounts?.goLive(epoch);
  }

  /** Outputs up to `lsn` have left. `seen`: some of them on the console, which nobody takes twice unseen. */
  left(lsn: Lsn, { seen }: { readonly seen: boolean }): void {
    if (lsn > this.#lsn) this.#lsn = lsn;
    if (seen || this.#lsn - this.#kept >= RELEASED_MARK_RECORDS) this.#keep();
  }

  /** Nothing happens for a while. */
  flush(): void {
    if (this.#lsn > this.#kept) this.#keep();
  }

  #keep(): void {
    if (this.#epoch === 0) return;
    this.#kept = this.#lsn;
    this.#store.released?.({ epoch: this.#epoch, lsn: this.#lsn });
  }
}

export interface ReleasedAt {
  /** Of the reign in which it was noted. */
  readonly epoch: Epoch;
  readonly lsn: Lsn;
}

/** The end of a log that a run goes on from. */
export interface LogEnd {
  /** The newest in it. */
  readonly view: View | undefined;
  /** The first view in a row that has the same primary. */
  readonly reignSince: Epoch;
  /** Last record of the last complete group. */
  readonly lsnReplayed: Lsn;
}

/**
 * Where a replay has to begin to tell what has left: at or before this record. `begun`: where one began, with the
 * view in force there, and what it found (`knownReleased`). A mark of an earlier view, as a power cut leaves one,
 * is of the same reign or not: the views between are read to tell.
 */
export function tellsFrom(
  begun: { readonly view: View | undefined; readonly lsnReleased: Lsn },
  mark: ReleasedAt | undefined,
): Lsn {
  if (mark === undefined || begun.view === undefined) return begun.lsnReleased;
  return mark.epoch < begun.view.epoch ? mark.lsn : begun.lsnReleased;
}

/**
 * Up to where outputs are known to have left; those behind it are let out again. `begun`: where the replay
 * began, if not at the first record.
 */
export function knownReleased(
  end: LogEnd,
  mark: ReleasedAt | undefined,
  begun?: { readonly view: View | undefined; readonly lsn: Lsn },
): Lsn {
  const { view, reignSince, lsnReplayed } = end;
  // A log of an earlier hv, or a copy of somebody else's reign: nobody knows better.
  if (mark === undefined || view === undefined) return lsnReplayed;
  if (mark.epoch < reignSince) {
    // One reign as far as it was seen: whether the mark is of it nobody can tell. Late, never early.
    const isUnseen = begun?.view !== undefined && begun.view.epoch === reignSince;
    return isUnseen ? asLsn(Math.min(Math.max(mark.lsn, begun.lsn), lsnReplayed)) : lsnReplayed;
  }
  // A mark of an earlier view of this reign is late, as a power cut leaves it.
  return asLsn(Math.min(mark.lsn, lsnReplayed));
}
