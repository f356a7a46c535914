/**
 * The snapshots beside a log: which there are, which of them can be used, which may go. A difference is
 * worth nothing without its complete snapshot, so differences are deleted before what they need, in
 * whatever order a process dies.
 */

import { join } from 'node:path';
import {
  asLsn,
  type Lsn,
  type SnapshotHead,
  type SnapshotOwner,
  type SnapshotPosition,
  snapshotLsn,
  snapshotName,
} from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import { checkpointError } from './checkpoint-errors.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { findLog } from './log-files.ts';
import { headerAt } from './log-glance.ts';
import {
  checkCheckpoint,
  type LoadedCheckpoint,
  loadCheckpoint,
  type ReadOptions,
  readHead,
  type Unusable,
} from './snapshot-reader.ts';
import { TEMPORARY_SUFFIX } from './snapshot-writer.ts';

/** End of the name of a snapshot that is being written. */
const UNFINISHED = `.hvsnap${TEMPORARY_SUFFIX}`;

/** A snapshot by the word of its head; the rest of its file was not looked at. */
export interface ListedCheckpoint {
  readonly lsn: Lsn;
  readonly head: SnapshotHead;
}

/** A snapshot that was passed over, and why. */
export interface SkippedCheckpoint {
  readonly lsn: Lsn;
  readonly unusable: Unusable;
}

export interface CheckpointList {
  /** Newest first. */
  readonly checkpoints: readonly ListedCheckpoint[];
  readonly skipped: readonly SkippedCheckpoint[];
}

/** Lsns of the snapshot files in `dir`, newest first. */
export function checkpointLsns(dir: string, disk: Disk = REAL_DISK): readonly Lsn[] {
  const lsns = disk.list(dir).map(snapshotLsn);
  return lsns.filter((lsn) => lsn !== undefined).sort((one, two) => two - one);
}

/**
 * Deletes what a process that was killed, or a disk that failed, left of snapshots in `dir`: nobody may be
 * writing one. Rejects with HV_E_CHECKPOINT_WRITE; no directory, nothing to delete.
 */
export async function removeUnfinished(dir: string, disk: Disk = REAL_DISK): Promise<void> {
  for (const name of namesIn(dir, disk)) {
    if (!name.endsWith(UNFINISHED)) continue;
    const path = join(dir, name);
    try {
      await disk.unlink(path);
    } catch (error) {
      throw checkpointError(path, error);
    }
  }
}

function namesIn(dir: string, disk: Disk): readonly string[] {
  try {
    return disk.list(dir);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR'].includes(code)) return [];
    throw checkpointError(dir, error);
  }
}

/** The snapshots in `dir` by name and head. Throws the file system's error when there is no `dir`. */
export function listCheckpoints(dir: string, disk: Disk = REAL_DISK): CheckpointList {
  const checkpoints: ListedCheckpoint[] = [];
  const skipped: SkippedCheckpoint[] = [];
  for (const lsn of checkpointLsns(dir, disk)) {
    const head = readHead(dir, lsn, disk);
    if ('type' in head) skipped.push({ lsn, unusable: head });
    else checkpoints.push({ lsn, head });
  }
  return { checkpoints, skipped };
}

export interface Chosen {
  readonly checkpoint: LoadedCheckpoint | undefined;
  /** Newer ones that cannot be used. */
  readonly skipped: readonly SkippedCheckpoint[];
}

export interface ChooseOptions extends ReadOptions {
  /** Why a snapshot's place is none of the log's; undefined if it is. See `placeFault`. */
  readonly placeFault?: (place: SnapshotPosition) => string | undefined;
}

/** The newest snapshot of this log at or before `lsnMax` that passes every check. */
export function newestUsable(
  dir: string,
  header: SnapshotOwner,
  lsnMax: Lsn = asLsn(Number.MAX_SAFE_INTEGER),
  options: ChooseOptions = {},
): Chosen {
  const skipped: SkippedCheckpoint[] = [];
  for (const lsn of checkpointLsns(dir, options.disk)) {
    if (lsn > lsnMax) continue;
    const checkpoint = loadCheckpoint(dir, lsn, header, options);
    if (checkpoint.type === 'unusable') {
      skipped.push({ lsn, unusable: checkpoint });
      continue;
    }
    const reason = options.placeFault?.(checkpoint.head.position);
    if (reason === undefined) return { checkpoint, skipped };
    skipped.push({ lsn, unusable: { type: 'unusable', why: 'misplaced', reason } });
  }
  return { checkpoint: undefined, skipped };
}

/**
 * Deletes all snapshots behind `lsn`: before a log is cut there, for other records will come in place of
 * those that led to them. Rejects with HV_E_CHECKPOINT_WRITE.
 */
