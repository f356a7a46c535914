/**
 * The worker of a replica. As a primary's it holds machine, net, log and links: one thread, because a
 * split costs 16 µs and 60 % more CPU per small request. As a backup's it holds the machine and
 * replays what the main thread passes on, until that wins a view and makes it a primary.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { asLsn, type LogHeader, type Lsn, type Micros, sha256Hex } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { SEGMENT_BYTES, SEGMENT_BYTES_MIN } from '../base/limits.ts';
import { LocalMachine } from '../machine/local-machine.ts';
import type { Machine } from '../machine/machine.ts';
import { type CheckpointerOptions, FileCheckpointer } from './checkpointer.ts';
import { DiskCopy } from './disk-copy.ts';
import { FollowedCheckpoints } from './followed-checkpoints.ts';
import { noteBusy } from './hang-watch.ts';
import { headText, type NotedHead } from './log-cursor.ts';
import { logKeys } from './log-keys.ts';
import { FileLogStore } from './log-store.ts';
import { buildMachine } from './machine-factory.ts';
import { startMeters } from './meters-clock.ts';
import { missingMounts } from './mount-option.ts';
import { MISSING } from './mounts.ts';
import { NullLogStore } from './null-log-store.ts';
import { PrimaryRunner } from './primary-runner.ts';
import { recoverLog } from './recovery.ts';
import { type RestoredCopy, restoreCopy } from './restore-copy.ts';
import { signKey } from './sign-keys.ts';
import {
  type BackupStart,
  CONTROL,
  type FromWorker,
  metersOf,
  type PrimarySettings,
  type PrimaryStart,
  type ResumeStart,
  type ToWorker,
  type WorkerStart,
} from './worker-protocol.ts';

const port = defined(parentPort ?? undefined, 'this file runs as a worker');
const start = workerData as WorkerStart;
startMeters(metersOf(start.control));

let diskCopy: DiskCopy | undefined;

function post(message: FromWorker): void {
  if (message.type !== 'ended' || diskCopy === undefined) port.postMessage(message);
  // The last of the guest's files, too: whoever waits for its end wants to look at them.
  else void diskCopy.finish().then(() => port.postMessage(message));
}

/** The guest's files beside its log. Not beside a sealed one: they would lie there in plain. */
function showDisk(dir: string | undefined, { disk }: Machine): void {
  if (dir === undefined || logKeys() !== undefined) return;
  diskCopy = new DiskCopy({
    ...{ dir, disk },
    onTrouble: (reason) => {
      const meaning = 'only the copy for people to look at is old; the guest and its log are not';
      post({ type: 'trouble', event: 'disk.not-shown', fields: { reason, meaning } });
    },
  });
}

function fail(error: unknown): void {
  if (!(error instanceof HvError)) throw error;
  const { code, message, details } = error;
  post({ type: 'failed', code, message, details });
}

/** For who signs: only a head noted elsewhere shows that signed segments were cut off the end. */
function tellHead(head: NotedHead): void {
  if (signKey() !== undefined)
    post({ type: 'trouble', event: 'log.sealed', fields: { head: headText(head) } });
}

function tellLost(path: string): void {
  const meaning =
    'the guest goes on, but nothing can be resumed here and no backup can join; with one in step: hv switchover, without: docs/operations.md, HvLogLost';
  post({ type: 'trouble', event: 'log.lost', fields: { path, meaning } });
}

function aliveIn(control: Int32Array): () => void {
  return () => {
    Atomics.add(control, CONTROL.alive, 1);
  };
}

function machineOf({ header, blobs, control }: PrimaryStart): Machine {
  return buildMachine(header, blobs, { onAlive: aliveIn(control) });
}

