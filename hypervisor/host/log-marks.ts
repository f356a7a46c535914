/**
 * Remembers where some of the newest batches of a log that is being written begin, so that a reader who
 * wants its end finds it without reading a whole segment. Sparse and bounded: what is older is found
 * through the headers of segments.
 */

import { asLsn, type Lsn } from '../../log-format/index.ts';

/** Bytes of a segment between two marks: about a read. */
const SPACING_BYTES = 262_144;
/** Marks kept: 256 MiB of log, a few times what a link's window holds. */
const MARKS_MAX = 1024;

/** A place in a segment's file where a frame begins. */
export interface LogPlace {
  readonly segment: number;
  readonly offset: number;
}

/** Behind the record `lsn`. */
interface Mark extends LogPlace {
  readonly lsn: Lsn;
}

export class LogMarks {
  #marks: Mark[] = [];

  /** The next batch begins at `place`, behind record `lsn`. */
  note(lsn: Lsn, { segment, offset }: LogPlace): void {
    const last = this.#marks.at(-1);
    if (last?.segment === segment && offset - last.offset < SPACING_BYTES) return;
    if (this.#marks.length >= MARKS_MAX) this.#marks = this.#marks.slice(MARKS_MAX / 4);
    this.#marks.push({ lsn: asLsn(lsn), segment, offset });
  }

  /** The newest place behind which all records above `lsn` lie, and that is at or before `written`. */
  before(lsn: Lsn, written: LogPlace): LogPlace | undefined {
    return this.#marks.findLast((mark) => mark.lsn <= lsn && !isBehind(mark, written));
  }
}

function isBehind(one: LogPlace, other: LogPlace): boolean {
  return (
    one.segment > other.segment || (one.segment === other.segment && one.offset > other.offset)
  );
}
