/**
 * Frames: how payloads lie one behind the other on disk and on the wire. Eleven bytes of head, then
 * the payload. The head has a check of its own, because a length that has changed would otherwise
 * look exactly like a file that ends too early, and damage must never pass for a torn tail.
 *
 * offset 0  u8   type
 *        1  u32  payload length, big-endian
 *        5  u16  CRC-16/CCITT of bytes 0..4
 *        7  u32  CRC-32 of the payload
 *       11       payload
 */

import { crc32 } from './checksum.ts';
import { demand } from './faults.ts';

/** Frame types are letters, so that a hex dump of a log can be read by eye. */
export const FRAME = {
  /** H */
  header: 0x48,
  /** I, an image or another blob */
  blob: 0x49,
  /** B */
  batch: 0x42,
  /** S */
  seal: 0x53,
} as const;
export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Frames of snapshot files (snapshot.ts). In a log they are damage, and a log's frames are in them. */
export const SNAPSHOT_FRAME = {
  /** C, a checkpoint: what the snapshot is of */
  head: 0x43,
  /** P */
  pages: 0x50,
  /** E */
  end: 0x45,
} as const;
export type SnapshotFrameType = (typeof SNAPSHOT_FRAME)[keyof typeof SNAPSHOT_FRAME];

/** Frames of sealed files (sealing.ts), behind a header or head that says so. */
export const SEALED_FRAME = {
  /** K: with which key the frames behind it are sealed, and where they go on */
  key: 0x4b,
  /** X: bytes of the file that is sealed, encrypted */
  bytes: 0x58,
} as const;
export type SealedFrameType = (typeof SEALED_FRAME)[keyof typeof SEALED_FRAME];
export type AnyFrameType = FrameType | SnapshotFrameType | SealedFrameType;

export const FRAME_HEAD_BYTES = 11;
/** Bytes of the head that the check covers and ends in: as soon as these are here, it is tested. */
const CHECKED_BYTES = 7;

/** `bytes` is the whole frame, `payload` its end; both alias what was pushed into the reader. */
export interface Frame<T extends AnyFrameType = FrameType> {
  readonly type: T;
  /** Of the frame's first byte, counted from the first byte pushed. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
}

export type FrameResult<T extends AnyFrameType = FrameType> =
  | { readonly type: 'frame'; readonly frame: Frame<T> }
  /** The next frame is not complete; push more, or the input ends in a torn frame (or at its end). */
  | { readonly type: 'more' }
  /** Final: a reader that met damage finds no frame after it. */
  | { readonly type: 'damaged'; readonly offset: number; readonly reason: string };

type Damage = Extract<FrameResult, { readonly type: 'damaged' }>;

const MORE = { type: 'more' } as const;

const CRC16_TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, index) => {
  let value = index << 8;
  for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value & 0x8000 ? 0x1021 : 0);
  return value & 0xffff;
});

