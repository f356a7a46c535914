/**
 * Whether a place is one of a log on disk. A snapshot names the place behind its last record; a log that
 * has lost its end since, or was cut there and went on otherwise, leads to another state. A copy that
 * joined by a snapshot begins where the snapshot was taken in the log of its primary: the place is in a
 * segment that this copy never had, and its own first one continues the chain from there.
 */

import { existsSync } from 'node:fs';
import {
  Chain,
  decodeHeader,
  FormatError,
  FRAME,
  FrameReader,
  type LogHeader,
  type SnapshotPosition,
} from '../../log-format/index.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { LogCursor, type LogPosition } from './log-cursor.ts';
import { type LogFiles, SegmentInput } from './log-files.ts';
import { headerAt } from './log-glance.ts';

/**
 * Why `place` is none of this log; undefined if it is. For people. Reads the place's segment from its
 * start up to there and compares the hash chain; earlier segments are taken on trust.
 */
export function placeFault(
  files: LogFiles,
  place: Pick<SnapshotPosition, 'segment' | 'offset' | 'chain' | 'lastLsn'>,
): string | undefined {
  const path = files.path(place.segment);
  if (joinedAt(files, place) !== undefined) return undefined;
  if (place.segment < files.first || !existsSync(path))
    return `its place in the log, segment ${place.segment}, is not there`;
  const input = new SegmentInput(path);
  try {
    if (input.size < place.offset) return 'it lies beyond the end of the log';
    const chain = chainAt(input, place.offset);
    if (chain === undefined) return 'the log is damaged where it belongs';
    return chain === place.chain ? undefined : 'the log holds other records where it belongs';
  } catch (error) {
    if (error instanceof FormatError) return 'the log is damaged where it belongs';
    throw error;
  } finally {
    input.close();
  }
}

/** The same place in this log, whose `header` that is, for reading on from. Call without a fault. */
export function placeIn(files: LogFiles, header: LogHeader, place: SnapshotPosition): LogPosition {
  const { dir } = files;
  const first = joinedAt(files, place);
  if (first === undefined) return { ...place, dir, header };
  const cursor = LogCursor.before(dir, header, first);
  cursor.next();
  return { ...cursor.position(dir), epoch: place.epoch };
}

/** Header of the first segment of a copy that begins at `place`, in a segment of its own. */
export function joinedAt(
  files: LogFiles,
  place: Pick<SnapshotPosition, 'segment' | 'chain' | 'lastLsn'>,
): LogHeader | undefined {
  if (files.beginning === undefined || place.segment !== files.first - 1) return undefined;
  const first = headerAt(files.path(files.first));
  const follows = first?.chain === place.chain && first.firstLsn === place.lastLsn + 1;
  return follows ? first : undefined;
}

/** Head of the chain behind the frame that ends at `offset`; undefined if no intact one does. */
function chainAt(input: SegmentInput, offset: number): string | undefined {
  const reader = new FrameReader(FRAME_BYTES_MAX);
  let chain: Chain | undefined;
  for (;;) {
    const result = reader.next();
    if (result.type === 'damaged') return undefined;
    if (result.type === 'more') {
      const chunk = input.read();
      if (chunk === undefined) return undefined;
      reader.push(chunk);
      continue;
    }
    const { frame } = result;
    if (chain === undefined && frame.type !== FRAME.header) return undefined;
    chain ??= new Chain(decodeHeader(frame.payload).chain);
    chain.update(frame.bytes);
    if (reader.offset >= offset) return reader.offset === offset ? chain.head : undefined;
  }
}
