import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { HvError } from '../../../hypervisor/base/errors.ts';
import { checkpointLsns, thin } from '../../../hypervisor/host/checkpoint-files.ts';
import type { CheckpointAnswer } from '../../../hypervisor/host/checkpointer.ts';
import { type Disk, REAL_DISK } from '../../../hypervisor/host/disk.ts';
import { inspectCopy, reaches } from '../../../hypervisor/host/local-copy.ts';
import { LogIndex } from '../../../hypervisor/host/log-index.ts';
import { openLog, verifyLog } from '../../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import { trimLog } from '../../../hypervisor/host/log-trim.ts';
import { openTimeline } from '../../../hypervisor/host/open-timeline.ts';
import { recoverLog } from '../../../hypervisor/host/recovery.ts';
import { type IntakeEnd, SnapshotIntake } from '../../../hypervisor/host/snapshot-intake.ts';
import {
  openSnapshotSource,
  type SnapshotSource,
  type SourceEnd,
} from '../../../hypervisor/host/snapshot-source.ts';
import { commonLsn } from '../../../hypervisor/protocol/history.ts';
import { asLsn, type Lsn, snapshotName } from '../../../log-format/index.ts';
import { FAULTS, FaultyDisk } from '../../support/faulty-disk.ts';
import { LONG } from '../../support/long.ts';
import { MortalDisk, Platter } from '../../support/platter.ts';
import {
  memoryHashOf,
  RecordedRun,
  type RecordedRunOptions,
  RUN_HEADER,
} from '../../support/recorded-run.ts';

const made: string[] = [];
function memoryDir(): string {
  const memory = '/dev/shm';
  const dir = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'hv-join-'));
  made.push(dir);
  return dir;
}
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

const onError = (error: Error): void => {
  throw error;
};

/** Groups with a checkpoint behind every second one, of which every fourth is complete. */
async function live(dir: string, options: RecordedRunOptions = {}): Promise<RecordedRun> {
  const run = new RecordedRun(dir, { every: 4, segmentBytes: 3000, ...options }).boot();
  for (let n = 0; n < 16; n++) {
    run.input(n === 5 ? 'g256' : `line ${n}`);
    await run.settled();
  }
  expect(run.troubles).toEqual([]);
  return run;
}

let template: Promise<{ dir: string; run: RecordedRun }> | undefined;
async function makeTemplate(): Promise<{ dir: string; run: RecordedRun }> {
  const dir = memoryDir();
  const run = await live(dir);
  await run.close();
  return { dir, run };
}

/** A directory with such a log of its own; the run is over. */
async function recorded(): Promise<{ dir: string; run: RecordedRun }> {
  template ??= makeTemplate();
  const dir = memoryDir();
  const { dir: from, run } = await template;
  cpSync(from, dir, { recursive: true });
  return { dir, run };
}

