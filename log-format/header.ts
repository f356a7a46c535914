/**
 * Payloads of the frames around the batches: header, blobs, seal. A header starts with a magic and
 * the format version at a fixed place, which no later version moves: a reader must be able to say
 * "too new" about any log, and "not a log" about anything else.
 *
 * header  "hvlog" 0d 0a 00, u16 version, then a MessagePack map of the other `LogHeader` fields
 * blob    [name, hash, encoding, bytes]
 * seal    [lastLsn, chain, records, batches, final]
 *
 * Hashes are hex in the header (a person reads it) and 32 bytes elsewhere.
 */

import { CHAIN_BYTES } from './chain.ts';
import { fromHex, toHex } from './checksum.ts';
import { decodeValue, encodeValue } from './codec.ts';
import { demand, FormatError, FormatVersionError } from './faults.ts';
import {
  asBoolean,
  asBytes,
  asCount,
  asHexHash,
  asInteger,
  asPosition,
  asText,
  asTuple,
  isHexHash,
} from './fields.ts';
import { encodeFrame, FRAME } from './frame.ts';
import type { Blob, FormatVersion, LogHeader, Seal } from './records.ts';
import { asLsn, asMicros } from './units.ts';

/** Of the logs this code writes. */
export const FORMAT_VERSION = 2;
/** Header fields that came with format 2; what a log of format 1 means by their absence. */
const SINCE_2 = { turnTicksMax: 0, secondTicksMax: 0 } as const;

/** The line break tells a log that went through a text-mode copy from one that did not. */
export const LOG_MAGIC: Uint8Array = Uint8Array.of(0x68, 0x76, 0x6c, 0x6f, 0x67, 0x0d, 0x0a, 0x00);
const MAGIC_AND_VERSION_BYTES: number = LOG_MAGIC.length + 2;

/** One whole header frame. */
export function encodeHeader(header: LogHeader): Uint8Array {
  const { formatVersion, turnTicksMax, secondTicksMax, ...fields } = header;
  const map = encodeValue(
    formatVersion === 1 ? fields : { ...fields, turnTicksMax, secondTicksMax },
  );
  const payload = new Uint8Array(MAGIC_AND_VERSION_BYTES + map.length);
  payload.set(LOG_MAGIC);
  new DataView(payload.buffer).setUint16(LOG_MAGIC.length, formatVersion);
  payload.set(map, MAGIC_AND_VERSION_BYTES);
  demandDecodable(payload);
  return encodeFrame(FRAME.header, payload);
}

/** A header nobody can read would make the whole recording worthless: try it before it is written. */
function demandDecodable(payload: Uint8Array): void {
  try {
    decodeHeader(payload);
  } catch (error) {
    demand(!(error instanceof FormatError), 'a header follows its own rules');
    throw error;
  }
}

/** Throws a FormatVersionError for a version this code does not know, else a FormatError. */
export function decodeHeader(payload: Uint8Array): LogHeader {
  if (payload.length < MAGIC_AND_VERSION_BYTES) throw new FormatError('not a log of hv');
  if (LOG_MAGIC.some((byte, at) => payload[at] !== byte)) throw new FormatError('not a log of hv');
  const start = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const version = start.getUint16(LOG_MAGIC.length);
  if (version !== 1 && version !== 2) throw new FormatVersionError('format', version);
  const value = decodeValue(payload.subarray(MAGIC_AND_VERSION_BYTES));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FormatError('header is not a map');
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  const header = headerOf(fields, version);
  const absent = version === 1 ? Object.keys(SINCE_2).length : 0;
  if (fields.size !== Object.keys(header).length - 1 - absent) {
    throw new FormatError('header with unknown fields');
  }
  return header;
}

