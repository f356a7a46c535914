import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { HvError } from '../../../hypervisor/base/errors.ts';
import { catLog } from '../../../hypervisor/cli/log-cat.ts';
import { diffLogs } from '../../../hypervisor/cli/log-diff.ts';
import { listLogs } from '../../../hypervisor/cli/log-ls.ts';
import { statLog } from '../../../hypervisor/cli/log-stat.ts';
import { verifyLogAt } from '../../../hypervisor/cli/log-verify.ts';
import { type LogPosition, segmentName } from '../../../hypervisor/host/log-cursor.ts';
import { BEGINNING_FILE } from '../../../hypervisor/host/log-files.ts';
import { LogIndex } from '../../../hypervisor/host/log-index.ts';
import {
  cutLog,
  type LocatedBatch,
  type LogVerdict,
  openLog,
  readLogHeader,
  repairTornTail,
  verifyLog,
} from '../../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import { trimLog } from '../../../hypervisor/host/log-trim.ts';
import { asEpoch, asLsn, asMicros, snapshotName } from '../../../log-format/index.ts';
import { sampleHeader } from '../log-format/samples.ts';
import { Taker, ToyMemory } from './checkpoint-samples.ts';
import { batchNumber, contentOf, failOnError, sealed, tempDir, writeLog } from './log-samples.ts';

const SEGMENT_BYTES = 1050;
const BATCHES = 48;
/** Batches of two records: the place of the checkpoint, in a segment that is neither first nor last. */
const CHECKPOINT = 48;

const damaged = expect.objectContaining({ code: 'HV_E_LOG_DAMAGED' });

function readAll(
  path: string,
  from?: LogPosition,
): { readonly batches: readonly LocatedBatch[]; readonly verdict: LogVerdict } {
  const batches: LocatedBatch[] = [];
  const reading = openLog(path).batches(from);
  for (;;) {
    const next = reading.next();
    if (next.done) return { batches, verdict: next.value };
    batches.push(next.value);
  }
}

/** What `FileLogStore` would say behind the batch that ends with `lsn`. */
async function positionBehind(lsn: number, segmentBytes: number): Promise<LogPosition> {
  const dir = tempDir();
  await writeLog(dir, { batches: lsn / 2, segmentBytes, seal: false });
  return readAll(dir).verdict.end;
}

/** A log of several segments with a toy snapshot in the middle of it. */
async function untrimmed(options: { readonly seal?: boolean } = {}): Promise<string> {
  const dir = tempDir();
  await writeLog(dir, { batches: BATCHES, segmentBytes: SEGMENT_BYTES, ...options });
  const taker = new Taker(dir, sampleHeader());
  const toy = new ToyMemory();
  toy.lsn = CHECKPOINT;
  const { header: _, ...position } = await positionBehind(CHECKPOINT, SEGMENT_BYTES);
  await taker.take(toy, {
    position,
    time: asMicros(CHECKPOINT),
    view: { epoch: asEpoch(1), primary: 'a', backups: [] },
    logDurable: (done) => done(),
  });
  expect(taker.errors).toEqual([]);
  return dir;
}

async function trimmed(options: { readonly seal?: boolean } = {}): Promise<string> {
  const dir = await untrimmed(options);
  const { first } = await trimLog(dir, sampleHeader(), asLsn(CHECKPOINT));
  expect(first).toBe(CHECKPOINT);
  return dir;
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof HvError) return error.code;
    throw error;
  }
}

function logNames(dir: string): string[] {
  return readdirSync(dir).filter((name) => /^\d+\.hvlog$/.test(name));
}

/** What the CLI prints while `run` runs. */
function printed(run: () => void): string {
  lines.length = 0;
  run();
  return lines.join('\n');
}

const lines = vi.hoisted(() => [] as string[]);
vi.mock('../../../hypervisor/cli/print.ts', () => ({
  data: (text: string) => lines.push(text),
  say: () => undefined,
}));

