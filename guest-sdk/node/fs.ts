/**
 * `node:fs` on the virtual disk of the guest's memory (fs-volume.ts). Every function is one of the
 * jobs of fs-jobs.ts, fs-content.ts and fs-trees.ts in up to three forms: at once, with a callback,
 * with a promise.
 */

import { makeBlob } from '../web/blob.ts';
import { type Options, toMicros, toPath, toView } from './fs-arguments.ts';
import {
  appendFileJob,
  copyFileJob,
  readFileJob,
  readJob,
  readvJob,
  writeFileJob,
  writeJob,
  writevJob,
} from './fs-content.ts';
import { copyAsync, copyOf, copySync } from './fs-copy.ts';
import { Dir, opendirJob } from './fs-dir.ts';
import { type Job, jobs, type Prepare, perform } from './fs-jobs.ts';
import { exported as promises } from './fs-promises.ts';
import { later, named, synchronous, takeCallback, withCallback, withPromise } from './fs-queue.ts';
import { Dirent, Stats } from './fs-stats.ts';
import { defaults, type FileCalls, ReadStream, WriteStream } from './fs-streams.ts';
import { mkdtempDisposable, mkdtempJob, readdirJob, rmdirJob, rmJob } from './fs-trees.ts';
import { unwatchFile, watch, watchFile } from './fs-watchers.ts';
import { kernel } from './kernel-hooks.ts';
import { files as constants } from './platform-constants.ts';
import { validateFunction, validateObject, validateString } from './validators.ts';

const kCustom = Symbol.for('nodejs.util.promisify.custom');

/** Of each call: the length of the form with a callback, of the one without, and what it does. */
const table: Readonly<Record<string, readonly [number, number, Prepare]>> = {
  appendFile: [4, 3, appendFileJob],
  access: [3, 2, jobs.access],
  chown: [4, 3, jobs.chown],
  chmod: [3, 2, jobs.chmod],
  close: [2, 1, jobs.close],
  copyFile: [4, 3, copyFileJob],
  fchown: [4, 3, jobs.fchown],
  fchmod: [3, 2, jobs.fchmod],
  fdatasync: [2, 1, jobs.fdatasync],
  fstat: [3, 1, jobs.fstat],
  fsync: [2, 1, jobs.fsync],
  ftruncate: [3, 1, jobs.ftruncate],
  futimes: [4, 3, jobs.futimes],
  lchown: [4, 3, jobs.lchown],
  link: [3, 2, jobs.link],
  lstat: [3, 1, jobs.lstat],
  lutimes: [4, 3, jobs.lutimes],
  mkdir: [3, 2, jobs.mkdir],
  mkdtemp: [3, 2, mkdtempJob],
  open: [4, 3, jobs.open],
  readdir: [3, 2, readdirJob],
  read: [6, 5, readJob],
  readv: [4, 3, readvJob],
  readFile: [3, 2, readFileJob],
  readlink: [3, 2, jobs.readlink],
  realpath: [3, 2, jobs.realpath],
  rename: [3, 2, jobs.rename],
  rm: [3, 2, rmJob],
  rmdir: [3, 2, rmdirJob],
  stat: [3, 1, jobs.stat],
  statfs: [3, 1, jobs.statfs],
  symlink: [4, 3, jobs.symlink],
  truncate: [3, 2, jobs.truncate],
  unlink: [2, 1, jobs.unlink],
  utimes: [4, 3, jobs.utimes],
  writeFile: [4, 3, writeFileJob],
  write: [6, 5, writeJob],
  writev: [4, 3, writevJob],
  opendir: [3, 2, opendirJob],
};

/** `statSync` and `lstatSync` may be told not to throw when there is nothing. */
function statSync(prepare: Prepare): Prepare {
  return (given, options) => {
    const job = prepare(given, options);
    if ((options as Options | undefined)?.throwIfNoEntry !== false) return job;
    const run = (): unknown => {
      try {
        return perform(job);
      } catch (error) {
        const { code } = error as { code?: unknown };
        if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
        throw error;
      }
    };
    return { subject: job.subject, run };
  };
}

