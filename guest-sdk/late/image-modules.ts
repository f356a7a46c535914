/**
 * The files of an image as CommonJS modules: each with a `module` and a `require` of its own, in
 * `require.cache`, found by name when the name is only known at run time. Evaluated when the first
 * image asks for it (scripts/bundle-late.mjs); the bundler's helper for CommonJS files is this one
 * (hypervisor/host/bundle-modules.ts).
 * What is not in the image may be on the guest's disk: `--include` put it there, or the guest itself.
 */

import type { imageFiles, makeRequire } from '../module-registry.ts';
import type { Module } from '../node/module.ts';

/** What an image says of its files; both by absolute path. */
export interface ImageTable {
  /** What the names in a file stand for, as Node resolved them when the image was made. */
  readonly resolved: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Directories with a package.json, and the file it names. */
  readonly packages: Readonly<Record<string, string>>;
  /** Names of packages in `import`, and the files they stand for. */
  readonly imported: Readonly<Record<string, string>>;
}

/** A file of the image in the bundler's form: an object whose one method is the file. */
type Wrapper = Record<
  string,
  (exports: unknown, module: Module | { exports: unknown }, require?: unknown) => void
>;
type Thunk = () => unknown;

interface Firmware {
  readonly Module: typeof Module;
  readonly files: typeof imageFiles;
  readonly makeRequire: typeof makeRequire;
  hasBuiltin(name: string): boolean;
  notFound(name: string, from: string): Error;
  coded(code: string, message: string): Error;
  /** Text of a file of the guest's disk; undefined where none is. */
  fileText(path: string): string | undefined;
  isFile(path: string): boolean;
  /** The value of an expression, compiled now. */
  evaluate(code: string): unknown;
}

/** Node's three, and those that a bundler finds too. */
const EXTENSIONS = ['', '.js', '.json', '.node', '.cjs', '.ts', '.tsx', '.mjs', '.mts', '.jsx'];

/** Of a file that is compiled when it is reached: nothing is there to take types away. */
const ON_DISK = ['', '.js', '.json', '.cjs'];

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    (error as Error).message = `${path}: ${(error as Error).message}`;
    throw error;
  }
}

