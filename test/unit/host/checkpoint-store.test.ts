import {
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  keepFrom,
  listCheckpoints,
  newestUsable,
  thin,
} from '../../../hypervisor/host/checkpoint-files.ts';
import { DiskCheckpoints } from '../../../hypervisor/host/disk-checkpoints.ts';
import { CompleteCache, loadCheckpoint } from '../../../hypervisor/host/snapshot-reader.ts';
import { memoryHash } from '../../../hypervisor/machine/memory-image.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  encodeFrame,
  encodeSnapshotHead,
  FRAME_HEAD_BYTES,
  SNAPSHOT_FRAME,
  SNAPSHOT_PAGE_BYTES,
  type SnapshotHead,
  snapshotName,
} from '../../../log-format/index.ts';
import { LONG } from '../../support/long.ts';
import { OWNER, SnapshotGuest } from '../../support/snapshot-guest.ts';
import { sampleHead, snapshotFile } from '../log-format/snapshot-samples.ts';
import {
  holds,
  lsnsOf,
  PAGES,
  packedTo,
  Taker,
  TOY_OWNER,
  ToyMemory,
} from './checkpoint-samples.ts';
import { tempDir } from './log-samples.ts';

/** Snapshots in a row. */
const MANY = LONG ? 100 : 40;

const VIEW = { epoch: asEpoch(1), primary: 'a', backups: [] };

function placeOf(guest: SnapshotGuest): Parameters<Taker['take']>[1] {
  const time = asMicros(guest.lsn);
  return { position: guest.position, time, view: VIEW, logDurable: (done) => done() };
}

/** A toy with snapshots at these lsns, in each of which one more page has changed. */
async function toyWith(
  dir: string,
  lsns: readonly number[],
  differencesMax = 3,
): Promise<{ toy: ToyMemory; taker: Taker; memories: Map<number, Uint8Array> }> {
  const toy = new ToyMemory();
  const taker = new Taker(dir, TOY_OWNER, { differencesMax });
  const memories = new Map<number, Uint8Array>();
  for (const lsn of lsns) {
    toy.lsn = lsn;
    toy.write(lsn % PAGES, lsn);
    memories.set(lsn, toy.memory.slice());
    await taker.take(toy, toy.place());
  }
  return { toy, taker, memories };
}

const fileOf = (dir: string, lsn: number): string => join(dir, snapshotName(asLsn(lsn)));

/** Flips a bit in the end frame: the head stays as it is. */
function damage(dir: string, lsn: number): void {
  const bytes = readFileSync(fileOf(dir, lsn));
  const at = bytes.length - 20;
  bytes[at] = (bytes[at] ?? 0) ^ 4;
  writeFileSync(fileOf(dir, lsn), bytes);
}

