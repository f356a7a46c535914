/**
 * Reads pieces of files at random: keeps them open, and reads ahead, because who asks for a batch
 * usually asks for the next one.
 */

import { closeSync, openSync, readSync } from 'node:fs';

const AHEAD_BYTES = 262_144;
/** Files kept open; a log of 64 GiB has a thousand. */
const FILES_MAX = 16;

export class FileWindow {
  readonly #files = new Map<string, number>();
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
    for (const fd of this.#files.values()) closeSync(fd);
    this.#files.clear();
    this.#file = '';
  }

  #fill(file: string, offset: number, length: number): void {
    const bytes = new Uint8Array(length);
    const read = readSync(this.#open(file), bytes, 0, length, offset);
    this.#file = file;
    this.#from = offset;
    this.#bytes = bytes.subarray(0, read);
  }

  #open(file: string): number {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const [oldest] = this.#files;
    if (oldest !== undefined && this.#files.size >= FILES_MAX) {
      closeSync(oldest[1]);
      this.#files.delete(oldest[0]);
    }
    const fd = openSync(file, 'r');
    this.#files.set(file, fd);
    return fd;
  }
}
