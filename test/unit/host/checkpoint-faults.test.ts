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
import { LONG } from '../../support/long.ts';
import { holds, PAGES, Taker, TOY_OWNER, ToyMemory } from './checkpoint-samples.ts';
import { tempDir } from './log-samples.ts';

/** Every operation fails in its turn; in the gate each second one, another half for each next fault. */
const STEP = LONG ? 1 : 2;

/** What must be true of the directory, as the caller saw it happen. */
interface Witness {
  readonly memories: Map<number, Uint8Array>;
  /** The log is on disk up to here. */
  durable: number;
  /** Newest snapshot that was reported to be on disk. */
  taken: number;
}

/** The process is no more, or its log. */
class Died extends Error {}

function demandWhole(dir: string, lsn: number, { memories }: Witness): void {
  const loaded = loadCheckpoint(dir, asLsn(lsn), TOY_OWNER);
  if (loaded.type !== 'loaded') throw new Error(`${lsn}: ${loaded.reason}`);
  expect(holds(loaded.snapshot, memories.get(lsn)), `snapshot ${lsn}`).toBe(true);
}

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
  const take = async (changed = 1): Promise<void> => {
    toy.lsn += 1;
    for (let n = 0; n < changed; n++) toy.write((toy.lsn * 7 + n) % PAGES, toy.lsn);
    witness.memories.set(toy.lsn, toy.memory.slice());
    const { lsn } = toy;
    let logFailed: (error: Died) => void = () => undefined;
    const log = new Promise<never>((_resolve, reject) => {
      logFailed = reject;
    });
    const place = toy.place((done) => {
      const onSynced = (): void => {
        witness.durable = lsn;
        done();
      };
      // Nobody hears of a log that has failed, and nothing goes on without it.
      disk.syncLog().then(onSynced, () => logFailed(new Died()));
    });
    const taken = await alive(Promise.race([taker.take(toy, place), log]));
    if (taken === undefined) return;
    witness.taken = lsn;
    demandWhole(dir, lsn, witness);
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
    for (const changed of [1, 1, PAGES - 5, 1, 1]) await take(changed);
    await tidy(thin(dir, TOY_OWNER, { snapshotsMax: 3 }, disk));
    for (const changed of [1, 1, 1]) await take(changed);
    await tidy(keepFrom(dir, TOY_OWNER, asLsn(toy.lsn - 1), disk));
    await take();
  } catch (error) {
    if (!(error instanceof Died)) throw error;
    return witness;
  }
  expect(taker.errors.length + taker.taken.length).toBe(9);
  expect(taker.errors.length).toBeLessThan(2);
  return witness;
}

async function afterwards(dir: string, witness: Witness): Promise<void> {
  const { durable, taken } = witness;
  const { checkpoint, skipped } = newestUsable(dir, TOY_OWNER);
  expect(skipped).toEqual([]);
  const lsn = checkpoint?.head.lsn ?? 0;
  expect(lsn).toBeGreaterThanOrEqual(taken);
  for (const one of checkpointLsns(dir)) {
    expect(one).toBeLessThanOrEqual(durable);
    demandWhole(dir, one, witness);
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
      new Set(['log', 'open', 'write', 'sync', 'close', 'rename', 'syncDirectory', 'unlink']),
    );
    for (let at = 1 + FAULTS.indexOf(fault); at <= count; at += STEP) {
      const one = tempDir();
      const disk = new FaultyDisk(at, fault);
      const witness = await life(one, disk);
      expect(disk.operations.length).toBeGreaterThanOrEqual(at);
      await afterwards(one, witness);
    }
  });
});
