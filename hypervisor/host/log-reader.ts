/** Logs for reading: opened, verified as they are read, and repaired where a kill has torn them. */

import { dirname, join } from 'node:path';
import type { Blob, LogHeader } from '../../log-format/index.ts';
import { defined, InvariantError } from '../base/assert.ts';
import { checkpointLsns } from './checkpoint-files.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { BLOB_COUNT } from './log-blobs.ts';
import { type LogPosition, segmentName } from './log-cursor.ts';
import { logDamageError, logWriteError } from './log-errors.ts';
import { findLog, type LogFiles, segmentNumbers } from './log-files.ts';
import { headerAt } from './log-glance.ts';
import { type LocatedBatch, LogScan, type LogVerdict } from './log-scan.ts';
import { removeSignatures } from './log-signatures.ts';

export type { LocatedBatch, LogVerdict } from './log-scan.ts';

/** The blobs of a log by name, unpacked and verified. */
export type LogBlobs = Readonly<Record<Blob['name'], Uint8Array>>;

export interface OpenedLog {
  /** As given. */
  readonly path: string;
  /** Not one file: checkpoints may lie beside the segments. */
  readonly isDirectory: boolean;
  /** Of the first segment. */
  readonly header: LogHeader;
  readonly blobs: LogBlobs;
  /** Bytes of header and blobs in the file. */
  readonly beginningBytes: number;
  /** Lsn of the first record that is there: 1, or more in a log that was trimmed or forked. */
  readonly firstLsn: number;
  /**
   * Reads the log from its first batch (or from behind one), checking on the way; may be called again.
   * Returns the verdict at the end. Throws HV_E_LOG_DAMAGED at the first thing wrong, after all
   * batches before it.
   */
  batches(from?: LogPosition): Generator<LocatedBatch, LogVerdict, undefined>;
}

/**
 * Opens the log at `path`, a directory of segments or one `.hvlog` file, and reads its header and
 * blobs. Throws HV_E_LOG_NOT_FOUND, HV_E_LOG_VERSION, or HV_E_LOG_DAMAGED when not all of that is
 * there and intact.
 */
export function openLog(path: string): OpenedLog {
  const files = findLog(path);
  let header: LogHeader | undefined;
  let beginningBytes = 0;
  const blobs = new Map<Blob['name'], Uint8Array>();
  for (const event of new LogScan(files).run()) {
    beginningBytes += event.frameBytes;
    if (event.type === 'header') header = event.header;
    if (event.type === 'blob') blobs.set(event.blob.name, event.blob.bytes);
    if (blobs.size === BLOB_COUNT) break;
  }
  // A quarantine file (quarantine.ts) is a log that begins later by its own header.
  const begins = files.beginning === undefined ? header : headerAt(files.path(files.first));
  const firstLsn = begins?.firstLsn ?? 1;
  if (files.beginning !== undefined) refuseGap(files, firstLsn);
  const blobOf = (name: Blob['name']): Uint8Array =>
    defined(blobs.get(name), 'a log has all blobs');
  return {
    path,
    isDirectory: files.dir === path,
    header: defined(header, 'a log has a header'),
    blobs: { firmware: blobOf('firmware'), image: blobOf('image'), sourcemap: blobOf('sourcemap') },
    beginningBytes,
    firstLsn,
    batches: (from) => batchesOf(new LogScan(files, from)),
  };
}

/**
 * A snapshot of a place before the first segment says that segments are missing: trimming removes it,
 * for good, before it removes those. Not so the one complete snapshot to which the snapshot that a copy
 * has joined by, and begins behind, is a difference.
 */
function refuseGap(files: LogFiles, firstLsn: number): void {
  const older = checkpointLsns(files.dir).filter((lsn) => lsn <= firstLsn - 1);
  const joined = older[0] === firstLsn - 1 && older.length === 2;
  const oldest = older.at(-1);
  if (oldest === undefined || oldest === firstLsn - 1 || joined) return;
  throw logDamageError(
    { file: files.path(files.first - 1), offset: 0, lsn: oldest },
    'this segment is missing',
  );
}

/** The header of the log at `path`, and nothing else of it. Throws as `openLog` does. */
export function readLogHeader(path: string): LogHeader {
  for (const event of new LogScan(findLog(path)).run())
    if (event.type === 'header') return event.header;
  throw new InvariantError('a scan begins with a header');
}

function* batchesOf(scan: LogScan): Generator<LocatedBatch, LogVerdict, undefined> {
  for (const event of scan.run()) if (event.type === 'batch') yield event;
  return defined(scan.verdict, 'a scan that ends has a verdict');
}

/** Reads a whole log and returns the verdict. Throws as `openLog` and `batches` do. */
export function verifyLog(log: OpenedLog): LogVerdict {
  const batches = log.batches();
  for (;;) {
    const next = batches.next();
    if (next.done) return next.value;
  }
}

/**
 * Makes a log in `dir` that a killed process left behind fit for `FileLogStore.resume`: cuts what is
 * no whole frame off its end. Undefined when the log was ended on purpose and must not go on. Reads
 * all of it. Call only with the directory locked: a live writer's last frame looks torn, too.
 */
export async function repairTornTail(dir: string): Promise<LogPosition | undefined> {
  const { end, sealed } = verifyLog(openLog(dir));
  if (sealed) return undefined;
  return await cutLog({ ...end, dir });
}

/**
 * Removes everything behind `position`, and returns it; what is left is on disk then, whatever the
 * process before did not live to sync. Rejects with HV_E_LOG_WRITE.
 */
export async function cutLog(position: LogPosition, disk: Disk = REAL_DISK): Promise<LogPosition> {
  const { dir, segment, batches, offset } = position;
  const pathOf = (number: number): string => join(dir, segmentName(number));
  const numbers = segmentNumbers(dir, disk);
  try {
    // What was signed of this segment's end is not so any more.
    await removeSignatures(dir, (number) => number >= segment, disk);
    // A seal goes before the segment it promises, or that one would seem to be missing.
    await disk.cut(pathOf(segment), offset);
    // It may not have lived to sync its last segment but one: batches in the last would vouch for it.
    if (batches === 0 && numbers.includes(segment - 1))
      await disk.cut(pathOf(segment - 1), Number.MAX_SAFE_INTEGER);
    for (const number of [...numbers].reverse())
      if (number > segment) await disk.unlink(pathOf(number));
    await disk.syncDirectory(dir);
    await disk.syncDirectory(dirname(dir));
  } catch (error) {
    throw logWriteError(dir, error);
  }
  return position;
}
