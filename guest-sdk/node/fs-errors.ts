/** Errors of the virtual disk with Node's fields and words. */

import { Fault } from './fs-inode.ts';
import { markNodeError } from './node-errors.ts';
import { errno } from './platform-constants.ts';
import { systemErrorMap } from './system-errors.ts';

/** What was being done: the name of the call in errors, and the paths as they were given. */
export interface Subject {
  readonly syscall: string;
  readonly path?: string | undefined;
  readonly dest?: string | undefined;
}

interface DiskError extends Error {
  errno: number;
  code: string;
  syscall: string;
  path?: string;
  dest?: string;
}

export function diskError(code: string, { syscall, path, dest }: Subject): DiskError {
  const number = -(errno[code] ?? 4094);
  let message = `${code}: ${systemErrorMap.get(number)?.[1] ?? 'unknown error'}, ${syscall}`;
  if (path !== undefined) message += ` '${path}'`;
  if (dest !== undefined) message += ` -> '${dest}'`;
  const error = new Error(message) as DiskError;
  Object.assign(error, { errno: number, code, syscall });
  if (path !== undefined) error.path = path;
  if (dest !== undefined) error.dest = dest;
  return error;
}

/** Runs `act`; a fault of the disk becomes Node's error about `subject`. */
export function guarded<T>(subject: Subject, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Fault) throw diskError(error.code, subject);
    throw error;
  }
}

/** "Path is a directory: rm returned EISDIR (is a directory) /x": errors of rm and cp. */
export function systemError(
  code: string,
  prefix: string,
  context: { code: string; message: string; path: string; syscall: string; errno: number },
): Error {
  const { syscall, path } = context;
  const text = `${prefix}: ${syscall} returned ${context.code} (${context.message}) ${path}`;
  const error = new Error(text);
  markNodeError(error);
  Object.defineProperty(error, 'name', {
    value: 'SystemError',
    writable: true,
    enumerable: false,
    configurable: true,
  });
  return Object.assign(error, { code, info: context, errno: context.errno, syscall, path });
}

/** An error that comes to a callback: no code of the guest was running, so it has no frames. */
export function withoutFrames(error: unknown): unknown {
  if (error instanceof Error && (error as { syscall?: unknown }).syscall !== undefined) {
    const [header] = String(error.stack).split('\n    at ', 1);
    Object.defineProperty(error, 'stack', {
      value: header,
      writable: true,
      enumerable: false,
      configurable: true,
    });
  }
  return error;
}
