/**
 * Brings a backup's machine to where its copy of the log ended when it was stopped, or was cut back to:
 * a usable snapshot at or below that record, then the log behind it. The snapshot is the newest before which
 * all outputs have left: the rest is made again, as this replica may have to let them out. The copy may
 * already grow again meanwhile; nothing behind the record is looked at.
 */

import { asLsn, type LogHeader, type Lsn } from '../../log-format/index.ts';
import type { Machine, MachineOptions } from '../machine/machine.ts';
import type { HeldOutput } from '../ports.ts';
import type { SplitterState } from '../replica/group-splitter.ts';
import type { MachineState } from '../replica/handover.ts';
import type { SkippedCheckpoint } from './checkpoint-files.ts';
import { logDamageError } from './log-errors.ts';
import { type OpenedLog, openLog } from './log-reader.ts';
import { LogReplay, type LogReplayHooks } from './log-replay.ts';
import { startAtReleased } from './replay-start.ts';

export interface RestoreRequest {
  readonly dir: string;
  /** Last record of the copy: the end of a batch. */
  readonly lsn: Lsn;
  /** Outputs up to here have left: they are dropped. */
  readonly lsnReleased: Lsn;
}

/** Where the machine stands now. Plain data; `tail`, `timeLast` and `view` are what a GroupSplitter goes on from. */
export interface RestoredCopy extends SplitterState {
  /** Of the last complete group. */
  readonly lsnReplayed: Lsn;
  readonly machine: MachineState;
  /** Hash of all outputs up to there. */
  readonly outputsCrc: number;
  /** Outputs of the replayed groups that are not known to have left, oldest first. */
  readonly held: readonly HeldOutput[];
  /** Lsn of the snapshot it began with; 0: none. */
  readonly checkpoint: Lsn;
  readonly skipped: readonly SkippedCheckpoint[];
}

/**
 * Throws HV_E_LOG_NOT_FOUND, HV_E_LOG_DAMAGED, HV_E_LOG_VERSION, HV_E_ENGINE_MISMATCH or HV_E_DIVERGED: the
 * copy is then good for nothing but evidence.
 */
export function restoreCopy(
  { dir, lsn, lsnReleased }: RestoreRequest,
  hooks: Pick<MachineOptions, 'onAlive'> & Pick<LogReplayHooks, 'busy'>,
): { readonly machine: Machine; readonly header: LogHeader; readonly restored: RestoredCopy } {
  const { busy, ...machineHooks } = hooks;
  const log = openLog(dir);
  const start = startAtReleased(log, machineHooks, { lsnMax: lsn, lsnReleased });
  const held: HeldOutput[] = [];
  const replay = new LogReplay(dir, log.header, start, {
    onGroup: ({ outputs }) => {
      for (const output of outputs) if (output.lsn > lsnReleased) held.push(output);
    },
    ...(busy === undefined ? {} : { busy }),
  });
  for (const batch of batchesTo(log, start, lsn)) replay.take(batch);
  const { alarmAt, immediatesLeft, halted, end } = start.machine.collect();
  const { lsnReplayed, tail, timeLast, view } = replay;
  return {
    machine: start.machine,
    header: log.header,
    restored: {
      lsnReplayed,
      tail,
      timeLast,
      view,
      machine: { alarmAt, immediatesLeft, halted },
      outputsCrc: end.outputsCrc,
      held,
      checkpoint: start.position === undefined ? asLsn(0) : start.lsn,
      skipped: start.skipped,
    },
  };
}

/** Batches behind the start, up to the one that ends at `lsn`. */
function* batchesTo(
  log: OpenedLog,
  start: ReturnType<typeof startAtReleased>,
  lsn: Lsn,
): Generator<Parameters<LogReplay['take']>[0]> {
  let at: number = start.lsn;
  if (at === lsn) return;
  for (const { batch } of log.batches(start.position)) {
    at = batch.firstLsn + batch.records.length - 1;
    if (at > lsn) break;
    yield batch;
    if (at === lsn) return;
  }
  const place = { file: log.path, offset: 0, lsn: at };
  throw logDamageError(place, `no batch ends at record ${lsn}, where the copy should end`);
}
