/**
 * Blocks of guest memory kept once however many checkpoints hold them. A block is a number; 0 is a
 * block of zeros, which takes no room. Owners are counted, because a checkpoint may go at any time.
 */

import { assert, defined } from '../base/assert.ts';

/**
 * An eighth of a page: a turn changes a few bytes in many places (a counter of references, a value),
 * and whole pages let a budget hold a quarter of the checkpoints (bench/timeline.ts).
 */
export const BLOCK_BYTES = 512;
/** 4 MiB at a time. */
const SLAB_BLOCKS = 8192;

export class BlockPool {
  readonly #blocksMax: number;
  readonly #slabs: Buffer[] = [];
  readonly #owners: Uint32Array;
  readonly #free: number[] = [];
  /** Numbers given out so far, the zero block included. */
  #next = 1;

  constructor(bytesMax: number) {
    this.#blocksMax = Math.floor(bytesMax / BLOCK_BYTES);
    this.#owners = new Uint32Array(this.#blocksMax + 1);
  }

  /** Of the blocks in use. */
  get bytes(): number {
    return (this.#next - 1 - this.#free.length) * BLOCK_BYTES;
  }

  /** Copies a block in; undefined when the pool is full. The caller owns it once. */
  add(bytes: Uint8Array): number | undefined {
    const block = this.#free.pop() ?? this.#fresh();
    if (block === undefined) return undefined;
    const slab = defined(this.#slabs[Math.floor(block / SLAB_BLOCKS)], 'a block has its slab');
    slab.set(bytes, (block % SLAB_BLOCKS) * BLOCK_BYTES);
    this.#owners[block] = 1;
    return block;
  }

  /** One owner more. */
  share(block: number): void {
    assert((this.#owners[block] ?? 0) > 0, 'a block shared is in use');
    this.#owners[block] = (this.#owners[block] ?? 0) + 1;
  }

  /** One owner less; without any the block is free. */
  release(block: number): void {
    if (block === 0) return;
    const owners = this.#owners[block] ?? 0;
    assert(owners > 0, 'a block released is in use');
    this.#owners[block] = owners - 1;
    if (owners === 1) this.#free.push(block);
  }

  holds(block: number, bytes: Uint8Array): boolean {
    const at = (block % SLAB_BLOCKS) * BLOCK_BYTES;
    const slab = this.#slabs[Math.floor(block / SLAB_BLOCKS)];
    return slab?.compare(bytes, 0, BLOCK_BYTES, at, at + BLOCK_BYTES) === 0;
  }

  /** `count` blocks with consecutive numbers, of one slab. Valid while they are owned. */
  view(block: number, count: number): Uint8Array {
    const slab = defined(this.#slabs[Math.floor(block / SLAB_BLOCKS)], 'a block has its slab');
    const at = (block % SLAB_BLOCKS) * BLOCK_BYTES;
    return slab.subarray(at, at + count * BLOCK_BYTES);
  }

  /** Whether `view` may cover both. */
  areNeighbours(block: number, next: number): boolean {
    return block !== 0 && next === block + 1 && next % SLAB_BLOCKS !== 0;
  }

  #fresh(): number | undefined {
    if (this.#next > this.#blocksMax) return undefined;
    const block = this.#next++;
    if (Math.floor(block / SLAB_BLOCKS) === this.#slabs.length)
      this.#slabs.push(Buffer.alloc(SLAB_BLOCKS * BLOCK_BYTES));
    return block;
  }
}
