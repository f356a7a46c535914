/** A backup's store: the log as FileLogStore keeps it, and word of places where snapshots may be kept. */

import type { EncodedBatch, Lsn } from '../../log-format/index.ts';
import type { BackupStore } from '../ports.ts';
import type { View } from '../protocol/messages.ts';
import type { LogPosition } from './log-cursor.ts';
import type { FileLogStore } from './log-store.ts';

/** Hears what the copy takes, in the very call in which it is appended. */
export interface PassOn {
  appended(batch: EncodedBatch): void;
  /** Whole frames of a state transfer. */
  frames(bytes: Uint8Array): void;
}

export class CopyStore implements BackupStore {
  readonly log: FileLogStore;
  passOn: PassOn | undefined;
  readonly #onPlaced: (position: LogPosition, view: View | undefined) => void;

  /** `onPlaced`: the copy is on disk up to a checkpoint of the primary. */
  constructor(
    log: FileLogStore,
    onPlaced: (position: LogPosition, view: View | undefined) => void,
  ) {
    this.log = log;
    this.#onPlaced = onPlaced;
  }

  appendFrames(bytes: Uint8Array): void {
    this.log.appendFrames(bytes);
    this.passOn?.frames(bytes);
  }

  append(batch: EncodedBatch): void {
    this.log.append(batch);
    this.passOn?.appended(batch);
  }

  checkpoint(lsn: Lsn, view: View | undefined): void {
    this.log.placeOf(lsn, (position) => this.#onPlaced(position, view));
  }

  sync(done: () => void): void {
    this.log.sync(done);
  }

  seal(done: () => void): void {
    this.log.seal(done);
  }

  close(done: () => void): void {
    this.log.close(done);
  }
}
