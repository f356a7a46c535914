/** `hv/internal/modules`: what images of CommonJS files ask the firmware for, evaluated when one does. */

import type { ImageModules, imageModules } from './late/image-modules.ts';
import { builtin, imageFiles, makeRequire, notFound } from './module-registry.ts';
import { Module } from './node/module.ts';
import { nodeError } from './node/node-errors.ts';

/** The bundler's, which compiles and evaluates the file where it is called. */
declare function require(name: './late/image-modules.ts'): {
  imageModules: typeof imageModules;
};

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
    });
    return made;
  },
};
