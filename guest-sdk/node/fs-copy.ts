/** `fs.cp`: trees, with a filter that may be asynchronous in the forms that are. */

import { type Options, toPath } from './fs-arguments.ts';
import { copyContent } from './fs-content.ts';
import { guarded, systemError } from './fs-errors.ts';
import { Fault, Inode } from './fs-inode.ts';
import { entriesOf } from './fs-trees.ts';
import { volume } from './fs-volume.ts';
import { invalidArgValue, invalidReturnValue, nodeError } from './node-errors.ts';
import { exported as path } from './path.ts';
import { types } from './util-types.ts';
import {
  validateBoolean,
  validateFunction,
  validateInteger,
  validateObject,
} from './validators.ts';

export interface CopyOptions {
  readonly recursive: boolean;
  readonly force: boolean;
  readonly errorOnExist: boolean;
  readonly dereference: boolean;
  readonly preserveTimestamps: boolean;
  readonly verbatimSymlinks: boolean;
  readonly mode: number;
  readonly filter: ((source: string, dest: string) => unknown) | undefined;
}

export function copyOptions(given: unknown): CopyOptions {
  const defaults = {
    recursive: false,
    force: true,
    errorOnExist: false,
    dereference: false,
    preserveTimestamps: false,
    verbatimSymlinks: false,
    mode: 0,
    filter: undefined,
  };
  if (given === undefined) return defaults;
  validateObject(given, 'options');
  const options = { ...defaults, ...(given as Options) } as CopyOptions;
  validateBoolean(options.dereference, 'options.dereference');
  validateBoolean(options.errorOnExist, 'options.errorOnExist');
  validateBoolean(options.force, 'options.force');
  validateBoolean(options.preserveTimestamps, 'options.preserveTimestamps');
  validateBoolean(options.recursive, 'options.recursive');
  validateBoolean(options.verbatimSymlinks, 'options.verbatimSymlinks');
  validateInteger(options.mode ?? 0, 'options.mode', 0, 7);
  if (options.dereference && options.verbatimSymlinks) {
    const text =
      'Option "dereference" cannot be used in combination with option "verbatimSymlinks"';
    throw nodeError(TypeError, 'ERR_INCOMPATIBLE_OPTION_PAIR', text);
  }
  if (options.filter !== undefined) validateFunction(options.filter, 'options.filter');
  return options;
}

export interface Copy {
  readonly source: string;
  readonly dest: string;
  readonly options: CopyOptions;
}

export function copyOf(from: unknown, to: unknown, options?: unknown): Copy {
  const checked = copyOptions(options);
  return { source: toPath(from, 'src'), dest: toPath(to, 'dest'), options: checked };
}

function refused(code: string, words: string, message: string, at: string): Error {
  const name = code.replace('ERR_FS_CP_', '');
  const codes: Record<string, readonly [string, number]> = {
    DIR_TO_NON_DIR: ['EISDIR', 21],
    NON_DIR_TO_DIR: ['ENOTDIR', 20],
    SYMLINK_TO_SUBDIRECTORY: ['EINVAL', 22],
    EINVAL: ['EINVAL', 22],
    EEXIST: ['EEXIST', 17],
  };
  const [system, errno] = codes[name] ?? ['EINVAL', 22];
  return systemError(code, words, { message, path: at, syscall: 'cp', errno, code: system });
}

