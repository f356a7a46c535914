import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type CutCopy, cutCopy } from '../../../hypervisor/host/cut-copy.ts';
import { REAL_DISK } from '../../../hypervisor/host/disk.ts';
import { inspectCopy, reaches } from '../../../hypervisor/host/local-copy.ts';
import { type LogPosition, segmentName } from '../../../hypervisor/host/log-cursor.ts';
import { openLog, verifyLog } from '../../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import { trimLog } from '../../../hypervisor/host/log-trim.ts';
import type { QuarantineReport } from '../../../hypervisor/host/quarantine.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  INTERRUPT,
  type LogRecord,
  snapshotName,
} from '../../../log-format/index.ts';
import { FAULTS, FaultyDisk } from '../../support/faulty-disk.ts';
import { LIFE_FAULTS, MortalDisk, Platter } from '../../support/platter.ts';
import { sampleHeader } from '../log-format/samples.ts';
import { Taker, ToyMemory } from './checkpoint-samples.ts';
import {
  batchNumber,
  closed,
  contentOf,
  createStore,
  failOnError,
  sealed,
  tempDir,
  writeLog,
} from './log-samples.ts';

const SEGMENT_BYTES = 1050;
const BATCHES = 48;
/** Batches in which a new epoch begins. */
const EPOCHS: readonly (readonly [epoch: number, batch: number])[] = [
  [1, 1],
  [2, 11],
  [5, 12],
  [6, 40],
];

const epochAt = (n: number): number => EPOCHS.findLast(([, batch]) => batch <= n)?.[0] ?? 0;

/** A log of several segments and epochs, two records a batch. */
async function writeEpochs(dir: string, to = BATCHES, seal = false): Promise<void> {
  const store = createStore(dir, { segmentBytes: SEGMENT_BYTES });
  for (let n = 1; n <= to; n++) store.append(batchNumber(n, epochAt(n)));
  await (seal ? sealed(store) : closed(store));
}

function lastsOf(dir: string): number[] {
  return [...openLog(dir).batches()].map(({ batch }) => batch.firstLsn + batch.records.length - 1);
}

/** Where the log stands behind a record, as its writer would say. */
async function placeBehind(lsn: number): Promise<LogPosition> {
  const dir = tempDir();
  await writeEpochs(dir, lsn / 2);
  return verifyLog(openLog(dir)).end;
}

async function snapshotAt(dir: string, lsn: number): Promise<void> {
  const toy = new ToyMemory();
  toy.lsn = lsn;
  const { header: _, ...position } = await placeBehind(lsn);
  const taker = new Taker(dir, sampleHeader());
  const view = { epoch: asEpoch(1), primary: 'a', backups: [] };
  await taker.take(toy, { position, time: asMicros(lsn), view, logDurable: (done) => done() });
  expect(taker.errors).toEqual([]);
}

const starts = (lsn: number): object[] =>
  EPOCHS.filter(([, batch]) => 2 * batch - 1 <= lsn).map(([epoch, batch]) => ({
    epoch,
    firstLsn: 2 * batch - 1,
  }));