function headerOf(fields: ReadonlyMap<string, unknown>, formatVersion: FormatVersion): LogHeader {
  const machineVersion = fields.get('machineVersion');
  if (machineVersion !== 1 && machineVersion !== 2 && machineVersion !== 3 && machineVersion !== 4)
    throw new FormatVersionError('machine', machineVersion);
  const ticksSemantics = fields.get('ticksSemantics');
  if (ticksSemantics !== 'quickjs-interrupt-polls/1') {
    throw new FormatVersionError('ticks', ticksSemantics);
  }
  return {
    formatVersion,
    machineVersion,
    hvVersion: asText(fields.get('hvVersion')),
    vm: asText(fields.get('vm')),
    name: asText(fields.get('name')),
    ticksSemantics,
    engineHash: asHexHash(fields.get('engineHash')),
    helperHash: asHexHash(fields.get('helperHash')),
    firmwareHash: asHexHash(fields.get('firmwareHash')),
    imageHash: asHexHash(fields.get('imageHash')),
    sourceMapHash: asHexHash(fields.get('sourceMapHash')),
    memoryPages: asPosition(fields.get('memoryPages')),
    stackBytes: asPosition(fields.get('stackBytes')),
    ...(formatVersion === 1
      ? SINCE_2
      : {
          turnTicksMax: asCount(fields.get('turnTicksMax')),
          secondTicksMax: asCount(fields.get('secondTicksMax')),
        }),
    ticksPerMicro: asPosition(fields.get('ticksPerMicro')),
    zoneOffsetMinutes: asInteger(fields.get('zoneOffsetMinutes')),
    seed: asHexHash(fields.get('seed')),
    startedAt: asMicros(asCount(fields.get('startedAt'))),
    script: asText(fields.get('script')),
    segment: asPosition(fields.get('segment')),
    firstLsn: asLsn(asPosition(fields.get('firstLsn'))),
    chain: asHexHash(fields.get('chain')),
  };
}

/** A blob as it lies in the log. The host packs and unpacks: compressors are not pure enough here. */
export interface PackedBlob {
  readonly name: Blob['name'];
  /** Hex SHA-256 of the unpacked bytes. */
  readonly hash: string;
  readonly encoding: 'identity' | 'brotli';
  readonly bytes: Uint8Array;
}

const BLOB_NAMES: readonly Blob['name'][] = ['firmware', 'image', 'sourcemap'];
const BLOB_ENCODINGS: readonly PackedBlob['encoding'][] = ['identity', 'brotli'];

function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw new FormatError('unknown word');
  return found;
}

/** One whole blob frame. */
export function encodeBlob(blob: PackedBlob): Uint8Array {
  demand(isHexHash(blob.hash), 'a blob hash is 32 bytes in hex');
  const fields = [blob.name, fromHex(blob.hash), blob.encoding, blob.bytes];
  return encodeFrame(FRAME.blob, encodeValue(fields));
}

/** The hash is not checked here: that takes the unpacked bytes. */
export function decodeBlob(payload: Uint8Array): PackedBlob {
  const fields = asTuple(decodeValue(payload), { min: 4, max: 4 });
  return {
    name: oneOf(fields[0], BLOB_NAMES),
    hash: asHashBytes(fields[1]),
    encoding: oneOf(fields[2], BLOB_ENCODINGS),
    bytes: asBytes(fields[3]),
  };
}

/** Hash that the header announces for a blob of this name. */
export function announcedHash(header: LogHeader, name: Blob['name']): string {
  if (name === 'firmware') return header.firmwareHash;
  return name === 'image' ? header.imageHash : header.sourceMapHash;
}

/** Every log carries exactly these, in this order, between its header and its first batch. */
export function blobNames(): readonly Blob['name'][] {
  return BLOB_NAMES;
}

function asHashBytes(value: unknown): string {
  const bytes = asBytes(value);
  if (bytes.length !== CHAIN_BYTES) throw new FormatError('not a hash');
  return toHex(bytes);
}

/** One whole seal frame. */
export function encodeSeal(seal: Seal): Uint8Array {
  demand(isHexHash(seal.chain), 'a chain head is 32 bytes in hex');
  const fields = [seal.lastLsn, fromHex(seal.chain), seal.records, seal.batches, seal.final];
  return encodeFrame(FRAME.seal, encodeValue(fields));
}

export function decodeSeal(payload: Uint8Array): Seal {
  const fields = asTuple(decodeValue(payload), { min: 5, max: 5 });
  return {
    lastLsn: asLsn(asCount(fields[0])),
    chain: asHashBytes(fields[1]),
    records: asCount(fields[2]),
    batches: asCount(fields[3]),
    final: asBoolean(fields[4]),
  };
}
