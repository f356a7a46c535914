import { describe, expect, test } from 'vitest';
import { loadEngineParts } from '../../../hypervisor/host/engine-parts.ts';
import { Engine } from '../../../hypervisor/machine/engine.ts';
import { SBRK_ADDRESS } from '../../../hypervisor/machine/engine-abi.ts';
import * as layout from '../../../hypervisor/machine/heap-layout.ts';
import { probeHeap } from '../../../hypervisor/machine/heap-probe.ts';
import { HeapReader } from '../../../hypervisor/machine/heap-reader.ts';
import { treeAt } from '../../../hypervisor/machine/heap-tree.ts';
import { treeText } from '../../../hypervisor/machine/tree-text.ts';

const parts = loadEngineParts();
const HOOKS = {
  dateNow: () => 0,
  trap: () => 0,
  poll: () => 0,
  diagnostic: () => undefined,
  rejection: () => undefined,
};

function engine(): Engine {
  return new Engine(parts, { memoryPages: 512, stackBytes: 262_144 }, HOOKS);
}

function evaluate(one: Engine, source: string): number {
  return one.evaluate(new TextEncoder().encode(source), 'test');
}

function tree(source: string, limits = { depth: 3, entriesMax: 5 }): unknown {
  const one = engine();
  return treeAt(new HeapReader(one), evaluate(one, source), limits);
}

describe('the break of the engine', () => {
  test('has nothing but zeros above it, and moves with what is allocated', () => {
    const one = engine();
    const before = one.extent;
    expect(before).toBe(one.u32[SBRK_ADDRESS >> 2]);
    const value = evaluate(one, 'new Uint8Array(2000000).fill(255)');
    expect(one.extent - before).toBeGreaterThan(1_900_000);
    expect(one.u8.subarray(one.extent).every((byte) => byte === 0)).toBe(true);
    // The last byte in use lies within one allocation unit: the break is no mere upper bound.
    expect(one.u8.lastIndexOf(255)).toBeGreaterThan(one.extent - 65_536);
    one.freeValue(value);
  });
});

describe('the layout of the heap', () => {
  test('is that of the pinned engine', () => {
    expect(() => probeHeap(engine())).not.toThrow();
  });

  const offsets = Object.entries(layout).filter(
    ([name, group]) => typeof group === 'object' && !/^(?:CLASS_ID|HEAP_TAG|\w+_TYPE)$/.test(name),
  ) as [string, Record<string, number>][];

  test.each(offsets)('is refused when an offset of %s is one word off', (_, group) => {
    for (const [name, offset] of Object.entries(group)) {
      group[name] = offset + 4;
      try {
        expect(() => probeHeap(engine()), name).toThrow(/^heap (?:probe|reader): /);
      } finally {
        group[name] = offset;
      }
    }
  });
});

describe('a tree', () => {
  test('cuts depth and entries, and says how much is missing', () => {
    expect(tree('({ a: { b: { c: { d: 1 } } } })')).toEqual({
      a: { b: { c: { $: 'Object', $cut: true } } },
    });
    expect(tree('[1, 2, 3, 4, 5, 6, 7]')).toEqual([1, 2, 3, 4, 5, { $more: 2 }]);
    expect(tree('new Set("abcdefg")')).toEqual({
      $: 'Set',
      values: ['a', 'b', 'c', 'd', 'e'],
      $more: 2,
    });
    expect(tree('({ $: 1, $more: 2, $x: 3 })')).toEqual({ $$: 1, $$more: 2, $x: 3 });
  });

  test('shows a Map that lost an entry under an iterator without the entry', () => {
    const source =
      'globalThis.m = new Map([[1, "a"], [2, "b"]]); globalThis.i = m.keys(); i.next(); m.delete(1); m';
    expect(tree(source)).toEqual({ $: 'Map', entries: [[2, 'b']] });
  });

  test('reads half floats, subclasses, null prototypes and symbol keys', () => {
    expect(tree('new Float16Array([1.5, -2, 0, 1e9])')).toEqual({
      $: 'Float16Array',
      length: 4,
      values: [1.5, -2, 0, { $: 'number', value: 'Infinity' }],
    });
    expect(tree('new (class Index extends Map { total = 1 })([[1, 2]])')).toEqual({
      $: 'Index',
      entries: [[1, 2]],
      total: 1,
    });
    expect(tree('({ __proto__: null, [Symbol("k")]: 1 })')).toEqual({ 'Symbol(k)': 1 });
  });

  test('reads a text of a million concatenations without recursion', () => {
    const one = engine();
    const value = evaluate(one, 'let s = ""; for (let i = 0; i < 1e5; i++) s += "abcdefghij"; s');
    const read = new HeapReader(one).value(value, 2_000_000);
    expect(read.type === 'string' && read.value === 'abcdefghij'.repeat(100_000)).toBe(true);
  });

  test('is one line for people', () => {
    const source =
      '({ "a-b": [1, , "x\\n"], m: new Map([["k", { deep: { er: 1 } }]]), f() {}, n: -0, u: undefined, e: new TypeError("bad") })';
    expect(treeText(tree(source), 200)).toBe(
      "{ 'a-b': [1, <1 empty>, 'x\\n'], m: Map { 'k' => { deep: [Object] } }, f: [Function: f], n: -0, u: undefined, ... 1 more }",
    );
    expect(treeText('a long text', 6)).toBe("'a lo…");
  });
});
