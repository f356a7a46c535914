import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointLsns } from '../../../hypervisor/host/checkpoint-files.ts';
import { recoverLog } from '../../../hypervisor/host/recovery.ts';
import { ReleasedFile, readReleased } from '../../../hypervisor/host/released-file.ts';
import { asEpoch, asLsn } from '../../../log-format/index.ts';
import { RecordedRun, RUN_HEADER } from '../../support/recorded-run.ts';

const { vm } = RUN_HEADER;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hv-released-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const mark = (lsn: number, epoch = 1) => ({ epoch: asEpoch(epoch), lsn: asLsn(lsn) });

describe('the mark beside a log', () => {
  it('is the last one written, also of an earlier life, and of this run only', () => {
    expect(readReleased(dir, vm)).toBeUndefined();
    const file = new ReleasedFile(dir, vm);
    file.write(mark(7));
    file.write(mark(2 ** 40, 3));
    expect(readReleased(dir, vm)).toEqual(mark(2 ** 40, 3));
    expect(readReleased(dir, `${vm}2`)).toBeUndefined();
    file.close();
    file.write(mark(9, 9));
    expect(readReleased(dir, vm)).toEqual(mark(2 ** 40, 3));
    new ReleasedFile(dir, vm).write(mark(8, 4));
    expect(readReleased(dir, vm)).toEqual(mark(8, 4));
  });

  it('is none where any bit of it has changed, or any of it is missing', () => {
    new ReleasedFile(dir, vm).write(mark(1234, 5));
    const [name = ''] = readdirSync(dir);
    const path = join(dir, name);
    const whole = readFileSync(path);
    for (let bit = 0; bit < 28 * 8; bit++) {
      const changed = Uint8Array.from(whole);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(path, changed);
      expect(readReleased(dir, vm), `bit ${bit}`).toBeUndefined();
    }
    for (let bytes = 0; bytes < whole.length; bytes++) {
      writeFileSync(path, whole.subarray(0, bytes));
      expect(readReleased(dir, vm), `${bytes} bytes`).toBeUndefined();
    }
  });

  it('that cannot be written harms nobody', () => {
    const file = new ReleasedFile(join(dir, 'nowhere'), vm);
    file.write(mark(1));
    file.write(mark(2));
    file.close();
    expect(readReleased(join(dir, 'nowhere'), vm)).toBeUndefined();
  });
});

/** A run with a backup in its view, a checkpoint in the middle, and five inputs. */
async function recorded(): Promise<RecordedRun> {
  const run = new RecordedRun(dir, { hashes: false, every: 12 }).boot();
  for (const text of ['one', 'two', 'three']) run.input(text);
  await run.settled();
  for (const text of ['four', 'five']) run.input(text);
  await run.settled();
  await new Promise<void>((resolve) => run.store.close(resolve));
  return run;
}

/** What a guest prints, of outputs that are let out again. */
async function printedAgain(): Promise<readonly string[]> {
  const { handover } = await recoverLog(dir, {});
  return handover.held.flatMap(({ output }) =>
    output.device === 'console' ? [new TextDecoder().decode(output.bytes).trim()] : [],
  );
}

describe('a run that goes on from a log whose view names a backup', () => {
  it('lets out again what lies behind the mark, and nothing else', async () => {
    const { ends } = await recorded();
    expect(await printedAgain()).toEqual([]);
    const file = new ReleasedFile(dir, vm);
    const four = ends.at(-2)?.lsn ?? asLsn(0);
    file.write(mark(four));
    expect(await printedAgain()).toEqual(['got five']);
    file.write(mark(four + 1_000));
    expect(await printedAgain()).toEqual([]);
    expect((await recoverLog(dir, {})).handover.lsnReleased).toBe(ends.at(-1)?.lsn);
  });

  it('begins before the newest checkpoint where outputs from before it may not have left', async () => {
    const { ends } = await recorded();
    const two = ends.at(-4)?.lsn ?? asLsn(0);
    const [checkpoint = 0] = checkpointLsns(dir);
    expect(checkpoint).toBeGreaterThan(two);
    expect((await recoverLog(dir, {})).report.checkpoint).toBe(checkpoint);
    new ReleasedFile(dir, vm).write(mark(two));
    expect(await printedAgain()).toEqual(['got three', 'got four', 'got five']);
    expect((await recoverLog(dir, {})).report.checkpoint).toBe(0);
  });

  /** As `recorded`, with views of `primary` from two to three, before the checkpoint, and 'a' again behind it. */
  async function recordedAcross(primary: string): Promise<RecordedRun> {
    const run = new RecordedRun(dir, { hashes: false, every: 16 }).boot();
    const reign = (epoch: number, name: string): void => {
      run.epoch = epoch;
      run.view = { epoch: asEpoch(epoch), primary: name, backups: ['b'] };
      run.append([{ type: 'view', time: RUN_HEADER.startedAt, ...run.view }]);
    };
    for (const text of ['one', 'two']) run.input(text);
    reign(2, primary);
    reign(3, 'a');
    for (const text of ['three', 'four']) run.input(text);
    await run.settled();
    run.input('five');
    await new Promise<void>((resolve) => run.store.close(resolve));
    return run;
  }

  it('knows its reign back to a mark that a power cut left from an earlier view of it', async () => {
    const { ends } = await recordedAcross('a');
    const two = ends.at(-4)?.lsn ?? asLsn(0);
    expect(checkpointLsns(dir)[0] ?? 0).toBeGreaterThan(two + 2);
    new ReleasedFile(dir, vm).write(mark(two, 1));
    expect(await printedAgain()).toEqual(['got three', 'got four', 'got five']);
  });

  it('takes no mark for its own from before the reign of another', async () => {
    const { ends } = await recordedAcross('c');
    new ReleasedFile(dir, vm).write(mark(ends.at(-4)?.lsn ?? 0, 1));
    expect(await printedAgain()).toEqual([]);
  });

  it('does not take the mark of an earlier reign for its own', async () => {
    const { ends } = await recorded();
    new ReleasedFile(dir, vm).write(mark(0, 0));
    expect(await printedAgain()).toEqual([]);
    new ReleasedFile(dir, vm).write(mark(ends.at(-2)?.lsn ?? 0, 2));
    expect(await printedAgain()).toEqual(['got five']);
  });
});
