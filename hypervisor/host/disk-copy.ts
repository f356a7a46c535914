/**
 * The guest's files as files of the host, in `disk/` beside its log, for people to look at. Written behind
 * the guest's back: pages are copied out of its memory between turns, and the rest is asynchronous. Nothing
 * ever reads it back, and whatever becomes of it the guest does not notice. It is at most DISK_COPY_MS
 * behind, and whole once the guest has ended.
 */

import { constants } from 'node:fs';
import { mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DISK_PAGE_BYTES } from '../../log-format/index.ts';
import {
  DISK_COPY_BYTES,
  DISK_COPY_MS,
  DISK_COPY_RETRY_MS,
  DISK_COPY_WHOLE_BYTES,
} from '../base/disk-limits.ts';
import type { DiskView } from '../machine/devices/disk.ts';
import { roomFault } from './checkpoint-room.ts';
import { type Disk, RAW_DISK } from './disk.ts';
import { goneFrom, type ShownEntry, type ShownTree, shownTree } from './disk-tree.ts';

/** Of the copy, beside the segments of the log. */
export const DISK_COPY = 'disk';
/** A file or link before it has its name. */
const UNNAMED = 'disk.tmp';

export interface DiskCopyOptions {
  /** Of the log. */
  readonly dir: string;
  readonly disk: DiskView;
  /** The host's disk refused something; told once until all is well again. */
  readonly onTrouble: (reason: string) => void;
  readonly host?: Pick<Disk, 'room'>;
}

interface Piece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

type Act =
  | { readonly type: 'remove'; readonly path: string }
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  /** `isNew`: takes the place of whatever file is there. */
  | {
      readonly type: 'file';
      readonly path: string;
      readonly isNew: boolean;
      readonly size: number;
      readonly pieces: readonly Piece[];
    };

export class DiskCopy {
  readonly #options: DiskCopyOptions;
  readonly #root: string;
  #shown: ShownTree = new Map();
  /** Paths of each file. */
  #paths: ReadonlyMap<number, readonly string[]> = new Map();
  /** Pages to write yet, by file. */
  readonly #soiled = new Map<number, Set<number>>();
  /** Names that had to wait for another round. */
  #hasMore = false;
  #begun = false;
  /** Bytes this round may yet copy out of guest memory. */
  #room = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #isWanted = false;
  #told = false;
  #failures = 0;

  /** What an earlier life has left there goes: the machine knows better. */
  constructor(options: DiskCopyOptions) {
    this.#options = options;
    this.#root = join(options.dir, DISK_COPY);
    options.disk.watch(() => {
      this.#isWanted = true;
      this.#flushIn(DISK_COPY_MS);
    });
  }

  /** Resolves when all that the guest has written is there, or the host's disk has refused it. */
  async finish(): Promise<void> {
    await this.#writing;
    for (let failures = this.#failures; this.#isWanted && failures === this.#failures; ) {
      this.#flush();
      await this.#writing;
    }
  }

