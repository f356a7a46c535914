/**
 * Walks MessagePack bytes before anything is built from them, and refuses all that hv never writes:
 * extensions (the decoder would run constructors and generated code for them), 64-bit integers,
 * single floats, deep nesting, and lengths beyond the input. After it, decoding cannot allocate more
 * than the input's size allows, cannot overflow the stack and yields only plain values.
 */

import { FormatError } from './faults.ts';

/** Batches nest four deep (batch, record, backups, name); wire messages carry batches. */
export const NESTING_MAX = 16;

const FIXED_BYTES: Readonly<Record<number, number>> = {
  192: 0, // nil
  194: 0, // false
  195: 0, // true
  203: 8, // float 64
  204: 1, // uint 8
  205: 2, // uint 16
  206: 4, // uint 32
  208: 1, // int 8
  209: 2, // int 16
  210: 4, // int 32
};

/** Width of the length that follows the token: bin and str 8/16/32, array and map 16/32. */
const LENGTH_BYTES: Readonly<Record<number, number>> = {
  196: 1,
  197: 2,
  198: 4,
  217: 1,
  218: 2,
  219: 4,
  220: 2,
  221: 4,
  222: 2,
  223: 4,
};

/** A position in MessagePack bytes. */
class Cursor {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  uint(width: number): number {
    if (this.at + width > this.bytes.length) throw new FormatError('value ends too early');
    let value = 0;
    for (let end = this.at + width; this.at < end; this.at++) {
      value = value * 256 + (this.bytes[this.at] ?? 0);
    }
    return value;
  }

  skip(length: number): void {
    if (length > this.bytes.length - this.at) throw new FormatError('value ends too early');
    this.at += length;
  }

  /** Reads one token and what belongs to it; returns how many values it announces. */
  token(): number {
    const token = this.uint(1);
    if (token < 0x80 || token >= 0xe0) return 0;
    if (token < 0x90) return 2 * (token & 0x0f);
    if (token < 0xa0) return token & 0x0f;
    if (token < 0xc0) {
      this.skip(token & 0x1f);
      return 0;
    }
    const fixed = FIXED_BYTES[token];
    if (fixed !== undefined) {
      this.skip(fixed);
      return 0;
    }
    const width = LENGTH_BYTES[token];
    if (width === undefined) throw new FormatError('value of a type the log does not use');
    const length = this.uint(width);
    if (token >= 222) return 2 * length;
    if (token >= 220) return length;
    this.skip(length);
    return 0;
  }
}

/**
 * Throws a FormatError unless `bytes` are exactly one plain value. Iterative: nesting cannot
 * overflow a stack here, and what passes is too shallow to overflow one later. A count that lies
 * runs into the end of the bytes.
 */
export function scanMessagePack(bytes: Uint8Array): void {
  const cursor = new Cursor(bytes);
  /** Values still to come, per open array or map. */
  const open: number[] = [];
  let left = 1;
  for (;;) {
    const children = cursor.token();
    left--;
    if (children > 0) {
      if (open.length === NESTING_MAX) throw new FormatError('value nested too deeply');
      open.push(left);
      left = children;
    }
    while (left === 0) {
      const outer = open.pop();
      if (outer === undefined) {
        if (cursor.at !== bytes.length) throw new FormatError('bytes after the end of a value');
        return;
      }
      left = outer;
    }
  }
}

/**
 * Number of elements and the first `count` of them, of an array that starts with small non-negative
 * integers; the rest is not looked at.
 */
export function peekArray(
  bytes: Uint8Array,
  count: number,
): { readonly length: number; readonly numbers: readonly number[] } {
  const cursor = new Cursor(bytes);
  const token = cursor.uint(1);
  let length: number;
  if (token >= 0x90 && token < 0xa0) length = token & 0x0f;
  else if (token === 220) length = cursor.uint(2);
  else if (token === 221) length = cursor.uint(4);
  else throw new FormatError('not an array');
  if (length < count) throw new FormatError('array too short');
  const numbers: number[] = [];
  for (let index = 0; index < count; index++) numbers.push(peekNumber(cursor));
  return { length, numbers };
}

function peekNumber(cursor: Cursor): number {
  const token = cursor.uint(1);
  if (token < 0x80) return token;
  if (token === 204) return cursor.uint(1);
  if (token === 205) return cursor.uint(2);
  if (token === 206) return cursor.uint(4);
  if (token === 203) {
    const start = cursor.at;
    cursor.skip(8);
    const at = cursor.bytes.byteOffset + start;
    return new DataView(cursor.bytes.buffer, at, 8).getFloat64(0);
  }
  throw new FormatError('not a position');
}
