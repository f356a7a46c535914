/**
 * Checkpoints of a timeline: snapshots it may start from instead of the log's beginning. The
 * interface is what stores of any kind plug into; the one here keeps them in memory.
 */

import type { Lsn } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import type { MemoryRun } from '../machine/memory-image.ts';
import type { MachineSnapshot, MachineState } from '../machine/snapshot.ts';
import { BLOCK_BYTES, BlockPool } from './block-pool.ts';

export interface Checkpoints {
  /** The last one at or before `lsn`. */
  nearest(lsn: Lsn): { readonly lsn: Lsn } | undefined;
  /**
   * Of one that `nearest` or `lsns` has named. Views are allowed: it is used up before the next call.
   * Undefined when it turns out to be of no use; it must not be named again then.
   */
  load(lsn: Lsn): MachineSnapshot | undefined;
  /**
   * The machine stands behind all turns up to `lsn`. Whoever wants to keep that calls `take`, whose
   * memory is a view: copy it before returning.
   */
  offer(lsn: Lsn, take: () => MachineSnapshot): void;
  /** Where there are any, ascending. */
  lsns(): readonly Lsn[];
}

interface Kept {
  readonly lsn: Lsn;
  readonly state: MachineState;
  /** By block of guest memory, from address 0. */
  readonly blocks: Uint32Array;
  /** How much replay it takes to come here from the boot, in ticks. */
  readonly cost: number;
}

/** Some that are there already, such as those a running hypervisor has left beside its log. */
export type GivenCheckpoints = Pick<Checkpoints, 'nearest' | 'load' | 'lsns'>;

/** Given checkpoints together with a store for new ones, which is asked first. */
export class LayeredCheckpoints implements Checkpoints {
  readonly #store: Checkpoints;
  readonly #given: GivenCheckpoints;

  constructor(store: Checkpoints, given: GivenCheckpoints) {
    this.#store = store;
    this.#given = given;
  }

  nearest(lsn: Lsn): { readonly lsn: Lsn } | undefined {
    const own = this.#store.nearest(lsn);
    const given = this.#given.nearest(lsn);
    return (given?.lsn ?? 0) > (own?.lsn ?? 0) ? given : (own ?? given);
  }

  load(lsn: Lsn): MachineSnapshot | undefined {
    const isOwn = this.#store.nearest(lsn)?.lsn === lsn;
    return isOwn ? this.#store.load(lsn) : this.#given.load(lsn);
  }

  offer(lsn: Lsn, take: () => MachineSnapshot): void {
    this.#store.offer(lsn, take);
  }

