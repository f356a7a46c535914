/**
 * Forgets the oldest part of a log: all before a complete checkpoint. What is left is a whole log that
 * begins with that checkpoint. In whatever order a process dies, or a disk loses power, the directory
 * holds a log that can be continued: the beginning is on disk before the first segment goes, snapshots
 * go before the segments they point into, segments from the front.
 */

import { join } from 'node:path';
import { FRAME, FrameReader, type Lsn, type SnapshotOwner } from '../../log-format/index.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { keepFrom } from './checkpoint-files.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { BLOB_COUNT } from './log-blobs.ts';
import { segmentName, segmentNumber } from './log-cursor.ts';
import { BEGINNING_FILE } from './log-files.ts';
import { removeSignatures } from './log-signatures.ts';
import { joinBytes } from './log-stream.ts';
import { writeWhole } from './write-whole.ts';

/** Bytes per read of the first segment, whose beginning holds the firmware and the image. */
const CHUNK_BYTES = 1_048_576;
const TEMPORARY = `${BEGINNING_FILE}.tmp`;

export interface TrimResult {
  /** Lsn of the checkpoint the log begins with now; undefined: nothing could be trimmed. */
  readonly first: Lsn | undefined;
  readonly snapshots: readonly Lsn[];
  readonly segments: readonly number[];
}

/**
 * Removes what lies before the newest complete and usable snapshot at or below `lsn`. Rejects with the
 * error of the disk, or HV_E_CHECKPOINT_WRITE; all that is not removed by then stays, and nothing that
 * is needed is removed.
 */
export async function trimLog(
  dir: string,
  header: SnapshotOwner,
  lsn: Lsn,
  disk: Disk = REAL_DISK,
): Promise<TrimResult> {
  const { first, deleted: snapshots } = await keepFrom(dir, header, lsn, disk);
  if (first === undefined) return { first: undefined, snapshots, segments: [] };
  const { segment } = first.head.position;
  const segments = disk
    .list(dir)
    .flatMap((name) => segmentNumber(name) ?? [])
    .filter((number) => number < segment)
    .sort((one, two) => one - two);
  if (segments[0] === 1) await keepBeginning(dir, disk);
  for (const number of segments) await disk.unlink(join(dir, segmentName(number)));
  if (segments.length > 0) await disk.syncDirectory(dir);
  await removeSignatures(dir, (number) => number < segment, disk);
  return { first: first.lsn, snapshots, segments };
}

/** Header and blobs of the first segment, copied byte for byte. */
async function keepBeginning(dir: string, disk: Disk): Promise<void> {
  const names = disk.list(dir);
  if (names.includes(TEMPORARY)) await disk.unlink(join(dir, TEMPORARY));
  const frames = readBeginning(join(dir, segmentName(1)), disk);
  if (names.includes(BEGINNING_FILE) && holds(join(dir, BEGINNING_FILE), frames, disk)) return;
  await writeWhole(dir, BEGINNING_FILE, frames, disk);
}

/** One that an interrupted fork has left in the directory is another log's. */
function holds(path: string, frames: Uint8Array, disk: Disk): boolean {
  try {
    return Buffer.compare(readBeginning(path, disk), frames) === 0;
  } catch {
    return false;
  }
}

/** The frames of header and blobs at the start of a segment, or of a beginning file. */
export function readBeginning(path: string, disk: Disk = REAL_DISK): Uint8Array {
  const input = disk.openInput(path);
  try {
    const reader = new FrameReader(FRAME_BYTES_MAX);
    const frames: Uint8Array[] = [];
    for (let offset = 0; frames.length < 1 + BLOB_COUNT; ) {
      const result = reader.next();
      if (result.type === 'damaged') throw new Error(`${path}: ${result.reason}`);
      if (result.type === 'frame') {
        const { type, bytes } = result.frame;
        const wanted = frames.length === 0 ? FRAME.header : FRAME.blob;
        if (type !== wanted) throw new Error(`${path} does not begin with header and blobs`);
        frames.push(bytes);
        continue;
      }
      const chunk = new Uint8Array(CHUNK_BYTES);
      const read = input.read(chunk, offset);
      if (read === 0) throw new Error(`${path} ends before its header and blobs are complete`);
      offset += read;
      reader.push(chunk.subarray(0, read));
    }
    return joinBytes(frames);
  } finally {
    input.close();
  }
}
