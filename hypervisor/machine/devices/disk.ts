/**
 * Where the guest's files lie in its memory, so that the host can read them from outside between turns: a
 * copy for people to look at costs the guest no more than a trap per change. The guest's file system is
 * code of the firmware; nothing here answers it, so nothing here can make two runs differ.
 */

import {
  DISK,
  DISK_KINDS,
  DISK_PAGE_BYTES,
  INTERRUPT,
  type InterruptRecord,
  MOUNT_ACTS,
} from '../../../log-format/index.ts';
import { newNumber, readBytes, readInt, readNumber, readText } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

export interface DiskNode {
  readonly kind: (typeof DISK_KINDS)[number];
  /** Not the guest's doing: of the image or the system. */
  readonly hidden: boolean;
  /** Of a link. */
  readonly target: string;
  size: number;
  /** Of a directory: inodes by name. */
  readonly entries: Map<string, number>;
  /** Of a file, by index: where a page lies, and how much of it there is. */
  readonly pages: Map<number, readonly [at: number, length: number]>;
}

/** What has changed since it was last taken. */
export interface DiskChanges {
  /** Names or inodes, too, and not the content of files alone. */
  readonly names: boolean;
  /** Pages by index of each file; `all`: whatever there is. */
  readonly content: ReadonlyMap<number, ReadonlySet<number>> | 'all';
}

/** A directory of the host in the guest's tree. */
export interface MountPoint {
  readonly index: number;
  /** Its inode. */
  readonly number: number;
  readonly readOnly: boolean;
  /** In the guest. */
  readonly path: string;
}

/** The disk as the host sees it. Between turns only. */
export interface DiskView {
  readonly nodes: ReadonlyMap<number, DiskNode>;
  readonly root: number;
  readonly mounts: readonly MountPoint[];
  /** Acts on mounts that the guest has made since its boot. */
  readonly acts: number;
  /** News of mounts that the guest has heard in this process. */
  readonly heard: number;
  /** Calls `wake` at the first change, and at the first after each `take`. Must not touch the machine. */
  watch(wake: () => void): void;
  take(): DiskChanges;
  /** What has been taken is news again. */
  retake(): void;
  /** A view of guest memory; undefined: zeros. */
  page(node: DiskNode, index: number): Uint8Array | undefined;
}

type SavedNode = readonly [
  number: number,
  kind: number,
  hidden: boolean,
  size: number,
  target: string,
  entries: readonly (readonly [string, number])[],
  pages: readonly (readonly [number, number, number])[],
];

interface DiskState {
  readonly root: number;
  readonly nodes: readonly SavedNode[];
  readonly mounts: readonly MountPoint[];
  readonly acts: number;
}

export class DiskDevice implements Device, DiskView {
  readonly name = 'disk';
  readonly nodes: Map<number, DiskNode> = new Map();
  readonly #board: Board;
  heard = 0;
  #root = 0;
  #mounts: readonly MountPoint[] = [];
  #acts = 0;
  /** Nobody has looked yet: all is news, and nothing is noted. */
  #names = true;
  #content: Map<number, Set<number>> | 'all' = 'all';
  #wake: (() => void) | undefined;
  #isAwake = false;

  constructor(board: Board) {
    this.#board = board;
  }

  get root(): number {
    return this.#root;
  }

  get mounts(): readonly MountPoint[] {
    return this.#mounts;
  }

  get acts(): number {
    return this.#acts;
  }

