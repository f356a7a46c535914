import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkpointLsns } from '../../../hypervisor/host/checkpoint-files.ts';
import type { TakenCheckpoint } from '../../../hypervisor/host/checkpoint-store.ts';
import { cutCopy } from '../../../hypervisor/host/cut-copy.ts';
import { FollowedCheckpoints } from '../../../hypervisor/host/followed-checkpoints.ts';
import { baseOf, inspectCopy } from '../../../hypervisor/host/local-copy.ts';
import { openLog } from '../../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import { trimLog } from '../../../hypervisor/host/log-trim.ts';
import { buildMachine } from '../../../hypervisor/host/machine-factory.ts';
import { recoverLog } from '../../../hypervisor/host/recovery.ts';
import { type RestoredCopy, restoreCopy } from '../../../hypervisor/host/restore-copy.ts';
import { readHead } from '../../../hypervisor/host/snapshot-reader.ts';
import { LocalMachine } from '../../../hypervisor/machine/local-machine.ts';
import type { ReplayGroup } from '../../../hypervisor/ports.ts';
import { GroupSplitter, lastLsnOf } from '../../../hypervisor/replica/group-splitter.ts';
import { asLsn, asMicros, type Batch, type Lsn } from '../../../log-format/index.ts';
import { LONG } from '../../support/long.ts';
import {
  memoryHashOf,
  RecordedRun,
  RUN_BLOB_LIST,
  RUN_BLOBS,
  RUN_HEADER,
} from '../../support/recorded-run.ts';

const SEGMENT_BYTES = 3000;
const made: string[] = [];
function memoryDir(): string {
  const memory = '/dev/shm';
  const dir = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'hv-restore-'));
  made.push(dir);
  return dir;
}
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

interface Recorded {
  readonly dir: string;
  readonly run: RecordedRun;
  readonly batches: readonly Batch[];
}

let template: Promise<Recorded> | undefined;
async function makeTemplate(): Promise<Recorded> {
  const dir = memoryDir();
  const run = new RecordedRun(dir, { every: 6, segmentBytes: SEGMENT_BYTES }).boot();
  for (let n = 0; n < 12; n++) {
    run.input(`line ${n}`);
    await run.settled();
  }
  run.open('never closed');
  await run.close();
  return { dir, run, batches: [...openLog(dir).batches()].map(({ batch }) => batch) };
}

async function recorded(): Promise<Recorded> {
  template ??= makeTemplate();
  const dir = memoryDir();
  const made = await template;
  cpSync(made.dir, dir, { recursive: true });
  return { ...made, dir };
}

const lastOf = ({ firstLsn, records }: Batch): Lsn => asLsn(firstLsn + records.length - 1);

const restore = (dir: string, lsn: number, lsnReleased = lsn): ReturnType<typeof restoreCopy> =>
  restoreCopy({ dir, lsn: asLsn(lsn), lsnReleased: asLsn(lsnReleased) }, {});

/** Replays what follows as a backup does; the machine's memory at the end. */
function goOn(restored: RestoredCopy, machine: LocalMachine, batches: readonly Batch[]): string {
  const splitter = new GroupSplitter(restored);
  for (const batch of batches)
    for (const group of splitter.push(batch))
      machine.replay(group, (_result, divergence) => expect(divergence).toBeUndefined());
  expect(splitter.view).toMatchObject({ epoch: 1, primary: 'a', backups: ['b'] });
  return memoryHashOf(machine.machine);
}

const portOf = (machine: ReturnType<typeof buildMachine>): LocalMachine =>
  new LocalMachine(machine, { wall: () => RUN_HEADER.startedAt, stopRequested: () => undefined });

