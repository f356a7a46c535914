/**
 * The CRC-32 of every page of one memory that is not all zero, from which its hash follows at the cost
 * of the pages that changed: hashing 60 MiB anew would be the longest part of taking a difference.
 */

import { crc32 } from '../../log-format/index.ts';
import { bufferOf, hashOfSums, IMAGE_PAGE_BYTES, isZeroPage } from './memory-image.ts';

/** Room grows by this many pages. */
const STEP_PAGES = 4096;

export class PageSums {
  #sums: Uint32Array;
  /** 1 for a page that is not all zero: its CRC may be 0. */
  #filled: Uint8Array;
  #count: number;

  /** Starts as `base`, or as a memory of zeros. */
  constructor(base?: PageSums) {
    this.#sums = base ? base.#sums.slice() : new Uint32Array(0);
    this.#filled = base ? base.#filled.slice() : new Uint8Array(0);
    this.#count = base ? base.#count : 0;
  }

  /** Pages that are not all zero. */
  get count(): number {
    return this.#count;
  }

  /** The page numbered `page` is now the one in `bytes` at `at`. False when it is all zero. */
  set(page: number, bytes: Uint8Array, at: number): boolean {
    if (page >= this.#sums.length) this.#grow(page + 1);
    const filled = !isZeroPage(bufferOf(bytes), at);
    this.#count += Number(filled) - (this.#filled[page] as number);
    this.#filled[page] = Number(filled);
    if (filled) this.#sums[page] = crc32(bytes.subarray(at, at + IMAGE_PAGE_BYTES));
    return filled;
  }

  /** The page is not all zero. */
  has(page: number): boolean {
    return this.#filled[page] === 1;
  }

  /** Numbers of the pages that are not all zero, ascending. */
  pages(): number[] {
    const pages: number[] = [];
    for (let page = 0; page < this.#filled.length; page++)
      if (this.#filled[page] === 1) pages.push(page);
    return pages;
  }

  /** As `memoryHash` over all of the memory. */
  hash(): Uint8Array {
    const words = new Uint32Array(2 * this.#count);
    let to = 0;
    for (let page = 0; page < this.#sums.length; page++) {
      if (this.#filled[page] !== 1) continue;
      words[to++] = page;
      words[to++] = this.#sums[page] as number;
    }
    return hashOfSums(words);
  }

  #grow(pages: number): void {
    const length = Math.ceil(pages / STEP_PAGES) * STEP_PAGES;
    const [sums, filled] = [this.#sums, this.#filled];
    this.#sums = new Uint32Array(length);
    this.#sums.set(sums);
    this.#filled = new Uint8Array(length);
    this.#filled.set(filled);
  }
}