  trap(): Partial<Record<'disk', TrapHandler>> {
    const { engine } = this.#board;
    return {
      disk: (argv) => {
        if (readInt(engine, argv, 0) === DISK.act) return newNumber(engine, this.#act(argv));
        this.#take(argv);
        if (this.#wake !== undefined && !this.#isAwake) {
          this.#isAwake = true;
          this.#wake();
        }
        return 0;
      },
    };
  }

  interrupt({ kind }: InterruptRecord): boolean {
    if (kind === INTERRUPT.mounted) this.heard += 1;
    return true;
  }

  watch(wake: () => void): void {
    this.#wake = wake;
    if (this.nodes.size === 0) return;
    this.#isAwake = true;
    wake();
  }

  take(): DiskChanges {
    const taken = { names: this.#names, content: this.#content };
    this.#names = false;
    this.#content = new Map();
    this.#isAwake = false;
    return taken;
  }

  retake(): void {
    this.#names = true;
    this.#content = 'all';
  }

  page(node: DiskNode, index: number): Uint8Array | undefined {
    const place = node.pages.get(index);
    return place && this.#board.engine.u8.subarray(place[0], place[0] + place[1]);
  }

  save(): DiskState | undefined {
    if (this.nodes.size === 0) return undefined;
    const nodes = [...this.nodes].map(
      ([number, { kind, hidden, size, target, entries, pages }]): SavedNode => [
        number,
        DISK_KINDS.indexOf(kind),
        hidden,
        size,
        target,
        [...entries],
        [...pages].map(([index, [at, length]]) => [index, at, length]),
      ],
    );
    return { root: this.#root, nodes, mounts: this.#mounts, acts: this.#acts };
  }

  /** `null`: of a machine that had no such device yet, or whose guest has no files. */
  restore(state: DiskState | null): void {
    this.nodes.clear();
    this.#root = state?.root ?? 0;
    this.#mounts = state?.mounts ?? [];
    this.#acts = state?.acts ?? 0;
    for (const [number, kind, hidden, size, target, entries, pages] of state?.nodes ?? [])
      this.nodes.set(number, {
        kind: DISK_KINDS[kind] ?? 'file',
        hidden,
        size,
        target,
        entries: new Map(entries),
        pages: new Map(pages.map(([index, at, length]) => [index, [at, length]])),
      });
    this.retake();
  }

  #take(argv: number): void {
    const { engine } = this.#board;
    const number = readInt(engine, argv, 1);
    switch (readInt(engine, argv, 0)) {
      case DISK.node:
        this.#node(number, argv);
        return;
      case DISK.entry:
        this.#entry(number, readInt(engine, argv, 2), readText(engine, argv, 3));
        return;
      case DISK.page:
        this.#page(number, argv);
        return;
      case DISK.changed:
        this.#changed(number, argv);
        return;
      case DISK.gone:
        this.nodes.delete(number);
        if (this.#content !== 'all') this.#content.delete(number);
        return;
      case DISK.mount:
        this.#mounts = [
          ...this.#mounts,
          {
            index: number,
            number: readInt(engine, argv, 2),
            readOnly: readInt(engine, argv, 3) !== 0,
            path: readText(engine, argv, 4),
          },
        ];
        return;
    }
  }

  /** An output: it reaches the host's directory when the output rule lets it. */
  #act(argv: number): number {
    const { engine } = this.#board;
    const range = { offset: readInt(engine, argv, 6), length: readInt(engine, argv, 7) };
    // The bytes are copied before any other value is read: a text is read by the engine.
    const bytes = readBytes(engine, argv, 5, range).slice();
    this.#acts += 1;
    this.#board.emit({
      device: 'mount',
      mount: readInt(engine, argv, 1),
      number: this.#acts,
      act: MOUNT_ACTS[readInt(engine, argv, 2)] ?? 'write',
      path: readText(engine, argv, 3),
      at: readNumber(engine, argv, 4),
      bytes,
    });
    return this.#acts;
  }

  #node(number: number, argv: number): void {
    const { engine } = this.#board;
    const before = this.nodes.get(number);
    this.nodes.set(number, {
      kind: DISK_KINDS[readInt(engine, argv, 2)] ?? 'file',
      hidden: readInt(engine, argv, 3) !== 0,
      target: readText(engine, argv, 4),
      size: before?.size ?? 0,
      entries: before?.entries ?? new Map(),
      pages: before?.pages ?? new Map(),
    });
    this.#names = true;
  }

  #entry(directory: number, number: number, name: string): void {
    if (directory === 0) this.#root = number;
    else if (number === 0) this.nodes.get(directory)?.entries.delete(name);
    else this.nodes.get(directory)?.entries.set(name, number);
    this.#names = true;
  }

  #page(number: number, argv: number): void {
    const { engine } = this.#board;
    const pages = this.nodes.get(number)?.pages;
    const index = readNumber(engine, argv, 2);
    const length = readInt(engine, argv, 3);
    const bytes = readBytes(engine, argv, 4, { offset: 0, length });
    if (bytes.length === 0) pages?.delete(index);
    else pages?.set(index, [bytes.byteOffset, length]);
    this.#soil(number, index, index);
  }

  #changed(number: number, argv: number): void {
    const { engine } = this.#board;
    const node = this.nodes.get(number);
    if (node === undefined) return;
    node.size = readNumber(engine, argv, 2);
    const [from, to] = [readNumber(engine, argv, 3), readNumber(engine, argv, 4)];
    const last = Math.floor(Math.max(to - 1, from) / DISK_PAGE_BYTES);
    this.#soil(number, Math.floor(from / DISK_PAGE_BYTES), last);
  }

  #soil(number: number, first: number, last: number): void {
    if (this.#content === 'all') return;
    let pages = this.#content.get(number);
    if (pages === undefined) {
      pages = new Set();
      this.#content.set(number, pages);
    }
    for (let index = first; index <= last; index++) pages.add(index);
  }
}
