/** `Stats`, `BigIntStats`, `Dirent` and `StatFs`. */

import type { Inode, Kind } from './fs-inode.ts';
import type { Volume } from './fs-volume.ts';
import { files as O } from './platform-constants.ts';

const BLOCK = 4096;
const DEVICE = 1;
/** The type of a file system in memory, as statfs(2) reports it. */
const TMPFS = 0x01021994;

const KIND_BITS: Readonly<Record<Kind, number>> = {
  file: 0o100000,
  directory: 0o040000,
  link: 0o120000,
  device: 0o020000,
};

type Figure = number | bigint;

interface HasMode {
  readonly mode: Figure;
}

/** What tells the kinds of files apart, for `Stats` of both forms. */
function kindTest(name: string): (this: HasMode) => boolean {
  const bits = O[name];
  return function test(): boolean {
    return (Number(this.mode) & (O.S_IFMT ?? 0)) === bits;
  };
}

const KIND_TESTS: Readonly<Record<string, string>> = {
  isDirectory: 'S_IFDIR',
  isFile: 'S_IFREG',
  isBlockDevice: 'S_IFBLK',
  isCharacterDevice: 'S_IFCHR',
  isSymbolicLink: 'S_IFLNK',
  isFIFO: 'S_IFIFO',
  isSocket: 'S_IFSOCK',
};

/** Fields in Node's order, but for the times. */
const FIELDS = ['dev', 'mode', 'nlink', 'uid', 'gid', 'rdev', 'blksize', 'ino', 'size', 'blocks'];
const TIMES = ['atime', 'mtime', 'ctime', 'birthtime'] as const;

export interface Stats {
  [name: string]: unknown;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  readonly mode: number;
  readonly size: number;
  readonly ino: number;
  readonly dev: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

interface StatsFunction {
  (this: object, ...fields: unknown[]): void;
  prototype: object;
}

/** `Stats(dev, mode, ..., atimeMs, mtimeMs, ctimeMs, birthtimeMs)`, to be called with or without `new`. */
export const Stats: StatsFunction = function Stats(this: unknown, ...given: unknown[]): unknown {
  const self = new.target === undefined ? Object.create(Stats.prototype) : this;
  const target = self as Record<string, unknown>;
  for (const [index, name] of FIELDS.entries()) target[name] = given[index];
  for (const [index, name] of TIMES.entries()) target[`${name}Ms`] = given[FIELDS.length + index];
  for (const [index, name] of TIMES.entries()) {
    target[name] = new Date(Math.round(Number(given[FIELDS.length + index])));
  }
  return self;
} as StatsFunction;

const BigIntStats = function BigIntStats(this: object, ...given: unknown[]): void {
  const target = this as Record<string, unknown>;
  for (const [index, name] of FIELDS.entries()) target[name] = given[index];
  const nanos = given.slice(FIELDS.length) as bigint[];
  for (const [index, name] of TIMES.entries())
    target[`${name}Ms`] = (nanos[index] ?? 0n) / 1000000n;
  for (const [index, name] of TIMES.entries()) target[`${name}Ns`] = nanos[index];
  for (const name of TIMES) target[name] = new Date(Number(target[`${name}Ms`]));
} as unknown as new (
  ...given: unknown[]
) => object;

for (const [name, made] of Object.entries({ Stats, BigIntStats })) {
  Object.defineProperty(made, 'name', { value: name, configurable: true });
}
for (const prototype of [Stats.prototype, BigIntStats.prototype as object]) {
  for (const [name, bits] of Object.entries(KIND_TESTS)) {
    const test = kindTest(bits);
    Object.defineProperty(test, 'name', { value: name, configurable: true });
    (prototype as Record<string, unknown>)[name] = test;
  }
}

function figuresOf(node: Inode): number[] {
  return [
    DEVICE,
    KIND_BITS[node.kind] | node.mode,
    node.links,
    node.uid,
    node.gid,
    0,
    BLOCK,
    node.number,
    node.size,
    Math.ceil((node.kind === 'directory' ? BLOCK : node.bytes.stored) / 512),
  ];
}

/** What stat(2) says of `node`; `undefined` makes the zeros that `watchFile` gives for no file. */
export function statsOf(node: Inode | undefined, bigint: boolean): Stats {
  const figures = node === undefined ? FIELDS.map(() => 0) : figuresOf(node);
  const micros =
    node === undefined ? [0, 0, 0, 0] : [node.accessed, node.modified, node.changed, node.born];
  const make = Stats as unknown as new (...given: unknown[]) => Stats;
  if (!bigint) return new make(...figures, ...micros.map((time) => time / 1000));
  const nanos = micros.map((time) => BigInt(Math.round(time)) * 1000n);
  return new BigIntStats(...figures.map((figure) => BigInt(figure)), ...nanos) as Stats;
}

const kType = Symbol('type');
const DIRENT_TYPES: Readonly<Record<Kind, number>> = { file: 1, directory: 2, link: 3, device: 6 };

/** An entry of a directory. */
export class Dirent {
  name: unknown;
  parentPath: unknown;
  path: unknown;
  [kType]: number;

  constructor(name: unknown, type: number, path: unknown) {
    this.name = name;
    this.parentPath = path;
    this.path = path;
    this[kType] = type;
  }
  isDirectory(): boolean {
    return this[kType] === 2;
  }
  isFile(): boolean {
    return this[kType] === 1;
  }
  isBlockDevice(): boolean {
    return this[kType] === 7;
  }
  isCharacterDevice(): boolean {
    return this[kType] === 6;
  }
  isSymbolicLink(): boolean {
    return this[kType] === 3;
  }
  isFIFO(): boolean {
    return this[kType] === 4;
  }
  isSocket(): boolean {
    return this[kType] === 5;
  }
}

export function direntOf(name: unknown, node: Inode, path: unknown): Dirent {
  return new Dirent(name, DIRENT_TYPES[node.kind], path);
}

class StatFs {
  constructor(figures: Readonly<Record<string, Figure>>) {
    Object.assign(this, figures);
  }
}

/** The whole disk. */
export function statFsOf(volume: Volume, bigint: boolean): object {
  const { bytesMax, bytesUsed, inodesMax, inodesUsed } = volume;
  const blocks = Math.floor(bytesMax / BLOCK);
  const free = Math.floor((bytesMax - bytesUsed) / BLOCK);
  const figures = {
    type: TMPFS,
    bsize: BLOCK,
    blocks,
    bfree: free,
    bavail: free,
    files: inodesMax,
    ffree: inodesMax - inodesUsed,
  };
  if (!bigint) return new StatFs(figures);
  const entries = Object.entries(figures).map(([name, value]) => [name, BigInt(value)] as const);
  return new StatFs(Object.fromEntries(entries));
}
