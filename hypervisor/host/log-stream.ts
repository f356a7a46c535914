/**
 * Reads a log that is being written, from its start or from behind a record to wherever the writer is, as
 * the frames a backup joins with: the first header and the blobs if it has nothing, the batches. Seals
 * and later headers stay behind: the receiver cuts its own segments by the same rule and so makes the
 * same ones.
 */

import { join } from 'node:path';
import {
  asLsn,
  decodeHeader,
  FRAME,
  FrameReader,
  type Lsn,
  peekBatch,
} from '../../log-format/index.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { segmentName } from './log-cursor.ts';
import { findLog } from './log-files.ts';
import type { LogMarks, LogPlace } from './log-marks.ts';
import type { StreamControl } from './stream-control.ts';
import { openStreamIfThere, type StreamInput } from './stream-input.ts';

/** Bytes per read, and about per call of `onFrames`: between two the host's loop goes round. */
const CHUNK_BYTES = 1_048_576;
/** What the header of a segment fits into, usually. */
const HEADER_CHUNK_BYTES = 4096;

export interface StreamSource {
  readonly dir: string;
  readonly marks: LogMarks;
  /** How far the files are written; may move on between calls. */
  written(): LogPlace;
}

export interface StreamRequest {
  /** Records up to here are left out, with all their batches. */
  readonly suffix: Suffix;
  readonly control: StreamControl;
  readonly onFrames: (bytes: Uint8Array) => void;
  /**
   * Once, in the very call stack in which all bytes of `written()` have been passed on: no write can
   * complete in between.
   */
  readonly onCaughtUp: () => void;
}

/** Which frames of a log lie behind a record. */
export class Suffix {
  readonly lsn: Lsn;
  #from: Lsn | undefined;

  /** 0: all of it, header and blobs too. */
  constructor(lsn: Lsn) {
    this.lsn = lsn;
  }

  /** The batch boundary it begins at; undefined while nothing has come behind it. */
  get from(): Lsn | undefined {
    return this.#from;
  }

  /** Whether a batch belongs to it. They come in order. */
  takes(frame: Uint8Array): boolean {
    if (this.#from !== undefined) return true;
    const { firstLsn, lastLsn } = peekBatch(frame);
    if (lastLsn <= this.lsn) return false;
    if (firstLsn > this.lsn + 1) throw new Error(`the record behind ${this.lsn} is not there`);
    this.#from = asLsn(firstLsn - 1);
    return true;
  }
}

/**
 * Passes on what is behind the suffix's record. Resolves with what became of it; `cancelled` says
 * nothing of `onCaughtUp`. Rejects when a file cannot be read or holds something else than what was written.
 */
export async function streamLog(
  source: StreamSource,
  request: StreamRequest,
): Promise<'caughtUp' | 'trimmed' | 'cancelled'> {
  const start = await findStart(source, request.suffix.lsn);
  if (start === undefined) return 'trimmed';
  for (let { segment, offset } = start; ; segment++, offset = 0) {
    const file = await openStreamIfThere(join(source.dir, segmentName(segment)));
    // Trimming takes segments from the front, and only such that the writer has left.
    if (file === undefined) return 'trimmed';
    try {
      const ended = await streamSegment(source, { ...request, file, segment, offset });
      if (ended !== 'next') return ended;
    } finally {
      await file.close();
    }
  }
}

/** A frame at or before the first one wanted; undefined when that is not in the log any more. */
async function findStart(source: StreamSource, lsn: Lsn): Promise<LogPlace | undefined> {
  const written = source.written();
  const marked = lsn === 0 ? undefined : source.marks.before(lsn, written);
  if (marked !== undefined) return marked;
  const { first } = findLog(source.dir);
  if (first > written.segment) throw new Error('the first segment of the log is missing');
  if (lsn === 0) return first === 1 ? { segment: 1, offset: 0 } : undefined;
  // Segments below `low` begin at or before the record wanted, or are gone by now; those from `high` on
  // begin later. The first segment is tried last, because only it can have lost what is wanted.
  let low = first;
  let high = written.segment + 1;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    const firstLsn = await firstLsnOf(source.dir, middle);
    if (firstLsn === undefined || firstLsn <= lsn + 1) low = middle;
    else high = middle;
  }
  const firstLsn = await firstLsnOf(source.dir, low);
  return firstLsn !== undefined && firstLsn <= lsn + 1 ? { segment: low, offset: 0 } : undefined;
}

/** By the header of a segment; undefined: trimmed away. */
async function firstLsnOf(dir: string, segment: number): Promise<Lsn | undefined> {
  const file = await openStreamIfThere(join(dir, segmentName(segment)), { startOnly: true });
  if (file === undefined) return undefined;
  try {
    const reader = new FrameReader(FRAME_BYTES_MAX);
    for (let offset = 0; ; ) {
      const result = reader.next();
      if (result.type === 'frame' && result.frame.type === FRAME.header)
        return decodeHeader(result.frame.payload).firstLsn;
      if (result.type !== 'more') throw new Error(`segment ${segment} has no header`);
      const chunk = new Uint8Array(HEADER_CHUNK_BYTES);
      const bytesRead = await file.read(chunk, offset);
      if (bytesRead === 0) throw new Error(`segment ${segment} ends inside its header`);
      offset += bytesRead;
      reader.push(chunk.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

interface SegmentStream extends StreamRequest, LogPlace {
  readonly file: StreamInput;
}

async function streamSegment(
  source: StreamSource,
  stream: SegmentStream,
): Promise<'caughtUp' | 'cancelled' | 'next'> {
  let { offset } = stream;
  const reader = new FrameReader(FRAME_BYTES_MAX, { offset });
  for (;;) {
    if (!(await stream.control.mayGo())) return 'cancelled';
    const written = source.written();
    const last = written.segment === stream.segment;
    const left = last ? written.offset - offset : CHUNK_BYTES;
    if (left === 0) {
      if (reader.pending > 0) throw new Error('a frame of the log is not whole');
      stream.onCaughtUp();
      return 'caughtUp';
    }
    const chunk = new Uint8Array(Math.min(left, CHUNK_BYTES));
    const bytesRead = await stream.file.read(chunk, offset);
    if (stream.control.cancelled) return 'cancelled';
    if (bytesRead === 0) {
      if (last || reader.pending > 0) throw new Error('a segment of the log is too short');
      return 'next';
    }
    offset += bytesRead;
    reader.push(chunk.subarray(0, bytesRead));
    forward(reader, stream);
  }
}

function forward(reader: FrameReader, stream: SegmentStream): void {
  const wanted: Uint8Array[] = [];
  for (;;) {
    const result = reader.next();
    if (result.type === 'damaged') {
      throw new Error(
        `damaged at byte ${result.offset} of segment ${stream.segment}: ${result.reason}`,
      );
    }
    if (result.type === 'more') break;
    const { type, bytes } = result.frame;
    const beginning = type === FRAME.blob || (type === FRAME.header && stream.segment === 1);
    const takes = type === FRAME.batch ? stream.suffix.takes(bytes) : stream.suffix.lsn === 0;
    if (takes && (beginning || type === FRAME.batch)) wanted.push(bytes);
  }
  if (wanted.length > 0) stream.onFrames(joinBytes(wanted));
}

/** One buffer of its own, with all of `parts` behind each other. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
