/**
 * What one call of `node:fs` does, apart from how its answer comes back. Every function here checks
 * its arguments, as of the synchronous form, and answers a job that has not begun.
 */

import {
  encodeName,
  type Options,
  toFd,
  toFlags,
  toMicros,
  toMode,
  toOptions,
  toPath,
} from './fs-arguments.ts';
import { guarded, type Subject } from './fs-errors.ts';
import { closeFile, nodeOf, openFile, resizeFile } from './fs-files.ts';
import { Fault, Inode, nowMicros } from './fs-inode.ts';
import { statFsOf, statsOf } from './fs-stats.ts';
import { type Place, volume } from './fs-volume.ts';
import { exported as path } from './path.ts';
import { validateBoolean, validateInteger, validateOneOf } from './validators.ts';

export interface Job {
  readonly subject: Subject;
  /** Does it. Faults of the disk become errors about `subject`. */
  readonly run: () => unknown;
  /** Aborted before `run`, it does not run. */
  readonly signal?: unknown;
  /** What a callback gets after `null`: the value, unless it is undefined. */
  readonly results?: (value: never) => readonly unknown[];
}

export type Prepare = (...args: readonly unknown[]) => Job;

const USER_MAX = 2 ** 32 - 1;

function job(subject: Subject, run: () => unknown): Job {
  return { subject, run };
}

export function perform({ subject, run }: Job): unknown {
  return guarded(subject, run);
}

function rights(given: unknown): number {
  if (given == null) return 0;
  validateInteger(given, 'mode', 0, 7);
  return given;
}

function statJob(
  syscall: string,
  given: unknown,
  options: unknown,
  find: (path: string) => Inode,
): Job {
  const where = toPath(given);
  const { bigint = false } = (options ?? {}) as Options;
  return job({ syscall, path: where }, () => statsOf(find(where), Boolean(bigint)));
}

/** Changes what is said about an inode, not its content. */
function change(node: Inode, act: (node: Inode) => void): void {
  if (node.mount?.readOnly) throw new Fault('EROFS');
  act(node);
  node.changed = nowMicros();
  volume.announceContent(node);
}

function modeJob(
  syscall: string,
  subject: string | undefined,
  find: () => Inode,
  mode: number,
): Job {
  return job({ syscall, path: subject }, () =>
    change(find(), (node) => {
      node.mode = mode & 0o7777;
    }),
  );
}

function ownerJob(
  syscall: string,
  subject: string | undefined,
  find: () => Inode,
  uid: unknown,
  gid: unknown,
): Job {
  validateInteger(uid, 'uid', -1, USER_MAX);
  validateInteger(gid, 'gid', -1, USER_MAX);
  return job({ syscall, path: subject }, () =>
    change(find(), (node) => {
      if (uid >= 0 && uid < USER_MAX) node.uid = uid;
      if (gid >= 0 && gid < USER_MAX) node.gid = gid;
    }),
  );
}

function timesJob(
  syscall: string,
  subject: string | undefined,
  find: () => Inode,
  times: readonly [number, number],
): Job {
  return job({ syscall, path: subject }, () =>
    change(find(), (node) => {
      [node.accessed, node.modified] = times;
    }),
  );
}

function truncateAt(where: string, size: number): void {
  const fd = guarded({ syscall: 'open', path: where }, () => openFile(where, 2, 0o666));
  try {
    guarded({ syscall: 'ftruncate' }, () => resizeFile(fd, size));
  } finally {
    closeFile(fd);
  }
}

function linkPlace(where: string): Place {
  const place = volume.locate(where);
  if (place.node !== undefined) throw new Fault('EEXIST');
  if (place.mustBeDirectory) throw new Fault('ENOENT');
  return place;
}

const SYMLINK_TYPES: readonly unknown[] = ['dir', 'file', 'junction', null, undefined];

function checkSymlinkType(type: unknown): void {
  validateOneOf(type, 'type', SYMLINK_TYPES);
}

/** The part of `resolved` up to the first name that is not there. */
function missingPart(resolved: string): string {
  let at = 0;
  do {
    at = resolved.indexOf('/', at + 1);
    const part = at < 0 ? resolved : resolved.slice(0, at);
    try {
      volume.lookup(part);
    } catch {
      return part;
    }
  } while (at >= 0);
  return resolved;
}

const nameOf = (given: unknown): unknown => toOptions(given).encoding;

function realPathJob(given: unknown, options: unknown): Job {
  const where = toPath(given);
  const encoding = nameOf(options);
  const resolved = path.resolve(where);
  const run = (): unknown => {
    try {
      return encodeName(volume.realPath(resolved), encoding);
    } catch (error) {
      const subject = { syscall: 'lstat', path: missingPart(resolved) };
      return guarded(subject, () => {
        throw error;
      });
    }
  };
  return job({ syscall: 'lstat', path: resolved }, run);
}

