import { mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyLines } from '../../../hypervisor/cli/resume-text.ts';
import { readLogHeader } from '../../../hypervisor/host/log-reader.ts';
import {
  logsAside,
  nothingToGoOnFrom,
  nothingToResume,
} from '../../../hypervisor/host/nothing-to-resume.ts';
import { tempDir, writeLog } from './log-samples.ts';

const lost = expect.objectContaining({ code: 'HV_E_LOG_DAMAGED' });

/** The arbiter beside the logs has decided a view of `vm`. */
function view(home: string, vm: string): void {
  mkdirSync(join(home, 'arbiter', vm), { recursive: true });
  writeFileSync(join(home, 'arbiter', vm, 'epoch-00000001.json'), '{}');
}

describe('a run that is to go on without a log', () => {
  it('begins empty where there never was one, and says so in a line', () => {
    const home = tempDir();
    const logDir = join(home, 'kv');
    mkdirSync(join(home, 'arbiter'));
    // Other guests, one of whose names begins alike, and a run nobody claimed a view of.
    for (const vm of ['web-0a1b2c3d', 'kv-2-0a1b2c3d', 'kv2-0a1b2c3d']) view(home, vm);
    mkdirSync(join(home, 'arbiter', 'kv-0a1b2c3d'));
    const found = nothingToResume(logDir);
    expect(found).toEqual({ logDir, aside: [] });
    expect(emptyLines(found, home)).toEqual([
      `kv: there is no log in ${logDir}: nothing to resume, the run begins empty`,
    ]);
    mkdirSync(logDir);
    expect(nothingToResume(logDir)).toEqual(found);
  });

  it('is refused where the arbiter beside it knows a run whose log is nowhere', async () => {
    const home = tempDir();
    const logDir = join(home, 'kv');
    view(home, 'kv-0a1b2c3d');
    expect(() => nothingToResume(logDir)).toThrow(lost);
    expect(() => nothingToResume(logDir)).toThrow('views of the run kv-0a1b2c3d');
    await writeLog(`${logDir}~1`, { batches: 2 });
    expect(() => nothingToResume(logDir)).toThrow(lost);
    expect(() => nothingToResume(logDir)).toThrow(`set aside: ${logDir}~1`);
  });

  it('begins empty where every run the arbiter knows is set aside, or may be', async () => {
    const home = tempDir();
    const logDir = join(home, 'kv');
    await writeLog(`${logDir}~1`, { batches: 2 });
    const header = readLogHeader(`${logDir}~1`);
    const own = join(home, header.vm.replace(/-[0-9a-f]{8}$/, ''));
    renameSync(`${logDir}~1`, `${own}~1`);
    view(home, header.vm);
    expect(nothingToResume(own).aside).toEqual([{ path: `${own}~1`, header }]);
    // A log that cannot be read may be that of the run the arbiter knows.
    writeFileSync(join(`${own}~1`, '000001.hvlog'), 'x'.repeat(400));
    expect(nothingToResume(own).aside).toMatchObject([{ header: undefined }]);
  });

  it.each(['released.hvmark', 'beginning.hvlog', '000001.hvsig'])(
    'is refused where %s is left of one',
    (name) => {
      const logDir = join(tempDir(), 'kv');
      mkdirSync(logDir);
      writeFileSync(join(logDir, name), 'x');
      expect(() => nothingToResume(logDir)).toThrow(lost);
      expect(() => nothingToResume(logDir)).toThrow(`${name} is left of it`);
    },
  );

  it('begins empty behind one that was killed before it had begun', async () => {
    const home = tempDir();
    const logDir = join(home, 'kv');
    await writeLog(logDir, { batches: 1 });
    truncateSync(join(logDir, '000001.hvlog'), 100);
    view(home, 'kv-0a1b2c3d');
    expect(nothingToResume(logDir)).toEqual({ logDir, aside: [] });
  });
});

describe('logs that are set aside', () => {
  it('are named newest first, without those that never began, and with what to do', async () => {
    const home = tempDir();
    const logDir = join(home, 'kv');
    for (const k of [2, 9, 10, 11, 12]) await writeLog(`${logDir}~${k}`, { batches: 1 });
    truncateSync(join(`${logDir}~12`, '000001.hvlog'), 100);
    writeFileSync(join(`${logDir}~10`, '000001.hvlog'), 'x'.repeat(400));
    for (const other of ['kv~x', 'kv2~1', 'kv~']) mkdirSync(join(home, other));
    const found = { logDir, aside: logsAside(logDir) };
    const { startedAt } = readLogHeader(`${logDir}~11`);
    const at = new Date(startedAt / 1000).toISOString().slice(0, 19);
    const unreadable = 'kv~10 (not readable without its key, or damaged)';
    expect(emptyLines(found, home).slice(1)).toEqual([
      `kv: earlier logs are set aside: kv~11 (of ${at}Z), ${unreadable}, kv~9 (of ${at}Z), 1 more. To look at one: hv inspect kv~11`,
      'kv: to go on with it instead, end this run, then: mv kv kv-empty && mv kv~11 kv, and hv run --resume',
    ]);
    expect(emptyLines(found, join(home, 'elsewhere'))[1]).toContain(`hv inspect ${logDir}~11`);
    expect(nothingToGoOnFrom(found).message).toContain(`set aside: ${logDir}~11, ${logDir}~10`);
    rmSync(`${logDir}~11`, { recursive: true });
    expect(logsAside(logDir)).toHaveLength(3);
  });
});
