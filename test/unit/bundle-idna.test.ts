/** The table of tr46 as the firmware carries it against the table as the package has it. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

type Entry = readonly [range: number | readonly [number, number], status: number, mapping?: string];
interface Packing {
  packTable(table: readonly Entry[]): string;
  unpackTable(text: string): Entry[];
}

const root = new URL('../../', import.meta.url);
const script: string = new URL('scripts/bundle-idna.mjs', root).href;
const { packTable, unpackTable } = (await import(script)) as Packing;
const file = new URL('node_modules/tr46/lib/mappingTable.json', root);

test('unpacking gives back every entry of the table', () => {
  const table = JSON.parse(readFileSync(file, 'utf8')) as Entry[];
  expect(unpackTable(packTable(table))).toEqual(table);
});

test('ranges of one, empty mappings and points beyond the first plane survive', () => {
  const table: Entry[] = [
    [0, 1],
    [[1, 1], 2],
    [[2, 40], 3],
    [41, 1, ''],
    [42, 1, 'a\u{1f600}'],
    [43, 7, '\0'],
  ];
  expect(unpackTable(packTable(table))).toEqual(table);
});

test('a table with a gap is refused while the firmware is built', () => {
  expect(() => packTable([[1, 1]])).toThrow('gap at 0');
});
