/**
 * Walks a log on disk from its first byte and checks everything that can be checked without running
 * it: heads and CRCs of frames, every field, lsns without a gap, epochs that never go back, blobs
 * against their hashes, seals and later headers against the hash chain. Three endings:
 *
 *   sealed   the log was ended on purpose;
 *   torn     the last segment just ends, inside a frame or behind one: a killed process. No error;
 *   damage   anything else: HV_E_LOG_DAMAGED with file, offset, last good record and reason.
 */

import { existsSync, statSync } from 'node:fs';
import {
  type Batch,
  type Blob,
  decodeBatch,
  decodeBlob,
  decodeHeader,
  decodeSeal,
  FormatError,
  FRAME,
  type Frame,
  FrameReader,
  type LogHeader,
  peekBatch,
} from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { BLOB_COUNT, checkBlobPlace, unpackBlob } from './log-blobs.ts';
import { isFirstHeader, LogCursor, type LogPosition, type NotedHead } from './log-cursor.ts';
import { logDamageError, logFormatError } from './log-errors.ts';
import { type LogFiles, SegmentInput } from './log-files.ts';
import type { SegmentEnding } from './log-signatures.ts';

/** One decoded batch and where its frame lies. */
export interface LocatedBatch {
  readonly type: 'batch';
  readonly batch: Batch;
  readonly segment: number;
  readonly file: string;
  readonly offset: number;
  readonly frameBytes: number;
  /** Where the log stood before it, for a batch with a stop record. */
  readonly before: LogPosition | undefined;
}

export type ScanEvent =
  | { readonly type: 'header'; readonly header: LogHeader; readonly frameBytes: number }
  | { readonly type: 'blob'; readonly blob: Blob; readonly frameBytes: number }
  | LocatedBatch;

/** What a log turned out to be, once all of it has been read. */
export interface LogVerdict {
  /** Ended on purpose, and complete. */
  readonly sealed: boolean;
  /** Bytes at the end that are no whole frame and were not used. */
  readonly tornBytes: number;
  /** Of the first record read, or yet to come: above 1 in a log that was trimmed or forked. */
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly epoch: number;
  /** Hex: head of the hash chain before the final seal, if any; equal on intact copies of one log. */
  readonly chain: string;
  readonly segments: number;
  readonly records: number;
  readonly batches: number;
  /** Bytes of the log in use: all its files without `tornBytes`. */
  readonly bytes: number;
  /** Where the log ends: behind its last batch, before a final seal. */
  readonly end: LogPosition;
}

/** How one segment ended. */
type SegmentEnd =
  | { readonly type: 'sealed'; readonly final: boolean; readonly before: LogPosition }
  | { readonly type: 'torn'; readonly bytes: number };

/** One pass over a log. Make it, run it once; afterwards throw it away. */
export class LogScan {
  readonly #files: LogFiles;
  readonly #from: LogPosition | undefined;
  #cursor: LogCursor;
  #file = '';
  #blobs: number;
  /** Of a log without its first segments. */
  #header: LogHeader | undefined;
  #bytes = 0;
  #records = 0;
  #batches = 0;
  #verdictFound: LogVerdict | undefined;
  readonly #endings: SegmentEnding[] = [];
  /** Called behind every frame of a segment. */
  onFrame: ((cursor: LogCursor) => void) | undefined;

  /** `from`: behind a batch of this log; what lies before is taken on trust. */
  constructor(files: LogFiles, from?: LogPosition) {
    this.#files = files;
    this.#from = from;
    this.#cursor = from === undefined ? new LogCursor() : LogCursor.at(from);
    this.#blobs = from === undefined ? 0 : BLOB_COUNT;
  }

  /** Set once `run` has come to the log's end. */
  get verdict(): LogVerdict | undefined {
    return this.#verdictFound;
  }

  /** Segments that ended in a seal, so far. */
  get endings(): readonly SegmentEnding[] {
    return this.#endings;
  }

  /** See `LogCursor`. Before a final seal is read, or after: it is the same. */
  get notedHead(): NotedHead {
    return this.#cursor.notedHead;
  }

  /** Yields what the log holds, in order. Throws as the file comment says. */
  *run(): Generator<ScanEvent, void, undefined> {
    /** Where the log ends if the next segment has nothing usable, not even a header. */
    let before: LogPosition | undefined;
    const { first, beginning } = this.#files;
    if (this.#from === undefined && beginning !== undefined) yield* this.#beginning(beginning);
    for (let segment = this.#from?.segment ?? first; ; segment++) {
      this.#file = this.#files.path(segment);
      const ended = yield* this.#segment(segment);
      const successor = this.#files.path(segment + 1);
      if (ended.type === 'torn') {
        const begun = this.#cursor.segment === segment;
        const end = begun ? this.#cursor.position(this.#files.dir) : before;
        this.#conclude(defined(end, 'a torn log has a header'), ended.bytes);
        return;
      }
      before = ended.before;
      if (ended.final !== existsSync(successor)) {
        if (!ended.final) continue;
        this.#conclude(before, undefined);
        return;
      }
      this.#file = successor;
      this.#damaged(
        0,
        ended.final ? 'a segment behind the end of the log' : 'this segment is missing',
      );
    }
  }

