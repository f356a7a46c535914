/** Open files of the virtual disk, by descriptor. 0, 1 and 2 are the console. */

import { traps } from '../drivers/traps.ts';
import { type Device, Fault, Inode, nowMicros } from './fs-inode.ts';
import { volume } from './fs-volume.ts';
import { files as O } from './platform-constants.ts';

const DESCRIPTORS_MAX = 65_536;
const SIZE_MAX = Number.MAX_SAFE_INTEGER;

interface OpenFile {
  readonly node: Inode;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly append: boolean;
  position: number;
}

const open = new Map<number, OpenFile>();
let lowestFree = 3;
const closedStandard = new Set<number>();

function standard(fd: number): OpenFile | undefined {
  const device = (['stdin', 'stdout', 'stderr'] as const)[fd];
  if (device === undefined || closedStandard.has(fd)) return undefined;
  const node = volume.lookup(`/dev/${device}`);
  const file = { node, readable: true, writable: true, append: false, position: 0 };
  open.set(fd, file);
  node.opened += 1;
  return file;
}

function fileOf(fd: number): OpenFile {
  const file = open.get(fd) ?? standard(fd);
  if (file === undefined) throw new Fault('EBADF');
  return file;
}

/** The inode behind `fd`. */
export function nodeOf(fd: number): Inode {
  return fileOf(fd).node;
}

function allocate(file: OpenFile): number {
  let fd = lowestFree;
  while (open.has(fd)) fd += 1;
  if (fd >= DESCRIPTORS_MAX) throw new Fault('EMFILE');
  lowestFree = fd + 1;
  open.set(fd, file);
  file.node.opened += 1;
  return fd;
}

/** Opens the inode at `path`, or makes one, as open(2) does. */
export function openFile(path: string, flags: number, mode: number): number {
  const has = (name: string): boolean => (flags & (O[name] ?? 0)) !== 0;
  const access = flags & 3;
  const [readable, writable] = [access !== O.O_WRONLY, access !== O.O_RDONLY];
  const exclusive = has('O_CREAT') && has('O_EXCL');
  const place = volume.locate(path, !exclusive && !has('O_NOFOLLOW'));
  let { node } = place;
  if (node === undefined) {
    if (!has('O_CREAT')) throw new Fault('ENOENT');
    if (place.mustBeDirectory) throw new Fault('EISDIR');
    node = new Inode('file', mode & 0o7777 & ~volume.umask);
    volume.add(place, node);
  } else {
    checkThere(node, {
      exclusive,
      writable: writable || has('O_CREAT'),
      directory: has('O_DIRECTORY'),
    });
    if (place.mustBeDirectory && node.kind !== 'directory') throw new Fault('ENOTDIR');
    node.require((readable ? 4 : 0) | (writable ? 2 : 0));
    if (has('O_TRUNC') && writable && node.kind === 'file') volume.resize(node, 0);
  }
  return allocate({ node, readable, writable, append: has('O_APPEND'), position: 0 });
}

function checkThere(
  node: Inode,
  wanted: { exclusive: boolean; writable: boolean; directory: boolean },
): void {
  if (wanted.exclusive) throw new Fault('EEXIST');
  if (node.kind === 'link') throw new Fault('ELOOP');
  if (node.kind === 'directory' && wanted.writable) throw new Fault('EISDIR');
  if (node.kind !== 'directory' && wanted.directory) throw new Fault('ENOTDIR');
}

export function closeFile(fd: number): void {
  const { node } = fileOf(fd);
  open.delete(fd);
  if (fd < 3) closedStandard.add(fd);
  else lowestFree = Math.min(lowestFree, fd);
  node.opened -= 1;
  volume.release(node);
}

function readDevice(device: Device, target: Uint8Array): number {
  if (device === 'zero') {
    target.fill(0);
    return target.length;
  }
  // Standard input comes by interrupts, between turns: within one there is nothing to wait for.
  if (device === 'stdin') throw new Fault('EAGAIN');
  return 0;
}

/** Reads into `target` at `position`, or at the file's own, which moves on, when it is negative. */
export function readFile(fd: number, target: Uint8Array, position: number): number {
  const file = fileOf(fd);
  const { node } = file;
  if (!file.readable) throw new Fault('EBADF');
  if (node.kind === 'directory') throw new Fault('EISDIR');
  if (node.device !== undefined) return readDevice(node.device, target);
  const count = node.bytes.read(target, position < 0 ? file.position : position);
  if (position < 0) file.position += count;
  node.accessed = nowMicros();
  return count;
}

function writeDevice(device: Device, source: Uint8Array): number {
  if (device === 'stdout' || device === 'stderr') {
    const { buffer, byteOffset, byteLength } = source;
    traps.consoleWrite(device === 'stdout' ? 1 : 2, buffer as ArrayBuffer, byteOffset, byteLength);
  }
  return source.length;
}

/** Writes all of `source`, with `position` as for reading. */
export function writeFile(fd: number, source: Uint8Array, position: number): number {
  const file = fileOf(fd);
  const { node } = file;
  if (!file.writable) throw new Fault('EBADF');
  if (node.device !== undefined) return writeDevice(node.device, source);
  let at = position < 0 ? file.position : position;
  if (file.append) at = node.bytes.size;
  if (at + source.length > SIZE_MAX) throw new Fault('EFBIG');
  volume.write(node, source, at);
  if (position < 0) file.position = at + source.length;
  return source.length;
}

export function resizeFile(fd: number, size: number): void {
  const { node, writable } = fileOf(fd);
  if (!writable || node.kind !== 'file') throw new Fault('EINVAL');
  volume.resize(node, size);
}
