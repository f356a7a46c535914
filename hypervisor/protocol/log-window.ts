/**
 * What one backup has been sent and what it has acknowledged. The primary's send buffer is bounded
 * by it (VMware FT 2010, 2.3: a primary whose log buffer is full stops, so make that rare).
 */

import { asLsn, type Lsn } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { Fifo } from './fifo.ts';

export class LogWindow {
  readonly #unacked = new Fifo<{ readonly lastLsn: Lsn; readonly bytes: number }>();
  #bytes = 0;
  #lsnShipped: Lsn = asLsn(0);
  #lsnAcked: Lsn = asLsn(0);
  #lsnReplayed: Lsn = asLsn(0);

  /** Last record sent to this backup; 0 before the first. */
  get lsnShipped(): Lsn {
    return this.#lsnShipped;
  }

  /** Every record up to here is in the backup's memory. */
  get lsnAcked(): Lsn {
    return this.#lsnAcked;
  }

  /** Every record up to here has run on the backup: the lag behind `lsnAcked` is failover time. */
  get lsnReplayed(): Lsn {
    return this.#lsnReplayed;
  }

  /** Bytes of batches sent and not acknowledged. Frames of a state transfer are not counted. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The state transfer brought the backup up to `lsn`; batches continue from there. */
  streamed(lsn: Lsn): void {
    assert(this.#unacked.size === 0, 'a state transfer comes before the first batch');
    this.#lsnShipped = lsn;
  }

  /** `bytes`: its length. */
  shipped(batch: { readonly firstLsn: Lsn; readonly lastLsn: Lsn; readonly bytes: number }): void {
    const { firstLsn, lastLsn, bytes } = batch;
    assert(firstLsn === this.#lsnShipped + 1, 'batches are shipped without a gap');
    this.#lsnShipped = lastLsn;
    this.#unacked.push({ lastLsn, bytes });
    this.#bytes += bytes;
  }

  /**
   * Takes a cumulative ack. False if the backup claims more than it was sent, which no correct one
   * does: the caller must not trust it any further.
   */
  acked(lsnReceived: Lsn, lsnReplayed: Lsn): boolean {
    if (lsnReceived > this.#lsnShipped || lsnReplayed > lsnReceived) return false;
    if (lsnReplayed > this.#lsnReplayed) this.#lsnReplayed = lsnReplayed;
    if (lsnReceived <= this.#lsnAcked) return true;
    this.#lsnAcked = lsnReceived;
    for (;;) {
      const oldest = this.#unacked.peek();
      if (oldest === undefined || oldest.lastLsn > lsnReceived) return true;
      this.#unacked.shift();
      this.#bytes -= oldest.bytes;
    }
  }
}
