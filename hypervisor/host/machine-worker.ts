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
import { FileCheckpointer } from './checkpointer.ts';
import { noteBusy } from './hang-watch.ts';
import { headText, type NotedHead } from './log-cursor.ts';
import { FileLogStore } from './log-store.ts';
import { buildMachine } from './machine-factory.ts';
import { NullLogStore } from './null-log-store.ts';
import { PrimaryRunner } from './primary-runner.ts';
import { recoverLog } from './recovery.ts';
import { signKey } from './sign-keys.ts';
import {
  type BackupStart,
  CONTROL,
  type FromWorker,
  type PrimarySettings,
  type PrimaryStart,
  type ResumeStart,
  type ToWorker,
  type WorkerStart,
} from './worker-protocol.ts';

const port = defined(parentPort ?? undefined, 'this file runs as a worker');
const start = workerData as WorkerStart;

function post(message: FromWorker): void {
  port.postMessage(message);
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

function aliveIn(control: Int32Array): () => void {
  return () => {
    Atomics.add(control, CONTROL.alive, 1);
  };
}

function machineOf({ header, blobs, control }: PrimaryStart | BackupStart): Machine {
  return buildMachine(header, blobs, { onAlive: aliveIn(control) });
}

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
    onTaken: (taken) => post({ type: 'checkpoint', taken }),
    onTrouble: ({ message }) =>
      post({ type: 'trouble', event: 'checkpoint.failed', fields: { reason: message } }),
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
          { onError: fail, onSealed: tellHead, ...segmentSize(given.settings) },
        );
  const machine = machineOf(given);
  const runner = new PrimaryRunner({
    header,
    settings: given.settings,
    control: given.control,
    machine,
    store: file ?? new NullLogStore({ encodes: given.encodes }),
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
  const file = FileLogStore.resume(position, {
    onError: fail,
    onSealed: tellHead,
    ...segmentSize(settings),
  });
  const { lsnReceived: lsn, timeLast: time } = handover;
  const runner = new PrimaryRunner({
    header,
    settings,
    control,
    machine,
    store: file,
    checkpoints: checkpointsOf({ header, machine, file, lsn, time }, { logDir, settings }),
    handover: { ...handover, id: settings.id },
    backups: given.backups,
    boot: booted ? undefined : new TextEncoder().encode(JSON.stringify(given.boot)),
    post,
  });
  port.on('message', (message: ToWorker) => runner.take(message));
  runner.start();
}

function runBackup(given: BackupStart): void {
  const machine = machineOf(given);
  const replaying = new LocalMachine(machine, {
    wall: () => given.header.startedAt,
    busy: (lsn) => noteBusy(given.control, lsn),
    stopRequested: () => undefined,
  });
  let runner: PrimaryRunner | undefined;
  port.on('message', (message: ToWorker) => {
    if (runner !== undefined) {
      runner.take(message);
    } else if (message.type === 'replay') {
      replaying.replay(message.group, (result, divergence) =>
        post({ type: 'replayed', result, divergence }),
      );
    } else if (message.type === 'status') {
      const status = { meter: machine.meter(), primary: undefined };
      post({ type: 'status', id: message.id, status });
    } else if (message.type === 'promote') {
      const file = FileLogStore.resume(message.position, { onError: fail, onSealed: tellHead });
      const { lsnReceived, timeLast } = message.handover;
      runner = new PrimaryRunner({
        header: given.header,
        settings: message.settings,
        control: given.control,
        machine,
        store: file,
        checkpoints: checkpointsOf(
          { header: given.header, machine, file, lsn: lsnReceived, time: timeLast },
          { logDir: message.position.dir, settings: message.settings },
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

try {
  if (start.role === 'primary') runPrimary(start);
  else if (start.role === 'resume') await runResumed(start);
  else runBackup(start);
} catch (error) {
  fail(error);
}