export async function dropBehind(
  dir: string,
  lsn: Lsn,
  disk: Disk = REAL_DISK,
): Promise<readonly Lsn[]> {
  return await remove(
    dir,
    checkpointLsns(dir, disk).filter((one) => one > lsn),
    disk,
  );
}

/** How many snapshots are kept for looking back. */
export interface ThinPolicy {
  readonly snapshotsMax: number;
  /** Known to be whole: the one this process has just written. Saves reading it. */
  readonly usable?: Lsn;
}

/**
 * Deletes snapshots until `snapshotsMax` are left, the ones least missed first: where they stand close
 * together for their age, so that the spacing of the rest grows with it. A complete one goes only when
 * no difference to it is left; the newest that can be used, and its base, always stay. Rejects with
 * HV_E_CHECKPOINT_WRITE. Returns what it deleted.
 */
export async function thin(
  dir: string,
  header: SnapshotOwner,
  policy: ThinPolicy,
  disk: Disk = REAL_DISK,
): Promise<readonly Lsn[]> {
  const left = [...listCheckpoints(dir, disk).checkpoints].reverse();
  if (left.length <= policy.snapshotsMax) return [];
  const newest = policy.usable ?? newestWhole(dir, header, disk);
  // Nothing else leads to the first records of a log that begins with a snapshot.
  const begins = beginsBehind(dir);
  const deleted: Lsn[] = [];
  while (left.length > policy.snapshotsMax) {
    const victim = leastMissed(left, [newest, begins]);
    if (victim === undefined) break;
    deleted.push(victim.lsn);
    left.splice(left.indexOf(victim), 1);
  }
  return remove(dir, deleted, disk);
}

function newestWhole(dir: string, header: SnapshotOwner, disk: Disk): Lsn | undefined {
  return checkpointLsns(dir, disk).find((lsn) => !checkCheckpoint(dir, lsn, header, disk));
}

/** `left`: ascending. */
function leastMissed(
  left: readonly ListedCheckpoint[],
  kept: readonly (Lsn | undefined)[],
): ListedCheckpoint | undefined {
  const needed = new Set(left.map(({ head }) => head.base));
  const last = left.at(-1);
  for (const lsn of kept) if (lsn !== undefined) needed.add(lsn);
  let found: { readonly one: ListedCheckpoint; readonly weight: number } | undefined;
  for (const [index, one] of left.entries()) {
    if (needed.has(one.lsn) || last === undefined) continue;
    const gap = (left[index + 1]?.lsn ?? one.lsn) - (left[index - 1]?.lsn ?? 0);
    const weight = gap / (last.lsn - one.lsn + 1);
    if (found === undefined || weight < found.weight) found = { one, weight };
  }
  return found?.one;
}

/**
 * Deletes all snapshots before the newest complete one at or below `lsn` that can be used; those behind
 * it keep what they need, and the log before its place is needed by none of them. Nothing happens if there
 * is none. Rejects with HV_E_CHECKPOINT_WRITE.
 */
export async function keepFrom(
  dir: string,
  header: SnapshotOwner,
  lsn: Lsn,
  disk: Disk = REAL_DISK,
): Promise<{ readonly first: ListedCheckpoint | undefined; readonly deleted: readonly Lsn[] }> {
  const { checkpoints } = listCheckpoints(dir, disk);
  const first = checkpoints.find(
    (one) =>
      one.lsn <= lsn &&
      one.head.base === 0 &&
      checkCheckpoint(dir, one.lsn, header, disk) === undefined,
  );
  if (first === undefined) return { first, deleted: [] };
  // Descending is also differences first; files whose heads are bad go with their neighbours. One from
  // before the log's first record goes at the very first: left alone it would say that records are missing.
  const old = checkpointLsns(dir, disk).filter((one) => one < first.lsn);
  const begins = beginsBehind(dir) ?? 0;
  const order = [...old.filter((one) => one < begins), ...old.filter((one) => one >= begins)];
  return { first, deleted: await remove(dir, order, disk) };
}

/** The place at which a log without its first records begins; undefined for a whole one. */
function beginsBehind(dir: string): Lsn | undefined {
  try {
    const { beginning, first, path } = findLog(dir);
    const header = beginning === undefined ? undefined : headerAt(path(first));
    return header && asLsn(header.firstLsn - 1);
  } catch (error) {
    // No log, or one that is damaged: whoever reads it says so.
    if (error instanceof HvError) return undefined;
    throw error;
  }
}

async function remove(dir: string, lsns: readonly Lsn[], disk: Disk): Promise<readonly Lsn[]> {
  if (lsns.length === 0) return lsns;
  for (const lsn of lsns) {
    const path = join(dir, snapshotName(lsn));
    try {
      await disk.unlink(path);
    } catch (error) {
      throw checkpointError(path, error);
    }
  }
  try {
    await disk.syncDirectory(dir);
  } catch (error) {
    throw checkpointError(dir, error);
  }
  return lsns;
}
