/** Limits of how hv shares the disk of its logs, as limits.ts has those of the rest. */

import { assert } from './assert.ts';

const MIB = 1024 * 1024;

/** Bytes of its disk that are the log's alone: snapshots leave them free, because a run without snapshots goes
 * on and one without a log ends. A busy guest fills them in a quarter of an hour, in which its operator hears
 * of it; `hv doctor` fails below the same (DOCTOR_DISK_BYTES_FAIL). */
export const LOG_RESERVE_BYTES: number = 256 * MIB;
/** Of a small disk this share of it, so that there are snapshots at all, and with them what `--keep` forgets. */
export const LOG_RESERVE_SHARE = 0.125;
/** After a snapshot that the disk refused the next is not tried for this long, doubling up to the second: each
 * try stops the guest, works a core and writes to a disk that is full or ill. */
export const CHECKPOINT_RETRY_MS = 10_000;
export const CHECKPOINT_RETRY_MS_MAX = 600_000;
/** The file that a log is written to is looked for this often: a look at one name. */
export const LOG_LOOK_MS = 1_000;

assert(CHECKPOINT_RETRY_MS < CHECKPOINT_RETRY_MS_MAX, 'a pause grows');
