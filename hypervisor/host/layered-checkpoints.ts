/**
 * Checkpoints for a timeline from two places: the snapshots the running guest left beside its log, and
 * those the timeline makes in memory as it moves. A snapshot on disk is checked once before it is
 * offered, so that what is named can be loaded.
 */

import type { Lsn } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import type { MachineSnapshot } from '../machine/snapshot.ts';
import type { Checkpoints } from '../timeline/checkpoints.ts';
import type { DiskCheckpoints } from './disk-checkpoints.ts';

export class LayeredCheckpoints implements Checkpoints {
  readonly #disk: Pick<DiskCheckpoints, 'lsns' | 'load' | 'isWhole'>;
  readonly #memory: Checkpoints;
  /** Those on disk that passed, and those that did not. */
  readonly #passed = new Map<Lsn, boolean>();
  readonly #range: { readonly first: Lsn; readonly last: Lsn };

  /** `range`: places the timeline can be at. */
  constructor(
    disk: Pick<DiskCheckpoints, 'lsns' | 'load' | 'isWhole'>,
    memory: Checkpoints,
    range: { readonly first: Lsn; readonly last: Lsn },
  ) {
    this.#disk = disk;
    this.#memory = memory;
    this.#range = range;
  }

  nearest(lsn: Lsn): { readonly lsn: Lsn } | undefined {
    const inMemory = this.#memory.nearest(lsn);
    const onDisk = this.#disk.lsns.find((one) => one <= lsn && this.#isUsable(one));
    if (inMemory === undefined || onDisk === undefined)
      return inMemory ?? (onDisk === undefined ? undefined : { lsn: onDisk });
    return onDisk > inMemory.lsn ? { lsn: onDisk } : inMemory;
  }

  load(lsn: Lsn): MachineSnapshot {
    if (this.#memory.nearest(lsn)?.lsn === lsn) return this.#memory.load(lsn);
    return defined(this.#disk.load(lsn), 'a checked snapshot can be loaded');
  }

  offer(lsn: Lsn, take: () => MachineSnapshot): void {
    this.#memory.offer(lsn, take);
  }

  lsns(): readonly Lsn[] {
    // Not checked: reading all of them takes seconds, and whoever goes to one asks `nearest` first.
    const onDisk = this.#disk.lsns.filter(
      (lsn) => this.#isInRange(lsn) && this.#passed.get(lsn) !== false,
    );
    return [...new Set([...onDisk, ...this.#memory.lsns()])].sort((one, two) => one - two);
  }

  #isInRange(lsn: Lsn): boolean {
    return lsn >= this.#range.first && lsn <= this.#range.last;
  }

  #isUsable(lsn: Lsn): boolean {
    if (!this.#isInRange(lsn)) return false;
    const known = this.#passed.get(lsn);
    if (known !== undefined) return known;
    const passes = this.#disk.isWhole(lsn);
    this.#passed.set(lsn, passes);
    return passes;
  }
}