describe('a look at a copy', () => {
  it('finds where every epoch begins, however the log is cut into segments', async () => {
    for (const segmentBytes of [1, SEGMENT_BYTES, 2000, 1_000_000]) {
      const dir = tempDir();
      const store = createStore(dir, { segmentBytes });
      for (let n = 1; n <= BATCHES; n++) store.append(batchNumber(n, epochAt(n)));
      await closed(store);
      expect(await inspectCopy(dir)).toMatchObject({
        vm: sampleHeader().vm,
        header: sampleHeader(),
        epochs: starts(96),
        lsnFirst: 1,
        lsnLast: 96,
        snapshots: [],
        sealed: false,
        tornBytes: 0,
        damage: undefined,
      });
    }
  });

  it('sees none where there is no directory, no segment, or no whole beginning', async () => {
    const dir = tempDir();
    expect(await inspectCopy(join(dir, 'none'))).toBeUndefined();
    expect(await inspectCopy(dir)).toBeUndefined();
    await writeLog(dir, { batches: 0, seal: false });
    expect(await inspectCopy(dir)).toMatchObject({ epochs: [], lsnFirst: 1, lsnLast: 0 });
    truncateSync(join(dir, segmentName(1)), 300);
    expect(await inspectCopy(dir)).toBeUndefined();
  });

  it('tells a seal, a torn end and damage', async () => {
    const dir = tempDir();
    await writeEpochs(dir, BATCHES, true);
    expect(await inspectCopy(dir)).toMatchObject({ sealed: true, tornBytes: 0, lsnLast: 96 });
    const last = join(dir, readdirSync(dir).sort().at(-1) ?? '');
    const bytes = readFileSync(last);
    const torn = tempDir();
    await writeEpochs(torn);
    const end = readFileSync(join(torn, readdirSync(torn).sort().at(-1) ?? '')).length;
    writeFileSync(last, bytes.subarray(0, end - 3));
    const copy = await inspectCopy(dir);
    expect(copy).toMatchObject({ sealed: false, lsnLast: 94, damage: undefined });
    expect(copy?.tornBytes).toBeGreaterThan(0);
    const broken = Buffer.from(bytes);
    broken[end - 3] = (broken[end - 3] ?? 0) ^ 1;
    writeFileSync(last, broken);
    expect(await inspectCopy(dir)).toMatchObject({
      lsnLast: 94,
      damage: { code: 'HV_E_LOG_DAMAGED' },
    });
  });

  it('ends before a segment that was only begun', async () => {
    const dir = tempDir();
    await writeEpochs(dir);
    const names = readdirSync(dir).sort();
    const next = segmentName(names.length + 1);
    for (const bytes of [
      Buffer.alloc(0),
      readFileSync(join(dir, names.at(-1) ?? '')).subarray(0, 40),
    ]) {
      writeFileSync(join(dir, next), bytes);
      expect(await inspectCopy(dir)).toMatchObject({ epochs: starts(96), lsnLast: 96 });
    }
  });

  it('of a trimmed log begins with its first record, and reaches what its snapshots reach', async () => {
    const dir = tempDir();
    await writeEpochs(dir);
    await snapshotAt(dir, 60);
    await trimLog(dir, sampleHeader(), asLsn(60));
    const copy = await inspectCopy(dir);
    if (copy === undefined) throw new Error('there is a copy');
    const { firstLsn } = openLog(dir);
    expect(firstLsn).toBeGreaterThan(24);
    expect(copy).toMatchObject({ lsnFirst: firstLsn, lsnLast: 96, snapshots: [60] });
    expect(copy.epochs).toEqual([
      { epoch: 5, firstLsn },
      { epoch: 6, firstLsn: 79 },
    ]);
    expect([58, 60, 96, 97].map((lsn) => reaches(copy, asLsn(lsn)))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    const whole = tempDir();
    await writeEpochs(whole);
    const all = await inspectCopy(whole);
    expect(all && [0, 58, 97].map((lsn) => reaches(all, asLsn(lsn)))).toEqual([true, true, false]);
  });
});

/** A copy to be cut: several segments behind the cut, snapshots before and behind it. */
async function longCopy(dir: string): Promise<void> {
  template ??= makeTemplate();
  cpSync(await template, dir, { recursive: true });
}

let template: Promise<string> | undefined;
async function makeTemplate(): Promise<string> {
  const dir = memoryDir();
  await writeEpochs(dir, BATCHES, true);
  for (const lsn of [20, 60]) await snapshotAt(dir, lsn);
  return dir;
}

const made: string[] = [];
/** Where a sync costs nothing. */
function memoryDir(): string {
  const memory = '/dev/shm';
  const dir = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'hv-cut-'));
  made.push(dir);
  return dir;
}
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

const CUT = 48;

/** `kept`: nothing was left to be put in quarantine. */
function demandCut(dir: string, cut: CutCopy, kept = false): void {
  expect(cut.lsnLast).toBe(CUT);
  expect(lastsOf(dir)).toEqual(Array.from({ length: CUT / 2 }, (_, n) => 2 * n + 2));
  expect(readdirSync(dir).filter((name) => name.endsWith('.hvsnap'))).toEqual([
    snapshotName(asLsn(20)),
  ]);
  const quarantine = join(dir, 'quarantine-5-49.hvlog');
  expect(cut.quarantine?.file).toBe(kept ? undefined : quarantine);
  expect(verifyLog(openLog(quarantine))).toMatchObject({ sealed: true, firstLsn: 49, lastLsn: 96 });
  expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
}

