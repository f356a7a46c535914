/** The snapshots beside a log, as a timeline wants them: the nearest before a place, and loading it. */

import type { Lsn, SnapshotOwner } from '../../log-format/index.ts';
import type { MachineSnapshot } from '../machine/snapshot.ts';
import type { GivenCheckpoints } from '../timeline/checkpoints.ts';
import { checkpointLsns, type SkippedCheckpoint } from './checkpoint-files.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { CompleteCache, loadCheckpoint } from './snapshot-reader.ts';

export class DiskCheckpoints {
  readonly #dir: string;
  readonly #owner: SnapshotOwner;
  readonly #disk: Disk;
  readonly #cache = new CompleteCache();
  readonly #skipped: SkippedCheckpoint[] = [];
  /** Newest first; without those found to be bad. */
  #lsns: readonly Lsn[] = [];

  /** Knows the files that are there now; `refresh` looks again. */
  constructor(dir: string, owner: SnapshotOwner, disk: Disk = REAL_DISK) {
    this.#dir = dir;
    this.#owner = owner;
    this.#disk = disk;
    this.refresh();
  }

  refresh(): void {
    const bad = new Set(this.#skipped.map(({ lsn }) => lsn));
    this.#lsns = checkpointLsns(this.#dir, this.#disk).filter((lsn) => !bad.has(lsn));
  }

  /** Newest first. */
  get lsns(): readonly Lsn[] {
    return this.#lsns;
  }

  /** Snapshots that `load` could not use. */
  get skipped(): readonly SkippedCheckpoint[] {
    return this.#skipped;
  }

  /** The newest snapshot at or before `lsn` that is not known to be bad. */
  nearest(lsn: Lsn): { readonly lsn: Lsn } | undefined {
    const found = this.#lsns.find((one) => one <= lsn);
    return found === undefined ? undefined : { lsn: found };
  }

  /**
   * The snapshot at `lsn`, checked; its memory is shared and never to be written to. Undefined when it
   * cannot be used: it is in `skipped` then, and `nearest` names the one before.
   */
  load(lsn: Lsn): MachineSnapshot | undefined {
    const options = { disk: this.#disk, cache: this.#cache };
    const found = loadCheckpoint(this.#dir, lsn, this.#owner, options);
    if (found.type === 'loaded') return found.snapshot;
    this.#skipped.push({ lsn, unusable: found });
    this.#lsns = this.#lsns.filter((one) => one !== lsn);
    return undefined;
  }

  /** Those of places from `first` to `last`, for a timeline that has no others. */
  within(range: { readonly first: Lsn; readonly last: Lsn }): GivenCheckpoints {
    const inRange = (lsn: Lsn): boolean => lsn >= range.first && lsn <= range.last;
    return {
      nearest: (lsn) => {
        const found = this.#lsns.find((one) => one <= lsn && inRange(one));
        return found === undefined ? undefined : { lsn: found };
      },
      load: (lsn) => this.load(lsn),
      lsns: () => this.#lsns.filter(inRange).reverse(),
    };
  }
}
