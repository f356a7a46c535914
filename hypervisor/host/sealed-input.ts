/**
 * Reads a sealed file as the plain bytes in it. Frames are found and their checksums tested in one pass
 * at the first look; a frame is decrypted when its bytes are asked for. Ends like a plain file
 * does: a frame that is not whole at the end is a torn tail, anything else that does not hold is damage.
 */

import { closeSync, fstatSync, readSync } from 'node:fs';
import {
  type AnyFrameType,
  decodeEnvelope,
  decodeKeyFrame,
  FormatError,
  FRAME_HEAD_BYTES,
  type Frame,
  FrameReader,
  SEAL_TAG_BYTES,
  SEALED_FILE_FRAMES,
  SEALED_FRAME,
  sha256,
} from '../../log-format/index.ts';
import { defined } from '../base/assert.ts';
import { SEALED_BYTES_MAX } from '../base/limits.ts';
import { endsBlank } from './blank-tail.ts';
import { SealSession } from './log-cipher.ts';
import { logKeyError } from './log-errors.ts';
import type { InputOptions, LogInput } from './log-input.ts';
import { logKeys } from './log-keys.ts';

/** Bytes per read of the file. */
const CHUNK_BYTES = 262_144;

/** Plain bytes of one frame, as far as they count. */
interface SealedPart {
  readonly offset: number;
  /** Below that of the frame where a later session goes on inside it. */
  readonly length: number;
  /** All of the frame's. */
  readonly lengthSealed: number;
  /** In the file, of the frame; `bytes` is its length. */
  readonly at: number;
  readonly bytes: number;
  readonly session: SealSession;
}

