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
/** The smallest disk of a guest: one page of a file, and names for a few. */
export const DISK_BYTES_MIN: number = 64 * 1024;
/** The copy of the guest's files beside the log is at most about this old: a reader is a person. */
export const DISK_COPY_MS = 250;
/** Bytes of it that are copied out of guest memory at a time, between two turns: 1 to 2 ms. */
export const DISK_COPY_BYTES: number = 8 * MIB;
/** A new file up to this size appears whole, by a rename; a larger one grows. */
export const DISK_COPY_WHOLE_BYTES: number = MIB;
/** After an error of the host's disk the copy rests for this long. */
export const DISK_COPY_RETRY_MS = 10_000;
/** Directories of the host that one guest may have. */
export const MOUNTS_MAX = 16;
/** What they may hold together: it is read into guest memory and the log before the guest boots, and looked
 * through at a takeover. */
export const MOUNT_BYTES_MAX: number = 32 * MIB;
export const MOUNT_FILES_MAX = 10_000;
/** Contents that one interrupt brings: less than a batch, so that other input is not kept waiting. */
export const MOUNT_NEWS_BYTES: number = MIB / 4;
/** A host's directory is looked through this often, and never for more than a twentieth of the time. */
export const MOUNT_LOOK_MS = 400;
export const MOUNT_LOOK_SHARE = 20;
/** Acts that the host's disk has refused for want of room are tried again after this long. */
export const MOUNT_RETRY_MS = 1_000;

assert(CHECKPOINT_RETRY_MS < CHECKPOINT_RETRY_MS_MAX, 'a pause grows');
