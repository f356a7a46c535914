/**
 * Which files a guest's disk shows, by path, and where a link may point so that it never leads out of the
 * copy. Pure: what becomes of it is disk-copy.ts.
 */

import type { DiskNode, DiskView } from '../machine/devices/disk.ts';

/** What is, or shall be, at one path of the copy. */
export interface ShownEntry {
  readonly number: number;
  readonly kind: DiskNode['kind'];
  /** Of a link: relative, and inside. */
  readonly target: string;
}

/** Paths are relative to the copy, directories before what is in them. */
export type ShownTree = ReadonlyMap<string, ShownEntry>;

/** All that the guest has made, with the directories it takes to show it. */
export function shownTree({
  nodes,
  root,
}: Pick<DiskView, 'nodes' | 'root'>): Map<string, ShownEntry> {
  const shown = new Map<string, ShownEntry>();
  const enter = (number: number, path: string): void => {
    for (const [name, child] of nodes.get(number)?.entries ?? []) {
      const node = nodes.get(child);
      if (node === undefined || !isPlainName(name)) continue;
      const at = path === '' ? name : `${path}/${name}`;
      const { kind, hidden, target } = node;
      if (kind === 'directory') {
        const before = shown.size;
        shown.set(at, { number: child, kind, target: '' });
        enter(child, at);
        if (hidden && shown.size === before + 1) shown.delete(at);
      } else if (!hidden) {
        shown.set(at, { number: child, kind, target: kind === 'link' ? inside(path, target) : '' });
      }
    }
  };
  enter(root, '');
  return shown;
}

/** One component of a path, on a host as in a guest. */
function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}

/**
 * `target` of a link in the directory `path`, as a relative one that stays below the root of the copy,
 * where the guest's own root is: what a link of the guest leads to, and never a file of the host.
 */
function inside(path: string, target: string): string {
  const parts = target.startsWith('/') || path === '' ? [] : path.split('/');
  for (const part of target.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const ups = path === '' ? [] : path.split('/').map(() => '..');
  return [...ups, ...parts].join('/') || '.';
}

/** Paths to take away before `next` can be made, each with all below it; not what lies in another of them. */
export function goneFrom(now: ShownTree, next: ShownTree): readonly string[] {
  const gone = new Set<string>();
  for (const [path, entry] of now) {
    const there = next.get(path);
    const isDirectory = entry.kind === 'directory';
    if (there !== undefined && isDirectory === (there.kind === 'directory')) continue;
    const slash = path.lastIndexOf('/');
    if (!isUnder(gone, slash < 0 ? '' : path.slice(0, slash))) gone.add(path);
  }
  return [...gone];
}

function isUnder(gone: ReadonlySet<string>, path: string): boolean {
  for (let at = path; at !== ''; at = at.slice(0, Math.max(at.lastIndexOf('/'), 0)))
    if (gone.has(at)) return true;
  return false;
}
