/**
 * Brings one backup up to date while the guest goes on: what it lacks of the log, or a snapshot and the
 * log behind it. Slows down where the link does, so that the primary's memory does not fill with what
 * the network has not taken.
 */

import { asLsn, asMillis, type Lsn } from '../../log-format/index.ts';
import { STREAM_POLL_MS, STREAM_QUEUE_BYTES_MAX } from '../base/limits.ts';
import type { Clock, LogReading, LogStore, SnapshotSource, SnapshotTransfer } from '../ports.ts';
import type { Message, SnapshotFile } from '../protocol/messages.ts';

export interface TransferPorts {
  readonly clock: Clock;
  readonly store: LogStore;
  readonly snapshots?: SnapshotSource | undefined;
}

/** The link as it was when the transfer began. */
export interface TransferLink {
  open(): boolean;
  readonly queuedBytes: number;
  send(message: Message): void;
}

export interface TransferHandlers {
  readonly epoch: () => Message['epoch'];
  /**
   * No output of records up to here is held. Where none is held at all that is the last record: the records
   * that close a group put nothing out, and behind the last group of an idle guest nothing does.
   */
  readonly lsnSettled: () => Lsn;
  /** Once, unless the link is closed before. */
  readonly done: (lastLsn: Lsn, failure: string | undefined) => void;
}

export class StateTransfer {
  readonly #ports: TransferPorts;
  readonly #link: TransferLink;
  readonly #handlers: TransferHandlers;
  #reading: LogReading | undefined;

  constructor(ports: TransferPorts, link: TransferLink, handlers: TransferHandlers) {
    this.#ports = ports;
    this.#link = link;
    this.#handlers = handlers;
  }

  /** `from`: what the backup has. */
  start(from: Lsn): void {
    if (from > 0 || this.#ports.snapshots === undefined) this.#sendLog(from);
    else this.#startAnew();
  }

  #startAnew(): void {
    this.#ports.snapshots?.open(this.#handlers.lsnSettled, (transfer) => {
      if (!this.#link.open()) return;
      if (transfer === undefined) this.#sendLog(asLsn(0));
      else this.#sendSnapshot(transfer);
    });
  }

  #sendLog(from: Lsn): void {
    this.#announce(from, []);
    this.#read(from, () => {
      if (this.#ports.snapshots === undefined || from === 0) {
        this.#done(asLsn(0), 'the log does not go back so far');
      } else this.#startAnew();
    });
  }

  #sendSnapshot(transfer: SnapshotTransfer): void {
    const { lsn, files, beginning } = transfer;
    this.#announce(lsn, files);
    this.#send({ type: 'frames', epoch: this.#handlers.epoch(), bytes: beginning });
    this.#reading = transfer.read(
      (name, offset, bytes) => {
        this.#send({ type: 'snapshot', epoch: this.#handlers.epoch(), name, offset, bytes });
        this.#pace();
      },
      (error) => {
        if (error !== undefined) this.#done(asLsn(0), error.message);
        else this.#read(lsn, () => this.#done(asLsn(0), 'the log was trimmed behind its snapshot'));
      },
    );
  }

  #read(from: Lsn, trimmed: () => void): void {
    this.#reading = this.#ports.store.readFrom(
      from,
      (bytes) => {
        this.#send({ type: 'frames', epoch: this.#handlers.epoch(), bytes });
        this.#pace();
      },
      (end) => {
        // The end of an old stream must not pass for the end of a newer one.
        if (!this.#link.open()) return;
        if (end.type === 'trimmed') trimmed();
        else if (end.type === 'failed') this.#done(asLsn(0), end.error.message);
        else this.#done(end.lastLsn, undefined);
      },
    );
  }

  #announce(lsn: Lsn, files: readonly SnapshotFile[]): void {
    this.#send({ type: 'transfer', epoch: this.#handlers.epoch(), lsn, files });
  }

  #send(message: Message): void {
    if (this.#link.open()) this.#link.send(message);
    else this.#reading?.cancel();
  }

  #done(lastLsn: Lsn, failure: string | undefined): void {
    if (this.#link.open()) this.#handlers.done(lastLsn, failure);
  }

  /** Waits until the link has taken most of what it was given. */
  #pace(): void {
    if (this.#link.queuedBytes <= STREAM_QUEUE_BYTES_MAX) return;
    this.#reading?.pause();
    const { clock } = this.#ports;
    const look = (): void => {
      if (!this.#link.open()) this.#reading?.cancel();
      else if (this.#link.queuedBytes <= STREAM_QUEUE_BYTES_MAX / 2) this.#reading?.resume();
      else clock.setTimer(asMillis(clock.now() + STREAM_POLL_MS), look);
    };
    clock.setTimer(asMillis(clock.now() + STREAM_POLL_MS), look);
  }
}
