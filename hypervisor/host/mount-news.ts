/** What a guest is told of a mounted directory: payloads of interrupts, each of a bounded size. */

import type { MountChange, MountNews } from '../../log-format/index.ts';
import { DISK_PAGE_BYTES } from '../../log-format/index.ts';
import { MOUNT_NEWS_BYTES } from '../base/disk-limits.ts';
import type { DiskNode, DiskView } from '../machine/devices/disk.ts';
import type { FoundFile } from './mount-files.ts';

const HEAD_BYTES = 4;

function encodeNews(news: MountNews, contents: readonly Uint8Array[]): Uint8Array {
  const head = new TextEncoder().encode(JSON.stringify(news));
  const size = contents.reduce((sum, { length }) => sum + length, HEAD_BYTES + head.length);
  const out = new Uint8Array(size);
  new DataView(out.buffer).setUint32(0, head.length, true);
  out.set(head, HEAD_BYTES);
  let at = HEAD_BYTES + head.length;
  for (const bytes of contents) {
    out.set(bytes, at);
    at += bytes.length;
  }
  return out;
}

/** Collects changes and hands out payloads. */
export class NewsWriter {
  readonly #send: (payload: Uint8Array) => void;
  readonly acts: number;
  #changes: MountChange[] = [];
  #contents: Uint8Array[] = [];
  #bytes = 0;

  /** `acts`: those of the guest that are in what is told. */
  constructor(acts: number, send: (payload: Uint8Array) => void) {
    this.acts = acts;
    this.#send = send;
  }

  directory(path: string): void {
    this.#add({ path, kind: 'directory' });
  }

  gone(path: string): void {
    this.#add({ path, kind: 'gone' });
  }

  file(path: string, bytes: Uint8Array, { modified, runs }: FoundFile): void {
    let at = 0;
    do {
      if (this.#bytes >= MOUNT_NEWS_BYTES) this.flush();
      const piece = bytes.subarray(at, at + MOUNT_NEWS_BYTES - this.#bytes);
      const { length } = piece;
      this.#contents.push(piece);
      this.#add({ path, kind: 'file', size: bytes.length, at, length, modified, runs });
      at += length;
    } while (at < bytes.length);
  }

  flush(): void {
    if (this.#changes.length === 0) return;
    this.#send(encodeNews({ acts: this.acts, fault: '', changes: this.#changes }, this.#contents));
    this.#changes = [];
    this.#contents = [];
    this.#bytes = 0;
  }

  #add(change: MountChange): void {
    this.#changes.push(change);
    this.#bytes += change.path.length + (change.kind === 'file' ? change.length : 0);
    if (this.#bytes >= MOUNT_NEWS_BYTES) this.flush();
  }
}

/** That the host's disk refuses acts, or (with an empty `fault`) no more. */
export function faultNews(acts: number, fault: string): Uint8Array {
  return encodeNews({ acts, fault, changes: [] }, []);
}

/** The inode a guest has at `path` below the inode `root`. */
export function nodeAt(disk: DiskView, root: number, path: string): DiskNode | undefined {
  let node = disk.nodes.get(root);
  for (const part of path.split('/')) node = disk.nodes.get(node?.entries.get(part) ?? 0);
  return node;
}

/** Paths of all that a guest has below the inode `root`. */
export function pathsOf(disk: DiskView, root: number): readonly string[] {
  const paths: string[] = [];
  const enter = (number: number, above: string): void => {
    for (const [name, child] of disk.nodes.get(number)?.entries ?? []) {
      const path = above === '' ? name : `${above}/${name}`;
      paths.push(path);
      enter(child, path);
    }
  };
  enter(root, '');
  return paths;
}

export function hasContent(disk: DiskView, node: DiskNode, bytes: Uint8Array): boolean {
  if (node.kind !== 'file' || node.size !== bytes.length) return false;
  for (let at = 0, index = 0; at < bytes.length; at += DISK_PAGE_BYTES, index += 1) {
    const wanted = bytes.subarray(at, at + DISK_PAGE_BYTES);
    const page = disk.page(node, index)?.subarray(0, wanted.length);
    const isSame = page === undefined ? wanted.every((byte) => byte === 0) : isPage(page, wanted);
    if (!isSame) return false;
  }
  return true;
}

/** A page may be shorter than what there is of the file: the rest is zeros. */
function isPage(page: Uint8Array, wanted: Uint8Array): boolean {
  if (Buffer.compare(page, wanted.subarray(0, page.length)) !== 0) return false;
  return wanted.subarray(page.length).every((byte) => byte === 0);
}
