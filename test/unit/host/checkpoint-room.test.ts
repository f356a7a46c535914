import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  CHECKPOINT_RETRY_MS,
  CHECKPOINT_RETRY_MS_MAX,
  LOG_RESERVE_BYTES,
} from '../../../hypervisor/base/disk-limits.ts';
import { HvError } from '../../../hypervisor/base/errors.ts';
import { checkpointError } from '../../../hypervisor/host/checkpoint-errors.ts';
import { removeUnfinished } from '../../../hypervisor/host/checkpoint-files.ts';
import {
  CheckpointPause,
  logReserve,
  roomFault,
} from '../../../hypervisor/host/checkpoint-room.ts';
import type { TakenCheckpoint } from '../../../hypervisor/host/checkpoint-store.ts';
import { FileCheckpointer } from '../../../hypervisor/host/checkpointer.ts';
import { type Disk, RAW_DISK } from '../../../hypervisor/host/disk.ts';
import type { LogPosition } from '../../../hypervisor/host/log-cursor.ts';
import { asEpoch, asLsn, asMicros } from '../../../log-format/index.ts';
import { OWNER, SnapshotGuest } from '../../support/snapshot-guest.ts';
import { sampleHeader } from '../log-format/samples.ts';
import { tempDir } from './log-samples.ts';

const MIB = 1024 * 1024;

/** A disk with figures of the test's own; what is written to it counts. */
class SmallDisk implements Disk {
  free: number;
  /** Refuses every write. */
  full = false;
  readonly total: number;
  readonly openInput: Disk['openInput'] = RAW_DISK.openInput;
  readonly list: Disk['list'] = RAW_DISK.list;
  readonly rename: Disk['rename'] = RAW_DISK.rename;
  readonly unlink: Disk['unlink'] = RAW_DISK.unlink;
  readonly cut: Disk['cut'] = RAW_DISK.cut;
  readonly syncDirectory: Disk['syncDirectory'] = RAW_DISK.syncDirectory;
  opened = 0;

  constructor(room: { readonly free: number; readonly total: number }) {
    this.free = room.free;
    this.total = room.total;
  }

  readonly room: Disk['room'] = () => ({ free: this.free, total: this.total });

  readonly openFile: Disk['openFile'] = (path, at) => {
    this.opened += 1;
    const file = RAW_DISK.openFile(path, at);
    return {
      ...{ sync: () => file.sync(), close: () => file.close() },
      writeSync: (buffers) => file.writeSync(buffers),
      write: async (buffers) => {
        if (this.full)
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        for (const { length } of buffers) this.free -= length;
        await file.write(buffers);
      },
    };
  };
}

/** A guest with a checkpoint due after every group, on such a disk, with a clock that the test moves. */
class Driven {
  readonly dir: string = tempDir();
  readonly guest = new SnapshotGuest().boot();
  readonly taken: TakenCheckpoint[] = [];
  readonly troubles: HvError[] = [];
  readonly recovered: number[] = [];
  readonly disk: SmallDisk;
  readonly checkpointer: FileCheckpointer;
  now = 0;

  constructor(disk: SmallDisk) {
    this.disk = disk;
    const { guest, dir } = this;
    this.checkpointer = new FileCheckpointer({
      ...{ dir, disk, machine: guest.machine, keep: { type: 'all' } },
      every: { type: 'records', every: 1 },
      header: sampleHeader({ ...OWNER }),
      log: {
        get position(): LogPosition {
          return guest.position as LogPosition;
        },
        bytesAppended: 0,
        write: (done) => done(),
        sync: (done) => done(),
      },
      ...{ lsn: asLsn(0), time: asMicros(0) },
      now: () => this.now,
      onTaken: (one) => this.taken.push(one),
      onTrouble: (error) => this.troubles.push(error),
      onRecovered: (lsn) => this.recovered.push(lsn),
    });
  }

  /** A group of one turn; true: the guest stopped for a snapshot. */
  async group(): Promise<boolean> {
    const { guest, checkpointer } = this;
    guest.input('x');
    const at = { lsn: asLsn(guest.lsn), time: asMicros(guest.lsn) };
    const stopped = checkpointer.ran({ ...at, runMs: 1 });
    if (stopped)
      checkpointer.take({ ...at, view: { epoch: asEpoch(1), primary: 'a', backups: [] } });
    await new Promise<void>((resolve) => checkpointer.close(resolve));
    return stopped;
  }

  get files(): readonly string[] {
    return readdirSync(this.dir);
  }
}

describe('what snapshots leave to the log', () => {
  it('is 256 MiB of a disk, and an eighth of one that is smaller than 2 GiB', () => {
    expect(logReserve({ total: 4096 * MIB })).toBe(LOG_RESERVE_BYTES);
    expect(logReserve({ total: 80 * MIB })).toBe(10 * MIB);
    const fault = (free: number, bytes: number): string | undefined =>
      roomFault({ room: () => ({ free, total: 80 * MIB }) }, '/x', bytes);
    expect(fault(12 * MIB, 2 * MIB)).toBeUndefined();
    expect(fault(12 * MIB, 2 * MIB + 1)).toBe(
      'its disk has 12.0 MiB free, and 10.0 MiB are kept for the log',
    );
  });

  it('is not known of a file system without figures, and nothing is refused there', () => {
    expect(roomFault({ room: () => undefined }, '/x', 1e15)).toBeUndefined();
    expect(RAW_DISK.room('/nowhere/at/all')).toBeUndefined();
    expect(RAW_DISK.room(tempDir())?.total).toBeGreaterThan(0);
  });
});

