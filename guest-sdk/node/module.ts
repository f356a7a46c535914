/** `node:module`: the part that makes sense where all files are in one image. */

import { bootConfig } from '../boot-config.ts';
import { isBuiltin, makeRequire, providedModules } from '../module-registry.ts';
import { invalidArgValue } from './node-errors.ts';

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
  parent: Module | null | undefined = undefined;
  readonly children: Module[] = [];
  readonly paths: string[] = [];
  readonly id: string;
  readonly filename: string;
  readonly path: string;

  constructor(id: string, filename: string) {
    this.id = id;
    this.filename = filename;
    this.path = filename.slice(0, Math.max(1, filename.lastIndexOf('/')));
  }

  static createRequire = createRequire;
  static isBuiltin = isBuiltin;
  static get builtinModules(): string[] {
    return providedModules().filter(isBuiltin);
  }
  static Module = Module;
}

export const exported = Module;

/** The module of the script itself, as `require.main`. */
export function mainModule(): Module {
  return new Module('.', bootConfig().argv[1] ?? '/guest.js');
}
