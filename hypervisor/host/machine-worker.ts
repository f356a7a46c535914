/**
 * The worker of a replica. As a primary's it holds machine, net, log and links: one thread, because a
 * split costs 16 µs and 60 % more CPU per small request. As a backup's it holds the machine and
 * replays what the main thread passes on, until that wins a view and makes it a primary.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { sha256Hex } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { LocalMachine } from '../machine/local-machine.ts';
import type { Machine } from '../machine/machine.ts';
import { noteBusy } from './hang-watch.ts';
import { FileLogStore } from './log-store.ts';
import { buildMachine } from './machine-factory.ts';
import { NullLogStore } from './null-log-store.ts';
import { PrimaryRunner } from './primary-runner.ts';
import {
  type BackupStart,
  CONTROL,
  type FromWorker,
  type PrimaryStart,
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

function machineOf({ header, blobs, control }: WorkerStart): Machine {
  return buildMachine(header, blobs, {
    onAlive: () => {
      Atomics.add(control, CONTROL.alive, 1);
    },
  });
}

function runPrimary(given: PrimaryStart): void {
  const { header, blobs, logDir } = given;
  const store =
    logDir === undefined
      ? new NullLogStore({ encodes: given.encodes })
      : FileLogStore.create(
          logDir,
          header,
          (['firmware', 'image', 'sourcemap'] as const).map((name) => ({
            name,
            hash: sha256Hex(blobs[name]),
            bytes: blobs[name],
          })),
          { onError: fail },
        );
  const runner = new PrimaryRunner({
    header,
    settings: given.settings,
    control: given.control,
    machine: machineOf(given),
    store,
    handover: undefined,
    backups: given.backups,
    boot: new TextEncoder().encode(JSON.stringify(given.boot)),
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
      runner = new PrimaryRunner({
        header: given.header,
        settings: message.settings,
        control: given.control,
        machine,
        store: FileLogStore.resume(message.position, { onError: fail }),
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
  else runBackup(start);
} catch (error) {
  fail(error);
}
