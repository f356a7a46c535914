/** The files of a log on disk: which there are, and reading one from start to end. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import type { Disk } from './disk.ts';
import { segmentName, segmentNumber } from './log-cursor.ts';
import { logDamageError } from './log-errors.ts';
import { type InputOptions, type LogInput, openLogInput } from './log-input.ts';

export interface LogFiles {
  /** The file of a segment, whether it exists or not. */
  readonly path: (segment: number) => string;
  readonly dir: string;
  /** Number of the first segment: above 1 in a log that was trimmed or forked. */
  readonly first: number;
  /** Where header and blobs are, when the first segment is not there. */
  readonly beginning: string | undefined;
}

/**
 * Header and blobs of a log whose first segments are gone: what a trimmed log and a fork begin with.
 * Its first records are found by their checkpoint (snapshot-reader.ts).
 */
export const BEGINNING_FILE = 'beginning.hvlog';

/**
 * Finds the segments of the log at `path`: a directory of them, or one `.hvlog` file that is a whole
 * log. Throws HV_E_LOG_NOT_FOUND, or HV_E_LOG_DAMAGED when a segment between others is missing.
 */
export function findLog(path: string): LogFiles {
  if (!isDirectory(path)) {
    // The names of later segments lie below a file: they cannot exist, as it should be.
    const later = (segment: number): string => join(path, segmentName(segment));
    return {
      dir: dirname(path),
      path: (segment) => (segment === 1 ? path : later(segment)),
      first: 1,
      beginning: undefined,
    };
  }
  const dir = path;
  const numbers = segmentNumbers(dir);
  if (numbers.length === 0) throw notFound(`there is no log in ${dir}`);
  const beginning = join(dir, BEGINNING_FILE);
  const first = existsSync(beginning) ? firstOfSuffix(numbers) : 1;
  for (const [index, number] of numbers.filter((one) => one >= first).entries()) {
    if (number === first + index) continue;
    const file = join(dir, segmentName(first + index));
    throw logDamageError({ file, offset: 0, lsn: 0 }, 'this segment is missing');
  }
  return {
    dir,
    path: (segment) => join(dir, segmentName(segment)),
    first,
    beginning: first > 1 ? beginning : undefined,
  };
}

/**
 * Where the last run of numbers without a gap begins. Trimming removes segments from the front; a
 * power cut may bring back any of them, the first one too, and those belong to nothing any more.
 */
function firstOfSuffix(numbers: readonly number[]): number {
  let first = defined(numbers.at(-1), 'there is a segment');
  for (const number of [...numbers].reverse()) if (number === first - 1) first = number;
  return first;
}

/** Numbers of the segment files in `dir`, ascending. */
export function segmentNumbers(dir: string, disk?: Disk): readonly number[] {
  const numbers: number[] = [];
  for (const name of disk?.list(dir) ?? readdirSync(dir)) {
    const number = segmentNumber(name);
    if (number !== undefined) numbers.push(number);
  }
  return numbers.sort((one, two) => one - two);
}

/** Bytes of the segments from `first` on, as they are now. */
export function logBytes(dir: string, first: number): number {
  let bytes = 0;
  for (const number of segmentNumbers(dir))
    if (number >= first) bytes += statSync(join(dir, segmentName(number))).size;
  return bytes;
}

function isDirectory(path: string): boolean {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) return true;
    if (stat.isFile()) return false;
  } catch (error) {
    throw notFound(`there is no log at ${path}`, error);
  }
  throw notFound(`${path} is neither a directory nor a file`);
}

function notFound(text: string, cause?: unknown): HvError {
  return new HvError('HV_E_LOG_NOT_FOUND', text, { cause });
}

/** A segment's file, read once from start to end. */
export class SegmentInput {
  readonly #input: LogInput;
  #offset: number;

  /** Reads from `offset`. Throws HV_E_LOG_NOT_FOUND when the file cannot be opened, and HV_E_LOG_KEY. */
  constructor(
    path: string,
    { offset = 0, ...options }: InputOptions & { readonly offset?: number } = {},
  ) {
    this.#offset = offset;
    try {
      this.#input = openLogInput(path, options);
    } catch (error) {
      if (error instanceof HvError) throw error;
      throw notFound(`the log ${path} cannot be opened`, error);
    }
  }

  /** Bytes of the file now, a torn end included; a log that is being written grows. */
  get size(): number {
    return this.#input.size + this.#input.tornBytes;
  }

  /**
   * The next bytes, in a buffer of their own; undefined at the end as it is now. Throws a FormatError
   * where a seal does not hold.
   */
  read(): Uint8Array | undefined {
    const piece = this.#input.piece(this.#offset);
    this.#offset += piece?.length ?? 0;
    return piece;
  }

  /**
   * Whether the file ends in sectors that were allocated and never written, as after a power cut: from
   * `offset` on, where a frame would begin, or from a sector inside that frame.
   */
  endsBlank(offset: number): boolean {
    return this.#input.endsBlank(offset);
  }

  close(): void {
    this.#input.close();
  }
}
