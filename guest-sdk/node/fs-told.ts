/**
 * What the machine is told of the virtual disk, so that its host can show the guest's files to whoever
 * looks (hypervisor/machine/devices/disk.ts). Nothing comes back: the disk is this side's alone.
 */

import { DISK, DISK_KINDS } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import type { Inode } from './fs-inode.ts';

/** `node` has a name now. Devices are shown to nobody. */
export function tellName(directory: Inode | undefined, name: string, node: Inode): void {
  const kind = (DISK_KINDS as readonly string[]).indexOf(node.kind);
  if (kind < 0) return;
  if (!node.isTold) {
    node.isTold = true;
    traps.disk(
      DISK.node,
      node.number,
      kind,
      node.isGiven || node.mount !== undefined ? 1 : 0,
      node.target,
    );
  }
  traps.disk(DISK.entry, directory?.number ?? 0, node.number, name);
}

export function tellNameGone(directory: Inode, name: string): void {
  traps.disk(DISK.entry, directory.number, 0, name);
}

/** What came with the image is the guest's own from here on. */
export function tellOwn(node: Inode): void {
  if (node.isTold) traps.disk(DISK.node, node.number, DISK_KINDS.indexOf('file'), 0, '');
}

export function tellChange(node: Inode, from: number, to: number): void {
  traps.disk(DISK.changed, node.number, node.size, from, to);
}

export function tellGone(node: Inode): void {
  if (node.isTold) traps.disk(DISK.gone, node.number);
}
