/** Jobs of `node:fs` on directories: listing, removing and copying whole trees. */

import { traps } from '../drivers/traps.ts';
import { encodeName, type Options, toOptions, toPath } from './fs-arguments.ts';
import { diskError, guarded, systemError } from './fs-errors.ts';
import { Fault, type Inode } from './fs-inode.ts';
import { type Job, perform } from './fs-jobs.ts';
import { direntOf } from './fs-stats.ts';
import { volume } from './fs-volume.ts';
import { kernel } from './kernel-hooks.ts';
import { exported as path } from './path.ts';
import { validateBoolean, validateInteger, validateObject, validateUint32 } from './validators.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const TEMPLATE_WARNING =
  'mkdtemp() templates ending with X are not portable. For details see: https://nodejs.org/api/fs.html';
const RMDIR_WARNING =
  'In future versions of Node.js, fs.rmdir(path, { recursive: true }) will be removed. Use fs.rm(path, { recursive: true }) instead';
const INT32_MAX = 2_147_483_647;

const warned = new Set<string>();

function warnOnce(text: string, type?: string, code?: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  kernel().emitWarning(text, type, code);
}

/** The names of a directory, in order of their letters. */
export function entriesOf(where: string): [name: string, node: Inode][] {
  const node = volume.lookup(where);
  if (node.kind !== 'directory') throw new Fault('ENOTDIR');
  node.require(4);
  return [...node.entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

const joined = (base: string, name: string): string => (base === '' ? name : path.join(base, name));

export function readdirJob(given: unknown, options?: unknown): Job {
  const { encoding, withFileTypes, recursive } = toOptions(options);
  const where = toPath(given);
  if (recursive != null) validateBoolean(recursive, 'options.recursive');
  const list = (): unknown[] => {
    const found: unknown[] = [];
    // Nearer ones come first. A link to a directory is entered, too.
    const waiting = [''];
    for (const base of waiting) {
      const from = base === '' ? where : path.join(where, base);
      for (const [name, node] of entriesOf(from)) {
        const shown = encodeName(withFileTypes ? name : joined(base, name), encoding);
        found.push(withFileTypes ? direntOf(shown, node, base === '' ? given : from) : shown);
        if (recursive && targetOf(node, path.join(from, name))?.kind === 'directory')
          waiting.push(joined(base, name));
      }
    }
    return found;
  };
  return { subject: { syscall: 'scandir', path: where }, run: list };
}

/** What a link leads to, if anything; any other inode itself. */
function targetOf(node: Inode, where: string): Inode | undefined {
  if (node.kind !== 'link') return node;
  try {
    return volume.lookup(where);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

/** Six letters by the guest's own entropy. */
function randomLetters(): string {
  const bytes = new Uint8Array(traps.entropy(6));
  return Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join('');
}

export function mkdtempJob(given: unknown, options?: unknown): Job {
  const { encoding } = toOptions(options);
  const prefix = toPath(given, 'prefix');
  if (prefix.endsWith('X')) warnOnce(TEMPLATE_WARNING);
  const run = (): unknown => {
    const where = prefix + randomLetters();
    volume.makeDirectory(where, 0o700);
    return encodeName(where, encoding);
  };
  return { subject: { syscall: 'mkdtemp', path: `${prefix}XXXXXX` }, run };
}

/** A temporary directory that removes itself: where it is, and the removal, which may be repeated. */
export function mkdtempDisposable(
  given: unknown,
  options: unknown,
): { readonly path: unknown; readonly remove: () => void } {
  const made = String(perform(mkdtempJob(given, { ...toOptions(options), encoding: 'utf8' })));
  const where = path.resolve(made);
  return {
    path: encodeName(made, toOptions(options).encoding),
    remove: () => void perform(rmJob(where, { recursive: true, force: true })),
  };
}

function removeTree(where: string): void {
  const node = volume.lookup(where, false);
  if (node.kind !== 'directory') {
    guarded({ syscall: 'unlink', path: where }, () => volume.unlink(where));
    return;
  }
  for (const [name] of guarded({ syscall: 'scandir', path: where }, () => entriesOf(where))) {
    removeTree(path.join(where, name));
  }
  guarded({ syscall: 'rmdir', path: where }, () => volume.removeDirectory(where));
}

interface RemoveOptions {
  readonly recursive: boolean;
  readonly force: boolean;
}

function removeOptions(given: unknown): RemoveOptions {
  if (given === undefined) return { recursive: false, force: false };
  validateObject(given, 'options');
  const options = given as Options;
  const { recursive = false, force = false, retryDelay = 100, maxRetries = 0 } = options;
  validateBoolean(force, 'options.force');
  validateBoolean(recursive, 'options.recursive');
  validateInteger(retryDelay, 'options.retryDelay', 0, INT32_MAX);
  validateUint32(maxRetries, 'options.maxRetries');
  return { recursive, force };
}

export function rmJob(given: unknown, options?: unknown): Job {
  const where = toPath(given);
  const { recursive, force } = removeOptions(options);
  const run = (): void => {
    const node = lookupOr(where, force);
    if (node === undefined) return;
    if (node.kind === 'directory' && !recursive) {
      throw systemError('ERR_FS_EISDIR', 'Path is a directory', {
        code: 'EISDIR',
        message: 'is a directory',
        path: where,
        syscall: 'rm',
        errno: 21,
      });
    }
    removeTree(where);
  };
  return { subject: { syscall: 'lstat', path: where }, run };
}

/** The inode; undefined when there is none and `mayBeAbsent`. */
function lookupOr(where: string, mayBeAbsent: boolean): Inode | undefined {
  try {
    return volume.lookup(where, false);
  } catch (error) {
    if (mayBeAbsent && error instanceof Fault && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export function rmdirJob(given: unknown, options?: unknown): Job {
  const where = toPath(given);
  const { recursive } = removeOptions(options);
  if (!recursive) {
    return {
      subject: { syscall: 'rmdir', path: where },
      run: () => volume.removeDirectory(where),
    };
  }
  warnOnce(RMDIR_WARNING, 'DeprecationWarning', 'DEP0147');
  const run = (): void => {
    const node = volume.lookup(where, false);
    if (node.kind !== 'directory') throw diskError('ENOTDIR', { syscall: 'rmdir', path: where });
    removeTree(where);
  };
  return { subject: { syscall: 'lstat', path: where }, run };
}