describe('a copy that is restored', () => {
  it('stands where its last complete group ended, at any batch, and goes on from there', async () => {
    const { dir, run, batches } = await recorded();
    const starts = new Set<number>();
    // The gate takes every third, and the end.
    const isTaken = (index: number): boolean =>
      LONG || index % 3 === 1 || index > batches.length - 3;
    for (const [index, batch] of batches.entries()) {
      if (!isTaken(index)) continue;
      const lsn = lastOf(batch);
      const { machine, header, restored } = restore(dir, lsn);
      expect(header).toEqual(RUN_HEADER);
      const end = run.ends.findLast((one) => one.lsn <= lsn);
      expect(restored.lsnReplayed).toBe(end?.lsn ?? 0);
      starts.add(restored.checkpoint);
      expect(restored.checkpoint).toBe(checkpointLsns(dir).find((one) => one <= lsn) ?? 0);
      if (end !== undefined) {
        expect(memoryHashOf(machine)).toBe(end.hash);
        const { alarmAt, immediatesLeft, halted } = end.result;
        expect(restored.machine).toEqual({ alarmAt, immediatesLeft, halted });
      }
      const open = batches.slice(0, index + 1).flatMap((one) => one.records);
      const tail = open.slice(restored.lsnReplayed).filter(({ type }) => type !== 'view');
      expect(restored.tail?.records ?? []).toEqual(tail);
      if (index > batches.length - 6 || index % 5 === 0)
        expect(goOn(restored, portOf(machine), batches.slice(index + 1))).toBe(
          run.ends.at(-1)?.hash,
        );
    }
    expect(starts.size).toBeGreaterThan(3);
  });

  it('has every output that is not known to have left, also of records before its newest snapshot', async () => {
    const { dir, run } = await recorded();
    const outputs = run.ends.flatMap((one) => one.outputs);
    const newest = checkpointLsns(dir)[0] ?? 0;
    expect(outputs.filter(({ lsn }) => lsn < newest).length).toBeGreaterThan(2);
    const starts = new Set<number>();
    const some = outputs.filter((_, index) => index % 5 === 2).map(({ lsn }) => lsn);
    for (const released of [0, ...some, run.lsn]) {
      const { restored } = restore(dir, run.lsn, released);
      expect(restored.held).toEqual(outputs.filter(({ lsn }) => lsn > released));
      expect(restored.checkpoint).toBe(checkpointLsns(dir).find((one) => one <= released) ?? 0);
      starts.add(restored.checkpoint);
    }
    expect(starts.size).toBeGreaterThan(2);
  });

  it('begins with the newest snapshot where the log does not go back to what has not left', async () => {
    const { dir, run } = await recorded();
    const [newest = asLsn(0), second = asLsn(0)] = checkpointLsns(dir);
    await trimLog(dir, RUN_HEADER, second);
    const { restored } = restore(dir, run.lsn, 1);
    expect(restored.checkpoint).toBe(newest);
    const outputs = run.ends.flatMap((one) => one.outputs);
    expect(restored.held).toEqual(outputs.filter(({ lsn }) => lsn > newest));
  });

  it('is refused where it does not end with the record it should', async () => {
    const { dir, run, batches } = await recorded();
    const inside = batches.find(({ records }) => records.length > 1)?.firstLsn ?? 0;
    const damaged = expect.objectContaining({ code: 'HV_E_LOG_DAMAGED' });
    expect(() => restore(dir, inside)).toThrow(damaged);
    expect(() => restore(dir, run.lsn + 1)).toThrow(damaged);
  });

  it('is refused when its replay differs', async () => {
    const dir = memoryDir();
    const run = new RecordedRun(dir).boot();
    const time = asMicros(RUN_HEADER.startedAt + 1_000_000);
    const figures = { turns: 1, heapBytes: 2, heapBlocks: 3, pages: 4, memory: new Uint8Array(16) };
    run.input('one');
    const end = { ...(run.ends.at(-1)?.result.end ?? (undefined as never)) };
    run.append([
      { type: 'checkpoint', time, ...figures },
      { type: 'end', ...end },
    ]);
    await run.close();
    expect(() => restore(dir, run.lsn)).toThrow(expect.objectContaining({ code: 'HV_E_DIVERGED' }));
  });

  it('after a cut is the machine of the record it was cut at', async () => {
    const { dir, run, batches } = await recorded();
    const lsn = lastOf(batches[15] ?? (undefined as never));
    const { lsnLast } = await cutCopy(dir, lsn);
    const copy = await inspectCopy(dir);
    expect(copy?.lsnLast).toBe(lsnLast);
    const { machine, restored } = restore(dir, lsnLast);
    expect(memoryHashOf(machine)).toBe(
      run.ends.find((one) => one.lsn === restored.lsnReplayed)?.hash,
    );
    expect(copy && baseOf(copy).blobs).toHaveLength(3);
  });
});

/** A backup in one thread: its own copy of the log, and a machine that replays it. */
class Following {
  readonly dir: string = memoryDir();
  readonly taken: TakenCheckpoint[] = [];
  readonly troubles: Error[] = [];
  readonly machine: ReturnType<typeof buildMachine> = buildMachine(RUN_HEADER, RUN_BLOBS);
  readonly store: FileLogStore;
  readonly followed: FollowedCheckpoints;
  readonly #port: LocalMachine = portOf(this.machine);
  readonly #splitter = new GroupSplitter();
  /** Tells a place; tests hold it back. */
  tell: (act: () => void) => void = (act) => act();

  constructor() {
    this.store = FileLogStore.create(this.dir, RUN_HEADER, RUN_BLOB_LIST, {
      segmentBytes: SEGMENT_BYTES,
      onError: (error) => {
        throw error;
      },
    });
    const { dir, machine } = this;
    this.followed = new FollowedCheckpoints({
      ...{ dir, header: RUN_HEADER, machine, lsn: asLsn(0), time: RUN_HEADER.startedAt },
      onTaken: (one) => this.taken.push(one),
      onTrouble: (error) => this.troubles.push(error),
    });
  }

  /** As `LogCopy` does: what is complete is replayed after all of it was appended. */
  take(encoded: RecordedRun['batches'][number], batch: Batch): void {
    for (const group of this.append(encoded, batch)) this.replay(group);
  }