describe('a snapshot on disk', () => {
  test('goes on as the machine it was taken of, also after many of them', async () => {
    const dir = tempDir();
    const guest = new SnapshotGuest().boot().input('g512');
    const taker = new Taker(dir, OWNER, { differencesMax: 30 });
    const hashes = new Map<number, string>();
    for (let n = 0; n < MANY; n++) {
      guest.input(n === 40 ? 'f' : n % 20 === 7 ? 'g128' : 'x');
      hashes.set(guest.lsn, guest.hash);
      await taker.take(guest.machine, placeOf(guest));
    }
    expect(taker.errors).toEqual([]);
    expect(taker.taken).toHaveLength(MANY);
    const complete = taker.taken.filter(({ base }) => base === 0);
    expect(complete.length).toBeGreaterThanOrEqual(2);
    expect(complete.length).toBeLessThan(15);
    const cache = new CompleteCache();
    let restored: SnapshotGuest | undefined;
    for (const [lsn, hash] of hashes) {
      const loaded = loadCheckpoint(dir, asLsn(lsn), OWNER, { cache });
      if (loaded.type !== 'loaded') throw new Error(`${lsn}: ${loaded.reason}`);
      if (restored === undefined) restored = new SnapshotGuest({ snapshot: loaded.snapshot });
      else restored.machine.restore(loaded.snapshot);
      expect(restored.hash, `snapshot ${lsn}`).toBe(hash);
      expect(loaded.head.memory).toEqual(restored.machine.figures().memory);
    }
    if (restored === undefined) throw new Error('nothing was restored');
    restored.lsn = guest.lsn;
    guest.input('g64').input('x');
    restored.input('g64').input('x');
    expect(restored.hash).toBe(guest.hash);
    expect(restored.machine.saveState()).toEqual(guest.machine.saveState());
  }, 60_000);

  test('takes up what changed: the pages of one turn are a small part of a heap', async () => {
    const dir = tempDir();
    const guest = new SnapshotGuest().boot().input('g4096');
    const taker = new Taker(dir, OWNER);
    const complete = await taker.take(guest.machine, placeOf(guest));
    guest.input('x');
    const difference = await taker.take(guest.machine, placeOf(guest));
    expect(complete).toMatchObject({ base: 0 });
    expect(difference).toMatchObject({ base: complete?.lsn });
    expect(difference?.pages).toBeLessThan((complete?.pages ?? 0) / 20);
    expect(statSync(fileOf(dir, guest.lsn)).size).toBe(difference?.bytes);
    expect(taker.store.memoryBytes).toBeLessThan(2 * guest.machine.usedMemory().length);
  });

  test('is readable and writable by its owner only', async () => {
    const dir = tempDir();
    await toyWith(dir, [1]);
    expect(statSync(fileOf(dir, 1)).mode & 0o777).toBe(0o600);
  });
});

