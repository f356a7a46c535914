/** Holds a stream of a log or a snapshot back, or ends it, from outside of its loop. */

import type { LogReading } from '../ports.ts';

export class StreamControl implements LogReading {
  #paused = false;
  #cancelled = false;
  #wake: (() => void) | undefined;

  get cancelled(): boolean {
    return this.#cancelled;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#go();
  }

  cancel(): void {
    this.#cancelled = true;
    this.#go();
  }

  /** Resolves when the loop may go on; false: it is cancelled. For one loop. */
  async mayGo(): Promise<boolean> {
    while (this.#paused && !this.#cancelled)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return !this.#cancelled;
  }

  #go(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