export const jobs = {
  access(given: unknown, mode?: unknown): Job {
    const where = toPath(given);
    const wanted = rights(mode);
    return job({ syscall: 'access', path: where }, () => volume.lookup(where).require(wanted));
  },
  open(given: unknown, flags?: unknown, mode?: unknown): Job {
    const where = toPath(given);
    const bits = toFlags(flags ?? 'r');
    const permissions = toMode(mode, 'mode', 0o666);
    return job({ syscall: 'open', path: where }, () => openFile(where, bits, permissions));
  },
  close(given: unknown): Job {
    const fd = toFd(given);
    return job({ syscall: 'close' }, () => closeFile(fd));
  },
  stat: (given: unknown, options?: unknown): Job =>
    statJob('stat', given, options, (where) => volume.lookup(where)),
  lstat: (given: unknown, options?: unknown): Job =>
    statJob('lstat', given, options, (where) => volume.lookup(where, false)),
  fstat(given: unknown, options?: unknown): Job {
    const fd = toFd(given);
    const { bigint = false } = (options ?? {}) as Options;
    return job({ syscall: 'fstat' }, () => statsOf(nodeOf(fd), Boolean(bigint)));
  },
  statfs(given: unknown, options?: unknown): Job {
    const where = toPath(given);
    const { bigint = false } = (options ?? {}) as Options;
    return job({ syscall: 'statfs', path: where }, () => {
      volume.lookup(where);
      return statFsOf(volume, Boolean(bigint));
    });
  },
  chmod(given: unknown, mode?: unknown): Job {
    const where = toPath(given);
    return modeJob('chmod', where, () => volume.lookup(where), toMode(mode, 'mode'));
  },
  fchmod(given: unknown, mode?: unknown): Job {
    const fd = toFd(given);
    return modeJob('fchmod', undefined, () => nodeOf(fd), toMode(mode, 'mode'));
  },
  chown(given: unknown, uid?: unknown, gid?: unknown): Job {
    const where = toPath(given);
    return ownerJob('chown', where, () => volume.lookup(where), uid, gid);
  },
  lchown(given: unknown, uid?: unknown, gid?: unknown): Job {
    const where = toPath(given);
    return ownerJob('lchown', where, () => volume.lookup(where, false), uid, gid);
  },
  fchown(given: unknown, uid?: unknown, gid?: unknown): Job {
    const fd = toFd(given);
    return ownerJob('fchown', undefined, () => nodeOf(fd), uid, gid);
  },
  utimes(given: unknown, atime?: unknown, mtime?: unknown): Job {
    const where = toPath(given);
    const times = [toMicros(atime, 'time'), toMicros(mtime, 'time')] as const;
    return timesJob('utime', where, () => volume.lookup(where), times);
  },
  lutimes(given: unknown, atime?: unknown, mtime?: unknown): Job {
    const where = toPath(given);
    const times = [toMicros(atime, 'time'), toMicros(mtime, 'time')] as const;
    return timesJob('lutime', where, () => volume.lookup(where, false), times);
  },
  futimes(given: unknown, atime?: unknown, mtime?: unknown): Job {
    const fd = toFd(given);
    const times = [toMicros(atime, 'atime'), toMicros(mtime, 'mtime')] as const;
    return timesJob('futime', undefined, () => nodeOf(fd), times);
  },
  fsync(given: unknown): Job {
    const fd = toFd(given);
    return job({ syscall: 'fsync' }, () => void nodeOf(fd));
  },
  fdatasync(given: unknown): Job {
    const fd = toFd(given);
    return job({ syscall: 'fdatasync' }, () => void nodeOf(fd));
  },
  ftruncate(given: unknown, size: unknown = 0): Job {
    const fd = toFd(given);
    validateInteger(size, 'len');
    return job({ syscall: 'ftruncate' }, () => resizeFile(fd, Math.max(size, 0)));
  },
  truncate(given: unknown, size: unknown = 0): Job {
    if (typeof given === 'number') return jobs.ftruncate(given, size);
    const where = toPath(given);
    validateInteger(size, 'len');
    return job({ syscall: 'open', path: where }, () => truncateAt(where, Math.max(size, 0)));
  },
  rename(from: unknown, to: unknown): Job {
    const source = toPath(from, 'oldPath');
    const dest = toPath(to, 'newPath');
    return job({ syscall: 'rename', path: source, dest }, () => volume.rename(source, dest));
  },
  unlink(given: unknown): Job {
    const where = toPath(given);
    return job({ syscall: 'unlink', path: where }, () => volume.unlink(where));
  },
  link(from: unknown, to: unknown): Job {
    const source = toPath(from, 'existingPath');
    const dest = toPath(to, 'newPath');
    return job({ syscall: 'link', path: source, dest }, () => {
      const node = volume.lookup(source, false);
      const place = linkPlace(dest);
      if (node.kind === 'directory') throw new Fault('EPERM');
      volume.add(place, node);
      node.changed = nowMicros();
    });
  },
  symlink(to: unknown, given: unknown, type?: unknown): Job {
    const target = toPath(to, 'target');
    const where = toPath(given);
    checkSymlinkType(type);
    return job({ syscall: 'symlink', path: target, dest: where }, () =>
      volume.add(linkPlace(where), new Inode('link', 0o777, { target })),
    );
  },
  readlink(given: unknown, options?: unknown): Job {
    const encoding = nameOf(options);
    const where = toPath(given, 'oldPath');
    return job({ syscall: 'readlink', path: where }, () => {
      const node = volume.lookup(where, false);
      if (node.kind !== 'link') throw new Fault('EINVAL');
      return encodeName(node.target, encoding);
    });
  },
  realpath: realPathJob,
  nativeRealpath(given: unknown, options?: unknown): Job {
    const encoding = nameOf(options);
    const where = toPath(given);
    return job({ syscall: 'realpath', path: where }, () =>
      encodeName(volume.realPath(where), encoding),
    );
  },
  mkdir(given: unknown, options?: unknown): Job {
    const where = toPath(given);
    const isMode = typeof options === 'number' || typeof options === 'string';
    const { recursive = false, mode } = isMode
      ? { mode: options }
      : ((options ?? {}) as { recursive?: unknown; mode?: unknown });
    validateBoolean(recursive, 'options.recursive');
    const bits = toMode(mode, 'mode', 0o777);
    return job({ syscall: 'mkdir', path: where }, () =>
      recursive ? volume.makeDirectories(where, bits) : volume.makeDirectory(where, bits),
    );
  },
};
