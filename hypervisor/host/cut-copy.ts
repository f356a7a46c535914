/**
 * Cuts a copy of a log back to what it shares with the log of the primary it is to follow. What lies
 * behind goes into quarantine first; then snapshots of it, and at last the records themselves, from the
 * back, so that wherever a process dies or the power fails the directory holds a log: the old one, the
 * new one, or one in between whose missing end is in quarantine already. Cutting again comes to the end.
 */

import { existsSync } from 'node:fs';
import {
  type EncodedBatch,
  FormatError,
  FRAME,
  type Frame,
  type LogHeader,
  type Lsn,
  peekBatch,
} from '../../log-format/index.ts';
import { assert, defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { dropBehind } from './checkpoint-files.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { LogCursor, type LogPosition } from './log-cursor.ts';
import { logDamageError, logWriteError } from './log-errors.ts';
import { findLog, type LogFiles } from './log-files.ts';
import { headerAt } from './log-glance.ts';
import { cutLog } from './log-reader.ts';
import { removeSignatures } from './log-signatures.ts';
import { readBeginning } from './log-trim.ts';
import { findQuarantine, type Quarantine, QuarantineWriter } from './quarantine.ts';
import { walkSegment } from './segment-walk.ts';

export interface CutCopy {
  /** For `FileLogStore.resume`. */
  readonly position: LogPosition;
  /** The last record left: the end of a batch, at or below the one asked for. */
  readonly lsnLast: Lsn;
  /** Undefined: there was nothing to cut off. */
  readonly quarantine: Quarantine | undefined;
}

/**
 * Removes everything behind `lsn`, which lies in the log, from the locked log in `dir`: batches whole,
 * so that one with `lsn` inside goes. Also unseals it and takes off a torn or damaged end. Rejects with
 * HV_E_LOG_WRITE or HV_E_CHECKPOINT_WRITE, to be called again, or HV_E_LOG_DAMAGED when the log cannot be
 * read up to there.
 */
export async function cutCopy(dir: string, lsn: Lsn, disk: Disk = REAL_DISK): Promise<CutCopy> {
  const files = findLog(dir);
  const log = { files, header: demandHeader(files.beginning ?? files.path(1)) };
  const plan = await planCut(log, lsn);
  try {
    const quarantine = plan.behind && (await quarantined(log, plan, plan.behind, disk));
    await dropBehind(dir, plan.position.lastLsn, disk);
    // Before what they vouch for goes: one without its segment says that somebody cut the log.
    await removeSignatures(dir, (segment) => segment >= plan.position.segment, disk);
    await removeBehind(files, plan.pieces, disk);
    await cutLog(plan.position, disk);
    return { position: plan.position, lsnLast: plan.position.lastLsn, quarantine };
  } catch (error) {
    const ofDisk = error instanceof Error && 'code' in error && !(error instanceof HvError);
    throw ofDisk ? logWriteError(dir, error) : error;
  }
}

interface Log {
  readonly files: LogFiles;
  readonly header: LogHeader;
}

/** A segment behind the cut, or the one it lies in. */
interface Piece {
  readonly segment: number;
  /** Bytes of its header; 0: there is none to be kept. */
  readonly headerBytes: number;
  /** Where its frames end, before a seal. */
  readonly end: number;
}

interface Plan {
  readonly position: LogPosition;
  readonly pieces: readonly Piece[];
  /** The batches behind the cut that can be read. */
  readonly behind: { readonly first: EncodedBatch; readonly lastLsn: Lsn } | undefined;
}

/** Finds the place of the cut, and all there is behind it. Changes nothing. */
async function planCut(log: Log, lsn: Lsn): Promise<Plan> {
  const { files } = log;
  const cut = segmentOf(files, lsn);
  const cursor = cursorBefore(log, cut, lsn);
  const pieces: Piece[] = [];
  let behind: { first: EncodedBatch; lastLsn: Lsn } | undefined;
  const take = (frame: Frame, segment: number): void => {
    if (frame.type !== FRAME.batch) {
      if (segment === cut) takeStart(cursor, log.header, frame);
      return;
    }
    const batch = peekBatch(frame.bytes);
    const lastLsn = behind?.lastLsn ?? cursor.lastLsn;
    if (batch.firstLsn !== lastLsn + 1) throw new FormatError('gap between batches');
    if (behind === undefined && batch.lastLsn <= lsn) cursor.takeBatch(batch);
    else behind = { first: behind?.first ?? batch, lastLsn: batch.lastLsn };
  };
  for (let segment = cut; existsSync(files.path(segment)); segment++) {
    const walked = await walkPiece(files.path(segment), segment, (frame) => take(frame, segment));
    pieces.push(walked.piece);
    if (behind === undefined && cursor.lastLsn < lsn && walked.reason !== undefined)
      throw logDamageError(
        { file: files.path(segment), offset: walked.piece.end, lsn: cursor.lastLsn },
        walked.reason,
      );
    if (walked.reason !== undefined) break;
  }
  // `lsn` lies inside the first batch of its segment: the boundary below ends the segment before.
  if (cursor.batches === 0 && cut > files.first) return await planCut(log, cursor.lastLsn);
  const last = defined(pieces.at(-1), 'there is a segment').segment;
  for (let segment = last + 1; existsSync(files.path(segment)); segment++)
    pieces.push({ segment, headerBytes: 0, end: 0 });
  return { position: cursor.position(files.dir), pieces, behind };
}

/** The segment with the batch that holds or ends at `lsn`, or the first one. Looked for from the back. */
function segmentOf(files: LogFiles, lsn: Lsn): number {
  let segment = files.first;
  while (existsSync(files.path(segment + 1))) segment += 1;
  for (; segment > files.first; segment--) {
    const firstLsn = headerAt(files.path(segment))?.firstLsn;
    if (firstLsn !== undefined && firstLsn <= lsn) break;
  }
  return segment;
}

function cursorBefore({ files, header }: Log, segment: number, lsn: Lsn): LogCursor {
  const begins = segment === 1 ? header : demandHeader(files.path(segment));
  assert(lsn >= begins.firstLsn - 1, 'a copy is cut inside');
  return segment === 1 ? new LogCursor() : LogCursor.before(files.dir, header, begins);
}

/** A header or a blob at the start of the segment that the cut lies in. */
function takeStart(cursor: LogCursor, header: LogHeader, { type, bytes }: Frame): void {
  if (type === FRAME.blob) cursor.takeBlob(bytes);
  else if (cursor.header === undefined) cursor.takeHeader(header, bytes);
  else if (Buffer.compare(cursor.next(), bytes) !== 0)
    throw new FormatError('the header does not continue the segment before');
}

/** `reason`: why the log ends here, or cannot be read on; undefined: another segment follows. */
async function walkPiece(
  path: string,
  segment: number,
  take: (frame: Frame) => void,
): Promise<{ readonly piece: Piece; readonly reason: string | undefined }> {
  let headerBytes = 0;
  let end = 0;
  try {
    const walked = await walkSegment(path, (frame) => {
      take(frame);
      if (frame.type === FRAME.header) headerBytes = frame.bytes.length;
      end = frame.offset + frame.bytes.length;
      return undefined;
    });
    const piece = { segment, headerBytes, end };
    if (walked.type === 'sealed' && !walked.final) return { piece, reason: undefined };
    return { piece, reason: walked.type === 'damaged' ? walked.reason : 'the log ends before' };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return { piece: { segment, headerBytes, end }, reason: error.message };
  }
}

/** What lies behind the cut, whole and on disk: now, or since an earlier cut that was interrupted. */
async function quarantined(
  { files, header }: Log,
  { position, pieces }: Plan,
  behind: NonNullable<Plan['behind']>,
  disk: Disk,
): Promise<Quarantine> {
  const { dir } = files;
  const kept = findQuarantine(dir, disk, behind.first, behind.lastLsn);
  if (kept !== undefined) return kept;
  const beginning = readBeginning(files.beginning ?? files.path(1), disk);
  const writer = await QuarantineWriter.begin({ dir, disk }, { header, beginning }, behind.first);
  try {
    for (const { segment, end } of pieces) {
      if (end === 0) break;
      await walkSegment(files.path(segment), async ({ type, bytes, offset }) => {
        if (type !== FRAME.batch || offset >= end) return undefined;
        const batch = peekBatch(bytes);
        if (batch.firstLsn > position.lastLsn) await writer.take(batch);
        return undefined;
      });
    }
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return await writer.finish();
}

/**
 * Segments behind the one of the cut. The last one is emptied to its header, the one before loses its
 * seal, and then the last one goes: after each step this is what a kill during a change of segments
 * leaves, which every reader knows. Each is on disk before the next.
 */
async function removeBehind(files: LogFiles, pieces: readonly Piece[], disk: Disk): Promise<void> {
  for (let index = pieces.length - 1; index > 0; index--) {
    const last = defined(pieces[index], 'an index below the length');
    const before = defined(pieces[index - 1], 'an index below the length');
    await disk.cut(files.path(last.segment), last.headerBytes);
    await disk.cut(files.path(before.segment), before.end);
    await disk.unlink(files.path(last.segment));
    await disk.syncDirectory(files.dir);
  }
}

function demandHeader(path: string): LogHeader {
  const header = headerAt(path);
  if (header !== undefined) return header;
  throw logDamageError({ file: path, offset: 0, lsn: 0 }, 'it has no header');
}
