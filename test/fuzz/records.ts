/**
 * The fuzzer's only contact with the shapes of log records: makes them, closes groups, sends them
 * through the codec. A new kind of record is taught to the fuzzer here.
 */

import type { HostInterrupt, ReplayGroup, TurnsResult } from '../../hypervisor/ports.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  asTicks,
  type Batch,
  decodeBatch,
  encodeBatch,
  FrameReader,
  type InterruptRecord,
  type LogRecord,
  type Lsn,
  type Micros,
  type MidTurnRecord,
} from '../../log-format/index.ts';

export function stamped(interrupt: HostInterrupt, time: number): InterruptRecord {
  return { type: 'interrupt', ...interrupt, time: asMicros(time) };
}

export function resyncAt(turn: Lsn, ticks: number, time: number): MidTurnRecord {
  return { type: 'resync', turn, ticks: asTicks(ticks), time: asMicros(time) };
}

export function stopAt(turn: Lsn, ticks: number, code: number): MidTurnRecord {
  return { type: 'stopAt', turn, ticks: asTicks(ticks), code, reason: 'the schedule says so' };
}

export function endOf(result: TurnsResult): LogRecord {
  return { type: 'end', ...result.end };
}

/** What comes out of a log these groups were written to. */
export function throughCodec(groups: readonly ReplayGroup[], startedAt: Micros): ReplayGroup[] {
  return groups.map(({ firstLsn, records }) => {
    const batch: Batch = { epoch: asEpoch(1), firstLsn, records };
    return decoded(encodeBatch(batch, startedAt).bytes, startedAt);
  });
}

function decoded(bytes: Uint8Array, startedAt: Micros): ReplayGroup {
  const reader = new FrameReader(bytes.length);
  reader.push(bytes);
  const read = reader.next();
  if (read.type !== 'frame') throw new Error('an encoded batch is no whole frame');
  return decodeBatch(read.frame.payload, startedAt);
}

export { asLsn, type InterruptRecord, type LogRecord, type Lsn, type MidTurnRecord };
