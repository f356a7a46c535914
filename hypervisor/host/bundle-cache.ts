/**
 * Images of earlier starts, in files of their user's cache directory. One is used again only when
 * everything it was made of is as it was: the content of each source and each file in it, and what
 * decides which file a name stands for. A file that is torn, changed, or that others may write, is as
 * good as none; so is a directory that cannot be made. Names, times and sizes are never trusted.
 */

import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { KEPT_IMAGES_BYTES_MAX, KEPT_IMAGES_MAX } from '../base/loading-limits.ts';
import type { GuestImage } from './bundle.ts';
import { includedFiles } from './bundle-include.ts';
import { resolvedBy } from './bundle-table.ts';
import { HV_VERSION } from './version.ts';

/** What an image is made for. */
export interface Asked {
  readonly script: string;
  readonly preloads: readonly string[];
  readonly include: readonly string[];
  readonly cwd: string;
}

/** What it was made of: absolute paths, and names nothing was found for. */
export interface MadeOf {
  readonly sources: readonly string[];
  readonly files: readonly string[];
  readonly missing: readonly string[];
}

/** The first part of a kept file. */
interface Manifest {
  readonly asked: Asked;
  readonly madeOf: MadeOf;
  readonly state: string;
  readonly codeBytes: number;
  readonly files: number;
  readonly hints: readonly string[];
}

const MAGIC = 'hv image 1\n';
const HASH_BYTES = 32;
const SUFFIX = '.image';
const LEFT_OVER_MS = 600_000;
/** Names that can change which file is found. */
const DECIDES = /(?:^[^.]+|\.(?:[cm]?[jt]sx?|json|node))$/;

