/**
 * Writes a stream of chunks to a file descriptor, synchronously and in blocks. Waiting for a slow
 * reader happens here, so that whoever produces the chunks needs no queue and cannot run ahead.
 */

import { writeSync } from 'node:fs';
import { HvError } from '../base/errors.ts';

const BLOCK_BYTES = 262_144;
/** Between two tries of a pipe that is full and does not block. */
const RETRY_MS = 1;

/** Whoever read the other end has gone: nobody is interested any more. No fault of anybody's. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

export class FdSink {
  readonly #fd: number;
  readonly #path: string;
  readonly #block: Buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  #used = 0;

  /** `path` is for messages. */
  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  /** Throws ReaderGone, or HV_E_EXPORT_WRITE. */
  write(chunk: Uint8Array | string): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.#used + bytes.length > BLOCK_BYTES) this.flush();
    if (bytes.length > BLOCK_BYTES) {
      this.#out(bytes);
      return;
    }
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Throws as `write`. */
  flush(): void {
    const bytes = this.#block.subarray(0, this.#used);
    this.#used = 0;
    this.#out(bytes);
  }

  #out(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'EPIPE') throw new ReaderGone('the reader of the export has gone');
        if (code !== 'EAGAIN') throw this.#failed(error);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      }
    }
  }

  #failed(error: unknown): HvError {
    const { code, message } = error as NodeJS.ErrnoException;
    const path = this.#path;
    return new HvError('HV_E_EXPORT_WRITE', `cannot write ${path}: ${message}`, {
      details: { path, code },
      cause: error,
    });
  }
}
