/** Interrupts that wait for their turn, cut into groups that are shipped and run together. */

import { BATCH_BYTES_MAX, GROUP_INTERRUPTS_MAX } from '../base/limits.ts';
import type { HostInterrupt } from '../ports.ts';
import { Fifo } from '../protocol/fifo.ts';

/** What an interrupt costs in a batch beside its payload, at most. */
const OVERHEAD_BYTES = 64;

export class Inbox {
  readonly #urgent = new Fifo<HostInterrupt>();
  readonly #waiting = new Fifo<HostInterrupt>();

  get size(): number {
    return this.#urgent.size + this.#waiting.size;
  }

  push(interrupt: HostInterrupt): void {
    this.#waiting.push(interrupt);
  }

  /** Ahead of all that was pushed: what a takeover changes comes before anything that happens. */
  pushUrgent(interrupt: HostInterrupt): void {
    this.#urgent.push(interrupt);
  }

  /** The next group, at least one interrupt if there is any. */
  take(): readonly HostInterrupt[] {
    const group: HostInterrupt[] = [];
    let bytes = 0;
    while (group.length < GROUP_INTERRUPTS_MAX) {
      const queue = this.#urgent.size > 0 ? this.#urgent : this.#waiting;
      const next = queue.peek();
      if (next === undefined) break;
      bytes += OVERHEAD_BYTES + (next.payload?.length ?? 0);
      if (group.length > 0 && bytes > BATCH_BYTES_MAX) break;
      queue.shift();
      group.push(next);
    }
    return group;
  }

  clear(): void {
    this.#urgent.drain();
    this.#waiting.drain();
  }
}
