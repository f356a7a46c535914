/**
 * Writes to standard output or error without a stream in between: whatever was written is in the
 * kernel, or in a short queue that `drain` empties, so that an exit right after it loses nothing.
 */

import { writeSync } from 'node:fs';
import { CONSOLE_QUEUE_BYTES_MAX } from '../base/limits.ts';

/** How long a reader that has filled its pipe is left alone before the next try. */
const RETRY_MS = 2;
/** A drain gives a reader up that has taken nothing for this long. */
const STUCK_MS = 5_000;

const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Stops this thread: only ever for a pipe that is full while we must not go on without it. */
function sleep(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}

export class FdWriter {
  readonly #fd: number;
  readonly #onBroken: (error: Error) => void;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #retry: NodeJS.Timeout | undefined;
  #broken = false;

  /** `onBroken` hears of a full disk and the like, once; a reader that has gone is no news. */
  constructor(fd: number, onBroken: (error: Error) => void) {
    this.#fd = fd;
    this.#onBroken = onBroken;
  }

  /** Bytes the reader has not taken yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Keeps `bytes` when they cannot be written at once; the caller must not change them. */
  write(bytes: Uint8Array): void {
    if (this.#broken || bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#retry === undefined) this.#push();
    if (this.#queuedBytes > CONSOLE_QUEUE_BYTES_MAX) this.drain();
  }

  /** Waits until everything is written, or the reader is gone or stuck. */
  drain(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    let left = this.#queuedBytes;
    let stuckMs = 0;
    while (this.#queuedBytes > 0 && stuckMs < STUCK_MS) {
      this.#writeQueue();
      if (this.#queuedBytes === 0) break;
      stuckMs = this.#queuedBytes < left ? 0 : stuckMs + RETRY_MS;
      left = this.#queuedBytes;
      sleep(RETRY_MS);
    }
  }

  #push(): void {
    this.#retry = undefined;
    this.#writeQueue();
    if (this.#queuedBytes > 0) this.#retry = setTimeout(() => this.#push(), RETRY_MS);
  }

  /** Writes until the queue is empty or the kernel takes no more. */
  #writeQueue(): void {
    for (let bytes = this.#queue[0]; bytes !== undefined; bytes = this.#queue[0]) {
      const written = this.#writeOnce(bytes);
      if (written === undefined) return;
      this.#queuedBytes -= written;
      if (written < bytes.length) this.#queue[0] = bytes.subarray(written);
      else this.#queue.shift();
    }
  }

  /** Undefined: not now, or never again. */
  #writeOnce(bytes: Uint8Array): number | undefined {
    try {
      return writeSync(this.#fd, bytes);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return undefined;
      this.#broken = true;
      this.#queue = [];
      this.#queuedBytes = 0;
      if (code !== 'EPIPE') this.#onBroken(error as Error);
      return undefined;
    }
  }
}