interface Piece {
  readonly name: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

async function newestDifference(dir: string): Promise<Lsn> {
  for (const lsn of checkpointLsns(dir)) {
    const source = await sourceOf(dir, lsn);
    await source.close();
    if (source.files.length === 2) return lsn;
  }
  throw new Error('there is a difference');
}

function readSource(source: SnapshotSource): Promise<{ end: SourceEnd; pieces: Piece[] }> {
  return new Promise((resolve) => {
    const pieces: Piece[] = [];
    source.read(
      (name, offset, bytes) => pieces.push({ name, offset, bytes }),
      (end) => resolve({ end, pieces }),
    );
  });
}

async function sourceOf(
  dir: string,
  lsnMax?: number,
  avoid?: ReadonlySet<Lsn>,
): Promise<SnapshotSource> {
  const source = await openSnapshotSource(dir, RUN_HEADER, {
    ...(lsnMax === undefined ? {} : { lsnMax: asLsn(lsnMax) }),
    ...(avoid === undefined ? {} : { avoid }),
  });
  if (source === undefined) throw new Error('there is a snapshot');
  return source;
}

/** What a replica in `dir` makes of a snapshot. */
async function takeIn(
  dir: string,
  source: SnapshotSource,
  options: { readonly disk?: Disk; readonly change?: (pieces: Piece[]) => Piece[] } = {},
): Promise<IntakeEnd> {
  const { beginning, files } = source;
  const { pieces } = await readSource(source);
  const intake = new SnapshotIntake({
    dir,
    beginning,
    files,
    ...(options.disk === undefined ? {} : { disk: options.disk }),
  });
  for (const { name, offset, bytes } of options.change?.(pieces) ?? pieces)
    intake.chunk(name, offset, bytes);
  return await new Promise((resolve) => intake.finish(resolve));
}

/** A copy of `run` that joined by its newest snapshot up to `lsnMax`, with the log behind it. */
async function joined(
  from: { readonly dir: string; readonly run: RecordedRun },
  lsnMax?: number,
): Promise<{ dir: string; lsn: number }> {
  const dir = join(memoryDir(), 'copy');
  const end = await takeIn(dir, await sourceOf(from.dir, lsnMax));
  if (end.type !== 'ready') throw new Error(`not ready: ${JSON.stringify(end)}`);
  const store = FileLogStore.resume(end.position, { onError, segmentBytes: 3000 });
  for (const batch of from.run.batches) if (batch.firstLsn > end.head.lsn) store.append(batch);
  await new Promise<void>((resolve) => store.close(resolve));
  return { dir, lsn: end.head.lsn };
}

describe('a source of snapshots', () => {
  it('gives the newest chain at or below a record, byte for byte, in small pieces', async () => {
    const { dir } = await recorded();
    const lsns = checkpointLsns(dir);
    expect(lsns.length).toBeGreaterThan(4);
    let differences = 0;
    for (const lsn of lsns) {
      const source = await sourceOf(dir, lsn);
      expect(source.lsn).toBe(lsn);
      differences += source.files.length - 1;
      const { files } = source;
      const { end, pieces } = await readSource(source);
      expect(end).toEqual({ type: 'sent' });
      for (const { name, bytes } of files) {
        const own = pieces.filter((piece) => piece.name === name);
        expect(own.every((piece) => piece.bytes.length <= 262_144)).toBe(true);
        const all = Buffer.concat(own.map((piece) => piece.bytes));
        expect(all.length).toBe(bytes);
        expect(all.equals(readFileSync(join(dir, name)))).toBe(true);
      }
      const before = await openSnapshotSource(dir, RUN_HEADER, { lsnMax: asLsn(lsn - 1) });
      expect(before?.lsn ?? 0).toBeLessThan(lsn);
      await before?.close();
    }
    expect(differences).toBeGreaterThan(2);
  });

  it('is read to its end although its files are deleted', async () => {
    const { dir } = await recorded();
    const source = await sourceOf(dir);
    for (const { name } of source.files) rmSync(join(dir, name));
    const { end } = await readSource(source);
    expect(end).toEqual({ type: 'sent' });
  });

  it('names the snapshot that is damaged, and without it gives the one before', async () => {
    const { dir } = await recorded();
    const lsn = await newestDifference(dir);
    const path = join(dir, snapshotName(lsn));
    const bytes = readFileSync(path);
    bytes[bytes.length - 60] = (bytes[bytes.length - 60] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect((await readSource(await sourceOf(dir, lsn))).end).toMatchObject({
      type: 'damaged',
      lsn,
    });
    const before = await sourceOf(dir, lsn, new Set([lsn]));
    expect(before.lsn).toBeLessThan(lsn);
    expect((await readSource(before)).end).toEqual({ type: 'sent' });
  });

  it('is none where there is no snapshot, or only those of another run', async () => {
    const dir = memoryDir();
    await (await live(dir, { every: 0 })).close();
    expect(await openSnapshotSource(dir, RUN_HEADER)).toBeUndefined();
    const other = await recorded();
    expect(await openSnapshotSource(other.dir, { ...RUN_HEADER, vm: 'another' })).toBeUndefined();
  });
});

describe('a checkpoint that is asked for', () => {
  it('is taken at the next end of a group, whatever the policy, and told when it is on disk', async () => {
    const dir = memoryDir();
    const run = await live(dir, { every: 0 });
    expect(checkpointLsns(dir)).toEqual([]);
    const answers: Parameters<CheckpointAnswer>[0][] = [];
    const ask = (complete = false): void =>
      run.checkpoints.request({ complete }, (outcome) => {
        if (!(outcome instanceof HvError)) expect(checkpointLsns(dir)).toContain(outcome.lsn);
        answers.push(outcome);
      });
    ask();
    ask();
    await run.settled();
    expect(answers).toEqual([]);
    run.input('one');
    await run.settled();
    expect(answers).toEqual([
      expect.objectContaining({ lsn: run.lsn, base: 0 }),
      expect.objectContaining({ lsn: run.lsn, base: 0 }),
    ]);
    run.input('two');
    await run.settled();
    expect(checkpointLsns(dir)).toHaveLength(1);
    ask();
    run.input('three');
    await run.settled();
    expect(answers.at(-1)).toMatchObject({ lsn: run.lsn, base: checkpointLsns(dir)[1] });
    ask(true);
    run.input('four');
    await run.settled();
    expect(answers.at(-1)).toMatchObject({ lsn: run.lsn, base: 0 });
    rmSync(dir, { recursive: true, force: true });
    ask();
    run.input('five');
    await new Promise<void>((resolve) => run.checkpoints.close(resolve));
    expect(answers.at(-1)).toMatchObject({ code: 'HV_E_CHECKPOINT_WRITE' });
  });
});

describe('a copy that joined by a snapshot', () => {
  it('verifies, is inspected and resumes to the same machine, whether complete or a difference', async () => {
    const from = await recorded();
    const { ends } = from.run;
    const last = ends.at(-1);
    const kinds = new Set<number>();
    for (const lsnMax of checkpointLsns(from.dir)) {
      const { dir, lsn } = await joined(from, lsnMax);
      kinds.add(checkpointLsns(dir).length);
      const log = openLog(dir);
      expect(log.firstLsn).toBe(lsn + 1);
      expect(verifyLog(log)).toMatchObject({ lastLsn: from.run.lsn, tornBytes: 0, epoch: 1 });
      expect(new LogIndex(log).lastLsn).toBe(from.run.lsn);
      const copy = await inspectCopy(dir);
      if (copy === undefined) throw new Error('there is a copy');
      expect(copy).toMatchObject({ lsnFirst: lsn + 1, epochs: [{ epoch: 1, firstLsn: lsn + 1 }] });
      expect(reaches(copy, asLsn(lsn))).toBe(true);
      const whole = await inspectCopy(from.dir);
      expect(whole && commonLsn(copy, whole)).toBe(from.run.lsn);
      const { timeline, machine } = openTimeline({ path: dir, shouldStop: () => false });
      expect(timeline.start).toBe(lsn);
      expect(memoryHashOf(machine)).toBe(ends.find((end) => end.lsn === lsn)?.hash);
      const recovered = await recoverLog(dir, {});
      expect(recovered.report).toMatchObject({ checkpoint: lsn, records: from.run.lsn - lsn });
      expect(memoryHashOf(recovered.machine)).toBe(last?.hash);
    }
    expect(kinds).toEqual(new Set([1, 2]));
  });

  it('without a record stands in the epoch of its snapshot', async () => {
    const from = await recorded();
    const dir = join(memoryDir(), 'copy');
    const end = await takeIn(dir, await sourceOf(from.dir));
    if (end.type !== 'ready') throw new Error('not ready');
    const copy = await inspectCopy(dir);
    const whole = await inspectCopy(from.dir);
    expect(copy && whole && commonLsn(whole, copy)).toBe(end.head.lsn);
    expect((await recoverLog(dir, {})).position).toEqual(end.position);
  });

  it('keeps what leads to its first record when snapshots are thinned, and forgets it when it is trimmed', async () => {
    const from = await recorded();
    const { dir, lsn } = await joined(from, await newestDifference(from.dir));
    expect(checkpointLsns(dir)).toHaveLength(2);
    const recovered = await recoverLog(dir, {});
    const owner = RUN_HEADER;
    await thin(dir, owner, { snapshotsMax: 1, usable: asLsn(0) });
    expect(checkpointLsns(dir)).toHaveLength(2);
    expect(openLog(dir).firstLsn).toBe(lsn + 1);
    expect(recovered.report.checkpoint).toBe(lsn);
  });

  it('is trimmed to a later checkpoint of its own, dying at any operation, and stays a log', async () => {
    const from = await recorded();
    const at = await newestDifference(from.dir);
    for (let operation = 1; ; operation++) {
      const { dir, lsn } = await joined(from, at);
      const later = new RecordedRun(dir, { segmentBytes: 3000 }, await recoverLog(dir, {}));
      later.checkpoints.request({ complete: true }, () => undefined);
      later.input('later');
      await later.close();
      const disk = new FaultyDisk(operation, 'death');
      const ended = trimLog(dir, RUN_HEADER, asLsn(1e9), disk);
      await Promise.race([ended, disk.died]);
      const what = `death at ${operation}: ${disk.operations[operation - 1]}`;
      expect(verifyLog(openLog(dir)).lastLsn, what).toBe(from.run.lsn + 3);
      expect((await recoverLog(dir, {})).report.checkpoint, what).toBeGreaterThan(lsn);
      if (disk.operations.length < operation) break;
    }
  });
});

/** Changes one byte of a piece of a snapshot. */
function flipped(pieces: Piece[], at: number): Piece[] {
  return pieces.map((piece, index) => {
    if (index !== pieces.length - 1) return piece;
    const bytes = piece.bytes.slice();
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return { ...piece, bytes };
  });
}

describe('what comes as a snapshot', () => {
  it('is refused, and leaves no log, when a byte or a piece of it is another', async () => {
    const from = await recorded();
    const changes: ((pieces: Piece[]) => Piece[])[] = [
      (pieces) => pieces.slice(1),
      (pieces) => pieces.slice(0, -1),
      (pieces) => [...pieces, ...pieces.slice(-1)],
      (pieces) => [...pieces].reverse(),
      (pieces) => pieces.map((piece) => ({ ...piece, name: '../x.hvsnap' })),
      ...[0, 20, 200, 900, 3000].map((at) => (pieces: Piece[]) => flipped(pieces, at)),
    ];
    for (const change of changes) {
      const dir = join(memoryDir(), 'copy');
      const end = await takeIn(dir, await sourceOf(from.dir), { change });
      expect(end).toMatchObject({ type: 'refused' });
      expect(await inspectCopy(dir)).toBeUndefined();
      expect((await takeIn(dir, await sourceOf(from.dir))).type).toBe('ready');
      expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    }
  });

  it('is refused when the complete snapshot is not the one that the difference needs', async () => {
    const from = await recorded();
    const difference = await newestDifference(from.dir);
    const source = await sourceOf(from.dir, difference);
    const { pieces } = await readSource(source);
    const names = source.files.map(({ name }) => name);
    const complete: SnapshotSource[] = [];
    for (const lsn of checkpointLsns(from.dir)) {
      const one = await sourceOf(from.dir, lsn);
      if (one.files.length === 1 && one.files[0]?.name !== names[0]) complete.push(one);
      else await one.close();
    }
    const other = complete[0];
    if (other === undefined) throw new Error('there are two complete snapshots');
    for (const one of complete.slice(1)) await one.close();
    const wrong = await readSource(other);
    const files = [...other.files, ...source.files.slice(1)];
    const dir = join(memoryDir(), 'copy');
    const intake = new SnapshotIntake({ dir, beginning: source.beginning, files });
    for (const piece of [...wrong.pieces, ...pieces.filter(({ name }) => name === names[1])])
      intake.chunk(piece.name, piece.offset, piece.bytes);
    const end = await new Promise<IntakeEnd>((resolve) => intake.finish(resolve));
    expect(end).toMatchObject({ type: 'refused', reason: expect.stringContaining('another one') });
  });

  it('that is abandoned at any operation touches nothing of what comes in its place, and says nothing', async () => {
    const from = await recorded();
    for (let at = 1; ; at++) {
      const dir = join(memoryDir(), 'copy');
      let operations = 0;
      let end: IntakeEnd | undefined;
      let gone: Promise<void> | undefined;
      let intake: SnapshotIntake | undefined;
      // Like a primary that dials anew: the old copy is moved aside while its last operation is under way.
      const replaced = <T>(result: T): T => {
        operations += 1;
        if (operations !== at) return result;
        gone = intake?.abandon();
        renameSync(dir, `${dir}~1`);
        mkdirSync(dir);
        return result;
      };
      const { rename, unlink, syncDirectory, openFile } = REAL_DISK;
      const disk: Disk = {
        ...REAL_DISK,
        openFile: (...args) => replaced(openFile(...args)),
        rename: (...args) => rename(...args).then(replaced),
        unlink: (...args) => unlink(...args).then(replaced),
        syncDirectory: (...args) => syncDirectory(...args).then(replaced),
      };
      const source = await sourceOf(from.dir);
      const { pieces } = await readSource(source);
      intake = new SnapshotIntake({ dir, beginning: source.beginning, files: source.files, disk });
      for (const { name, offset, bytes } of pieces) intake.chunk(name, offset, bytes);
      await new Promise<void>((resolve) => {
        intake?.finish((how) => {
          end = how;
          resolve();
        });
        const look = (): void => {
          if (gone !== undefined) void gone.then(resolve);
          else if (end === undefined) setImmediate(look);
        };
        look();
      });
      if (gone === undefined) {
        expect(at).toBeGreaterThan(6);
        break;
      }
      expect(end, `at ${at}`).toBeUndefined();
      expect(readdirSync(dir), `at ${at}`).toEqual([]);
    }
  });

  it('that lost power at any operation is a whole log or none', async () => {
    const from = await recorded();
    let seed = 7;
    const random = (): number => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    for (let at = 1; ; at++) {
      const dir = join(memoryDir(), 'copy');
      mkdirSync(dir);
      const platter = new Platter(dir);
      platter.adopt();
      const disk = new MortalDisk(platter, at, 'after');
      const end = await Promise.race([takeIn(dir, await sourceOf(from.dir), { disk }), disk.died]);
      if (!disk.hit) {
        expect(end).toMatchObject({ type: 'ready' });
        break;
      }
      platter.cutPower(at % 2 === 0 ? { type: 'worst' } : { type: 'some', random });
      const what = `at ${at}: ${disk.operations[at - 1]}`;
      const copy = await inspectCopy(dir);
      if (copy === undefined) continue;
      expect((await recoverLog(dir, {})).report.checkpoint, what).toBe(copy.lsnLast);
    }
  });

  it('is refused with a beginning that is not whole, or of another run', async () => {
    const from = await recorded();
    const source = await sourceOf(from.dir);
    const { pieces } = await readSource(source);
    const beginnings = [
      source.beginning.subarray(0, -1),
      source.beginning.subarray(1),
      new Uint8Array(),
    ];
    for (const beginning of beginnings) {
      const dir = join(memoryDir(), 'copy');
      const intake = new SnapshotIntake({ dir, beginning, files: source.files });
      for (const { name, offset, bytes } of pieces) intake.chunk(name, offset, bytes);
      const end = await new Promise<IntakeEnd>((resolve) => intake.finish(resolve));
      expect(end.type).toBe('refused');
    }
  });

  it.each(FAULTS)('is a whole log or none at %s of any operation of the disk', async (fault) => {
    const from = await recorded();
    // The gate takes every third, and each fault others.
    for (let at = LONG ? 1 : 1 + FAULTS.indexOf(fault); ; at += LONG ? 1 : 3) {
      const dir = join(memoryDir(), 'copy');
      const disk = new FaultyDisk(at, fault);
      const end = await Promise.race([takeIn(dir, await sourceOf(from.dir), { disk }), disk.died]);
      if (disk.operations.length < at) {
        expect(end).toMatchObject({ type: 'ready' });
        break;
      }
      const what = `${fault} at ${at}: ${disk.operations[at - 1]}`;
      if (fault !== 'death') expect(end, what).toMatchObject({ type: 'failed' });
      const copy = await inspectCopy(dir);
      if (copy !== undefined) {
        expect((await recoverLog(dir, {})).report.checkpoint, what).toBe(copy.lsnLast);
        continue;
      }
      expect((await takeIn(dir, await sourceOf(from.dir))).type, what).toBe('ready');
      expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    }
  });
});
