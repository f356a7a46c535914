import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextRound } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TakenCheckpoint } from '../../../hypervisor/host/checkpoint-store.ts';
import { FileCheckpointer } from '../../../hypervisor/host/checkpointer.ts';
import type { LogPosition } from '../../../hypervisor/host/log-cursor.ts';
import { loadCheckpoint } from '../../../hypervisor/host/snapshot-reader.ts';
import { memoryHash } from '../../../hypervisor/machine/memory-image.ts';
import type { CheckpointEvery } from '../../../hypervisor/replica/checkpoint-policy.ts';
import { asEpoch, asLsn, asMicros } from '../../../log-format/index.ts';
import { OWNER, SnapshotGuest } from '../../support/snapshot-guest.ts';
import { sampleHeader } from '../log-format/samples.ts';

/** A guest that runs a turn when the test says so, as the shell of a primary drives it. */
class Driven {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'hv-near-'));
  readonly guest = new SnapshotGuest().boot();
  readonly taken: TakenCheckpoint[] = [];
  readonly checkpointer: FileCheckpointer;

  constructor(every: CheckpointEvery) {
    onTestFinished(() => rmSync(this.dir, { recursive: true, force: true }));
    const { guest, taken, dir } = this;
    this.checkpointer = new FileCheckpointer({
      ...{ dir, every, machine: guest.machine, keep: { type: 'all' } },
      header: sampleHeader({ ...OWNER }),
      log: {
        get position(): LogPosition {
          return guest.position as LogPosition;
        },
        bytesAppended: 0,
        write: (done) => done(),
        sync: (done) => done(),
      },
      ...{ lsn: asLsn(0), time: asMicros(0) },
      onTaken: (one) => taken.push(one),
      onTrouble: (error) => {
        throw error;
      },
    });
  }

  /** A group of one turn; true: it ended in a checkpoint. */
  group(): boolean {
    const { guest, checkpointer } = this;
    guest.input('x');
    const at = { lsn: asLsn(guest.lsn), time: asMicros(guest.lsn) };
    if (!checkpointer.ran({ ...at, runMs: 1 })) return false;
    const memory = guest.machine.usedMemory();
    const { hash, pages } = memoryHash(memory, memory.length);
    expect(guest.machine.figures()).toMatchObject({ memory: hash, pages });
    checkpointer.take({ ...at, view: { epoch: asEpoch(1), primary: 'a', backups: [] } });
    return true;
  }

  async written(): Promise<TakenCheckpoint | undefined> {
    await new Promise<void>((resolve) => this.checkpointer.close(resolve));
    return this.taken.at(-1);
  }

  /** Hash of all memory that the snapshot at `lsn` restores. */
  restored(lsn: number): string {
    const found = loadCheckpoint(this.dir, asLsn(lsn), OWNER);
    if (found.type !== 'loaded') throw new Error(found.reason);
    return new SnapshotGuest({ snapshot: found.snapshot }).hash;
  }
}

const LARGE = 'g14336';

describe('a checkpoint of a large memory', () => {
  it('is taken once its shadow is near, with turns of the guest in between, and is that of its turn', async () => {
    const driven = new Driven({ type: 'records', every: 1 });
    driven.guest.input(LARGE);
    let turns = 0;
    while (!driven.group()) {
      turns += 1;
      await nextRound();
    }
    expect(turns).toBeGreaterThan(2);
    const { hash, lsn } = driven.guest;
    driven.guest.input('x');
    expect(await driven.written()).toMatchObject({ lsn, base: 0 });
    expect(driven.restored(lsn)).toBe(hash);
  });

  it('holds what changed since the complete one, whatever was changed and looked at in between', async () => {
    const driven = new Driven({ type: 'records', every: 5 });
    driven.guest.input(LARGE);
    const hashes = new Map<number, string>();
    while (hashes.size < 4) {
      await nextRound();
      if (!driven.group()) continue;
      hashes.set(driven.guest.lsn, driven.guest.hash);
      if (hashes.size === 2) driven.guest.input('g256');
      await driven.written();
    }
    const lsns = [...hashes.keys()];
    expect(driven.taken.map(({ lsn }) => lsn)).toEqual(lsns);
    expect(driven.taken.map(({ base }) => base)).toEqual([0, lsns[0], lsns[0], lsns[0]]);
    const [complete, ...differences] = driven.taken;
    for (const { pages } of differences) expect(pages).toBeLessThan((complete?.pages ?? 0) / 4);
    for (const [lsn, hash] of hashes) expect(driven.restored(lsn)).toBe(hash);
  });
});

