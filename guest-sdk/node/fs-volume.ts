/**
 * The virtual disk: a tree of inodes in the guest's memory, where replay and snapshots have it for
 * free. What came with the image lies below what the guest has written, and is never changed itself. Paths are
 * absolute or relative to the working directory. Failures are thrown as `Fault`.
 */

import { bootConfig } from '../boot-config.ts';
import { traps } from '../drivers/traps.ts';
import { Fault, Inode } from './fs-inode.ts';
import { act, pathIn, pathOfMounted, requireChange } from './fs-mounts.ts';
import { tellChange, tellGone, tellNameGone, tellOwn } from './fs-told.ts';
import { attach, holdsMount, makeTree } from './fs-tree.ts';

const LINKS_MAX = 40;
const NAME_BYTES_MAX = 255;
const PATH_BYTES_MAX = 4095;
/** One inode for so many bytes of the disk: names take memory, too. */
const BYTES_PER_INODE = 4096;

export interface Place {
  readonly directory: Inode;
  readonly name: string;
  readonly node: Inode | undefined;
  /** The path ended in a slash: only a directory will do. */
  readonly mustBeDirectory: boolean;
}

/** What happened to a name of `directory`; `name` is undefined for a change of the directory itself. */
export interface Change {
  readonly type: 'rename' | 'change';
  readonly directory: Inode;
  readonly name: string;
  readonly node: Inode;
}

/** Parts of a path, without empty ones and ".". */
function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

class Volume {
  /** Bytes of content it may hold. */
  bytesMax = 0;
  /** What the guest has written. The image's own files are not counted. */
  bytesUsed = 0;
  /** Inodes the guest has made. */
  inodesUsed = 0;
  #installing = false;
  /** Changes come from the host of a mount, or make up one act on it: they are none themselves. */
  #tellsNobody = false;
  #isHost = false;
  umask = 0o022;
  #root: Inode | undefined;
  readonly #listeners = new Set<(change: Change) => void>();
  #directory: string | undefined;

  /** Made at the first use: the clock runs and the working directory is known only then. */
  get root(): Inode {
    if (this.#root !== undefined) return this.#root;
    this.#root = makeTree();
    const config = bootConfig();
    this.bytesMax = config.diskBytesMax ?? Math.floor(config.heapBytesMax / 2);
    this.install(() => this.makeDirectories(config.cwd, 0o755));
    return this.#root;
  }

  /** Inodes there may be. */
  get inodesMax(): number {
    return Math.floor(this.bytesMax / BYTES_PER_INODE);
  }

  /** What `act` adds comes with the system and not from the guest. */
  install(act: () => void): void {
    const before = this.#installing;
    this.#installing = true;
    act();
    this.#installing = before;
  }

  /** What `act` changes in a mount has changed on the host, whatever is allowed here. */
  asHost(change: () => void): void {
    this.#isHost = true;
    try {
      this.#quietly(change);
    } finally {
      this.#isHost = false;
    }
  }

  #quietly(change: () => void): void {
    this.#tellsNobody = true;
    try {
      change();
    } finally {
      this.#tellsNobody = false;
    }
  }

  /** The working directory. */
  cwd(): string {
    return this.#directory ?? bootConfig().cwd;
  }

  changeDirectory(path: string): void {
    const node = this.lookup(path);
    if (node.kind !== 'directory') throw new Fault('ENOTDIR');
    node.require(1);
    this.#directory = this.pathOf(node);
  }

  /** The inode at `path`. */
  lookup(path: string, follow = true): Inode {
    const { node, mustBeDirectory } = this.locate(path, follow);
    if (node === undefined) throw new Fault('ENOENT');
    if (mustBeDirectory && node.kind !== 'directory') throw new Fault('ENOTDIR');
    return node;
  }

  /** The last name of `path` in its directory. Names before it must be there. */
  locate(path: string, follow = false): Place {
    if (path === '') throw new Fault('ENOENT');
    if (traps.byteLength(path) > PATH_BYTES_MAX) throw new Fault('ENAMETOOLONG');
    const mustBeDirectory = /\/\.?$/.test(path);
    let directory = this.root;
    let rest = [...(path.startsWith('/') ? [] : partsOf(this.cwd())), ...partsOf(path)];
    let links = 0;
    for (;;) {
      const [name, ...after] = rest;
      if (name === undefined) return { directory, name: '.', node: directory, mustBeDirectory };
      if (directory.kind !== 'directory') throw new Fault('ENOTDIR');
      directory.require(1);
      if (name.length > NAME_BYTES_MAX / 4 && traps.byteLength(name) > NAME_BYTES_MAX) {
        throw new Fault('ENAMETOOLONG');
      }
      const node = name === '..' ? directory.parent : directory.entries.get(name);
      const isLast = after.length === 0;
      if (node?.kind === 'link' && (!isLast || follow || mustBeDirectory)) {
        links += 1;
        if (links > LINKS_MAX) throw new Fault('ELOOP');
        if (node.target.startsWith('/')) directory = this.root;
        rest = [...partsOf(node.target), ...after];
        continue;
      }
      if (isLast) return { directory, name, node, mustBeDirectory };
      if (node === undefined) throw new Fault('ENOENT');
      if (node.kind !== 'directory') throw new Fault('ENOTDIR');
      directory = node;
      rest = after;
    }
  }

