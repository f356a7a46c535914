/**
 * A snapshot of a machine as a file beside its log, `<lsn>.hvsnap`: where the log goes on, the state
 * outside guest memory, and pages of guest memory, all of them or those that differ from a complete
 * snapshot. The frames are those of the log (frame.ts) with types of their own.
 *
 * head    "hvsnap" 0d 0a 00, u16 version, then a MessagePack map of `SnapshotHead`
 * pages   [encoding, [first, count, first, count...], bytes]
 * end     [pages, chain]
 *
 * The version's place never moves. The order of the frames is snapshot-scan.ts.
 */

import { CHAIN_BYTES, CHAIN_START } from './chain.ts';
import { fromHex, toHex } from './checksum.ts';
import { decodeValue, encodeValue } from './codec.ts';
import { demand, FormatError, FormatVersionError } from './faults.ts';
import {
  asArray,
  asBoolean,
  asBytes,
  asCount,
  asHexHash,
  asPosition,
  asText,
  asTuple,
  asUint32,
} from './fields.ts';
import { encodeFrame, SNAPSHOT_FRAME } from './frame.ts';
import { MEMORY_HASH_BYTES } from './record-codec.ts';
import type { LogHeader, MachineVersion } from './records.ts';
import {
  asEpoch,
  asLsn,
  asMicros,
  asTicks,
  type Epoch,
  type Lsn,
  type Micros,
  type Ticks,
} from './units.ts';

/** Of the snapshots this code writes and reads. */
export const SNAPSHOT_VERSION = 1;
/** Guest memory is counted in pages of this size here; `memoryPages` of a log header are 16 of them. */
export const SNAPSHOT_PAGE_BYTES = 4096;
/** Pages of one frame: 1 MiB, so that neither writer nor reader ever holds more than that twice. */
export const PIECE_PAGES_MAX = 256;
/** Longest frame: a head names every connection of the guest, a hundred bytes each. */
export const SNAPSHOT_FRAME_BYTES_MAX: number = 64 * 1024 * 1024;

export const SNAPSHOT_MAGIC: Uint8Array = Uint8Array.of(
  0x68,
  0x76,
  0x73,
  0x6e,
  0x61,
  0x70,
  0x0d,
  0x0a,
  0x00,
);
const MAGIC_AND_VERSION_BYTES: number = SNAPSHOT_MAGIC.length + 2;
const SMALL_PAGES_PER_PAGE = 16;

/** A machine without its memory, as `hypervisor/machine/snapshot.ts` has it. */
export interface SnapshotState {
  readonly cause: Lsn;
  readonly ticks: Ticks;
  readonly digest: number;
  readonly outputs: number;
  readonly outputsCrc: number;
  readonly turns: number;
  readonly immediatesLeft: boolean;
  readonly secondTicks: number;
  readonly second: number;
  /** Plain maps; the machine knows their fields. */
  readonly engine: object;
  readonly kernel: object;
  readonly devices: object;
}

/** Where the log goes on behind the last record of a snapshot; see `LogPosition` of the host. */
export interface SnapshotPosition {
  readonly segment: number;
  readonly offset: number;
  /** Hex: head of the hash chain. */
  readonly chain: string;
  readonly epoch: Epoch;
  readonly lastLsn: Lsn;
  readonly records: number;
  readonly batches: number;
}

/** The view in force at a snapshot. Epoch 0: none yet. */
export interface SnapshotView {
  readonly epoch: Epoch;
  readonly primary: string;
  readonly backups: readonly string[];
}

/** What of a log's header a snapshot repeats: it fits that log or none. */
export type SnapshotOwner = Pick<
  LogHeader,
  | 'vm'
  | 'engineHash'
  | 'helperHash'
  | 'firmwareHash'
  | 'imageHash'
  | 'machineVersion'
  | 'memoryPages'
  | 'stackBytes'
>;

/** First frame of a snapshot. */
export interface SnapshotHead extends SnapshotOwner {
  readonly epoch: Epoch;
  /** The last record applied: an `end`, and the last of its batch. */
  readonly lsn: Lsn;
  /** Newest time in the log up to there. */
  readonly time: Micros;
  /** 0: complete. Otherwise lsn of the complete snapshot from which this one differs. */
  readonly base: Lsn;
  /** Hex: the chain in the end frame of that one; zeros for a complete snapshot. */
  readonly baseChain: string;
  readonly state: SnapshotState;
  readonly position: SnapshotPosition;
  readonly view: SnapshotView;
  /** Bytes of guest memory from 0 that were ever used. */
  readonly extent: number;
  /** Hash of all guest memory, as in a checkpoint record. */
  readonly memory: Uint8Array;
}

/** Consecutive pages of guest memory. */
export interface PageRun {
  readonly first: number;
  readonly count: number;
}

/** Pages as they lie in the file. The host packs and unpacks: compressors are not pure enough here. */
export interface PackedPages {
  readonly encoding: 'identity' | 'brotli';
  /** Ascending. What unpacks from `bytes` is these pages, one behind the other. */
  readonly runs: readonly PageRun[];
  readonly bytes: Uint8Array;
}

