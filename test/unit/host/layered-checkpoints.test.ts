import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskCheckpoints } from '../../../hypervisor/host/disk-checkpoints.ts';
import type { MachineSnapshot } from '../../../hypervisor/machine/snapshot.ts';
import { LayeredCheckpoints, MemoryCheckpoints } from '../../../hypervisor/timeline/checkpoints.ts';
import { asLsn, snapshotName } from '../../../log-format/index.ts';
import { holds, Taker, TOY_OWNER, ToyMemory } from './checkpoint-samples.ts';
import { tempDir } from './log-samples.ts';

/** Complete snapshots at 10, 20, 30 and 40; the memory at each. */
async function fourOnDisk(): Promise<{ dir: string; memories: Map<number, Uint8Array> }> {
  const dir = tempDir();
  const taker = new Taker(dir, TOY_OWNER, { differencesMax: 0 });
  const toy = new ToyMemory();
  const memories = new Map<number, Uint8Array>();
  for (let lsn = 10; lsn <= 40; lsn += 10) {
    toy.lsn = lsn;
    toy.write(3, lsn);
    await taker.take(toy, toy.place());
    memories.set(lsn, toy.memory.slice());
  }
  return { dir, memories };
}

function damage(dir: string, lsn: number): void {
  const path = join(dir, snapshotName(asLsn(lsn)));
  const bytes = readFileSync(path);
  const at = bytes.length - 100;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function layered(dir: string, last = 100): LayeredCheckpoints {
  const range = { first: asLsn(0), last: asLsn(last) };
  const disk = new DiskCheckpoints(dir, TOY_OWNER);
  return new LayeredCheckpoints(new MemoryCheckpoints(64 * 1024 * 1024), disk.within(range));
}

function loaded(checkpoints: LayeredCheckpoints, lsn: number): MachineSnapshot {
  const found = checkpoints.load(asLsn(lsn));
  if (found === undefined) throw new Error(`no snapshot at ${lsn}`);
  return found;
}

describe('checkpoints in memory and beside the log', () => {
  it('name the newest on disk at or before a place, and load its memory', async () => {
    const { dir, memories } = await fourOnDisk();
    const checkpoints = layered(dir);
    expect(checkpoints.nearest(asLsn(9))).toBeUndefined();
    expect(checkpoints.nearest(asLsn(39))).toEqual({ lsn: 30 });
    expect(checkpoints.lsns()).toEqual([10, 20, 30, 40]);
    expect(holds(loaded(checkpoints, 30), memories.get(30))).toBe(true);
  });

  it('pass over a bad one on disk and name the one before', async () => {
    const { dir, memories } = await fourOnDisk();
    damage(dir, 30);
    const checkpoints = layered(dir);
    expect(checkpoints.nearest(asLsn(39))).toEqual({ lsn: 30 });
    expect(checkpoints.load(asLsn(30))).toBeUndefined();
    expect(checkpoints.nearest(asLsn(39))).toEqual({ lsn: 20 });
    expect(checkpoints.lsns()).toEqual([10, 20, 40]);
    expect(holds(loaded(checkpoints, 20), memories.get(20))).toBe(true);
  });

  it('never name one of a place the log does not reach any more', async () => {
    const { dir } = await fourOnDisk();
    const checkpoints = layered(dir, 25);
    expect(checkpoints.nearest(asLsn(100))).toEqual({ lsn: 20 });
    expect(checkpoints.lsns()).toEqual([10, 20]);
  });

  it('name the nearer one, wherever it is, and load it from there', async () => {
    const { dir, memories } = await fourOnDisk();
    const checkpoints = layered(dir);
    const inMemory = loaded(checkpoints, 10);
    checkpoints.offer(asLsn(25), () => inMemory);
    expect(checkpoints.nearest(asLsn(29))?.lsn).toBe(25);
    expect(holds(loaded(checkpoints, 25), memories.get(10))).toBe(true);
    expect(checkpoints.nearest(asLsn(31))).toEqual({ lsn: 30 });
    expect(checkpoints.lsns()).toEqual([10, 20, 25, 30, 40]);
  });
});
