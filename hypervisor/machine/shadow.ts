/**
 * A copy of guest memory, with the sum of every page, that follows the memory: snapshots are written from it
 * while the guest goes on, and the hash of the memory costs what has changed. Copying and summing 100 MiB
 * takes 150 ms, comparing them 20: so most is done in short pieces between turns (`advance`), and the guest
 * stands still for the comparison and what has changed meanwhile alone (`catchUp`), as in the precopy of a
 * live migration (Clark et al., NSDI 2005, 4.1).
 *
 * It lies in chunks: memory that grows moves nothing, and touching fresh memory, which costs four times
 * the copy, is part of the pieces.
 */

import { assert } from '../base/assert.ts';
import { bufferOf, IMAGE_PAGE_BYTES } from './memory-image.ts';
import { PageSums } from './page-sums.ts';

/** Pages that lie one behind the other in a shadow. */
export const CHUNK_PAGES = 256;
const CHUNK_BYTES: number = CHUNK_PAGES * IMAGE_PAGE_BYTES;
/** Looked at between two questions whether to go on: half a millisecond when all of it is new. */
const PIECE_BYTES: number = CHUNK_BYTES / 4;
/** Compared at once in a piece that differs: a call per page would cost as much as the bytes. */
const BLOCK_BYTES: number = 16 * IMAGE_PAGE_BYTES;
/** Room for marks of pages grows in steps of this. */
const STEP_PAGES = 4096;

/** Pages with their numbers, ascending; `bytes` holds them one behind the other. */
export interface PageSet {
  readonly pages: readonly number[];
  readonly bytes: Uint8Array;
}

export class Shadow {
  readonly #chunks: Buffer[] = [];
  readonly #sums = new PageSums();
  /** Bytes from 0 that the copy holds. */
  #extent = 0;
  /** 1 for a page that has changed since `mark`. */
  #changed: Uint8Array = new Uint8Array(0);
  #changedCount = 0;
  #mark = 0;
  /** Where the round under way goes on. */
  #next = 0;
  #pinned = false;

  /** Bytes it holds on to. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_BYTES;
  }

  /** Bytes of the memory followed, from 0. */
  get extent(): number {
    return this.#extent;
  }

  /** Somebody reads it: it must not follow. */
  get pinned(): boolean {
    return this.#pinned;
  }

  /** Pages that are not all zero. */
  get count(): number {
    return this.#sums.count;
  }

  /** Pages that may have changed since `mark`. */
  get changedCount(): number {
    return this.#changedCount;
  }

  /** As `memoryHash` over all of the memory followed. */
  hash(): Uint8Array {
    return this.#sums.hash();
  }