describe('a checkpoint on a disk with room for the log alone', () => {
  it('is not begun, is told of once, and leaves the guest running', async () => {
    const driven = new Driven(new SmallDisk({ free: 9 * MIB, total: 80 * MIB }));
    for (let n = 0; n < 3; n++) {
      expect(await driven.group()).toBe(false);
      driven.now += CHECKPOINT_RETRY_MS_MAX;
    }
    expect(driven.disk.opened).toBe(0);
    expect(driven.troubles.map(({ code, message }) => [code, message])).toEqual([
      [
        'HV_E_CHECKPOINT_WRITE',
        `no snapshot of ${driven.dir} is taken: its disk has 9.0 MiB free, and 10.0 MiB are kept for the log`,
      ],
    ]);
  });

  it('is taken again once there is room, and that is told', async () => {
    const driven = new Driven(new SmallDisk({ free: 9 * MIB, total: 80 * MIB }));
    expect(await driven.group()).toBe(false);
    driven.disk.free = 70 * MIB;
    expect(await driven.group()).toBe(false);
    driven.now += CHECKPOINT_RETRY_MS;
    expect(await driven.group()).toBe(true);
    expect(driven.recovered).toEqual([driven.guest.lsn]);
    expect(driven.taken.map(({ lsn }) => lsn)).toEqual(driven.recovered);
    expect(await driven.group()).toBe(true);
    expect(driven.recovered).toHaveLength(1);
  });

  it('expects to be as large as the one before', async () => {
    const driven = new Driven(new SmallDisk({ free: 70 * MIB, total: 80 * MIB }));
    expect(await driven.group()).toBe(true);
    expect(await driven.group()).toBe(true);
    const [, difference] = driven.taken;
    driven.disk.free = 10 * MIB + (difference?.bytes ?? 0) - 1;
    expect(await driven.group()).toBe(false);
    expect(driven.files.filter((name) => name.endsWith('.hvsnap'))).toHaveLength(2);
  });

  it('that was asked for is answered with the reason at once', async () => {
    const driven = new Driven(new SmallDisk({ free: 9 * MIB, total: 80 * MIB }));
    const answer = await new Promise((resolve) =>
      driven.checkpointer.request({ complete: true }, resolve),
    );
    expect(answer).toBeInstanceOf(HvError);
    expect(String(answer)).toContain('are kept for the log');
  });

  it('stops in the middle when it grows beyond the room there is, and leaves nothing behind', async () => {
    const disk = new SmallDisk({ free: 10 * MIB + 4096, total: 80 * MIB });
    const driven = new Driven(disk);
    expect(await driven.group()).toBe(true);
    expect(disk.opened).toBe(1);
    expect(disk.free).toBeGreaterThanOrEqual(10 * MIB);
    expect(driven.files).toEqual([]);
    expect(driven.troubles[0]?.message).toContain('are kept for the log');
    expect(await driven.group()).toBe(false);
  });
});

describe('a checkpoint that the disk refuses', () => {
  it('removes its file, is told of once, and is tried at ever longer intervals', async () => {
    const driven = new Driven(new SmallDisk({ free: 70 * MIB, total: 80 * MIB }));
    driven.disk.full = true;
    const tries: number[] = [];
    for (let n = 0; n < 64; n++) {
      if (await driven.group()) tries.push(driven.now);
      expect(driven.files).toEqual([]);
      driven.now += CHECKPOINT_RETRY_MS;
    }
    expect(tries.map((at) => at / CHECKPOINT_RETRY_MS)).toEqual([0, 1, 3, 7, 15, 31, 63]);
    expect(driven.troubles).toHaveLength(1);
    expect(driven.troubles[0]).toMatchObject({ code: 'HV_E_CHECKPOINT_WRITE' });
    driven.disk.full = false;
    driven.now += CHECKPOINT_RETRY_MS_MAX;
    expect(await driven.group()).toBe(true);
    expect(driven.recovered).toHaveLength(1);
  });
});

describe('the pause after a snapshot that failed', () => {
  const error = (code: string): HvError =>
    checkpointError('/x', code === '' ? new Error('gone') : Object.assign(new Error(), { code }));

  it('does not grow beyond its limit', () => {
    const pause = new CheckpointPause();
    for (let n = 0; n < 20; n++) pause.failed(error('ENOSPC'), 0);
    expect(pause.isOver(CHECKPOINT_RETRY_MS_MAX - 1)).toBe(false);
    expect(pause.isOver(CHECKPOINT_RETRY_MS_MAX)).toBe(true);
  });

  it('tells of trouble of another kind, and of what is none of the disk each time, without a pause', () => {
    const pause = new CheckpointPause();
    expect(pause.failed(error(''), 0)).toBe(true);
    expect(pause.failed(error(''), 0)).toBe(true);
    expect(pause.isOver(0)).toBe(true);
    expect(pause.failed(error('ENOSPC'), 0)).toBe(true);
    expect(pause.failed(error('ENOSPC'), 0)).toBe(false);
    expect(pause.failed(error('EIO'), 0)).toBe(true);
    expect(pause.succeeded()).toBe(true);
    expect(pause.succeeded()).toBe(false);
    expect(pause.failed(error('EIO'), 0)).toBe(true);
  });
});

describe('an unfinished snapshot of a process that died', () => {
  it('is removed, and what else lies there is not', async () => {
    const dir = tempDir();
    const keep = ['000000000001.hvsnap', '000001.hvlog', 'beginning.hvlog.tmp', 'note.tmp'];
    for (const name of [...keep, '000000000007.hvsnap.tmp']) writeFileSync(join(dir, name), 'x');
    await removeUnfinished(dir);
    expect(readdirSync(dir).sort()).toEqual(keep.sort());
    await removeUnfinished(join(dir, 'nothing-here'));
    expect(existsSync(join(dir, 'nothing-here'))).toBe(false);
    await removeUnfinished(join(dir, 'note.tmp'));
  });
});
