/**
 * Reads a snapshot's bytes in pieces of any size and checks everything that can be checked without
 * unpacking pages: heads and CRCs of frames, every field, their order, the count of pages and the hash
 * chain in the end frame. A snapshot is whole or it is bad: there is no torn tail to go on from.
 */

import { Chain } from './chain.ts';
import { FormatError } from './faults.ts';
import { FrameReader, SNAPSHOT_FRAME, type SnapshotFrameType } from './frame.ts';
import {
  countOf,
  decodePages,
  decodeSnapshotEnd,
  decodeSnapshotHead,
  type PackedPages,
  pagesOf,
  SNAPSHOT_FRAME_BYTES_MAX,
  type SnapshotEnd,
  type SnapshotHead,
} from './snapshot.ts';

export type SnapshotPart =
  | { readonly type: 'head'; readonly head: SnapshotHead }
  /** `packed.bytes` may alias what was pushed. */
  | { readonly type: 'pages'; readonly packed: PackedPages }
  | { readonly type: 'end'; readonly end: SnapshotEnd };

export class SnapshotScan {
  readonly #reader = new FrameReader<SnapshotFrameType>(SNAPSHOT_FRAME_BYTES_MAX, {
    types: Object.values(SNAPSHOT_FRAME),
  });
  readonly #chain = new Chain();
  #head: SnapshotHead | undefined;
  #end: SnapshotEnd | undefined;
  /** First page that may still come: pages ascend through the whole file. */
  #pageNext = 0;
  #pages = 0;

  /** `chunk` is kept by reference until its frames were read. */
  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /** The next part, or undefined when more bytes are needed. Throws a FormatError on any doubt. */
  next(): SnapshotPart | undefined {
    if (this.#end !== undefined && this.#reader.pending > 0)
      throw new FormatError('bytes after the end of a snapshot');
    const result = this.#reader.next();
    if (result.type === 'more') return undefined;
    if (result.type === 'damaged') throw new FormatError(result.reason);
    const { type, payload, bytes } = result.frame;
    if ((type === SNAPSHOT_FRAME.head) !== (this.#head === undefined))
      throw new FormatError('a snapshot has one head, at its beginning');
    const part = this.#part(type, payload);
    this.#chain.update(bytes);
    return part;
  }

  /** Call when all bytes were pushed and read. Throws a FormatError unless the snapshot is whole. */
  finish(): SnapshotEnd {
    if (this.#end === undefined || this.#reader.pending > 0)
      throw new FormatError('a snapshot ends before its end frame');
    return this.#end;
  }

  #part(type: SnapshotFrameType, payload: Uint8Array): SnapshotPart {
    switch (type) {
      case SNAPSHOT_FRAME.head:
        this.#head = decodeSnapshotHead(payload);
        return { type: 'head', head: this.#head };
      case SNAPSHOT_FRAME.pages:
        return { type: 'pages', packed: this.#takePages(decodePages(payload)) };
      case SNAPSHOT_FRAME.end:
        this.#end = this.#takeEnd(decodeSnapshotEnd(payload));
        return { type: 'end', end: this.#end };
    }
  }

  #takePages(packed: PackedPages): PackedPages {
    const first = packed.runs[0];
    const last = packed.runs.at(-1);
    if (first === undefined || last === undefined || first.first < this.#pageNext)
      throw new FormatError('pages of a snapshot out of order');
    this.#pageNext = last.first + last.count;
    if (this.#head === undefined || this.#pageNext > pagesOf(this.#head))
      throw new FormatError('pages beyond the memory of the guest');
    this.#pages += countOf(packed.runs);
    return packed;
  }

  #takeEnd(end: SnapshotEnd): SnapshotEnd {
    if (end.pages !== this.#pages) throw new FormatError('pages of a snapshot are missing');
    if (end.chain !== this.#chain.head)
      throw new FormatError('the end of a snapshot does not fit the frames before it');
    return end;
  }
}
