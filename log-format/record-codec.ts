/**
 * Records as positional arrays and back; codec.ts turns the arrays into bytes. Every number that can
 * be small is made small: times are deltas within the batch, a turn is a distance from the record's
 * own lsn, trailing defaults are left out. Layouts (`?` may be missing when it has its default):
 *
 *   interrupt  [kind 1..31, dt, id? 0, payload? nil, num? 0]
 *   resync     [32, dt, lsn - turn, ticks]
 *   stopAt     [33, lsn - turn, ticks, code, reason]
 *   preempt    [34, dt, lsn - turn, ticks]                                        since format 2
 *   end        [40, ticks, digest, outputs, outputsCrc, checks? none]             checks: format 2
 *   output     [41, bytes]                                                        since format 2
 *   checkpoint [42, dt, turns, heapBytes, heapBlocks, pages, memory]              since format 2
 *   view       [48, dt, epoch, primary, [backup...]]
 *   stop       [49, dt, code, reason]
 */

import { INTERRUPT, type InterruptKind } from './abi.ts';
import { demand, FormatError, noSuchType } from './faults.ts';
import {
  asArray,
  asBytes,
  asCount,
  asInteger,
  asPosition,
  asText,
  asTuple,
  asUint32,
} from './fields.ts';
import {
  type CheckpointRecord,
  type EndRecord,
  type InterruptRecord,
  type LogRecord,
  type OutputRecord,
  RECORD,
  type ResyncRecord,
  type StopAtRecord,
  type StopRecord,
  type ViewRecord,
} from './records.ts';
import { asEpoch, asLsn, asMicros, asTicks, type Lsn, type Micros } from './units.ts';

/** Of `CheckpointRecord.memory`. */
export const MEMORY_HASH_BYTES = 16;
const NO_CHECKS: Uint8Array = new Uint8Array(0);

const INTERRUPT_KINDS: ReadonlySet<number> = new Set(Object.values(INTERRUPT));

function isInterruptKind(kind: number): kind is InterruptKind {
  return INTERRUPT_KINDS.has(kind);
}

/** Time of the record before, in microseconds since the log's start: the base of the next delta. */
export interface BatchClock {
  micros: number;
}

