/**
 * A disk over the real one that fails at the nth operation that changes something: with an error; with an
 * error although it was done, or half of it if it is a write; or by the death of the process, after which
 * nothing happens any more and nobody gets an answer. Counts operations, so that a test can go through
 * all of them.
 */

import { type Disk, RAW_DISK } from '../../hypervisor/host/disk.ts';
import type { SegmentFile } from '../../hypervisor/host/log-segment-file.ts';

export type Fault = 'error' | 'short' | 'death';
export const FAULTS: readonly Fault[] = ['error', 'short', 'death'];

export class FaultyDisk implements Disk {
  /** Operations asked for so far, by name. */
  readonly operations: string[] = [];
  /** Resolves when the process has died. */
  readonly died: Promise<void>;
  #dead = false;
  #die: () => void = () => undefined;
  readonly #at: number;
  readonly #fault: Fault;
  readonly openInput: Disk['openInput'] = RAW_DISK.openInput;
  readonly list: Disk['list'] = RAW_DISK.list;
  readonly room: Disk['room'] = RAW_DISK.room;

  /** `at`: number of the operation that fails, from 1; 0: none. */
  constructor(at: number, fault: Fault) {
    this.#at = at;
    this.#fault = fault;
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  readonly openFile: Disk['openFile'] = (path, at) => {
    // A file is opened in the call: a process that dies there throws, and all later calls hang.
    if (this.#fails('open')) throw this.#failure();
    const file = RAW_DISK.openFile(path, at);
    return {
      writeSync: (buffers) => {
        if (this.#fails('write')) throw this.#failure();
        file.writeSync(buffers);
      },
      write: (buffers) => this.#write(file, buffers),
      sync: () => this.#run('sync', () => file.sync()),
      // Descriptors of a dead process are closed, too; nothing is written by it.
      close: async () => {
        await file.close();
        await this.#run('close', nothing);
      },
    };
  };

  readonly rename: Disk['rename'] = (from, to) =>
    this.#run('rename', () => RAW_DISK.rename(from, to));
  readonly unlink: Disk['unlink'] = (path) => this.#run('unlink', () => RAW_DISK.unlink(path));
  readonly cut: Disk['cut'] = (path, bytesMax) =>
    this.#run('cut', () => RAW_DISK.cut(path, bytesMax));
  readonly syncDirectory: Disk['syncDirectory'] = (dir) =>
    this.#run('syncDirectory', () => RAW_DISK.syncDirectory(dir));

  /** Stands for the log's own disk: what a snapshot waits for. */
  syncLog(): Promise<void> {
    return this.#run('log', nothing);
  }

  async #write(file: SegmentFile, buffers: readonly Uint8Array[]): Promise<void> {
    await this.#run(
      'write',
      () => file.write(buffers),
      () => file.write(buffers.map((one) => one.subarray(0, one.length >> 1))),
    );
  }

  /** `half`: what a process that dies in the middle of it leaves. */
  async #run(
    name: string,
    whole: () => Promise<void>,
    half: () => Promise<void> = nothing,
  ): Promise<void> {
    if (this.#dead) return await forever();
    if (!this.#fails(name)) return await whole();
    if (this.#fault === 'short') await (name === 'write' ? half() : whole());
    if (this.#fault !== 'death') throw this.#failure();
    await half();
    this.#failure();
    return await forever();
  }

  #fails(name: string): boolean {
    this.operations.push(name);
    return this.operations.length === this.#at;
  }

  #failure(): Error {
    if (this.#fault === 'death') {
      this.#dead = true;
      this.#die();
    }
    return Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  }
}

async function nothing(): Promise<void> {}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}
