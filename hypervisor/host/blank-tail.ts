/** Ends of files that a power cut left unwritten: sectors of zeros. */

import type { PeekedFrame } from '../../log-format/index.ts';
import { type AnyFrameType, FRAME_HEAD_BYTES, peekFrame } from '../../log-format/index.ts';

/** What disks write as a whole, at least. */
const SECTOR_BYTES = 512;
/** Bytes per read. */
const CHUNK_BYTES = 1_048_576;

/** Bytes at a place of a file; how many there were. */
export type ReadAt = (into: Uint8Array, offset: number) => number;

/**
 * Whether the file ends in sectors that were allocated and never written, as after a power cut: from
 * `offset` on, where a frame would begin, or from a sector inside that frame.
 */
export function endsBlank(
  read: ReadAt,
  size: number,
  at: { readonly offset: number; readonly types: readonly AnyFrameType[] },
): boolean {
  const { offset } = at;
  const used = usedTo(read, offset, size);
  if (used === offset) return size > offset;
  const head = new Uint8Array(FRAME_HEAD_BYTES);
  read(head, offset);
  const frame: PeekedFrame<AnyFrameType> | undefined = peekFrame(head, at.types);
  const end = offset + (frame?.frameBytes ?? FRAME_HEAD_BYTES);
  return Math.ceil(used / SECTOR_BYTES) * SECTOR_BYTES < Math.min(size, end);
}

/** Offset behind the last byte that is not zero; `from` if there is none behind that. */
function usedTo(read: ReadAt, from: number, size: number): number {
  const chunk = new Uint8Array(Math.max(1, Math.min(CHUNK_BYTES, size - from)));
  let used = from;
  for (let at = from; ; ) {
    const bytes = read(chunk, at);
    if (bytes === 0) return used;
    const last = chunk.subarray(0, bytes).findLastIndex((byte) => byte !== 0);
    if (last >= 0) used = at + last + 1;
    at += bytes;
  }
}