  append(encoded: RecordedRun['batches'][number], batch: Batch): readonly ReplayGroup[] {
    this.store.append(encoded);
    const groups = this.#splitter.push(batch);
    const { view } = this.#splitter;
    for (const group of groups)
      if (group.records.at(-2)?.type === 'checkpoint')
        this.store.placeOf(lastLsnOf(group), (position) =>
          this.tell(() => this.followed.placed(position, view)),
        );
    return groups;
  }

  replay(group: ReplayGroup): void {
    this.#port.replay(group, (result, divergence) => {
      expect(divergence).toBeUndefined();
      this.followed.replayed(group, result);
    });
  }

  idle(): Promise<void> {
    return new Promise((resolve) => this.followed.whenIdle(resolve));
  }
}

describe('a backup that follows the checkpoints of its primary', () => {
  it('has the same snapshots at the same places, and a machine is restored from them', async () => {
    const { dir, run, batches } = await recorded();
    const backup = new Following();
    for (const [index, batch] of batches.entries()) {
      backup.take(run.batches[index] ?? (undefined as never), batch);
      await backup.idle();
    }
    await new Promise<void>((resolve) => backup.store.close(resolve));
    expect(backup.troubles).toEqual([]);
    // A primary whose log changes segments at that moment records the checkpoint and takes none.
    expect(checkpointLsns(backup.dir)).toEqual(expect.arrayContaining([...checkpointLsns(dir)]));
    for (const lsn of checkpointLsns(dir)) {
      const [own, primary] = [readHead(backup.dir, lsn), readHead(dir, lsn)];
      if ('type' in own || 'type' in primary) throw new Error('both have a head');
      for (const field of ['memory', 'state', 'position', 'view', 'time', 'extent'] as const)
        expect(own[field]).toEqual(primary[field]);
    }
    const recovered = await recoverLog(backup.dir, {});
    expect(recovered.report.checkpoint).toBe(checkpointLsns(dir)[0]);
    expect(memoryHashOf(recovered.machine)).toBe(run.ends.at(-1)?.hash);
  });

  it('names none before its copy is on disk up to there, whichever is told first', async () => {
    const { run, batches } = await recorded();
    const backup = new Following();
    const held: (() => void)[] = [];
    backup.tell = (act) => held.push(act);
    for (const [index, batch] of batches.entries()) {
      backup.take(run.batches[index] ?? (undefined as never), batch);
      await new Promise<void>((resolve) => backup.store.sync(resolve));
    }
    expect(held.length).toBeGreaterThan(2);
    expect(checkpointLsns(backup.dir)).toEqual([]);
    for (const act of held) act();
    await backup.idle();
    // The first was waiting for its place all the time; for the others there was no room.
    expect(checkpointLsns(backup.dir)).toHaveLength(1);
    expect(backup.taken).toHaveLength(1);
    await new Promise<void>((resolve) => backup.store.close(resolve));
  });

  it('uses what it was told of a place long before its replay came there', async () => {
    const { dir, run, batches } = await recorded();
    const backup = new Following();
    const groups = batches.flatMap((batch, index) =>
      backup.append(run.batches[index] ?? (undefined as never), batch),
    );
    await new Promise<void>((resolve) => backup.store.sync(resolve));
    expect(checkpointLsns(backup.dir)).toEqual([]);
    for (const group of groups) {
      backup.replay(group);
      await backup.idle();
    }
    expect(checkpointLsns(backup.dir)).toEqual(expect.arrayContaining([...checkpointLsns(dir)]));
    await new Promise<void>((resolve) => backup.store.close(resolve));
  });

  it('gives up the one that waits when it is promoted, and goes on with differences to its own', async () => {
    const { run, batches } = await recorded();
    const backup = new Following();
    for (const [index, batch] of batches.entries()) {
      const last = index > batches.length - 6;
      if (last) backup.tell = () => undefined;
      backup.take(run.batches[index] ?? (undefined as never), batch);
      if (!last) await backup.idle();
    }
    const before = checkpointLsns(backup.dir).length;
    const live = backup.followed.goLive(backup.store, {
      checkpoint: { type: 'records', every: 1 },
      keep: { type: 'all' },
    });
    await backup.idle();
    expect(backup.troubles).toEqual([]);
    expect(checkpointLsns(backup.dir)).toHaveLength(before);
    const lsn = backup.store.lastLsn;
    expect(live.ran({ lsn, time: RUN_HEADER.startedAt, runMs: 1 })).toBe(true);
    live.take({ lsn, time: RUN_HEADER.startedAt, view: run.view });
    await backup.idle();
    expect(backup.troubles).toEqual([]);
    expect(backup.taken.at(-1)).toMatchObject({ lsn, base: backup.taken[0]?.lsn });
    await new Promise<void>((resolve) => backup.store.close(resolve));
  });
});
