/**
 * Whether a snapshot may be written where the log is. The log comes first: without snapshots a run goes on and
 * only resumes more slowly, without room for its log it ends. After a snapshot that the disk refused the next
 * is not tried for a while, and the same trouble is told once until a snapshot is there again.
 */

import {
  CHECKPOINT_RETRY_MS,
  CHECKPOINT_RETRY_MS_MAX,
  LOG_RESERVE_BYTES,
  LOG_RESERVE_SHARE,
} from '../base/disk-limits.ts';
import { HvError } from '../base/errors.ts';
import type { Disk, DiskRoom } from './disk.ts';

const MIB = 1024 * 1024;

/** Why `bytes` of snapshots may not be written in `dir`, for people; undefined: they may. */
export function roomFault(
  disk: Pick<Disk, 'room'>,
  dir: string,
  bytes: number,
): string | undefined {
  const room = disk.room(dir);
  if (room === undefined) return undefined;
  const reserve = logReserve(room);
  if (room.free - bytes >= reserve) return undefined;
  return `its disk has ${mebibytes(room.free)} free, and ${mebibytes(reserve)} are kept for the log`;
}

/** Bytes that no snapshot takes from the log. */
export function logReserve({ total }: Pick<DiskRoom, 'total'>): number {
  return Math.min(LOG_RESERVE_BYTES, Math.floor(total * LOG_RESERVE_SHARE));
}

/** Throws an error of a full disk, before it is full, when `bytes` would leave too little for the log. */
export function demandRoom(disk: Pick<Disk, 'room'>, dir: string, bytes: number): void {
  const fault = roomFault(disk, dir, bytes);
  if (fault !== undefined) throw Object.assign(new Error(fault), { code: 'ENOSPC' });
}

/** A snapshot that is not even begun. */
export function noRoom(dir: string, fault: string): HvError {
  const text = `no snapshot of ${dir} is taken: ${fault}`;
  return new HvError('HV_E_CHECKPOINT_WRITE', text, { details: { dir, code: 'ENOSPC' } });
}

/** When the next snapshot may be tried, and whether there is news. Times in milliseconds, monotonic. */
export class CheckpointPause {
  #until = 0;
  #waitMs = 0;
  /** What was told last and still is so. */
  #told: string | undefined;

  isOver(now: number): boolean {
    return now >= this.#until;
  }

  /** True: somebody is to be told. What is no error of the disk is told each time, and tried again at once. */
  failed(error: HvError, now: number): boolean {
    const code = String(error.details.code ?? '');
    if (code === '') return true;
    this.#waitMs = Math.min(CHECKPOINT_RETRY_MS_MAX, this.#waitMs * 2 || CHECKPOINT_RETRY_MS);
    this.#until = now + this.#waitMs;
    const isNews = code !== this.#told;
    this.#told = code;
    return isNews;
  }

  /** A snapshot is on disk. True: the trouble that was told is over. */
  succeeded(): boolean {
    const wasTold = this.#told !== undefined;
    this.#until = 0;
    this.#waitMs = 0;
    this.#told = undefined;
    return wasTold;
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
