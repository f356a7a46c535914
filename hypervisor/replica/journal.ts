/**
 * The write end of a primary's log: gives records their lsn, gathers them into batches and encodes
 * each batch once; the same bytes go to the own log and to every backup. Where no log is kept there
 * is no backup either, and batches carry their place only: encoding is most of what recording costs.
 */

import {
  asLsn,
  type EncodedBatch,
  type Epoch,
  encodeBatch,
  type LogRecord,
  type Lsn,
  type Micros,
} from '../../log-format/index.ts';
import type { Clock, LogStore } from '../ports.ts';
import { EpochHistory, type History } from '../protocol/history.ts';
import type { Meters } from './meters.ts';

const NO_BYTES: Uint8Array = new Uint8Array(0);

export interface JournalOptions {
  /** For `meters` alone. */
  readonly clock: Clock;
  readonly meters?: Meters | undefined;
  readonly store: LogStore;
  /** Of the log's header: the base of all times. */
  readonly startedAt: Micros;
  /** Of what is in the store already. */
  readonly history: History;
}

export class Journal {
  readonly #clock: Clock;
  readonly #meters: Meters | undefined;
  readonly #store: LogStore;
  readonly #startedAt: Micros;
  #lsnLast: Lsn;
  #lsnFlushed: Lsn;
  #pending: LogRecord[] = [];
  readonly #history: EpochHistory;

  constructor(options: JournalOptions) {
    this.#clock = options.clock;
    this.#meters = options.meters;
    this.#store = options.store;
    this.#startedAt = options.startedAt;
    this.#history = new EpochHistory(options.history);
    this.#lsnLast = options.history.lsnLast;
    this.#lsnFlushed = options.history.lsnLast;
  }

  /** Of the last record added, flushed or not. */
  get lsnLast(): Lsn {
    return this.#lsnLast;
  }

  /** Of what is flushed. */
  get history(): History {
    return this.#history;
  }

  get empty(): boolean {
    return this.#pending.length === 0;
  }

  /** Takes a record into the batch being gathered. */
  add(record: LogRecord): Lsn {
    this.#pending.push(record);
    this.#meters?.recorded(record);
    this.#lsnLast = asLsn(this.#lsnLast + 1);
    return this.#lsnLast;
  }

  /**
   * Encodes what was gathered and appends it to the store; undefined if there is nothing. Without
   * bytes when the store discards them.
   */
  flush(epoch: Epoch): EncodedBatch | undefined {
    if (this.#pending.length === 0) return undefined;
    const firstLsn = asLsn(this.#lsnLast - this.#pending.length + 1);
    const batch: EncodedBatch = this.#store.discards
      ? { epoch, firstLsn, lastLsn: this.#lsnLast, bytes: NO_BYTES }
      : encodeBatch({ epoch, firstLsn, records: this.#pending }, this.#startedAt);
    this.#pending = [];
    this.#lsnFlushed = batch.lastLsn;
    this.#history.appended(batch);
    this.#store.append(batch);
    this.#meters?.shipped(this.#clock.now(), batch.lastLsn, batch.bytes.length);
    return batch;
  }

  /** Calls `done` with the last record flushed once the file holds it; once the disk does, if `durable`. */
  write({ durable }: { readonly durable: boolean }, done: (lsn: Lsn) => void): void {
    const lsn = this.#lsnFlushed;
    if (durable) this.#store.sync(() => done(lsn));
    else this.#store.write(() => done(lsn));
  }
}
