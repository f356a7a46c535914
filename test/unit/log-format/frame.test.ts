import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeFrame,
  FRAME,
  FRAME_HEAD_BYTES,
  FrameReader,
  type FrameResult,
  peekFrame,
} from '../../../log-format/index.ts';

const LIMIT = 100_000;
const anyFrame = fc.record({
  type: fc.constantFrom(...Object.values(FRAME)),
  payload: fc.uint8Array({ maxLength: 400 }),
});

function readAll(bytes: Uint8Array, limit = LIMIT): { results: FrameResult[]; pending: number } {
  const reader = new FrameReader(limit);
  reader.push(bytes);
  const results: FrameResult[] = [];
  for (;;) {
    const result = reader.next();
    if (result.type === 'more') break;
    results.push(result);
    if (result.type === 'damaged') break;
  }
  return { results, pending: reader.pending };
}

describe('a frame reader', () => {
  it('finds the same frames however the bytes are cut', () => {
    const cuts = fc.array(fc.nat(60), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 12 }), cuts, (frames, sizes) => {
        const bytes = Buffer.concat(frames.map((frame) => encodeFrame(frame.type, frame.payload)));
        const reader = new FrameReader(LIMIT);
        const found: unknown[] = [];
        let at = 0;
        for (let turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 0;
          // At least a byte now and then, or a list of zeros would never end.
          const end = Math.min(bytes.length, at + size + (turn % 3 === 0 ? 1 : 0));
          reader.push(new Uint8Array(bytes.subarray(at, end)));
          at = end;
          for (let next = reader.next(); next.type !== 'more'; next = reader.next()) {
            if (next.type === 'damaged') throw new Error(next.reason);
            const { type, payload, bytes: whole, offset } = next.frame;
            expect(whole).toEqual(new Uint8Array(bytes.subarray(offset, offset + whole.length)));
            found.push({ type, payload: new Uint8Array(payload) });
          }
        }
        expect(found).toEqual(frames);
        expect(reader.pending).toBe(0);
        expect(reader.offset).toBe(bytes.length);
      }),
    );
  });

  it('notices every flipped bit of a frame', () => {
    const bytes = encodeFrame(FRAME.batch, new Uint8Array([1, 2, 3, 4, 5]));
    const after = encodeFrame(FRAME.seal, new Uint8Array(300));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = new Uint8Array(Buffer.concat([bytes, after]));
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(readAll(changed).results[0]?.type).toBe('damaged');
    }
  });

  it('notices every pair of flipped bits in a head', () => {
    const bytes = encodeFrame(FRAME.batch, new Uint8Array([1, 2, 3, 4, 5]));
    const bits = FRAME_HEAD_BYTES * 8;
    let damaged = 0;
    for (let one = 0; one < bits; one++) {
      for (let two = one + 1; two < bits; two++) {
        const changed = bytes.slice();
        changed[one >> 3] = (changed[one >> 3] ?? 0) ^ (1 << (one & 7));
        changed[two >> 3] = (changed[two >> 3] ?? 0) ^ (1 << (two & 7));
        if (readAll(changed).results[0]?.type === 'damaged') damaged++;
      }
    }
    expect(damaged).toBe((bits * (bits - 1)) / 2);
  });

  it('takes any cut for an incomplete frame and never for damage', () => {
    const bytes = encodeFrame(FRAME.batch, new Uint8Array(30));
    for (let cut = 0; cut < bytes.length; cut++) {
      expect(readAll(bytes.subarray(0, cut))).toEqual({ results: [], pending: cut });
    }
  });

  it('refuses a frame above the limit before its payload has arrived', () => {
    const head = encodeFrame(FRAME.batch, new Uint8Array(101)).subarray(0, FRAME_HEAD_BYTES);
    expect(readAll(head, 101).results).toEqual([]);
    expect(readAll(head, 100).results[0]).toMatchObject({ type: 'damaged', offset: 0 });
  });

  it('refuses zeros and unknown types', () => {
    expect(readAll(new Uint8Array(20)).results[0]?.type).toBe('damaged');
    const odd = encodeFrame(0x58 as never, new Uint8Array(3));
    expect(readAll(odd).results[0]).toMatchObject({ reason: 'unknown frame type' });
  });

  it('finds no frame after damage', () => {
    const good = encodeFrame(FRAME.batch, new Uint8Array([1]));
    const bad = good.slice();
    bad[bad.length - 1] = 9;
    const reader = new FrameReader(LIMIT);
    reader.push(bad);
    expect(reader.next()).toMatchObject({ type: 'damaged', offset: 0 });
    reader.push(good);
    expect(reader.next()).toMatchObject({ type: 'damaged', offset: 0 });
  });
});

describe('peekFrame', () => {
  it('tells type and size from a head, and refuses a damaged head', () => {
    const bytes = encodeFrame(FRAME.blob, new Uint8Array(500));
    const head = bytes.slice(0, FRAME_HEAD_BYTES);
    expect(peekFrame(head)).toEqual({ type: FRAME.blob, frameBytes: bytes.length });
    expect(peekFrame(head.subarray(0, 10))).toBeUndefined();
    head[3] = 9;
    expect(peekFrame(head)).toBeUndefined();
  });
});
