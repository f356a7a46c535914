/**
 * Beside a log: up to where its primary's outputs had left when it was last noted. 32 bytes, written over
 * again and again in place. A killed process loses nothing of it. It is on its way to the disk with each view and waited for
 * by nobody: after a power cut it is late, so that more is sent again.
 *
 *   0  'HVLEFT1\0'    8  epoch (u64)    16  lsn (u64)    24  crc32 of the run's name and all before (u32)
 */

import { closeSync, constants, fsync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { asEpoch, asLsn, crc32 } from '../../log-format/index.ts';
import type { ReleasedAt } from '../replica/released-mark.ts';

const NAME = 'released.hvmark';
const MAGIC = new TextEncoder().encode('HVLEFT1\0');
const BYTES = 32;

export class ReleasedFile {
  readonly #dir: string;
  readonly #vm: string;
  readonly #bytes: Uint8Array = new Uint8Array(BYTES);
  /** Undefined before the first mark; `closed` after the last, and after an error. */
  #fd: number | 'closed' | undefined;
  #epoch = 0;

  constructor(dir: string, vm: string) {
    this.#dir = dir;
    this.#vm = vm;
    this.#bytes.set(MAGIC);
  }

  write({ epoch, lsn }: ReleasedAt): void {
    if (this.#fd === 'closed') return;
    const head = new DataView(this.#bytes.buffer);
    head.setBigUint64(8, BigInt(epoch));
    head.setBigUint64(16, BigInt(lsn));
    head.setUint32(24, checksum(this.#vm, this.#bytes));
    try {
      // Not emptied first: a process that is killed here leaves what was noted before.
      this.#fd ??= openSync(join(this.#dir, NAME), constants.O_WRONLY | constants.O_CREAT, 0o600);
      writeSync(this.#fd, this.#bytes, 0, BYTES, 0);
      if (epoch !== this.#epoch) fsync(this.#fd, () => undefined);
      this.#epoch = epoch;
    } catch {
      // What cannot be noted is let out again. The log is on the same disk, and says what is wrong with it.
      this.close();
    }
  }

  /** Nothing is noted any more. */
  close(): void {
    if (typeof this.#fd === 'number') closeSync(this.#fd);
    this.#fd = 'closed';
  }
}

/** The mark beside the log of run `vm`; undefined where there is none, or one of another run, or half of one. */
export function readReleased(dir: string, vm: string): ReleasedAt | undefined {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(join(dir, NAME));
  } catch {
    // A log of an earlier hv has none, and what cannot be read tells nothing.
    return undefined;
  }
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length !== BYTES || MAGIC.some((byte, at) => bytes[at] !== byte)) return undefined;
  if (head.getUint32(24) !== checksum(vm, bytes)) return undefined;
  const [epoch, lsn] = [Number(head.getBigUint64(8)), Number(head.getBigUint64(16))];
  return { epoch: asEpoch(epoch), lsn: asLsn(lsn) };
}

function checksum(vm: string, bytes: Uint8Array): number {
  return crc32(bytes.subarray(0, 24), crc32(new TextEncoder().encode(vm)));
}