/** A backup's machine: new, or where its copy of the log ends. */
function backupMachine({ header, blobs, control, restore }: BackupStart): {
  readonly machine: Machine;
  readonly restored: RestoredCopy | undefined;
} {
  const onAlive = aliveIn(control);
  if (restore !== undefined)
    return restoreCopy(restore, { onAlive, busy: (lsn) => noteBusy(control, lsn) });
  const given = defined(blobs, 'a new machine has its image');
  return { machine: buildMachine(header, given, { onAlive }), restored: undefined };
}

/** What becomes of checkpoints, for the main thread. */
const CHECKPOINT_NEWS: Pick<CheckpointerOptions, 'onTaken' | 'onTrouble' | 'onRecovered'> = {
  onTaken: (taken) => post({ type: 'checkpoint', taken }),
  onTrouble: ({ message: reason }) => {
    const meaning = 'the guest goes on; without new snapshots a resume or a jump takes longer';
    post({ type: 'trouble', event: 'checkpoint.failed', fields: { reason, meaning } });
  },
  onRecovered: (lsn) => post({ type: 'trouble', event: 'checkpoint.again', fields: { lsn } }),
};

/** What a checkpointer needs of a primary about to start. */
interface Place {
  readonly header: LogHeader;
  readonly machine: Machine;
  readonly file: FileLogStore;
  readonly lsn: Lsn;
  readonly time: Micros;
}

function checkpointsOf(
  { header, machine, file, lsn, time }: Place,
  { logDir, settings }: { readonly logDir: string | undefined; readonly settings: PrimarySettings },
): FileCheckpointer | undefined {
  if (logDir === undefined || settings.checkpoint.type === 'off') return undefined;
  return new FileCheckpointer({
    dir: logDir,
    header,
    machine,
    log: file,
    every: settings.checkpoint,
    keep: settings.keep,
    lsn,
    time,
    ...CHECKPOINT_NEWS,
  });
}

/** What is kept is cut off in whole segments: they are smaller where little is kept. */
function segmentSize({ keep }: PrimarySettings): { readonly segmentBytes?: number } {
  if (keep.type === 'all') return {};
  const wanted = { bytes: keep.amount / 8, records: keep.amount * 8, micros: SEGMENT_BYTES / 8 };
  const bytes = Math.floor(wanted[keep.type]);
  return { segmentBytes: Math.min(SEGMENT_BYTES, Math.max(SEGMENT_BYTES_MIN, bytes)) };
}

function runPrimary(given: PrimaryStart): void {
  const { header, blobs, logDir } = given;
  const file =
    logDir === undefined
      ? undefined
      : FileLogStore.create(
          logDir,
          header,
          (['firmware', 'image', 'sourcemap'] as const).map((name) => ({
            name,
            hash: sha256Hex(blobs[name]),
            bytes: blobs[name],
          })),
          {
            onError: fail,
            onSealed: tellHead,
            onLost: tellLost,
            meters: metersOf(given.control),
            ...segmentSize(given.settings),
          },
        );
  const machine = machineOf(given);
  showDisk(logDir, machine);
  const runner = new PrimaryRunner({
    header,
    settings: given.settings,
    control: given.control,
    machine,
    store: file ?? new NullLogStore({ encodes: given.encodes }),
    logDir,
    checkpoints:
      file &&
      checkpointsOf({ header, machine, file, lsn: asLsn(0), time: header.startedAt }, given),
    handover: undefined,
    backups: given.backups,
    boot: new TextEncoder().encode(JSON.stringify(given.boot)),
    post,
  });
  port.on('message', (message: ToWorker) => runner.take(message));
  runner.start();
}

