/** A run that begins anew where there is a log: that one must not be lost, least of all for a run that never begins. */

import { HvError } from '../base/errors.ts';
import { putBack, rotateAside } from './log-lock.ts';
import { openLog } from './log-reader.ts';

/** The log of an earlier run that makes room for this one, and comes back if the guest never runs. */
export interface EarlierLog {
  /** The guest runs: says where the log is now, once. */
  begun(): void;
  /** Nothing is written any more. Throws HV_E_LOG_WRITE. */
  ended(): void;
}

/** Moves the log in `dir` aside; undefined where there is none. Call with the directory locked. Throws HV_E_LOG_WRITE. */
export function earlierLog(
  dir: string | undefined,
  trouble: (event: string, fields: Readonly<Record<string, unknown>>) => void,
): EarlierLog | undefined {
  let aside = dir === undefined ? undefined : rotateAside(dir);
  if (dir === undefined || aside === undefined) return undefined;
  return {
    begun: () => {
      if (aside !== undefined) trouble('log.aside', { dir, aside });
      aside = undefined;
    },
    ended: () => {
      if (aside !== undefined && !hasRun(dir)) putBack(dir, aside);
      aside = undefined;
    },
  };
}

/** Whether a guest has run a turn in the log there; in doubt it has. */
function hasRun(dir: string): boolean {
  try {
    for (const { batch } of openLog(dir).batches())
      if (batch.records.some(({ type }) => type === 'interrupt')) return true;
    return false;
  } catch (error) {
    return !(error instanceof HvError && error.code === 'HV_E_LOG_NOT_FOUND');
  }
}
