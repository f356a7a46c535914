/** Where each batch of a log lies, as arrays of numbers: 24 bytes a batch instead of an object. */

import { asLsn, type Lsn } from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';

export interface BatchPlace {
  readonly segment: number;
  /** In the segment's file, of the frame; `bytes` is the frame's length. */
  readonly offset: number;
  readonly bytes: number;
  readonly firstLsn: Lsn;
}

const COUNT_AT_FIRST = 1024;

export class BatchPlaces {
  #count = 0;
  #segments = new Uint32Array(COUNT_AT_FIRST);
  #offsets = new Float64Array(COUNT_AT_FIRST);
  #bytes = new Uint32Array(COUNT_AT_FIRST);
  #firstLsns = new Float64Array(COUNT_AT_FIRST);
  #lastLsn: Lsn;

  /** `firstLsn`: of the first batch to come. */
  constructor(firstLsn: Lsn) {
    this.#lastLsn = asLsn(firstLsn - 1);
  }

  get count(): number {
    return this.#count;
  }

  get lastLsn(): Lsn {
    return this.#lastLsn;
  }

  /** The next batch, of records up to `lastLsn`. */
  push(place: BatchPlace, lastLsn: Lsn): void {
    if (this.#count === this.#segments.length) this.#grow();
    const at = this.#count++;
    this.#segments[at] = place.segment;
    this.#offsets[at] = place.offset;
    this.#bytes[at] = place.bytes;
    this.#firstLsns[at] = place.firstLsn;
    this.#lastLsn = lastLsn;
  }

  at(index: number): BatchPlace {
    const text = 'a batch asked for exists';
    return {
      segment: defined(this.#segments[index], text),
      offset: defined(this.#offsets[index], text),
      bytes: defined(this.#bytes[index], text),
      firstLsn: asLsn(defined(this.#firstLsns[index], text)),
    };
  }

  /** Index of the batch that holds `lsn`. */
  find(lsn: Lsn): number | undefined {
    if (this.#count === 0 || lsn > this.#lastLsn || lsn < (this.#firstLsns[0] ?? 0))
      return undefined;
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#firstLsns[middle] ?? 0) <= lsn) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #grow(): void {
    const length = this.#segments.length * 2;
    const [segments, offsets, bytes, lsns] = [
      new Uint32Array(length),
      new Float64Array(length),
      new Uint32Array(length),
      new Float64Array(length),
    ];
    segments.set(this.#segments);
    offsets.set(this.#offsets);
    bytes.set(this.#bytes);
    lsns.set(this.#firstLsns);
    this.#segments = segments;
    this.#offsets = offsets;
    this.#bytes = bytes;
    this.#firstLsns = lsns;
  }
}