  #flushIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#writing === undefined) this.#flush();
    }, ms).unref();
  }

  #flush(): void {
    const acts = this.#plan();
    const fault = this.#fault(acts);
    if (fault !== undefined) {
      this.#failed(fault);
      return;
    }
    const done = (): void => {
      this.#writing = undefined;
      if (this.#isWanted) this.#flushIn(this.#told ? DISK_COPY_RETRY_MS : DISK_COPY_MS);
    };
    this.#writing = this.#perform(acts).then(
      () => {
        this.#told = false;
        done();
      },
      // The host's file system, which may refuse anything at any time.
      (error: Error) => {
        this.#failed(error.message);
        done();
      },
    );
  }

  /** From what is on the host now to what the guest has; the bytes are copies. */
  #plan(): readonly Act[] {
    const { disk } = this.#options;
    const { names, content } = disk.take();
    this.#isWanted = false;
    this.#room = DISK_COPY_BYTES;
    const acts: Act[] = this.#begun ? [] : [{ type: 'remove', path: '' }];
    this.#begun = true;
    if (content !== 'all')
      for (const [number, pages] of content) for (const page of pages) this.#soil(number, page);
    if (names || content === 'all' || this.#hasMore) this.#planNames(acts);
    this.#planContent(acts);
    return acts;
  }

  #planContent(acts: Act[]): void {
    const { disk } = this.#options;
    for (const [number, pages] of this.#soiled) {
      const paths = this.#paths.get(number);
      const node = disk.nodes.get(number);
      const pieces: Piece[] = [];
      for (const index of pages) {
        if (paths === undefined || node === undefined) break;
        if (this.#room <= 0) break;
        pages.delete(index);
        const piece = this.#piece(number, index);
        if (piece !== undefined) pieces.push(piece);
      }
      for (const path of paths ?? [])
        acts.push({ type: 'file', path, isNew: false, size: node?.size ?? 0, pieces });
      if (this.#room <= 0) {
        this.#isWanted = true;
        return;
      }
      this.#soiled.delete(number);
    }
  }

  #planNames(acts: Act[]): void {
    const { disk } = this.#options;
    const [now, next] = [this.#shown, shownTree(disk)];
    this.#hasMore = false;
    for (const path of goneFrom(now, next)) acts.push({ type: 'remove', path });
    const paths = new Map<number, string[]>();
    for (const [path, entry] of next) {
      const isKnown = isSame(now.get(path), entry);
      if (!isKnown && this.#room <= 0 && entry.kind === 'file') {
        next.delete(path);
        this.#hasMore = true;
        this.#isWanted = true;
        continue;
      }
      if (entry.kind === 'file') {
        const known = paths.get(entry.number);
        if (known === undefined) paths.set(entry.number, [path]);
        else known.push(path);
      }
      if (!isKnown) this.#planEntry(acts, path, entry);
    }
    this.#shown = next;
    this.#paths = paths;
  }

  #planEntry(acts: Act[], path: string, { kind, number, target }: ShownEntry): void {
    if (kind === 'directory') acts.push({ type: 'directory', path });
    else if (kind === 'link') acts.push({ type: 'link', path, target });
    else {
      const node = this.#options.disk.nodes.get(number);
      const size = node?.size ?? 0;
      const indices = [...(node?.pages.keys() ?? [])];
      const isWhole = size <= DISK_COPY_WHOLE_BYTES;
      const pieces = isWhole ? indices.map((index) => this.#piece(number, index)) : [];
      if (!isWhole) for (const index of indices) this.#soil(number, index);
      acts.push({
        ...{ type: 'file', path, isNew: true, size },
        pieces: pieces.filter((piece) => piece !== undefined),
      });
    }
  }

  /** A copy of what lies in a page; undefined behind the file's end. */
  #piece(number: number, index: number): Piece | undefined {
    const { disk } = this.#options;
    const node = disk.nodes.get(number);
    const at = index * DISK_PAGE_BYTES;
    const length = Math.min((node?.size ?? 0) - at, DISK_PAGE_BYTES);
    if (node === undefined || length <= 0) return undefined;
    const bytes = new Uint8Array(length);
    const page = disk.page(node, index);
    if (page !== undefined) bytes.set(page.subarray(0, length));
    this.#room -= length;
    return { at, bytes };
  }

  #soil(number: number, page: number): void {
    const pages = this.#soiled.get(number);
    if (pages === undefined) this.#soiled.set(number, new Set([page]));
    else pages.add(page);
  }

  #fault(acts: readonly Act[]): string | undefined {
    const { dir, host = RAW_DISK } = this.#options;
    let bytes = 0;
    for (const act of acts)
      if (act.type === 'file') for (const piece of act.pieces) bytes += piece.bytes.length;
    return bytes === 0 ? undefined : roomFault(host, dir, bytes);
  }

  /** All is made anew, later. */
  #failed(reason: string): void {
    this.#begun = false;
    this.#shown = new Map();
    this.#hasMore = false;
    this.#soiled.clear();
    this.#isWanted = true;
    this.#failures += 1;
    if (!this.#told) this.#options.onTrouble(reason);
    this.#told = true;
    this.#options.disk.retake();
    this.#flushIn(DISK_COPY_RETRY_MS);
  }

  async #perform(acts: readonly Act[]): Promise<void> {
    for (const act of acts) {
      // A guest that writes nothing has no copy.
      if (act.type !== 'remove') await mkdir(this.#root, { recursive: true, mode: 0o700 });
      await this.#act(act);
    }
  }

  async #act(act: Act): Promise<void> {
    const path = join(this.#root, act.path);
    const unnamed = join(this.#options.dir, UNNAMED);
    switch (act.type) {
      case 'remove':
        await rm(path, { recursive: true, force: true });
        return;
      case 'directory':
        await mkdir(path, { mode: 0o700 });
        return;
      case 'link':
        await rm(unnamed, { force: true });
        await symlink(act.target, unnamed);
        await rename(unnamed, path);
        return;
      case 'file': {
        const isWhole = act.isNew && act.size <= DISK_COPY_WHOLE_BYTES;
        if (act.isNew) await rm(isWhole ? unnamed : path, { force: true });
        await writeFile(isWhole ? unnamed : path, act);
        if (isWhole) await rename(unnamed, path);
      }
    }
  }
}

async function writeFile(path: string, act: Extract<Act, { type: 'file' }>): Promise<void> {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600);
  try {
    for (const { at, bytes } of act.pieces) await file.write(bytes, 0, bytes.length, at);
    await file.truncate(act.size);
  } finally {
    await file.close();
  }
}

function isSame(now: ShownEntry | undefined, next: ShownEntry): boolean {
  if (now === undefined || now.kind !== next.kind) return false;
  if (next.kind === 'directory') return true;
  return now.number === next.number && now.target === next.target;
}