  lsns(): readonly Lsn[] {
    return [...new Set([...this.#store.lsns(), ...this.#given.lsns()])].sort((a, b) => a - b);
  }
}

/** What a turn costs a replay beside its ticks, told in ticks: reading and dispatching its record. */
const TURN_TICKS = 500;

/**
 * Keeps blocks that differ from the checkpoint before, within a budget of bytes. When it is used up,
 * every new checkpoint first takes the place of the one that is missed least, so that what is left
 * lies evenly over the log.
 */
export class MemoryCheckpoints implements Checkpoints {
  readonly #pool: BlockPool;
  /** Ascending. */
  readonly #kept: Kept[] = [];
  /** Closer neighbours than this are not taken in: the budget has been used up once. */
  #spacing = 0;
  readonly #bytesMax: number;
  /** Of the numbers of blocks that checkpoints hold. */
  #indexBytes = 0;

  /** `bytesMax`: of guest memory and what finds it; the rest of a checkpoint is a few kilobytes. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#pool = new BlockPool(bytesMax);
  }

  get bytes(): number {
    return this.#pool.bytes + this.#indexBytes;
  }

  nearest(lsn: Lsn): { readonly lsn: Lsn } | undefined {
    return this.#kept[this.#countUpTo(lsn) - 1];
  }

  lsns(): readonly Lsn[] {
    return this.#kept.map(({ lsn }) => lsn);
  }

  load(lsn: Lsn): MachineSnapshot {
    const found = this.#kept[this.#countUpTo(lsn) - 1];
    const { state, blocks } = defined(
      found?.lsn === lsn ? found : undefined,
      'a checkpoint exists',
    );
    const memory: MemoryRun[] = [];
    for (let index = 0; index < blocks.length; ) {
      const block = blocks[index] ?? 0;
      let count = 1;
      while (this.#pool.areNeighbours(blocks[index + count - 1] ?? 0, blocks[index + count] ?? 0))
        count++;
      if (block !== 0)
        memory.push({ at: index * BLOCK_BYTES, bytes: this.#pool.view(block, count) });
      index += count;
    }
    return { state, memory };
  }

  offer(lsn: Lsn, take: () => MachineSnapshot): void {
    const index = this.#countUpTo(lsn);
    if (this.#kept[index - 1]?.lsn === lsn) return;
    const { state, memory } = take();
    const cost = state.ticks + state.turns * TURN_TICKS;
    if (this.#isCrowded(index, cost)) return;
    for (;;) {
      const at = this.#countUpTo(lsn);
      const blocks = this.#store(memory, this.#kept[at - 1] ?? this.#kept[at]);
      if (blocks !== undefined && this.bytes + blocks.byteLength <= this.#bytesMax) {
        this.#kept.splice(at, 0, { lsn, state, blocks, cost });
        this.#indexBytes += blocks.byteLength;
        return;
      }
      this.#release(blocks);
      if (!this.#thin()) return;
    }
  }

  /** How many lie at or before `lsn`. */
  #countUpTo(lsn: Lsn): number {
    let low = 0;
    let high = this.#kept.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#kept[middle]?.lsn ?? 0) <= lsn) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isCrowded(index: number, cost: number): boolean {
    const before = this.#kept[index - 1]?.cost ?? 0;
    const after = this.#kept[index]?.cost ?? Number.POSITIVE_INFINITY;
    return Math.min(cost - before, after - cost) < this.#spacing / 2;
  }

  /** The blocks of a snapshot, those of `base` shared; undefined when the pool is full. */
  #store(memory: readonly MemoryRun[], base: Kept | undefined): Uint32Array | undefined {
    const last = memory.at(-1);
    const bytes = last === undefined ? 0 : last.at + last.bytes.length;
    const blocks = new Uint32Array(bytes / BLOCK_BYTES);
    for (const run of memory) {
      for (let offset = 0; offset < run.bytes.length; offset += BLOCK_BYTES) {
        const index = (run.at + offset) / BLOCK_BYTES;
        const block = this.#block(
          run.bytes.subarray(offset, offset + BLOCK_BYTES),
          base?.blocks[index] ?? 0,
        );
        if (block === undefined) {
          this.#release(blocks);
          return undefined;
        }
        blocks[index] = block;
      }
    }
    return blocks;
  }

  #block(bytes: Uint8Array, known: number): number | undefined {
    if (known === 0 || !this.#pool.holds(known, bytes)) return this.#pool.add(bytes);
    this.#pool.share(known);
    return known;
  }

  #release(blocks: Uint32Array | undefined): void {
    for (const block of blocks ?? []) this.#pool.release(block);
  }

  /** Drops the one whose neighbours are closest to each other. False: there is none to drop. */
  #thin(): boolean {
    let victim = -1;
    let gap = Number.POSITIVE_INFINITY;
    for (let index = 0; index < this.#kept.length - 1; index++) {
      const before = this.#kept[index - 1]?.cost ?? 0;
      const merged = (this.#kept[index + 1]?.cost ?? 0) - before;
      if (merged >= gap) continue;
      gap = merged;
      victim = index;
    }
    if (victim < 0) return false;
    const [dropped] = this.#kept.splice(victim, 1);
    this.#indexBytes -= dropped?.blocks.byteLength ?? 0;
    this.#release(dropped?.blocks);
    this.#spacing = Math.max(this.#spacing, gap / 2);
    return true;
  }
}