function sha256(...parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function contentOf(path: string): string {
  try {
    return sha256(readFileSync(path)).toString('base64');
  } catch {
    return 'none';
  }
}

/** The names in a directory that decide; a file a program writes beside itself is none of them. */
function namesIn(directory: string): string {
  try {
    return readdirSync(directory)
      .filter((name) => DECIDES.test(name))
      .sort()
      .join('/');
  } catch {
    return 'none';
  }
}

/** All that an image depends on, as one hash. */
function stateOf(asked: Asked, { sources, files, missing }: MadeOf): string {
  const hash = createHash('sha256');
  const add = (...parts: readonly string[]): void => {
    for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  };
  const directories = new Set<string>();
  const above = new Set<string>();
  for (const path of [...new Set([...sources, ...files, ...asked.preloads])].sort()) {
    add(path, contentOf(path));
    directories.add(dirname(path));
  }
  for (const directory of directories) {
    add(directory, namesIn(directory));
    for (let at = directory; !above.has(at); at = dirname(at)) above.add(at);
  }
  for (const at of above) {
    for (const name of ['package.json', 'tsconfig.json', 'node_modules/.package-lock.json'])
      add(at, contentOf(join(at, name)));
    add(String(statSync(join(at, 'node_modules'), { throwIfNoEntry: false }) !== undefined));
  }
  for (const name of missing) add(name, resolvedBy(asked.script, name) ?? 'none');
  add(...includedFiles(asked.script, asked).files);
  return hash.digest('base64');
}

/** A file or directory that is ours alone. */
function isOwn(stats: { readonly uid: number; readonly mode: number }): boolean {
  return stats.uid === process.geteuid?.() && (stats.mode & 0o077) === 0;
}

/** `$XDG_CACHE_HOME/hv/images`, or the same below `~/.cache`. */
export function imageDirectory(env: NodeJS.ProcessEnv): string | undefined {
  const given = env.XDG_CACHE_HOME;
  if (given?.startsWith('/')) return join(given, 'hv', 'images');
  const home = env.HOME ?? homedir();
  return home.startsWith('/') ? join(home, '.cache', 'hv', 'images') : undefined;
}

export class ImageCache {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The image made before for the same question, of the same content; undefined: there is none. */
  find(asked: Asked): GuestImage | undefined {
    const path = this.#pathOf(asked);
    try {
      if (!isOwn(lstatSync(this.#directory))) return undefined;
      const parts = read(path);
      if (parts === undefined) return undefined;
      const { manifest, code, sourceMap } = parts;
      if (manifest.state !== stateOf(asked, manifest.madeOf)) return undefined;
      const now = new Date();
      utimesSync(path, now, now);
      const { files, hints } = manifest;
      return { code, sourceMap, script: asked.script, files, hints };
    } catch {
      // Nothing kept, or nothing this process may read: the image is made.
      return undefined;
    }
  }

  /** Keeps an image. What goes wrong is nobody's concern: the next start makes it again. */
  keep(asked: Asked, image: GuestImage, madeOf: MadeOf): void {
    const path = this.#pathOf(asked);
    const temporary = `${path}.${process.pid}`;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      if (!isOwn(lstatSync(this.#directory))) return;
      const { code, sourceMap, files, hints } = image;
      const state = stateOf(asked, madeOf);
      const manifest: Manifest = {
        ...{ asked, madeOf, state, files, hints },
        codeBytes: code.byteLength,
      };
      const head = Buffer.from(`${JSON.stringify(manifest)}\n`);
      if (head.length + code.length + sourceMap.length > KEPT_IMAGES_BYTES_MAX / 4) return;
      const hash = sha256(head, code, sourceMap);
      writeFileSync(temporary, Buffer.concat([Buffer.from(MAGIC), hash, head, code, sourceMap]), {
        mode: 0o600,
        flag: 'wx',
      });
      renameSync(temporary, path);
      this.#prune();
    } catch {
      remove(temporary);
    }
  }

  /** One file for each question, and for each hv, Node and user that asks it. */
  #pathOf(asked: Asked): string {
    const { NODE_PATH = '' } = process.env;
    const whole = JSON.stringify([asked, HV_VERSION, builtAt(), process.version, NODE_PATH]);
    return join(this.#directory, sha256(whole).toString('hex').slice(0, 40) + SUFFIX);
  }

  #prune(): void {
    let bytes = 0;
    const kept = readdirSync(this.#directory)
      .map((name) => join(this.#directory, name))
      .flatMap((path) => {
        const stats = statSync(path, { throwIfNoEntry: false });
        return stats === undefined ? [] : [{ path, size: stats.size, used: stats.mtimeMs }];
      })
      .sort((one, other) => other.used - one.used);
    for (const [index, { path, size, used }] of kept.entries()) {
      bytes += size;
      const isLeftOver = !path.endsWith(SUFFIX) && Date.now() - used > LEFT_OVER_MS;
      if (index >= KEPT_IMAGES_MAX || bytes > KEPT_IMAGES_BYTES_MAX || isLeftOver) remove(path);
    }
  }
}

/** Content of the running program: another build of one version may bundle in another way. */
function builtAt(): string {
  return contentOf(process.argv[1]?.replace(/main\.js$/, 'main.bundle.js') ?? '');
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, by another start.
  }
}

function read(
  path: string,
): { manifest: Manifest; code: Uint8Array; sourceMap: Uint8Array } | undefined {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  let bytes: Buffer;
  try {
    if (!isOwn(fstatSync(file))) return undefined;
    bytes = readFileSync(file);
  } finally {
    closeSync(file);
  }
  const from = MAGIC.length + HASH_BYTES;
  const body = bytes.subarray(from);
  if (bytes.subarray(0, MAGIC.length).toString() !== MAGIC) return undefined;
  if (!sha256(body).equals(bytes.subarray(MAGIC.length, from))) return undefined;
  const end = body.indexOf(10) + 1;
  const manifest = JSON.parse(body.subarray(0, end).toString()) as Manifest;
  // Copies: an image's bytes are given to workers.
  const code = new Uint8Array(body.subarray(end, end + manifest.codeBytes));
  return { manifest, code, sourceMap: new Uint8Array(body.subarray(end + manifest.codeBytes)) };
}
