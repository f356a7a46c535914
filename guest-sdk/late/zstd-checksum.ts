/** XXH64 of a frame's content (RFC 8878, 3.1.1): its low half is what a frame carries. */

const [P1, P2, P3, P4, P5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const;

const low = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotated = (value: bigint, count: bigint): bigint =>
  low(value << count) | (value >> (64n - count));
const round = (lane: bigint, word: bigint): bigint => low(rotated(low(lane + word * P2), 31n) * P1);

export function checksumOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let sum: bigint = P5;
  if (bytes.length >= 32) {
    const lanes: bigint[] = [low(P1 + P2), P2, 0n, low(-P1)];
    for (; at + 32 <= bytes.length; at += 32) {
      for (const [index, lane] of lanes.entries())
        lanes[index] = round(lane, view.getBigUint64(at + index * 8, true));
    }
    const [a = 0n, b = 0n, c = 0n, d = 0n] = lanes;
    sum = low(rotated(a, 1n) + rotated(b, 7n) + rotated(c, 12n) + rotated(d, 18n));
    for (const lane of lanes) sum = low((sum ^ round(0n, lane)) * P1 + P4);
  }
  sum = low(sum + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8)
    sum = low(rotated(sum ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4);
  if (at + 4 <= bytes.length) {
    sum = low(rotated(low(sum ^ low(BigInt(view.getUint32(at, true)) * P1)), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < bytes.length; at++)
    sum = low(rotated(sum ^ low(BigInt(bytes[at] ?? 0) * P5), 11n) * P1);
  sum = low((sum ^ (sum >> 33n)) * P2);
  sum = low((sum ^ (sum >> 29n)) * P3);
  sum ^= sum >> 32n;
  return Number(sum & 0xffffffffn);
}