async function runResumed(given: ResumeStart): Promise<void> {
  const { logDir, settings, control } = given;
  const { header, machine, position, handover, booted, report } = await recoverLog(logDir, {
    onAlive: aliveIn(control),
  });
  post({ type: 'recovered', report });
  const [missing] = settings.mountsMayMiss
    ? []
    : missingMounts(machine.disk.mounts, settings.mounts);
  if (missing !== undefined)
    throw new HvError(
      'HV_E_MOUNT',
      `the guest of ${logDir} has a mount at ${missing}: pass --mount host:${missing}`,
    );
  showDisk(logDir, machine);
  const file = FileLogStore.resume(position, {
    onError: fail,
    onSealed: tellHead,
    onLost: tellLost,
    meters: metersOf(control),
    ...segmentSize(settings),
  });
  const { lsnReceived: lsn, timeLast: time } = handover;
  const runner = new PrimaryRunner({
    header,
    settings,
    control,
    machine,
    store: file,
    logDir,
    checkpoints: checkpointsOf({ header, machine, file, lsn, time }, { logDir, settings }),
    handover: { ...handover, id: settings.id },
    backups: given.backups,
    boot: booted ? undefined : new TextEncoder().encode(JSON.stringify(given.boot)),
    post,
  });
  port.on('message', (message: ToWorker) => runner.take(message));
  runner.start();
}

/** Told by a backup as soon as it knows: at a takeover it would be late. */
function tellMissing({ mounts }: BackupStart, { disk }: Machine): void {
  for (const path of missingMounts(disk.mounts, mounts))
    post({ type: 'trouble', event: 'mount.missing', fields: { path, meaning: MISSING } });
}

function runBackup(given: BackupStart): void {
  const { header, control } = given;
  let mountsSeen = 0;
  const { machine, restored } = backupMachine(given);
  showDisk(given.disk, machine);
  const replaying = new LocalMachine(machine, {
    wall: () => header.startedAt,
    busy: (lsn) => noteBusy(control, lsn),
    stopRequested: () => undefined,
  });
  const followed = followedCheckpoints(given, machine, restored);
  if (restored !== undefined) post({ type: 'restored', restored });
  let runner: PrimaryRunner | undefined;
  port.on('message', (message: ToWorker) => {
    if (runner !== undefined) {
      runner.take(message);
    } else if (message.type === 'replay') {
      replaying.replay(message.group, (result, divergence) => {
        if (divergence === undefined) followed?.replayed(message.group, result);
        if (machine.disk.mounts.length > mountsSeen) tellMissing(given, machine);
        mountsSeen = machine.disk.mounts.length;
        if (result.halted !== undefined) void diskCopy?.finish();
        post({ type: 'replayed', result, divergence });
      });
    } else if (message.type === 'placed') {
      followed?.placed(message.position, message.view);
    } else if (message.type === 'keep') {
      followed?.keep(message.position, message.view);
    } else if (message.type === 'status') {
      const status = { meter: machine.meter(), primary: undefined };
      post({ type: 'status', id: message.id, status });
    } else if (message.type === 'promote') {
      const file = FileLogStore.resume(message.position, {
        onError: fail,
        onSealed: tellHead,
        onLost: tellLost,
        meters: metersOf(control),
      });
      const { lsnReceived: lsn, timeLast: time } = message.handover;
      const { settings } = message;
      runner = new PrimaryRunner({
        header,
        settings,
        control,
        machine,
        store: file,
        logDir: message.position.dir,
        checkpoints:
          followed?.goLive(file, settings) ??
          checkpointsOf(
            { header, machine, file, lsn, time },
            { logDir: message.position.dir, settings },
          ),
        handover: message.handover,
        backups: message.others,
        boot: undefined,
        post,
      });
      runner.start();
    }
  });
}

function followedCheckpoints(
  { header, checkpoints: dir }: BackupStart,
  machine: Machine,
  restored: RestoredCopy | undefined,
): FollowedCheckpoints | undefined {
  if (dir === undefined) return undefined;
  const { lsnReplayed: lsn = asLsn(0), timeLast: time = header.startedAt } = restored ?? {};
  return new FollowedCheckpoints({
    ...{ dir, header, machine, lsn, time },
    ...CHECKPOINT_NEWS,
  });
}

try {
  if (start.role === 'primary') runPrimary(start);
  else if (start.role === 'resume') runResumed(start).catch(fail);
  else runBackup(start);
} catch (error) {
  fail(error);
}