/** Last frame of a snapshot. */
export interface SnapshotEnd {
  /** Pages in all frames before. */
  readonly pages: number;
  /** Hex: hash chain over all frames before, from `CHAIN_START`. */
  readonly chain: string;
}

/** Name of the file of a snapshot; sorts by lsn. */
export function snapshotName(lsn: Lsn): string {
  return `${String(lsn).padStart(12, '0')}.hvsnap`;
}

/** The lsn in the name of a snapshot's file, if it is one. */
export function snapshotLsn(name: string): Lsn | undefined {
  const match = /^(\d{12,16})\.hvsnap$/.exec(name);
  const lsn = asLsn(Number(match?.[1] ?? 0));
  return lsn >= 1 && snapshotName(lsn) === name ? lsn : undefined;
}

/** One whole head frame. */
export function encodeSnapshotHead(head: SnapshotHead): Uint8Array {
  const map = encodeValue({ ...head });
  const payload = new Uint8Array(MAGIC_AND_VERSION_BYTES + map.length);
  payload.set(SNAPSHOT_MAGIC);
  new DataView(payload.buffer).setUint16(SNAPSHOT_MAGIC.length, SNAPSHOT_VERSION);
  payload.set(map, MAGIC_AND_VERSION_BYTES);
  tryIt(() => decodeSnapshotHead(payload), 'a snapshot head follows its own rules');
  return encodeFrame(SNAPSHOT_FRAME.head, payload);
}

/** What nobody can read is better found before it is written than when it is needed. */
function tryIt(decode: () => void, text: string): void {
  try {
    decode();
  } catch (error) {
    demand(!(error instanceof FormatError), text);
    throw error;
  }
}

/** Throws a FormatVersionError for a version this code does not know, else a FormatError. */
export function decodeSnapshotHead(payload: Uint8Array): SnapshotHead {
  const start = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (
    payload.length < MAGIC_AND_VERSION_BYTES ||
    SNAPSHOT_MAGIC.some((byte, at) => payload[at] !== byte)
  ) {
    throw new FormatError('not the head of a snapshot');
  }
  const version = start.getUint16(SNAPSHOT_MAGIC.length);
  if (version !== SNAPSHOT_VERSION) throw new FormatVersionError('format', version);
  const fields = asMap(decodeValue(payload.subarray(MAGIC_AND_VERSION_BYTES)));
  const head = headOf(fields);
  sameFields(fields, head);
  if (head.position.lastLsn !== head.lsn || head.position.epoch !== head.epoch)
    throw new FormatError('a snapshot and its place in the log differ');
  if (head.state.cause > head.lsn) throw new FormatError('a cause behind its snapshot');
  if (head.base >= head.lsn) throw new FormatError('a difference to a later snapshot');
  if ((head.base === 0) !== (head.baseChain === CHAIN_START))
    throw new FormatError('a base without its chain');
  const bytesMax = pagesOf(head) * SNAPSHOT_PAGE_BYTES;
  if (head.extent > bytesMax || head.extent % SNAPSHOT_PAGE_BYTES !== 0)
    throw new FormatError('an extent that cannot be');
  return head;
}

/** Pages of 4 KiB of the guest memory of a snapshot. */
export function pagesOf(head: Pick<SnapshotHead, 'memoryPages'>): number {
  return head.memoryPages * SMALL_PAGES_PER_PAGE;
}

type Fields = ReadonlyMap<string, unknown>;

function asMap(value: unknown): Fields {
  return new Map<string, unknown>(Object.entries(asObject(value)));
}

function asObject(value: unknown): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormatError('not a map');
  if (value instanceof Uint8Array) throw new FormatError('not a map');
  return value;
}

function sameFields(fields: Fields, decoded: object): void {
  if (fields.size !== Object.keys(decoded).length) throw new FormatError('map with unknown fields');
}

function headOf(fields: Fields): SnapshotHead {
  return {
    vm: asText(fields.get('vm')),
    epoch: asEpoch(asCount(fields.get('epoch'))),
    lsn: asLsn(asPosition(fields.get('lsn'))),
    time: asMicros(asCount(fields.get('time'))),
    engineHash: asHexHash(fields.get('engineHash')),
    helperHash: asHexHash(fields.get('helperHash')),
    firmwareHash: asHexHash(fields.get('firmwareHash')),
    imageHash: asHexHash(fields.get('imageHash')),
    machineVersion: asMachineVersion(fields.get('machineVersion')),
    memoryPages: asPosition(fields.get('memoryPages')),
    stackBytes: asPosition(fields.get('stackBytes')),
    base: asLsn(asCount(fields.get('base'))),
    baseChain: asHexHash(fields.get('baseChain')),
    state: stateOf(asMap(fields.get('state'))),
    position: positionOf(asMap(fields.get('position'))),
    view: viewOf(asMap(fields.get('view'))),
    extent: asCount(fields.get('extent')),
    memory: asMemoryHash(fields.get('memory')),
  };
}