/** Bits of a file, flipped one at a time, that `isFound` does not find. */
function missedBits(
  path: string,
  { step }: { readonly step: number },
  isFound: () => boolean,
): readonly number[] {
  const bytes = readFileSync(path);
  const fd = openSync(path, 'r+');
  const missed: number[] = [];
  try {
    for (let bit = 0; bit < bytes.length * 8; bit += step) {
      const at = bit >> 3;
      const good = bytes[at] ?? 0;
      writeSync(fd, Uint8Array.of(good ^ (1 << (bit & 7))), 0, 1, at);
      if (!isFound()) missed.push(bit);
      writeSync(fd, Uint8Array.of(good), 0, 1, at);
    }
  } finally {
    closeSync(fd);
  }
  return missed;
}

describe('trimming', () => {
  it('removes the segments before the one its checkpoint points into, and keeps the beginning', async () => {
    const dir = await untrimmed();
    const before = readAll(dir);
    const names = logNames(dir);
    await trimLog(dir, sampleHeader(), asLsn(CHECKPOINT));
    const left = logNames(dir);
    expect(left.length).toBeGreaterThan(1);
    expect(left.length).toBeLessThan(names.length - 1);
    expect(left).toEqual(names.slice(-left.length));
    expect(existsSync(join(dir, BEGINNING_FILE))).toBe(true);
    const after = readAll(dir);
    expect(after.batches).toEqual(before.batches.slice(-after.batches.length));
    expect(after.batches[0]?.batch.firstLsn).toBeLessThanOrEqual(CHECKPOINT + 1);
    expect(after.verdict.chain).toBe(before.verdict.chain);
    expect(after.verdict.sealed).toBe(true);
  });

  it('does nothing where no usable complete snapshot is old enough', async () => {
    const dir = await untrimmed();
    const before = contentOf(dir);
    const { first } = await trimLog(dir, sampleHeader(), asLsn(CHECKPOINT - 1));
    expect(first).toBeUndefined();
    expect(contentOf(dir)).toEqual(before);
  });

  it('twice is the same as once', async () => {
    const dir = await trimmed();
    const before = contentOf(dir);
    await trimLog(dir, sampleHeader(), asLsn(CHECKPOINT));
    expect(contentOf(dir)).toEqual(before);
  });

  it('replaces the beginning of another log that an interrupted fork has left', async () => {
    const dir = await untrimmed();
    const other = tempDir();
    const store = FileLogStore.create(
      other,
      { ...sampleHeader(), vm: 'other-00000000' },
      [...Object.entries(openLog(dir).blobs)].map(([name, bytes]) => ({
        name: name as 'firmware' | 'image' | 'sourcemap',
        hash: sampleHeader()[
          name === 'sourcemap' ? 'sourceMapHash' : name === 'image' ? 'imageHash' : 'firmwareHash'
        ],
        bytes,
      })),
      failOnError,
    );
    await new Promise<void>((resolve) => store.close(resolve));
    copyFileSync(join(other, segmentName(1)), join(dir, BEGINNING_FILE));
    expect(openLog(dir).header.vm).toBe(sampleHeader().vm);
    await trimLog(dir, sampleHeader(), asLsn(CHECKPOINT));
    expect(verifyLog(openLog(dir)).sealed).toBe(true);
    expect(openLog(dir).header.vm).toBe(sampleHeader().vm);
  });
});

