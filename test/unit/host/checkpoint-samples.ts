/** A machine of a few pages, for the tests that take many snapshots of one. */

import { brotliCompressSync } from 'node:zlib';
import type { CheckpointPlace } from '../../../hypervisor/host/checkpoint-store.ts';
import {
  CheckpointStore,
  type CheckpointStoreOptions,
  type TakenCheckpoint,
} from '../../../hypervisor/host/checkpoint-store.ts';
import { LiveShadow } from '../../../hypervisor/machine/live-shadow.ts';
import type { Machine } from '../../../hypervisor/machine/machine.ts';
import type { MachineSnapshot } from '../../../hypervisor/machine/snapshot.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  type Lsn,
  type PackedPages,
  SNAPSHOT_PAGE_BYTES,
  type SnapshotOwner,
  type SnapshotPosition,
} from '../../../log-format/index.ts';
import { sampleHead } from '../log-format/snapshot-samples.ts';

export const PAGES = 40;

export const TOY_OWNER: SnapshotOwner = sampleHead();

export class ToyMemory implements Pick<Machine, 'shadow' | 'saveState'> {
  readonly memory: Uint8Array = new Uint8Array(PAGES * SNAPSHOT_PAGE_BYTES);
  extentPages: number = PAGES;
  lsn = 0;
  readonly #shadow = new LiveShadow(() => this.usedMemory());

  constructor() {
    for (let page = 0; page < PAGES; page += 2) this.write(page, page + 1);
  }

  write(page: number, value: number): void {
    this.memory.fill(value, page * SNAPSHOT_PAGE_BYTES, (page + 1) * SNAPSHOT_PAGE_BYTES);
  }

  usedMemory(): Uint8Array {
    return this.memory.subarray(0, this.extentPages * SNAPSHOT_PAGE_BYTES);
  }

  /** Whoever asks for it may have written to memory before. */
  get shadow(): LiveShadow {
    this.#shadow.outdated();
    return this.#shadow;
  }

  saveState(): ReturnType<Machine['saveState']> {
    const { state } = sampleHead();
    return { ...state, cause: asLsn(this.lsn) } as ReturnType<Machine['saveState']>;
  }

  place(logDurable: (done: () => void) => void = (done) => done()): CheckpointPlace {
    const position: SnapshotPosition = {
      ...sampleHead().position,
      lastLsn: asLsn(this.lsn),
      epoch: asEpoch(1),
    };
    const view = { epoch: asEpoch(1), primary: 'a', backups: [] };
    return { position, time: asMicros(this.lsn), view, logDurable };
  }
}

/** Whether a snapshot describes this memory. */
export function holds(snapshot: MachineSnapshot, memory: Uint8Array | undefined): boolean {
  if (memory === undefined) return false;
  const out = new Uint8Array(memory.length);
  for (const { at, bytes } of snapshot.memory) out.set(bytes, at);
  return Buffer.compare(out, memory) === 0;
}

export class Taker {
  readonly taken: TakenCheckpoint[] = [];
  readonly errors: Error[] = [];
  readonly store: CheckpointStore;

  constructor(dir: string, owner: SnapshotOwner, options: Partial<CheckpointStoreOptions> = {}) {
    this.store = new CheckpointStore({
      dir,
      owner,
      onTaken: (one) => this.taken.push(one),
      onError: (error) => this.errors.push(error),
      ...options,
    });
  }

  /** Takes one and waits until it is on disk, or has failed. */
  async take(
    machine: Pick<Machine, 'shadow' | 'saveState'>,
    place: CheckpointPlace,
  ): Promise<TakenCheckpoint | undefined> {
    const before = this.taken.length;
    if (!this.store.take(machine, place)) throw new Error('a snapshot is being written');
    await this.idle();
    return this.taken[before];
  }

  idle(): Promise<void> {
    return new Promise((resolve) => this.store.whenIdle(resolve));
  }
}

/** Pages whose packed bytes unpack to `bytes`. */
export function packedTo(runs: PackedPages['runs'], bytes: Uint8Array): PackedPages {
  return { encoding: 'brotli', runs, bytes: new Uint8Array(brotliCompressSync(bytes)) };
}

export const lsnsOf = (taken: readonly { readonly lsn: Lsn }[]): readonly number[] =>
  taken.map(({ lsn }) => lsn);
