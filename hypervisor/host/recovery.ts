/**
 * Brings a machine to the end of its own log, for a run that goes on: the newest usable checkpoint (or
 * the beginning), then every complete group behind it, checked as ever. What no `end` closes is left
 * for the primary, which settles it once it has won a view. Nothing is changed here but the end, which is
 * cut off where it is torn or a stop, after snapshots of that stop, when everything else went well.
 */

import { asEpoch, asLsn, type LogHeader, type Lsn } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import type { Machine, MachineOptions } from '../machine/machine.ts';
import type { HeldOutput } from '../ports.ts';
import type { History } from '../protocol/history.ts';
import type { Handover } from '../replica/handover.ts';
import { knownReleased, type ReleasedAt, tellsFrom } from '../replica/released-mark.ts';
import { dropBehind, type SkippedCheckpoint } from './checkpoint-files.ts';
import { type Disk, REAL_DISK } from './disk.ts';
import { inspectCopy } from './local-copy.ts';
import type { LogPosition } from './log-cursor.ts';
import { cutLog, type LogVerdict, type OpenedLog, openLog } from './log-reader.ts';
import { LogReplay } from './log-replay.ts';
import { readReleased } from './released-file.ts';
import { isTooEarly, type ReplayStart, startAtNewest } from './replay-start.ts';

export interface Recovered {
  readonly header: LogHeader;
  readonly blobs: OpenedLog['blobs'];
  readonly machine: Machine;
  /** Where the log goes on; what lay behind it is cut off. */
  readonly position: LogPosition;
  readonly handover: Omit<Handover, 'id'>;
  /** The guest has run a turn: it must not be booted again. */
  readonly booted: boolean;
  readonly report: RecoveryReport;
}

export interface RecoveryReport {
  /** Lsn of the checkpoint it began with; 0: from the beginning. */
  readonly checkpoint: Lsn;
  readonly skipped: readonly SkippedCheckpoint[];
  /** Records replayed behind it. */
  readonly records: number;
  readonly tornBytes: number;
  /** The run had been stopped on purpose. */
  readonly wasSealed: boolean;
}

/**
 * Recovers the log in `dir`, which must be locked. Rejects with HV_E_LOG_NOT_FOUND, HV_E_LOG_DAMAGED,
 * HV_E_LOG_VERSION, HV_E_ENGINE_MISMATCH, HV_E_DIVERGED, HV_E_GUEST_ENDED, HV_E_LOG_WRITE,
 * HV_E_CHECKPOINT_WRITE.
 */
export async function recoverLog(
  dir: string,
  hooks: Pick<MachineOptions, 'onAlive'>,
  disk: Disk = REAL_DISK,
): Promise<Recovered> {
  const log = openLog(dir);
  refuseOldFormat(log.header, dir);
  const mark = readReleased(dir, log.header.vm);
  const quick = rerun(log, hooks, mark);
  const from = tellsFrom({ view: quick.start.view, lsnReleased: quick.lsnReleased }, mark);
  const run =
    from >= quick.start.lsn ? quick : fromBefore(quick, () => rerun(log, hooks, mark, from));
  const { start, replay, verdict, stopAt } = run;
  // Nothing from before the start is held, whatever became of it: a backup may join from there.
  const lsnReleased = asLsn(Math.max(run.lsnReleased, start.lsn));
  refuseEnded(start.machine, dir);
  refuseLost(dir, start, verdict.end.lastLsn);
  const copy = await inspectCopy(dir);
  const end = stopAt ?? verdict.end;
  await dropBehind(dir, end.lastLsn, disk);
  const position = await cutLog({ ...end, dir }, disk);
  const { view, tail, timeLast, lsnReplayed } = replay;
  const { alarmAt, immediatesLeft, halted } = start.machine.collect();
  return {
    header: log.header,
    blobs: log.blobs,
    machine: start.machine,
    position,
    booted: start.machine.turns > 0 || tail !== undefined,
    handover: {
      vm: log.header.vm,
      name: log.header.name,
      view: undefined,
      hello: undefined,
      epochLast: view?.epoch ?? asEpoch(0),
      formerIds: view === undefined || view.backups.length > 0 ? [] : [view.primary],
      startedAt: log.header.startedAt,
      timeLast,
      history: historyOf(copy, position.lastLsn),
      lsnReceived: position.lastLsn,
      lsnReplayed,
      lsnReleased,
      groups: [],
      tail,
      held: run.outputs.filter(({ lsn }) => lsn > lsnReleased),
      machine: { alarmAt, immediatesLeft, halted },
    },
    report: reportOf(start, verdict, position),
  };
}