describe('a trimmed log', () => {
  it('is found damaged at every flipped bit of its beginning', async () => {
    const dir = await trimmed();
    const found = (): boolean => codeOf(() => openLog(dir)) === 'HV_E_LOG_DAMAGED';
    expect(missedBits(join(dir, BEGINNING_FILE), { step: 1 }, found)).toEqual([]);
  });

  it('is found damaged wherever its beginning is cut, and with bytes behind it', async () => {
    const dir = await trimmed();
    const path = join(dir, BEGINNING_FILE);
    const bytes = readFileSync(path);
    for (let length = 0; length < bytes.length; length++) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(() => verifyLog(openLog(dir)), `cut to ${length}`).toThrowError(damaged);
    }
    for (const more of [Buffer.from([0]), bytes.subarray(0, 30), bytes]) {
      writeFileSync(path, Buffer.concat([bytes, more]));
      expect(() => verifyLog(openLog(dir)), `${more.length} more`).toThrowError(damaged);
    }
  });

  it('is found damaged at a flipped bit of every byte of its first segment', async () => {
    const dir = await trimmed();
    const found = (): boolean => codeOf(() => verifyLog(openLog(dir))) === 'HV_E_LOG_DAMAGED';
    expect(missedBits(join(dir, logNames(dir)[0] ?? ''), { step: 9 }, found)).toEqual([]);
  });

  it('is damaged when a segment in the middle is missing, and its checkpoint says so', async () => {
    const dir = await trimmed();
    const names = logNames(dir);
    rmSync(join(dir, names[1] ?? ''));
    expect(names.length).toBeGreaterThan(2);
    expect(() => openLog(dir)).toThrowError(damaged);
    expect(() => openLog(dir)).toThrowError(/is missing/);
  });

  it('is no log without its beginning', async () => {
    const dir = await trimmed();
    rmSync(join(dir, BEGINNING_FILE));
    expect(() => openLog(dir)).toThrowError(damaged);
    expect(() => openLog(dir)).toThrowError(/000001\.hvlog .*missing/);
  });

  it.each([1, 2])(
    'ignores segment %i, which a power cut has brought back alone',
    async (straggler) => {
      const whole = await untrimmed();
      const dir = await trimmed();
      const before = readAll(dir);
      expect(openLog(dir).firstLsn).toBeGreaterThan(2);
      expect(logNames(dir)[0]).not.toBe(segmentName(straggler + 1));
      copyFileSync(join(whole, segmentName(straggler)), join(dir, segmentName(straggler)));
      const after = readAll(dir);
      expect(after.verdict).toEqual({
        ...before.verdict,
        end: { ...before.verdict.end },
      });
      expect(new LogIndex(openLog(dir)).firstLsn).toBe(openLog(dir).firstLsn);
      // The next trimming takes it away.
      await trimLog(dir, sampleHeader(), asLsn(CHECKPOINT));
      expect(existsSync(join(dir, segmentName(straggler)))).toBe(false);
    },
  );

  it('that was killed is torn at any cut behind its first header, and goes on there', async () => {
    const dir = await trimmed({ seal: false });
    const last = join(dir, logNames(dir).at(-1) ?? '');
    const bytes = readFileSync(last);
    const whole = verifyLog(openLog(dir));
    expect(whole.sealed).toBe(false);
    for (const cut of [1, 5, 12, 30]) {
      writeFileSync(last, bytes);
      truncateSync(last, bytes.length - cut);
      const verdict = verifyLog(openLog(dir));
      expect(verdict).toMatchObject({ sealed: false, lastLsn: whole.lastLsn - 2 });
      expect(verdict.tornBytes).toBeGreaterThan(0);
    }
    const position = await repairTornTail(dir);
    if (position === undefined) throw new Error('a torn log has a position');
    expect(statSync(last).size).toBe(position.offset);
    const store = FileLogStore.resume(position, { ...failOnError, segmentBytes: SEGMENT_BYTES });
    for (let n = position.lastLsn / 2 + 1; n <= BATCHES; n++) store.append(batchNumber(n));
    await sealed(store);
    const full = await trimmed();
    expect(readAll(dir).verdict.chain).toBe(readAll(full).verdict.chain);
  });

  it('has its beginning as header, and its first record is the first that is there', async () => {
    const dir = await trimmed();
    expect(readLogHeader(dir)).toEqual(sampleHeader());
    const log = openLog(dir);
    expect(log.header).toEqual(sampleHeader());
    expect(log.firstLsn).toBe(readAll(dir).batches[0]?.batch.firstLsn);
    expect(readAll(dir).verdict.firstLsn).toBe(log.firstLsn);
    const index = new LogIndex(log);
    expect(index.firstLsn).toBe(log.firstLsn);
    expect(index.record(asLsn(log.firstLsn - 1))).toBeUndefined();
    expect(index.record(asLsn(log.firstLsn))).toBeDefined();
    expect(index.lastLsn).toBe(2 * BATCHES);
  });
});

