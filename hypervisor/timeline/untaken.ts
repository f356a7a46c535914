/** Recorded inputs that the changed guest had no use for, per connection or kind, and why. */

import type { InterruptRecord, Lsn } from '../../log-format/index.ts';
import { REFEED_UNTAKEN_MAX } from '../base/limits.ts';

export interface UntakenInputs {
  /** A connection with its address, `stdin`, `signal 15`. */
  readonly name: string;
  readonly reason: string;
  /** Of the first one. */
  readonly lsn: Lsn;
  inputs: number;
  bytes: number;
}

export class Untaken {
  readonly #rows = new Map<string, UntakenInputs>();
  #inputs = 0;

  note(name: string, reason: string, lsn: Lsn, record: Pick<InterruptRecord, 'payload'>): void {
    this.#inputs += 1;
    const bytes = record.payload?.length ?? 0;
    const key = `${name}: ${reason}`;
    const row = this.#rows.get(key);
    if (row !== undefined) {
      row.inputs += 1;
      row.bytes += bytes;
    } else if (this.#rows.size < REFEED_UNTAKEN_MAX)
      this.#rows.set(key, { name, reason, lsn, inputs: 1, bytes });
  }

  /** In the order of the log. */
  get rows(): readonly UntakenInputs[] {
    return [...this.#rows.values()];
  }

  /** All of them, also those not named. */
  get inputs(): number {
    return this.#inputs;
  }
}
