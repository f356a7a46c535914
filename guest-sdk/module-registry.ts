/**
 * `require` of everything the bundler left for run time: Node's own modules, and names that could
 * not be found when the image was made.
 */

import type { Module } from './node/module.ts';
import { invalidArgType, invalidArgValue, nodeError } from './node/node-errors.ts';

/** Every public module name of Node 20; those without an entry in `modules` are named in errors. */
const NODE_MODULES =
  'assert assert/strict async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns dns/promises domain events fs fs/promises http http2 https inspector inspector/promises module net os path path/posix path/win32 perf_hooks process punycode querystring readline readline/promises repl stream stream/consumers stream/promises stream/web string_decoder sys _stream_duplex _stream_passthrough _stream_readable _stream_transform _stream_writable timers timers/promises tls trace_events tty url util util/types v8 vm wasi worker_threads zlib';
const known = new Set(NODE_MODULES.split(' '));
/** Modules that exist under the `node:` scheme only. */
const schemeOnly = new Set(['test', 'sea', 'sqlite', 'test/reporters']);

const modules = new Map<string, unknown>();

/** Adds Node modules by name, without the scheme. The firmware does so before the boot. */
export function provide(entries: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(entries)) {
    modules.set(name, value);
    if (typeof value === 'object' || typeof value === 'function') restoreNames(value ?? {});
  }
}

/**
 * Bundling renames what collides in the one scope of the firmware ("Buffer3", "_Timeout"); classes
 * and functions get back the name they are known by, which inspection and traces show.
 */
export function restoreNames(table: object): void {
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(table))) {
    if (typeof value !== 'function' || value.name === key) continue;
    const bare = String(value.name).replace(/^_/, '').replace(/\d+$/, '');
    if (bare === key) Object.defineProperty(value, 'name', { value: key, configurable: true });
  }
}

export function providedModules(): string[] {
  return [...modules.keys()].filter((name) => !name.startsWith('hv/internal/')).sort();
}

/** A module of this guest by name, with or without `node:`, which some have in their names; undefined for anything else. */
export function builtin(name: string): unknown {
  return modules.get(name) ?? (name.startsWith('node:') ? modules.get(name.slice(5)) : undefined);
}

export function isBuiltin(name: unknown): boolean {
  if (typeof name !== 'string') return false;
  if (!name.startsWith('node:')) return known.has(name);
  const bare = name.slice(5);
  return known.has(bare) || schemeOnly.has(bare);
}

function notInThisGuest(name: string): Error {
  return nodeError(
    Error,
    'ERR_HV_UNSUPPORTED',
    `Cannot use '${name}': this guest has no such module yet. Modules it has: ${providedModules().join(', ')}`,
  );
}

/** The part of a `module` this file reads. */
interface LoadedModule {
  readonly filename: string;
  readonly parent: LoadedModule | null | undefined;
}

/** Files of the image; what finds them is there once an image asked for it (image-modules.ts). */
export const imageFiles: {
  main: (Module & LoadedModule) | undefined;
  /** The script is CommonJS. */
  isScript: boolean;
  /** `require.cache`, by absolute path. */
  readonly cache: Record<string, unknown>;
  find?: (name: string, from: string) => string | undefined;
  load?: (path: string) => unknown;
  builtin(name: string): unknown;
} = {
  main: undefined,
  isScript: false,
  cache: Object.create(null) as Record<string, unknown>,
  builtin,
};

export function notFound(name: string, from: string): Error {
  const stack: string[] = [];
  let at = imageFiles.cache[from] as LoadedModule | null | undefined;
  for (; at && !stack.includes(at.filename); at = at.parent) stack.push(at.filename);
  if (stack.length === 0) stack.push(from);
  // As in Node, where a `code` set later does not show in the stack.
  const error = new Error(
    `Cannot find module '${name}'\nRequire stack:\n${stack.map((file) => `- ${file}`).join('\n')}`,
  );
  return Object.assign(error, { code: 'MODULE_NOT_FOUND', requireStack: stack });
}

/** Where a package is looked for from a directory. */
export function packageFolders(from: string): string[] {
  const parts = from.split('/').filter((part) => part !== '');
  const paths: string[] = [];
  for (let count = parts.length; count >= 0; count--) {
    if (parts[count - 1] === 'node_modules') continue;
    paths.push(`/${[...parts.slice(0, count), 'node_modules'].join('/')}`);
  }
  return paths;
}

export interface GuestRequire {
  (name: string): unknown;
  resolve(name: string): string;
  readonly cache: object;
  readonly extensions: object;
  main: object | undefined;
}

/** Sources are compiled when the image is made: these are looked at, and never called. */
const extensions: object = Object.assign(Object.create(null) as object, {
  '.js'(): void {},
  '.json'(): void {},
  '.node'(): void {},
});

/** A `require` for code of the file `from`. Files are in the image already: it knows names only. */
export function makeRequire(from: string, main: object | undefined): GuestRequire {
  const find = (name: unknown): string => {
    if (typeof name !== 'string') {
      throw invalidArgType('id', 'string', name);
    }
    if (name === '') throw invalidArgValue('id', name, 'must be a non-empty string');
    if (builtin(name) !== undefined) return name;
    if (isBuiltin(name)) throw notInThisGuest(name);
    if (name.startsWith('node:')) {
      throw nodeError(Error, 'ERR_UNKNOWN_BUILTIN_MODULE', `No such built-in module: ${name}`);
    }
    const path = imageFiles.find?.(name, from);
    if (path !== undefined) return path;
    throw notFound(name, from);
  };
  const require = (name: string): unknown => {
    const id = find(name);
    return builtin(id) ?? imageFiles.load?.(id);
  };
  const directory = from.slice(0, from.lastIndexOf('/'));
  const resolve = Object.assign((name: string): string => find(name), {
    paths: (name: string) => {
      if (isBuiltin(name)) return null;
      return /^\.{1,2}(?:\/|$)/.test(name) ? [directory || '/'] : packageFolders(directory);
    },
  });
  return Object.assign(require, { resolve, main, extensions, cache: imageFiles.cache });
}
