/** What is known about a guest while its image is made: each build may add to it, and then there is another. */

import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildMessage, missingPreload, missingScript } from './bundle-errors.ts';
import type { Argument, Injection } from './bundle-inject.ts';

export interface Plan {
  readonly script: string;
  /** Absolute paths of modules that run before the script, in order. */
  readonly preloads: readonly string[];
  /** For a firmware that knows nothing of modules of images: those are the bundler's own. */
  readonly plain: boolean;
  readonly injections: Map<string, Injection>;
  /** By file: what is loaded by names that match no file there is now. */
  readonly unknown: Map<string, readonly Argument[]>;
  /** Specifiers nothing was found for. */
  readonly missing: Set<string>;
  /** Absolute paths of files that are no source text. */
  readonly opaque: Set<string>;
  /** Files that do not parse, and why; they throw when they are reached. */
  readonly broken: Map<string, string>;
  /** The bundler's own words about them. */
  readonly faults: Map<string, BuildMessage>;
  /** Files already looked at for names that need an injection. */
  readonly scanned: Set<string>;
  /** Files that only names at run time lead to; true: as `import` loads them. */
  readonly extras: Map<string, boolean>;
  topLevelAwait: boolean;
  /** The script is an ES module. */
  isModule: boolean;
  strict: boolean;
  /** The script in a function of its own, because something runs before it, or its strictness must
   * not reach its imports. */
  wrapScript: boolean;
  keepNames: boolean;
  /** Awaits carry the context of `async_hooks`. */
  lowerAsync: boolean;
}

/** The part of the bundler's report that is read: its files by its own names for them. */
export interface Metafile {
  readonly inputs: Readonly<
    Record<
      string,
      {
        readonly format?: string;
        readonly imports: readonly {
          readonly path: string;
          readonly kind: string;
          readonly original?: string;
          readonly external?: boolean;
        }[];
      }
    >
  >;
}

/** A file in the image. */
export interface InputFile {
  readonly path: string;
  readonly format: string | undefined;
}

export function newPlan(
  script: string,
  { preloads, plain }: Pick<Plan, 'preloads' | 'plain'>,
): Plan {
  return {
    script,
    preloads,
    plain,
    injections: new Map(),
    unknown: new Map(),
    missing: new Set(),
    opaque: new Set(),
    broken: new Map(),
    faults: new Map(),
    scanned: new Set(),
    extras: new Map(),
    topLevelAwait: false,
    isModule: false,
    strict: false,
    wrapScript: preloads.length > 0,
    keepNames: false,
    lowerAsync: false,
  };
}

/** A name of the bundler's as a path; undefined for what it made up. */
export function pathOf(plan: Plan, name: string): string | undefined {
  if (/^(?:hv-|<)/.test(name)) return undefined;
  return resolve(dirname(plan.script), name.replace(/ with \{[^{}]*\}$/, ''));
}

/** The files of a build, each once. */
export function inputFiles(plan: Plan, metafile: Metafile): InputFile[] {
  const files = new Map<string, InputFile>();
  for (const [name, { format }] of Object.entries(metafile.inputs)) {
    const path = pathOf(plan, name);
    if (path !== undefined && !files.has(path)) files.set(path, { path, format });
  }
  return [...files.values()];
}

export function findScript(scriptPath: string, cwd: string): string {
  const path = resolve(cwd, scriptPath);
  try {
    // Node's own resolution of a main script: extensions, directories with a package.json.
    return createRequire(resolve(cwd, 'hv.js')).resolve(path);
  } catch {
    // Node says "not found" in several ways; for the user there is one.
    throw missingScript(path);
  }
}

/** A module to run before the script, by the name `-r` or `--import` was given. */
export function findPreload(name: string, cwd: string): string {
  const given = name.startsWith('file:') ? fileURLToPath(name) : name;
  try {
    return createRequire(resolve(cwd, 'hv.js')).resolve(given);
  } catch {
    throw missingPreload(name);
  }
}
