/**
 * The log on disk: a directory of segment files. This file decides what may be appended; log-writer.ts
 * brings it to the disk behind the machine's back. Segments are cut by a pure function of the frames
 * in the log, so that the copies of a primary and a backup are the same files, byte for byte, as long
 * as both use one `segmentBytes`.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  asLsn,
  type Blob,
  decodeBlob,
  decodeHeader,
  type EncodedBatch,
  type Epoch,
  encodeBlob,
  encodeHeader,
  FormatError,
  FRAME,
  type Frame,
  FrameReader,
  type LogHeader,
  type Lsn,
  peekBatch,
} from '../../log-format/index.ts';
import { assert, defined, InvariantError } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import type { LogReading, LogStore, SuffixEnd } from '../ports.ts';
import type { ReleasedAt } from '../replica/released-mark.ts';
import { BLOB_COUNT, checkBlobPlace, packBlob } from './log-blobs.ts';
import { isFirstHeader, LogCursor, type LogPosition, segmentName } from './log-cursor.ts';
import { logDamageError, logFormatError, logWriteError } from './log-errors.ts';
import { LogMarks } from './log-marks.ts';
import { joinBytes, Suffix, streamLog } from './log-stream.ts';
import { LogWatch } from './log-watch.ts';
import { type LogStoreOptions, LogWriter } from './log-writer.ts';
import { ReleasedFile } from './released-file.ts';
import { StreamControl } from './stream-control.ts';

/** How much of the beginning of a log is there. */
interface Beginning {
  readonly header: LogHeader;
  readonly blobs: number;
}

export class FileLogStore implements LogStore {
  readonly #dir: string;
  readonly #cursor: LogCursor;
  readonly #writer: LogWriter;
  readonly #watch: LogWatch | undefined;
  readonly #marks = new LogMarks();
  #released: ReleasedFile | undefined;
  /** Places that `placeOf` waits for, and those the writer has passed. */
  readonly #placesWanted = new Set<Lsn>();
  readonly #places = new Map<Lsn, LogPosition>();
  /** Bytes from another replica that are no whole frame yet. */
  readonly #reader: FrameReader = new FrameReader(FRAME_BYTES_MAX);
  #beginning: Beginning | undefined;
  /** What the queue will bring the cursor to. */
  #lsnAppended: Lsn;
  #epochAppended: Epoch;
  #bytesAppended = 0;

