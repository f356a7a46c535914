/**
 * Where a replay of a log begins: at its first record with a machine that has just booted, or behind
 * a checkpoint with the machine as it was there. A log without its first segments has no other choice.
 */

import { asLsn, type Lsn, type Micros } from '../../log-format/index.ts';
import { HvError } from '../base/errors.ts';
import type { Machine, MachineOptions } from '../machine/machine.ts';
import type { View } from '../protocol/messages.ts';
import { checkpointLsns, newestUsable, type SkippedCheckpoint } from './checkpoint-files.ts';
import type { LogPosition } from './log-cursor.ts';
import { findLog } from './log-files.ts';
import { placeFault, placeIn } from './log-place.ts';
import type { OpenedLog } from './log-reader.ts';
import { buildMachine } from './machine-factory.ts';
import { type LoadedCheckpoint, loadCheckpoint } from './snapshot-reader.ts';

export interface ReplayStart {
  readonly machine: Machine;
  /** For `OpenedLog.batches`; undefined: the log's beginning. */
  readonly position: LogPosition | undefined;
  /** Last record the machine has seen; 0: none. */
  readonly lsn: Lsn;
  readonly time: Micros;
  /** In force there; undefined: none yet. */
  readonly view: View | undefined;
  /** Checkpoints that would have been better and cannot be used. */
  readonly skipped: readonly SkippedCheckpoint[];
}

type Hooks = Pick<MachineOptions, 'onAlive' | 'onMemory'>;

/** The newest place at or before `lsnMax`. Throws HV_E_USAGE where the log begins later, HV_E_LOG_DAMAGED when there is none. */
export function startAtNewest(log: OpenedLog, hooks: Hooks, lsnMax?: Lsn): ReplayStart {
  if (lsnMax !== undefined && lsnMax < log.firstLsn - 1)
    throw new HvError(
      'HV_E_USAGE',
      `lsn ${lsnMax} is out of range: ${log.path} begins with record ${log.firstLsn} (it was forked, or trimmed by --keep)`,
      { details: { lsn: lsnMax, firstLsn: log.firstLsn } },
    );
  const { checkpoint, skipped } = log.isDirectory ? newestOnDisk(log, lsnMax) : NO_CHECKPOINTS;
  return checkpoint === undefined
    ? beginning(log, hooks, skipped)
    : behind(log, checkpoint, hooks, skipped);
}

/**
 * The newest place from which a replay to `lsnMax` makes every output behind `lsnReleased` again. Where the log
 * does not go back so far: the newest place there is, and what is not made again is lost. Throws as
 * `startAtNewest`.
 */
export function startAtReleased(
  log: OpenedLog,
  hooks: Hooks,
  { lsnMax, lsnReleased }: { readonly lsnMax: Lsn; readonly lsnReleased: Lsn },
): ReplayStart {
  if (lsnReleased < lsnMax) {
    try {
      return startAtNewest(log, hooks, lsnReleased);
    } catch (error) {
      if (!isTooEarly(error)) throw error;
    }
  }
  return startAtNewest(log, hooks, lsnMax);
}

/** `startAtNewest` says so where the log begins later, or no usable checkpoint lies so early. */
export function isTooEarly(error: unknown): boolean {
  return error instanceof HvError && ['HV_E_USAGE', 'HV_E_LOG_DAMAGED'].includes(error.code);
}

/** The first place there is: the beginning, or the oldest usable checkpoint of a log without one. */
export function startAtOldest(log: OpenedLog, hooks: Hooks): ReplayStart {
  if (log.firstLsn === 1) return beginning(log, hooks, []);
  const skipped: SkippedCheckpoint[] = [];
  for (const lsn of [...checkpointLsns(log.path)].reverse()) {
    if (lsn < log.firstLsn - 1) continue;
    const checkpoint = loadCheckpoint(log.path, lsn, log.header);
    if (checkpoint.type === 'loaded') return behind(log, checkpoint, hooks, skipped);
    skipped.push({ lsn, unusable: checkpoint });
  }
  return beginning(log, hooks, skipped);
}

function newestOnDisk({ path, header }: OpenedLog, lsnMax?: Lsn): ReturnType<typeof newestUsable> {
  const files = findLog(path);
  return newestUsable(path, header, lsnMax, { placeFault: (place) => placeFault(files, place) });
}

const NO_CHECKPOINTS: ReturnType<typeof newestUsable> = { checkpoint: undefined, skipped: [] };

function beginning(
  log: OpenedLog,
  hooks: Hooks,
  skipped: readonly SkippedCheckpoint[],
): ReplayStart {
  const { header, blobs, firstLsn } = log;
  if (firstLsn > 1) throw noCheckpoint(log, skipped);
  const machine = buildMachine(header, blobs, hooks);
  const time = header.startedAt;
  return { machine, position: undefined, lsn: asLsn(0), time, view: undefined, skipped };
}

function behind(
  { path: dir, header, blobs }: OpenedLog,
  { head, snapshot }: LoadedCheckpoint,
  hooks: Hooks,
  skipped: readonly SkippedCheckpoint[],
): ReplayStart {
  const machine = buildMachine(header, blobs, { ...hooks, snapshot });
  const position = placeIn(findLog(dir), header, head.position);
  const view = head.view.epoch === 0 ? undefined : head.view;
  return { machine, position, lsn: head.lsn, time: head.time, view, skipped };
}

/** A log whose first records are gone says nothing without the state they led to. */
function noCheckpoint(
  { path, firstLsn }: OpenedLog,
  skipped: readonly SkippedCheckpoint[],
): HvError {
  const why = skipped.map(({ lsn, unusable }) => `; ${lsn}: ${unusable.reason}`).join('');
  return new HvError(
    'HV_E_LOG_DAMAGED',
    `${path} begins with record ${firstLsn} and has no checkpoint to begin from${why}`,
    { details: { path, firstLsn } },
  );
}
