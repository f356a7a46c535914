/** Whether this host has what the arbiter's URL asks for: a directory, a token, a password, certificates. */

import { accessSync, constants } from 'node:fs';
import { HvError } from '../base/errors.ts';
import { readTokenFile } from './arbiter-token.ts';
import { isHttpUrl, parseHttpUrl } from './arbiter-url.ts';
import { arbiterPlace } from './arbiters.ts';
import { shownUrl } from './server-urls.ts';

/** Options of a server's URL that name files of this host. */
const FILES = ['password-file', 'ca', 'cert', 'key', 'sslrootcert', 'sslcert', 'sslkey'] as const;

/**
 * Why no claim of this host can ever be decided, in words for an operator; undefined: nothing speaks against
 * it. An arbiter that is only away shows later and passes; what is said here stays until somebody mends it.
 */
export function arbiterObstacle(url: string): string | undefined {
  try {
    readable(url);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `the arbiter ${shownUrl(url)} cannot be used from the backup's host, which could never take over: ${reason}`;
  }
}

/** Throws HV_E_ARBITER where there is an obstacle. */
export function checkArbiterAccess(url: string): void {
  const obstacle = arbiterObstacle(url);
  if (obstacle !== undefined) throw new HvError('HV_E_ARBITER', obstacle);
}

function readable(url: string): void {
  const place = arbiterPlace(url);
  if (isHttpUrl(url)) {
    const { tokenFile } = parseHttpUrl(url);
    if (tokenFile !== undefined) readTokenFile(tokenFile);
  } else if (place.type === 'directory') {
    accessSync(place.path, constants.R_OK | constants.W_OK | constants.X_OK);
  } else {
    for (const name of FILES) {
      const path = place.url.options[name];
      if (path !== undefined) accessSync(path, constants.R_OK);
    }
  }
}
