/** How inodes hang together: the tree there is from the start, and names in directories. */

import { type Device, Inode } from './fs-inode.ts';
import { tellName } from './fs-told.ts';

const CONSOLE: readonly Device[] = ['stdin', 'stdout', 'stderr'];

/** What every disk begins with. */
export function makeTree(): Inode {
  const root = new Inode('directory', 0o755);
  root.parent = root;
  root.links = 2;
  root.isGiven = true;
  tellName(undefined, '', root);
  const devices = new Inode('directory', 0o755);
  attach(root, 'dev', devices);
  for (const device of ['null', 'zero', ...CONSOLE] as const) {
    attach(devices, device, new Inode('device', 0o666, { device }));
  }
  attach(root, 'tmp', new Inode('directory', 0o1777));
  return root;
}

/** Puts `node` under a free name. `isGiven`: it comes with the system, not from the guest. */
export function attach(directory: Inode, name: string, node: Inode, isGiven = true): void {
  directory.entries.set(name, node);
  if (directory.mount !== undefined) {
    node.mount = directory.mount;
    node.home = { directory, name };
  }
  // Content the guest has made is its own from the first name on.
  if (isGiven) node.isGiven = true;
  else if (!node.isTold && node.kind === 'file') node.bytes.tellPages();
  tellName(directory, name, node);
  node.links += 1;
  if (node.kind === 'directory') {
    node.links = 2;
    node.parent = directory;
    directory.links += 1;
  }
  directory.touch();
}

/** A directory of the host is it, or below it: it stays where it is. */
export function holdsMount(node: Inode): boolean {
  if (node.mount !== undefined) return node.mount.root === node;
  return [...node.entries.values()].some(
    (child) => child.kind === 'directory' && holdsMount(child),
  );
}
