/** Errors of snapshot files: what the disk said. What their bytes say is a reason, not an error. */

import { HvError } from '../base/errors.ts';

/** An error of the file system at `path`, told as HV_E_CHECKPOINT_WRITE. */
export function checkpointError(path: string, error: unknown): HvError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = error instanceof Error ? error.message : String(error);
  return new HvError('HV_E_CHECKPOINT_WRITE', `cannot keep the snapshot ${path}: ${reason}`, {
    details: { path, code },
    cause: error,
  });
}
