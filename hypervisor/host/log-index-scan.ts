/**
 * The pass over a log's files that finds its batches without decoding them: heads and CRCs of frames,
 * lsns and epochs of batches. Ends at the log's end or at the first thing wrong.
 */

import { existsSync } from 'node:fs';
import {
  decodeSeal,
  FormatError,
  FRAME,
  type Frame,
  FrameReader,
  type Lsn,
  peekBatch,
} from '../../log-format/index.ts';
import type { HvError } from '../base/errors.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { BatchPlaces } from './batch-places.ts';
import { logDamageError } from './log-errors.ts';
import { type LogFiles, SegmentInput } from './log-files.ts';

/** How the part of a log that can be used ends. */
export type LogEnding =
  | { readonly type: 'sealed' }
  /** A killed process, or one that is still writing. `tornBytes` at the end are no whole frame. */
  | { readonly type: 'open'; readonly tornBytes: number }
  /** HV_E_LOG_DAMAGED, with the place. */
  | { readonly type: 'damaged'; readonly error: HvError };

/** Make it, run it once. */
export class LogIndexScan {
  readonly places: BatchPlaces;
  /** The last one looked at. */
  segment = 0;
  /** Of frames in use. */
  bytes = 0;
  epoch = 0;
  readonly #files: LogFiles;

  constructor(files: LogFiles, firstLsn: Lsn) {
    this.#files = files;
    this.segment = files.first - 1;
    this.places = new BatchPlaces(firstLsn);
  }

  run(): LogEnding {
    for (;;) {
      this.segment++;
      const file = this.#files.path(this.segment);
      const ended = this.#runSegment(file);
      if (ended.type === 'sealed' && this.#hasNext)
        return this.#damaged(this.#nextFile, 0, 'a segment behind the end of the log');
      if (ended.type !== 'continued') return ended;
      if (!this.#hasNext) return this.#damaged(this.#nextFile, 0, 'this segment is missing');
    }
  }

  get #nextFile(): string {
    return this.#files.path(this.segment + 1);
  }

  get #hasNext(): boolean {
    return existsSync(this.#nextFile);
  }

  #runSegment(file: string): LogEnding | { readonly type: 'continued' } {
    const input = new SegmentInput(file);
    const reader = new FrameReader(FRAME_BYTES_MAX);
    try {
      for (;;) {
        const result = reader.next();
        if (result.type === 'damaged') {
          if (!this.#hasNext && input.endsBlank(result.offset))
            return { type: 'open', tornBytes: input.size - result.offset };
          return this.#damaged(file, result.offset, result.reason);
        }
        if (result.type === 'frame') {
          const seal = this.#take(result.frame);
          this.bytes += result.frame.bytes.length;
          if (seal !== undefined) return { type: seal.final ? 'sealed' : 'continued' };
          continue;
        }
        // Looked at before the file's end, as in log-scan.ts: a live writer seals before it goes on.
        const hasNext = this.#hasNext;
        const chunk = input.read();
        if (chunk === undefined) {
          if (hasNext && holdsMoreThanHeader(this.#nextFile))
            return this.#damaged(file, reader.offset, 'no seal, yet another segment follows');
          return { type: 'open', tornBytes: input.size - reader.offset };
        }
        reader.push(chunk);
      }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return this.#damaged(file, reader.offset, error.message);
    } finally {
      input.close();
    }
  }

  /** Notes a batch; returns a seal. Throws a FormatError. */
  #take({ type, bytes, payload, offset }: Frame): { readonly final: boolean } | undefined {
    if (type === FRAME.seal) return decodeSeal(payload);
    if (type !== FRAME.batch) return undefined;
    const { firstLsn, lastLsn, epoch } = peekBatch(bytes);
    if (firstLsn !== this.places.lastLsn + 1) throw new FormatError('gap between batches');
    if (epoch < this.epoch) throw new FormatError('epoch went back');
    this.epoch = epoch;
    const { segment } = this;
    this.places.push({ segment, offset, bytes: bytes.length, firstLsn }, lastLsn);
    return undefined;
  }

  #damaged(file: string, offset: number, reason: string): LogEnding {
    const error = logDamageError({ file, offset, lsn: this.places.lastLsn }, reason);
    return { type: 'damaged', error };
  }
}

/** A segment that was begun and not yet gone over to holds a part of its header at most. */
function holdsMoreThanHeader(file: string): boolean {
  const input = new SegmentInput(file);
  try {
    const reader = new FrameReader(FRAME_BYTES_MAX);
    let frames = 0;
    for (;;) {
      const result = reader.next();
      if (result.type === 'damaged') return true;
      if (result.type === 'frame') {
        if (++frames > 1 || result.frame.type !== FRAME.header) return true;
        continue;
      }
      const chunk = input.read();
      if (chunk === undefined) return reader.pending > 0 && frames > 0;
      reader.push(chunk);
    }
  } finally {
    input.close();
  }
}
