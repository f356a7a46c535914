/**
 * Writes one snapshot so that it is there whole or not at all: under a temporary name, synced, and
 * renamed only when the log is on disk as far as the snapshot goes. A snapshot ahead of its log would
 * resume a machine whose last inputs nobody has. Compression runs on the pool's threads.
 */

import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';
import {
  Chain,
  encodePages,
  encodeSnapshotEnd,
  encodeSnapshotHead,
  type PackedPages,
  type PageRun,
  PIECE_PAGES_MAX,
  SNAPSHOT_PAGE_BYTES,
  type SnapshotHead,
  snapshotName,
} from '../../log-format/index.ts';
import { CHUNK_PAGES, type PageSet, type Shadow } from '../machine/shadow.ts';
import { demandRoom } from './checkpoint-room.ts';
import type { Disk } from './disk.ts';
import type { SegmentFile } from './log-segment-file.ts';

/** Name of a snapshot that is being written. */
export const TEMPORARY_SUFFIX = '.tmp';

/**
 * 1 to 4 ms a mebibyte. 0 takes a third less of text, and up to fifteen times as long of objects that resemble
 * each other; higher ones take five times as long for a tenth of the bytes.
 */
const BROTLI_QUALITY = 1;
/** Pieces in the compressor: it works on one while the last is written and the next is on its way. */
const PACKED_AT_ONCE = 2;
/** Packed and not written. */
const SINK_BYTES_MAX = 8_388_608;

const compress: (
  bytes: Uint8Array,
  options: { chunkSize: number; params: Record<number, number> },
) => Promise<Buffer> = promisify(brotliCompress);

/** What was written. Times in milliseconds. */
export interface WrittenSnapshot {
  readonly bytes: number;
  /** Of the end frame: differences to this snapshot name it. */
  readonly chain: string;
  /** Spent in the compressor, off this thread. */
  readonly compressMs: number;
}

export interface SnapshotTarget {
  readonly disk: Disk;
  readonly dir: string;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Calls `done` when the log is on disk up to the snapshot; it may never do so. */
  readonly logDurable: (done: () => void) => void;
}

/**
 * Rejects with the disk's error, ENOSPC too when what is free is to stay for the log; the temporary file is then
 * gone, unless the disk refuses that, too.
 */
export async function writeSnapshot(
  target: SnapshotTarget,
  head: SnapshotHead,
  pieces: Iterable<PageSet>,
): Promise<WrittenSnapshot> {
  const { disk, dir } = target;
  const path = join(dir, snapshotName(head.lsn));
  const temporary = `${path}${TEMPORARY_SUFFIX}`;
  const file = disk.openFile(temporary, { offset: 0 });
  let written: WrittenSnapshot;
  try {
    try {
      written = await writeFrames(target, file, head, pieces);
      await file.sync();
    } finally {
      await file.close();
    }
    await new Promise<void>((resolve) => target.logDurable(resolve));
    await disk.rename(temporary, path);
  } catch (error) {
    // What is left over is removed before the next snapshot is written.
    await disk.unlink(temporary).catch(() => undefined);
    throw error;
  }
  await disk.syncDirectory(dir);
  return written;
}

/** Frames on their way to the file, in order: what comes while one write runs shares the next. */
class FrameSink {
  readonly #file: SegmentFile;
  readonly #demandRoom: (bytes: number) => void;
  readonly #chain = new Chain();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  bytes = 0;

  /** `demandRoom` throws where so many bytes more may not be written. */
  constructor(file: SegmentFile, demandRoom: (bytes: number) => void) {
    this.#file = file;
    this.#demandRoom = demandRoom;
  }

  /** Of all frames put. */
  get chain(): string {
    return this.#chain.head;
  }

  /** Waits only for a disk that is far behind. Rejects with the disk's error. */
  async put(frame: Uint8Array): Promise<void> {
    this.#chain.update(frame);
    this.bytes += frame.length;
    this.#waitingBytes += frame.length;
    this.#waiting.push(frame);
    this.#writing ??= this.#write();
    if (this.#waitingBytes > SINK_BYTES_MAX || this.#failure !== undefined) await this.flush();
  }

  /** All that was put is written. Rejects with the disk's error. */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const frames = this.#waiting.splice(0);
        this.#demandRoom(this.#waitingBytes);
        this.#waitingBytes = 0;
        await this.#file.write(frames);
      }
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#writing = undefined;
  }
}

async function writeFrames(
  { now, disk, dir }: SnapshotTarget,
  file: SegmentFile,
  head: SnapshotHead,
  pieces: Iterable<PageSet>,
): Promise<WrittenSnapshot> {
  const sink = new FrameSink(file, (bytes) => demandRoom(disk, dir, bytes));
  let pages = 0;
  let compressMs = 0;
  const packing: Promise<PackedPages>[] = [];
  const putOldest = async (): Promise<void> => {
    const packed = await packing.shift();
    if (packed !== undefined) await sink.put(encodePages(packed));
  };
  const pack = async (piece: PageSet): Promise<PackedPages> => {
    const started = now();
    const packed = await packPages(piece);
    compressMs += now() - started;
    return packed;
  };
  try {
    await sink.put(encodeSnapshotHead(head));
    for (const piece of pieces) {
      if (packing.length === PACKED_AT_ONCE) await putOldest();
      pages += piece.pages.length;
      packing.push(pack(piece));
    }
    while (packing.length > 0) await putOldest();
    const { chain } = sink;
    await sink.put(encodeSnapshotEnd({ pages, chain }));
    await sink.flush();
    return { bytes: sink.bytes, chain, compressMs };
  } finally {
    // A disk that has failed: what is being packed or written is let end all the same.
    await Promise.allSettled([...packing, sink.flush()]);
  }
}

async function packPages({ pages, bytes }: PageSet): Promise<PackedPages> {
  const runs = runsOf(pages);
  const packed = await compress(bytes, {
    // Mostly one piece of output, hence one trip to the other thread and back; all of it would be garbage.
    chunkSize: Math.ceil(bytes.length / 2) + SNAPSHOT_PAGE_BYTES,
    params: {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  return packed.length < bytes.length
    ? { encoding: 'brotli', runs, bytes: packed }
    : { encoding: 'identity', runs, bytes };
}

/** Ascending page numbers as runs. */
function runsOf(pages: readonly number[]): PageRun[] {
  const runs: { first: number; count: number }[] = [];
  for (const page of pages) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === page) last.count++;
    else runs.push({ first: page, count: 1 });
  }
  return runs;
}

/**
 * The numbered pages of `shadow` in pieces that fit a frame, read when their turn comes. A piece that is half
 * full ends where a chunk does: the pieces of a memory without holes are views then, and nothing is copied.
 */
export function* piecesOf(shadow: Shadow, pages: readonly number[]): Generator<PageSet> {
  for (let from = 0; from < pages.length; ) {
    const to = pieceEnd(pages, from);
    const piece = pages.slice(from, to);
    yield { pages: piece, bytes: shadow.read(piece) };
    from = to;
  }
}

function pieceEnd(pages: readonly number[], from: number): number {
  const max = Math.min(from + PIECE_PAGES_MAX, pages.length);
  const last = Math.floor((pages[max - 1] as number) / CHUNK_PAGES);
  let to = max;
  while (to > from && Math.floor((pages[to - 1] as number) / CHUNK_PAGES) === last) to--;
  return max < pages.length && to - from >= PIECE_PAGES_MAX / 2 ? to : max;
}
