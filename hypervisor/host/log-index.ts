/**
 * Random access to a log on disk. Opening reads the files once and notes where each batch lies; a
 * batch is decoded when a record of it is asked for.
 *
 * Checked at opening: heads and CRCs of all frames, header and blobs, lsns without a gap, epochs that
 * never go back. Checked when a batch is decoded: every field of its records. Not checked: the hash
 * chain, seals and headers of later segments; `hv log verify` does that. A log that breaks off or is
 * damaged somewhere is usable up to there.
 */

import {
  asLsn,
  type Batch,
  decodeBatch,
  FormatError,
  FRAME_HEAD_BYTES,
  type LogHeader,
  type LogRecord,
  type Lsn,
} from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import type { TimelineLog } from '../timeline/log-groups.ts';
import type { BatchPlaces } from './batch-places.ts';
import { FileWindow } from './file-window.ts';
import { logDamageError, logFormatError } from './log-errors.ts';
import { findLog, type LogFiles } from './log-files.ts';
import { type LogEnding, LogIndexScan } from './log-index-scan.ts';
import type { LogBlobs, OpenedLog } from './log-reader.ts';

export type { LogEnding } from './log-index-scan.ts';

/** Decoded batches kept: those of a group are asked for again and again. */
const BATCHES_KEPT = 64;

export class LogIndex implements TimelineLog {
  readonly header: LogHeader;
  readonly blobs: LogBlobs;
  readonly segments: number;
  /** Of its last batch. */
  readonly epoch: number;
  readonly ending: LogEnding;
  /** Bytes of all its files that are in use. */
  readonly bytes: number;
  readonly #places: BatchPlaces;
  readonly #files: LogFiles;
  readonly #decoded = new Map<number, Batch>();
  readonly #window = new FileWindow();
  /** The batch of the last record asked for. */
  #current: Batch | undefined;

  /** Lsn of the first record there is. */
  readonly firstLsn: Lsn;

  /**
   * Indexes a log that was opened. One that a live process appends to is seen as it is now. `firstLsn`:
   * what lies before is left out. Throws HV_E_LOG_NOT_FOUND or HV_E_LOG_DAMAGED.
   */
  constructor(log: OpenedLog, options: { readonly firstLsn?: Lsn } = {}) {
    const { header, blobs } = log;
    this.header = header;
    this.blobs = blobs;
    this.#files = findLog(log.path);
    this.firstLsn = options.firstLsn ?? asLsn(log.firstLsn);
    const scan = new LogIndexScan(this.#files, asLsn(log.firstLsn));
    this.ending = scan.run();
    this.#places = scan.places;
    this.segments = scan.segment;
    this.bytes = scan.bytes;
    this.epoch = scan.epoch;
  }

  /** Lsn of the last record that can be used; one less than `firstLsn` when there is none. */
  get lastLsn(): Lsn {
    return this.#places.lastLsn;
  }

  /** Records that can be used. */
  get records(): number {
    return this.lastLsn - this.firstLsn + 1;
  }

  get batches(): number {
    return this.#places.count;
  }

  /** Undefined outside the log. Throws HV_E_LOG_DAMAGED when its batch does not decode. */
  record(lsn: Lsn): LogRecord | undefined {
    if (lsn < this.firstLsn) return undefined;
    const batch = this.#batchWith(lsn);
    return batch?.records[lsn - batch.firstLsn];
  }

  /** The batch that holds `lsn`. Throws as `record`. */
  batchAt(lsn: Lsn): Batch | undefined {
    return this.#batchWith(lsn);
  }

  /**
   * Lsn of the last record that happened at or before `micros` after the log's start; 0 when none
   * did. Records without a time (checks) belong to the one before them.
   */
  lsnAt(micros: number): Lsn {
    const { startedAt } = this.header;
    let low = 0;
    let high = this.batches;
    // Batches below `low` begin at or before the time, those from `high` on after it.
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.#firstTime(middle);
      if (found !== undefined && found.micros - startedAt <= micros) low = found.batch + 1;
      else high = middle;
    }
    if (low === 0) return asLsn(this.firstLsn - 1);
    let lsn = this.#decode(low - 1).firstLsn;
    for (;;) {
      const next = this.record(asLsn(lsn + 1));
      if (next === undefined || ('time' in next && next.time - startedAt > micros)) return lsn;
      lsn = asLsn(lsn + 1);
    }
  }

  close(): void {
    this.#window.close();
  }

  /** Of the first record with a time in batch `from` or one behind it. */
  #firstTime(from: number): { readonly micros: number; readonly batch: number } | undefined {
    for (let batch = from; batch < this.batches; batch++) {
      for (const record of this.#decode(batch).records) {
        if ('time' in record) return { micros: record.time, batch };
      }
    }
    return undefined;
  }

  #batchWith(lsn: Lsn): Batch | undefined {
    const current = this.#current;
    if (current && lsn >= current.firstLsn && lsn < current.firstLsn + current.records.length)
      return current;
    const index = this.#places.find(lsn);
    if (index === undefined) return undefined;
    this.#current = this.#decode(index);
    return this.#current;
  }

  #decode(index: number): Batch {
    const known = this.#decoded.get(index);
    if (known !== undefined) return known;
    const { segment, offset, bytes, firstLsn } = this.#places.at(index);
    const file = this.#files.path(segment);
    const place = { file, offset, lsn: firstLsn - 1 };
    try {
      const { startedAt, formatVersion } = this.header;
      const frame = this.#window.read(file, offset, bytes);
      const batch = decodeBatch(frame.subarray(FRAME_HEAD_BYTES), startedAt, formatVersion);
      const [oldest] = this.#decoded.keys();
      if (this.#decoded.size >= BATCHES_KEPT && oldest !== undefined) this.#decoded.delete(oldest);
      this.#decoded.set(index, batch);
      return batch;
    } catch (error) {
      if (error instanceof FormatError) throw logFormatError(place, error);
      if (error instanceof HvError) throw error;
      throw logDamageError(place, 'the disk cannot read it', error);
    }
  }
}