describe('a store of snapshots', () => {
  test('sees a page that became zero, and pages beyond what was used before', async () => {
    const dir = tempDir();
    const toy = new ToyMemory();
    toy.extentPages = PAGES - 6;
    toy.write(PAGES - 6, 0);
    toy.write(PAGES - 4, 0);
    toy.write(PAGES - 2, 0);
    const taker = new Taker(dir, TOY_OWNER);
    toy.lsn = 1;
    await taker.take(toy, toy.place());
    toy.lsn = 2;
    toy.write(4, 0);
    toy.extentPages = PAGES;
    toy.write(PAGES - 1, 9);
    const larger = toy.memory.slice();
    expect(await taker.take(toy, toy.place())).toMatchObject({ base: 1, pages: 2 });
    toy.lsn = 3;
    toy.write(PAGES - 1, 0);
    toy.write(0, 77);
    toy.extentPages = 4;
    for (let page = 4; page < PAGES; page++) toy.write(page, 0);
    const smaller = toy.memory.slice();
    await taker.take(toy, toy.place());
    for (const [lsn, memory] of [
      [2, larger],
      [3, smaller],
    ] as const) {
      const loaded = loadCheckpoint(dir, asLsn(lsn), TOY_OWNER);
      if (loaded.type !== 'loaded') throw new Error(loaded.reason);
      expect(holds(loaded.snapshot, memory)).toBe(true);
      const { hash } = memoryHash(memory, memory.length);
      expect(loaded.head.memory).toEqual(hash);
    }
  });

  test('writes a complete one when too much has changed and after enough differences', async () => {
    const dir = tempDir();
    const { toy, taker } = await toyWith(dir, [1, 2, 3, 4, 5, 6]);
    expect(taker.taken.map(({ base }) => base)).toEqual([0, 1, 1, 1, 0, 5]);
    toy.lsn = 7;
    for (let page = 0; page < PAGES; page += 3) toy.write(page, 200);
    expect(await taker.take(toy, toy.place())).toMatchObject({ lsn: 7, base: 0 });
  });

  test('refuses a second one while one is being written, and keeps what was asked for first', async () => {
    const dir = tempDir();
    const { toy, taker } = await toyWith(dir, [1]);
    toy.lsn = 2;
    toy.write(0, 50);
    const memory = toy.memory.slice();
    expect(taker.store.take(toy, toy.place())).toBe(true);
    for (let page = 0; page < PAGES; page++) toy.write(page, 99);
    toy.lsn = 3;
    expect(taker.store.take(toy, toy.place())).toBe(false);
    await taker.idle();
    const loaded = loadCheckpoint(dir, asLsn(2), TOY_OWNER);
    if (loaded.type !== 'loaded') throw new Error(loaded.reason);
    expect(holds(loaded.snapshot, memory)).toBe(true);
    expect(await taker.take(toy, toy.place())).toMatchObject({ lsn: 3, base: 0 });
  });

  test('gives no snapshot its name before the log is on disk as far as it goes', async () => {
    const dir = tempDir();
    const { toy, taker } = await toyWith(dir, [1]);
    toy.lsn = 2;
    let durable = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      const place = toy.place((done) => {
        durable = done;
        resolve();
      });
      taker.store.take(toy, place);
    });
    await asked;
    expect(readdirSync(dir).sort()).toEqual([
      snapshotName(asLsn(1)),
      `${snapshotName(asLsn(2))}.tmp`,
    ]);
    durable();
    await taker.idle();
    expect(readdirSync(dir).sort()).toEqual([snapshotName(asLsn(1)), snapshotName(asLsn(2))]);
  });

  test('removes what a killed process left half written', async () => {
    const dir = tempDir();
    writeFileSync(`${fileOf(dir, 9)}.tmp`, 'half');
    expect(listCheckpoints(dir)).toEqual({ checkpoints: [], skipped: [] });
    await toyWith(dir, [10]);
    expect(readdirSync(dir)).toEqual([snapshotName(asLsn(10))]);
  });

  test('does not write a difference to a file that somebody has deleted', async () => {
    const dir = tempDir();
    const { toy, taker } = await toyWith(dir, [1]);
    unlinkSync(fileOf(dir, 1));
    toy.lsn = 2;
    expect(await taker.take(toy, toy.place())).toBeUndefined();
    expect(taker.errors).toEqual([expect.objectContaining({ code: 'HV_E_CHECKPOINT_WRITE' })]);
    toy.lsn = 3;
    expect(await taker.take(toy, toy.place())).toMatchObject({ base: 0 });
  });
});

