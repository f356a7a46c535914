/** `--mount host:guest[:ro]`: which directory of the host a guest has where. */

import { statSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import { MOUNTS_MAX } from '../base/disk-limits.ts';
import { HvError } from '../base/errors.ts';

export interface MountOption {
  /** Absolute. */
  readonly host: string;
  /** Absolute, without a slash at its end. */
  readonly guest: string;
  readonly readOnly: boolean;
}

/** Adds one to those before it. Throws HV_E_USAGE. */
export function mountOption(
  text: string,
  before: readonly MountOption[] = [],
): readonly MountOption[] {
  const match = /^(.+?):(\/[^:]*?)\/*(:ro)?$/.exec(text);
  const [, host = '', given = ''] = match ?? [];
  const guest = posix.normalize(given);
  if (match === null || guest === '/' || guest === '.' || /\0/.test(text))
    throw refused(text, 'host:guest or host:guest:ro, the second an absolute path below /');
  if (before.some((one) => isInside(one.guest, guest) || isInside(guest, one.guest)))
    throw refused(text, 'paths in the guest that are apart from each other');
  if (before.length >= MOUNTS_MAX) throw refused(text, `no more than ${MOUNTS_MAX} of them`);
  return [...before, { host: resolve(host), guest, readOnly: match[3] !== undefined }];
}

function refused(text: string, wanted: string): HvError {
  return new HvError('HV_E_USAGE', `--mount takes ${wanted}, not '${text}'`);
}

function isInside(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(`${outer}/`);
}

/** As arguments for another process. */
export function mountArguments(mounts: readonly MountOption[] = []): string[] {
  return mounts.flatMap(({ host, guest, readOnly }) => [
    '--mount',
    `${host}:${guest}${readOnly ? ':ro' : ''}`,
  ]);
}

/** Throws HV_E_MOUNT where one is no directory. */
export function checkMounts(mounts: readonly MountOption[]): void {
  for (const { host } of mounts) {
    const there = statSync(host, { throwIfNoEntry: false });
    if (there?.isDirectory()) continue;
    const why = there === undefined ? 'is not there' : 'is no directory';
    throw new HvError('HV_E_MOUNT', `${host} ${why}`, { details: { host } });
  }
}

/** Paths of a guest's mounts for which there is no directory among those given. */
export function missingMounts(
  has: readonly { readonly path: string }[],
  given: readonly MountOption[],
): readonly string[] {
  return has.flatMap(({ path }) => (given.some(({ guest }) => guest === path) ? [] : [path]));
}
