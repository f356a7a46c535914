/**
 * The CRC-32 of every page of one memory that is not all zero, from which its hash follows at the cost
 * of the pages that changed: hashing 60 MiB anew would be the longest part of taking a difference.
 */

import { crc32 } from '../../log-format/index.ts';
import { bufferOf, hashOfSums, IMAGE_PAGE_BYTES, isZeroPage } from './memory-image.ts';

export class PageSums {
  readonly #sums: Map<number, number>;

  constructor(base?: PageSums) {
    this.#sums = new Map(base?.pages());
  }

  /** Pages that are not all zero. */
  get count(): number {
    return this.#sums.size;
  }

  /** The page numbered `page` is now the one in `bytes` at `at`. False when it is all zero. */
  set(page: number, bytes: Uint8Array, at: number): boolean {
    if (isZeroPage(bufferOf(bytes), at)) {
      this.#sums.delete(page);
      return false;
    }
    this.#sums.set(page, crc32(bytes.subarray(at, at + IMAGE_PAGE_BYTES)));
    return true;
  }

  /** Numbers and CRCs, in no order. */
  pages(): IterableIterator<[number, number]> {
    return this.#sums.entries();
  }

  /** As `memoryHash` over all of the memory. */
  hash(): Uint8Array {
    const pages = [...this.#sums].sort((one, two) => one[0] - two[0]);
    return hashOfSums(pages.flat());
  }
}