describe('a checkpoint that is asked for of a guest with nothing to do', () => {
  it.each([
    ['small', 'g16'],
    ['large', LARGE],
  ])('asks for a group when all is ready, and for none before: %s memory', async (_, heap) => {
    const driven = new Driven({ type: 'off' });
    driven.guest.input(heap);
    const woken = new Promise<void>((resolve) => driven.checkpointer.onWanted(resolve));
    const answered = new Promise((resolve) =>
      driven.checkpointer.request({ complete: false }, resolve),
    );
    await woken;
    expect(driven.group()).toBe(true);
    expect(await answered).toMatchObject({ lsn: driven.guest.lsn, base: 0 });
    expect(driven.restored(driven.guest.lsn)).toBe(driven.guest.hash);
  });

  it('asks again for one that came while another was being written', async () => {
    const driven = new Driven({ type: 'records', every: 1 });
    let wakes = 0;
    driven.checkpointer.onWanted(() => {
      wakes += 1;
    });
    expect(driven.group()).toBe(true);
    const answered = new Promise((resolve) =>
      driven.checkpointer.request({ complete: false }, resolve),
    );
    expect(wakes).toBe(0);
    await driven.written();
    expect(wakes).toBe(1);
    expect(driven.group()).toBe(true);
    expect(await answered).toMatchObject({ lsn: driven.guest.lsn });
  });
});

it('a snapshot of one place is not mixed with what another one has marked', async () => {
  const driven = new Driven({ type: 'records', every: 1 });
  expect(driven.group()).toBe(true);
  await driven.written();
  // Somebody else takes a complete one of the same machine: what changed before it is marked no more.
  driven.guest.input('g64');
  driven.guest.machine.shadow.now().mark();
  expect(driven.group()).toBe(true);
  expect(await driven.written()).toMatchObject({ base: 0 });
  expect(driven.restored(driven.guest.lsn)).toBe(driven.guest.hash);
});

it('a snapshot that is being written is left alone by who asks for the hash of a later turn', async () => {
  const driven = new Driven({ type: 'records', every: 1 });
  driven.guest.input('g64');
  expect(driven.group()).toBe(true);
  const { hash, lsn } = driven.guest;
  // As a backup does at the next checkpoint record, while it is still writing.
  driven.guest.input('g64');
  const memory = driven.guest.machine.usedMemory();
  expect(driven.guest.machine.figures().memory).toEqual(memoryHash(memory, memory.length).hash);
  expect(await driven.written()).toMatchObject({ lsn });
  expect(driven.restored(lsn)).toBe(hash);
});

describe('a checkpoint the guest has hinted at', () => {
  it('is taken at its turn, whatever else is due, and not again', async () => {
    const driven = new Driven({ type: 'records', every: 1e9 });
    expect(driven.group()).toBe(false);
    driven.guest.input('h');
    expect(driven.group()).toBe(true);
    expect(driven.group()).toBe(false);
    expect((await driven.written())?.lsn).toBe(driven.guest.lsn - 1);
  });

  it('is not taken where there are to be none', () => {
    const driven = new Driven({ type: 'off' });
    driven.guest.input('h');
    expect(driven.group()).toBe(false);
  });
});
