/**
 * Comparing and searching bytes. Runs of bytes are compared as latin1 strings: one code unit is one
 * byte, so order and positions agree, and the engine's native string code does the loop.
 */

import { ENCODING } from '../../log-format/abi.ts';
import { decodeBytes, type EncodingId, encodeText, encodingId } from './buffer-encodings.ts';
import { invalidArgType, unknownEncoding } from './node-errors.ts';

/** Below this length a loop is quicker than making two strings. */
const LOOP_BYTES_MAX = 24;

/** -1, 0 or 1, bytewise and then by length. */
export function compareBytes(a: Uint8Array, b: Uint8Array): -1 | 0 | 1 {
  const common = Math.min(a.length, b.length);
  if (common <= LOOP_BYTES_MAX) {
    for (let i = 0; i < common; i++) {
      const x = a[i] as number;
      const y = b[i] as number;
      if (x !== y) return x < y ? -1 : 1;
    }
    return Math.sign(a.length - b.length) as -1 | 0 | 1;
  }
  const x = decodeBytes(a, ENCODING.latin1);
  const y = decodeBytes(b, ENCODING.latin1);
  if (x === y) return 0;
  return x < y ? -1 : 1;
}

export interface Search {
  readonly forward: boolean;
  readonly offset: unknown;
  readonly encoding: unknown;
}

/** First position at or after which a match may start (last, backwards); -1 when there is none. */
function startOf(length: number, offset: number, needleLength: number, forward: boolean): number {
  if (offset < 0) {
    if (offset + length >= 0) return length + offset;
    return forward || needleLength === 0 ? 0 : -1;
  }
  if (offset + needleLength <= length) return offset;
  if (needleLength === 0) return length;
  return forward ? -1 : length - 1;
}

function findByte(bytes: Uint8Array, byte: number, offset: number, forward: boolean): number {
  const start = startOf(bytes.length, offset, 1, forward);
  if (start === -1 || bytes.length === 0) return -1;
  // The typed array's own methods: Buffer overrides both.
  return forward
    ? Uint8Array.prototype.indexOf.call(bytes, byte, start)
    : Uint8Array.prototype.lastIndexOf.call(bytes, byte, start);
}

function findRun(
  bytes: Uint8Array,
  needle: Uint8Array,
  offset: number,
  forward: boolean,
  encoding: EncodingId,
): number {
  const start = startOf(bytes.length, offset, needle.length, forward);
  if (needle.length === 0) return start;
  if (start === -1 || needle.length > bytes.length) return -1;
  // Before an odd start is rounded down to a unit: what would not fit there is not found, as in Node.
  if (forward && start + needle.length > bytes.length) return -1;
  const wide = encoding === ENCODING.utf16le;
  if (wide && (bytes.length < 2 || needle.length < 2)) return -1;
  if (!wide && needle.length === 1) return findByte(bytes, needle[0] as number, offset, forward);
  const haystack = decodeBytes(bytes, ENCODING.latin1);
  const text = decodeBytes(needle, ENCODING.latin1, 0, wide ? needle.length & ~1 : needle.length);
  const find = (from: number) =>
    forward ? haystack.indexOf(text, from) : haystack.lastIndexOf(text, from);
  if (!wide) return find(start);
  // Two-byte units match at even positions only.
  let at = find(start - (start % 2));
  while (at % 2 === 1) at = find(forward ? at + 1 : at - 1);
  return at;
}

/** `indexOf` and `lastIndexOf` of Buffer, with all of Node's argument forms. */
export function searchBytes(bytes: Uint8Array, value: unknown, search: Search): number {
  const { forward } = search;
  let { offset, encoding } = search;
  if (typeof offset === 'string') {
    encoding = offset;
    offset = undefined;
  }
  let from = Math.trunc(Math.min(Math.max(Number(offset), -0x80000000), 0x7fffffff));
  if (Number.isNaN(from)) from = forward ? 0 : bytes.length;
  if (typeof value === 'number') return findByte(bytes, value & 255, from, forward);
  const id = encoding === undefined ? ENCODING.utf8 : encodingId(encoding);
  if (typeof value === 'string') {
    if (id === undefined) throw unknownEncoding(encoding);
    return findRun(bytes, new Uint8Array(encodeText(value, id)), from, forward, id);
  }
  if (value instanceof Uint8Array) {
    return findRun(bytes, value, from, forward, id ?? ENCODING.utf8);
  }
  throw invalidArgType('value', ['number', 'string', 'Buffer', 'Uint8Array'], value);
}
