/**
 * Groups of a log as a timeline needs them: with random access, and with the mid-turn records of each
 * turn. A group is all records behind one `end` up to the next; control records in it do nothing.
 */

import {
  asLsn,
  type EndRecord,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type Ticks,
} from '../../log-format/index.ts';
import type { ReplayGroup } from '../ports.ts';

/** A log that can be read anywhere. Reading may throw HV_E_LOG_DAMAGED. */
export interface TimelineLog {
  readonly firstLsn: Lsn;
  /** Of the last record that can be used; one less than `firstLsn` when there is none. */
  readonly lastLsn: Lsn;
  record(lsn: Lsn): LogRecord | undefined;
}

export interface TurnPlace {
  readonly lsn: Lsn;
  readonly record: InterruptRecord;
}

/** Ticks since the boot at which a turn begins and ends. */
export interface TurnSpan {
  readonly lsn: Lsn;
  readonly from: Ticks;
  readonly to: Ticks;
}

export interface LogGroup extends ReplayGroup {
  readonly lastLsn: Lsn;
  readonly turns: readonly TurnPlace[];
  /** Undefined at the tail of a log whose process was killed: nothing there can be verified. */
  readonly end: EndRecord | undefined;
}

/** The group that begins at `firstLsn`: at the log's start or behind an `end`. */
export function groupFrom(log: TimelineLog, firstLsn: Lsn): LogGroup | undefined {
  const records: LogRecord[] = [];
  const turns: TurnPlace[] = [];
  let end: EndRecord | undefined;
  for (let lsn = firstLsn; end === undefined && lsn <= log.lastLsn; lsn = asLsn(lsn + 1)) {
    const record = log.record(lsn);
    if (record === undefined) break;
    records.push(record);
    if (record.type === 'interrupt') turns.push({ lsn, record });
    else if (record.type === 'end') end = record;
  }
  if (records.length === 0) return undefined;
  const lastLsn = asLsn(firstLsn + records.length - 1);
  return { firstLsn, lastLsn, records, turns, end };
}

/** The group that `lsn` lies in. */
export function groupAround(log: TimelineLog, lsn: Lsn): LogGroup | undefined {
  let first = lsn;
  while (first > log.firstLsn && log.record(asLsn(first - 1))?.type !== 'end')
    first = asLsn(first - 1);
  return groupFrom(log, first);
}

/** The turn that ran last when all records up to `lsn` were applied. */
export function turnAt(log: TimelineLog, lsn: Lsn): TurnPlace | undefined {
  for (let at = lsn; at >= log.firstLsn; at = asLsn(at - 1)) {
    const record = log.record(at);
    if (record?.type === 'interrupt') return { lsn: at, record };
  }
  return undefined;
}

/** The first turn behind `lsn` that `accepts` takes. */
export function turnAfter(
  log: TimelineLog,
  lsn: Lsn,
  accepts: (turn: TurnPlace) => boolean = () => true,
): TurnPlace | undefined {
  for (let at = asLsn(lsn + 1); at <= log.lastLsn; at = asLsn(at + 1)) {
    const record = log.record(at);
    if (record?.type === 'interrupt' && accepts({ lsn: at, record })) return { lsn: at, record };
  }
  return undefined;
}

/** What the log has of records `from` to `to`, both inclusive. */
export function recordsBetween(
  log: TimelineLog,
  from: Lsn,
  to: Lsn,
): readonly { readonly lsn: Lsn; readonly record: LogRecord }[] {
  const found: { lsn: Lsn; record: LogRecord }[] = [];
  for (let lsn = asLsn(Math.max(from, log.firstLsn)); lsn <= to; lsn = asLsn(lsn + 1)) {
    const record = log.record(lsn);
    if (record === undefined) break;
    found.push({ lsn, record });
  }
  return found;
}

/** The turn `count` turns ahead of `lsn`; undefined when there are fewer. */
export function turnsAhead(log: TimelineLog, lsn: Lsn, count: number): Lsn | undefined {
  let target = lsn;
  for (let left = count; left > 0; left--) {
    const turn = turnAfter(log, target);
    if (turn === undefined) return undefined;
    target = turn.lsn;
  }
  return target;
}

/** The turn `count` turns before the one that `lsn` is the end of; undefined when there is none. */
export function turnsBehind(log: TimelineLog, lsn: Lsn, count: number): Lsn | undefined {
  let turn = turnAt(log, lsn);
  for (let left = count; left > 0 && turn !== undefined; left--)
    turn = turnAt(log, asLsn(turn.lsn - 1));
  return turn?.lsn;
}