  /**
   * Follows `memory` (`Machine.usedMemory`) as far as `mayGo` says, which is asked after each piece. True
   * when it has come round: it is then as far behind as the guest has written meanwhile.
   */
  advance(memory: Uint8Array, mayGo: () => boolean): boolean {
    assert(!this.#pinned, 'a shadow that is read does not follow');
    while (this.#next < memory.length) {
      const to = Math.min(this.#next + PIECE_BYTES, memory.length);
      this.#follow(memory, this.#next, to);
      this.#next = to;
      if (to < memory.length && !mayGo()) return false;
    }
    this.#next = 0;
    return true;
  }

  /** Becomes equal to `memory`. */
  catchUp(memory: Uint8Array): void {
    assert(!this.#pinned, 'a shadow that is read does not follow');
    for (let from = 0; from < memory.length; from += CHUNK_BYTES)
      this.#follow(memory, from, Math.min(from + CHUNK_BYTES, memory.length));
    // Memory above what is used now is zero, whatever it was.
    for (let at = memory.length; at < this.#extent; at += IMAGE_PAGE_BYTES) this.#clear(at);
    this.#extent = memory.length;
    this.#next = 0;
  }

  /** From here on pages count as changed when they change. Says which mark it is: the newest counts. */
  mark(): number {
    this.#changed.fill(0);
    this.#changedCount = 0;
    this.#mark += 1;
    return this.#mark;
  }

  /** The newest mark. */
  get marked(): number {
    return this.#mark;
  }

  /** Until `unpin` it stays as it is. */
  pin(): void {
    assert(!this.#pinned, 'one at a time reads a shadow');
    this.#pinned = true;
  }

  unpin(): void {
    this.#pinned = false;
  }

  /** Numbers of the pages that are not all zero, ascending. */
  filledPages(): number[] {
    return this.#sums.pages();
  }

  /** Numbers of the pages that may have changed since `mark`, those that became zero as well, ascending. */
  changedPages(): number[] {
    const pages: number[] = [];
    for (let page = 0; page < this.#changed.length; page++)
      if (this.#changed[page] === 1) pages.push(page);
    return pages;
  }

  /** The bytes of `pages`: a view where they lie one behind the other, to be read while it is pinned. */
  read(pages: readonly number[]): Uint8Array {
    const [first = 0, last = first] = [pages[0], pages.at(-1)];
    const inOne = chunkOf(first) === chunkOf(last) && last - first === pages.length - 1;
    if (inOne) return this.#view(first, pages.length);
    const bytes = new Uint8Array(pages.length * IMAGE_PAGE_BYTES);
    for (const [index, page] of pages.entries())
      bytes.set(this.#view(page, 1), index * IMAGE_PAGE_BYTES);
    return bytes;
  }

  #view(page: number, count: number): Uint8Array {
    const at = (page % CHUNK_PAGES) * IMAGE_PAGE_BYTES;
    return this.#chunk(page * IMAGE_PAGE_BYTES).subarray(at, at + count * IMAGE_PAGE_BYTES);
  }

  #chunk(at: number): Buffer {
    const index = Math.floor(at / CHUNK_BYTES);
    while (this.#chunks.length <= index) this.#chunks.push(newChunk());
    return this.#chunks[index] as Buffer;
  }

  /** `from` to `to` lie in one chunk. What the copy does not hold yet is taken without a comparison. */
  #follow(memory: Uint8Array, from: number, to: number): void {
    const now = bufferOf(memory);
    const chunk = this.#chunk(from);
    const base = from - (from % CHUNK_BYTES);
    const known = Math.max(from, Math.min(to, this.#extent));
    if (known > from && differs(now, chunk, { from, to: known, base }))
      for (let at = from; at < known; at += BLOCK_BYTES) {
        const end = Math.min(at + BLOCK_BYTES, known);
        if (differs(now, chunk, { from: at, to: end, base }))
          this.#comparePages(now, chunk, { from: at, to: end, base });
      }
    if (known === to) return;
    chunk.set(memory.subarray(known, to), known - base);
    for (let at = known; at < to; at += IMAGE_PAGE_BYTES)
      if (this.#sums.set(at / IMAGE_PAGE_BYTES, chunk, at - base)) this.#note(at);
    this.#extent = to;
  }

  #comparePages(now: Buffer, chunk: Buffer, { from, to, base }: Range): void {
    for (let at = from; at < to; at += IMAGE_PAGE_BYTES) {
      const end = at + IMAGE_PAGE_BYTES;
      if (!differs(now, chunk, { from: at, to: end, base })) continue;
      chunk.set(now.subarray(at, end), at - base);
      this.#sums.set(at / IMAGE_PAGE_BYTES, chunk, at - base);
      this.#note(at);
    }
  }

  #clear(at: number): void {
    const chunk = this.#chunk(at);
    const from = at % CHUNK_BYTES;
    const page = at / IMAGE_PAGE_BYTES;
    if (!this.#sums.has(page)) return;
    chunk.fill(0, from, from + IMAGE_PAGE_BYTES);
    this.#sums.set(page, chunk, from);
    this.#note(at);
  }

  #note(at: number): void {
    const page = at / IMAGE_PAGE_BYTES;
    if (page >= this.#changed.length) {
      const marks = new Uint8Array(Math.ceil((page + 1) / STEP_PAGES) * STEP_PAGES);
      marks.set(this.#changed);
      this.#changed = marks;
    }
    if (this.#changed[page] === 0) this.#changedCount += 1;
    this.#changed[page] = 1;
  }
}

/** Bytes of memory; `base`: those of the chunk begin there. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly base: number;
}

function differs(now: Buffer, chunk: Buffer, { from, to, base }: Range): boolean {
  return now.compare(chunk, from - base, to - base, from, to) !== 0;
}

/**
 * Shared with nobody: V8 counts shared memory as no reason to collect garbage, and 100 MiB of other buffers
 * made it stop the thread for up to 120 ms while they were filled.
 */
function newChunk(): Buffer {
  return Buffer.from(new SharedArrayBuffer(CHUNK_BYTES));
}

function chunkOf(page: number): number {
  return Math.floor(page / CHUNK_PAGES);
}
