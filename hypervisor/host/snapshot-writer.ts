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
import type { PageSet } from '../machine/shadow.ts';
import type { Disk } from './disk.ts';
import type { SegmentFile } from './log-segment-file.ts';

/** Name of a snapshot that is being written. */
export const TEMPORARY_SUFFIX = '.tmp';

/** Higher qualities take five times as long for a tenth of the bytes. */
const BROTLI_QUALITY = 1;

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

/** Rejects with the disk's error; the temporary file is then gone, unless the disk refuses that, too. */
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

async function writeFrames(
  { now }: SnapshotTarget,
  file: SegmentFile,
  head: SnapshotHead,
  pieces: Iterable<PageSet>,
): Promise<WrittenSnapshot> {
  const chain = new Chain();
  let bytes = 0;
  let pages = 0;
  let compressMs = 0;
  const write = async (frame: Uint8Array): Promise<void> => {
    await file.write([frame]);
    chain.update(frame);
    bytes += frame.length;
  };
  await write(encodeSnapshotHead(head));
  for (const piece of pieces) {
    const started = now();
    const packed = await packPages(piece);
    compressMs += now() - started;
    pages += piece.pages.length;
    await write(encodePages(packed));
  }
  const end = { pages, chain: chain.head };
  await write(encodeSnapshotEnd(end));
  return { bytes, chain: end.chain, compressMs };
}

async function packPages({ pages, bytes }: PageSet): Promise<PackedPages> {
  const runs = runsOf(pages);
  const packed = await compress(bytes, {
    // One piece of output, hence one trip to the other thread and back.
    chunkSize: bytes.length + SNAPSHOT_PAGE_BYTES,
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

/** Cuts pages into pieces that fit a frame. */
export function* piecesOf({ pages, bytes }: PageSet): Generator<PageSet> {
  for (let from = 0; from < pages.length; from += PIECE_PAGES_MAX) {
    const to = Math.min(from + PIECE_PAGES_MAX, pages.length);
    yield {
      pages: pages.slice(from, to),
      bytes: bytes.subarray(from * SNAPSHOT_PAGE_BYTES, to * SNAPSHOT_PAGE_BYTES),
    };
  }
}

/** The numbered pages of `memory` in pieces that fit a frame, each copied when its turn comes. */
export function* piecesOfMemory(memory: Uint8Array, pages: readonly number[]): Generator<PageSet> {
  for (let from = 0; from < pages.length; from += PIECE_PAGES_MAX) {
    const piece = pages.slice(from, from + PIECE_PAGES_MAX);
    const bytes = new Uint8Array(piece.length * SNAPSHOT_PAGE_BYTES);
    for (const [index, page] of piece.entries()) {
      const at = page * SNAPSHOT_PAGE_BYTES;
      bytes.set(memory.subarray(at, at + SNAPSHOT_PAGE_BYTES), index * SNAPSHOT_PAGE_BYTES);
    }
    yield { pages: piece, bytes };
  }
}
