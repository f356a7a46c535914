/**
 * A copy of guest memory as it was at the last complete snapshot, against which the pages that changed
 * since are found: comparing 60 MiB takes a few milliseconds, and the guest stands still meanwhile.
 * Both buffers are kept and used again, because touching fresh memory costs ten times the copy.
 */

import { bufferOf, IMAGE_PAGE_BYTES, isZeroPage } from './memory-image.ts';

/** Compared at once: a call per page would cost as much as the bytes. */
const BLOCK_BYTES: number = 16 * IMAGE_PAGE_BYTES;
/** Buffers grow in steps of this. */
const STEP_BYTES: number = 4 * 1024 * 1024;

/** Pages with their numbers, ascending; `bytes` holds them one behind the other. */
export interface PageSet {
  readonly pages: readonly number[];
  readonly bytes: Uint8Array;
}

export class Shadow {
  #copy: Buffer = Buffer.alloc(0);
  #extent = 0;
  #changed: Buffer = Buffer.alloc(0);

  /** Bytes it holds on to. */
  get bytes(): number {
    return this.#copy.length + this.#changed.length;
  }

  /** The memory as it was at `renew`, to be read until the next one. */
  get memory(): Uint8Array {
    return this.#copy.subarray(0, this.#extent);
  }

  /** Remembers `memory` (`Machine.usedMemory`) as it is now. */
  renew(memory: Uint8Array): void {
    if (this.#copy.length < memory.length) this.#copy = roomFor(memory.length);
    this.#copy.set(memory);
    this.#extent = memory.length;
  }

  /**
   * The pages in which `memory` differs from what was remembered, those that became zero as well,
   * copied: they are valid until the next call. Undefined when they are more than `pagesMax`.
   */
  changes(memory: Uint8Array, pagesMax: number): PageSet | undefined {
    const pages = this.#changedPages(memory, pagesMax);
    if (pages === undefined) return undefined;
    const length = pages.length * IMAGE_PAGE_BYTES;
    if (this.#changed.length < length) this.#changed = roomFor(length);
    let to = 0;
    for (const page of pages) {
      const from = page * IMAGE_PAGE_BYTES;
      // Memory above what is used now is zero, whatever it was.
      if (from < memory.length)
        this.#changed.set(memory.subarray(from, from + IMAGE_PAGE_BYTES), to);
      else this.#changed.fill(0, to, to + IMAGE_PAGE_BYTES);
      to += IMAGE_PAGE_BYTES;
    }
    return { pages, bytes: this.#changed.subarray(0, length) };
  }

  #changedPages(memory: Uint8Array, pagesMax: number): number[] | undefined {
    const now = bufferOf(memory);
    const both = Math.min(memory.length, this.#extent);
    const pages: number[] = [];
    for (let at = 0; at < both; at += BLOCK_BYTES) {
      const end = Math.min(at + BLOCK_BYTES, both);
      if (now.compare(this.#copy, at, end, at, end) !== 0) this.#comparePages(now, at, end, pages);
      if (pages.length > pagesMax) return undefined;
    }
    const longer = memory.length > this.#extent ? now : this.memory;
    const rest = bufferOf(longer);
    for (let at = both; at < rest.length; at += IMAGE_PAGE_BYTES)
      if (!isZeroPage(rest, at)) pages.push(at / IMAGE_PAGE_BYTES);
    return pages.length > pagesMax ? undefined : pages;
  }

  #comparePages(now: Buffer, from: number, to: number, pages: number[]): void {
    for (let at = from; at < to; at += IMAGE_PAGE_BYTES) {
      const end = at + IMAGE_PAGE_BYTES;
      if (now.compare(this.#copy, at, end, at, end) !== 0) pages.push(at / IMAGE_PAGE_BYTES);
    }
  }
}

function roomFor(bytes: number): Buffer {
  return Buffer.alloc(Math.ceil(bytes / STEP_BYTES) * STEP_BYTES);
}
