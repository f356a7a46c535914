/** Reading the files that links are secured with. Must never read a secret that others may read or write. */

import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { HvError } from '../base/errors.ts';
import { SECRET_FILE_BYTES_MAX } from '../base/limits.ts';

/** Any right of users outside the file's group. */
const OTHERS = 0o007;
/** The right of others, or of the group, to change it. */
const FOREIGN_WRITE = 0o022;

export interface SecretFileOptions {
  /** For people: `the token file`. */
  readonly what: string;
  /** Its content must stay unknown to others; otherwise they must only not change it. */
  readonly secret: boolean;
}

/**
 * The text of a file. A secret may be readable for its owner and its group (a service's, as with
 * systemd's credentials), for nobody else. Throws HV_E_SECURITY_FILE.
 */
export function readSecretFile(path: string, options: SecretFileOptions): string {
  const { what, secret } = options;
  const fd = opened(path, what);
  try {
    // Asked of what is open, so that the file judged is the file read.
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw securityFault(`${what} ${path} is not a regular file`);
    if (stats.size > SECRET_FILE_BYTES_MAX)
      throw securityFault(`${what} ${path} has ${stats.size} bytes, which is none of ours`);
    const forbidden = stats.mode & (secret ? OTHERS | FOREIGN_WRITE : FOREIGN_WRITE);
    if (forbidden !== 0) {
      const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
      const why = secret ? 'open to other users' : 'writable for other users';
      throw securityFault(`${what} ${path} is ${why} (mode ${mode})`);
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

export function securityFault(message: string, cause?: unknown): HvError {
  return new HvError('HV_E_SECURITY_FILE', message, cause === undefined ? {} : { cause });
}

function opened(path: string, what: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw securityFault(`${what} cannot be read: ${(error as Error).message}`, error);
  }
}
