/** `atob` and `btoa` (HTML, "Base64 utility methods"; forgiving-base64 of the Infra standard). */

import { ENCODING } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import { missingArgs } from '../node/node-errors.ts';
import { DOMException } from './dom-exception.ts';

function refusal(message: string): DOMException {
  return new DOMException(message, 'InvalidCharacterError');
}

/** Latin1 text of base64 `input`; throws InvalidCharacterError where Buffer would be lenient. */
export function atob(...args: readonly unknown[]): string {
  if (args.length === 0) throw missingArgs('input');
  let text = `${args[0]}`.replace(/[\t\n\f\r ]/g, '');
  if (text.length % 4 === 0) text = text.replace(/={1,2}$/, '');
  if (/[^A-Za-z0-9+/]/.test(text)) throw refusal('Invalid character');
  if (text.length % 4 === 1) throw refusal('The string to be decoded is not correctly encoded.');
  const bytes = traps.encode(text, ENCODING.base64);
  return bytes.byteLength === 0 ? '' : traps.decode(bytes, 0, bytes.byteLength, ENCODING.latin1);
}

/** Base64 of latin1 `input`; throws InvalidCharacterError for a character above U+00FF. */
export function btoa(...args: readonly unknown[]): string {
  if (args.length === 0) throw missingArgs('input');
  const text = `${args[0]}`;
  if (/[^\0-\xff]/.test(text)) throw refusal('Invalid character');
  const bytes = traps.encode(text, ENCODING.latin1);
  return bytes.byteLength === 0 ? '' : traps.decode(bytes, 0, bytes.byteLength, ENCODING.base64);
}
