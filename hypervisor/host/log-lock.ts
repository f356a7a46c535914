/**
 * Who may write into a log directory, and keeping older logs out of the way. The lock is a file
 * beside the directory, not in it, so that it stays in place when the directory is renamed.
 */

import {
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { HvError } from '../base/errors.ts';
import { checkpointLsns } from './checkpoint-files.ts';
import { makeDirectory } from './directories.ts';
import { logWriteError } from './log-errors.ts';
import { segmentNumbers } from './log-files.ts';

export interface DirectoryLock {
  /** Idempotent. */
  release(): void;
}

/** Attempts to take over a lock whose owner is dead, while others try the same. */
const TAKEOVERS_MAX = 5;

/**
 * Locks `dir` for this process; the directory need not exist yet. Throws HV_E_NAME_IN_USE while a
 * living process holds it, this one included. A lock whose process has died counts as free; where
 * /proc tells when a process started, a pid that has been used again does not pass for its owner.
 */
export function lockDirectory(dir: string): DirectoryLock {
  const path = lockPath(dir);
  const own = `${process.pid} ${startOf(process.pid)}\n`;
  try {
    makeDirectory(dirname(path));
    for (let attempt = 0; attempt < TAKEOVERS_MAX; attempt++) {
      if (createLock(path, own)) return { release: () => releaseLock(path, own) };
      const holder = readLock(path);
      if (holder === undefined) continue;
      if (isAlive(holder)) throw inUse(dir, holder);
      removeDead(path, holder);
    }
  } catch (error) {
    throw error instanceof HvError ? error : logWriteError(path, error);
  }
  throw inUse(dir, '');
}

/**
 * Keeps other backups of the same name out of `dir`, which is made if needed: their sockets lie there beside
 * the copies. The lock is in it, for what is above may be nobody's to write. Throws HV_E_NAME_IN_USE in words
 * about backups, and HV_E_DIRECTORY.
 */
export function lockCopies(dir: string, name: string): DirectoryLock {
  try {
    return lockDirectory(join(dir, `.copies-${name}`));
  } catch (error) {
    if (!(error instanceof HvError) || error.code !== 'HV_E_NAME_IN_USE') throw error;
    const { pid } = error.details;
    const who = pid === undefined ? 'another process' : `process ${String(pid)}`;
    throw new HvError(
      'HV_E_NAME_IN_USE',
      `${who} is a backup that keeps its copies in ${dir}: another one needs a --dir of its own`,
      { details: { dir, pid } },
    );
  }
}

/** Pid of the living process that holds the lock of `dir`, if there is one. */
export function lockHolder(dir: string): number | undefined {
  const holder = readLock(lockPath(dir));
  return holder !== undefined && isAlive(holder) ? pidOf(holder) : undefined;
}

function lockPath(dir: string): string {
  return `${resolve(dir)}.lock`;
}

function inUse(dir: string, holder: string): HvError {
  const pid = pidOf(holder);
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  return new HvError('HV_E_NAME_IN_USE', `${who} is recording into ${dir}`, {
    details: { dir, pid },
  });
}

/** The file appears with its content or not at all: a reader never meets a lock half written. */
function createLock(path: string, content: string): boolean {
  const own = `${path}.${process.pid}`;
  writeFileSync(own, content, { mode: 0o600 });
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Removes the lock of a dead process. Moved aside first and looked at again, because another process
 * may have done the same in between, and the file there now may be its living lock; that one is put
 * back.
 */
function removeDead(path: string, holder: string): void {
  const aside = `${path}.dead.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  try {
    if (readLock(aside) !== holder) linkSync(aside, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function releaseLock(path: string, own: string): void {
  if (readLock(path) === own) rmSync(path, { force: true });
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function pidOf(holder: string): number | undefined {
  const pid = Number.parseInt(holder, 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

function isAlive(holder: string): boolean {
  const pid = pidOf(holder);
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Of another user, but alive.
    return isCode(error, 'EPERM');
  }
  const started = holder.trim().split(' ')[1];
  const fields = statOf(pid);
  // Killed, with all its files closed, and not yet waited for by its parent.
  if (fields[0] === 'Z' || fields[0] === 'X') return false;
  return started === undefined || started === (fields[19] ?? '');
}

/** When a process started, in clock ticks since the host's boot; empty where /proc is missing. */
function startOf(pid: number): string {
  return statOf(pid)[19] ?? '';
}

/** Fields of /proc/<pid>/stat from the third, the state, on. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold spaces: count behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    // No /proc, or the process has just ended; the pid alone must do.
    return [];
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/**
 * Renames a log that `dir` already holds to `<dir>~<k>`, with k above every k there is, so that a new
 * recording never overwrites an old one. Returns the new path, or undefined when there was no log.
 * Call with the directory locked. Throws HV_E_LOG_WRITE.
 */
export function rotateAside(dir: string): string | undefined {
  const path = resolve(dir);
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
    if (segmentNumbers(path).length === 0 && checkpointLsns(path).length === 0) return undefined;
    const prefix = `${basename(path)}~`;
    let last = 0;
    for (const name of readdirSync(dirname(path))) {
      const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
      if (/^\d{1,9}$/.test(digits)) last = Math.max(last, Number(digits));
    }
    const aside = join(dirname(path), `${prefix}${last + 1}`);
    renameSync(path, aside);
    return aside;
  } catch (error) {
    throw logWriteError(dir, error);
  }
}

/** Takes `rotateAside` back: what a start that came to nothing has left in `dir` goes. Throws HV_E_LOG_WRITE. */
export function putBack(dir: string, aside: string): void {
  try {
    rmSync(dir, { recursive: true, force: true });
    renameSync(aside, dir);
  } catch (error) {
    throw logWriteError(dir, error);
  }
}