describe('loading', () => {
  test('tells a newer version, another run, another engine and a missing file from damage', async () => {
    const dir = tempDir();
    await toyWith(dir, [1]);
    const load = (owner = TOY_OWNER, lsn = 1): unknown => loadCheckpoint(dir, asLsn(lsn), owner);
    expect(load()).toMatchObject({ type: 'loaded' });
    expect(load(TOY_OWNER, 2)).toMatchObject({ why: 'missing' });
    expect(load({ ...TOY_OWNER, vm: 'other-1' })).toMatchObject({ why: 'foreign' });
    expect(load({ ...TOY_OWNER, imageHash: '00'.repeat(32) })).toMatchObject({
      why: 'foreign',
      reason: "its imageHash is not the log's",
    });
    damage(dir, 1);
    expect(load()).toMatchObject({ why: 'damaged' });
    const { lsn } = sampleHead();
    const payload = encodeSnapshotHead(sampleHead()).slice(FRAME_HEAD_BYTES);
    payload['hvsnap\r\n\0'.length + 1] = 2;
    writeFileSync(fileOf(dir, lsn), encodeFrame(SNAPSHOT_FRAME.head, payload));
    const newer = { why: 'version', reason: expect.stringContaining('format version 2') };
    expect(load(TOY_OWNER, lsn)).toMatchObject(newer);
    expect(listCheckpoints(dir).skipped).toMatchObject([{ lsn, unusable: newer }]);
  });

  test('refuses a difference whose complete snapshot is missing, damaged or another', async () => {
    const dir = tempDir();
    await toyWith(dir, [1, 2]);
    const load = (): unknown => loadCheckpoint(dir, asLsn(2), TOY_OWNER);
    const spare = tempDir();
    copyFileSync(fileOf(dir, 1), fileOf(spare, 1));
    damage(dir, 1);
    expect(load()).toMatchObject({ why: 'damaged', reason: expect.stringContaining('1 it needs') });
    unlinkSync(fileOf(dir, 1));
    expect(load()).toMatchObject({ why: 'missing' });
    const other = tempDir();
    const toy = new ToyMemory();
    toy.lsn = 1;
    await new Taker(other, TOY_OWNER).take(toy, toy.place());
    renameSync(fileOf(other, 1), fileOf(dir, 1));
    expect(load()).toMatchObject({
      why: 'damaged',
      reason: expect.stringContaining('another one'),
    });
    renameSync(fileOf(spare, 1), fileOf(dir, 1));
    expect(load()).toMatchObject({ type: 'loaded' });
  });

  test('refuses pages that unpack to more or less than announced, and memory other than hashed', () => {
    const dir = tempDir();
    const page = new Uint8Array(SNAPSHOT_PAGE_BYTES).fill(3);
    const runs = [{ first: 2, count: 1 }];
    const memory = new Uint8Array(4 * SNAPSHOT_PAGE_BYTES);
    memory.set(page, 2 * SNAPSHOT_PAGE_BYTES);
    const good = sampleHead({ memory: memoryHash(memory, memory.length).hash });
    const put = (head: SnapshotHead, bytes: Uint8Array): unknown => {
      writeFileSync(fileOf(dir, head.lsn), snapshotFile(head, [packedTo(runs, bytes)]));
      return loadCheckpoint(dir, head.lsn, TOY_OWNER);
    };
    expect(put(good, page)).toMatchObject({ type: 'loaded' });
    expect(put(good, new Uint8Array(5_000_000))).toMatchObject({
      reason: 'pages cannot be unpacked',
    });
    expect(put(good, page.subarray(1))).toMatchObject({ reason: 'pages unpack to another length' });
    expect(put(sampleHead(), page)).toMatchObject({ reason: expect.stringContaining('hash') });
    expect(put({ ...good, extent: SNAPSHOT_PAGE_BYTES }, page)).toMatchObject({
      reason: 'a page beyond the extent',
    });
  });

  test('refuses a file under the name of another lsn', async () => {
    const dir = tempDir();
    await toyWith(dir, [1]);
    renameSync(fileOf(dir, 1), fileOf(dir, 5));
    expect(loadCheckpoint(dir, asLsn(5), TOY_OWNER)).toMatchObject({ why: 'damaged' });
    expect(listCheckpoints(dir)).toMatchObject({ checkpoints: [], skipped: [{ lsn: 5 }] });
  });

  test('falls back to the next older one, and says what it skipped and why', async () => {
    const dir = tempDir();
    const { memories } = await toyWith(dir, [1, 2, 3, 4, 5, 6]);
    const chosen = (max?: number): unknown[] => {
      const { checkpoint, skipped } = newestUsable(
        dir,
        TOY_OWNER,
        max === undefined ? undefined : asLsn(max),
      );
      if (checkpoint) {
        const { lsn } = checkpoint.head;
        expect(holds(checkpoint.snapshot, memories.get(lsn))).toBe(true);
      }
      return [checkpoint?.head.lsn, ...lsnsOf(skipped)];
    };
    expect(chosen()).toEqual([6]);
    expect(chosen(3)).toEqual([3]);
    damage(dir, 6);
    expect(chosen()).toEqual([5, 6]);
    damage(dir, 5);
    expect(chosen()).toEqual([4, 6, 5]);
    damage(dir, 1);
    expect(chosen()).toEqual([undefined, 6, 5, 4, 3, 2, 1]);
    expect(chosen(0)).toEqual([undefined]);
  });

  test('of many differences unpacks their complete snapshot once, and shares nothing that is written', async () => {
    const dir = tempDir();
    const { memories } = await toyWith(dir, [1, 2, 3, 4]);
    const source = new DiskCheckpoints(dir, TOY_OWNER);
    expect(source.nearest(asLsn(3))).toEqual({ lsn: 3 });
    expect(source.nearest(asLsn(99))).toEqual({ lsn: 4 });
    expect(source.nearest(asLsn(0))).toBeUndefined();
    expect(source.load(asLsn(2))).toBeDefined();
    unlinkSync(fileOf(dir, 1));
    for (const lsn of [4, 2, 3]) {
      const snapshot = source.load(asLsn(lsn));
      if (snapshot === undefined) throw new Error('not loaded');
      expect(holds(snapshot, memories.get(lsn))).toBe(true);
      const ends = snapshot.memory.map(({ at, bytes }) => [at, at + bytes.length]);
      expect(ends.flat()).toEqual([...ends.flat()].sort((one, two) => one - two));
    }
    damage(dir, 4);
    expect(source.load(asLsn(4))).toBeUndefined();
    expect(source.nearest(asLsn(99))).toEqual({ lsn: 3 });
    expect(lsnsOf(source.skipped)).toEqual([4]);
  });
});

