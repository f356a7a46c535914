/**
 * The rolling digest of a machine: a few words per turn that differ, with high probability, as soon
 * as anything the guest computed differs. A replay compares it at every `end` record. It costs a
 * few nanoseconds; full hashes of memory belong to snapshots.
 */

/**
 * Mixes one word into a digest (a step of MurmurHash3, A. Appleby). One call a word and no list of
 * them: arrays made a turn's digest cost thirty times as much (`node dist/bench/snapshot.js`).
 */
export function mixWord(digest: number, word: number): number {
  const key = Math.imul(word, 0xcc9e2d51);
  const hash = digest ^ Math.imul((key << 15) | (key >>> 17), 0x1b873593);
  return (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
}

/** Mixes a non-negative integer below 2^53, low half first. */
export function mixCount(digest: number, value: number): number {
  return mixWord(mixWord(digest, value | 0), (value / 0x1_0000_0000) | 0);
}
