import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const UNIT = 'test/unit';

/** A module that a test has replaced stays replaced for whoever shares its process. */
const replacing = readdirSync(UNIT, { encoding: 'utf8', recursive: true })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => join(UNIT, file))
  .filter((file) => readFileSync(file, 'utf8').includes('vi.mock('));

export default defineConfig({
  test: {
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    // A retry would hide the race that a flaky test has found.
    retry: 0,
    projects: [
      {
        extends: true,
        // A process for each of two hundred files would be a quarter of the time they take.
        test: {
          name: 'unit',
          include: [`${UNIT}/**/*.test.ts`],
          exclude: replacing,
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['test/!(unit)/**/*.test.ts', 'test/*.test.ts', ...replacing],
        },
      },
    ],
  },
});
