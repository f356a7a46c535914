/** SHA-1 (FIPS 180-4), for the one handshake that asks for it. */

import { Buffer } from '../node/buffer.ts';

const BLOCK_BYTES = 64;

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** The text and its padding, as big-endian words. */
function wordsOf(text: string): Int32Array {
  const length = Buffer.byteLength(text, 'latin1');
  const padded = Buffer.alloc(Math.ceil((length + 9) / BLOCK_BYTES) * BLOCK_BYTES);
  padded.write(text, 'latin1');
  padded[length] = 0x80;
  padded.writeUInt32BE(length * 8, padded.length - 4);
  return Int32Array.from({ length: padded.length / 4 }, (_, index) =>
    padded.readInt32BE(index * 4),
  );
}

function step(round: number, b: number, c: number, d: number): number {
  if (round < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (round < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

function addBlock(hash: Int32Array, block: Int32Array): void {
  const words = new Int32Array(80);
  words.set(block);
  let [a = 0, b = 0, c = 0, d = 0, e = 0] = hash;
  for (let round = 0; round < 80; round++) {
    if (round >= 16) {
      const mixed = [3, 8, 14, 16].reduce((sum, back) => sum ^ (words[round - back] as number), 0);
      words[round] = rotate(mixed, 1);
    }
    const next = (rotate(a, 5) + step(round, b, c, d) + e + (words[round] as number)) | 0;
    [e, d, c, b, a] = [d, c, rotate(b, 30), a, next];
  }
  for (const [index, word] of [a, b, c, d, e].entries())
    hash[index] = (hash[index] as number) + word;
}

/** The hash of a text of bytes, in base64. */
export function sha1Base64(text: string): string {
  const hash = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const words = wordsOf(text);
  for (let at = 0; at < words.length; at += 16) addBlock(hash, words.subarray(at, at + 16));
  const bytes = Buffer.alloc(20);
  for (const [index, word] of hash.entries()) bytes.writeInt32BE(word, index * 4);
  return bytes.toString('base64');
}
