/**
 * Names of text encodings and the two directions between text and bytes. The work is done by the
 * host's stateless intrinsics: a loop over bytes costs the guest about a thousand times as much.
 */

import { ENCODING } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';

/** A value of ENCODING. */
export type EncodingId = (typeof ENCODING)[keyof typeof ENCODING];

const idsByName = new Map<string, EncodingId>([
  ['utf8', ENCODING.utf8],
  ['utf-8', ENCODING.utf8],
  ['hex', ENCODING.hex],
  ['base64', ENCODING.base64],
  ['base64url', ENCODING.base64url],
  ['latin1', ENCODING.latin1],
  ['binary', ENCODING.latin1],
  ['ascii', ENCODING.ascii],
  ['ucs2', ENCODING.utf16le],
  ['ucs-2', ENCODING.utf16le],
  ['utf16le', ENCODING.utf16le],
  ['utf-16le', ENCODING.utf16le],
]);

/** The id of an encoding's name in any case; undefined for a name Node does not know either. */
export function encodingId(name: unknown): EncodingId | undefined {
  const text = typeof name === 'string' ? name : String(name);
  return idsByName.get(text) ?? idsByName.get(text.toLowerCase());
}

/** Fresh bytes of `text`, owned by the caller. Lone surrogates become U+FFFD in utf8. */
export function encodeText(text: string, encoding: EncodingId): ArrayBuffer {
  return traps.encode(text, encoding);
}

/** Text of `bytes[start, end)`. */
export function decodeBytes(
  bytes: Uint8Array,
  encoding: EncodingId,
  start = 0,
  end: number = bytes.length,
): string {
  if (end <= start) return '';
  return traps.decode(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, end - start, encoding);
}

/** Bytes `text` would have; for base64 and hex an upper bound computed from its length, as in Node. */
export function encodedLength(text: string, encoding: EncodingId): number {
  const { length } = text;
  switch (encoding) {
    case ENCODING.utf8:
      return traps.byteLength(text);
    case ENCODING.latin1:
    case ENCODING.ascii:
      return length;
    case ENCODING.utf16le:
      return length * 2;
    case ENCODING.hex:
      return length >>> 1;
    default: {
      let digits = length;
      if (text.endsWith('=')) digits--;
      if (digits > 1 && text[digits - 1] === '=') digits--;
      return Math.floor((digits * 3) / 4);
    }
  }
}

/** Largest cut of utf8 `bytes` at or below `limit` that splits no character. */
export function wholeUtf8(bytes: Uint8Array, limit: number): number {
  if (limit >= bytes.length) return bytes.length;
  let cut = limit;
  while (cut > 0 && ((bytes[cut] as number) & 0xc0) === 0x80) cut--;
  return cut;
}
