/**
 * `require` of everything the bundler left for run time: Node's own modules, and names that could
 * not be found when the image was made.
 */

import { nodeError } from './node/node-errors.ts';

/** Every public module name of Node 20; those without an entry in `modules` are named in errors. */
const NODE_MODULES =
  'assert assert/strict async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns dns/promises domain events fs fs/promises http http2 https inspector inspector/promises module net os path path/posix path/win32 perf_hooks process punycode querystring readline readline/promises repl stream stream/consumers stream/promises stream/web string_decoder sys timers timers/promises tls trace_events tty url util util/types v8 vm wasi worker_threads zlib';
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

function notFound(name: string, from: string): Error {
  const error = nodeError(
    Error,
    'MODULE_NOT_FOUND',
    `Cannot find module '${name}'\nRequire stack:\n- ${from}`,
  );
  (error as { requireStack?: string[] }).requireStack = [from];
  return error;
}

export interface GuestRequire {
  (name: string): unknown;
  resolve(name: string): string;
  readonly cache: object;
  readonly extensions: object;
  main: object | undefined;
}

/** A `require` for code of the file `from`. Files are in the image already: it knows names only. */
export function makeRequire(from: string, main: object | undefined): GuestRequire {
  const find = (name: unknown): string => {
    if (typeof name !== 'string') {
      throw nodeError(
        TypeError,
        'ERR_INVALID_ARG_TYPE',
        `The "id" argument must be of type string. Received ${typeof name}`,
      );
    }
    if (builtin(name) !== undefined) return name;
    if (isBuiltin(name)) throw notInThisGuest(name);
    if (name.startsWith('node:')) {
      throw nodeError(Error, 'ERR_UNKNOWN_BUILTIN_MODULE', `No such built-in module: ${name}`);
    }
    throw notFound(name, from);
  };
  const require = (name: string): unknown => builtin(find(name));
  const resolve = Object.assign((name: string): string => find(name), { paths: () => null });
  return Object.assign(require, {
    resolve,
    cache: Object.create(null) as object,
    extensions: Object.create(null) as object,
    main,
  });
}
