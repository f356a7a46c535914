/**
 * A quick look at a log for lists of logs: reads the first header and the last segment, and so says
 * nothing about what lies between. For certainty there is `verifyLog`.
 */

import { existsSync, statSync } from 'node:fs';
import {
  decodeHeader,
  decodeSeal,
  FormatError,
  FRAME,
  type Frame,
  FrameReader,
  type LogHeader,
  peekBatch,
} from '../../log-format/index.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { BLOB_COUNT } from './log-blobs.ts';
import { findLog, SegmentInput } from './log-files.ts';
import type { InputOptions } from './log-input.ts';

export interface LogGlance {
  readonly header: LogHeader;
  readonly segments: number;
  /** Of all files. */
  readonly bytes: number;
  /** Of the first record: above 1 in a log that was trimmed or forked. */
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly sealed: boolean;
}

/** Undefined when what was looked at is damaged. Throws HV_E_LOG_NOT_FOUND. */
export function glanceLog(path: string): LogGlance | undefined {
  const files = findLog(path);
  const first = headerAt(files.path(files.first));
  const header = files.beginning === undefined ? first : headerAt(files.beginning);
  if (header === undefined || first === undefined) return undefined;
  const { firstLsn } = first;
  let last = files.first;
  let bytes = statSync(files.path(last)).size;
  if (files.beginning !== undefined) bytes += statSync(files.beginning).size;
  while (existsSync(files.path(last + 1))) {
    last++;
    bytes += statSync(files.path(last)).size;
  }
  try {
    const segments = last - files.first + 1;
    return { header, segments, bytes, firstLsn, ...glanceSegment(files.path(last)) };
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** The header that begins a file of a log, if there is an intact one. */
export function headerAt(path: string): LogHeader | undefined {
  try {
    for (const frame of framesOf(path, { startOnly: true })) return decodeHeader(frame.payload);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  return undefined;
}

/** Whether the first segment of a log just ends before its header and blobs are complete. */
export function isUnborn(path: string): boolean {
  const input = new SegmentInput(path);
  try {
    const reader = new FrameReader(FRAME_BYTES_MAX);
    for (let frames = 0; frames <= BLOB_COUNT; ) {
      const result = reader.next();
      if (result.type === 'damaged') return input.endsBlank(result.offset);
      if (result.type === 'frame') {
        frames += 1;
        continue;
      }
      const chunk = input.read();
      if (chunk === undefined) return true;
      reader.push(chunk);
    }
    return false;
  } finally {
    input.close();
  }
}

function glanceSegment(path: string): { readonly lastLsn: number; readonly sealed: boolean } {
  let lastLsn = 0;
  let sealed = false;
  for (const frame of framesOf(path)) {
    if (frame.type === FRAME.header) lastLsn = decodeHeader(frame.payload).firstLsn - 1;
    if (frame.type === FRAME.batch) lastLsn = peekBatch(frame.bytes).lastLsn;
    if (frame.type === FRAME.seal) sealed = decodeSeal(frame.payload).final;
  }
  return { lastLsn, sealed };
}

/** Whole frames of a file, up to its end or a torn tail. Throws a FormatError at damage. */
function* framesOf(path: string, options: InputOptions = {}): Generator<Frame, void, undefined> {
  const input = new SegmentInput(path, options);
  try {
    const reader = new FrameReader(FRAME_BYTES_MAX);
    for (;;) {
      const result = reader.next();
      if (result.type === 'damaged') throw new FormatError(result.reason);
      if (result.type === 'frame') {
        yield result.frame;
        continue;
      }
      const chunk = input.read();
      if (chunk === undefined) return;
      reader.push(chunk);
    }
  } finally {
    input.close();
  }
}