  private constructor(dir: string, cursor: LogCursor, options: LogStoreOptions) {
    this.#dir = dir;
    this.#cursor = cursor;
    const { onLost } = options;
    const beforeNext = onLost && ((): void => this.#watch?.beforeNext());
    this.#writer = new LogWriter(dir, cursor, { ...options, beforeNext });
    const path = (): string => join(dir, segmentName(this.#writer.writtenTo.segment));
    this.#watch = onLost && new LogWatch({ dir, path, onLost });
    this.#beginning = cursor.header && { header: cursor.header, blobs: BLOB_COUNT };
    this.#lsnAppended = cursor.lastLsn;
    this.#epochAppended = cursor.epoch;
  }

  /**
   * Begins a log in `dir`, which is made if needed and must hold no log (see `rotateAside`). `blobs`
   * come in the order of `blobNames()` with the hashes named in `header`. Throws HV_E_LOG_WRITE when
   * the disk refuses.
   */
  static create(
    dir: string,
    header: LogHeader,
    blobs: readonly Blob[],
    options: LogStoreOptions,
  ): FileLogStore {
    assert(isFirstHeader(header), 'a log begins with segment 1');
    assert(blobs.length === BLOB_COUNT, 'a log carries all its blobs');
    const packed = blobs.map(packBlob);
    for (const [index, blob] of packed.entries()) checkBlobPlace(header, blob, index);
    const store = FileLogStore.fromFrames(dir, options);
    store.#queueHeader(header, encodeHeader(header));
    for (const blob of packed) store.#queueBlob(encodeBlob(blob));
    return store;
  }

  /** Goes on where `handover` or `repairTornTail` left off. Throws HV_E_LOG_WRITE. */
  static resume(position: LogPosition, options: LogStoreOptions): FileLogStore {
    const { fileBytes } = position;
    return new FileLogStore(position.dir, LogCursor.at(position), { ...options, fileBytes });
  }

  /**
   * Begins a copy of another replica's log in `dir`: header, blobs and the first batches come through
   * `appendFrames`, later batches through either. Throws HV_E_LOG_WRITE.
   */
  static fromFrames(dir: string, options: LogStoreOptions): FileLogStore {
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw logWriteError(dir, error);
    }
    return new FileLogStore(dir, new LogCursor(), options);
  }

  /** Lsn of the last record appended, written or not. */
  get lastLsn(): Lsn {
    return this.#lsnAppended;
  }

  /** `batch.bytes` is kept until it is written and must not change. Ignored after an error. */
  append(batch: EncodedBatch): void {
    assert(!this.#writer.ending, 'nothing is appended to a closed log');
    assert(this.#reader.pending === 0, 'frames received are whole before batches follow');
    assert(this.#beginning?.blobs === BLOB_COUNT, 'batches come after header and blobs');
    assert(batch.firstLsn === this.#lsnAppended + 1, 'batches follow without a gap');
    assert(batch.epoch >= this.#epochAppended, 'epochs never go back');
    this.#queueBatch(batch);
  }

  /**
   * Takes bytes of a log as another replica streamed them, cut anywhere, and returns the frames that
   * became complete. They alias `bytes`, which must not change any more. Throws HV_E_LOG_DAMAGED when
   * they are not the continuation of this log, HV_E_LOG_VERSION when it is too new; the store is then
   * good for nothing but `close`.
   */
  appendFrames(bytes: Uint8Array): readonly Frame[] {
    assert(!this.#writer.ending, 'nothing is appended to a closed log');
    this.#reader.push(bytes);
    const frames: Frame[] = [];
    for (;;) {
      const result = this.#reader.next();
      if (result.type === 'more') return frames;
      if (result.type === 'damaged') throw this.#refused(result.offset, result.reason);
      try {
        this.#receive(result.frame);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        throw this.#refused(result.frame.offset, error);
      }
      frames.push(result.frame);
    }
  }

  /** Bytes of batches since this store was made. */
  get bytesAppended(): number {
    return this.#bytesAppended;
  }

  /**
   * Where the log ends, behind the last batch appended; undefined while the writer has not come there
   * (see `write`) or after an error.
   */
  get position(): LogPosition | undefined {
    const there = this.#cursor.header !== undefined && this.#cursor.lastLsn === this.#lsnAppended;
    return there && !this.#writer.error ? this.#cursor.position(this.#dir) : undefined;
  }

  /**
   * Says where the log stands behind the batch that ends with `lsn`, once it is on disk up to there. Call
   * right after that batch was appended, in the same call; after an error `done` is not called.
   */
  placeOf(lsn: Lsn, done: (position: LogPosition) => void): void {
    assert(lsn === this.#lsnAppended, 'a place is asked for when its batch is appended');
    this.#placesWanted.add(lsn);
    this.#writer.sync(() => {
      const place = this.#places.get(lsn);
      this.#places.delete(lsn);
      if (place !== undefined) done(place);
    });
  }

  write(done: () => void): void {
    assert(!this.#writer.ending, 'a closed log is not written');
    this.#writer.write(done);
  }

  /** `done` is not called after an error or the end: nothing may be taken for safe then. */
  sync(done: () => void): void {
    this.#writer.sync(done);
  }

  /**
   * See `LogStore`. `done` runs in the call in which the last frame appended so far was passed on, so
   * a caller that sends what is appended from then on leaves no gap.
   */
  readAll(
    onFrames: (bytes: Uint8Array) => void,
    done: (lastLsn: Lsn, error?: Error) => void,
  ): void {
    this.readFrom(asLsn(0), onFrames, (end) => {
      if (end.type === 'caughtUp') done(end.lastLsn);
      else done(asLsn(0), end.type === 'failed' ? end.error : this.#unreadable('it was trimmed'));
    });
  }

  /** See `LogStore`. */
  readFrom(
    lsn: Lsn,
    onFrames: (bytes: Uint8Array) => void,
    done: (end: SuffixEnd) => void,
  ): LogReading {
    assert(lsn <= this.#lsnAppended, 'a suffix begins inside the log');
    const control = new StreamControl();
    const { error } = this.#writer;
    if (error !== undefined) {
      done({ type: 'failed', error });
      return control;
    }
    const suffix = new Suffix(lsn);
    const source = {
      dir: this.#dir,
      marks: this.#marks,
      written: () => this.#writer.writtenTo,
    };
    let caughtUp = false;
    const onCaughtUp = (): void => {
      caughtUp = true;
      this.#passUnwritten(suffix, control, onFrames);
      if (control.cancelled) return;
      done({ type: 'caughtUp', from: suffix.from ?? lsn, lastLsn: this.#lsnAppended });
    };
    streamLog(source, { suffix, control, onFrames, onCaughtUp })
      .then((ended) => {
        if (ended === 'trimmed' && !control.cancelled) done({ type: 'trimmed' });
      })
      .catch((failure: unknown) => {
        if (caughtUp || failure instanceof InvariantError) throw failure;
        if (!control.cancelled) done({ type: 'failed', error: this.#unreadable(failure) });
      });
    return control;
  }

  released(mark: ReleasedAt): void {
    const vm = this.#beginning?.header.vm;
    if (vm === undefined) return;
    this.#released ??= new ReleasedFile(this.#dir, vm);
    this.#released.write(mark);
  }

  /** What becomes of its files is nobody's concern any more. */
  unwatch(): void {
    this.#watch?.stop();
  }

  seal(done: () => void): void {
    this.unwatch();
    this.#released?.close();
    this.#writer.end('seal', done);
  }

  close(done: () => void): void {
    this.unwatch();
    this.#released?.close();
    this.#writer.end('close', done);
  }

  /**
   * Closes without a seal and says where the log ends, for `resume` on another thread; undefined if
   * there is nothing to resume, after an error or before a header.
   */
  handover(done: (position: LogPosition | undefined) => void): void {
    this.unwatch();
    this.#writer.end('close', () => {
      const begun = this.#cursor.header !== undefined && this.#writer.error === undefined;
      const { fileBytes } = this.#writer;
      done(
        begun
          ? {
              ...this.#cursor.position(this.#dir),
              ...(fileBytes === undefined ? {} : { fileBytes }),
            }
          : undefined,
      );
    });
  }

  #unreadable(cause: unknown): HvError {
    const message = cause instanceof Error ? cause.message : String(cause);
    const text = `the log ${this.#dir} cannot be read back: ${message}`;
    return new HvError('HV_E_LOG_DAMAGED', text, { cause });
  }

  /** Whoever takes the frames may append in that very call; these batches belong to the answer, too. */
  #passUnwritten(
    suffix: Suffix,
    control: StreamControl,
    onFrames: (bytes: Uint8Array) => void,
  ): void {
    let seen = 0;
    while (!control.cancelled) {
      const queued = this.#writer.unwritten.slice(seen);
      if (queued.length === 0) return;
      seen += queued.length;
      const wanted = queued.filter(({ type, bytes }) =>
        type === 'batch' ? suffix.takes(bytes) : suffix.lsn === 0,
      );
      if (wanted.length > 0) onFrames(joinBytes(wanted.map(({ bytes }) => bytes)));
    }
  }

  #receive(frame: Frame): void {
    const beginning = this.#beginning;
    if (frame.type === FRAME.header) {
      if (beginning) throw new FormatError('second header');
      const header = decodeHeader(frame.payload);
      if (!isFirstHeader(header)) throw new FormatError('not the beginning of a log');
      this.#queueHeader(header, frame.bytes);
      return;
    }
    if (!beginning) throw new FormatError('no header at the beginning');
    if (frame.type === FRAME.blob) {
      checkBlobPlace(beginning.header, decodeBlob(frame.payload), beginning.blobs);
      this.#queueBlob(frame.bytes);
      return;
    }
    if (frame.type !== FRAME.batch) throw new FormatError('a seal is not streamed');
    if (beginning.blobs !== BLOB_COUNT) throw new FormatError('batch before the blobs');
    const batch = peekBatch(frame.bytes);
    if (batch.firstLsn !== this.#lsnAppended + 1) throw new FormatError('gap between batches');
    if (batch.epoch < this.#epochAppended) throw new FormatError('epoch went back');
    this.#queueBatch(batch);
  }

  #refused(offset: number, reason: FormatError | string): HvError {
    const place = { file: 'the log received', offset, lsn: this.#lsnAppended };
    return typeof reason === 'string'
      ? logDamageError(place, reason)
      : logFormatError(place, reason);
  }

  #queueHeader(header: LogHeader, bytes: Uint8Array): void {
    this.#beginning = { header, blobs: 0 };
    this.#lsnAppended = asLsn(header.firstLsn - 1);
    const take = (cursor: LogCursor): void => cursor.takeHeader(header, bytes);
    this.#writer.enqueue({ type: 'header', bytes, take });
  }

  #queueBlob(bytes: Uint8Array): void {
    const { header, blobs } = defined(this.#beginning, 'blobs follow a header');
    this.#beginning = { header, blobs: blobs + 1 };
    const take = (cursor: LogCursor): void => cursor.takeBlob(bytes);
    this.#writer.enqueue({ type: 'blob', bytes, take });
  }

  #queueBatch(batch: EncodedBatch): void {
    this.#bytesAppended += batch.bytes.length;
    this.#lsnAppended = batch.lastLsn;
    this.#epochAppended = batch.epoch;
    const take = (cursor: LogCursor): void => {
      this.#marks.note(cursor.lastLsn, cursor);
      cursor.takeBatch(batch);
      if (this.#placesWanted.delete(batch.lastLsn))
        this.#places.set(batch.lastLsn, cursor.position(this.#dir));
    };
    this.#writer.enqueue({ type: 'batch', bytes: batch.bytes, take });
  }
}