/**
 * What had not left may come from records before the checkpoint: it is made again from an earlier one. Where
 * there is none that can be used, it is lost.
 */
function fromBefore(quick: Rerun, run: () => Rerun): Rerun {
  try {
    return run();
  } catch (error) {
    if (!isTooEarly(error)) throw error;
    return quick;
  }
}

/** A log run to its end. */
interface Rerun {
  readonly start: ReplayStart;
  readonly replay: LogReplay;
  readonly verdict: LogVerdict;
  /** A stop that lies at the end. */
  readonly stopAt: LogPosition | undefined;
  readonly lsnReleased: Lsn;
  /** Those that may not have left, and some that have. */
  readonly outputs: readonly HeldOutput[];
}

function rerun(
  log: OpenedLog,
  hooks: Pick<MachineOptions, 'onAlive'>,
  mark: ReleasedAt | undefined,
  lsnMax?: Lsn,
): Rerun {
  const start = startAtNewest(log, hooks, lsnMax);
  const outputs: HeldOutput[] = [];
  const replay = new LogReplay(log.path, log.header, start, {
    onGroup: (result) => {
      if (mark === undefined) return;
      for (const output of result.outputs) if (output.lsn > mark.lsn) outputs.push(output);
      if (released() === replay.lsnReplayed) outputs.length = 0;
    },
  });
  const released = (): Lsn => knownReleased(replay.end, mark, start);
  let stopAt: LogPosition | undefined;
  const batches = log.batches(start.position);
  let next = batches.next();
  for (; !next.done; next = batches.next()) {
    const { batch, before } = next.value;
    if (before !== undefined && batch.records.length === 1) {
      stopAt = before;
      continue;
    }
    stopAt = undefined;
    replay.take(batch);
  }
  return { start, replay, verdict: next.value, stopAt, lsnReleased: released(), outputs };
}

function reportOf(start: ReplayStart, verdict: LogVerdict, position: LogPosition): RecoveryReport {
  return {
    checkpoint: start.position === undefined ? asLsn(0) : start.lsn,
    skipped: start.skipped,
    records: position.lastLsn - start.lsn,
    tornBytes: verdict.tornBytes,
    wasSealed: verdict.sealed,
  };
}

/** Where the epochs begin, as far as the log itself tells. */
function historyOf(copy: History | undefined, lsnLast: Lsn): History {
  const { epochs, lsnFirst } = defined(copy, 'a log that was read is there');
  return { epochs: epochs.filter(({ firstLsn }) => firstLsn <= lsnLast), lsnFirst, lsnLast };
}

function refuseOldFormat({ formatVersion, hvVersion }: LogHeader, dir: string): void {
  if (formatVersion > 1) return;
  throw new HvError(
    'HV_E_LOG_VERSION',
    `${dir} was recorded by hv ${hvVersion} in format ${formatVersion}: it can be replayed and inspected, not continued`,
    { details: { dir, formatVersion } },
  );
}

/**
 * A snapshot gets its name once the log is on disk up to it. One of a place behind the log's end proves
 * that records are gone which were acknowledged: no kill and no power cut does that.
 */
function refuseLost(dir: string, { skipped }: ReplayStart, lastLsn: Lsn): void {
  const proof = skipped.find(({ lsn, unusable }) => unusable.why === 'misplaced' && lsn > lastLsn);
  if (proof === undefined) return;
  throw new HvError(
    'HV_E_LOG_DAMAGED',
    `${dir} ends with record ${lastLsn}, but a snapshot beside it was made at ${proof.lsn}: the log has lost its end, and what was acknowledged there. Nothing was changed. To go on without it, move the snapshots (*.hvsnap) behind ${lastLsn} away`,
    { details: { dir, lastLsn, snapshot: proof.lsn } },
  );
}

function refuseEnded(machine: Machine, dir: string): void {
  const { halted } = machine;
  if (halted === undefined) return;
  throw new HvError(
    'HV_E_GUEST_ENDED',
    `the guest of ${dir} has ended with status ${halted.code} (${halted.reason}): there is nothing to continue`,
    { details: { dir, ...halted } },
  );
}
