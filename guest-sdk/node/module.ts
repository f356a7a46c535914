/** `node:module`: the part that makes sense where all files are in one image. */

import { bootConfig } from '../boot-config.ts';
import {
  imageFiles,
  isBuiltin,
  makeRequire,
  packageFolders,
  providedModules,
} from '../module-registry.ts';
import { invalidArgValue } from './node-errors.ts';
import { throwing } from './refusals.ts';

const FILE_URL = 'file://';

/** `createRequire(file | file URL)`: finds Node's modules; files were bundled or do not exist. */
export function createRequire(from: unknown): ReturnType<typeof makeRequire> {
  const text =
    typeof from === 'object' && from !== null ? String((from as { href?: unknown }).href) : from;
  if (typeof text !== 'string' || !(text.startsWith('/') || text.startsWith(FILE_URL))) {
    throw invalidArgValue(
      'filename',
      from,
      'must be a file URL object, file URL string, or absolute path string',
    );
  }
  const file = text.startsWith(FILE_URL) ? decodeURIComponent(text.slice(FILE_URL.length)) : text;
  return makeRequire(file, undefined);
}

/** What CommonJS code sees as `module`. */
export class Module {
  exports: unknown = {};
  loaded = false;
  parent: Module | null | undefined;
  readonly children: Module[] = [];
  readonly id: string;
  readonly filename: string;
  readonly path: string;

  constructor(id: string, filename: string, parent?: Module | null) {
    this.id = id;
    this.parent = parent;
    parent?.children.push(this);
    this.filename = filename;
    this.path = filename.slice(0, Math.max(1, filename.lastIndexOf('/')));
  }

  static createRequire = createRequire;
  static isBuiltin = isBuiltin;
  static get builtinModules(): string[] {
    // As in Node 20, not those that have the scheme in their names.
    return providedModules().filter((name) => isBuiltin(name) && !name.startsWith('node:'));
  }
  static Module = Module;
  static globalPaths: readonly string[] = [];
  static wrapper: readonly string[] = [
    '(function (exports, require, module, __filename, __dirname) { ',
    '\n});',
  ];
  static wrap = (code: unknown): string => `${Module.wrapper[0]}${code}${Module.wrapper[1]}`;
  static _cache: object = imageFiles.cache;
  static _pathCache: object = Object.create(null) as object;
  static _extensions: object = Object.create(null) as object;
  static _nodeModulePaths(from: string): string[] {
    return packageFolders(String(from));
  }
  static _load = (name: string, parent?: Module): unknown =>
    makeRequire(parent?.filename ?? '/', undefined)(name);
  static _resolveFilename = (name: string, parent?: Module): string =>
    makeRequire(parent?.filename ?? '/', undefined).resolve(name);
  /** Exports of Node's modules are read where they are used. */
  static syncBuiltinESMExports(): void {}
  /** The image's own map is with the machine; stacks are mapped already. */
  static findSourceMap = (): undefined => undefined;
  static runMain: () => never = throwing('module', 'runMain');
  static register: () => never = throwing('module', 'register', 'a bundler of your own');
  static SourceMap: () => never = throwing('module', 'SourceMap');

  require(name: string): unknown {
    return makeRequire(this.filename, undefined)(name);
  }
  get paths(): string[] {
    this.paths = packageFolders(this.path);
    return this.paths;
  }
  set paths(value: string[]) {
    Object.defineProperty(this, 'paths', {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  get isPreloading(): boolean {
    return false;
  }
}

export const exported = Module;

/** The module of the script itself, as `require.main`. */
export function mainModule(): Module {
  return new Module('.', bootConfig().argv[1] ?? '/guest.js');
}