export class SealedInput implements LogInput {
  readonly #fd: number;
  readonly #path: string;
  readonly #startOnly: boolean;
  readonly #reader: FrameReader<AnyFrameType> = new FrameReader<AnyFrameType>(
    SEALED_BYTES_MAX + SEAL_TAG_BYTES,
    { types: SEALED_FILE_FRAMES },
  );
  readonly #parts: SealedPart[] = [];
  #envelopeHash: Uint8Array | undefined;
  #session: SealSession | undefined;
  /** Of the file: read so far, and in whole frames. */
  #readTo = 0;
  #wholeTo = 0;
  /** Plain bytes found so far. */
  #end = 0;
  #damage: FormatError | undefined;
  /** Zeros that a power cut left: nothing more comes. */
  #blank = false;
  /** The part that was asked for last, in plain. */
  #open: { readonly part: SealedPart; readonly bytes: Uint8Array } | undefined;
  #lastIndex = 0;

  /** Takes the descriptor over: `close` closes it. */
  constructor(fd: number, path: string, { startOnly = false }: InputOptions = {}) {
    this.#fd = fd;
    this.#path = path;
    this.#startOnly = startOnly;
  }

  /**
   * Finds the frames in the next piece of the file; false: there is nothing more now. For who must not
   * keep its thread for a whole file: everything else finds all there is.
   */
  findSome(): boolean {
    return this.#findMore({ readsMax: 1 });
  }

  get size(): number {
    this.#findMore();
    return this.#end;
  }

  get tornBytes(): number {
    this.#findMore();
    return this.fileBytes - this.#wholeTo;
  }

  /** Bytes of the file itself. */
  get fileBytes(): number {
    return fstatSync(this.#fd).size;
  }

  /** Bytes of the file in whole frames. */
  get wholeBytes(): number {
    this.#findMore();
    return this.#wholeTo;
  }

  /** For a session that goes on with this file. */
  get envelopeHash(): Uint8Array {
    this.#findMore({ envelopeOnly: true });
    return defined(this.#envelopeHash, 'a sealed file has an envelope');
  }

  /** Throws a FormatError where the file is damaged: at its end, too. */
  piece(offset: number): Uint8Array | undefined {
    const part = this.#partAt(offset);
    if (part === undefined) {
      if (this.#damage !== undefined) throw this.#damage;
      return undefined;
    }
    return this.#plain(part).subarray(offset - part.offset, part.length);
  }

  read(into: Uint8Array, offset: number): number {
    let filled = 0;
    while (filled < into.length) {
      const piece = this.piece(offset + filled);
      if (piece === undefined) break;
      const some = piece.subarray(0, into.length - filled);
      into.set(some, filled);
      filled += some.length;
    }
    return filled;
  }

  /** What is torn lies behind the plain bytes here, never in them. */
  endsBlank(_offset: number): boolean {
    return false;
  }

  /** Where the file ends when the plain bytes end at `offset`, and how many of them that leaves. */
  cutAt(offset: number): { readonly fileBytes: number; readonly size: number } {
    const last = offset === 0 ? undefined : this.#partAt(offset - 1);
    if (last === undefined) return { fileBytes: this.wholeBytes, size: this.size };
    const next = this.#parts.find((part) => part.offset >= last.offset + last.length);
    if (next === undefined) return { fileBytes: this.wholeBytes, size: this.size };
    // What says that the last one counts in part only goes as well.
    return { fileBytes: last.at + last.bytes, size: last.offset + last.lengthSealed };
  }

  close(): void {
    closeSync(this.#fd);
  }

  #partAt(offset: number): SealedPart | undefined {
    if (offset >= this.#end) this.#findMore();
    if (offset >= this.#end) return undefined;
    // Most ask for what comes next.
    for (const index of [this.#lastIndex, this.#lastIndex + 1]) {
      const part = this.#parts[index];
      if (part && offset >= part.offset && offset < part.offset + part.length) {
        this.#lastIndex = index;
        return part;
      }
    }
    let low = 0;
    let high = this.#parts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (defined(this.#parts[middle], 'an index in range').offset <= offset) low = middle;
      else high = middle - 1;
    }
    this.#lastIndex = low;
    return this.#parts[low];
  }

  #plain(part: SealedPart): Uint8Array {
    if (this.#open?.part === part) return this.#open.bytes;
    const frame = new Uint8Array(part.bytes);
    readSync(this.#fd, frame, 0, frame.length, part.at);
    const payload = frame.subarray(FRAME_HEAD_BYTES);
    try {
      const bytes = part.session.unseal(payload, part.offset);
      this.#open = { part, bytes };
      return bytes;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw this.#fault(error.message, part.at);
    }
  }

  /**
   * All frames there are now, for a later one may say that an earlier one is void. True: `readsMax` has
   * ended it before.
   */
  #findMore({
    envelopeOnly = false,
    readsMax = Number.POSITIVE_INFINITY,
  }: {
    readonly envelopeOnly?: boolean;
    readonly readsMax?: number;
  } = {}): boolean {
    for (let reads = 0; this.#damage === undefined && !this.#blank; ) {
      if (envelopeOnly && this.#envelopeHash !== undefined) return false;
      if (this.#startOnly && this.#parts.length > 0) return false;
      const result = this.#reader.next();
      if (result.type === 'damaged') {
        this.#damaged(result.reason, result.offset);
      } else if (result.type === 'more') {
        if (reads === readsMax) return true;
        reads += 1;
        if (!this.#readOn()) return false;
      } else {
        try {
          this.#take(result.frame);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
          this.#damage = this.#fault(error.message, result.frame.offset);
          return false;
        }
        this.#wholeTo = result.frame.offset + result.frame.bytes.length;
      }
    }
    return false;
  }

  #readOn(): boolean {
    const chunk = new Uint8Array(CHUNK_BYTES);
    const bytes = readSync(this.#fd, chunk, 0, chunk.length, this.#readTo);
    this.#readTo += bytes;
    this.#reader.push(chunk.subarray(0, bytes));
    return bytes > 0;
  }

  #damaged(reason: string, offset: number): void {
    const read = (into: Uint8Array, at: number): number =>
      readSync(this.#fd, into, 0, into.length, at);
    this.#blank = endsBlank(read, this.fileBytes, { offset, types: SEALED_FILE_FRAMES });
    if (!this.#blank) this.#damage = this.#fault(reason, offset);
  }

  #fault(reason: string, at: number): FormatError {
    return new FormatError(`${reason} (byte ${at} of the sealed file)`);
  }

  #take(frame: Frame<AnyFrameType>): void {
    const { type, payload, offset: at, bytes } = frame;
    if (this.#envelopeHash === undefined) {
      decodeEnvelope(type, payload);
      this.#envelopeHash = sha256(bytes);
      return;
    }
    if (type === SEALED_FRAME.key) {
      this.#begin(payload, this.#envelopeHash);
      return;
    }
    if (type !== SEALED_FRAME.bytes || this.#session === undefined)
      throw new FormatError('a frame that does not belong into a sealed file');
    const length = payload.length - SEAL_TAG_BYTES;
    if (length <= 0) throw new FormatError('a sealed frame without bytes');
    const session = this.#session;
    this.#parts.push({
      offset: this.#end,
      length,
      lengthSealed: length,
      at,
      bytes: bytes.length,
      session,
    });
    this.#end += length;
  }

  #begin(payload: Uint8Array, envelopeHash: Uint8Array): void {
    const frame = decodeKeyFrame(payload);
    const key = logKeys()?.keys.find(({ id }) => id === frame.keyId);
    if (key === undefined) throw logKeyError(this.#path, 'wrong', frame.keyId);
    if (frame.offset > this.#end) throw new FormatError('sealed bytes are missing');
    this.#session = SealSession.open(key, envelopeHash, frame);
    if (frame.offset < this.#end) this.#void(frame.offset);
  }

  /** What lies at `offset` and behind was cut off when the session began. */
  #void(offset: number): void {
    for (let last = this.#parts.at(-1); last !== undefined; last = this.#parts.at(-1)) {
      if (last.offset + last.length <= offset) break;
      this.#parts.pop();
      if (last.offset < offset) this.#parts.push({ ...last, length: offset - last.offset });
    }
    this.#end = offset;
    this.#open = undefined;
    this.#lastIndex = 0;
  }
}
