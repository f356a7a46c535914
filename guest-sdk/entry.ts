/** Runs the image: the user's script with its `require`, `module` and paths, as Node starts one. */

import { bootConfig } from './boot-config.ts';
import { imageFiles, makeRequire } from './module-registry.ts';
import { installFiles } from './node/fs-image.ts';
import { installMounts } from './node/fs-mounts.ts';
import { Module } from './node/module.ts';
import { processObject } from './process-object.ts';

/** What the image evaluates to; asynchronous when a file of it has a top-level `await`. */
type Image = (
  this: unknown,
  require: unknown,
  module: Module,
  exports: unknown,
  filename: string,
  dirname: string,
) => unknown;

/** On the image's function: files that the bundler found named in the sources. */
interface Carrier {
  readonly files?: Parameters<typeof installFiles>[0];
}

const UNSETTLED = 13;
/** Name of an image whose script is an ES module (hypervisor/host/bundle.ts). */
const MODULE_IMAGE = 'hvModule';

export function runImage(image: Image): void {
  installMounts();
  installFiles((image as Carrier).files ?? []);
  const filename = bootConfig().argv[1] ?? '/guest.js';
  const module = new Module('.', filename, null);
  const require = makeRequire(filename, module);
  Object.defineProperty(module, 'require', { value: require, configurable: true });
  imageFiles.main = module;
  imageFiles.isScript = image.name !== MODULE_IMAGE;
  if (imageFiles.isScript) {
    Object.defineProperty(processObject, 'mainModule', {
      // The image may put a module of its own in the place of this one.
      get: () => require.main,
      enumerable: true,
      configurable: true,
    });
  }
  const run = (): unknown =>
    image.call(module.exports, require, module, module.exports, filename, module.path);
  if (image.name === MODULE_IMAGE) awaitTop(run);
  else run();
  module.loaded = true;
}

/**
 * Loading a module is a promise in Node: what it throws is an unhandled rejection, and a script that
 * still awaits when nothing is left to wait for ends with Node's code 13.
 */
function awaitTop(run: () => unknown): void {
  let settled = false;
  // In a job of its own: what the module queues as jobs comes before its ticks, as in Node.
  const loaded = Promise.resolve().then(run);
  loaded.then(
    () => {
      settled = true;
    },
    (error: unknown) => {
      settled = true;
      throw error;
    },
  );
  const onExit = (): void => {
    if (settled || processObject.exitCode !== undefined) return;
    processObject.exitCode = UNSETTLED;
  };
  const { prependListener } = processObject as unknown as {
    prependListener(name: string, listener: () => void): void;
  };
  prependListener.call(processObject, 'exit', onExit);
}
