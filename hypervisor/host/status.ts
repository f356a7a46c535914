/**
 * What a replica knows of itself, for `hv status`: figures of its machine's thread, which answers
 * when it is between turns, and what the main thread beside it knows at any time.
 */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LogHeader, Lsn } from '../../log-format/index.ts';
import { STATUS_WAIT_MS } from '../base/limits.ts';
import { heapBytesMax } from '../machine/engine.ts';
import type { MachineMeter } from '../machine/machine-meter.ts';
import type { AckRule } from '../protocol/ack-level.ts';
import type { View } from '../protocol/messages.ts';
import type { HangState } from './hang-watch.ts';
import type { FailedDial } from './redials.ts';
import { HV_VERSION } from './version.ts';
import type { ArbiterFigures } from './watched-arbiter.ts';
import type { FromWorker, ToWorker } from './worker-protocol.ts';

/** A primary's thread about itself. */
export interface PrimaryFigures {
  readonly view: View;
  readonly rule: AckRule;
  /** Nothing leaves: the view has fewer backups than the rule asks for, and the rule says stop. */
  readonly lacksBackups: boolean;
  readonly live: boolean;
  /** The input is stopped: a window is full. */
  readonly throttled: boolean;
  readonly lsnAppended: Lsn;
  /** Acknowledged by every backup outputs wait for. */
  readonly lsnDurable: Lsn;
  readonly lsnReleased: Lsn;
  /** Newest snapshot of this run on disk. */
  readonly lsnCheckpoint: Lsn | undefined;
  readonly heldBytes: number;
  /** Undefined: the guest will never have a backup. */
  readonly arbiter: ArbiterFigures | undefined;
  readonly connections: number;
  readonly listeners: number;
  readonly backups: readonly {
    readonly peer: string;
    readonly state: string;
    readonly lsnAcked: Lsn;
    readonly lsnReplayed: Lsn;
    /** Follows the log, and is by design never in a view. */
    readonly hidden: boolean;
    /** Runs nothing before it is promoted. */
    readonly cold: boolean;
    /** Records appended here and not yet run there; of a cold one: not yet there. */
    readonly lag: number;
  }[];
  readonly failedDials: readonly FailedDial[];
}

export interface WorkerStatus {
  readonly meter: MachineMeter;
  readonly primary: PrimaryFigures | undefined;
}

/** Asks a machine's thread, and gives up in time: it may be busy with a turn. */
export class StatusDesk {
  readonly #post: (message: ToWorker) => void;
  readonly #waiting = new Map<number, (status: WorkerStatus | undefined) => void>();
  #lastId = 0;

  constructor(post: (message: ToWorker) => void) {
    this.#post = post;
  }

  ask(done: (status: WorkerStatus | undefined) => void): void {
    this.#lastId += 1;
    const id = this.#lastId;
    const timer = setTimeout(() => this.#answer(id, undefined), STATUS_WAIT_MS);
    this.#waiting.set(id, (status) => {
      clearTimeout(timer);
      done(status);
    });
    this.#post({ type: 'status', id });
  }

  take(message: FromWorker): void {
    if (message.type === 'status') this.#answer(message.id, message.status);
  }

  #answer(id: number, status: WorkerStatus | undefined): void {
    const done = this.#waiting.get(id);
    this.#waiting.delete(id);
    done?.(status);
  }
}

/** The part of a status that is the same for every role. */
export function commonStatus(given: {
  readonly role: 'primary' | 'backup';
  readonly header: LogHeader;
  readonly logDir: string | undefined;
  readonly hang: HangState;
  readonly worker: WorkerStatus | undefined;
}): Record<string, unknown> {
  const { header, worker, role, hang } = given;
  const uptimeMs = Math.round(performance.now());
  const { vm, name, script, memoryPages, stackBytes, turnTicksMax, secondTicksMax } = header;
  return {
    vm,
    name,
    script,
    version: HV_VERSION,
    role,
    pid: process.pid,
    uptimeMs,
    limits: {
      heapBytes: heapBytesMax(memoryPages),
      stackBytes,
      turnTicks: turnTicksMax,
      secondTicks: secondTicksMax,
      hangMs: Number.isFinite(hang.limitMs) ? hang.limitMs : 0,
    },
    busy: hang.turn === 0 ? null : { turn: hang.turn, ms: hang.busyMs, silentMs: hang.silentMs },
    logBytes: given.logDir === undefined ? 0 : bytesIn(given.logDir),
    meter:
      worker === undefined
        ? null
        : {
            ...worker.meter,
            ticksPerSecond: Math.round((worker.meter.ticks / Math.max(1, uptimeMs)) * 1000),
          },
  };
}

function bytesIn(dir: string): number {
  // Whoever asks at once is answered before there is a log.
  if (!existsSync(dir)) return 0;
  let bytes = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true }))
    if (entry.isFile())
      bytes += statSync(join(dir, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}
