/** The replaying machine of a backup, in a worker of its own, as the backup's shell sees it. */

import type { Worker } from 'node:worker_threads';
import { decodeBlob, FRAME, FrameReader, type LogHeader } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import type {
  BackupMachine,
  LogBase,
  MachineDivergence,
  ReplayGroup,
  TurnsResult,
} from '../ports.ts';
import type { View } from '../protocol/messages.ts';
import { type HangState, HangWatch, hungText } from './hang-watch.ts';
import { unpackBlob } from './log-blobs.ts';
import type { LogPosition } from './log-cursor.ts';
import type { GuestBlobs } from './machine-factory.ts';
import type { MountOption } from './mount-option.ts';
import type { RestoredCopy, RestoreRequest } from './restore-copy.ts';
import { StatusDesk, type WorkerStatus } from './status.ts';
import { startWorker } from './threads.ts';
import { type BackupStart, type FromWorker, newControl, type ToWorker } from './worker-protocol.ts';

export interface RemoteMachineOptions {
  readonly hangLimitMs: number;
  /**
   * The machine could not be built or restored (with the code of the reason), its thread died, or a turn of
   * the guest gave no sign of life for `hangLimitMs` (HV_E_GUEST_HUNG); nothing calls back after it.
   */
  readonly onFailure: (error: HvError) => void;
  /** The machine begins where a copy on disk ends; of the base only the header is used. */
  readonly restore?: RestoreRequest;
  /** Once, when it stands there. Groups behind may be given to `replay` before. */
  readonly onRestored?: (restored: RestoredCopy) => void;
  /** Directory of the copy: snapshots are taken there at the primary's checkpoints, see `placed`. */
  readonly checkpoints?: string;
  /** Directory beside which the guest's files are shown (disk-copy.ts). */
  readonly disk?: string;
  /** Directories of this host, for after a takeover. */
  readonly mounts?: readonly MountOption[];
  /** Trouble of the machine's thread that ends nothing: event name and fields. */
  readonly onTrouble?: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

export class RemoteMachine implements BackupMachine {
  readonly control: Int32Array = newControl();
  readonly worker: Worker;
  #waiting: ((result: TurnsResult, divergence: MachineDivergence | undefined) => void) | undefined;
  #kept: ((fault: string | undefined) => void) | undefined;
  readonly #onMessage = (message: FromWorker): void => this.#take(message);
  readonly #onFailure: (error: HvError) => void;
  readonly #watch: HangWatch;
  readonly #desk = new StatusDesk((message) => this.worker.postMessage(message));
  readonly header: LogHeader;

  readonly #onTrouble: RemoteMachineOptions['onTrouble'];
  readonly #onRestored: ((restored: RestoredCopy) => void) | undefined;

  constructor(base: LogBase, options: RemoteMachineOptions) {
    const { hangLimitMs, onFailure, restore, checkpoints, disk, mounts = [] } = options;
    this.#onRestored = options.onRestored;
    this.#onTrouble = options.onTrouble;
    this.#onFailure = onFailure;
    this.header = base.header;
    this.#watch = new HangWatch(this.control, hangLimitMs, (lsn) => {
      this.dispose();
      onFailure(new HvError('HV_E_GUEST_HUNG', hungText(lsn, hangLimitMs)));
    });
    const start: BackupStart = {
      role: 'backup',
      control: this.control,
      header: base.header,
      blobs: restore === undefined ? blobsOf(base) : undefined,
      restore,
      checkpoints,
      disk,
      mounts,
    };
    this.worker = startWorker('machine-worker', start);
    this.worker.on('message', this.#onMessage);
    this.worker.on('error', this.#onError);
  }

  replay(
    group: ReplayGroup,
    done: (result: TurnsResult, divergence: MachineDivergence | undefined) => void,
  ): void {
    assert(this.#waiting === undefined, 'one group is replayed at a time');
    this.#waiting = done;
    this.worker.postMessage({ type: 'replay', group } satisfies ToWorker);
  }

  /** The copy of the log is on disk up to a checkpoint of the primary (`FileLogStore.placeOf`). */
  placed(position: LogPosition, view: View | undefined): void {
    this.worker.postMessage({ type: 'placed', position, view } satisfies ToWorker);
  }

  /**
   * Leaves a snapshot where the machine was restored to, which is `position` in the copy. `done`: it is on
   * disk, or could not be written because of `fault`.
   */
  keep(
    position: LogPosition,
    view: View | undefined,
    done: (fault: string | undefined) => void,
  ): void {
    this.#kept = done;
    this.worker.postMessage({ type: 'keep', position, view } satisfies ToWorker);
  }

  /** See `Supervisor.status`. */
  status(done: (hang: HangState, worker: WorkerStatus | undefined) => void): void {
    this.#desk.ask((worker) => done(this.#watch.state, worker));
  }

  dispose(): void {
    this.#watch.stop();
    this.#waiting = undefined;
    this.worker.off('message', this.#onMessage);
    void this.worker.terminate();
  }

  /** Gives the thread away: from here on somebody else hears it. */
  release(): Worker {
    this.#watch.stop();
    this.worker.off('message', this.#onMessage);
    this.worker.off('error', this.#onError);
    return this.worker;
  }

  readonly #onError = (error: Error): void =>
    this.#onFailure(new HvError('HV_E_INTERNAL', error.stack ?? error.message));

  #take(message: FromWorker): void {
    if (message.type === 'failed')
      this.#onFailure(new HvError(message.code, message.message, { details: message.details }));
    if (message.type === 'restored') this.#onRestored?.(message.restored);
    this.#desk.take(message);
    if (message.type === 'checkpoint') this.#kept?.(undefined);
    if (message.type === 'trouble') {
      this.#kept?.(String(message.fields.reason));
      this.#onTrouble?.(message.event, message.fields);
    }
    if (message.type !== 'replayed') return;
    const done = this.#waiting;
    this.#waiting = undefined;
    done?.(message.result, message.divergence);
  }
}

/** The blobs of a log as received: whole frames, in the order of the format. */
function blobsOf(base: LogBase): GuestBlobs {
  const found: { -readonly [name in keyof GuestBlobs]?: Uint8Array } = {};
  for (const bytes of base.blobs) {
    const reader = new FrameReader(FRAME_BYTES_MAX);
    reader.push(bytes);
    const result = reader.next();
    assert(
      result.type === 'frame' && result.frame.type === FRAME.blob,
      'a blob is one whole frame',
    );
    const blob = unpackBlob(decodeBlob(result.frame.payload));
    found[blob.name] = blob.bytes;
  }
  const { firmware, image, sourcemap } = found;
  assert(firmware && image && sourcemap, 'a log carries all its blobs');
  return { firmware, image, sourcemap };
}