let toldOfExists = false;
let toldOfStats = false;

function deprecated(text: string, code: string): void {
  kernel().emitWarning(text, 'DeprecationWarning', code);
}

/** Node warns of calls of `fs.Stats` by programs. */
const PublicStats = function (this: object, ...fields: unknown[]): unknown {
  if (!toldOfStats) deprecated('fs.Stats constructor is deprecated.', 'DEP0180');
  toldOfStats = true;
  const make = Stats as unknown as new (...given: unknown[]) => object;
  return Reflect.construct(make, fields, new.target ?? make);
};
Object.defineProperty(PublicStats, 'name', { value: 'Stats' });
PublicStats.prototype = Stats.prototype;

/** Never throws: a path that is none is not there. */
function existsSync(given: unknown): boolean {
  try {
    toPath(given);
  } catch (error) {
    const isType = (error as { code?: unknown }).code === 'ERR_INVALID_ARG_TYPE';
    const text = 'Passing invalid argument types to fs.existsSync is deprecated';
    if (isType && !toldOfExists) deprecated(text, 'DEP0187');
    toldOfExists ||= isType;
    return false;
  }
  return isThere(given);
}

/** With a method of the name of the symbol, where the engine has it. */
function disposable(made: object, name: 'dispose' | 'asyncDispose', value: () => unknown): object {
  const symbol = (Symbol as unknown as Record<string, symbol | undefined>)[name];
  if (symbol !== undefined) Object.defineProperty(made, symbol, { value, enumerable: true });
  return made;
}

function mkdtempDisposableSync(prefix: unknown, options?: unknown): object {
  const made = mkdtempDisposable(prefix, options);
  return disposable(made, 'dispose', made.remove);
}

async function mkdtempDisposableLater(prefix: unknown, options?: unknown): Promise<object> {
  const { path, remove } = mkdtempDisposable(prefix, options);
  const later = async (): Promise<void> => remove();
  return disposable({ path, remove: later }, 'asyncDispose', later);
}
promises.mkdtempDisposable = named('mkdtempDisposable', mkdtempDisposableLater);

function isThere(given: unknown): boolean {
  try {
    perform(jobs.access(given));
    return true;
  } catch {
    return false;
  }
}

function exists(given: unknown, callback: unknown): void {
  validateFunction(callback, 'cb');
  later(() => (callback as unknown as (there: boolean) => void)(isThere(given)));
}
Object.defineProperty(exists, kCustom, {
  value: (given: unknown) =>
    new Promise((resolve) => {
      exists(given, resolve);
    }),
});

function cp(...args: unknown[]): void {
  const [callback, [from, to, options]] = takeCallback(args, 4);
  const copy = copyOf(from, to, options);
  later(() => {
    copyAsync(copy).then(
      () => later(() => callback(null)),
      (error) => later(() => callback(error)),
    );
  });
}

function cpSync(from: unknown, to: unknown, options?: unknown): void {
  copySync(copyOf(from, to, options));
}

async function openAsBlob(given: unknown, options: unknown = {}): Promise<object> {
  validateObject(options, 'options');
  const { type = '' } = options as Options;
  validateString(type, 'options.type');
  const where = toPath(given);
  const content = perform(readFileJob(where)) as Uint8Array;
  return makeBlob(new Uint8Array(content), type);
}

/** Promises of calls with two results name both. */
function withNames(name: string, prepare: Prepare, keys: readonly [string, string]): unknown {
  return async (...args: unknown[]): Promise<object> => {
    let job: Job | undefined;
    const value = await withPromise(name, (...given) => {
      job = prepare(...given);
      return job;
    })(...args);
    const [first, second] = job?.results?.(value as never) ?? [];
    return { [keys[0]]: first, [keys[1]]: second };
  };
}

