/**
 * Pages of guest memory kept once however many checkpoints hold them. A page is a number; 0 is the
 * page of zeros, which takes no room. Owners are counted, because a checkpoint may go at any time.
 */

import { assert, defined } from '../base/assert.ts';
import { IMAGE_PAGE_BYTES } from '../machine/memory-image.ts';

/** 4 MiB at a time. */
const SLAB_PAGES = 1024;

export class PagePool {
  readonly #pagesMax: number;
  readonly #slabs: Buffer[] = [];
  readonly #owners: Uint32Array;
  readonly #free: number[] = [];
  /** Numbers given out so far, the zero page included. */
  #next = 1;

  constructor(bytesMax: number) {
    this.#pagesMax = Math.floor(bytesMax / IMAGE_PAGE_BYTES);
    this.#owners = new Uint32Array(this.#pagesMax + 1);
  }

  /** Of the pages in use. */
  get bytes(): number {
    return (this.#next - 1 - this.#free.length) * IMAGE_PAGE_BYTES;
  }

  /** Copies a page in; undefined when the pool is full. The caller owns it once. */
  add(bytes: Uint8Array): number | undefined {
    const page = this.#free.pop() ?? this.#fresh();
    if (page === undefined) return undefined;
    const slab = defined(this.#slabs[Math.floor(page / SLAB_PAGES)], 'a page has its slab');
    slab.set(bytes, (page % SLAB_PAGES) * IMAGE_PAGE_BYTES);
    this.#owners[page] = 1;
    return page;
  }

  /** One owner more. */
  share(page: number): void {
    assert((this.#owners[page] ?? 0) > 0, 'a page shared is in use');
    this.#owners[page] = (this.#owners[page] ?? 0) + 1;
  }

  /** One owner less; without any the page is free. */
  release(page: number): void {
    if (page === 0) return;
    const owners = this.#owners[page] ?? 0;
    assert(owners > 0, 'a page released is in use');
    this.#owners[page] = owners - 1;
    if (owners === 1) this.#free.push(page);
  }

  holds(page: number, bytes: Uint8Array): boolean {
    const at = (page % SLAB_PAGES) * IMAGE_PAGE_BYTES;
    const slab = this.#slabs[Math.floor(page / SLAB_PAGES)];
    return slab?.compare(bytes, 0, IMAGE_PAGE_BYTES, at, at + IMAGE_PAGE_BYTES) === 0;
  }

  /** `count` pages with consecutive numbers, of one slab. Valid while they are owned. */
  view(page: number, count: number): Uint8Array {
    const slab = defined(this.#slabs[Math.floor(page / SLAB_PAGES)], 'a page has its slab');
    const at = (page % SLAB_PAGES) * IMAGE_PAGE_BYTES;
    return slab.subarray(at, at + count * IMAGE_PAGE_BYTES);
  }

  /** Whether `view` may cover both. */
  areNeighbours(page: number, next: number): boolean {
    return page !== 0 && next === page + 1 && next % SLAB_PAGES !== 0;
  }

  #fresh(): number | undefined {
    if (this.#next > this.#pagesMax) return undefined;
    const page = this.#next++;
    if (Math.floor(page / SLAB_PAGES) === this.#slabs.length)
      this.#slabs.push(Buffer.alloc(SLAB_PAGES * IMAGE_PAGE_BYTES));
    return page;
  }
}
