/** `fs/promises`. */

import { type Options, toOptions, toPath } from './fs-arguments.ts';
import {
  appendFileJob,
  copyFileJob,
  readFileJob,
  WRITE_DEFAULTS,
  writeFileJob,
} from './fs-content.ts';
import { copyAsync, copyOf } from './fs-copy.ts';
import { opendirJob } from './fs-dir.ts';
import { FileHandle, writeContent } from './fs-handle.ts';
import { type Job, jobs, type Prepare } from './fs-jobs.ts';
import { checkAborted, named, promiseLater, withPromise } from './fs-queue.ts';
import { mkdtempJob, readdirJob, rmdirJob, rmJob } from './fs-trees.ts';
import { watchPromise } from './fs-watchers.ts';
import { nodeError } from './node-errors.ts';
import { files as constants } from './platform-constants.ts';

/** What a file is given as, besides a path; the descriptor of a handle. */
const fileOf = (given: unknown): unknown => {
  if (!(given instanceof FileHandle)) return toPath(given);
  if (given.fd !== -1) return given.fd;
  throw Object.assign(new Error('file closed'), { code: 'EBADF', syscall: 'readFile' });
};

async function open(given: unknown, flags?: unknown, mode?: unknown): Promise<FileHandle> {
  return new FileHandle((await promiseLater(jobs.open(given, flags, mode))) as number);
}

async function readFile(given: unknown, options?: unknown): Promise<unknown> {
  const { signal } = toOptions(options);
  checkAborted(signal);
  return promiseLater(readFileJob(fileOf(given), options));
}

async function writeWith(
  given: unknown,
  data: unknown,
  options: Options,
  prepare: (file: unknown, data: unknown, options: Options) => Job,
): Promise<void> {
  checkAborted(options.signal);
  if (given instanceof FileHandle) {
    await writeContent(given, data, options, prepare);
    return;
  }
  const isWhole = typeof data === 'string' || ArrayBuffer.isView(data);
  const isStream = typeof data === 'object' && data !== null && !isWhole;
  if (!isStream || !(Symbol.asyncIterator in data || Symbol.iterator in data)) {
    await promiseLater(prepare(toPath(given), data, options));
    return;
  }
  const handle = await open(given, options.flag, options.mode);
  try {
    await writeContent(handle, data, options, prepare);
  } finally {
    await handle.close();
  }
}

async function writeFile(given: unknown, data: unknown, options?: unknown): Promise<void> {
  return writeWith(given, data, toOptions(options, WRITE_DEFAULTS), writeFileJob);
}

async function appendFile(given: unknown, data: unknown, options?: unknown): Promise<void> {
  const checked = toOptions(options, { ...WRITE_DEFAULTS, flag: 'a' });
  return writeWith(given, data, checked, appendFileJob);
}

async function cp(from: unknown, to: unknown, options?: unknown): Promise<void> {
  const copy = copyOf(from, to, options);
  await promiseLater({ subject: { syscall: 'cp' }, run: () => undefined });
  await copyAsync(copy);
}

async function lchmod(): Promise<never> {
  throw nodeError(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The lchmod() method is not implemented');
}

/** `promises.mkdtemp` and its like, by name. */
const table: Readonly<Record<string, Prepare>> = {
  access: jobs.access,
  copyFile: copyFileJob,
  opendir: opendirJob,
  rename: jobs.rename,
  truncate: jobs.truncate,
  rm: rmJob,
  rmdir: rmdirJob,
  mkdir: jobs.mkdir,
  readdir: readdirJob,
  readlink: jobs.readlink,
  symlink: jobs.symlink,
  lstat: jobs.lstat,
  stat: jobs.stat,
  statfs: jobs.statfs,
  link: jobs.link,
  unlink: jobs.unlink,
  chmod: jobs.chmod,
  lchown: jobs.lchown,
  chown: jobs.chown,
  utimes: jobs.utimes,
  lutimes: jobs.lutimes,
  realpath: jobs.nativeRealpath,
  mkdtemp: mkdtempJob,
};

const special = { cp, open, lchmod, writeFile, appendFile, readFile };
/** Node's order. */
const NAMES =
  'access copyFile cp open opendir rename truncate rm rmdir mkdir readdir readlink symlink lstat stat statfs link unlink chmod lchmod lchown chown utimes lutimes realpath mkdtemp writeFile appendFile readFile';

export const exported: Record<string, unknown> = {};
for (const name of NAMES.split(' ')) {
  const prepare = table[name];
  exported[name] =
    prepare === undefined
      ? named(name, special[name as keyof typeof special])
      : withPromise(name, prepare);
}
exported.watch = named('_watch', watchPromise);
exported.constants = constants;
