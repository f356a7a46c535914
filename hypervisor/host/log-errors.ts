/** Errors of logs, told as HvError: what the disk said, what the bytes say, and where. */

import { type FormatError, FormatVersionError } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'no space left on the disk'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EIO', 'the disk reported an error'],
  ['EROFS', 'the file system is read-only'],
  ['EACCES', 'permission denied'],
  ['EEXIST', 'there is a log already'],
  ['ENOTDIR', 'a part of the path is a file'],
]);

/** An error of the file system at `path`, told as HV_E_LOG_WRITE. */
export function logWriteError(path: string, error: unknown): HvError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = REASONS.get(code);
  const reason = known
    ? `${known} (${code})`
    : String(error instanceof Error ? error.message : error);
  return new HvError('HV_E_LOG_WRITE', `cannot write the log ${path}: ${reason}`, {
    details: { path, code },
    cause: error,
  });
}

/** Where a log is damaged. `lsn` is the last record before the damage. */
export interface DamagePlace {
  readonly file: string;
  /** In the file: of the first frame that cannot be used, or of the end of a file that is too short. */
  readonly offset: number;
  readonly lsn: number;
}

export function logDamageError(place: DamagePlace, reason: string, cause?: unknown): HvError {
  const { file, offset, lsn } = place;
  const text = `${file} is damaged at byte ${offset}, after record ${lsn}: ${reason}`;
  return new HvError('HV_E_LOG_DAMAGED', text, { details: { file, offset, lsn, reason }, cause });
}

/** Tells bytes that do not follow the format: HV_E_LOG_VERSION if they are merely too new. */
export function logFormatError(place: DamagePlace, error: FormatError): HvError {
  if (!(error instanceof FormatVersionError)) return logDamageError(place, error.message, error);
  const { what, version } = error;
  const text = `${place.file} has the ${what} version ${version}, which this hv does not know`;
  return new HvError('HV_E_LOG_VERSION', text, {
    details: { file: place.file, what, version },
    cause: error,
  });
}

/**
 * The keys of this process do not fit a file. `missing`: it is sealed and there are none. `wrong`: none of
 * them sealed it. `plain`: it is not sealed.
 */
export function logKeyError(
  path: string,
  why: 'missing' | 'wrong' | 'plain',
  keyId?: string,
): HvError {
  const texts = {
    missing: `${path} is sealed, and no key was given: pass --log-key-file`,
    wrong: `${path} is sealed with the key ${keyId}, which is none of those in the key file`,
    plain: `a key was given, but ${path} is not sealed: a log is sealed from its beginning or not at all`,
  };
  return new HvError('HV_E_LOG_KEY', texts[why], {
    details: { path, why, ...(keyId === undefined ? {} : { keyId }) },
  });
}
