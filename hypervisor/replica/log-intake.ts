/**
 * The read end of a backup's log: bytes of a state transfer and live batches become decoded batches,
 * every one checked for its CRC and its place. What does not fit is a reason to give the copy up,
 * never a throw.
 */

import {
  asLsn,
  type Batch,
  decodeBatch,
  decodeHeader,
  type EncodedBatch,
  FormatError,
  FRAME,
  type Frame,
  FrameReader,
  type LogHeader,
  type Lsn,
  peekBatch,
} from '../../log-format/index.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import type { LogBase } from '../ports.ts';
import { EpochHistory, type History } from '../protocol/history.ts';

export interface Received {
  readonly encoded: EncodedBatch;
  readonly batch: Batch;
}

export type IntakeResult =
  | { readonly type: 'batches'; readonly batches: readonly Received[] }
  | { readonly type: 'damaged'; readonly reason: string };

export class LogIntake {
  readonly #reader = new FrameReader(FRAME_BYTES_MAX);
  #header: LogHeader | undefined;
  #blobs: Uint8Array[] = [];
  #lsnLast: Lsn = asLsn(0);
  #batches = false;
  #history: EpochHistory = new EpochHistory();

  /** Of a copy that goes on. */
  static at(base: LogBase, history: History): LogIntake {
    const intake = new LogIntake();
    intake.#header = base.header;
    intake.#blobs = [...base.blobs];
    intake.#history = new EpochHistory(history);
    intake.#lsnLast = history.lsnLast;
    intake.#batches = true;
    return intake;
  }

  get history(): History {
    return this.#history.plain;
  }

  /** Header and blobs; complete once a batch has been received. */
  get base(): LogBase | undefined {
    return this.#header && { header: this.#header, blobs: this.#blobs };
  }

  get lsnLast(): Lsn {
    return this.#lsnLast;
  }

  /** Frames of a state transfer, cut anywhere. */
  frames(bytes: Uint8Array): IntakeResult {
    this.#reader.push(bytes);
    const batches: Received[] = [];
    try {
      for (;;) {
        const next = this.#reader.next();
        if (next.type === 'damaged') return next;
        if (next.type === 'more') return { type: 'batches', batches };
        const received = this.#frame(next.frame);
        if (received !== undefined) batches.push(received);
      }
    } catch (error) {
      return damage(error);
    }
  }

  /** One batch behind the state transfer. */
  batch(encoded: EncodedBatch): IntakeResult {
    // Sent twice at most around the end of the state transfer; the first copy counts.
    if (encoded.lastLsn <= this.#lsnLast) return { type: 'batches', batches: [] };
    if (this.#reader.pending > 0) return { type: 'damaged', reason: 'a batch inside a frame' };
    return this.frames(encoded.bytes);
  }

  #frame(frame: Frame): Received | undefined {
    if (frame.type === FRAME.header) {
      // Every segment repeats the header; the first one counts.
      if (this.#header !== undefined) return undefined;
      this.#header = decodeHeader(frame.payload);
      const { firstLsn } = this.#header;
      this.#lsnLast = asLsn(firstLsn - 1);
      this.#history = new EpochHistory({ epochs: [], lsnFirst: firstLsn, lsnLast: this.#lsnLast });
      return undefined;
    }
    if (this.#header === undefined) throw new FormatError('a log starts with its header');
    if (frame.type === FRAME.blob) {
      if (this.#batches) throw new FormatError('a blob behind the first batch');
      this.#blobs.push(frame.bytes.slice());
      return undefined;
    }
    if (frame.type === FRAME.seal) return undefined;
    const { startedAt, formatVersion } = this.#header;
    const batch = decodeBatch(frame.payload, startedAt, formatVersion);
    if (batch.firstLsn !== this.#lsnLast + 1) throw new FormatError('a gap in the log');
    const encoded = peekBatch(frame.bytes);
    this.#lsnLast = encoded.lastLsn;
    this.#batches = true;
    this.#history.appended(encoded);
    return { encoded, batch };
  }
}

function damage(error: unknown): IntakeResult {
  if (error instanceof FormatError) return { type: 'damaged', reason: error.message };
  throw error;
}
