/** `util.parseArgs`, by the package Node's own came from, over this guest's `process.argv`. */

import { processObject } from '../process-object.ts';
import { nodeError } from './node-errors.ts';

interface Config {
  readonly args?: unknown;
}

/** The bundler's, which evaluates a package where it is called. */
declare function require(name: '@pkgjs/parseargs'): { parseArgs(config: Config): unknown };

/** The package looks for the arguments in a global `process`; here it is always told. */
export function parseArgs(config: Config = {}): unknown {
  const { args } = config;
  const given = args ?? (processObject as unknown as { argv: readonly string[] }).argv.slice(2);
  try {
    return require('@pkgjs/parseargs').parseArgs({ ...config, args: given });
  } catch (error) {
    // Its errors are plain ones; Node's are type errors.
    const { code, message } = error as { code?: unknown; message: string };
    if (typeof code !== 'string') throw error;
    throw nodeError(TypeError, code, message);
  }
}