  /** `tornBytes` undefined: sealed. */
  #conclude(end: LogPosition, tornBytes: number | undefined): void {
    this.#verdictFound = {
      sealed: tornBytes === undefined,
      tornBytes: tornBytes ?? 0,
      firstLsn: end.lastLsn - this.#records + 1,
      lastLsn: end.lastLsn,
      epoch: end.epoch,
      chain: end.chain,
      segments: end.segment - this.#files.first + 1,
      records: this.#records,
      batches: this.#batches,
      bytes: this.#bytes,
      end,
    };
  }

  /** Header and blobs of a trimmed log, in a file of their own, and nothing else. */
  *#beginning(path: string): Generator<ScanEvent, void, undefined> {
    this.#file = path;
    const input = new SegmentInput(path);
    try {
      const reader = new FrameReader(FRAME_BYTES_MAX);
      const next = (): Uint8Array | undefined => this.#read(input, reader.offset);
      for (let chunk = next(); chunk !== undefined; chunk = next()) reader.push(chunk);
      for (let result = reader.next(); result.type !== 'more'; result = reader.next()) {
        if (result.type === 'damaged') this.#damaged(result.offset, result.reason);
        const { frame } = result;
        if (frame.type !== FRAME.header && frame.type !== FRAME.blob)
          this.#damaged(frame.offset, 'a frame that is no beginning');
        const event = this.#checked(frame, 1);
        this.#bytes += frame.bytes.length;
        if (event) yield event;
      }
      if (this.#blobs < BLOB_COUNT || input.size > reader.offset)
        this.#damaged(reader.offset, 'it ends before its header and blobs are complete');
    } finally {
      input.close();
    }
    this.#header = this.#cursor.header;
  }

  *#segment(segment: number): Generator<ScanEvent, SegmentEnd, undefined> {
    const start = this.#from?.segment === segment ? this.#from.offset : 0;
    const input = new SegmentInput(this.#file, { offset: start });
    try {
      const reader = new FrameReader(FRAME_BYTES_MAX, { offset: start });
      for (;;) {
        const frame = this.#nextFrame(reader, input, segment);
        if (frame === undefined) return this.#tornEnd(input.size - reader.offset, reader, segment);
        const seal = frame.type === FRAME.seal && this.#cursor.header !== undefined;
        const before = seal ? this.#cursor.position(this.#files.dir) : undefined;
        const event = this.#checked(frame, segment);
        this.onFrame?.(this.#cursor);
        this.#bytes += frame.bytes.length;
        if (event) yield event;
        if (frame.type !== FRAME.seal) continue;
        if (input.size > reader.offset) this.#damaged(reader.offset, 'bytes after the seal');
        const { final } = decodeSeal(frame.payload);
        this.#noteEnding(segment, final);
        return { type: 'sealed', final, before: defined(before, 'a seal comes after a header') };
      }
    } finally {
      input.close();
    }
  }

  #noteEnding(segment: number, final: boolean): void {
    const { header, lastLsn, chain: head } = this.#cursor;
    const { vm } = defined(header, 'a seal comes after a header');
    this.#endings.push({ vm, segment, lastLsn, head, final });
  }

  /** The next frame; undefined at an end that may be a torn one. */
  #nextFrame(reader: FrameReader, input: SegmentInput, segment: number): Frame | undefined {
    for (;;) {
      const result = reader.next();
      if (result.type === 'frame') return result.frame;
      if (result.type === 'damaged') {
        if (this.#blankTail(input, result.offset, segment)) return undefined;
        const start = segment === 1 && result.offset === 0;
        this.#damaged(
          result.offset,
          start ? `${result.reason}, or not a log at all` : result.reason,
        );
      }
      // Looked at before the file's end: a writer adds the seal before it fills the next segment, so
      // a live log that rotates right now is seen to have grown and not to lack a seal.
      const successor = existsSync(this.#files.path(segment + 1));
      const chunk = this.#read(input, reader.offset);
      if (chunk === undefined && (!successor || this.#isStub(segment + 1))) return undefined;
      const late = chunk ?? this.#read(input, reader.offset);
      if (late === undefined) this.#damaged(reader.offset, 'no seal, yet another segment follows');
      reader.push(late);
    }
  }

  #read(input: SegmentInput, offset: number): Uint8Array | undefined {
    try {
      return input.read();
    } catch (error) {
      if (error instanceof HvError) throw error;
      if (error instanceof FormatError) throw logFormatError(this.#place(offset), error);
      throw logDamageError(this.#place(offset), 'the disk cannot read it', error);
    }
  }

  #blankTail(input: SegmentInput, offset: number, segment: number): boolean {
    const last = !existsSync(this.#files.path(segment + 1)) || this.#isStub(segment + 1);
    return last && this.#cursor.header !== undefined && input.endsBlank(offset);
  }

  #tornEnd(restBytes: number, reader: FrameReader, segment: number): SegmentEnd {
    const begun = this.#cursor.header !== undefined && this.#blobs === BLOB_COUNT;
    if (!begun) this.#damaged(reader.offset, 'it ends before its header and blobs are complete');
    const stub = this.#files.path(segment + 1);
    const stubBytes = existsSync(stub) ? statSync(stub).size : 0;
    return { type: 'torn', bytes: restBytes + stubBytes };
  }

  /**
   * Whether a segment holds nothing but (a part of) its header. A writer makes that file just before
   * it seals the one before; a process killed in between leaves the two like this.
   */
  #isStub(segment: number): boolean {
    const input = new SegmentInput(this.#files.path(segment));
    try {
      const reader = new FrameReader(FRAME_BYTES_MAX);
      let frames = 0;
      for (;;) {
        const result = reader.next();
        if (result.type === 'damaged') return input.endsBlank(result.offset);
        if (result.type === 'frame') {
          frames++;
          if (result.frame.type !== FRAME.header || frames > 1) return false;
          continue;
        }
        const chunk = input.read();
        if (chunk === undefined) return frames === 0 || reader.pending === 0;
        reader.push(chunk);
      }
    } finally {
      input.close();
    }
  }

  /** Moves over one frame. */
  #checked(frame: Frame, segment: number): ScanEvent | undefined {
    try {
      return this.#take(frame, segment);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw logFormatError(this.#place(frame.offset), error);
    }
  }

  #take(frame: Frame, segment: number): ScanEvent | undefined {
    const header = this.#cursor.header;
    if (frame.offset === 0) return this.#takeHeader(frame, segment);
    if (header === undefined || frame.type === FRAME.header) throw new FormatError('header inside');
    if (frame.type === FRAME.blob) return this.#takeBlob(header, frame);
    if (this.#blobs < BLOB_COUNT) throw new FormatError('a blob is missing');
    if (frame.type === FRAME.batch) return this.#takeBatch(header, frame, segment);
    const { final } = decodeSeal(frame.payload);
    if (!sameBytes(this.#cursor.seal({ final }), frame.bytes)) {
      throw new FormatError('the seal does not fit the frames before it');
    }
    return undefined;
  }

  #takeHeader(frame: Frame, segment: number): ScanEvent | undefined {
    if (frame.type !== FRAME.header) throw new FormatError('no header at the beginning');
    const header = decodeHeader(frame.payload);
    if (segment > 1) {
      // The first segment that is left is trusted to follow what is gone; its checkpoint says more.
      if (segment === this.#files.first && this.#header !== undefined)
        this.#cursor = LogCursor.before(this.#files.dir, this.#header, header);
      if (sameBytes(this.#cursor.next(), frame.bytes)) return undefined;
      throw new FormatError('the header does not continue the segment before');
    }
    if (!isFirstHeader(header)) throw new FormatError('not the first segment of a log');
    this.#cursor.takeHeader(header, frame.bytes);
    return { type: 'header', header, frameBytes: frame.bytes.length };
  }

  #takeBlob(header: LogHeader, frame: Frame): ScanEvent {
    const packed = decodeBlob(frame.payload);
    checkBlobPlace(header, packed, this.#blobs);
    const blob = unpackBlob(packed);
    this.#blobs++;
    this.#cursor.takeBlob(frame.bytes);
    return { type: 'blob', blob, frameBytes: frame.bytes.length };
  }

  #takeBatch(header: LogHeader, frame: Frame, segment: number): LocatedBatch {
    const batch = decodeBatch(frame.payload, header.startedAt, header.formatVersion);
    if (batch.firstLsn !== this.#cursor.lastLsn + 1) throw new FormatError('gap between batches');
    if (batch.epoch < this.#cursor.epoch) throw new FormatError('epoch went back');
    const stops = batch.records.some((record) => record.type === 'stop');
    const before = stops ? this.#cursor.position(this.#files.dir) : undefined;
    this.#cursor.takeBatch(peekBatch(frame.bytes));
    this.#records += batch.records.length;
    this.#batches++;
    const { offset } = frame;
    return {
      type: 'batch',
      batch,
      segment,
      file: this.#file,
      offset,
      frameBytes: frame.bytes.length,
      before,
    };
  }

  #place(offset: number): { file: string; offset: number; lsn: number } {
    return { file: this.#file, offset, lsn: this.#cursor.lastLsn };
  }

  #damaged(offset: number, reason: string): never {
    throw logDamageError(this.#place(offset), reason);
  }
}

function sameBytes(one: Uint8Array, two: Uint8Array): boolean {
  return Buffer.compare(one, two) === 0;
}
