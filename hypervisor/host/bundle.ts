/** Makes one image of a guest's script and everything it imports, or takes the one it made before. */

import { resolve } from 'node:path';
import type { ImageCache } from './bundle-cache.ts';
import { embeddedFiles, withFiles } from './bundle-files.ts';
import { includedFiles } from './bundle-include.ts';
import { knowsModules } from './bundle-modules.ts';
import { findPreload, findScript, inputFiles, newPlan } from './bundle-plan.ts';

/** A bundled guest. */
export interface GuestImage {
  /**
   * JavaScript whose completion value is a function of (require, module, exports, __filename,
   * __dirname); asynchronous when a file of the graph has a top-level await.
   */
  readonly code: Uint8Array;
  /** Source map version 3 with absolute source paths and the sources' text. */
  readonly sourceMap: Uint8Array;
  /** Absolute path of the script. */
  readonly script: string;
  /** Source files in the image. */
  readonly files: number;
  /** What its user should know of it, one line each. */
  readonly hints: readonly string[];
}

export interface BundleOptions {
  /** Where relative names start. */
  readonly cwd: string;
  /** Modules that run before the script, as Node's `-r` takes them, then those of its `--import`. */
  readonly require?: readonly string[];
  readonly import?: readonly string[];
  /** Files and directories for the image, with `*`, `**` and `?`. */
  readonly include?: readonly string[];
  /** That the image will run on, of a log; by default this hv's. With one no image is kept. */
  readonly firmware?: Uint8Array;
  /** Where images are kept; undefined: nowhere. */
  readonly cache?: ImageCache | undefined;
}

/**
 * Bundles the script at `scriptPath` (relative to `cwd`) with everything it imports. Throws
 * GuestLoadError when the script or a module to run before it is missing, or when a file that is sure
 * to be reached does not parse.
 */
export async function bundleGuest(scriptPath: string, options: BundleOptions): Promise<GuestImage> {
  const { cwd, cache } = options;
  const script = findScript(scriptPath, cwd);
  const preloads = [...(options.require ?? []), ...(options.import ?? [])].map((name) =>
    findPreload(name, cwd),
  );
  const asked = { script, preloads, include: options.include ?? [], cwd: resolve(cwd) };
  const kept = cache?.find(asked);
  if (kept !== undefined) return kept;
  // With the bundler, which a start from the cache does not need.
  const { buildPlan } = await import('./bundle-build.ts');
  const { hintsOf } = await import('./bundle-hints.ts');
  const { firmware } = options;
  const plain = firmware !== undefined && !knowsModules(firmware);
  const plan = newPlan(script, { preloads, plain });
  const { code, map, metafile } = await buildPlan(plan);
  const sources = inputFiles(plan, metafile).map(({ path }) => path);
  const included = includedFiles(script, asked);
  const { files, left } = embeddedFiles(code, sources, {
    cwd: asked.cwd,
    included: included.files,
  });
  const encoder = new TextEncoder();
  const image: GuestImage = {
    code: encoder.encode(withFiles(code, files)),
    sourceMap: encoder.encode(map),
    script,
    files: sources.length,
    hints: [...hintsOf(plan, metafile), ...included.hints, ...leftOut(left)],
  };
  cache?.keep(asked, image, {
    sources,
    files: [...files.map(([path]) => path), ...left],
    missing: [...plan.missing],
  });
  return image;
}

function leftOut(paths: readonly string[]): string[] {
  const [first] = paths;
  if (first === undefined) return [];
  const more = paths.length === 1 ? '' : ` and ${paths.length - 1} more`;
  return [
    `${first}${more} did not fit into the image (4 MiB each, 32 MiB and 4096 files together): the guest does not see ${paths.length === 1 ? 'it' : 'them'}`,
  ];
}
