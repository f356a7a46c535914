/**
 * The rolling digest of a machine: a few words per turn that differ, with high probability, as soon
 * as anything the guest computed differs. A replay compares it at every `end` record. It costs a
 * few nanoseconds; full hashes of memory belong to snapshots.
 */

/** Mixes words into an unsigned 32-bit digest (the finaliser steps of MurmurHash3, A. Appleby). */
export function mixDigest(digest: number, ...words: readonly number[]): number {
  let hash = digest | 0;
  for (const word of words) {
    let key = Math.imul(word | 0, 0xcc9e2d51);
    key = (key << 15) | (key >>> 17);
    hash ^= Math.imul(key, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  return hash >>> 0;
}

/** Low and high unsigned halves of a non-negative integer below 2^53. */
export function halves(value: number): [number, number] {
  return [value >>> 0, Math.floor(value / 0x1_0000_0000) >>> 0];
}
