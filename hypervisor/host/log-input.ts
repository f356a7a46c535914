/**
 * Files of a log for reading, sealed or plain: whoever reads sees the plain bytes, and offsets in them.
 * Throws HV_E_LOG_KEY where the keys of this process do not fit the file.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  type AnyFrameType,
  ENVELOPE_BYTES_MAX,
  FRAME,
  FrameReader,
  isEnvelope,
  SEALED_FILE_FRAMES,
} from '../../log-format/index.ts';
import { FRAME_BYTES_MAX } from '../base/limits.ts';
import { endsBlank } from './blank-tail.ts';
import { logKeyError } from './log-errors.ts';
import { logKeys } from './log-keys.ts';
import { SealedInput } from './sealed-input.ts';

/** Bytes per read. */
const CHUNK_BYTES = 1_048_576;

/** Every operation throws the error of the file system, and a FormatError where a seal does not hold. */
export interface LogInput {
  /** Plain bytes, as the file is now: one that is being written grows. */
  readonly size: number;
  /** Bytes of the file behind those: they are no whole sealed frame. */
  readonly tornBytes: number;
  /** The next bytes at `offset`, one or more, in a buffer that is not written to again; undefined at the end. */
  piece(offset: number): Uint8Array | undefined;
  /** Fills `into` from `offset`; how many bytes there were. */
  read(into: Uint8Array, offset: number): number;
  /** Whether from `offset` on there is nothing but what a power cut left unwritten. */
  endsBlank(offset: number): boolean;
  close(): void;
}

export interface InputOptions {
  /**
   * Only what the file begins with is wanted: of a sealed one nothing is read, or found, behind the first
   * sealed frame. Bytes in it that were cut off since may be among them.
   */
  readonly startOnly?: boolean;
}

/** Opens a file of a log. Throws HV_E_LOG_KEY, or the error of the file system. */
export function openLogInput(path: string, options: InputOptions = {}): LogInput {
  const fd = openSync(path, 'r');
  try {
    const sealed = demandKeys(fd, path) === 'sealed';
    return sealed ? new SealedInput(fd, path, options) : new PlainInput(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Whether the file of a log is sealed. Throws HV_E_LOG_KEY when the keys of this process do not fit that. */
export function demandKeys(fd: number, path: string): 'sealed' | 'plain' {
  const keys = logKeys();
  const found = sealedOrPlain(fd);
  if (found === 'sealed' && keys === undefined) throw logKeyError(path, 'missing');
  if (found === 'plain' && keys?.plain === 'refused') throw logKeyError(path, 'plain');
  return found === 'sealed' ? found : 'plain';
}

/** By its first frame. Nothing can be said of one that is not whole, and nothing has to be. */
function sealedOrPlain(fd: number): 'sealed' | 'plain' | 'unknown' {
  const start = new Uint8Array(ENVELOPE_BYTES_MAX);
  const reader = new FrameReader<AnyFrameType>(FRAME_BYTES_MAX, { types: SEALED_FILE_FRAMES });
  reader.push(start.subarray(0, readSync(fd, start, 0, start.length, 0)));
  const first = reader.next();
  if (first.type === 'frame')
    return isEnvelope(first.frame.type, first.frame.payload) ? 'sealed' : 'plain';
  // An envelope is never longer than that.
  return first.type === 'more' && reader.pending === ENVELOPE_BYTES_MAX ? 'plain' : 'unknown';
}

class PlainInput implements LogInput {
  readonly tornBytes = 0;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get size(): number {
    return fstatSync(this.#fd).size;
  }

  piece(offset: number): Uint8Array | undefined {
    const length = Math.min(CHUNK_BYTES, this.size - offset);
    if (length <= 0) return undefined;
    const chunk = new Uint8Array(length);
    const bytes = this.read(chunk, offset);
    return bytes === 0 ? undefined : chunk.subarray(0, bytes);
  }

  read(into: Uint8Array, offset: number): number {
    return readSync(this.#fd, into, 0, into.length, offset);
  }

  endsBlank(offset: number): boolean {
    const read = (into: Uint8Array, at: number): number => this.read(into, at);
    return endsBlank(read, this.size, { offset, types: Object.values(FRAME) });
  }

  close(): void {
    closeSync(this.#fd);
  }
}
