/** The last events of a replica, numbered, for readers that come later or come back. */

import { EVENTS_KEPT_MAX } from '../base/limits.ts';

export interface KeptEvent {
  /** Counts from 1 without a gap, in this process. */
  readonly id: number;
  readonly evt: string;
  /** JSON of the whole event, as on `--events-fd`. */
  readonly json: string;
}

export class EventBuffer {
  #kept: KeptEvent[] = [];
  #idLast = 0;
  readonly #readers = new Set<(event: KeptEvent) => void>();

  push(evt: string, json: string): void {
    this.#idLast += 1;
    const event = { id: this.#idLast, evt, json };
    this.#kept.push(event);
    if (this.#kept.length > EVENTS_KEPT_MAX) this.#kept.shift();
    for (const reader of [...this.#readers]) reader(event);
  }

  /** What was kept behind number `id`, oldest first. An id of another process: everything. */
  after(id: number): readonly KeptEvent[] {
    return id > this.#idLast ? this.#kept : this.#kept.filter((event) => event.id > id);
  }

  /** Calls `reader` with each event from now on, until the returned function is called. */
  subscribe(reader: (event: KeptEvent) => void): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }
}