function find(where: string, follow: boolean): Inode | undefined {
  try {
    return volume.lookup(where, follow);
  } catch (error) {
    if (error instanceof Fault && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

const isInside = (outer: string, inner: string): boolean => {
  const relative = path.relative(outer, inner);
  return relative !== '' && !relative.startsWith('..');
};

function checkPair({ source, dest, options }: Copy): void {
  const follow = options.dereference;
  const syscall = follow ? 'stat' : 'lstat';
  const from = guarded({ syscall, path: source }, () => volume.lookup(source, follow));
  const to = guarded({ syscall, path: dest }, () => find(dest, follow));
  if (from === to) {
    throw refused(
      'ERR_FS_CP_EINVAL',
      'Invalid src or dest',
      'src and dest cannot be the same',
      dest,
    );
  }
  const isDirectory = from.kind === 'directory';
  if (to !== undefined && isDirectory && to.kind !== 'directory') {
    const text = `cannot overwrite non-directory ${dest} with directory ${source}`;
    throw refused(
      'ERR_FS_CP_DIR_TO_NON_DIR',
      'Cannot overwrite non-directory with directory',
      text,
      dest,
    );
  }
  if (to !== undefined && !isDirectory && to.kind === 'directory') {
    const text = `cannot overwrite directory ${dest} with non-directory ${source}`;
    throw refused(
      'ERR_FS_CP_NON_DIR_TO_DIR',
      'Cannot overwrite directory with non-directory',
      text,
      dest,
    );
  }
  if (isDirectory && isInside(path.resolve(source), path.resolve(dest))) {
    const text = `cannot copy ${source} to a subdirectory of self ${dest}`;
    throw refused('ERR_FS_CP_EINVAL', 'Invalid src or dest', text, dest);
  }
  if (isDirectory && !options.recursive) {
    throw systemError('ERR_FS_EISDIR', 'Recursive option not enabled, cannot copy a directory', {
      message: `${source} is a directory (not copied)`,
      path: source,
      syscall: 'cp',
      errno: 21,
      code: 'EISDIR',
    });
  }
}

function copyLink({ source, dest, options }: Copy, node: Inode): void {
  let { target } = node;
  if (!options.verbatimSymlinks) target = path.resolve(path.dirname(source), target);
  const there = find(dest, false);
  if (there?.kind === 'link') {
    const old = path.resolve(path.dirname(dest), there.target);
    const full = path.resolve(path.dirname(source), node.target);
    const isDirectory = find(source, true)?.kind === 'directory';
    if (isDirectory && isInside(full, old)) {
      const text = `cannot copy ${full} to a subdirectory of self ${old}`;
      throw refused('ERR_FS_CP_EINVAL', 'Invalid src or dest', text, dest);
    }
    if (isDirectory && isInside(old, full)) {
      const text = `cannot overwrite ${old} with ${full}`;
      throw refused(
        'ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY',
        'Cannot overwrite symlink in subdirectory of self',
        text,
        dest,
      );
    }
    volume.unlink(dest);
  }
  guarded({ syscall: 'symlink', path: target, dest }, () => {
    const place = volume.locate(dest);
    if (place.node !== undefined) throw new Fault('EEXIST');
    volume.add(place, new Inode('link', 0o777, { target }));
  });
}

function copyPlain({ source, dest, options }: Copy, node: Inode): void {
  const there = find(dest, true);
  if (there !== undefined && !options.force) {
    if (!options.errorOnExist) return;
    throw refused('ERR_FS_CP_EEXIST', 'Target already exists', `${dest} already exists`, dest);
  }
  if (there !== undefined) guarded({ syscall: 'unlink', path: dest }, () => volume.unlink(dest));
  guarded({ syscall: 'copyfile', path: source, dest }, () =>
    copyContent(source, dest, (options.mode & 1) !== 0),
  );
  const made = volume.lookup(dest);
  made.mode = node.mode;
  if (options.preserveTimestamps) [made.accessed, made.modified] = [node.accessed, node.modified];
}

/** Copies one entry, which is allowed; the pairs below it, for a directory. */
function copyOne(copy: Copy): Copy[] {
  const { source, dest, options } = copy;
  checkPair(copy);
  const node = volume.lookup(source, options.dereference);
  if (node.kind === 'link') copyLink(copy, node);
  else if (node.kind === 'file') copyPlain(copy, node);
  else if (node.kind === 'device') throw invalidArgValue('src', source);
  if (node.kind !== 'directory') return [];
  if (find(dest, true) === undefined) volume.makeDirectories(dest, node.mode);
  const list = guarded({ syscall: 'opendir', path: source }, () => entriesOf(source));
  return list.map(([name]) => ({
    source: path.join(source, name),
    dest: path.join(dest, name),
    options,
  }));
}

function prepareParent({ source, dest }: Copy): void {
  guarded({ syscall: 'lstat', path: source }, () => volume.lookup(source, false));
  guarded({ syscall: 'mkdir', path: path.dirname(dest) }, () =>
    volume.makeDirectories(path.dirname(path.resolve(dest)), 0o777),
  );
}

/** What a filter answered, where nobody can wait for a promise. */
function allowed(answer: unknown): boolean {
  if (types.isPromise?.(answer)) throw invalidReturnValue('boolean', 'filter', answer);
  return Boolean(answer);
}

export function copySync(copy: Copy): void {
  const { filter } = copy.options;
  const waiting = [copy];
  for (const next of waiting) {
    if (filter !== undefined && !allowed(filter(next.source, next.dest))) continue;
    if (next === copy) {
      checkPair(copy);
      prepareParent(copy);
    }
    waiting.push(...copyOne(next));
  }
}

export async function copyAsync(copy: Copy): Promise<void> {
  const { filter } = copy.options;
  const waiting = [copy];
  for (const next of waiting) {
    if (filter !== undefined && !(await filter(next.source, next.dest))) continue;
    if (next === copy) {
      checkPair(copy);
      prepareParent(copy);
    }
    waiting.push(...copyOne(next));
  }
}