function join(directory: string, name: string): string {
  const parts: string[] = [];
  const text = name.startsWith('/') ? name : `${directory}/${name}`;
  for (const part of text.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

export interface ImageModules {
  start(root: string, table: ImageTable | undefined): void;
  /** The bundler's `__commonJS`. */
  commonJs(wrapper: Wrapper): Thunk;
  /** Files that nothing but a name at run time leads to. */
  extra(modules: Readonly<Record<string, Thunk>>): void;
  /** `import(name)` of a name that is known at run time only, in the file `from`. */
  importFrom(from: string, name: unknown): unknown;
  /** `import.meta.resolve(name)` in the file `from`. */
  resolveFrom(from: string, name: unknown): string;
  /** The bundler's `__glob`, for `require`; `glob.lazy` is for `import`. */
  readonly glob: unknown;
}

export function imageModules(firmware: Firmware): ImageModules {
  const { files } = firmware;
  const { cache } = files;
  const loaders = new Map<string, Thunk>();
  const extras = new Map<string, Thunk>();
  const loading: Module[] = [];
  let base = '/';
  let known: ImageTable = { resolved: {}, packages: {}, imported: {} };

  const has = (path: string): boolean => loaders.has(path) || extras.has(path) || path in cache;
  /** Of those in the image first, then of those on the guest's disk: it wrote them, or was given them. */
  const oneOf = (path: string): string | undefined => {
    const one = EXTENSIONS.find((end) => has(path + end));
    const found = one ?? ON_DISK.find((end) => firmware.isFile(path + end));
    return found === undefined ? undefined : path + found;
  };

  const fileAt = (path: string): string | undefined => {
    const main = (): string | undefined => known.packages[path] ?? mainOnDisk(path);
    return oneOf(path) ?? main() ?? oneOf(`${path}/index`);
  };

  /** What the package.json of a directory of the disk names. */
  const mainOnDisk = (path: string): string | undefined => {
    const text = firmware.fileText(`${path}/package.json`);
    if (text === undefined) return undefined;
    const { main } = JSON.parse(text) as { main?: unknown };
    if (typeof main !== 'string' || main === '') return undefined;
    return oneOf(join(path, main)) ?? oneOf(join(path, `${main}/index`));
  };

  /** Runs a file of the guest's disk; undefined where none is. Its awaits keep no context of `async_hooks`. */
  const runFromDisk = (path: string): { exports: unknown } | undefined => {
    const text = firmware.fileText(path);
    if (text === undefined) return undefined;
    const module = new firmware.Module(path, path, loading.at(-1) ?? files.main);
    cache[path] = module;
    loading.push(module);
    try {
      if (path.endsWith('.json')) module.exports = parsed(path, text);
      else {
        const code = firmware.evaluate(firmware.Module.wrap(text.replace(/^\ufeff?#!.*/, ''))) as (
          ...args: unknown[]
        ) => void;
        const require = firmware.makeRequire(path, files.main);
        code.call(module.exports, module.exports, require, module, path, module.path);
      }
    } catch (error) {
      delete cache[path];
      throw error;
    } finally {
      loading.pop();
    }
    module.loaded = true;
    return module;
  };

  const find = (name: string, from: string): string | undefined => {
    const asked = known.resolved[from]?.[name];
    if (asked !== undefined) return asked;
    const directory = from.slice(0, from.lastIndexOf('/'));
    if (/^(?:\.{0,2}\/|\.{1,2}$)/.test(name)) return fileAt(join(directory, name));
    for (const folder of firmware.Module._nodeModulePaths(directory)) {
      const found = fileAt(`${folder}/${name}`);
      if (found !== undefined) return found;
    }
    return undefined;
  };

  const commonJs = (wrapper: Wrapper): Thunk => {
    const [name = ''] = Object.getOwnPropertyNames(wrapper);
    const made = name.startsWith('hv-');
    const path = made ? name : join(base, name);
    const isMain = path === files.main?.filename;
    let own: { exports: unknown } | undefined;
    function __require(): unknown {
      const cached = (made ? own : cache[path]) as { exports: unknown } | undefined;
      if (cached !== undefined && !(isMain && own === undefined)) return cached.exports;
      const parent = loading.at(-1) ?? files.main;
      const module = isMain
        ? (files.main as Module)
        : new firmware.Module(path, path, made ? undefined : parent);
      own = module;
      if (!made) cache[path] = module;
      loading.push(module);
      const code = wrapper[name] as (...args: unknown[]) => void;
      try {
        if (code.length < 3) code.call(undefined, module.exports, module);
        else {
          const require = firmware.makeRequire(path, files.main);
          code.call(undefined, module.exports, module, require);
        }
      } catch (error) {
        own = undefined;
        delete cache[path];
        throw error;
      } finally {
        loading.pop();
      }
      module.loaded = true;
      return module.exports;
    }
    if (!made) loaders.set(path, __require);
    return __require;
  };

  const load = (path: string): unknown => {
    const cached = cache[path] as { exports: unknown } | undefined;
    if (cached !== undefined) return cached.exports;
    const loader = loaders.get(path);
    if (loader !== undefined) return loader();
    const extra = extras.get(path);
    const found = extra === undefined ? runFromDisk(path) : undefined;
    if (found !== undefined) return found.exports;
    if (extra === undefined) throw firmware.notFound(path, files.main?.filename ?? '/');
    const value = extra();
    if (typeof (value as { then?: unknown } | null)?.then !== 'function') return value;
    throw firmware.coded(
      'ERR_REQUIRE_ESM',
      `require() of ES Module ${path} is not supported for a name that is known at run time only. Use import() instead`,
    );
  };

  const importFrom = (from: string, given: unknown): unknown => {
    const text = String(given);
    if (firmware.hasBuiltin(text)) return asNamespace(files.builtin(text));
    const url = /^file:\/\/([^?#]*)/.exec(text);
    const name = url === null ? text : decodeURIComponent(url[1] ?? '');
    const named = known.imported[name];
    const path = named !== undefined && has(named) ? named : find(name, from);
    const extra = path === undefined ? undefined : extras.get(path);
    if (extra !== undefined) {
      const value = extra();
      const isPending = typeof (value as { then?: unknown } | null)?.then === 'function';
      return isPending ? value : asNamespace(value);
    }
    if (path !== undefined) return asNamespace(load(path));
    const isFile = /^(?:\.{0,2}\/)/.test(name);
    const at = from.slice(0, from.lastIndexOf('/'));
    const what = isFile ? `module '${join(at, name)}'` : `package '${name}'`;
    throw firmware.coded('ERR_MODULE_NOT_FOUND', `Cannot find ${what} imported from ${from}`);
  };

  const resolveFrom = (from: string, given: unknown): string => {
    const name = String(given);
    if (firmware.hasBuiltin(name)) return name.startsWith('node:') ? name : `node:${name}`;
    if (/^[a-z]+:/.test(name)) return name;
    const isFile = /^\.{0,2}\//.test(name);
    const path = isFile
      ? join(from.slice(0, from.lastIndexOf('/')), name)
      : (known.imported[name] ?? find(name, from));
    if (path !== undefined) return `file://${encodeURI(path)}`;
    const text = `Cannot find package '${name}' imported from ${from}`;
    throw firmware.coded('ERR_MODULE_NOT_FOUND', text);
  };

  const missed = (path: string): never => {
    throw firmware.notFound(path, (loading.at(-1) ?? files.main)?.filename ?? '/');
  };
  const matching = (map: Readonly<Record<string, Thunk>>, path: string): Thunk | undefined => {
    const names = EXTENSIONS.flatMap((one) => [path + one, `${path}/index${one}`]);
    return names.map((one) => (Object.hasOwn(map, one) ? map[one] : undefined)).find(Boolean);
  };
  const glob = (map: Readonly<Record<string, Thunk>>) =>
    function __require(path: string): unknown {
      return matching(map, path)?.() ?? missed(path);
    };
  glob.lazy = (map: Readonly<Record<string, Thunk>>) => {
    return async (path: string): Promise<unknown> => {
      if (Object.hasOwn(map, path)) return map[path]?.();
      throw firmware.coded('ERR_MODULE_NOT_FOUND', `Cannot find module '${path}'`);
    };
  };

  return {
    start(root, table) {
      base = root;
      known = table ?? known;
      Object.assign(files, { find, load });
      if (files.main !== undefined && files.isScript) cache[files.main.filename] = files.main;
    },
    commonJs,
    extra(modules) {
      for (const [path, thunk] of Object.entries(modules)) extras.set(path, thunk);
    },
    importFrom,
    resolveFrom,
    glob,
  };
}

/** What `import` shows of the exports of a CommonJS file. */
function asNamespace(exports: unknown): object {
  const namespace: Record<PropertyKey, unknown> = Object.create(null) as object as Record<
    PropertyKey,
    unknown
  >;
  if (typeof exports === 'object' || typeof exports === 'function') {
    for (const name of Object.getOwnPropertyNames(exports ?? {}).sort()) {
      if (typeof exports === 'function' && ['length', 'name', 'prototype'].includes(name)) continue;
      namespace[name] = (exports as Record<string, unknown>)[name];
    }
  }
  namespace.default = exports;
  Object.defineProperty(namespace, Symbol.toStringTag, { value: 'Module' });
  return namespace;
}
