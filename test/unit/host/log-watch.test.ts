import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LOG_LOOK_MS } from '../../../hypervisor/base/disk-limits.ts';
import { LogWatch } from '../../../hypervisor/host/log-watch.ts';
import { batchNumber, createStore, sealed, tempDir } from './log-samples.ts';

describe('a watch on the file of a log', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function watched(): { path: string; lost: string[]; watch: LogWatch } {
    const dir = join(tempDir(), 'kv');
    const path = join(dir, '000001.hvlog');
    mkdirSync(dir);
    writeFileSync(path, 'x');
    const lost: string[] = [];
    const watch = new LogWatch({ dir, path: () => path, onLost: (gone) => lost.push(gone) });
    return { path, lost, watch };
  }

  it('tells once that it was deleted, and never of one that is there', () => {
    const { path, lost } = watched();
    vi.advanceTimersByTime(10 * LOG_LOOK_MS);
    expect(lost).toEqual([]);
    rmSync(dirname(path), { recursive: true });
    vi.advanceTimersByTime(LOG_LOOK_MS);
    expect(lost).toEqual([path]);
    vi.advanceTimersByTime(10 * LOG_LOOK_MS);
    expect(lost).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells of a directory that was moved, or whose place is a file now', () => {
    const { path, lost, watch } = watched();
    renameSync(dirname(path), `${dirname(path)}-moved`);
    writeFileSync(dirname(path), 'x');
    watch.look();
    expect(lost).toEqual([path]);
  });

  it('that was stopped tells nothing', () => {
    const { path, lost, watch } = watched();
    watch.stop();
    rmSync(path);
    vi.advanceTimersByTime(10 * LOG_LOOK_MS);
    expect(lost).toEqual([]);
  });
});

describe('a log whose directory was deleted while it is written', () => {
  it('goes on, also into its next segment, and says so at that one at the latest', async () => {
    const dir = join(tempDir(), 'kv');
    const lost: string[] = [];
    const fail = vi.fn();
    const onLost = (path: string): number => lost.push(path);
    const store = createStore(dir, { segmentBytes: 300, onLost, onError: fail });
    store.append(batchNumber(1));
    await new Promise<void>((resolve) => store.write(resolve));
    rmSync(dir, { recursive: true });
    for (let n = 2; n <= 20; n++) store.append(batchNumber(n));
    await sealed(store);
    expect(fail).not.toHaveBeenCalled();
    expect(lost).toEqual([join(dir, '000001.hvlog')]);
    expect(readdirSync(dir)).not.toContain('000001.hvlog');
    expect(readdirSync(dir)).toContain('000002.hvlog');
  });

  it('is not looked for once the log has ended, or where nobody wants to know', async () => {
    const dir = join(tempDir(), 'kv');
    const lost: string[] = [];
    const store = createStore(dir, { onLost: (path) => lost.push(path) });
    store.append(batchNumber(1));
    await sealed(store);
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const quiet = createStore(join(tempDir(), 'quiet'));
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    await sealed(quiet);
    expect(existsSync(dir)).toBe(true);
    expect(lost).toEqual([]);
  });
});
