/**
 * Reads snapshots back and believes nothing: CRCs, the hash chain in the end frame, the complete
 * snapshot a difference needs, lengths of what is unpacked and, last, the hash of the whole memory. A
 * snapshot that does not pass is not an error, for the log alone is enough: it is a reason to take an
 * older one.
 */

import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import {
  countOf,
  FormatError,
  FormatVersionError,
  type Lsn,
  type PackedPages,
  SNAPSHOT_PAGE_BYTES,
  type SnapshotHead,
  type SnapshotOwner,
  SnapshotScan,
  snapshotName,
} from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import type { MemoryRun } from '../machine/memory-image.ts';
import { PageSums } from '../machine/page-sums.ts';
import type { MachineSnapshot, MachineState } from '../machine/snapshot.ts';
import { type Disk, type DiskInput, REAL_DISK } from './disk.ts';

/** Bytes per read. */
const CHUNK_BYTES = 1_048_576;

/** Why a snapshot cannot be used. `reason` is for people and names no file. */
export interface Unusable {
  readonly type: 'unusable';
  /**
   * `missing`: no such file. `foreign`: of another log or engine. `version`: of a newer hv.
   * `misplaced`: the log does not hold, or no longer, what led to it.
   */
  readonly why: 'missing' | 'damaged' | 'version' | 'foreign' | 'misplaced';
  readonly reason: string;
}

/** `snapshot.memory` is its own, or shared with other snapshots loaded: never write to it. */
export interface LoadedCheckpoint {
  readonly type: 'loaded';
  readonly head: SnapshotHead;
  readonly snapshot: MachineSnapshot;
}

/** A complete snapshot, unpacked and verified. */
interface Complete {
  readonly head: SnapshotHead;
  readonly chain: string;
  readonly memory: readonly MemoryRun[];
  readonly sums: PageSums;
}

/** A file as it was read, before its memory is known to be right. */
interface Content {
  readonly head: SnapshotHead;
  readonly chain: string;
  readonly runs: readonly MemoryRun[];
}

/**
 * Remembers the last complete snapshot unpacked, so that going from one difference of it to another
 * costs the difference only. Holds as much memory as the guest's heap.
 */
export class CompleteCache {
  #complete: Complete | undefined;

  find(chain: string): Complete | undefined {
    return this.#complete?.chain === chain ? this.#complete : undefined;
  }

  /** By its head: the same place in the same log, and the same memory. */
  findLike({ base, position, memory }: SnapshotHead): Complete | undefined {
    const head = this.#complete?.head;
    if (base !== 0 || head?.position.chain !== position.chain) return undefined;
    return Buffer.compare(head.memory, memory) === 0 ? this.#complete : undefined;
  }

  keep(complete: Complete): void {
    this.#complete = complete;
  }
}

export interface ReadOptions {
  readonly disk?: Disk;
  readonly cache?: CompleteCache;
}

/** Loads the snapshot at `lsn` in `dir` and checks all of it. `expect`: the log's header will do. */
export function loadCheckpoint(
  dir: string,
  lsn: Lsn,
  expect: SnapshotOwner,
  { disk = REAL_DISK, cache = new CompleteCache() }: ReadOptions = {},
): LoadedCheckpoint | Unusable {
  try {
    const announced = readHead(dir, lsn, disk);
    if ('type' in announced) return announced;
    const { head, memory } =
      cache.findLike(announced) ?? readAll({ disk, dir, cache }, lsn, expect);
    demandOwner(head, expect);
    return { type: 'loaded', head, snapshot: { state: head.state as MachineState, memory } };
  } catch (error) {
    return unusable(error);
  }
}

/** The end of a snapshot's file, and that of its base, fit everything before: nothing is unpacked. */
export function checkCheckpoint(
  dir: string,
  lsn: Lsn,
  expect: SnapshotOwner,
  disk: Disk = REAL_DISK,
): Unusable | undefined {
  try {
    const { head } = scanFile(disk, dir, lsn, { expect });
    if (head.base === 0) return undefined;
    const base = scanFile(disk, dir, head.base, { expect });
    if (base.chain !== head.baseChain || base.head.base !== 0) throw new FormatError(OTHER_BASE);
    return undefined;
  } catch (error) {
    return unusable(error);
  }
}

/** The head of a snapshot alone, which says nothing of the rest of the file. */
export function readHead(dir: string, lsn: Lsn, disk: Disk = REAL_DISK): SnapshotHead | Unusable {
  try {
    return withInput(disk, join(dir, snapshotName(lsn)), (input) => {
      const scan = new SnapshotScan();
      for (const chunk of chunksOf(input, HEAD_CHUNK_BYTES)) {
        scan.push(chunk);
        const part = scan.next();
        if (part?.type === 'head') return sameName(part.head, lsn);
      }
      throw new FormatError('a snapshot ends before its head is complete');
    });
  } catch (error) {
    return unusable(error);
  }
}

