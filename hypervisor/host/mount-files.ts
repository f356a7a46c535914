/**
 * One directory of the host as a guest reads and changes it. Nothing here leaves the directory: every
 * component of a path is looked at, and none may be a link. What else can write to the directory could put
 * one there between a look and the operation; who can do that is trusted with it.
 */

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { MountAct } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';

const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
/** What hv keeps in the directory for itself, and directories of logs: never shown. */
const OWN = /^\.hv(?:-mount\..*)?$/;

export interface FoundFile {
  readonly kind: 'file' | 'directory';
  /** Another one: the file has changed. */
  readonly key: string;
  readonly size: number;
  readonly modified: number;
  readonly runs: boolean;
}

export class MountFiles {
  readonly #root: string;
  /** The file that was written last: most writes go on where the one before ended. */
  #open: { readonly path: string; readonly fd: number } | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** What is there now; undefined: nothing a guest could have. Throws errors of the file system. */
  look(path: string): FoundFile | undefined {
    try {
      this.#enter(path);
      return foundOf(lstatSync(join(this.#root, path)));
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  /** The content of a file of no more than `bytesMax`; undefined: larger, or gone meanwhile. */
  read(path: string, bytesMax: number): Uint8Array | undefined {
    this.#enter(path);
    const fd = openSync(join(this.#root, path), O_RDONLY | O_NOFOLLOW);
    try {
      const { size } = fstatSync(fd);
      if (size > bytesMax) return undefined;
      const bytes = new Uint8Array(size);
      let at = 0;
      for (let count = 1; count > 0 && at < size; at += count)
        count = readSync(fd, bytes, at, size - at, at);
      return bytes.subarray(0, at);
    } finally {
      closeSync(fd);
    }
  }

  /** All there is, directories before what is in them. */
  async list(): Promise<Map<string, FoundFile>> {
    const found = new Map<string, FoundFile>();
    const waiting = [''];
    for (const directory of waiting) {
      for (const name of await readdir(join(this.#root, directory)).catch(() => [])) {
        if (OWN.test(name) || name.includes('\ufffd')) continue;
        const path = directory === '' ? name : `${directory}/${name}`;
        const one = this.look(path);
        if (one === undefined) continue;
        found.set(path, one);
        if (one.kind === 'directory') waiting.push(path);
      }
    }
    return found;
  }

  /** Does what the guest has done. Doing the same once more changes nothing. Throws errors of the file system. */
  act({ act, path, at, bytes }: MountAct): void {
    switch (act) {
      case 'write':
        for (let done = 0, fd = this.#writable(path); done < bytes.length; )
          done += writeSync(fd, bytes, done, bytes.length - done, at + done);
        return;
      case 'resize':
        ftruncateSync(this.#writable(path), at);
        return;
      case 'directory':
        this.#enter(path);
        if (this.look(path)?.kind !== 'directory') mkdirSync(join(this.#root, path));
        return;
      case 'remove':
        this.close();
        this.#remove(path);
        return;
      case 'rename': {
        this.close();
        const [from = '', to = ''] = path.split('\0');
        this.#enter(from);
        this.#enter(to);
        // Done before, by a process that could not note it any more.
        if (this.look(from) === undefined && this.look(to) !== undefined) return;
        renameSync(join(this.#root, from), join(this.#root, to));
        return;
      }
      default:
        unreachable(act);
    }
  }

  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #remove(path: string): void {
    const there = this.look(path);
    const full = join(this.#root, path);
    if (there?.kind === 'directory') rmdirSync(full);
    else if (there !== undefined) unlinkSync(full);
  }

  #writable(path: string): number {
    // Somebody may have removed or replaced it.
    if (this.#open?.path === path && fstatSync(this.#open.fd).nlink > 0) return this.#open.fd;
    this.close();
    this.#enter(path);
    const fd = openSync(join(this.#root, path), O_WRONLY | O_CREAT | O_NOFOLLOW, 0o644);
    this.#open = { path, fd };
    return fd;
  }

  /** Every directory on the way to `path` is one, and no link. */
  #enter(path: string): void {
    const parts = path.split('/');
    if (parts.some((part) => part === '' || part === '.' || part === '..'))
      throw Object.assign(new Error(`EINVAL: no path in a mount, '${path}'`), { code: 'EINVAL' });
    let at = this.#root;
    for (const part of parts.slice(0, -1)) {
      at = join(at, part);
      if (!lstatSync(at).isDirectory())
        throw Object.assign(new Error(`ENOTDIR: not a directory, '${at}'`), { code: 'ENOTDIR' });
    }
  }
}

export function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code ?? '');
}

function foundOf(stats: Stats): FoundFile | undefined {
  const { ino, size, mtimeMs, mode } = stats;
  const common = { modified: Math.round(mtimeMs * 1000), runs: (mode & 0o100) !== 0 };
  if (stats.isDirectory()) return { kind: 'directory', key: 'directory', size: 0, ...common };
  if (!stats.isFile()) return undefined;
  return { kind: 'file', key: `${ino} ${size} ${mtimeMs}`, size, ...common };
}