describe('a copy that is cut', () => {
  it('is the log up to there, goes on, and keeps the rest in quarantine', async () => {
    const dir = tempDir();
    await longCopy(dir);
    const whole = [...openLog(dir).batches()].map(({ batch }) => batch);
    const cut = await cutCopy(dir, asLsn(CUT));
    demandCut(dir, cut);
    const file = cut.quarantine?.file ?? '';
    expect([...openLog(file).batches()].map(({ batch }) => batch)).toEqual(whole.slice(CUT / 2));
    expect(cut.position).toEqual({ ...(await placeBehind(CUT)), dir });
    const store = FileLogStore.resume(cut.position, {
      ...failOnError,
      segmentBytes: SEGMENT_BYTES,
    });
    for (let n = CUT / 2 + 1; n <= 30; n++) store.append(batchNumber(n, 9));
    await sealed(store);
    expect(verifyLog(openLog(dir))).toMatchObject({ sealed: true, lastLsn: 60, epoch: 9 });
    expect(await inspectCopy(dir)).toMatchObject({
      epochs: [...starts(CUT), { epoch: 9, firstLsn: 49 }],
    });
  });

  it('at any record ends with the batch at or below it', async () => {
    for (let lsn = 0; lsn <= 96; lsn++) {
      const dir = memoryDir();
      await writeEpochs(dir);
      const { lsnLast, position, quarantine } = await cutCopy(dir, asLsn(lsn));
      expect(lsnLast).toBe(lsn - (lsn % 2));
      const { end } = verifyLog(openLog(dir));
      expect(position).toEqual({ ...end, dir });
      expect(lsnLast === 96).toBe(quarantine === undefined);
      if (quarantine === undefined) continue;
      expect(verifyLog(openLog(quarantine.file)).firstLsn).toBe(lsnLast + 1);
    }
  });

  it('reports what was in its end', async () => {
    const dir = tempDir();
    await longCopy(dir);
    const { quarantine } = await cutCopy(dir, asLsn(CUT));
    const report = JSON.parse(readFileSync(quarantine?.report ?? '', 'utf8')) as QuarantineReport;
    const records: readonly LogRecord[] = [...openLog(quarantine?.file ?? '').batches()].flatMap(
      ({ batch }) => batch.records,
    );
    let bytes = 0;
    for (const record of records)
      if (record.type === 'interrupt' && record.kind === INTERRUPT.netData)
        bytes += record.payload?.length ?? 0;
    expect(report).toEqual({
      vm: sampleHeader().vm,
      name: sampleHeader().name,
      epoch: 5,
      firstLsn: 49,
      lastLsn: 96,
      records: 48,
      batches: 24,
      from: expect.any(String),
      to: expect.any(String),
      kinds: { netData: 24, end: 24 },
      connections: [{ id: 2, bytes }],
      stdinBytes: 0,
      outputs: { recorded: 0, bytes: 0 },
      inputsUnacknowledged: 24,
    });
    expect(Date.parse(report.to ?? '')).toBeGreaterThanOrEqual(Date.parse(report.from ?? ''));
  });

  it('loses a seal or a torn end and nothing else', async () => {
    const dir = tempDir();
    await writeEpochs(dir, BATCHES, true);
    expect(await cutCopy(dir, asLsn(96))).toMatchObject({ lsnLast: 96, quarantine: undefined });
    const open = tempDir();
    await writeEpochs(open);
    expect(contentOf(dir)).toEqual(contentOf(open));
    const last = join(open, readdirSync(open).sort().at(-1) ?? '');
    writeFileSync(last, Buffer.concat([readFileSync(last), Buffer.from('B123')]));
    expect(await cutCopy(open, asLsn(96))).toMatchObject({ lsnLast: 96, quarantine: undefined });
    expect(contentOf(open)).toEqual(contentOf(dir));
  });

  it('is refused where it is damaged before the cut, and loses what is damaged behind it', async () => {
    const dir = tempDir();
    await longCopy(dir);
    const { segment, offset } = await placeBehind(CUT);
    const path = join(dir, segmentName(segment));
    const bytes = readFileSync(path);
    const broken = (at: number): void => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(path, changed);
    };
    broken(offset - 2);
    await expect(cutCopy(dir, asLsn(CUT))).rejects.toMatchObject({ code: 'HV_E_LOG_DAMAGED' });
    broken(offset + 2);
    expect(await cutCopy(dir, asLsn(CUT))).toMatchObject({ lsnLast: CUT, quarantine: undefined });
    expect(verifyLog(openLog(dir)).lastLsn).toBe(CUT);
  });

  it('keeps what an interrupted cut had put in quarantine, and a longer end replaces it', async () => {
    const dir = tempDir();
    await longCopy(dir);
    const { quarantine } = await cutCopy(dir, asLsn(CUT));
    const kept = readFileSync(quarantine?.file ?? '');
    const again = tempDir();
    await writeEpochs(again, 30);
    for (const suffix of ['hvlog', 'json'])
      copyFileSync(
        join(dir, `quarantine-5-49.${suffix}`),
        join(again, `quarantine-5-49.${suffix}`),
      );
    const second = await cutCopy(again, asLsn(CUT));
    expect(readFileSync(second.quarantine?.file ?? '').equals(kept)).toBe(true);
    const shorter = tempDir();
    await writeEpochs(shorter, 30);
    await cutCopy(shorter, asLsn(CUT));
    const longer = tempDir();
    await writeEpochs(longer, BATCHES);
    for (const suffix of ['hvlog', 'json'])
      copyFileSync(
        join(shorter, `quarantine-5-49.${suffix}`),
        join(longer, `quarantine-5-49.${suffix}`),
      );
    const third = await cutCopy(longer, asLsn(CUT));
    expect(readFileSync(third.quarantine?.file ?? '').equals(kept)).toBe(true);
  });
});

