import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LiveShadow } from '../../../hypervisor/machine/live-shadow.ts';
import { IMAGE_PAGE_BYTES, memoryHash } from '../../../hypervisor/machine/memory-image.ts';
import { CHUNK_PAGES, Shadow } from '../../../hypervisor/machine/shadow.ts';

/** Memory of so many pages, in which these have these values in their last byte. */
function memoryOf(pages: number, filled: readonly (readonly [number, number])[]): Uint8Array {
  const memory = new Uint8Array(pages * IMAGE_PAGE_BYTES);
  for (const [page, value] of filled)
    if (page < pages) memory[(page + 1) * IMAGE_PAGE_BYTES - 1] = value;
  return memory;
}

/** More than one chunk. */
const PAGES: number = CHUNK_PAGES + 80;

const anyMemory = fc
  .tuple(fc.integer({ min: 1, max: PAGES }), fc.array(fc.tuple(fc.nat(PAGES - 1), fc.nat(3))))
  .map(([pages, filled]) => memoryOf(pages, filled));

/** The same bytes; what lies beyond a memory is zero. */
function samePage(one: Uint8Array, two: Uint8Array, page: number): boolean {
  const last = (page + 1) * IMAGE_PAGE_BYTES - 1;
  return (one[last] ?? 0) === (two[last] ?? 0);
}

/** What a shadow holds, read as a snapshot reads it. */
function contentOf(shadow: Shadow, pages: number): Uint8Array {
  const memory = new Uint8Array(pages * IMAGE_PAGE_BYTES);
  for (const page of shadow.filledPages()) memory.set(shadow.read([page]), page * IMAGE_PAGE_BYTES);
  return memory;
}

function expectLike(shadow: Shadow, memory: Uint8Array): void {
  const { hash, pages } = memoryHash(memory, memory.length);
  expect(shadow.hash()).toEqual(hash);
  expect(shadow.count).toBe(pages);
  const all = memory.length / IMAGE_PAGE_BYTES;
  expect(Buffer.compare(contentOf(shadow, all), memory)).toBe(0);
}

const ALL = Array.from({ length: PAGES }, (_, page) => page);

test('a shadow that has caught up is the memory and has its hash, also when that grew or shrank', () => {
  fc.assert(
    fc.property(fc.array(anyMemory, { minLength: 1, maxLength: 4 }), (memories) => {
      const shadow = new Shadow();
      for (const memory of memories) {
        shadow.catchUp(memory);
        expect(shadow.extent).toBe(memory.length);
        expectLike(shadow, memory);
      }
    }),
    { numRuns: 150 },
  );
});

test('a shadow that went part of a round before is no different once it has caught up', () => {
  fc.assert(
    fc.property(anyMemory, anyMemory, anyMemory, fc.nat(6), (first, second, third, pieces) => {
      const shadow = new Shadow();
      shadow.catchUp(first);
      for (const memory of [second, third]) {
        let left = pieces;
        shadow.advance(memory, () => left-- > 0);
      }
      shadow.catchUp(third);
      expectLike(shadow, third);
    }),
    { numRuns: 150 },
  );
});

test('a shadow marks exactly the pages that have changed, those that became zero as well', () => {
  fc.assert(
    fc.property(anyMemory, anyMemory, anyMemory, (before, first, second) => {
      const shadow = new Shadow();
      shadow.catchUp(before);
      shadow.catchUp(first);
      shadow.mark();
      shadow.catchUp(second);
      const differing = ALL.filter((page) => !samePage(first, second, page));
      expect(shadow.changedPages()).toEqual(differing);
      expect(shadow.changedCount).toBe(differing.length);
    }),
    { numRuns: 150 },
  );
});

test('marks add up over several rounds, until the next mark', () => {
  const shadow = new Shadow();
  shadow.catchUp(memoryOf(PAGES, [[3, 1]]));
  const first = shadow.mark();
  shadow.catchUp(memoryOf(PAGES, [[4, 1]]));
  shadow.catchUp(memoryOf(PAGES, [[9, 1]]));
  expect(shadow.changedPages()).toEqual([3, 4, 9]);
  expect(shadow.marked).toBe(first);
  expect(shadow.mark()).not.toBe(first);
  expect(shadow.changedPages()).toEqual([]);
});

test('a round leaves what changes behind it, and says when it has come round', () => {
  const memory = memoryOf(PAGES, [[0, 1]]);
  const shadow = new Shadow();
  const steps: boolean[] = [];
  do {
    steps.push(shadow.advance(memory, () => false));
    memory[steps.length] = steps.length;
  } while (steps.at(-1) === false);
  expect(steps.length).toBe(Math.ceil(PAGES / 64));
  expect(shadow.hash()).not.toEqual(memoryHash(memory, memory.length).hash);
  shadow.catchUp(memory);
  expectLike(shadow, memory);
});

test('pages of one chunk are read without a copy, others as one block', () => {
  const filled = ALL.map((page) => [page, (page % 3) + 1] as const);
  const memory = memoryOf(PAGES, filled);
  const shadow = new Shadow();
  shadow.catchUp(memory);
  const bytesOf = (pages: readonly number[]): Buffer =>
    Buffer.concat(
      pages.map((page) => memory.subarray(page * IMAGE_PAGE_BYTES, (page + 1) * IMAGE_PAGE_BYTES)),
    );
  for (const pages of [[5, 6, 7], [5, 7], [CHUNK_PAGES - 1, CHUNK_PAGES], [CHUNK_PAGES]])
    expect(Buffer.compare(shadow.read(pages), bytesOf(pages)), String(pages)).toBe(0);
  expect(shadow.read([5, 6]).buffer).toBe(shadow.read([7]).buffer);
});

test('a shadow that is read follows nothing', () => {
  const memory = memoryOf(4, [[1, 1]]);
  const shadow = new Shadow();
  shadow.catchUp(memory);
  shadow.pin();
  expect(() => shadow.catchUp(memory)).toThrow('read');
  expect(() => shadow.advance(memory, () => true)).toThrow('read');
  expect(() => shadow.pin()).toThrow('one at a time');
  shadow.unpin();
  shadow.catchUp(memory);
});

test('figures of a memory whose shadow is being read are those of now', () => {
  const memory = memoryOf(PAGES, [[1, 1]]);
  const live = new LiveShadow(() => memory);
  live.keep();
  const shadow = live.now();
  shadow.pin();
  const before = live.figures();
  memory[7] = 7;
  live.outdated();
  const { hash, pages } = memoryHash(memory, memory.length);
  expect(live.figures()).toEqual({ hash, pages });
  expect(live.figures().hash).not.toEqual(before.hash);
  expect(shadow.hash()).toEqual(before.hash);
  shadow.unpin();
  expect(live.figures()).toEqual({ hash, pages });
  expect(shadow.hash()).toEqual(hash);
});
