import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IMAGE_PAGE_BYTES, memoryHash } from '../../../hypervisor/machine/memory-image.ts';
import { PageSums } from '../../../hypervisor/machine/page-sums.ts';
import { Shadow } from '../../../hypervisor/machine/shadow.ts';

/** Memory of so many pages, in which these have these values in their last byte. */
function memoryOf(pages: number, filled: readonly (readonly [number, number])[]): Uint8Array {
  const memory = new Uint8Array(pages * IMAGE_PAGE_BYTES);
  for (const [page, value] of filled)
    if (page < pages) memory[(page + 1) * IMAGE_PAGE_BYTES - 1] = value;
  return memory;
}

const anyMemory = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.array(fc.tuple(fc.nat(49), fc.nat(3))))
  .map(([pages, filled]) => memoryOf(pages, filled));

/** Whether page `page` is the same in both; what lies beyond a memory is zero. */
function samePage(one: Uint8Array, two: Uint8Array, page: number): boolean {
  const last = (page + 1) * IMAGE_PAGE_BYTES - 1;
  return (one[last] ?? 0) === (two[last] ?? 0);
}

test('a shadow finds exactly the pages that differ, in memory that grew or shrank as well', () => {
  fc.assert(
    fc.property(anyMemory, anyMemory, anyMemory, (before, first, second) => {
      const shadow = new Shadow();
      shadow.renew(before);
      shadow.renew(first);
      const found = shadow.changes(second, 50);
      const pages = Array.from({ length: 50 }, (_, page) => page);
      const differing = pages.filter((page) => !samePage(first, second, page));
      expect(found?.pages).toEqual(differing);
      const bytes = found?.bytes ?? new Uint8Array();
      for (const [index, page] of differing.entries())
        expect(
          samePage(
            bytes.subarray(index * IMAGE_PAGE_BYTES),
            second.subarray(page * IMAGE_PAGE_BYTES),
            0,
          ),
        ).toBe(true);
      expect(shadow.changes(second, differing.length - 1)).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

test('sums that follow changes give the hash of the whole memory', () => {
  fc.assert(
    fc.property(anyMemory, anyMemory, (first, second) => {
      const sums = new PageSums();
      for (let at = 0; at < first.length; at += IMAGE_PAGE_BYTES)
        sums.set(at / IMAGE_PAGE_BYTES, first, at);
      const shadow = new Shadow();
      shadow.renew(first);
      const later = new PageSums(sums);
      const { pages = [], bytes = first } = shadow.changes(second, 50) ?? {};
      for (const [index, page] of pages.entries()) later.set(page, bytes, index * IMAGE_PAGE_BYTES);
      for (const [have, memory] of [
        [sums, first],
        [later, second],
      ] as const) {
        const { hash, pages: count } = memoryHash(memory, memory.length);
        expect(have.hash()).toEqual(hash);
        expect(have.count).toBe(count);
      }
    }),
    { numRuns: 200 },
  );
});
