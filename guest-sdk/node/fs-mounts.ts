/**
 * Directories of the host in the guest's tree (`hv run --mount`). What is in them comes by interrupts, before
 * the script runs and when the host changes something; what the guest does to them is an act, an output like any
 * other, and seen by the guest at once. So both are in the log, and a replay needs no directory.
 */

import {
  DISK,
  ENCODING,
  MOUNT_ACTS,
  type MountChange,
  type MountNews,
} from '../../log-format/abi.ts';
import { bootConfig } from '../boot-config.ts';
import { traps } from '../drivers/traps.ts';
import { Fault, Inode, type Mount } from './fs-inode.ts';
import { volume } from './fs-volume.ts';

const mounts: Mount[] = [];
/** What came before the guest booted. */
let early: [index: number, payload: ArrayBuffer][] | undefined = [];

/** Called once, before the script runs. */
export function installMounts(): void {
  for (const { path, readOnly } of bootConfig().mounts ?? []) {
    volume.install(() => volume.makeDirectories(path, 0o755));
    const root = volume.lookup(path);
    const mount = { index: mounts.length, path, readOnly, root, fault: '' };
    mounts.push(mount);
    root.mount = mount;
    traps.disk(DISK.mount, mount.index, root.number, readOnly ? 1 : 0, path);
  }
  for (const [index, payload] of early ?? []) take(index, payload);
  early = undefined;
}

/** Whether the host's directories say what is at `path`. */
export function isMounted(path: string): boolean {
  return mounts.some((mount) => path === mount.path || path.startsWith(`${mount.path}/`));
}

/** What is in a directory of the host, or has changed there. */
export function mounted(index: number, payload: ArrayBuffer | undefined): void {
  if (payload === undefined) return;
  if (early === undefined) take(index, payload);
  else early.push([index, payload]);
}

function take(index: number, payload: ArrayBuffer): void {
  const mount = mounts[index];
  if (mount === undefined) return;
  const length = new DataView(payload).getUint32(0, true);
  const news = JSON.parse(traps.decode(payload, 4, length, ENCODING.utf8)) as MountNews;
  mount.fault = news.fault;
  let at = 4 + length;
  volume.asHost(() => {
    for (const change of news.changes) {
      const size = change.kind === 'file' ? change.length : 0;
      apply(mount, change, new Uint8Array(payload, at, size), news.acts);
      at += size;
    }
  });
}

/** What the guest has done since the host looked will reach the host, and is not undone here. */
function apply(mount: Mount, change: MountChange, bytes: Uint8Array, acts: number): void {
  const parts = change.path.split('/');
  const name = parts.pop() as string;
  let directory = mount.root;
  for (const part of parts) {
    if (change.kind === 'gone' && !directory.entries.has(part)) return;
    directory = directoryIn(directory, part);
  }
  const node = directory.entries.get(name);
  if ((node ?? directory).lastAct > acts) return;
  if (change.kind === 'gone') removeTree(directory, name, node);
  else if (change.kind === 'directory') directoryIn(directory, name);
  else if (change.at === 0 || node?.kind === 'file') {
    const file = node?.kind === 'file' ? node : addFile(directory, name, node);
    file.mode = change.runs ? 0o755 : 0o644;
    if (change.at === 0) volume.resize(file, change.size);
    if (bytes.length > 0) volume.write(file, bytes, change.at);
    file.modified = change.modified;
  }
}

function directoryIn(directory: Inode, name: string): Inode {
  const there = directory.entries.get(name);
  if (there?.kind === 'directory') return there;
  removeTree(directory, name, there);
  const made = new Inode('directory', 0o755);
  volume.add({ directory, name, node: undefined, mustBeDirectory: false }, made);
  return made;
}

function addFile(directory: Inode, name: string, there: Inode | undefined): Inode {
  removeTree(directory, name, there);
  const made = new Inode('file', 0o644);
  volume.add({ directory, name, node: undefined, mustBeDirectory: false }, made);
  return made;
}

function removeTree(directory: Inode, name: string, node: Inode | undefined): void {
  if (node === undefined) return;
  for (const [inner, child] of node.entries) removeTree(node, inner, child);
  volume.remove({ directory, name, node, mustBeDirectory: false });
}

/** Throws why nothing may be changed in this mount now. */
export function requireChange(mount: Mount): void {
  if (mount.readOnly) throw new Fault('EROFS');
  if (mount.fault !== '') throw new Fault(mount.fault);
}

/** Of `name` in a directory of a mount, relative to it. */
export function pathIn(directory: Inode, name: string): string {
  const parts = [name];
  for (let at = directory; at.home !== undefined && at !== at.mount?.root; at = at.home.directory) {
    parts.unshift(at.home.name);
  }
  return parts.join('/');
}

/** Of a file in a mount, relative to it. */
export function pathOfMounted({ home }: Inode): string {
  return home === undefined ? '' : pathIn(home.directory, home.name);
}

const NOTHING = new Uint8Array(0);

/** Does the same to the host's directory, once it may. `node`: what the host's news may not undo. */
export function act(
  kind: (typeof MOUNT_ACTS)[number],
  node: Inode,
  path: string,
  at = 0,
  { buffer, byteOffset, byteLength }: Uint8Array = NOTHING,
): void {
  const { index } = node.mount as Mount;
  const what = MOUNT_ACTS.indexOf(kind);
  node.lastAct = traps.disk(
    ...([DISK.act, index, what, path] as const),
    ...([at, buffer as ArrayBuffer, byteOffset, byteLength] as const),
  );
}
