/** `hv/internal/modules`: what images of CommonJS files ask the firmware for, evaluated when one does. */

import type { ImageModules, imageModules } from './late/image-modules.ts';
import { builtin, imageFiles, makeRequire, notFound } from './module-registry.ts';
import { readFileJob } from './node/fs-content.ts';
import { Fault, type Inode } from './node/fs-inode.ts';
import { perform } from './node/fs-jobs.ts';
import { volume } from './node/fs-volume.ts';
import { Module } from './node/module.ts';
import { nodeError } from './node/node-errors.ts';

/** The bundler's, which compiles and evaluates the file where it is called. */
declare function require(name: './late/image-modules.ts'): {
  imageModules: typeof imageModules;
};

/** Indirect: in the scope of the guest. */
const evaluate = Reflect.get(globalThis, 'eval') as (code: string) => unknown;

function fileAt(path: string): Inode | undefined {
  try {
    const node = volume.lookup(path);
    return node.kind === 'file' ? node : undefined;
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

let made: ImageModules | undefined;

export const exported: { readonly all: ImageModules } = {
  get all(): ImageModules {
    made ??= require('./late/image-modules.ts').imageModules({
      Module,
      files: imageFiles,
      makeRequire,
      hasBuiltin: (name) => builtin(name) !== undefined,
      notFound,
      coded: (code, message) => nodeError(Error, code, message),
      isFile: (path) => fileAt(path) !== undefined,
      fileText: (path) =>
        fileAt(path) === undefined ? undefined : String(perform(readFileJob(path, 'utf8'))),
      evaluate: (code) => evaluate(code),
    });
    return made;
  },
};