/** A head of a guest without connections has one and a half kilobytes. */
const HEAD_CHUNK_BYTES = 16_384;
const OTHER_BASE = 'the complete snapshot it needs is another one';

/** A fact about a file that is no damage of it. */
class Refusal extends Error {
  readonly why: Unusable['why'];

  constructor(why: Unusable['why'], reason: string) {
    super(reason);
    this.why = why;
  }
}

function unusable(error: unknown): Unusable {
  if (error instanceof Refusal) return { type: 'unusable', why: error.why, reason: error.message };
  if (error instanceof FormatVersionError) {
    const reason = `${error.what} version ${error.version}, which this hv does not know`;
    return { type: 'unusable', why: 'version', reason };
  }
  if (error instanceof FormatError)
    return { type: 'unusable', why: 'damaged', reason: error.message };
  if (error instanceof HvError) return { type: 'unusable', why: 'foreign', reason: error.message };
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  if (code === 'ENOENT')
    return { type: 'unusable', why: 'missing', reason: 'there is no such file' };
  return { type: 'unusable', why: 'damaged', reason: `the disk cannot read it: ${message}` };
}

function sameName(head: SnapshotHead, lsn: Lsn): SnapshotHead {
  if (head.lsn !== lsn) throw new FormatError('the file has the name of another snapshot');
  return head;
}

/** Throws a Refusal unless the snapshot belongs to this log and runs on this engine. */
function demandOwner(head: SnapshotHead, expect: SnapshotOwner): void {
  const fault = ownerFault(head, expect);
  if (fault !== undefined) throw new Refusal('foreign', fault);
}

/** Why a snapshot is none of this log, or runs on another engine. For people. */
export function ownerFault(head: SnapshotHead, expect: SnapshotOwner): string | undefined {
  if (head.vm !== expect.vm) return `it is of another run, ${head.vm}`;
  const fields = [
    'engineHash',
    'helperHash',
    'firmwareHash',
    'imageHash',
    'machineVersion',
    'memoryPages',
    'stackBytes',
  ] as const;
  const field = fields.find((name) => head[name] !== expect[name]);
  return field === undefined ? undefined : `its ${field} is not the log's`;
}

function withInput<T>(disk: Disk, path: string, use: (input: DiskInput) => T): T {
  const input = disk.openInput(path);
  try {
    return use(input);
  } finally {
    input.close();
  }
}

function* chunksOf(input: DiskInput, first: number): Generator<Uint8Array> {
  for (let offset = 0; offset < input.size; ) {
    const length = offset === 0 ? first : CHUNK_BYTES;
    const chunk = new Uint8Array(Math.min(length, input.size - offset));
    const bytes = input.read(chunk, offset);
    if (bytes === 0) return;
    offset += bytes;
    yield chunk.subarray(0, bytes);
  }
}

/** Scans a whole file; `onPages` sees its pages as they lie there. */
function scanFile(
  disk: Disk,
  dir: string,
  lsn: Lsn,
  use: { readonly expect: SnapshotOwner; readonly onPages?: (packed: PackedPages) => void },
): { readonly head: SnapshotHead; readonly chain: string } {
  return withInput(disk, join(dir, snapshotName(lsn)), (input) => {
    const scan = new SnapshotScan();
    let head: SnapshotHead | undefined;
    for (const chunk of chunksOf(input, CHUNK_BYTES)) {
      scan.push(chunk);
      for (let part = scan.next(); part !== undefined; part = scan.next()) {
        if (part.type === 'pages') use.onPages?.(part.packed);
        if (part.type !== 'head') continue;
        head = sameName(part.head, lsn);
        demandOwner(head, use.expect);
      }
    }
    const { chain } = scan.finish();
    return { head: defined(head, 'a whole snapshot has a head'), chain };
  });
}

function readContent(disk: Disk, dir: string, lsn: Lsn, expect: SnapshotOwner): Content {
  const runs: MemoryRun[] = [];
  const onPages = (packed: PackedPages): void => {
    const bytes = unpack(packed);
    let from = 0;
    for (const { first, count } of packed.runs) {
      const to = from + count * SNAPSHOT_PAGE_BYTES;
      runs.push({ at: first * SNAPSHOT_PAGE_BYTES, bytes: bytes.subarray(from, to) });
      from = to;
    }
  };
  return { ...scanFile(disk, dir, lsn, { expect, onPages }), runs };
}

