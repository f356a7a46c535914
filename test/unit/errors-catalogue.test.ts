import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { CATALOGUE, EXIT, HvError, type HvErrorCode } from '../../hypervisor/base/errors.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const rows = Object.entries(CATALOGUE) as [HvErrorCode, (typeof CATALOGUE)[HvErrorCode]][];

describe('the catalogue', () => {
  test.each(rows)('%s says in whole sentences what it means and what to do', (code, row) => {
    expect(code).toMatch(/^HV_E_[A-Z]+(_[A-Z]+)*$/);
    expect(row.means).toMatch(/^[A-Z].{20,}\.$/);
    expect(row.fix).toMatch(/^[A-Za-z].{10,}[^\s]$/);
    expect(row.means).not.toBe(row.fix);
  });

  test('every row has one of the exit statuses, and none says ok', () => {
    const statuses = Object.values(EXIT) as number[];
    expect(new Set(statuses).size).toBe(statuses.length);
    for (const [, row] of rows) {
      expect(statuses).toContain(row.exit);
      expect(row.exit).not.toBe(EXIT.ok);
    }
  });

  test('an error carries its code, details, cause and exit status', () => {
    const cause = new Error('disk');
    const error = new HvError('HV_E_FENCED', 'epoch 4 has begun', { details: { epoch: 4 }, cause });
    expect(error).toMatchObject({ code: 'HV_E_FENCED', details: { epoch: 4 }, cause });
    expect(error.exitStatus).toBe(121);
    expect(new HvError('HV_E_USAGE', 'x')).not.toHaveProperty('cause');
  });
});

describe('the documents', () => {
  test('docs/errors.md is what the generator makes of the catalogue', () => {
    execFileSync(process.execPath, [join(ROOT, 'scripts/generate-errors.mjs'), '--check']);
    const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
    const headings = [...text.matchAll(/^## (HV_E_\w+)$/gm)].map((match) => match[1]);
    expect(headings).toEqual(rows.map(([code]) => code));
  });

  test('no source or document names a code that does not exist', () => {
    const files = ['hypervisor', 'log-format', 'guest-sdk', 'docs'].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.(ts|md)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name)),
    );
    const unknown = files.flatMap((path) =>
      (readFileSync(path, 'utf8').match(/\bHV_E_[A-Z_]+\b/g) ?? [])
        .filter((code) => !(code in CATALOGUE))
        .map((code) => `${path.slice(ROOT.length)}: ${code}`),
    );
    expect(unknown).toEqual([]);
  });
});
