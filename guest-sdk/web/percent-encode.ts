/** Percent-encoding and its reverse (URL Standard, section 1.3), over UTF-8. */

import { ENCODING } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import { decodeBytes } from '../node/buffer-encodings.ts';
import { wellFormed } from './usv.ts';

function encodeRun(run: string): string {
  let encoded = '';
  for (const byte of new Uint8Array(traps.encode(wellFormed(run), ENCODING.utf8))) {
    encoded += `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
  }
  return encoded;
}

/** `text` with what `unsafe` matches encoded. `unsafe` matches runs and never half a pair. */
export function percentEncode(text: string, unsafe: RegExp): string {
  return text.replace(unsafe, encodeRun);
}

const digit = (unit: number | undefined): number => {
  if (unit === undefined) return -1;
  if (unit >= 48 && unit <= 57) return unit - 48;
  const letter = unit | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
};

/** Decodes what is encoded in `bytes`; a percent sign that begins no escape stays. */
export function percentDecodeBytes(bytes: Uint8Array): Uint8Array {
  const decoded = new Uint8Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i] as number;
    if (byte === 37) {
      const high = digit(bytes[i + 1]);
      const low = digit(bytes[i + 2]);
      if (high >= 0 && low >= 0) {
        byte = high * 16 + low;
        i += 2;
      }
    }
    decoded[length++] = byte;
  }
  return decoded.subarray(0, length);
}

/**
 * The text that `text` encodes; what is no UTF-8 becomes U+FFFD, what is no escape stays. Beside a
 * malformed escape, characters that are not encoded at all count by their low byte, as in Node.
 */
export function percentDecode(text: string): string {
  if (!/%[\da-f]{2}/i.test(text)) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // Malformed somewhere: the built-in refuses the whole of it, Node only repairs.
    const bytes = new Uint8Array(traps.encode(text, ENCODING.latin1));
    return decodeBytes(percentDecodeBytes(bytes), ENCODING.utf8);
  }
}
