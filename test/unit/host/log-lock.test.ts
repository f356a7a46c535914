import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  lockCopies,
  lockDirectory,
  lockHolder,
  rotateAside,
} from '../../../hypervisor/host/log-lock.ts';
import { tempDir, writeLog } from './log-samples.ts';

const inUse = expect.objectContaining({ code: 'HV_E_NAME_IN_USE' });

/** Pid of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

describe('a directory lock', () => {
  it('keeps others out until it is released', () => {
    const dir = join(tempDir(), 'server');
    const lock = lockDirectory(dir);
    expect(lockHolder(dir)).toBe(process.pid);
    expect(() => lockDirectory(dir)).toThrow(inUse);
    expect(() => lockDirectory(dir)).toThrow(String(process.pid));
    lock.release();
    expect(lockHolder(dir)).toBeUndefined();
    lockDirectory(dir).release();
    expect(readdirSync(join(dir, '..'))).toEqual([]);
  });

  it('of a dead process is free', () => {
    const dir = join(tempDir(), 'server');
    writeFileSync(`${dir}.lock`, `${deadPid()} 123\n`);
    expect(lockHolder(dir)).toBeUndefined();
    const lock = lockDirectory(dir);
    expect(lockHolder(dir)).toBe(process.pid);
    lock.release();
  });

  it('of a killed process that nobody has waited for yet is free', async () => {
    const dir = join(tempDir(), 'server');
    // The shell replaces itself by one that never waits for its child.
    const shell = spawn('sh', ['-c', 'sleep 61 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [line] = (await once(shell.stdout, 'data')) as [Buffer];
      const pid = Number(String(line).trim());
      const shellName = (): string => readFileSync(`/proc/${shell.pid}/comm`, 'utf8').trim();
      while (shellName() !== 'sleep') await new Promise((resolve) => setTimeout(resolve, 5));
      process.kill(pid, 'SIGKILL');
      const state = (): string =>
        readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[0] ?? '';
      while (state() !== 'Z') await new Promise((resolve) => setTimeout(resolve, 5));
      const started = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
      writeFileSync(`${dir}.lock`, `${pid} ${started}\n`);
      lockDirectory(dir).release();
    } finally {
      shell.kill('SIGKILL');
    }
  });

  it('of a process whose pid is used again is free', () => {
    const dir = join(tempDir(), 'server');
    writeFileSync(`${dir}.lock`, `${process.pid} 1\n`);
    lockDirectory(dir).release();
    expect(existsSync(`${dir}.lock`)).toBe(false);
  });

  it('is not released by one who lost it', () => {
    const dir = join(tempDir(), 'server');
    const lock = lockDirectory(dir);
    writeFileSync(`${dir}.lock`, '1 1\n');
    lock.release();
    expect(readFileSync(`${dir}.lock`, 'utf8')).toBe('1 1\n');
  });

  it('goes to one of several processes that all find a dead one', () => {
    const dir = join(tempDir(), 'server');
    writeFileSync(`${dir}.lock`, `${deadPid()} 123\n`);
    const holders = [lockDirectory(dir)];
    for (let n = 0; n < 3; n++) expect(() => holders.push(lockDirectory(dir))).toThrow(inUse);
    expect(holders).toHaveLength(1);
    expect(readdirSync(join(dir, '..'))).toEqual(['server.lock']);
  });
});

describe('the lock of a backup on the directory of its copies', () => {
  it('names the process that has it and says what to do; other names and the guests stay free', () => {
    const dir = join(tempDir(), 'copies');
    const lock = lockCopies(dir, 'backup');
    expect(() => lockCopies(dir, 'backup')).toThrow(
      `process ${process.pid} is a backup that keeps its copies in ${dir}: another one needs a --dir of its own`,
    );
    const others = [lockCopies(dir, 'kv'), lockDirectory(join(dir, 'backup'))];
    for (const one of [lock, ...others]) one.release();
    expect(readdirSync(dir)).toEqual([]);
    lockCopies(dir, 'backup').release();
  });

  it('writes nothing beside the directory, which may be all that this user can write to', () => {
    const above = tempDir();
    lockCopies(join(above, 'copies'), 'backup');
    expect(readdirSync(above)).toEqual(['copies']);
  });
});

describe('rotateAside', () => {
  it('renames an older log to the next free number and leaves the rest', async () => {
    const dir = join(tempDir(), 'server');
    expect(rotateAside(dir)).toBeUndefined();
    mkdirSync(dir);
    expect(rotateAside(dir)).toBeUndefined();
    await writeLog(dir, { batches: 1 });
    expect(rotateAside(dir)).toBe(`${dir}~1`);
    expect(readdirSync(`${dir}~1`)).toEqual(['000001.hvlog']);
    mkdirSync(`${dir}~7`);
    await writeLog(dir, { batches: 2 });
    expect(rotateAside(`${dir}/`)).toBe(`${dir}~8`);
    expect(existsSync(dir)).toBe(false);
  });
});
