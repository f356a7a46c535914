/**
 * Where a log stands: segment, offset, lsn, epoch, hash chain. The writer moves it over the frames
 * it writes, the reader over the frames it finds; because both compute seals and the headers of
 * later segments here, the reader checks them by comparing bytes. Does no I/O.
 */

import {
  asEpoch,
  asLsn,
  CHAIN_START,
  Chain,
  decodeBatch,
  type EncodedBatch,
  type Epoch,
  encodeHeader,
  encodeSeal,
  FRAME_HEAD_BYTES,
  type LogHeader,
  type Lsn,
  toHex,
} from '../../log-format/index.ts';
import { assert, defined } from '../base/assert.ts';

/**
 * Everything another thread or process needs to go on where a log ends. Plain data: it may be posted
 * to a worker.
 */
export interface LogPosition {
  readonly dir: string;
  /** Of the first segment; those of later ones follow from it. */
  readonly header: LogHeader;
  readonly segment: number;
  /** Bytes of that segment. */
  readonly offset: number;
  /** Hex: head of the hash chain over every frame so far. */
  readonly chain: string;
  readonly epoch: Epoch;
  readonly lastLsn: Lsn;
  /** Records and batches in this segment. */
  readonly records: number;
  readonly batches: number;
  /** Of a sealed segment that was closed there: see `AppendPlace`. */
  readonly fileBytes?: number;
}

/** A place of a log, with the head of the hash chain there: who has noted it can tell a log that lost it. */
export interface NotedHead {
  readonly lsn: Lsn;
  /** Hex. */
  readonly chain: string;
}

/** As people note it: `4711:` and 64 hex digits. */
export function headText({ lsn, chain }: NotedHead): string {
  return `${lsn}:${chain}`;
}

/** Name of a segment's file; sorts by number up to a million segments. */
export function segmentName(segment: number): string {
  return `${String(segment).padStart(6, '0')}.hvlog`;
}

/** Number in the name of a segment's file, if it is one. */
export function segmentNumber(name: string): number | undefined {
  const match = /^(\d{6,})\.hvlog$/.exec(name);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}

export class LogCursor {
  #header: LogHeader | undefined;
  #chain: Chain = new Chain();
  /** The last batch, and the chain before and behind it; undefined: since this cursor was made there was none. */
  #last:
    | { readonly batch: EncodedBatch; readonly before: Uint8Array; readonly behind: Uint8Array }
    | undefined;
  segment = 1;
  offset = 0;
  epoch: Epoch = asEpoch(0);
  lastLsn: Lsn = asLsn(0);
  records = 0;
  batches = 0;

  static at(position: LogPosition): LogCursor {
    const cursor = new LogCursor();
    cursor.#header = position.header;
    cursor.#chain = new Chain(position.chain);
    cursor.segment = position.segment;
    cursor.offset = position.offset;
    cursor.epoch = position.epoch;
    cursor.lastLsn = position.lastLsn;
    cursor.records = position.records;
    cursor.batches = position.batches;
    return cursor;
  }

  /** At the end of the segment before the one that `later` begins, whose frames are gone. */
  static before(dir: string, header: LogHeader, later: LogHeader): LogCursor {
    return LogCursor.at({
      dir,
      header,
      segment: later.segment - 1,
      offset: 0,
      chain: later.chain,
      epoch: asEpoch(0),
      lastLsn: asLsn(later.firstLsn - 1),
      records: 0,
      batches: 0,
    });
  }

  /** Undefined until the first header frame was taken. */
  get header(): LogHeader | undefined {
    return this.#header;
  }

  get chain(): string {
    return this.#chain.head;
  }

  /**
   * The place to note elsewhere: no later life of the run takes back what lies before it. A stop that has a
   * batch to itself is cut off when the run goes on (`recoverLog`), so that is left out.
   */
  get notedHead(): NotedHead {
    const last = this.#last;
    if (last === undefined) return { lsn: this.lastLsn, chain: this.chain };
    return isStop(last.batch, this.#header)
      ? { lsn: asLsn(last.batch.firstLsn - 1), chain: toHex(last.before) }
      : { lsn: this.lastLsn, chain: toHex(last.behind) };
  }

  position(dir: string): LogPosition {
    return {
      dir,
      header: defined(this.#header, 'a position is behind a header'),
      segment: this.segment,
      offset: this.offset,
      chain: this.chain,
      epoch: this.epoch,
      lastLsn: this.lastLsn,
      records: this.records,
      batches: this.batches,
    };
  }

  /** The header frame of the log's first segment. */
  takeHeader(header: LogHeader, frame: Uint8Array): void {
    assert(this.#header === undefined, 'a log begins once');
    assert(isFirstHeader(header), 'a log begins with segment 1');
    this.#header = header;
    this.lastLsn = asLsn(header.firstLsn - 1);
    this.#take(frame);
  }

  takeBlob(frame: Uint8Array): void {
    assert(this.#header !== undefined && this.batches === 0, 'blobs come before batches');
    this.#take(frame);
  }

  takeBatch(batch: EncodedBatch): void {
    assert(this.#header !== undefined, 'batches come after a header');
    assert(batch.firstLsn === this.lastLsn + 1, 'batches follow without a gap');
    assert(batch.epoch >= this.epoch, 'epochs never go back');
    const before = this.#chain.bytes;
    this.lastLsn = batch.lastLsn;
    this.epoch = batch.epoch;
    this.records += batch.lastLsn - batch.firstLsn + 1;
    this.batches++;
    this.#take(batch.bytes);
    this.#last = { batch, before, behind: this.#chain.bytes };
  }

  /** Moves over the seal that ends this segment and returns its frame. */
  seal(options: { readonly final: boolean }): Uint8Array {
    const frame = encodeSeal({
      lastLsn: this.lastLsn,
      chain: this.chain,
      records: this.records,
      batches: this.batches,
      final: options.final,
    });
    this.#take(frame);
    return frame;
  }

  /** Moves into the next segment, behind its header, and returns that header's frame. */
  next(): Uint8Array {
    const first = defined(this.#header, 'a segment follows another');
    this.segment++;
    this.offset = 0;
    this.records = 0;
    this.batches = 0;
    const firstLsn = asLsn(this.lastLsn + 1);
    const { segment, chain } = this;
    const frame = encodeHeader({ ...first, segment, firstLsn, chain });
    this.#take(frame);
    return frame;
  }

  #take(frame: Uint8Array): void {
    this.#chain.update(frame);
    this.offset += frame.length;
  }
}

function isStop({ bytes }: EncodedBatch, header: LogHeader | undefined): boolean {
  const { startedAt, formatVersion } = defined(header, 'a batch comes after a header');
  const { records } = decodeBatch(bytes.subarray(FRAME_HEAD_BYTES), startedAt, formatVersion);
  return records.length === 1 && records[0]?.type === 'stop';
}

/** Whether a header can be the first of a log. */
export function isFirstHeader(header: LogHeader): boolean {
  return header.segment === 1 && header.chain === CHAIN_START;
}