/** Exactly the bytes of the pages announced, never more: a small frame cannot fill the memory. */
function unpack({ encoding, runs, bytes }: PackedPages): Uint8Array {
  // A copy: the bytes may alias a whole chunk of the file.
  if (encoding === 'identity') return bytes.slice();
  const length = countOf(runs) * SNAPSHOT_PAGE_BYTES;
  let unpacked: Buffer;
  try {
    unpacked = brotliDecompressSync(bytes, { maxOutputLength: length, chunkSize: length });
  } catch (error) {
    throw new FormatError('pages cannot be unpacked', { cause: error });
  }
  if (unpacked.length !== length) throw new FormatError('pages unpack to another length');
  return new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength);
}

type Source = { readonly disk: Disk; readonly dir: string; readonly cache: CompleteCache };

function readAll(from: Source, lsn: Lsn, expect: SnapshotOwner): Complete {
  const content = readContent(from.disk, from.dir, lsn, expect);
  if (content.head.base !== 0) return assemble(content, baseOf(content, from));
  const complete = assemble(content, undefined);
  from.cache.keep(complete);
  return complete;
}

/** The complete snapshot that `content` is a difference to. */
function baseOf({ head }: Content, from: Source): Complete {
  const cached = from.cache.find(head.baseChain);
  if (cached) return cached;
  let content: Content;
  try {
    content = readContent(from.disk, from.dir, head.base, head);
  } catch (error) {
    const { why, reason } = unusable(error);
    throw new Refusal(why, `the complete snapshot ${head.base} it needs: ${reason}`);
  }
  if (content.chain !== head.baseChain || content.head.base !== 0)
    throw new FormatError(OTHER_BASE);
  const complete = assemble(content, undefined);
  from.cache.keep(complete);
  return complete;
}

/** Puts pages over those of the base and checks the hash of the result. */
function assemble({ head, chain, runs }: Content, base: Complete | undefined): Complete {
  const sums = new PageSums(base?.sums);
  const filled: MemoryRun[] = [];
  for (const run of runs) {
    for (let from = 0; from < run.bytes.length; from += SNAPSHOT_PAGE_BYTES) {
      const at = run.at + from;
      const wanted = sums.set(at / SNAPSHOT_PAGE_BYTES, run.bytes, from);
      if (wanted && at >= head.extent) throw new FormatError('a page beyond the extent');
      if (wanted) addPage(filled, at, run.bytes, from);
    }
  }
  if (Buffer.compare(sums.hash(), head.memory) !== 0)
    throw new FormatError('the memory is not the one its hash was made of');
  const memory = base === undefined ? filled : overlay(base.memory, runs, filled);
  return { head, chain, memory, sums };
}

/** Appends a page of `bytes`, to the last run if it continues that. */
function addPage(runs: MemoryRun[], at: number, bytes: Uint8Array, from: number): void {
  const last = runs.at(-1);
  const to = from + SNAPSHOT_PAGE_BYTES;
  const follows =
    last !== undefined &&
    last.at + last.bytes.length === at &&
    last.bytes.buffer === bytes.buffer &&
    last.bytes.byteOffset + last.bytes.length === bytes.byteOffset + from;
  if (!follows) {
    runs.push({ at, bytes: bytes.subarray(from, to) });
    return;
  }
  const joined = new Uint8Array(
    last.bytes.buffer,
    last.bytes.byteOffset,
    last.bytes.length + SNAPSHOT_PAGE_BYTES,
  );
  runs[runs.length - 1] = { at: last.at, bytes: joined };
}

/** `base` without the pages in `changed`, and `filled` in their place. All ascending. */
function overlay(
  base: readonly MemoryRun[],
  changed: readonly MemoryRun[],
  filled: readonly MemoryRun[],
): MemoryRun[] {
  const out: MemoryRun[] = [...filled];
  let next = 0;
  for (const { at, bytes } of base) {
    const end = at + bytes.length;
    let from = at;
    while (from < end) {
      while (next < changed.length && endOf(changed[next]) <= from) next++;
      const hole = changed[next];
      const to = hole === undefined ? end : Math.min(hole.at, end);
      if (to > from) out.push({ at: from, bytes: bytes.subarray(from - at, to - at) });
      from = Math.max(to, Math.min(endOf(hole), end));
    }
  }
  return out.sort((one, two) => one.at - two.at);
}

/** Infinity behind the last run. */
function endOf(run: MemoryRun | undefined): number {
  return run === undefined ? Number.POSITIVE_INFINITY : run.at + run.bytes.length;
}
