/** From an arbiter's URL, as given on the command line and in a hello, to the arbiter. */

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HvError } from '../base/errors.ts';
import type { Arbiter } from '../ports.ts';
import { FileArbiter } from './file-arbiter.ts';

/**
 * Opens `file:DIR`. Nothing is read yet: a directory that is missing shows in the first answer.
 * Throws HV_E_USAGE for a URL it does not know.
 */
export function openArbiter(url: string): Arbiter {
  return new FileArbiter(arbiterDirectory(url));
}

/** The URL with an absolute path: what a replica elsewhere on this machine can open too. */
export function absoluteArbiterUrl(url: string): string {
  return `file:${arbiterDirectory(url)}`;
}

function arbiterDirectory(url: string): string {
  const path = url.startsWith('file:') ? url.slice('file:'.length) : '';
  if (path === '') {
    throw new HvError(
      'HV_E_USAGE',
      `there is no arbiter ${JSON.stringify(url)}; this hv knows file:DIR (a directory both hosts share)`,
      { details: { url } },
    );
  }
  return path.startsWith('//') ? urlPath(url) : resolve(path);
}

function urlPath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new HvError('HV_E_USAGE', `${url} does not name a directory of this machine`, {
      details: { url },
      cause: error,
    });
  }
}
