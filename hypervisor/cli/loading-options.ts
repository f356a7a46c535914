/** Options about how a guest is loaded, named as Node names its own. */

import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { Command } from 'commander';
import { HvError } from '../base/errors.ts';
import type { BundleOptions } from '../host/bundle.ts';
import { ImageCache, imageDirectory } from '../host/bundle-cache.ts';
import { guestEnvironment, repeatable } from './options.ts';
import { say } from './print.ts';

export interface LoadingFlags {
  readonly require: readonly string[];
  readonly import: readonly string[];
  readonly include: readonly string[];
  readonly envFile: readonly string[];
  readonly cache: boolean;
}

export function loadingOptions(command: Command): Command {
  return command
    .addOption(
      repeatable(command, {
        flags: '-r, --require <module>',
        means: 'run this module before the script, as Node does (repeatable)',
      }),
    )
    .addOption(
      repeatable(command, {
        flags: '--import <module>',
        means: 'the same for an ES module, after those of --require (repeatable)',
      }),
    )
    .addOption(
      repeatable(command, {
        flags: '--env-file <file>',
        means: 'add the variables in this file to the environment of the guest (repeatable)',
      }),
    )
    .addOption(
      repeatable(command, {
        flags: '--include <glob>',
        means: 'put these files into the image, for the guest to read (repeatable)',
      }),
    )
    .option('--no-cache', 'bundle the script again, and keep nothing for the next start');
}

/** How the image is made, and the environment of the guest; `own`: the environment of hv. */
export function loadingOf(
  flags: LoadingFlags & { readonly env: readonly string[] },
  own: NodeJS.ProcessEnv,
): { readonly env: Record<string, string>; readonly loading: Omit<BundleOptions, 'cwd'> } {
  const directory = flags.cache ? imageDirectory(own) : undefined;
  const loading = {
    require: flags.require,
    import: flags.import,
    include: flags.include,
    cache: directory === undefined ? undefined : new ImageCache(directory),
  };
  return { env: environmentOf(flags, own), loading };
}

/**
 * What the guest sees of an environment: with `named`, these variables only; those of the files that
 * the environment does not have, the last file first, as Node reads them.
 */
function environmentOf(
  flags: Pick<LoadingFlags, 'envFile'> & { readonly env: readonly string[] },
  own: NodeJS.ProcessEnv,
): Record<string, string> {
  if (own.NODE_OPTIONS !== undefined && own.NODE_OPTIONS.trim() !== '') {
    say(
      'NODE_OPTIONS is set: Node gave it to hv itself, and the guest runs without. Options of hv run that do the same: --require, --import, --env-file, --memory',
    );
  }
  const added = flags.envFile.map((file) => variablesIn(file));
  return { ...Object.assign({}, ...added), ...guestEnvironment(own, flags.env) };
}

function variablesIn(file: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new HvError(
      'HV_E_USAGE',
      `--env-file ${file} cannot be read: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