function asMachineVersion(value: unknown): MachineVersion {
  if (value !== 1 && value !== 2 && value !== 3 && value !== 4)
    throw new FormatVersionError('machine', value);
  return value;
}

function asMemoryHash(value: unknown): Uint8Array {
  const bytes = asBytes(value);
  if (bytes.length !== MEMORY_HASH_BYTES) throw new FormatError('not a hash of memory');
  return bytes;
}

function stateOf(fields: Fields): SnapshotState {
  const state = {
    cause: asLsn(asCount(fields.get('cause'))),
    ticks: asTicks(asCount(fields.get('ticks'))),
    digest: asUint32(fields.get('digest')),
    outputs: asCount(fields.get('outputs')),
    outputsCrc: asUint32(fields.get('outputsCrc')),
    turns: asCount(fields.get('turns')),
    immediatesLeft: asBoolean(fields.get('immediatesLeft')),
    secondTicks: asCount(fields.get('secondTicks')),
    second: asCount(fields.get('second')),
    engine: asObject(fields.get('engine')),
    kernel: asObject(fields.get('kernel')),
    devices: asObject(fields.get('devices')),
  };
  sameFields(fields, state);
  return state;
}

function positionOf(fields: Fields): SnapshotPosition {
  const position = {
    segment: asPosition(fields.get('segment')),
    offset: asPosition(fields.get('offset')),
    chain: asHexHash(fields.get('chain')),
    epoch: asEpoch(asCount(fields.get('epoch'))),
    lastLsn: asLsn(asPosition(fields.get('lastLsn'))),
    records: asCount(fields.get('records')),
    batches: asCount(fields.get('batches')),
  };
  sameFields(fields, position);
  return position;
}

function viewOf(fields: Fields): SnapshotView {
  const view = {
    epoch: asEpoch(asCount(fields.get('epoch'))),
    primary: asText(fields.get('primary')),
    backups: asArray(fields.get('backups')).map(asText),
  };
  sameFields(fields, view);
  return view;
}

/** One whole pages frame. */
export function encodePages(pages: PackedPages): Uint8Array {
  const numbers = pages.runs.flatMap(({ first, count }) => [first, count]);
  const payload = encodeValue([pages.encoding, numbers, pages.bytes]);
  tryIt(() => decodePages(payload), 'a frame of pages follows its own rules');
  return encodeFrame(SNAPSHOT_FRAME.pages, payload);
}

/** Unpacked, `bytes` must be exactly as long as `runs` say: at most `PIECE_PAGES_MAX` pages. */
export function decodePages(payload: Uint8Array): PackedPages {
  const fields = asTuple(decodeValue(payload), { min: 3, max: 3 });
  const [encoding] = fields;
  if (encoding !== 'identity' && encoding !== 'brotli') throw new FormatError('unknown word');
  const runs = runsOf(asArray(fields[1]));
  const bytes = asBytes(fields[2]);
  const length = countOf(runs) * SNAPSHOT_PAGE_BYTES;
  if (encoding === 'identity' && bytes.length !== length)
    throw new FormatError('pages and their bytes differ');
  // Packing that does not shorten is not used, so no frame is longer than what it unpacks to.
  if (bytes.length > length) throw new FormatError('packed pages longer than the pages');
  return { encoding, runs, bytes };
}

function runsOf(numbers: readonly unknown[]): PageRun[] {
  if (numbers.length === 0 || numbers.length % 2 !== 0 || numbers.length > 2 * PIECE_PAGES_MAX)
    throw new FormatError('runs of pages that cannot be');
  const runs: PageRun[] = [];
  let end = 0;
  let pages = 0;
  for (let index = 0; index < numbers.length; index += 2) {
    const first = asUint32(numbers[index]);
    const count = asPosition(numbers[index + 1]);
    if (first < end) throw new FormatError('runs of pages out of order');
    end = first + count;
    pages += count;
    runs.push({ first, count });
  }
  if (pages > PIECE_PAGES_MAX) throw new FormatError('too many pages in a frame');
  return runs;
}

/** Pages in all of these runs. */
export function countOf(runs: readonly PageRun[]): number {
  return runs.reduce((sum, { count }) => sum + count, 0);
}

/** One whole end frame. */
export function encodeSnapshotEnd(end: SnapshotEnd): Uint8Array {
  const payload = encodeValue([end.pages, fromHex(end.chain)]);
  tryIt(() => decodeSnapshotEnd(payload), 'the end of a snapshot follows its own rules');
  return encodeFrame(SNAPSHOT_FRAME.end, payload);
}

export function decodeSnapshotEnd(payload: Uint8Array): SnapshotEnd {
  const fields = asTuple(decodeValue(payload), { min: 2, max: 2 });
  const chain = asBytes(fields[1]);
  if (chain.length !== CHAIN_BYTES) throw new FormatError('not a hash');
  return { pages: asCount(fields[0]), chain: toHex(chain) };
}
