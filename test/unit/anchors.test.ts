import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/testing.md'), 'utf8');

function numbered(letter: string, first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `${letter}${first + index}`);
}

/** Scenarios of primary and backup in the literature, and the tests of MIT 6.824, lab 2. */
const ANCHORS: readonly string[] = [
  ...numbered('F', 1, 7),
  ...numbered('P', 1, 5),
  'D1',
  'C1',
  ...numbered('G', 1, 14),
  ...numbered('V', 0, 15),
  ...numbered('B', 1, 15),
];

interface Row {
  readonly ids: readonly string[];
  readonly files: readonly string[];
}

/** `| F1, F2 | what | `file`, `file` |`; V0-V15 stands for all of them. */
function rows(): readonly Row[] {
  const [, part = ''] = PAGE.split('<!-- anchors:begin -->');
  const [table = ''] = part.split('<!-- anchors:end -->');
  const found: Row[] = [];
  for (const line of table.split('\n')) {
    const [, head = '', , where = ''] = line.split('|');
    const ids = head.split(',').flatMap((one) => expanded(one.trim()));
    if (ids.length > 0)
      found.push({ ids, files: [...where.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file) });
  }
  return found;
}

function expanded(id: string): readonly string[] {
  const range = /^([A-Z])(\d+)-[A-Z](\d+)$/.exec(id);
  if (range !== null) return numbered(range[1] ?? '', Number(range[2]), Number(range[3]));
  return /^[A-Z]\d+$/.test(id) ? [id] : [];
}

describe('the table of failure scenarios in docs/testing.md', () => {
  it('has each of them once', () => {
    const listed = rows().flatMap(({ ids }) => ids);
    expect([...listed].sort()).toEqual([...ANCHORS].sort());
  });

  it('names for each the files that name it', () => {
    for (const { ids, files } of rows()) {
      expect(files.length, ids.join()).toBeGreaterThan(0);
      for (const file of files) {
        expect(existsSync(join(ROOT, file)), file).toBe(true);
        const text = readFileSync(join(ROOT, file), 'utf8');
        for (const id of ids)
          expect(text, `${file} names ${id}`).toMatch(new RegExp(`\\b${id}\\b`));
      }
    }
  });
});
