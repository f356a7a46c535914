/**
 * Directories for the modules that tests share: unit tests run one after the other in the same process
 * (vitest.config.ts), and such a module is evaluated once for all of them.
 */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const dirs: string[] = [];
process.once('exit', () => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

/** A fresh directory in `parent` that is there until this process ends. */
export function sharedDir(prefix: string, parent: string = tmpdir()): string {
  const dir = realpathSync(mkdtempSync(join(parent, prefix)));
  dirs.push(dir);
  return dir;
}
