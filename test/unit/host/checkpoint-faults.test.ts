import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { HvError } from '../../../hypervisor/base/errors.ts';
import {
  checkpointLsns,
  keepFrom,
  newestUsable,
  thin,
} from '../../../hypervisor/host/checkpoint-files.ts';
import { loadCheckpoint } from '../../../hypervisor/host/snapshot-reader.ts';
import { asLsn } from '../../../log-format/index.ts';
import { FAULTS, type Fault, FaultyDisk } from '../../support/faulty-disk.ts';
import { holds, PAGES, Taker, TOY_OWNER, ToyMemory } from './checkpoint-samples.ts';
import { tempDir } from './log-samples.ts';

/** What must be true of the directory, as the caller saw it happen. */
interface Witness {
  readonly memories: Map<number, Uint8Array>;
  /** The log is on disk up to here. */
  durable: number;
  /** Newest snapshot that was reported to be on disk. */
  taken: number;
}

class Died extends Error {}

/** Snapshots, thinning and trimming, one after the other; ends early when the process dies. */
async function life(dir: string, disk: FaultyDisk): Promise<Witness> {
  const witness: Witness = { memories: new Map(), durable: 0, taken: 0 };
  const toy = new ToyMemory();
  const taker = new Taker(dir, TOY_OWNER, { disk, differencesMax: 2 });
  const alive = async <T>(work: Promise<T>): Promise<T> => {
    let dead = false;
    const died = disk.died.then(() => {
      dead = true;
      throw new Died();
    });
    died.catch(() => undefined);
    const done = await Promise.race([work, died]);
    // An answer that came in the same moment is one nobody heard.
    await new Promise((resolve) => setImmediate(resolve));
    if (dead) throw new Died();
    return done;
  };
  const take = async (): Promise<void> => {
    toy.lsn += 1;
    toy.write((toy.lsn * 7) % PAGES, toy.lsn);
    witness.memories.set(toy.lsn, toy.memory.slice());
    const { lsn } = toy;
    const place = toy.place((done) => {
      witness.durable = lsn;
      done();
    });
    if ((await alive(taker.take(toy, place))) !== undefined) witness.taken = lsn;
  };
  const tidy = async (work: Promise<unknown>): Promise<void> => {
    try {
      await alive(work);
    } catch (error) {
      if (!(error instanceof HvError)) throw error;
      expect(error.code).toBe('HV_E_CHECKPOINT_WRITE');
    }
  };
  try {
    for (let n = 0; n < 5; n++) await take();
    await tidy(thin(dir, TOY_OWNER, { snapshotsMax: 3 }, disk));
    for (let n = 0; n < 3; n++) await take();
    await tidy(keepFrom(dir, TOY_OWNER, asLsn(toy.lsn - 1), disk));
    await take();
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    return witness;
  }
  const failed = disk.operations.length > 0 && taker.taken.length < 9;
  expect(taker.errors.length + taker.taken.length).toBe(9);
  if (failed) expect(taker.errors.length).toBe(1);
  return witness;
}

async function afterwards(dir: string, witness: Witness): Promise<void> {
  const { memories, durable, taken } = witness;
  const { checkpoint, skipped } = newestUsable(dir, TOY_OWNER);
  expect(skipped).toEqual([]);
  const lsn = checkpoint?.head.lsn ?? 0;
  expect(lsn).toBeGreaterThanOrEqual(taken);
  for (const one of checkpointLsns(dir)) {
    expect(one).toBeLessThanOrEqual(durable);
    const loaded = loadCheckpoint(dir, one, TOY_OWNER);
    if (loaded.type !== 'loaded') throw new Error(`${one} ${loaded.reason}`);
    expect(holds(loaded.snapshot, memories.get(one)), `snapshot ${one}`).toBe(true);
  }
  const toy = new ToyMemory();
  toy.lsn = 1000;
  const next = new Taker(dir, TOY_OWNER);
  expect(await next.take(toy, toy.place())).toMatchObject({ lsn: 1000, base: 0 });
  expect(newestUsable(dir, TOY_OWNER).checkpoint?.head.lsn).toBe(1000);
  expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
}

describe('a disk that fails at any one operation', () => {
  test('is asked in the order that survives a power cut', async () => {
    const disk = new FaultyDisk(0, 'error');
    const toy = new ToyMemory();
    toy.lsn = 1;
    const place = toy.place((done) => {
      disk.operations.push('log durable');
      done();
    });
    await new Taker(tempDir(), TOY_OWNER, { disk }).take(toy, place);
    const order = ['open', 'write', 'write', 'write', 'sync', 'close'];
    expect(disk.operations).toEqual([...order, 'log durable', 'rename', 'syncDirectory']);
  });

  test.each(FAULTS)('leaves whole snapshots of a durable log only: %s', async (fault: Fault) => {
    const healthy = new FaultyDisk(0, fault);
    const dir = tempDir();
    await afterwards(dir, await life(dir, healthy));
    const count = healthy.operations.length;
    expect(count).toBeGreaterThan(70);
    expect(new Set(healthy.operations)).toEqual(
      new Set(['open', 'write', 'sync', 'close', 'rename', 'syncDirectory', 'unlink']),
    );
    for (let at = 1; at <= count; at++) {
      const one = tempDir();
      const disk = new FaultyDisk(at, fault);
      const witness = await life(one, disk);
      expect(disk.operations.length).toBeGreaterThanOrEqual(at);
      await afterwards(one, witness);
    }
  });
});
