/**
 * What a replica finds of an earlier copy in its own directory: whose log it is, how far it goes, and the
 * epochs it went through, which is what two replicas compare to find out where they part. Looks at the
 * headers of segments, the last segment, and those in which an epoch begins; what lies between is taken
 * on trust until it is replayed.
 */

import { existsSync } from 'node:fs';
import {
  asLsn,
  type EncodedBatch,
  FormatError,
  FRAME,
  FrameReader,
  type LogHeader,
  type Lsn,
  peekBatch,
} from '../../log-format/index.ts';
import type { HvError } from '../base/errors.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import type { LogBase } from '../ports.ts';
import type { EpochStart, History } from '../protocol/history.ts';
import { checkpointLsns } from './checkpoint-files.ts';
import { logDamageError } from './log-errors.ts';
import { findLog, type LogFiles, segmentNumbers } from './log-files.ts';
import { headerAt, isUnborn } from './log-glance.ts';
import { readBeginning } from './log-trim.ts';
import { firstBatchOf, type WalkEnd, walkSegment } from './segment-walk.ts';
import { readHead } from './snapshot-reader.ts';

/** A log that is there and that nobody writes to. */
export interface LocalCopy extends History {
  readonly dir: string;
  /** Of the first segment. */
  readonly header: LogHeader;
  readonly vm: string;
  /** Lsns of its snapshots by their names, newest first. */
  readonly snapshots: readonly Lsn[];
  /** It was ended on purpose. */
  readonly sealed: boolean;
  /** Bytes at its end that are no whole frame. */
  readonly tornBytes: number;
  /** Why what lies behind `lsnLast` cannot be used, if not for a kill: HV_E_LOG_DAMAGED. */
  readonly damage: HvError | undefined;
}

/**
 * Looks at the log in `dir`, which must be locked; undefined when there is none, or one that was killed
 * before it had a beginning. Rejects with HV_E_LOG_DAMAGED or HV_E_LOG_VERSION when it is unreadable.
 */
export async function inspectCopy(dir: string): Promise<LocalCopy | undefined> {
  if (!existsSync(dir)) return undefined;
  const numbers = segmentNumbers(dir);
  if (numbers.length === 0) return undefined;
  const files = findLog(dir);
  if (files.first === 1 && numbers.length === 1 && isUnborn(files.path(1))) return undefined;
  const header = headerAt(files.beginning ?? files.path(1));
  const lsnFirst = headerAt(files.path(files.first))?.firstLsn;
  if (header === undefined || lsnFirst === undefined)
    throw logDamageError({ file: files.path(files.first), offset: 0, lsn: 0 }, 'it has no header');
  const end = await lookAtEnd(files, lsnFirst);
  const epochs = await epochsOf(files, end);
  const snapshots = checkpointLsns(dir);
  return {
    dir,
    header,
    vm: header.vm,
    epochs: epochs.length > 0 ? epochs : epochOfSnapshot(dir, lsnFirst),
    lsnFirst,
    lsnLast: end.lsnLast,
    snapshots,
    sealed: end.walked.type === 'sealed' && end.walked.final,
    tornBytes: end.walked.type === 'open' ? end.walked.tornBytes : 0,
    damage:
      end.walked.type === 'damaged'
        ? logDamageError({ ...end.walked, file: end.file, lsn: end.lsnLast }, end.walked.reason)
        : undefined,
  };
}

/**
 * Whether a machine can be brought to `lsn` from this copy alone: from its first record, or from a
 * snapshot it has. What lies in between and cannot be used shows when that is done.
 */
export function reaches(copy: LocalCopy, lsn: Lsn): boolean {
  if (lsn < copy.lsnFirst - 1 || lsn > copy.lsnLast) return false;
  return (
    copy.lsnFirst === 1 || copy.snapshots.some((one) => one <= lsn && one >= copy.lsnFirst - 1)
  );
}

/** What the log of a copy starts with, for whoever takes what comes behind it. Throws the disk's error. */
export function baseOf({ dir, header }: LocalCopy): LogBase {
  const { beginning, path } = findLog(dir);
  const reader = new FrameReader(FRAME_BYTES_MAX);
  reader.push(readBeginning(beginning ?? path(1)));
  const blobs: Uint8Array[] = [];
  for (let next = reader.next(); next.type === 'frame'; next = reader.next())
    if (next.frame.type === FRAME.blob) blobs.push(next.frame.bytes);
  return { header, blobs };
}

