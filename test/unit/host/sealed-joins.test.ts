/** Copies that join by a snapshot, between hosts that seal and sign with keys of their own. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointLsns } from '../../../hypervisor/host/checkpoint-files.ts';
import { cutCopy } from '../../../hypervisor/host/cut-copy.ts';
import { REAL_DISK } from '../../../hypervisor/host/disk.ts';
import { inspectCopy, reaches } from '../../../hypervisor/host/local-copy.ts';
import { headText, segmentName } from '../../../hypervisor/host/log-cursor.ts';
import { openLog, verifyLog } from '../../../hypervisor/host/log-reader.ts';
import { FileLogStore } from '../../../hypervisor/host/log-store.ts';
import { recoverLog } from '../../../hypervisor/host/recovery.ts';
import { restoreCopy } from '../../../hypervisor/host/restore-copy.ts';
import { type IntakeEnd, SnapshotIntake } from '../../../hypervisor/host/snapshot-intake.ts';
import { openSnapshotSource } from '../../../hypervisor/host/snapshot-source.ts';
import { asLsn, type Lsn, snapshotName } from '../../../log-format/index.ts';
import { memoryHashOf, RecordedRun, RUN_HEADER } from '../../support/recorded-run.ts';
import { failOnError, sealed } from './log-samples.ts';
import {
  audit,
  BACKUP,
  keyError,
  memoryDir,
  on,
  PRIMARY,
  plainBytes,
  plainly,
  refusal,
} from './sealed-hosts.ts';

beforeEach(() => on(PRIMARY));
afterEach(plainly);

/** A run with snapshots, complete and differences, that is over. Its last segment is sealed if asked for. */
async function recorded(seal = false): Promise<{ dir: string; run: RecordedRun }> {
  const dir = memoryDir();
  const run = new RecordedRun(dir, { every: 4, segmentBytes: 3000 }).boot();
  for (let n = 0; n < 12; n++) {
    run.input(`secret line ${n}`);
    await run.settled();
  }
  expect(run.troubles).toEqual([]);
  await (seal ? sealed(run.store) : run.close());
  return { dir, run };
}

interface Sent {
  readonly lsn: Lsn;
  readonly beginning: Uint8Array;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly pieces: readonly {
    readonly name: string;
    readonly offset: number;
    readonly bytes: Uint8Array;
  }[];
}

/** What goes over the wire when a replica joins by the newest snapshot up to `lsnMax`. */
async function send(dir: string, lsnMax = Number.MAX_SAFE_INTEGER): Promise<Sent> {
  const source = await openSnapshotSource(dir, RUN_HEADER, { lsnMax: asLsn(lsnMax) });
  if (source === undefined) throw new Error('there is a snapshot');
  const pieces: Sent['pieces'][number][] = [];
  const { lsn, beginning, files } = source;
  const end = await new Promise((resolve) =>
    source.read((name, offset, bytes) => pieces.push({ name, offset, bytes }), resolve),
  );
  expect(end).toEqual({ type: 'sent' });
  return { lsn, beginning, files, pieces };
}

async function takeIn(dir: string, { beginning, files, pieces }: Sent): Promise<IntakeEnd> {
  const intake = new SnapshotIntake({ dir, beginning, files });
  for (const { name, offset, bytes } of pieces) intake.chunk(name, offset, bytes);
  return await new Promise((resolve) => intake.finish(resolve));
}

/** The backup's copy: joined by a snapshot, and all batches behind it; sealed and signed at its end. */
async function joined(
  sent: Sent,
  { batches }: Pick<RecordedRun, 'batches'>,
): Promise<{ readonly dir: string; readonly lsn: Lsn }> {
  on(BACKUP);
  const dir = join(memoryDir(), 'copy');
  const end = await takeIn(dir, sent);
  if (end.type !== 'ready') throw new Error(`not ready: ${JSON.stringify(end)}`);
  const store = FileLogStore.resume(end.position, { ...failOnError, segmentBytes: 900 });
  for (const batch of batches) if (batch.firstLsn > sent.lsn) store.append(batch);
  await sealed(store);
  return { dir, lsn: sent.lsn };
}