  /** Puts `node` at a free place. */
  add(place: Place, node: Inode): void {
    const { mount } = place.directory;
    if (!this.#isHost) place.directory.require(2);
    if (place.directory.links === 0) throw new Fault('ENOENT');
    // A host's directory gets files and directories with one name each: links could lead out of it.
    if (node.links > 0 && node.mount !== mount) throw new Fault('EXDEV');
    if (mount !== undefined && !this.#isHost) {
      if (node.links > 0 || node.kind === 'link' || node.kind === 'device')
        throw new Fault('EPERM');
      requireChange(mount);
    }
    const isGiven = this.#installing;
    if (!isGiven && !node.isTold) {
      if (this.inodesUsed >= this.inodesMax && !this.#isHost) throw new Fault('ENOSPC');
      this.inodesUsed += 1;
    } else if (!isGiven) this.own(node, { keeps: true });
    attach(place.directory, place.name, node, isGiven);
    if (mount !== undefined && !this.#tellsNobody) {
      const kind = node.kind === 'directory' ? 'directory' : 'resize';
      act(kind, node, pathIn(place.directory, place.name));
      place.directory.lastAct = node.lastAct;
    }
    this.announce('rename', place.directory, place.name, node);
  }

  /** Takes a name away; content nobody has open any more goes with the last one. */
  remove({ directory, name, node }: Place): void {
    if (node === undefined) throw new Fault('ENOENT');
    if (node.mount?.root === node) throw new Fault('EBUSY');
    if (!this.#isHost) directory.require(2);
    if (directory.mount !== undefined && !this.#tellsNobody) {
      requireChange(directory.mount);
      act('remove', directory, pathIn(directory, name));
    }
    directory.entries.delete(name);
    if (node.isTold) tellNameGone(directory, name);
    directory.touch();
    node.links -= 1;
    node.changed = directory.changed;
    if (node.kind === 'directory') {
      node.links = 0;
      directory.links -= 1;
    }
    this.announce('rename', directory, name, node);
    this.release(node);
  }

  makeDirectory(path: string, mode: number): void {
    const place = this.locate(path);
    if (place.node !== undefined) throw new Fault('EEXIST');
    this.add(place, new Inode('directory', mode & 0o7777 & ~this.umask));
  }

  /** Makes what is missing on the way; the first that was, if any. */
  makeDirectories(path: string, mode: number): string | undefined {
    let first: string | undefined;
    let at = path.startsWith('/') ? '/' : '';
    const parts = path.split('/').filter((part) => part !== '');
    for (const [index, part] of parts.entries()) {
      at = at === '' || at === '/' ? at + part : `${at}/${part}`;
      const place = this.locate(at, true);
      if (place.node?.kind === 'directory') continue;
      if (place.node !== undefined) {
        throw new Fault(index === parts.length - 1 ? 'EEXIST' : 'ENOTDIR');
      }
      this.add(place, new Inode('directory', mode & 0o7777 & ~this.umask));
      first ??= at;
    }
    return first;
  }

  removeDirectory(path: string): void {
    const place = this.locate(path);
    const { node } = place;
    if (node === undefined) throw new Fault('ENOENT');
    if (node.kind !== 'directory') throw new Fault('ENOTDIR');
    if (/(?:^|\/)\.\/*$/.test(path)) throw new Fault('EINVAL');
    if (node.entries.size > 0 || place.name === '..') throw new Fault('ENOTEMPTY');
    if (node === this.root) throw new Fault('EBUSY');
    this.remove(place);
  }

  unlink(path: string): void {
    const place = this.locate(path);
    const { node } = place;
    if (node === undefined) throw new Fault('ENOENT');
    if (node.kind === 'directory') throw new Fault('EISDIR');
    if (place.mustBeDirectory) throw new Fault('ENOTDIR');
    this.remove(place);
  }

  rename(from: string, to: string): void {
    const source = this.locate(from);
    const target = this.locate(to);
    const { node } = source;
    if (node === undefined) throw new Fault('ENOENT');
    if (source.name === '.' || source.name === '..' || target.name === '.')
      throw new Fault('EBUSY');
    const isDirectory = node.kind === 'directory';
    if (!isDirectory && (source.mustBeDirectory || target.mustBeDirectory)) {
      throw new Fault('ENOTDIR');
    }
    if (node === target.node) return;
    for (let up: Inode = target.directory; isDirectory && up !== this.root; ) {
      if (up === node) throw new Fault('EINVAL');
      up = up.parent ?? this.root;
    }
    if (target.node !== undefined) {
      const wasDirectory = target.node.kind === 'directory';
      if (wasDirectory && !isDirectory) throw new Fault('EISDIR');
      if (!wasDirectory && isDirectory) throw new Fault('ENOTDIR');
      if (target.node.entries.size > 0) throw new Fault('ENOTEMPTY');
    }
    if (source.directory.mount !== target.directory.mount) throw new Fault('EXDEV');
    if (isDirectory && holdsMount(node)) throw new Fault('EBUSY');
    source.directory.require(2);
    target.directory.require(2);
    if (node.mount !== undefined) requireChange(node.mount);
    this.#ownTree(node);
    this.#quietly(() => {
      if (target.node !== undefined) this.remove(target);
      // Held while it has no name: its content must not go.
      node.opened += 1;
      this.remove(source);
      node.opened -= 1;
      this.add(target, node);
    });
    if (node.mount === undefined) return;
    const ends = [source, target].map(({ directory, name }) => pathIn(directory, name));
    act('rename', node, ends.join('\0'));
    source.directory.lastAct = node.lastAct;
    target.directory.lastAct = node.lastAct;
  }

  /** Frees an inode without names that nobody has open. */
  release(node: Inode): void {
    if (node.links > 0 || node.opened > 0 || node.kind === 'device') return;
    tellGone(node);
    if (node.isGiven) return;
    this.inodesUsed -= 1;
    if (node.kind !== 'file') return;
    this.bytesUsed -= node.bytes.stored;
    node.bytes.resize(0);
  }

  /** Makes a file of the image the guest's own: the image itself stays as it is. `keeps`: its content, too. */
  own(node: Inode, { keeps }: { readonly keeps: boolean }): void {
    if (!node.isGiven || node.kind !== 'file') return;
    const { stored } = node.bytes;
    if (keeps && this.bytesUsed + stored > this.bytesMax) throw new Fault('ENOSPC');
    if (this.inodesUsed >= this.inodesMax) throw new Fault('ENOSPC');
    node.isGiven = false;
    this.inodesUsed += 1;
    this.bytesUsed += stored;
    tellOwn(node);
    node.bytes.tellPages();
    tellChange(node, 0, node.size);
  }

  /** Whether a change of its content is one of the host's file, too. */
  #isActed(node: Inode): boolean {
    if (node.mount === undefined || this.#tellsNobody || node.links === 0) return false;
    requireChange(node.mount);
    return true;
  }

  /** What is moved is shown at its new place, so it has to be the guest's. */
  #ownTree(node: Inode): void {
    this.own(node, { keeps: true });
    for (const child of node.entries.values()) this.#ownTree(child);
  }

  write(node: Inode, source: Uint8Array, at: number): void {
    this.own(node, { keeps: true });
    const isActed = this.#isActed(node);
    const growth = node.bytes.growth(at, source.length);
    const isFull = this.bytesUsed + growth > this.bytesMax;
    if (isFull && !this.#isHost) throw new Fault('ENOSPC');
    node.bytes.write(source, at);
    this.bytesUsed += growth;
    tellChange(node, at, at + source.length);
    if (isActed) act('write', node, pathOfMounted(node), at, source);
    node.touch();
    this.announceContent(node);
  }

  resize(node: Inode, size: number): void {
    this.own(node, { keeps: size > 0 });
    const isActed = this.#isActed(node);
    const before = node.bytes.stored;
    node.bytes.resize(size);
    this.bytesUsed += node.bytes.stored - before;
    tellChange(node, size, size);
    if (isActed) act('resize', node, pathOfMounted(node), size);
    node.touch();
    this.announceContent(node);
  }

  /** The absolute path of `path` without links. */
  realPath(path: string): string {
    const { directory, name, node } = this.locate(path, true);
    if (node === undefined) throw new Fault('ENOENT');
    if (node.kind === 'directory') return this.pathOf(node);
    const parent = this.pathOf(directory);
    return `${parent === '/' ? '' : parent}/${name}`;
  }

  pathOf(directory: Inode): string {
    const names: string[] = [];
    for (let node = directory; node !== this.root; ) {
      const parent = node.parent ?? this.root;
      for (const [name, child] of parent.entries) if (child === node) names.unshift(name);
      node = parent;
    }
    return `/${names.join('/')}`;
  }

  /** Tells of every change to come, until the function it answers is called. */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  announce(type: Change['type'], directory: Inode, name: string, node: Inode): void {
    for (const listener of [...this.#listeners]) listener({ type, directory, name, node });
  }

  /** A change of content or of what is said about it, under every name it has. */
  announceContent(node: Inode): void {
    if (this.#listeners.size === 0) return;
    const walk = (directory: Inode): void => {
      for (const [name, child] of directory.entries) {
        if (child === node) this.announce('change', directory, name, node);
        if (child.kind === 'directory') walk(child);
      }
    };
    walk(this.root);
  }
}

export type { Volume };
export const volume: Volume = new Volume();
