/** Whether files of a log can be read by others than their owner. hv makes none that can. */

import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const OTHERS = 0o077;

export interface WidePath {
  readonly path: string;
  /** As `chmod` takes it: 644. */
  readonly mode: string;
}

/**
 * The directory of a log, and what lies in it, where somebody else may read or write it: copied from
 * elsewhere, made by hand, or opened up on purpose. Empty where there is no such directory.
 */
export function widePaths(dir: string): readonly WidePath[] {
  try {
    const paths = [dir, ...readdirSync(dir).map((name) => join(dir, name))];
    return paths.flatMap((path) => {
      const { mode } = lstatSync(path);
      return (mode & OTHERS) === 0 ? [] : [{ path, mode: (mode & 0o777).toString(8) }];
    });
  } catch (error) {
    // Gone, or moved aside by a run that begins in this moment.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
