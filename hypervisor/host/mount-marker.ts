/**
 * Beside the files of a mounted directory: which of a run's acts are done there, and in which epoch. Whoever is
 * primary, on whatever host, does an act only once, and one that was deposed does none any more. Written over
 * in place behind each act: of a process that is killed between the two one act is done again, which changes nothing.
 */

import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const BYTES = 48;
const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;

export class MountMarker {
  readonly #path: string;
  readonly #fd: number;
  #epoch = 0;
  #done: number;

  /** `isThere`: the run has one already, and a directory without it is another. Throws errors of the file system. */
  constructor(root: string, vm: string, { isThere }: { readonly isThere: boolean }) {
    this.#path = join(root, `.hv-mount.${vm}`);
    this.#fd = openSync(this.#path, O_RDWR | O_NOFOLLOW | (isThere ? 0 : O_CREAT), 0o600);
    this.#done = this.#read().done;
  }

  /** The newest act that is done. */
  get done(): number {
    return this.#done;
  }

  /** This process acts from here on, and nobody of an earlier epoch. */
  begin(epoch: number): void {
    this.#epoch = epoch;
    const there = this.#read();
    this.#done = Math.max(this.#done, there.done);
    if (there.epoch < epoch) this.#write();
  }

  /** Another primary has begun. */
  get isDeposed(): boolean {
    return this.#read().epoch > this.#epoch;
  }

  did(act: number): void {
    this.#done = act;
    this.#write();
  }

  /** `isOver`: nobody goes on with this run. */
  close(isOver: boolean): void {
    closeSync(this.#fd);
    if (isOver) unlinkSync(this.#path);
  }

  #read(): { readonly epoch: number; readonly done: number } {
    const bytes = new Uint8Array(BYTES);
    const count = readSync(this.#fd, bytes, 0, BYTES, 0);
    const text = new TextDecoder().decode(bytes.subarray(0, count));
    const match = /^(\d+) (\d+) *\n$/.exec(text);
    return { epoch: Number(match?.[1] ?? 0), done: Number(match?.[2] ?? 0) };
  }

  #write(): void {
    const text = `${`${this.#epoch} ${this.#done}`.padEnd(BYTES - 1)}\n`;
    writeSync(this.#fd, new TextEncoder().encode(text), 0, BYTES, 0);
  }
}
