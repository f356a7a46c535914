/**
 * Where an export goes: stdout, or a file that gets its name only when it is complete, so that half
 * a file is never taken for a whole one.
 */

import { closeSync, openSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { HvError } from '../base/errors.ts';

export interface ExportTarget {
  readonly fd: number;
  /** For messages. */
  readonly name: string;
  /** Gives the file its name. */
  keep(): void;
  /** Removes what was written. */
  discard(): void;
}

/** Statuses of a process ended by these signals. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * `path` undefined: stdout. Throws HV_E_USAGE when the file is there already and `force` is not
 * given, or when it cannot be made. A pipe or device is opened as it is.
 */
export function openExportTarget(
  path: string | undefined,
  { force }: { readonly force: boolean },
): ExportTarget {
  const nothing = (): void => undefined;
  if (path === undefined) return { fd: 1, name: 'stdout', keep: nothing, discard: nothing };
  const found = statOf(path);
  if (found?.isDirectory()) throw new HvError('HV_E_USAGE', `${path} is a directory, not a file`);
  if (found !== undefined && !found.isFile()) {
    const fd = opened(path, 'w');
    return { fd, name: path, keep: () => closeSync(fd), discard: () => closeSync(fd) };
  }
  if (found !== undefined && !force)
    throw new HvError('HV_E_USAGE', `${path} exists already: pass --force to replace it`);
  return fileTarget(path);
}

function fileTarget(path: string): ExportTarget {
  const unfinished = `${path}.${process.pid}.part`;
  const fd = opened(unfinished, 'wx');
  const remove = (): void => rmSync(unfinished, { force: true });
  const onSignal = (signal: NodeJS.Signals): void => {
    remove();
    process.exit(SIGNALS[signal as keyof typeof SIGNALS]);
  };
  for (const signal of Object.keys(SIGNALS)) process.once(signal, onSignal);
  const done = (): void => {
    for (const signal of Object.keys(SIGNALS)) process.off(signal, onSignal);
    closeSync(fd);
  };
  return {
    fd,
    name: path,
    keep: () => {
      done();
      renameSync(unfinished, path);
    },
    discard: () => {
      done();
      remove();
    },
  };
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function opened(path: string, flags: string): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    throw new HvError('HV_E_USAGE', `cannot write ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
