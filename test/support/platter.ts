/**
 * A disk that remembers what of it would survive a power cut, beside the real one: names as of the last
 * sync of their directory, bytes as of the last sync of their file. Faults come in at the nth operation
 * that changes something, as in faulty-disk.ts; here all of them are done in the call, so that a run
 * does not depend on how fast threads are.
 */

import {
  closeSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { defined } from '../../hypervisor/base/assert.ts';
import { type Disk, RAW_DISK } from '../../hypervisor/host/disk.ts';

/**
 * What happens at the nth operation. `error`: it fails and nothing is done; a sync that fails so loses
 * the bytes, and the next one succeeds all the same, as Linux does it. `short`: it is done, a write by
 * half, and fails. `broken`: it and all that follow fail. `before`, `half`, `after`: the process dies.
 */
export type LifeFault = 'error' | 'short' | 'broken' | 'before' | 'half' | 'after';
export const LIFE_FAULTS: readonly LifeFault[] = [
  'error',
  'short',
  'broken',
  'before',
  'half',
  'after',
];

interface Inode {
  /** Bytes on disk. */
  synced: Buffer;
  /** Up to here a sync has failed: the kernel takes these bytes for written. */
  given: number;
}

/** What a power cut leaves: as little as is promised, or some of the rest, too. */
export type PowerCut = { readonly type: 'worst' } | { readonly type: 'some'; random(): number };

/** One directory of a real disk, and what of it is on the platter. */
export class Platter {
  readonly dir: string;
  #names = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  #parentDurable = false;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** The directory was moved aside, and another one is made in its place. */
  forget(): void {
    this.#names.clear();
    this.#durable.clear();
    this.#parentDurable = false;
  }

  /** What is in the directory now was there for long: all of it is on the platter. */
  adopt(): void {
    this.forget();
    for (const name of readdirSync(this.dir))
      this.#names.set(name, { synced: readFileSync(join(this.dir, name)), given: 0 });
    this.#durable = new Map(this.#names);
    this.#parentDurable = true;
  }

  create(path: string): void {
    this.#names.set(basename(path), { synced: Buffer.alloc(0), given: 0 });
  }

  sync(path: string, done: boolean): void {
    const inode = this.#names.get(basename(path));
    // Nobody will find the bytes of a file without a name.
    if (inode === undefined) return;
    const content = readFileSync(join(this.dir, basename(path)));
    if (!done) {
      inode.given = content.length;
      return;
    }
    const given = Math.min(inode.given, content.length);
    if (given > inode.synced.length) content.fill(0, inode.synced.length, given);
    inode.synced = content;
    inode.given = 0;
  }

  rename(from: string, to: string): void {
    this.#names.set(basename(to), defined(this.#names.get(basename(from)), 'it is there'));
    this.#names.delete(basename(from));
  }

  unlink(path: string): void {
    this.#names.delete(basename(path));
  }

  syncDirectory(dir: string): void {
    if (dir === this.dir) this.#durable = new Map(this.#names);
    if (dir === dirname(this.dir)) this.#parentDurable = true;
  }

  /** The machine lost power, and is on again. */
  cutPower(cut: PowerCut): void {
    const some = (): boolean => cut.type === 'some' && cut.random() < 0.5;
    const kept = new Map<string, Inode>();
    const parent = this.#parentDurable || some();
    for (const name of new Set([...this.#names.keys(), ...this.#durable.keys()])) {
      const inode = (some() ? this.#names : this.#durable).get(name);
      if (inode !== undefined && parent) kept.set(name, inode);
    }
    const contents = [...kept].map(([name, inode]) => {
      const here = this.#names.get(name) === inode;
      const now = here ? readFileSync(join(this.dir, name)) : inode.synced;
      return { name, bytes: cut.type === 'some' ? someOf(inode, now, cut.random) : inode.synced };
    });
    for (const name of readdirSync(this.dir)) rmSync(join(this.dir, name));
    this.#names.clear();
    for (const { name, bytes } of contents) {
      writeFileSync(join(this.dir, name), bytes);
      this.#names.set(name, { synced: Buffer.from(bytes), given: 0 });
    }
    this.#durable = new Map(this.#names);
    this.#parentDurable = parent;
  }
}

/** The bytes synced, and of the rest a part; behind it nothing, or blocks that were never written. */
function someOf({ synced, given }: Inode, now: Buffer, random: () => number): Buffer {
  if (now.length <= synced.length) return random() < 0.5 ? now : synced;
  if (given > 0) return synced;
  const end = synced.length + Math.floor(random() * (now.length - synced.length + 1));
  if (random() < 0.5) return now.subarray(0, end);
  const sector = Math.max(synced.length, end - (end % 512));
  return Buffer.concat([now.subarray(0, sector), Buffer.alloc(now.length - sector)]);
}

/** The platter as one life of a process sees it. */
export class MortalDisk implements Disk {
  readonly operations: string[] = [];
  /** Resolves when the process has died. */
  readonly died: Promise<void>;
  dead = false;
  readonly #platter: Platter;
  readonly #at: number;
  readonly #fault: LifeFault;
  #die: () => void = () => undefined;
  readonly openInput: Disk['openInput'] = RAW_DISK.openInput;
  readonly list: Disk['list'] = RAW_DISK.list;
  readonly room: Disk['room'] = RAW_DISK.room;

  /** `at`: number of the operation that fails, from 1; 0: none. */
  constructor(platter: Platter, at: number, fault: LifeFault) {
    this.#platter = platter;
    this.#at = at;
    this.#fault = fault;
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  get hit(): boolean {
    return this.#at > 0 && this.operations.length >= this.#at;
  }

  readonly openFile: Disk['openFile'] = (path, at) => {
    let fd = -1;
    this.#do(`open ${basename(path)}`, () => {
      const file = RAW_DISK.openFile(path, at);
      void file.close();
      if (at.offset === 0) this.#platter.create(path);
    });
    fd = openSync(path, 'r+');
    let offset = at.offset;
    const append = (bytes: Buffer): void => {
      offset += writeSync(fd, bytes, 0, bytes.length, offset);
    };
    const write = (buffers: readonly Uint8Array[]): void => {
      const bytes = Buffer.concat(buffers);
      const half = (): void => append(bytes.subarray(0, bytes.length >> 1));
      this.#do(`write ${basename(path)}`, () => append(bytes), half);
    };
    return {
      writeSync: write,
      write: (buffers) => this.#later(() => write(buffers)),
      sync: () => this.#later(() => this.#sync(path, fd)),
      close: () =>
        this.#later(() => {
          closeSync(fd);
          this.#do('close', () => undefined);
        }),
    };
  };

  readonly rename: Disk['rename'] = (from, to) =>
    this.#later(() =>
      this.#do(`rename ${basename(to)}`, () => {
        renameSync(from, to);
        this.#platter.rename(from, to);
      }),
    );

  readonly unlink: Disk['unlink'] = (path) =>
    this.#later(() =>
      this.#do(`unlink ${basename(path)}`, () => {
        unlinkSync(path);
        this.#platter.unlink(path);
      }),
    );

  readonly cut: Disk['cut'] = (path, bytesMax) =>
    this.#later(() =>
      this.#do(`cut ${basename(path)}`, () => {
        if (readFileSync(path).length > bytesMax) truncateSync(path, bytesMax);
        this.#platter.sync(path, true);
      }),
    );

  readonly syncDirectory: Disk['syncDirectory'] = (dir) =>
    this.#later(() => this.#do('syncDirectory', () => this.#platter.syncDirectory(dir)));

  #sync(path: string, fd: number): void {
    const at = this.operations.length + 1;
    try {
      this.#do(`sync ${basename(path)}`, () => {
        fdatasyncSync(fd);
        this.#platter.sync(path, true);
      });
    } catch (error) {
      const lost = this.#fault === 'broken' || (this.#fault === 'error' && at === this.#at);
      if (lost && !this.dead) this.#platter.sync(path, false);
      throw error;
    }
  }

  /** Answers in a later turn of the loop, a dead process never. */
  async #later(act: () => void): Promise<void> {
    if (!this.dead) act();
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (this.dead) await new Promise<never>(() => undefined);
  }

  #do(name: string, whole: () => void, half: () => void = whole): void {
    // Nothing follows the death of a process; here the caller is told instead of being gone.
    if (this.dead) throw this.#error();
    this.operations.push(name);
    const nth = this.operations.length;
    const fault = this.#fault;
    if (this.#at === 0 || nth < this.#at || (nth > this.#at && fault !== 'broken')) {
      whole();
      return;
    }
    if (fault === 'short') half();
    if (fault === 'after') whole();
    if (fault === 'half' && name.startsWith('write')) half();
    if (fault === 'before' || fault === 'half' || fault === 'after') {
      this.dead = true;
      this.#die();
    }
    throw this.#error();
  }

  #error(): Error {
    return Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  }
}
