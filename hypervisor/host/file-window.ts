/**
 * Reads pieces of files at random: keeps them open, and reads ahead, because who asks for a batch
 * usually asks for the next one.
 */

import { type LogInput, openLogInput } from './log-input.ts';

const AHEAD_BYTES = 262_144;
/** Files kept open; a log of 64 GiB has a thousand. */
const FILES_MAX = 16;

export class FileWindow {
  readonly #files = new Map<string, LogInput>();
  #file = '';
  #from = 0;
  #bytes = new Uint8Array();

  /**
   * `length` bytes of `file` from `offset`, or fewer where it ends. Aliases a buffer that is never
   * written to again. Throws what the file system says.
   */
  read(file: string, offset: number, length: number): Uint8Array {
    const start = offset - this.#from;
    if (this.#file !== file || start < 0 || start + length > this.#bytes.length) {
      this.#fill(file, offset, Math.max(length, AHEAD_BYTES));
      return this.#bytes.subarray(0, length);
    }
    return this.#bytes.subarray(start, start + length);
  }

  close(): void {
    for (const input of this.#files.values()) input.close();
    this.#files.clear();
    this.#file = '';
  }

  #fill(file: string, offset: number, length: number): void {
    const bytes = new Uint8Array(length);
    const read = this.#open(file).read(bytes, offset);
    this.#file = file;
    this.#from = offset;
    this.#bytes = bytes.subarray(0, read);
  }

  #open(file: string): LogInput {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const [oldest] = this.#files;
    if (oldest !== undefined && this.#files.size >= FILES_MAX) {
      oldest[1].close();
      this.#files.delete(oldest[0]);
    }
    const input = openLogInput(file);
    this.#files.set(file, input);
    return input;
  }
}
