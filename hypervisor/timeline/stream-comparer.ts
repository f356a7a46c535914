/**
 * Compares one stream of two runs byte by byte as it grows, and keeps only what one side is ahead:
 * bytes both sides have sent are dropped at once. How the bytes were cut into writes never matters.
 */

import { REFEED_AHEAD_BYTES_MAX } from '../base/limits.ts';
import type { Place } from './guest-state.ts';
import { type Piece, TextMask } from './text-mask.ts';

export type Side = 'recorded' | 'replayed';

/** How a guest ended its half of a connection. */
export type Closing = 'end' | 'reset';

/** One side of a stream where it differs. */
export interface StreamSide {
  /** Of the first differing byte in the stream as sent; the stream's length when it has no more. */
  readonly offset: number;
  /** The input after which that byte was sent; undefined: never. */
  readonly place: Place | undefined;
  /** A few bytes from the difference on. */
  readonly after: Uint8Array;
  /** Bytes sent in all. */
  readonly bytes: number;
  readonly closing: Closing | undefined;
}

export interface StreamDifference {
  /**
   * `bytes`: both have a byte there, another one. `longer`: one side ends where the other goes on.
   * `ahead`: one side was so far ahead that the rest was not compared. `closing`: the bytes are the
   * same, the end is not.
   */
  readonly kind: 'bytes' | 'longer' | 'ahead' | 'closing';
  /** The first sign of it. */
  readonly first: Place;
  /** A few bytes before the difference, the same on both sides. */
  readonly before: Uint8Array;
  readonly recorded: StreamSide;
  readonly replayed: StreamSide;
}

/** Bytes shown on either side of a difference. */
const BEFORE_BYTES = 40;
const AFTER_BYTES = 60;

interface Half {
  readonly mask: TextMask | undefined;
  /** Sent and not yet matched, oldest first. */
  pieces: Piece[];
  pending: number;
  bytes: number;
  closing: Closing | undefined;
  closedAt: Place | undefined;
  over: boolean;
}

export class StreamComparer {
  readonly #halves: Readonly<Record<Side, Half>>;
  #before: Uint8Array = new Uint8Array();
  #found: 'bytes' | 'ahead' | undefined;

  /** `pattern`: text that does not count, see `maskPattern`. */
  constructor(pattern: RegExp | undefined) {
    const half = (side: Side): Half => ({
      mask: pattern && new TextMask(pattern, (piece) => this.#take(side, piece)),
      pieces: [],
      pending: 0,
      bytes: 0,
      closing: undefined,
      closedAt: undefined,
      over: false,
    });
    this.#halves = { recorded: half('recorded'), replayed: half('replayed') };
  }

  /** `bytes` are kept as long as the other side has not sent the same; do not change them. */
  write(side: Side, bytes: Uint8Array, place: Place): void {
    const half = this.#halves[side];
    const offset = half.bytes;
    half.bytes += bytes.length;
    if (half.mask !== undefined) half.mask.write(bytes, place);
    else if (bytes.length > 0) this.#take(side, { bytes, offset, place });
  }

  /** The guest ended its half. The first way counts, except that a reset overrides. */
  close(side: Side, how: Closing, place: Place): void {
    const half = this.#halves[side];
    if (half.closing === how || half.closing === 'reset') return;
    half.closing = how;
    half.closedAt = place;
  }

  /** Nothing more will be sent on `side`. */
  finish(side: Side): void {
    const half = this.#halves[side];
    if (half.over) return;
    half.over = true;
    half.mask?.end();
  }

  /** Both sides are finished: `result` is final. */
  get over(): boolean {
    return this.#halves.recorded.over && this.#halves.replayed.over;
  }

  /** Bytes sent on `side` so far. */
  sent(side: Side): number {
    return this.#halves[side].bytes;
  }

  /** Call when both sides are finished. Undefined: no difference. */
  result(): StreamDifference | undefined {
    const { recorded, replayed } = this.#halves;
    const kind = this.#found ?? this.#unequalEnd();
    if (kind === undefined) return undefined;
    const places = [recorded, replayed].flatMap((half) => {
      const place = kind === 'closing' ? half.closedAt : half.pieces[0]?.place;
      return place === undefined ? [] : [place];
    });
    const [first] = places.sort((a, b) => a.lsn - b.lsn || a.time - b.time);
    if (first === undefined) return undefined;
    return {
      kind,
      first,
      before: this.#before,
      recorded: sideOf(recorded),
      replayed: sideOf(replayed),
    };
  }

  #unequalEnd(): 'longer' | 'closing' | undefined {
    const { recorded, replayed } = this.#halves;
    if (recorded.pending + replayed.pending > 0) return 'longer';
    return recorded.closing === replayed.closing ? undefined : 'closing';
  }

  #take(side: Side, piece: Piece): void {
    const half = this.#halves[side];
    // Once they differ only the window matters.
    if (this.#found !== undefined && half.pending >= AFTER_BYTES) return;
    half.pieces.push(piece);
    half.pending += piece.bytes.length;
    if (this.#found === undefined) this.#match();
    if (this.#found === undefined && half.pending > REFEED_AHEAD_BYTES_MAX) this.#found = 'ahead';
    if (this.#found !== undefined) for (const one of Object.values(this.#halves)) shorten(one);
  }

  #match(): void {
    const { recorded, replayed } = this.#halves;
    for (;;) {
      const [left] = recorded.pieces;
      const [right] = replayed.pieces;
      if (left === undefined || right === undefined) return;
      const length = Math.min(left.bytes.length, right.bytes.length);
      let same = 0;
      while (same < length && left.bytes[same] === right.bytes[same]) same += 1;
      if (same > 0) this.#before = tail(this.#before, left.bytes.subarray(0, same));
      drop(recorded, same);
      drop(replayed, same);
      if (same < length) {
        this.#found = 'bytes';
        return;
      }
    }
  }
}

/** Takes `count` bytes off the first piece. */
function drop(half: Half, count: number): void {
  const [first] = half.pieces;
  if (first === undefined || count === 0) return;
  half.pending -= count;
  if (count === first.bytes.length) half.pieces.shift();
  else
    half.pieces[0] = {
      bytes: first.bytes.subarray(count),
      offset: first.offset + count,
      place: first.place,
    };
}

/** Lets go of all but the window, and of the buffers behind it. */
function shorten(half: Half): void {
  const kept: Piece[] = [];
  let bytes = 0;
  for (const piece of half.pieces) {
    if (bytes >= AFTER_BYTES) break;
    kept.push({ ...piece, bytes: piece.bytes.slice(0, AFTER_BYTES) });
    bytes += piece.bytes.length;
  }
  half.pieces = kept;
  half.pending = bytes;
}

function tail(before: Uint8Array, fresh: Uint8Array): Uint8Array {
  if (fresh.length >= BEFORE_BYTES) return fresh.slice(-BEFORE_BYTES);
  const kept = before.subarray(Math.max(0, before.length + fresh.length - BEFORE_BYTES));
  const joined = new Uint8Array(kept.length + fresh.length);
  joined.set(kept);
  joined.set(fresh, kept.length);
  return joined;
}

function sideOf(half: Half): StreamSide {
  const [first] = half.pieces;
  const after = new Uint8Array(Math.min(AFTER_BYTES, half.pending));
  let at = 0;
  for (const { bytes } of half.pieces) {
    const part = bytes.subarray(0, after.length - at);
    after.set(part, at);
    at += part.length;
  }
  return {
    offset: first?.offset ?? half.bytes,
    place: first?.place,
    after,
    bytes: half.bytes,
    closing: half.closing,
  };
}