/** What a fault leaves is a log between the old and the new one, with the missing end in quarantine. */
function demandBetween(dir: string, what: string): boolean {
  const { lastLsn } = verifyLog(openLog(dir));
  expect(lastLsn, what).toBeGreaterThanOrEqual(CUT);
  expect(lastsOf(dir), what).toEqual(Array.from({ length: lastLsn / 2 }, (_, n) => 2 * n + 2));
  if (lastLsn === 96) return false;
  expect(existsSync(join(dir, 'quarantine-5-49.json')), what).toBe(true);
  expect(verifyLog(openLog(join(dir, 'quarantine-5-49.hvlog'))).lastLsn, what).toBe(96);
  return lastLsn === CUT;
}

async function operationsOf(): Promise<number> {
  const dir = memoryDir();
  await longCopy(dir);
  const disk = new FaultyDisk(0, 'error');
  await cutCopy(dir, asLsn(CUT), disk);
  return disk.operations.length;
}

describe('a cut that is interrupted', () => {
  it.each(FAULTS)(
    'by %s of the disk at any operation comes to its end when it is made again',
    async (fault) => {
      const operations = await operationsOf();
      expect(operations).toBeGreaterThan(15);
      const good = memoryDir();
      await longCopy(good);
      await cutCopy(good, asLsn(CUT));
      for (let at = 1; at <= operations; at++) {
        const dir = memoryDir();
        await longCopy(dir);
        const disk = new FaultyDisk(at, fault);
        const failed = cutCopy(dir, asLsn(CUT), disk).then(
          () => undefined,
          (error: unknown) => error,
        );
        const error = await Promise.race([failed, disk.died]);
        if (fault !== 'death')
          expect(error).toMatchObject({
            code: expect.stringMatching(/^HV_E_(LOG|CHECKPOINT)_WRITE$/),
          });
        const what = `${fault} at ${at}: ${disk.operations[at - 1]}`;
        const kept = demandBetween(dir, what);
        demandCut(dir, await cutCopy(dir, asLsn(CUT)), kept);
        expect(contentOf(dir), what).toEqual(contentOf(good));
      }
    },
  );

  it.each(LIFE_FAULTS)('by a power cut (%s) leaves a log that can be cut again', async (fault) => {
    let seed = 1;
    const random = (): number => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    for (let at = 1; ; at += 1) {
      const dir = join(memoryDir(), 'log');
      await longCopy(dir);
      const platter = new Platter(dir);
      platter.adopt();
      const disk = new MortalDisk(platter, at, fault);
      const ended = cutCopy(dir, asLsn(CUT), disk).catch(() => undefined);
      await Promise.race([ended, disk.died]);
      if (!disk.hit) break;
      platter.cutPower(at % 2 === 0 ? { type: 'worst' } : { type: 'some', random });
      const what = `${fault} at ${at}: ${disk.operations[at - 1]}`;
      const kept = demandBetween(dir, what);
      demandCut(dir, await cutCopy(dir, asLsn(CUT), REAL_DISK), kept);
    }
  });
});