function nativeRealpath(target: object, form: unknown): void {
  Object.defineProperty(target, 'native', { value: form, enumerable: true, writable: true });
}

function build(): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [name, [arity, length, prepare]] of Object.entries(table)) {
    made[name] = withCallback(name, arity, prepare);
    const now =
      name === 'stat' || name === 'lstat' || name === 'fstat' ? statSync(prepare) : prepare;
    made[`${name}Sync`] = synchronous(`${name}Sync`, length, transferSync(name, now));
  }
  for (const [name, keys] of Object.entries(TRANSFERS)) {
    const prepare = table[name]?.[2];
    if (prepare === undefined) continue;
    Object.defineProperty(made[name] as object, kCustom, {
      value: withNames(name, prepare, keys),
      configurable: true,
    });
  }
  nativeRealpath(made.realpath as object, withCallback('native', 3, jobs.nativeRealpath));
  nativeRealpath(made.realpathSync as object, synchronous('native', 2, jobs.nativeRealpath));
  return Object.assign(made, {
    cp,
    cpSync,
    exists,
    existsSync,
    mkdtempDisposableSync,
    openAsBlob,
    lchmod: undefined,
    lchmodSync: undefined,
    createReadStream: (given: unknown, options?: unknown) => new ReadStream(given, options),
    createWriteStream: (given: unknown, options?: unknown) => new WriteStream(given, options),
    watch,
    watchFile,
    unwatchFile,
  });
}

const TRANSFERS: Readonly<Record<string, readonly [string, string]>> = {
  read: ['bytesRead', 'buffer'],
  readv: ['bytesRead', 'buffers'],
  write: ['bytesWritten', 'buffer'],
  writev: ['bytesWritten', 'buffers'],
};

/** At once, a read must be given a buffer. */
function transferSync(name: string, prepare: Prepare): Prepare {
  if (name !== 'read') return prepare;
  return (fd, buffer, ...range) => {
    toView(buffer);
    if (range.length === 1 && range[0] != null) validateObject(range[0], 'options');
    return prepare(fd, buffer, ...range);
  };
}

/** Node's order of names. */
const NAMES =
  'appendFile appendFileSync access accessSync chown chownSync chmod chmodSync close closeSync copyFile copyFileSync cp cpSync createReadStream createWriteStream exists existsSync fchown fchownSync fchmod fchmodSync fdatasync fdatasyncSync fstat fstatSync fsync fsyncSync ftruncate ftruncateSync futimes futimesSync lchown lchownSync lchmod lchmodSync link linkSync lstat lstatSync lutimes lutimesSync mkdir mkdirSync mkdtemp mkdtempSync mkdtempDisposableSync open openSync openAsBlob readdir readdirSync read readSync readv readvSync readFile readFileSync readlink readlinkSync realpath realpathSync rename renameSync rm rmSync rmdir rmdirSync stat statfs statSync statfsSync symlink symlinkSync truncate truncateSync unwatchFile unlink unlinkSync utimes utimesSync watch watchFile writeFile writeFileSync write writeSync writev writevSync';

const calls = build();
export const exported: Record<string, unknown> = {};
for (const name of NAMES.split(' ')) exported[name] = calls[name];

const { F_OK, R_OK, W_OK, X_OK } = constants;
Object.assign(exported, {
  Dirent,
  Stats: PublicStats,
  ReadStream,
  WriteStream,
  FileReadStream: ReadStream,
  FileWriteStream: WriteStream,
  _toUnixTimestamp: (time: unknown): number => toMicros(time, 'time') / 1e6,
  Dir,
  opendir: calls.opendir,
  opendirSync: calls.opendirSync,
  F_OK,
  R_OK,
  W_OK,
  X_OK,
  constants,
  promises,
});

defaults.calls = exported as unknown as FileCalls;