/** When a record happened, for the kinds that have a time. */
export function timeOf(record: LogRecord): Micros | undefined {
  return 'time' in record ? record.time : undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isUint32(value: number): boolean {
  return isCount(value) && value <= 0xffffffff;
}

function encodeDelta(time: Micros, startedAt: Micros, clock: BatchClock): number {
  const micros = time - startedAt;
  demand(Number.isSafeInteger(micros), 'a time is whole microseconds');
  demand(micros >= clock.micros, 'times in a batch never go back');
  const delta = micros - clock.micros;
  clock.micros = micros;
  return delta;
}

function decodeDelta(value: unknown, startedAt: Micros, clock: BatchClock): Micros {
  clock.micros += asCount(value);
  const time = startedAt + clock.micros;
  if (!Number.isSafeInteger(time)) throw new FormatError('time out of range');
  return asMicros(time);
}

function encodeTurn(turn: Lsn, lsn: Lsn): number {
  demand(isCount(turn) && turn >= 1 && turn < lsn, 'a mid-turn record comes after its turn');
  return lsn - turn;
}

function decodeTurn(value: unknown, lsn: Lsn): Lsn {
  const turn = lsn - asPosition(value);
  if (turn < 1) throw new FormatError('mid-turn record of a turn before the log');
  return asLsn(turn);
}

function encodeInterrupt(record: InterruptRecord, delta: number): unknown[] {
  demand(isInterruptKind(record.kind), 'an interrupt has a known kind');
  demand(isCount(record.id), 'an interrupt id is a count');
  demand(Number.isSafeInteger(record.num), 'an interrupt num is an integer');
  const fields: unknown[] = [record.kind, delta, record.id];
  if (record.num !== 0) fields.push(record.payload ?? null, record.num);
  else if (record.payload) fields.push(record.payload);
  else if (record.id === 0) fields.pop();
  return fields;
}

function encodeEnd({ ticks, digest, outputs, outputsCrc, checks }: EndRecord): unknown[] {
  const fields: unknown[] = [RECORD.end, ticks, digest, outputs, outputsCrc];
  if (checks.length > 0) fields.push(checks);
  return fields;
}

/** `lsn` is the record's own; `clock` moves on to its time. */
export function encodeRecord(
  record: LogRecord,
  lsn: Lsn,
  startedAt: Micros,
  clock: BatchClock,
): unknown[] {
  switch (record.type) {
    case 'interrupt':
      return encodeInterrupt(record, encodeDelta(record.time, startedAt, clock));
    case 'resync':
    case 'preempt':
      demand(isCount(record.ticks), 'ticks are a count');
      return [
        RECORD[record.type],
        encodeDelta(record.time, startedAt, clock),
        encodeTurn(record.turn, lsn),
        record.ticks,
      ];
    case 'stopAt':
      demand(isCount(record.ticks), 'ticks are a count');
      demand(Number.isSafeInteger(record.code), 'an exit code is an integer');
      return [
        RECORD.stopAt,
        encodeTurn(record.turn, lsn),
        record.ticks,
        record.code,
        record.reason,
      ];
    case 'end':
      demand(isCount(record.ticks) && isCount(record.outputs), 'ticks and outputs are counts');
      demand(isUint32(record.digest) && isUint32(record.outputsCrc), 'checks are 32 bits');
      return encodeEnd(record);
    case 'output':
      return [RECORD.output, record.bytes];
    case 'checkpoint': {
      const { turns, heapBytes, heapBlocks, pages, memory } = record;
      demand([turns, heapBytes, heapBlocks, pages].every(isCount), 'meters are counts');
      demand(memory.length === MEMORY_HASH_BYTES, 'a memory hash has its length');
      const delta = encodeDelta(record.time, startedAt, clock);
      return [RECORD.checkpoint, delta, turns, heapBytes, heapBlocks, pages, memory];
    }
    case 'view':
      demand(isCount(record.epoch) && record.epoch >= 1, 'a view has an epoch');
      return [
        RECORD.view,
        encodeDelta(record.time, startedAt, clock),
        record.epoch,
        record.primary,
        record.backups,
      ];
    case 'stop':
      demand(Number.isSafeInteger(record.code), 'an exit code is an integer');
      return [RECORD.stop, encodeDelta(record.time, startedAt, clock), record.code, record.reason];
    default:
      return noSuchType(record);
  }
}

/** Where a record stands: what its bytes are relative to. */
interface Place {
  readonly lsn: Lsn;
  readonly startedAt: Micros;
  readonly clock: BatchClock;
}

function decodeInterrupt(
  kind: InterruptKind,
  fields: readonly unknown[],
  place: Place,
): InterruptRecord {
  asTuple(fields, { min: 2, max: 5 });
  const payload = fields[3] ?? undefined;
  return {
    type: 'interrupt',
    kind,
    time: decodeDelta(fields[1], place.startedAt, place.clock),
    id: fields.length > 2 ? asCount(fields[2]) : 0,
    num: fields.length > 4 ? asInteger(fields[4]) : 0,
    payload: payload === undefined ? undefined : asBytes(payload),
  };
}

function decodeClockMove<T extends 'resync' | 'preempt'>(
  type: T,
  fields: readonly unknown[],
  place: Place,
): { type: T } & Omit<ResyncRecord, 'type'> {
  asTuple(fields, { min: 4, max: 4 });
  return {
    type,
    time: decodeDelta(fields[1], place.startedAt, place.clock),
    turn: decodeTurn(fields[2], place.lsn),
    ticks: asTicks(asCount(fields[3])),
  };
}

function decodeStopAt(fields: readonly unknown[], place: Place): StopAtRecord {
  asTuple(fields, { min: 5, max: 5 });
  return {
    type: 'stopAt',
    turn: decodeTurn(fields[1], place.lsn),
    ticks: asTicks(asCount(fields[2])),
    code: asInteger(fields[3]),
    reason: asText(fields[4]),
  };
}

function decodeEnd(fields: readonly unknown[]): EndRecord {
  asTuple(fields, { min: 5, max: 6 });
  return {
    type: 'end',
    ticks: asTicks(asCount(fields[1])),
    digest: asUint32(fields[2]),
    outputs: asCount(fields[3]),
    outputsCrc: asUint32(fields[4]),
    checks: fields.length > 5 ? asChecks(fields[5]) : NO_CHECKS,
  };
}

/** Two bytes a turn, and at least two turns: what one turn would say, the digest says. */
function asChecks(value: unknown): Uint8Array {
  const checks = asBytes(value);
  if (checks.length % 2 !== 0 || checks.length < 4) throw new FormatError('odd checks of turns');
  return checks;
}

function decodeOutput(fields: readonly unknown[]): OutputRecord {
  asTuple(fields, { min: 2, max: 2 });
  return { type: 'output', bytes: asBytes(fields[1]) };
}

function decodeCheckpoint(fields: readonly unknown[], place: Place): CheckpointRecord {
  asTuple(fields, { min: 7, max: 7 });
  const memory = asBytes(fields[6]);
  if (memory.length !== MEMORY_HASH_BYTES) throw new FormatError('memory hash of a wrong length');
  return {
    type: 'checkpoint',
    time: decodeDelta(fields[1], place.startedAt, place.clock),
    turns: asCount(fields[2]),
    heapBytes: asCount(fields[3]),
    heapBlocks: asCount(fields[4]),
    pages: asCount(fields[5]),
    memory,
  };
}

function decodeView(fields: readonly unknown[], place: Place): ViewRecord {
  asTuple(fields, { min: 5, max: 5 });
  return {
    type: 'view',
    time: decodeDelta(fields[1], place.startedAt, place.clock),
    epoch: asEpoch(asPosition(fields[2])),
    primary: asText(fields[3]),
    backups: asArray(fields[4]).map(asText),
  };
}

function decodeStop(fields: readonly unknown[], place: Place): StopRecord {
  asTuple(fields, { min: 4, max: 4 });
  return {
    type: 'stop',
    time: decodeDelta(fields[1], place.startedAt, place.clock),
    code: asInteger(fields[2]),
    reason: asText(fields[3]),
  };
}

/** What a log of format 1 may not hold: what version 1 allows never grows. */
export function needsFormat2(record: LogRecord): boolean {
  switch (record.type) {
    case 'preempt':
    case 'output':
    case 'checkpoint':
      return true;
    case 'end':
      return record.checks.length > 0;
    default:
      return false;
  }
}

/** The inverse of `encodeRecord`. Throws a FormatError on anything else. */
export function decodeRecord(
  value: unknown,
  lsn: Lsn,
  startedAt: Micros,
  clock: BatchClock,
): LogRecord {
  const fields = asArray(value);
  const kind = asCount(fields[0]);
  const place: Place = { lsn, startedAt, clock };
  if (isInterruptKind(kind)) return decodeInterrupt(kind, fields, place);
  switch (kind) {
    case RECORD.resync:
      return decodeClockMove('resync', fields, place);
    case RECORD.preempt:
      return decodeClockMove('preempt', fields, place);
    case RECORD.output:
      return decodeOutput(fields);
    case RECORD.checkpoint:
      return decodeCheckpoint(fields, place);
    case RECORD.stopAt:
      return decodeStopAt(fields, place);
    case RECORD.end:
      return decodeEnd(fields);
    case RECORD.view:
      return decodeView(fields, place);
    case RECORD.stop:
      return decodeStop(fields, place);
    default:
      throw new FormatError('unknown record kind');
  }
}