describe('a scan from a position', () => {
  it('yields the rest of what the whole scan yields, with the same end', async () => {
    const dir = await untrimmed();
    const whole = readAll(dir);
    for (let lsn = 2; lsn <= 2 * BATCHES; lsn += 2) {
      const position = { ...(await positionBehind(lsn, SEGMENT_BYTES)), dir };
      const { batches, verdict } = readAll(dir, position);
      expect(batches, `from ${lsn}`).toEqual(whole.batches.slice(lsn / 2));
      const { sealed: isSealed, lastLsn, chain, end } = whole.verdict;
      expect(verdict).toMatchObject({ sealed: isSealed, lastLsn, chain, end, firstLsn: lsn + 1 });
    }
  });

  it('refuses a position that is not behind a batch of this log', async () => {
    const dir = await untrimmed();
    const position = { ...(await positionBehind(CHECKPOINT, SEGMENT_BYTES)), dir };
    expect(() => readAll(dir, { ...position, offset: position.offset - 1 })).toThrowError(damaged);
    expect(() => readAll(dir, { ...position, lastLsn: asLsn(CHECKPOINT - 2) })).toThrowError(
      damaged,
    );
    expect(() => readAll(dir, { ...position, chain: 'ab'.repeat(32) })).toThrowError(damaged);
  });

  it('is where a log is cut: the rest is gone, and what is left is what was there', async () => {
    const dir = await untrimmed();
    const whole = readAll(dir);
    const position = { ...(await positionBehind(8, SEGMENT_BYTES)), dir };
    await cutLog(position);
    const cut = readAll(dir);
    expect(cut.batches).toEqual(whole.batches.slice(0, 4));
    expect(cut.verdict).toMatchObject({ sealed: false, tornBytes: 0, lastLsn: 8 });
  });
});

describe('the log commands on a trimmed log', () => {
  it('say with which record it begins', async () => {
    const dir = await trimmed();
    const { firstLsn } = openLog(dir);
    const records = 2 * BATCHES - firstLsn + 1;
    expect(printed(() => verifyLogAt(dir, { json: false }))).toContain(
      `intact and sealed: ${records} records from lsn ${firstLsn} on`,
    );
    expect(JSON.parse(printed(() => verifyLogAt(dir, { json: true })))).toMatchObject({
      firstLsn,
      records,
    });
    expect(printed(() => statLog(dir, { json: false }))).toMatch(
      new RegExp(`^begins +behind a checkpoint, with lsn ${firstLsn}$`, 'm'),
    );
    const listed = printed(() => listLogs(dir, { json: false }));
    expect(listed).toContain(`${records} records`);
    expect(JSON.parse(printed(() => listLogs(dir, { json: true })))).toMatchObject([
      { firstLsn, lastLsn: 2 * BATCHES, state: 'sealed' },
    ]);
    const text = printed(() => catLog(dir, { json: false, from: 1, to: Number.MAX_SAFE_INTEGER }));
    expect(text.split('\n')).toHaveLength(records);
    expect(text.trimStart().startsWith(`${firstLsn} `)).toBe(true);
  });

  it('compare it with the whole log record by record, from where both have one', async () => {
    const dir = await trimmed();
    const whole = await untrimmed();
    const skipped = openLog(dir).firstLsn - 1;
    const text = printed(() => diffLogs(whole, dir, { json: false }));
    expect(text).toContain(`b begins later: the first ${skipped} records of a are not compared`);
    expect(text).toContain(`the same: ${2 * BATCHES - skipped} records`);
    expect(diffStatus(whole, dir)).toBe(0);
    expect(diffStatus(dir, whole)).toBe(0);
  });

  it('find the snapshot beside it by its name', async () => {
    expect(readdirSync(await trimmed())).toContain(snapshotName(asLsn(CHECKPOINT)));
  });
});

function diffStatus(one: string, other: string): number {
  let status = -1;
  printed(() => {
    status = diffLogs(one, other, { json: true });
  });
  return status;
}
