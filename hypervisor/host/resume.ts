/** Whether there is a run to go on with, and whether it is the one that is asked for. */

import { join } from 'node:path';
import { type LogHeader, sha256Hex } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { checkpointLsns } from './checkpoint-files.ts';
import type { GuestLimits } from './hypervisor.ts';
import { segmentName } from './log-cursor.ts';
import { segmentNumbers } from './log-files.ts';
import { isUnborn } from './log-glance.ts';
import { readLogHeader } from './log-reader.ts';

/**
 * The header of the log in `dir`; undefined when there is none, or one whose process was killed before
 * the guest could begin, and a new run may begin. `image`: of the script given, if one was. Throws HV_E_GUEST_CHANGED, HV_E_LOG_DAMAGED, HV_E_LOG_VERSION.
 */
export function resumableHeader(
  dir: string,
  image: { readonly code: Uint8Array; readonly script: string } | undefined,
): LogHeader | undefined {
  if (!hasLog(dir)) return undefined;
  const header = readLogHeader(dir);
  if (image === undefined) return header;
  const given = sha256Hex(image.code);
  if (given === header.imageHash) return header;
  throw new HvError(
    'HV_E_GUEST_CHANGED',
    `${image.script} is not the script of ${dir}: image sha256 ${given.slice(0, 12)}… now, ${header.imageHash.slice(0, 12)}… in the log; a run that goes on keeps its code`,
    { details: { given, recorded: header.imageHash } },
  );
}

/** Limits are part of a log: every replay must run into the same ones. Throws HV_E_USAGE. */
export function refuseOtherLimits(
  dir: string,
  recorded: LogHeader,
  asked: Partial<GuestLimits> = {},
): void {
  for (const [field, words] of Object.entries(LIMIT_WORDS) as [keyof GuestLimits, string][]) {
    const value = asked[field];
    if (value === undefined || value === recorded[field]) continue;
    const was = recorded[field] === 0 ? 'none' : recorded[field];
    throw new HvError(
      'HV_E_USAGE',
      `${dir} was recorded with ${words} ${was}, not ${value}; a run that goes on keeps its limits: leave the option out`,
      { details: { field, recorded: recorded[field], asked: value } },
    );
  }
}

const LIMIT_WORDS: Record<keyof GuestLimits, string> = {
  memoryPages: 'pages of memory (64 KiB)',
  stackBytes: 'stack bytes',
  turnTicksMax: 'ticks of a turn',
  secondTicksMax: 'ticks of a second',
};

/** Whether a run has begun here: all that may happen comes behind the header and the blobs. */
function hasLog(dir: string): boolean {
  let numbers: readonly number[];
  try {
    numbers = segmentNumbers(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  const snapshots = checkpointLsns(dir);
  if (numbers.length === 0 && snapshots.length > 0)
    throw new HvError(
      'HV_E_LOG_DAMAGED',
      `${dir} has snapshots up to lsn ${snapshots[0]} and no log: its segments are missing. To begin anew, move the directory away`,
      { details: { dir, snapshot: snapshots[0] } },
    );
  const only = numbers.length === 1 && numbers[0] === 1 && snapshots.length === 0;
  return numbers.length > 0 && !(only && isUnborn(join(dir, segmentName(1))));
}
