/** Content of a file in pages, so that it grows without copies and its holes take no room. */

import { DISK, DISK_PAGE_BYTES as PAGE_BYTES } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';

export class FileBytes {
  size = 0;
  readonly #number: number;
  /** The machine is told where pages lie, from `tellPages` on. */
  #isTold = false;
  /** By number. The first grows with a small file; a page that is not there reads as zeros. */
  readonly #pages = new Map<number, Uint8Array>();

  /** `number`: of its inode. */
  constructor(number: number) {
    this.#number = number;
  }

  /** From here on it is the guest's own, and the machine knows where it lies. */
  tellPages(): void {
    this.#isTold = true;
    for (const [index, page] of this.#pages) this.#tell(index, page);
  }

  #tell(index: number, page: Uint8Array | undefined): void {
    if (!this.#isTold) return;
    traps.disk(DISK.page, this.#number, index, page?.length ?? 0, page?.buffer as ArrayBuffer);
  }

  /** Bytes of memory it takes. */
  get stored(): number {
    let sum = 0;
    for (const page of this.#pages.values()) sum += page.length;
    return sum;
  }

  /** Memory that writing `length` bytes at `at` would add, at most. */
  growth(at: number, length: number): number {
    if (length === 0) return 0;
    const first = Math.floor(at / PAGE_BYTES);
    const last = Math.floor((at + length - 1) / PAGE_BYTES);
    let sum = 0;
    for (let number = first; number <= last; number++) {
      const end = Math.min(at + length - number * PAGE_BYTES, PAGE_BYTES);
      const have = this.#pages.get(number)?.length ?? 0;
      if (end > have) sum += roomFor(number, end) - have;
    }
    return sum;
  }

  /** Copies what there is from `at` on into `target`; the number of bytes. */
  read(target: Uint8Array, at: number): number {
    const length = Math.max(Math.min(target.length, this.size - at), 0);
    for (let done = 0; done < length; ) {
      const place = at + done;
      const offset = place % PAGE_BYTES;
      const count = Math.min(length - done, PAGE_BYTES - offset);
      const page = this.#pages.get(Math.floor(place / PAGE_BYTES));
      const part = page?.subarray(offset, offset + count);
      if (part !== undefined) target.set(part, done);
      target.fill(0, done + (part?.length ?? 0), done + count);
      done += count;
    }
    return length;
  }

  write(source: Uint8Array, at: number): void {
    for (let done = 0; done < source.length; ) {
      const place = at + done;
      const offset = place % PAGE_BYTES;
      const count = Math.min(source.length - done, PAGE_BYTES - offset);
      const page = this.#page(Math.floor(place / PAGE_BYTES), offset + count);
      page.set(source.subarray(done, done + count), offset);
      done += count;
    }
    this.size = Math.max(this.size, at + source.length);
  }

  /** Cuts, or goes on with zeros. */
  resize(size: number): void {
    for (const [number, page] of this.#pages) {
      const kept = size - number * PAGE_BYTES;
      if (kept <= 0) {
        this.#pages.delete(number);
        this.#tell(number, undefined);
      } else page.fill(0, kept);
    }
    this.size = size;
  }

  #page(number: number, end: number): Uint8Array {
    const have = this.#pages.get(number);
    if (have !== undefined && have.length >= end) return have;
    const page = new Uint8Array(roomFor(number, end));
    if (have !== undefined) page.set(have);
    this.#pages.set(number, page);
    this.#tell(number, page);
    return page;
  }
}

/** Size of a page that must hold `end` bytes: a power of two in the first, whole in all others. */
function roomFor(number: number, end: number): number {
  if (number > 0) return PAGE_BYTES;
  let room = 64;
  while (room < end) room *= 2;
  return room;
}
