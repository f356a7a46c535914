/** The small programs under `programs/`: which there are, and which packages each one uses. */

import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';

export interface Program {
  /** Folder under `programs/`. */
  readonly group: string;
  /** File name in the folder. */
  readonly file: string;
  /** Installed packages it names itself, with the exact version that the group pins. */
  readonly packages: readonly { readonly name: string; readonly version: string }[];
}

export interface Group {
  readonly name: string;
  readonly programs: readonly Program[];
}

/** Files beside the programs that they share; they run nothing by themselves. */
export const SHARED_FILES: ReadonlySet<string> = new Set(['ask.cjs', 'target.cjs']);
const SPECIFIER = /(?:\bfrom\s+|\bimport\s+|\brequire\(|\bimport\()'([^']+)'/g;

/** Names of packages that `text` imports; neither modules of Node nor files. */
export function packagesOf(text: string): string[] {
  const names = [...text.matchAll(SPECIFIER)].map(([, specifier = '']) => specifier);
  const packages = names
    .filter((name) => !name.startsWith('.') && !isBuiltin(name))
    .map((name) => name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
  return [...new Set(packages)];
}

function pinsOf(folder: string): Readonly<Record<string, string>> {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return (manifest as { readonly dependencies: Readonly<Record<string, string>> }).dependencies;
}

/** Every group of `root`, in the order of their names. Throws when a program uses what is not pinned. */
export function findGroups(root: string): Group[] {
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders
    .map(({ name }) => name)
    .sort()
    .map((name) => ({ name, programs: findPrograms(root, name) }));
}

function findPrograms(root: string, group: string): Program[] {
  const folder = join(root, group);
  const pins = pinsOf(folder);
  const files = readdirSync(folder).filter((file) => /\.(?:[cm]js|ts)$/.test(file));
  return files
    .filter((file) => !SHARED_FILES.has(file))
    .sort()
    .map((file) => {
      const packages = packagesOf(readFileSync(join(folder, file), 'utf8')).map((name) => {
        const version = pins[name];
        if (version === undefined) throw new Error(`${group}/${file} uses ${name}: pin it`);
        return { name, version };
      });
      return { group, file, packages };
    });
}