/** Starts at ones, so that eleven zero bytes are no valid head. */
function headCheck(head: Uint8Array): number {
  let check = 0xffff;
  for (let at = 0; at < 5; at++) {
    const byte = head[at] ?? 0;
    check = ((check << 8) ^ (CRC16_TABLE[(check >>> 8) ^ byte] ?? 0)) & 0xffff;
  }
  return check;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** One whole frame in bytes of its own; `payload` is copied, and `rest` behind it. */
export function encodeFrame(
  type: AnyFrameType,
  payload: Uint8Array,
  rest: Uint8Array = NOTHING,
): Uint8Array {
  const length = payload.length + rest.length;
  demand(length <= 0xffffffff, 'a payload length fits 32 bits');
  const bytes = new Uint8Array(FRAME_HEAD_BYTES + length);
  const head = view(bytes);
  head.setUint8(0, type);
  head.setUint32(1, length);
  head.setUint16(5, headCheck(bytes));
  bytes.set(payload, FRAME_HEAD_BYTES);
  bytes.set(rest, FRAME_HEAD_BYTES + payload.length);
  head.setUint32(7, crc32(bytes.subarray(FRAME_HEAD_BYTES)));
  return bytes;
}

const NOTHING: Uint8Array = new Uint8Array();
const LOG_FRAMES: readonly FrameType[] = Object.values(FRAME);

export interface PeekedFrame<T extends AnyFrameType> {
  readonly type: T;
  readonly frameBytes: number;
}

function isOneOf<T extends AnyFrameType>(value: number, types: readonly T[]): value is T {
  return types.some((type) => type === value);
}

/**
 * Reads the length of the frame whose head starts `bytes`, for tools that skip payloads. Returns
 * undefined when the head is short or damaged, or of another type than `types`, those of a log if not
 * said.
 */
export function peekFrame(bytes: Uint8Array): PeekedFrame<FrameType> | undefined;
export function peekFrame<T extends AnyFrameType>(
  bytes: Uint8Array,
  types: readonly T[],
): PeekedFrame<T> | undefined;
export function peekFrame(
  bytes: Uint8Array,
  types: readonly AnyFrameType[] = LOG_FRAMES,
): PeekedFrame<AnyFrameType> | undefined {
  if (bytes.length < FRAME_HEAD_BYTES) return undefined;
  const head = view(bytes);
  const type = head.getUint8(0);
  if (head.getUint16(5) !== headCheck(bytes) || !isOneOf(type, types)) return undefined;
  return { type, frameBytes: FRAME_HEAD_BYTES + head.getUint32(1) };
}

export interface FrameReaderOptions<T extends AnyFrameType> {
  readonly offset?: number;
  readonly types?: readonly T[];
}

/**
 * Finds frames in bytes that arrive in pieces of any size. Chunks pushed are kept by reference until
 * the frames in them have been read, and frames alias them: a chunk must not be written to again.
 * A frame that spans chunks is put together once, when all of it is here, so that neither a lying
 * length nor many small pieces cost more than the bytes received.
 */
export class FrameReader<T extends AnyFrameType = FrameType> {
  readonly #limitBytes: number;
  readonly #types: readonly AnyFrameType[];
  readonly #chunks: Uint8Array[] = [];
  /** Bytes of `#chunks[0]` already given out. */
  #skip = 0;
  #available = 0;
  #offset = 0;
  #damage: Damage | undefined;

  /**
   * `limitBytes`: longest payload accepted; a longer one is damage (or an attack). `offset`: of the
   * first byte that will be pushed, for who starts in the middle of a file. `types`: the frames that
   * may come, those of a log if not said; any other is damage.
   */
  constructor(limitBytes: number, options: FrameReaderOptions<T> = {}) {
    this.#limitBytes = limitBytes;
    this.#offset = options.offset ?? 0;
    this.#types = options.types ?? LOG_FRAMES;
  }

  /** Offset of the first byte not yet given out in a frame. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes pushed and not yet given out: at the end of the input, the size of the torn tail. */
  get pending(): number {
    return this.#available;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#available += chunk.length;
  }

  /** The next frame, if it is complete and intact. */
  next(): FrameResult<T> {
    if (this.#damage) return this.#damage;
    if (this.#available < CHECKED_BYTES) return MORE;
    const bytes = this.#peek(Math.min(this.#available, FRAME_HEAD_BYTES));
    const head = view(bytes);
    if (head.getUint16(5) !== headCheck(bytes)) return this.#damaged('bad check of a frame head');
    const type = head.getUint8(0);
    if (!this.#isExpected(type)) return this.#damaged('unknown frame type');
    const length = head.getUint32(1);
    if (length > this.#limitBytes) return this.#damaged('frame longer than the limit');
    if (this.#available < FRAME_HEAD_BYTES + length) return MORE;
    const frame = this.#peek(FRAME_HEAD_BYTES + length);
    const payload = frame.subarray(FRAME_HEAD_BYTES);
    if (head.getUint32(7) !== crc32(payload)) return this.#damaged('bad CRC of a frame');
    const offset = this.#offset;
    this.#drop(frame.length);
    return { type: 'frame', frame: { type, offset, bytes: frame, payload } };
  }

  #isExpected(type: number): type is T {
    return this.#types.some((one) => one === type);
  }

  #damaged(reason: string): Damage {
    this.#damage = { type: 'damaged', offset: this.#offset, reason };
    return this.#damage;
  }

  /** The next `length` bytes, which are there: aliased if they lie in one chunk, else copied. */
  #peek(length: number): Uint8Array {
    const first = this.#chunks[0];
    if (first && first.length - this.#skip >= length) {
      return first.subarray(this.#skip, this.#skip + length);
    }
    const joined = new Uint8Array(length);
    let filled = 0;
    let skip = this.#skip;
    for (const chunk of this.#chunks) {
      const part = chunk.subarray(skip, skip + length - filled);
      joined.set(part, filled);
      filled += part.length;
      skip = 0;
      if (filled === length) break;
    }
    return joined;
  }

  #drop(length: number): void {
    this.#offset += length;
    this.#available -= length;
    let left = length;
    let whole = 0;
    for (const chunk of this.#chunks) {
      const rest = chunk.length - this.#skip;
      if (left < rest) break;
      left -= rest;
      this.#skip = 0;
      whole++;
    }
    this.#skip += left;
    if (whole > 0) this.#chunks.splice(0, whole);
  }
}
