/**
 * Guest memory as data: runs of 4 KiB pages that are not all zero. Memory is almost empty (4 MiB of
 * 256 after the firmware's boot), and pages of 4 KiB cost a fifteenth of WebAssembly's 64 KiB ones.
 */

export const IMAGE_PAGE_BYTES = 4096;
/** Instantiating an engine writes its static data: all of it lies below this. */
const STATIC_BYTES = 1024 * 1024;

/** Consecutive bytes at an address of guest memory. */
export interface MemoryRun {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** The pages of `memory` that are not zero, as runs. Views of `memory`: copy what outlives it. */
export function readMemory(memory: Uint8Array): MemoryRun[] {
  const words = new BigUint64Array(memory.buffer, memory.byteOffset, memory.length / 8);
  const runs: MemoryRun[] = [];
  let start = -1;
  for (let at = 0; at <= memory.length; at += IMAGE_PAGE_BYTES) {
    const used = at < memory.length && !isZero(words, at / 8);
    if (used && start < 0) start = at;
    if (used || start < 0) continue;
    runs.push({ at: start, bytes: memory.subarray(start, at) });
    start = -1;
  }
  return runs;
}

function isZero(words: BigUint64Array, from: number): boolean {
  for (let word = from; word < from + IMAGE_PAGE_BYTES / 8; word++)
    if (words[word] !== 0n) return false;
  return true;
}

/** Makes the memory of a fresh instance equal to what was read. */
export function writeMemory(memory: Uint8Array, runs: readonly MemoryRun[]): void {
  memory.fill(0, 0, STATIC_BYTES);
  for (const { at, bytes } of runs) memory.set(bytes, at);
}
