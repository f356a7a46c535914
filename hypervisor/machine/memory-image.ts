/**
 * Guest memory as data: runs of 4 KiB pages that are not all zero. Memory is almost empty (4 MiB of
 * 256 after the firmware's boot), and pages of 4 KiB cost a fifteenth of WebAssembly's 64 KiB ones.
 */

import { crc32, MEMORY_HASH_BYTES, sha256 } from '../../log-format/index.ts';

export const IMAGE_PAGE_BYTES = 4096;
/** Instantiating an engine writes its static data: all of it lies below this. */
const STATIC_BYTES = 1024 * 1024;
const ZERO_PAGE: Buffer = Buffer.alloc(IMAGE_PAGE_BYTES);

/** Consecutive bytes at an address of guest memory. */
export interface MemoryRun {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** The same bytes as a Buffer. */
export function bufferOf(memory: Uint8Array): Buffer {
  return Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength);
}

/** Whether the page of `memory` at `at` is all zero. */
export function isZeroPage(memory: Buffer, at: number): boolean {
  return memory.compare(ZERO_PAGE, 0, IMAGE_PAGE_BYTES, at, at + IMAGE_PAGE_BYTES) === 0;
}

/**
 * Calls `page` with the start of each page below `extent` that is not all zero, ascending. `extent`:
 * bytes from 0 that were ever used (`Engine.extent`); what lies above is zero and not looked at.
 */
export function eachPage(
  memory: Uint8Array,
  extent: number,
  page: (at: number, memory: Buffer) => void,
): void {
  const buffer = bufferOf(memory);
  for (let at = 0; at < extent; at += IMAGE_PAGE_BYTES)
    if (!isZeroPage(buffer, at)) page(at, buffer);
}

/** The pages of `memory` that are not zero, as runs. Views of `memory`: copy what outlives it. */
export function readMemory(memory: Uint8Array, extent: number = memory.length): MemoryRun[] {
  const runs: MemoryRun[] = [];
  let start = -1;
  let end = -1;
  const close = (): void => {
    if (start >= 0) runs.push({ at: start, bytes: memory.subarray(start, end) });
  };
  eachPage(memory, extent, (at) => {
    if (at !== end) {
      close();
      start = at;
    }
    end = at + IMAGE_PAGE_BYTES;
  });
  close();
  return runs;
}

/**
 * Makes memory equal to what was read. `extent`: bytes the memory may have used before; static data
 * alone for a fresh instance.
 */
export function writeMemory(
  memory: Uint8Array,
  runs: readonly MemoryRun[],
  extent: number = STATIC_BYTES,
): void {
  memory.fill(0, 0, extent);
  for (const { at, bytes } of runs) memory.set(bytes, at);
}

/**
 * The hash of a checkpoint record: the first 16 bytes of SHA-256 over (page number, CRC-32 of the
 * page), both as little-endian 32 bits, of every page that is not all zero, ascending. Sees every
 * changed bit (a CRC sees any change of up to 32 bits) at a fifth of the cost of hashing the bytes.
 */
export function memoryHash(
  memory: Uint8Array,
  extent: number,
): { readonly hash: Uint8Array; readonly pages: number } {
  const sums: number[] = [];
  eachPage(memory, extent, (at, buffer) => {
    sums.push(at / IMAGE_PAGE_BYTES, crc32(buffer.subarray(at, at + IMAGE_PAGE_BYTES)));
  });
  return { hash: hashOfSums(sums), pages: sums.length / 2 };
}

/** The hash over page numbers and CRCs in turn. */
export function hashOfSums(sums: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(sums.length * 4);
  const view = new DataView(bytes.buffer);
  // No entries(): they cost ten times the rest of the hash.
  for (let index = 0; index < sums.length; index++)
    view.setUint32(index * 4, sums[index] as number, true);
  return sha256(bytes).slice(0, MEMORY_HASH_BYTES);
}
