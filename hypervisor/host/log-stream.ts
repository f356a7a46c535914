/**
 * Reads a log that is being written, from its start to wherever the writer is, as the frames a backup
 * joins with: the first header, the blobs, the batches. Seals and later headers stay behind: the
 * receiver cuts its own segments by the same rule and so makes the same ones.
 */

import { join } from 'node:path';
import { FRAME, FrameReader } from '../../log-format/index.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { segmentName } from './log-cursor.ts';
import { openStreamInput, type StreamInput } from './stream-input.ts';

/** Bytes per read, and about per call of `onFrames`: between two the host's loop goes round. */
const CHUNK_BYTES = 1_048_576;

export interface StreamSource {
  readonly dir: string;
  /** How far the files are written; may move on between calls. */
  written(): { readonly segment: number; readonly offset: number };
}

/**
 * Calls `onFrames` with whole frames, then `onCaughtUp` once, in the very call stack in which all
 * bytes of `written()` have been passed on: no write can complete in between. Rejects when a file
 * cannot be read or holds something else than what was written.
 */
export async function streamLog(
  source: StreamSource,
  onFrames: (bytes: Uint8Array) => void,
  onCaughtUp: () => void,
): Promise<void> {
  for (let segment = 1; ; segment++) {
    const file = await openStreamInput(join(source.dir, segmentName(segment)));
    try {
      if (await streamSegment(source, { file, segment, onFrames, onCaughtUp })) return;
    } finally {
      await file.close();
    }
  }
}

interface SegmentStream {
  readonly file: StreamInput;
  readonly segment: number;
  readonly onFrames: (bytes: Uint8Array) => void;
  readonly onCaughtUp: () => void;
}

/** True: caught up with the writer. False: the writer is in a later segment. */
async function streamSegment(source: StreamSource, stream: SegmentStream): Promise<boolean> {
  const reader = new FrameReader(FRAME_BYTES_MAX);
  let offset = 0;
  for (;;) {
    const written = source.written();
    const last = written.segment === stream.segment;
    const left = last ? written.offset - offset : CHUNK_BYTES;
    if (left === 0) {
      if (reader.pending > 0) throw new Error('a frame of the log is not whole');
      stream.onCaughtUp();
      return true;
    }
    const chunk = new Uint8Array(Math.min(left, CHUNK_BYTES));
    const bytesRead = await stream.file.read(chunk, offset);
    if (bytesRead === 0) {
      if (last || reader.pending > 0) throw new Error('a segment of the log is too short');
      return false;
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
    if (type === FRAME.seal || (type === FRAME.header && stream.segment > 1)) continue;
    wanted.push(bytes);
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
