/** The parts of a timeline that need no machine: checkpoints, differences of trees. */

import { describe, expect, test } from 'vitest';
import { IMAGE_PAGE_BYTES } from '../../../hypervisor/machine/memory-image.ts';
import type { MachineSnapshot, MachineState } from '../../../hypervisor/machine/snapshot.ts';
import { BLOCK_BYTES } from '../../../hypervisor/timeline/block-pool.ts';
import { MemoryCheckpoints } from '../../../hypervisor/timeline/checkpoints.ts';
import { diffTrees } from '../../../hypervisor/timeline/tree-diff.ts';
import { asLsn } from '../../../log-format/index.ts';

const PAGE = IMAGE_PAGE_BYTES;

/** A snapshot of pages that hold these numbers; 0 is a page of zeros. */
function snapshot(ticks: number, pages: readonly number[]): MachineSnapshot {
  const state = { ticks, turns: 0 } as unknown as MachineState;
  const memory = pages.flatMap((value, index) =>
    value === 0 ? [] : [{ at: index * PAGE, bytes: new Uint8Array(PAGE).fill(value) }],
  );
  return { state, memory };
}

/** The pages of a snapshot, as given. */
function pagesOf({ memory }: MachineSnapshot, count: number): number[] {
  const bytes = new Uint8Array(count * PAGE);
  for (const run of memory) bytes.set(run.bytes, run.at);
  return Array.from({ length: count }, (_, index) => {
    const page = bytes.subarray(index * PAGE, (index + 1) * PAGE);
    expect(page.every((byte) => byte === page[0])).toBe(true);
    return page[0] ?? 0;
  });
}

describe('checkpoints in memory', () => {
  test('give back what was offered, whatever was offered and dropped around it', () => {
    const checkpoints = new MemoryCheckpoints(40 * PAGE);
    const offered = new Map<number, number[]>();
    for (let lsn = 1; lsn <= 200; lsn++) {
      const pages = Array.from({ length: 12 }, (_, at) => ((lsn * (at + 1)) % 7) % 5);
      offered.set(lsn, pages);
      checkpoints.offer(asLsn(lsn), () => snapshot(lsn * 1000, pages));
      expect(checkpoints.bytes).toBeLessThanOrEqual(40 * PAGE);
      for (const kept of checkpoints.lsns())
        expect(pagesOf(checkpoints.load(kept), 12)).toEqual(offered.get(kept));
    }
    expect(checkpoints.lsns().length).toBeGreaterThan(3);
  });

  test('keep a page once that several of them have', () => {
    const checkpoints = new MemoryCheckpoints(1000 * PAGE);
    const pages = Array.from({ length: 20 }, (_, at) => at + 1);
    for (let lsn = 1; lsn <= 10; lsn++)
      checkpoints.offer(asLsn(lsn), () => snapshot(lsn, [...pages, 100 + lsn]));
    expect(checkpoints.lsns()).toHaveLength(10);
    // Beside the pages, the numbers of the blocks they consist of, 4 bytes each.
    expect(checkpoints.bytes).toBe((20 + 10) * PAGE + 10 * 21 * (PAGE / BLOCK_BYTES) * 4);
  });

  test('lie evenly over the run when the budget is used up', () => {
    const checkpoints = new MemoryCheckpoints(30 * PAGE);
    for (let lsn = 1; lsn <= 2_000; lsn++)
      checkpoints.offer(asLsn(lsn), () => snapshot(lsn * 1000, [1 + (lsn % 250), 1 + (lsn % 249)]));
    const lsns = [0, ...checkpoints.lsns(), 2_000];
    const gaps = lsns.slice(1).map((lsn, index) => lsn - (lsns[index] ?? 0));
    expect(lsns.length).toBeGreaterThan(10);
    expect(Math.max(...gaps)).toBeLessThanOrEqual((4 * 2_000) / lsns.length);
  });

  test('are found by the last one at or before a place', () => {
    const checkpoints = new MemoryCheckpoints(1000 * PAGE);
    for (const lsn of [30, 10, 20]) checkpoints.offer(asLsn(lsn), () => snapshot(lsn, [lsn]));
    const nearest = (lsn: number): number | undefined => checkpoints.nearest(asLsn(lsn))?.lsn;
    expect([9, 10, 19, 20, 35].map(nearest)).toEqual([undefined, 10, 10, 20, 30]);
    expect(checkpoints.lsns()).toEqual([10, 20, 30]);
  });

  test('larger than the budget are not kept, and harm none', () => {
    const checkpoints = new MemoryCheckpoints(3 * PAGE);
    checkpoints.offer(asLsn(1), () => snapshot(1, [1, 2]));
    checkpoints.offer(asLsn(2), () => snapshot(100_000, [3, 4, 5, 6]));
    expect(checkpoints.lsns()).toEqual([1]);
    expect(pagesOf(checkpoints.load(asLsn(1)), 2)).toEqual([1, 2]);
  });
});

describe('a difference of two trees', () => {
  const changes = (one: unknown, two: unknown): unknown => diffTrees(one, two, 100);

  test('names the path of each value that changed, came or went, and nothing else', () => {
    const before = { count: 1, gone: 'x', list: [1, 2, 3], same: { deep: [null, true] } };
    const after = { count: 2, list: [1, 5], same: { deep: [null, true] }, 'a-b': { x: 1 } };
    expect(changes(before, after)).toEqual([
      { kind: 'changed', path: 'count', old: 1, new: 2 },
      { kind: 'changed', path: 'list[1]', old: 2, new: 5 },
      { kind: 'removed', path: 'list[2]', old: 3 },
      { kind: 'added', path: 'a-b', new: { x: 1 } },
      { kind: 'removed', path: 'gone', old: 'x' },
    ]);
  });

  test('tells entries of a Map by their key and members of a Set by themselves', () => {
    const map = (...entries: unknown[]): unknown => ({ $: 'Map', entries });
    expect(changes({ m: map(['a', 1], ['b', 2]) }, { m: map(['b', 3], ['c', 4]) })).toEqual([
      { kind: 'changed', path: 'm.get("b")', old: 2, new: 3 },
      { kind: 'added', path: 'm.get("c")', new: 4 },
      { kind: 'removed', path: 'm.get("a")', old: 1 },
    ]);
    const set = (...values: unknown[]): unknown => ({ $: 'Set', values });
    expect(changes({ s: set('a', 'b') }, { s: set('b', 'c') })).toEqual([
      { kind: 'added', path: 's.has("c")', new: true },
      { kind: 'removed', path: 's.has("a")', old: true },
    ]);
  });

  test('shows a value of another kind whole', () => {
    expect(changes({ v: { $: 'Map', entries: [] } }, { v: [] })).toEqual([
      { kind: 'changed', path: 'v', old: { $: 'Map', entries: [] }, new: [] },
    ]);
  });

  test('stops at the number of changes asked for', () => {
    expect(diffTrees([], Array(50).fill(1), 7)).toHaveLength(7);
  });
});
