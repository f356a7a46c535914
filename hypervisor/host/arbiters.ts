/** From an arbiter's URL, as given on the command line and in a hello, to the arbiter. */

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HvError } from '../base/errors.ts';
import type { Arbiter } from '../ports.ts';
import { absoluteHttpUrl, isHttpUrl, parseHttpUrl } from './arbiter-url.ts';
import { FileArbiter } from './file-arbiter.ts';
import { HttpArbiter } from './http-arbiter.ts';

/**
 * Opens `file:DIR`, or the `hv arbiter` at `http://host:port`. Nothing is read yet: what is missing shows
 * in the first answer. Throws HV_E_USAGE for a URL it does not know.
 */
export function openArbiter(url: string): Arbiter {
  if (isHttpUrl(url)) return new HttpArbiter(parseHttpUrl(url));
  return new FileArbiter(arbiterDirectory(url));
}

/** The URL with absolute paths: what a replica elsewhere on this machine can open too. */
export function absoluteArbiterUrl(url: string): string {
  if (isHttpUrl(url)) return absoluteHttpUrl(url);
  return `file:${arbiterDirectory(url)}`;
}

function arbiterDirectory(url: string): string {
  const path = url.startsWith('file:') ? url.slice('file:'.length) : '';
  if (path === '') {
    throw new HvError(
      'HV_E_USAGE',
      `there is no arbiter ${JSON.stringify(url)}; this hv knows file:DIR (a directory both hosts share) and http://host:port (hv arbiter)`,
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
