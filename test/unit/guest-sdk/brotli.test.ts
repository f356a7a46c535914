/** What the guest's Brotli encoder writes, read by Node's decoder. */

import { brotliDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { BrotliStream } from '../../../guest-sdk/node/brotli-encoder.ts';
import { LONG } from '../../support/long.ts';

type End = 'nowhere' | 'at a byte' | 'for good';

/** Streams of `parts`; each but the last ends as `end` says. */
function encode(parts: readonly Buffer[], end: End): Buffer {
  const stream = new BrotliStream();
  const last = parts.length - 1;
  return Buffer.concat(
    parts.map((part, index) => stream.encode(part, index === last ? 'for good' : end)),
  );
}

function readsBack(parts: readonly Buffer[], end: End): void {
  const whole = Buffer.concat(parts);
  const read = brotliDecompressSync(encode(parts, end));
  if (!read.equals(whole)) expect([parts, read]).toEqual([parts, whole]);
}

/** Numbers below 1 that are the same in every run. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    state ^= state >>> 15;
    return (state >>> 0) / 2 ** 32;
  };
}

test('every alphabet, length and flush is read back by Node', () => {
  const chance = chances(1);
  for (let i = 0; i < (LONG ? 20_000 : 400); i++) {
    const symbols = 1 + Math.floor(chance() * (chance() < 0.5 ? 4 : 256));
    const parts = Array.from({ length: 1 + Math.floor(chance() * 3) }, () =>
      Buffer.from(
        Array.from({ length: Math.floor(chance() ** 3 * 2000) }, () =>
          Math.floor(chance() ** 3 * symbols),
        ),
      ),
    );
    readsBack(parts, chance() < 0.5 ? 'at a byte' : 'nowhere');
  }
});

test('blocks, long copies, far copies and what does not compress are read back by Node', () => {
  const chance = chances(2);
  const noise = Buffer.from(Array.from({ length: 70_000 }, () => chance() * 256));
  const zeros = Buffer.alloc(200_000);
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  readsBack([noise, zeros, noise, every], 'nowhere');
  readsBack([Buffer.concat([noise, zeros, zeros, noise, every, zeros, noise])], 'nowhere');
  readsBack([Buffer.alloc(0)], 'nowhere');
});

test('a flush lets what came before be read', () => {
  const stream = new BrotliStream();
  const first = stream.encode(Buffer.from('as soon as possible'), 'at a byte');
  const rest = stream.encode(Buffer.from(', and no later'), 'for good');
  expect(String(brotliDecompressSync(Buffer.concat([first, rest])))).toBe(
    'as soon as possible, and no later',
  );
  const flushed = brotliDecompressSync(first, { finishFlush: 1 });
  expect(String(flushed)).toBe('as soon as possible');
});

test('repetition makes it shorter, and noise hardly longer', () => {
  const text = Buffer.from('the quick brown fox jumps over the lazy dog. '.repeat(200));
  expect(encode([text], 'nowhere').length).toBeLessThan(200);
  const chance = chances(3);
  const noise = Buffer.from(Array.from({ length: 10_000 }, () => chance() * 256));
  expect(encode([noise], 'nowhere').length).toBeLessThan(10_020);
});
