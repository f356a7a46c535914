/** What differs between two states of a guest, given as the trees of heap-tree.ts. */

export type TreeChange =
  | {
      readonly kind: 'changed';
      readonly path: string;
      readonly old: unknown;
      readonly new: unknown;
    }
  | { readonly kind: 'added'; readonly path: string; readonly new: unknown }
  | { readonly kind: 'removed'; readonly path: string; readonly old: unknown };

type Tree = Readonly<Record<string, unknown>>;

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** In the order of the newer tree, what was removed behind it; at most `changesMax`. */
export function diffTrees(before: unknown, after: unknown, changesMax: number): TreeChange[] {
  const changes: TreeChange[] = [];
  compare(before, after, '', (change) => {
    if (changes.length < changesMax) changes.push(change);
  });
  return changes;
}

function compare(
  before: unknown,
  after: unknown,
  path: string,
  note: (change: TreeChange) => void,
): void {
  if (!isTree(before) || !isTree(after) || kindOf(before) !== kindOf(after)) {
    if (!same(before, after)) note({ kind: 'changed', path, old: before, new: after });
    return;
  }
  const [old, now] = [partsOf(before, path), partsOf(after, path)];
  for (const [place, value] of now) {
    if (old.has(place)) compare(old.get(place), value, place, note);
    else note({ kind: 'added', path: place, new: value });
  }
  for (const [place, value] of old)
    if (!now.has(place)) note({ kind: 'removed', path: place, old: value });
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null;
}

function kindOf(tree: Tree): unknown {
  return Array.isArray(tree) ? 'Array' : (tree.$ ?? 'Object');
}

function same(one: unknown, two: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(two);
}

/** What a tree consists of, by path: entries of a Map by their keys, members of a Set by themselves. */
function partsOf(tree: Tree, path: string): Map<string, unknown> {
  const parts = new Map<string, unknown>();
  if (Array.isArray(tree)) {
    for (const [index, value] of tree.entries()) parts.set(`${path}[${index}]`, value);
    return parts;
  }
  for (const [name, value] of Object.entries(tree)) {
    if (name === '$') continue;
    if (tree.$ !== undefined && name === 'entries' && Array.isArray(value))
      for (const [key, one] of value as [unknown, unknown][])
        parts.set(`${path}.get(${JSON.stringify(key)})`, one);
    else if (tree.$ !== undefined && name === 'values' && Array.isArray(value))
      for (const one of value) parts.set(`${path}.has(${JSON.stringify(one)})`, true);
    else parts.set(joined(path, name), value);
  }
  return parts;
}

function joined(path: string, name: string): string {
  if (path === '') return name;
  return NAME.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}
