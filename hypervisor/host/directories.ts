/** Making directories with an error a user understands. */

import { mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { HvError } from '../base/errors.ts';

/**
 * Makes `path` and what is missing above it, readable by their owner only. Throws HV_E_DIRECTORY.
 * One level at a time, because Node's recursive mkdir never returns where a file system answers
 * ENOENT to every mkdir (/proc).
 */
export function makeDirectory(path: string): void {
  const missing: string[] = [];
  let at = resolve(path);
  for (;;) {
    const stats = statOf(path, at);
    if (stats?.isDirectory()) break;
    if (stats !== undefined) throw refused(path, `${at} is not a directory`);
    missing.push(at);
    if (dirname(at) === at) break;
    at = dirname(at);
  }
  for (const one of missing.reverse()) {
    try {
      mkdirSync(one, { mode: 0o700 });
    } catch (error) {
      // Another replica may have made it in this instant.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw refused(path, (error as Error).message, error);
    }
  }
}

/** Of a path below a file the system says that there is no directory, not that there is nothing. */
function statOf(path: string, at: string): Stats | undefined {
  try {
    return statSync(at, { throwIfNoEntry: false });
  } catch (error) {
    throw refused(path, (error as Error).message, error);
  }
}

function refused(path: string, why: string, cause?: unknown): HvError {
  return new HvError('HV_E_DIRECTORY', `the directory ${path} cannot be made: ${why}`, {
    details: { path },
    cause,
  });
}

/** A guest's name as one path component. */
export function safeName(name: string): string {
  const cleaned = name.replace(/[^A-Za-z0-9._-]/g, '_');
  return cleaned === '' || cleaned.startsWith('.') ? `_${cleaned}` : cleaned;
}

/** Whether there is a directory at `path` now, as far as this process may know. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    // Below a file, or where this process may not look.
    return false;
  }
}