/** Of the last segment with a batch in it, or of the first one. */
interface CopyEnd {
  readonly file: string;
  readonly segment: number;
  readonly lsnLast: Lsn;
  readonly epochs: readonly EpochStart[];
  readonly walked: WalkEnd;
}

/** From the back, over a segment that was begun and not filled. */
async function lookAtEnd(files: LogFiles, lsnFirst: Lsn): Promise<CopyEnd> {
  let segment = files.first;
  while (existsSync(files.path(segment + 1))) segment += 1;
  for (; ; segment--) {
    const file = files.path(segment);
    const starts = new Starts();
    const walked = await walkNamed(file, starts.lsnLast ?? 0, (batch) => starts.take(batch));
    const { lsnLast } = starts;
    if (lsnLast !== undefined || segment === files.first)
      return {
        file,
        segment,
        lsnLast: lsnLast ?? asLsn(lsnFirst - 1),
        epochs: starts.found,
        walked,
      };
  }
}

/** Where epochs begin, among batches that come in order. */
class Starts {
  readonly found: EpochStart[] = [];
  lsnLast: Lsn | undefined;

  take({ epoch, firstLsn, lastLsn }: EncodedBatch): undefined {
    if (this.lsnLast !== undefined && firstLsn !== this.lsnLast + 1)
      throw new FormatError('gap between batches');
    if (this.found.at(-1)?.epoch !== epoch) this.found.push({ epoch, firstLsn });
    this.lsnLast = lastLsn;
    return undefined;
  }
}

async function walkNamed(
  file: string,
  lsn: number,
  onBatch: (batch: EncodedBatch) => undefined,
): Promise<WalkEnd> {
  let offset = 0;
  try {
    return await walkSegment(file, (frame) => {
      offset = frame.offset;
      return frame.type === FRAME.batch ? onBatch(peekBatch(frame.bytes)) : undefined;
    });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw logDamageError({ file, offset, lsn }, error.message, error);
  }
}

/** Epochs only grow: between two segments that begin in the same one nothing has to be read. */
async function epochsOf(files: LogFiles, end: CopyEnd): Promise<readonly EpochStart[]> {
  const found = new Map<number, EpochStart>();
  const note = (start: EpochStart): void => {
    const known = found.get(start.epoch);
    if (known === undefined || known.firstLsn > start.firstLsn) found.set(start.epoch, start);
  };
  const firstOf = async (segment: number): Promise<EpochStart> => {
    const first = segment === end.segment ? end.epochs[0] : await firstBatchOf(files.path(segment));
    if (first !== undefined) return { epoch: first.epoch, firstLsn: first.firstLsn };
    throw logDamageError({ file: files.path(segment), offset: 0, lsn: 0 }, 'it has no batch');
  };
  const between = async (
    low: number,
    a: EpochStart,
    high: number,
    b: EpochStart,
  ): Promise<void> => {
    note(a);
    note(b);
    if (a.epoch === b.epoch) return;
    if (high - low === 1) {
      const starts = new Starts();
      await walkNamed(files.path(low), a.firstLsn - 1, (batch) => starts.take(batch));
      for (const start of starts.found) note(start);
      return;
    }
    const middle = (low + high) >>> 1;
    const m = await firstOf(middle);
    await between(low, a, middle, m);
    await between(middle, m, high, b);
  };
  if (end.epochs.length > 0)
    await between(files.first, await firstOf(files.first), end.segment, await firstOf(end.segment));
  for (const start of end.epochs) note(start);
  return [...found.values()].sort((one, two) => one.epoch - two.epoch);
}

/** A copy that joined by a snapshot and has no record yet stands in that snapshot's epoch. */
function epochOfSnapshot(dir: string, lsnFirst: Lsn): readonly EpochStart[] {
  if (lsnFirst === 1) return [];
  const head = readHead(dir, asLsn(lsnFirst - 1));
  return 'type' in head ? [] : [{ epoch: head.epoch, firstLsn: lsnFirst }];
}
