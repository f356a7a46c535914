/**
 * One segment's file, written at its end and synced. Asynchronous and free of policy: log-store.ts
 * decides what is written when. Readable and writable by the owner only: a log holds everything its
 * guest has read.
 */

import { close, closeSync, fdatasync, fstatSync, openSync, writev, writevSync } from 'node:fs';
import { defined } from '../base/assert.ts';

/** What the store needs of a file; tests give it one that fails. */
export interface SegmentFile {
  /** Appends all bytes, in order. One call at a time. */
  write(buffers: readonly Uint8Array[]): Promise<void>;
  /** As `write`, in this call: a trip to another thread costs several times the copy to the kernel. */
  writeSync(buffers: readonly Uint8Array[]): void;
  /** Resolves when everything written before the call is on disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
  /** Of a sealed file: bytes of the file itself, when all is written. */
  readonly fileBytes?: number;
}

/** `fileBytes`: as the one who closed a sealed file has left it; without it that is found out. */
export interface AppendPlace {
  readonly offset: number;
  readonly fileBytes?: number;
}

export type OpenSegmentFile = (path: string, at: AppendPlace) => SegmentFile;

/**
 * Opens a segment for appending at `offset`. 0 creates it and fails if it is there; otherwise it must
 * be exactly that long, for a hole or an overwritten frame would be damage of our own making.
 */
export const openSegmentFile: OpenSegmentFile = (path, { offset }) => {
  const fd = openSync(path, offset === 0 ? 'wx' : 'r+', 0o600);
  const { size } = fstatSync(fd);
  if (size !== offset) {
    closeSync(fd);
    throw new Error(`${path} has ${size} bytes and not the ${offset} that were handed over`);
  }
  return new DiskSegmentFile(fd, offset);
};

class DiskSegmentFile implements SegmentFile {
  readonly #fd: number;
  #offset: number;

  constructor(fd: number, offset: number) {
    this.#fd = fd;
    this.#offset = offset;
  }

  async write(buffers: readonly Uint8Array[]): Promise<void> {
    let rest = buffers.filter((buffer) => buffer.length > 0);
    while (rest.length > 0) {
      const written = await this.#writeOnce(rest);
      this.#offset += written;
      rest = dropBytes(rest, written);
    }
  }

  writeSync(buffers: readonly Uint8Array[]): void {
    let rest = buffers.filter((buffer) => buffer.length > 0);
    while (rest.length > 0) {
      const written = writevSync(this.#fd, rest, this.#offset);
      if (written === 0) throw new Error('a write made no progress');
      this.#offset += written;
      rest = dropBytes(rest, written);
    }
  }

  /** A disk that fills up takes a part and reports the error at the next call. */
  #writeOnce(buffers: readonly Uint8Array[]): Promise<number> {
    return new Promise((resolve, reject) => {
      writev(this.#fd, buffers, this.#offset, (error, written) => {
        if (error) reject(error);
        else if (written === 0) reject(new Error('a write made no progress'));
        else resolve(written);
      });
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      close(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }
}

function dropBytes(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let index = 0;
  while (index < buffers.length) {
    const { length } = defined(buffers[index], 'an index below the length');
    if (left < length) break;
    left -= length;
    index++;
  }
  const rest = buffers.slice(index);
  const first = rest[0];
  if (first && left > 0) rest[0] = first.subarray(left);
  return rest;
}