describe('retention', () => {
  test('thins differences before what they need, keeps the newest usable, and spaces by age', async () => {
    const dir = tempDir();
    const lsns = Array.from({ length: 24 }, (_, n) => 10 * (n + 1));
    await toyWith(dir, lsns);
    const deleted = await thin(dir, TOY_OWNER, { snapshotsMax: 8 });
    const left = listCheckpoints(dir).checkpoints;
    expect(left).toHaveLength(8);
    expect(new Set([...deleted, ...lsnsOf(left)])).toEqual(new Set(lsns));
    for (const { lsn } of left)
      expect(loadCheckpoint(dir, lsn, TOY_OWNER), `${lsn}`).toMatchObject({ type: 'loaded' });
    expect(left[0]?.lsn).toBe(240);
    const [old, late] = [left.at(-2)?.lsn ?? 0, left[1]?.lsn ?? 0];
    expect(old - (left.at(-1)?.lsn ?? 0)).toBeGreaterThanOrEqual(240 - late);
    expect(await thin(dir, TOY_OWNER, { snapshotsMax: 8 })).toEqual([]);
  });

  test('never thins away the newest one that can be used, however many are wanted', async () => {
    const dir = tempDir();
    await toyWith(dir, [1, 2, 3, 4, 5, 6]);
    damage(dir, 6);
    damage(dir, 5);
    await thin(dir, TOY_OWNER, { snapshotsMax: 1 });
    expect(newestUsable(dir, TOY_OWNER).checkpoint?.head.lsn).toBe(4);
  });

  test('keeps from a complete snapshot on, and all that need it', async () => {
    const dir = tempDir();
    await toyWith(dir, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await keepFrom(dir, TOY_OWNER, asLsn(4))).toMatchObject({
      first: { lsn: 1 },
      deleted: [],
    });
    const kept = await keepFrom(dir, TOY_OWNER, asLsn(8));
    expect(kept).toMatchObject({ first: { lsn: 5 }, deleted: [4, 3, 2, 1] });
    damage(dir, 9);
    expect(await keepFrom(dir, TOY_OWNER, asLsn(10))).toMatchObject({ first: { lsn: 5 } });
    for (const lsn of [5, 6, 7, 8])
      expect(loadCheckpoint(dir, asLsn(lsn), TOY_OWNER)).toMatchObject({ type: 'loaded' });
    expect(await keepFrom(dir, TOY_OWNER, asLsn(3))).toEqual({ first: undefined, deleted: [] });
  });
});
