import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { rerun } from '../../simulator/scenario.ts';

const DIR = join(import.meta.dirname, '../../scenarios');
const files = readdirSync(DIR).filter((name) => name.endsWith('.txt'));

/** REWRITE=1 writes what happens now; commit it only if you know why it changed. */
describe('scenarios', () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(10);
  });

  for (const file of files) {
    it(`${file} happens as written`, () => {
      const path = join(DIR, file);
      const written = readFileSync(path, 'utf8');
      const now = rerun(written);
      if (process.env.REWRITE === '1') writeFileSync(path, now);
      else expect(now).toBe(written);
      expect(now).not.toContain('VIOLATION');
    });
  }
});
