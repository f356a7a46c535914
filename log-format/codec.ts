/**
 * Batches and plain values to bytes and back. The only importer of msgpackr, which is fast and keeps
 * module-level state: nothing of it may show outside. Three of its habits are switched off or undone
 * here: its own record extension (other readers of MessagePack do not know it), decoded bytes that
 * alias the source (two bytes kept would hold a whole receive buffer), and extensions, which the
 * scan refuses before decoding. Bytes decoded belong to the caller.
 *
 * Batch payload: [epoch, firstLsn, base, record...], one flat array; `base` is the time of the first
 * record that has one, in microseconds since the header's `startedAt`. Records: record-codec.ts.
 */

import { Packr } from 'msgpackr';
import { demand, FormatError } from './faults.ts';
import { asArray, asCount, asPosition } from './fields.ts';
import { encodeFrame, FRAME, FRAME_HEAD_BYTES } from './frame.ts';
import { peekArray, scanMessagePack } from './msgpack-scan.ts';
import {
  type BatchClock,
  decodeRecord,
  encodeRecord,
  needsFormat2,
  timeOf,
} from './record-codec.ts';
import type { Batch, EncodedBatch, FormatVersion, LogRecord } from './records.ts';
import { asEpoch, asLsn, type Micros } from './units.ts';

const PACKER: Packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  copyBuffers: true,
  mapsAsObjects: true,
});

/** Fields of a batch before its records. */
const BATCH_FIELDS = 3;

/** A plain view: msgpackr leaves a `dataView` property on what it decodes, and slices a Buffer into
 * another Buffer. */
function plainView(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Encodes a value of null, booleans, numbers, strings, Uint8Arrays, arrays and plain objects; pass
 * nothing else. Undefined, functions, dates and bigints are an EncodeError wherever they are, objects
 * of other classes would come back plain. The bytes belong to the caller.
 */
export function encodeValue(value: unknown): Uint8Array {
  const bytes = new Uint8Array(PACKER.pack(value));
  try {
    scanMessagePack(bytes);
  } catch (error) {
    demand(!(error instanceof FormatError), 'a value has only plain parts');
    throw error;
  }
  return bytes;
}

/** The inverse of `encodeValue`, for bytes from anywhere: garbage is a FormatError, never more. */
export function decodeValue(bytes: Uint8Array): unknown {
  scanMessagePack(bytes);
  try {
    return PACKER.unpack(plainView(bytes));
  } catch (error) {
    // The scan has walked these bytes; what is left is, for one, a map key that is no string.
    throw new FormatError('value cannot be decoded', { cause: error });
  }
}

/**
 * Encodes a batch as one whole frame. Times count from `startedAt` (the header's) and never go back
 * within a batch. Payloads of the records are copied.
 */
export function encodeBatch(batch: Batch, startedAt: Micros): EncodedBatch {
  const { epoch, firstLsn, records } = batch;
  demand(records.length > 0, 'a batch has a record');
  demand(Number.isSafeInteger(epoch) && epoch >= 0, 'an epoch is a count');
  demand(Number.isSafeInteger(firstLsn) && firstLsn >= 1, 'lsns start at 1');
  const base = baseOf(records, startedAt);
  const clock: BatchClock = { micros: base };
  const fields: unknown[] = [epoch, firstLsn, base];
  for (let index = 0; index < records.length; index++) {
    const record = records[index];
    if (record) fields.push(encodeRecord(record, asLsn(firstLsn + index), startedAt, clock));
  }
  demand(fields.length === BATCH_FIELDS + records.length, 'no record is missing');
  return {
    epoch,
    firstLsn,
    lastLsn: asLsn(firstLsn + records.length - 1),
    bytes: encodeFrame(FRAME.batch, PACKER.pack(fields)),
  };
}

/** Bytes of each record of a batch inside its frame; what is left of the frame frames it. */
export function recordSizes(batch: Batch, startedAt: Micros): readonly number[] {
  const clock: BatchClock = { micros: baseOf(batch.records, startedAt) };
  return batch.records.map((record, index) => {
    const lsn = asLsn(batch.firstLsn + index);
    return PACKER.pack(encodeRecord(record, lsn, startedAt, clock)).length;
  });
}

function baseOf(records: readonly LogRecord[], startedAt: Micros): number {
  for (const record of records) {
    const time = timeOf(record);
    if (time === undefined) continue;
    demand(time >= startedAt, 'no record is older than its log');
    return time - startedAt;
  }
  return 0;
}

/**
 * Decodes the payload of a batch frame of a log of this format. Every field is checked; a FormatError
 * on any doubt.
 */
export function decodeBatch(
  payload: Uint8Array,
  startedAt: Micros,
  formatVersion: FormatVersion = 2,
): Batch {
  const fields = asArray(decodeValue(payload));
  if (fields.length <= BATCH_FIELDS) throw new FormatError('batch without records');
  const epoch = asEpoch(asCount(fields[0]));
  const firstLsn = asPosition(fields[1]);
  const clock: BatchClock = { micros: asCount(fields[2]) };
  const records: LogRecord[] = [];
  for (let index = BATCH_FIELDS; index < fields.length; index++) {
    const lsn = asLsn(firstLsn + index - BATCH_FIELDS);
    const record = decodeRecord(fields[index], lsn, startedAt, clock);
    if (formatVersion === 1 && needsFormat2(record)) throw new FormatError('record of format 2');
    records.push(record);
  }
  if (!Number.isSafeInteger(firstLsn + records.length)) throw new FormatError('lsn out of range');
  return { epoch, firstLsn: asLsn(firstLsn), records };
}

/**
 * What a batch frame covers, without decoding its records: for whoever only files or forwards it.
 * `bytes` is the whole frame, checked by a FrameReader before; it is kept, not copied.
 */
export function peekBatch(bytes: Uint8Array): EncodedBatch {
  const { length, numbers } = peekArray(bytes.subarray(FRAME_HEAD_BYTES), BATCH_FIELDS);
  if (length <= BATCH_FIELDS) throw new FormatError('batch without records');
  const epoch = asCount(numbers[0]);
  const firstLsn = asPosition(numbers[1]);
  const lastLsn = asPosition(firstLsn + length - BATCH_FIELDS - 1);
  return { epoch: asEpoch(epoch), firstLsn: asLsn(firstLsn), lastLsn: asLsn(lastLsn), bytes };
}