describe('a snapshot between two hosts that seal', () => {
  it('goes over the wire in plain bytes and plain sizes, a difference and what it needs', async () => {
    const { dir } = await recorded();
    const counts = new Set<number>();
    for (const lsn of checkpointLsns(dir)) {
      const { files, pieces, beginning } = await send(dir, lsn);
      counts.add(files.length);
      for (const { name, bytes } of files) {
        const own = pieces.filter((piece) => piece.name === name).map((piece) => piece.bytes);
        expect(Buffer.concat(own).equals(plainBytes(join(dir, name)))).toBe(true);
        expect(Buffer.concat(own).length).toBe(bytes);
        expect(readFileSync(join(dir, name)).length).toBeGreaterThan(bytes);
      }
      const first = plainBytes(join(dir, segmentName(1)));
      expect(first.subarray(0, beginning.length).equals(beginning)).toBe(true);
    }
    expect(counts).toEqual(new Set([1, 2]));
  });

  it('is sealed on the backup under its key alone, and the copy goes on to the same machine', async () => {
    const { dir: from, run } = await recorded();
    for (const lsnMax of checkpointLsns(from).slice(0, 4)) {
      on(PRIMARY);
      const { dir, lsn } = await joined(await send(from, lsnMax), run);
      expect(verifyLog(openLog(dir))).toMatchObject({ lastLsn: run.lsn, sealed: true });
      const copy = await inspectCopy(dir);
      expect(copy && reaches(copy, asLsn(lsn))).toBe(true);
      for (const name of readdirSync(dir)) {
        const bytes = readFileSync(join(dir, name));
        expect(bytes.includes('secret line'), name).toBe(false);
      }
      const recovered = await recoverLog(dir, {});
      expect(recovered.report).toMatchObject({ checkpoint: lsn });
      expect(memoryHashOf(recovered.machine)).toBe(run.ends.at(-1)?.hash);
      on(PRIMARY);
      expect(() => verifyLog(openLog(dir))).toThrow(keyError('wrong'));
      plainly();
      expect(() => verifyLog(openLog(dir))).toThrow(keyError('missing'));
    }
  });

  it('is taken in when its first pieces are single bytes', async () => {
    const { dir: from, run } = await recorded();
    const sent = await send(from);
    const pieces = sent.pieces.flatMap(({ name, offset, bytes }) =>
      Array.from({ length: Math.min(bytes.length, 300) }, (_, at) => ({
        name,
        offset: offset + at,
        bytes: bytes.subarray(at, at === 299 ? bytes.length : at + 1),
      })),
    );
    const { dir } = await joined({ ...sent, pieces }, run);
    for (const { name } of sent.files) {
      const own = sent.pieces.filter((piece) => piece.name === name).map((piece) => piece.bytes);
      expect(plainBytes(join(dir, name)).equals(Buffer.concat(own))).toBe(true);
    }
  });

  it('is passed over for an older one when its seal is of another key, and named when it is damaged', async () => {
    const { dir } = await recorded();
    const [newest = asLsn(0), second = asLsn(0)] = checkpointLsns(dir);
    const path = join(dir, snapshotName(newest));
    const bytes = readFileSync(path);
    bytes[bytes.length - 300] = (bytes[bytes.length - 300] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const source = await openSnapshotSource(dir, RUN_HEADER);
    const end = await new Promise((resolve) => source?.read(() => undefined, resolve));
    expect(end).toMatchObject({ type: 'damaged', lsn: newest });
    expect((await send(dir, newest - 1)).lsn).toBe(second);
    on(BACKUP);
    expect(await openSnapshotSource(dir, RUN_HEADER)).toBeUndefined();
  });

  it('is none when the complete one that a difference needs is of a key that is gone', async () => {
    const { dir } = await recorded();
    for (const lsn of checkpointLsns(dir)) {
      on(PRIMARY);
      const { files } = await send(dir, lsn);
      if (files.length === 1) continue;
      const path = join(dir, snapshotName(lsn));
      const bytes = plainBytes(path);
      rmSync(path);
      on(BACKUP);
      const file = REAL_DISK.openFile(path, { offset: 0 });
      await file.write([bytes]);
      await file.close();
      expect(await openSnapshotSource(dir, RUN_HEADER, { lsnMax: lsn })).toBeUndefined();
      return;
    }
    throw new Error('there is a difference');
  });
});

describe('the audit of a copy that joined by a snapshot', () => {
  it('says where it joined, and is signed whole by its own key', async () => {
    const { dir: from, run } = await recorded(true);
    expect(audit(from, PRIMARY)).toMatchObject({ joinedAt: undefined, signedWhole: true });
    const { dir, lsn } = await joined(await send(from, run.lsn / 2), run);
    const own = audit(dir, BACKUP);
    expect(own).toMatchObject({ joinedAt: lsn, signedTo: run.lsn, signedWhole: true });
    expect(audit(dir, BACKUP, headText(own.head)).expectedAt).toBe(run.lsn);
  });

  it('calls the head of the primary’s log another chain, and nothing a forgery', async () => {
    const { dir: from, run } = await recorded(true);
    const noted = headText(audit(from, PRIMARY).head);
    const { dir, lsn } = await joined(await send(from, run.lsn / 2), run);
    const why = refusal(`joined by the snapshot at lsn ${lsn} and has a hash chain of its own`);
    expect(() => audit(dir, BACKUP, noted)).toThrow(why);
    expect(() => audit(dir, BACKUP, noted.split(':')[1])).toThrow(why);
    expect(() => audit(dir, BACKUP, noted)).not.toThrow(refusal('written anew'));
  });
});

describe('a sealed copy that is restored', () => {
  it('stands where its last complete group ended, whole, cut, and joined by a snapshot', async () => {
    const { dir: from, run } = await recorded();
    const hashAt = (lsn: number): string | undefined =>
      run.ends.findLast((one) => one.lsn <= lsn)?.hash;
    const restored = (dir: string, lsn: Lsn): string =>
      memoryHashOf(restoreCopy({ dir, lsn, lsnReleased: lsn }, {}).machine);
    expect(restored(from, run.lsn)).toBe(hashAt(run.lsn));
    const { dir } = await joined(await send(from, run.lsn / 2), run);
    expect(restored(dir, run.lsn)).toBe(hashAt(run.lsn));
    const cut = await cutCopy(dir, asLsn(run.lsn - 6));
    expect(restored(dir, cut.lsnLast)).toBe(hashAt(cut.lsnLast));
    on(PRIMARY);
    const { lsnLast } = await cutCopy(from, asLsn(Math.floor(run.lsn / 2)));
    expect(restored(from, lsnLast)).toBe(hashAt(lsnLast));
    on(BACKUP);
    expect(() => restored(from, lsnLast)).toThrow(keyError('wrong'));
  });
});
