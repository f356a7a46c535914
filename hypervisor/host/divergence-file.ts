/**
 * The mark of a copy whose replay differed, in its own directory: what differed, for people, and for every
 * later process the reason not to go on from it. Records are not wrong there; a snapshot taken by the
 * machine that differed may be.
 */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Lsn, Micros } from '../../log-format/index.ts';
import { logWriteError } from './log-errors.ts';

const NAME = 'divergence.json';

export interface Divergence {
  readonly lsn: Lsn;
  readonly report: string;
}

/**
 * Marks `dir`, on disk before it returns: the process may end right after. Throws HV_E_LOG_WRITE.
 */
export function markDivergence(dir: string, { lsn, report }: Divergence, at: Micros): void {
  const path = join(dir, NAME);
  const found = new Date(at / 1000).toISOString();
  try {
    const file = openSync(`${path}.tmp`, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify({ lsn, report, found }, undefined, 2)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${path}.tmp`, path);
  } catch (error) {
    throw logWriteError(dir, error);
  }
}

/** Why the copy in `dir` is evidence and nothing else; undefined: it is not. */
export function divergenceOf(dir: string): string | undefined {
  try {
    const { report } = JSON.parse(readFileSync(join(dir, NAME), 'utf8')) as Partial<Divergence>;
    return `its replay differed ${report ?? ''}`.trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // There and not readable: it was made for a reason.
    return 'its replay differed, and the report of it cannot be read';
  }
}
