/**
 * TextEncoder and TextDecoder (WHATWG Encoding) for utf-8, utf-16le and latin1 under the standard's
 * labels. Bytes become text by the host's intrinsic; here is only what a stream of chunks needs:
 * tails of unfinished characters, the byte order mark, and the fatal mode.
 */

import { ENCODING } from '../../log-format/abi.ts';
import { traps } from '../drivers/traps.ts';
import { decodeBytes } from '../node/buffer-encodings.ts';
import { inspectHook } from '../node/inspect-hook.ts';
import { invalidArgType, invalidThis, nodeError } from '../node/node-errors.ts';
import { validateObject } from '../node/validators.ts';
import { exposeInterface } from './interface.ts';

export class TextEncoder {
  get encoding(): string {
    if (!(this instanceof TextEncoder)) throw invalidThis('TextEncoder');
    return 'utf-8';
  }

  encode(input: unknown = ''): Uint8Array<ArrayBuffer> {
    return new Uint8Array(traps.encode(String(input), ENCODING.utf8));
  }

  /** Writes whole characters while they fit. `read` counts UTF-16 units. */
  encodeInto(source: unknown, target: unknown): { read: number; written: number } {
    if (typeof source !== 'string') throw invalidArgType('src', 'string', source);
    if (!(target instanceof Uint8Array)) throw invalidArgType('dest', 'Uint8Array', target);
    // A byte of room takes at most one unit, so that the rest need not be encoded at all.
    const head = source.slice(0, target.length);
    const bytes = new Uint8Array(traps.encode(head, ENCODING.utf8));
    const cutsPair = head.length < source.length && /[\ud800-\udbff]$/.test(head);
    const tail = cutsPair ? bytes.length - 3 : bytes.length;
    let written = Math.min(tail, target.length);
    while (written > 0 && written < tail && ((bytes[written] as number) & 0xc0) === 0x80) written--;
    target.set(bytes.subarray(0, written));
    const units = decodeBytes(bytes, ENCODING.utf8, 0, written).length;
    return { read: units, written };
  }
}

/** ES2024; the engine has it, the compiler's library does not. */
type WellFormed = string & { toWellFormed(): string };

type Family = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

const labels: Readonly<Record<Family, string>> = {
  'utf-8': 'unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8',
  'utf-16le': 'csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le',
  'utf-16be': 'unicodefffe utf-16be',
  'windows-1252':
    'ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252',
};
const familyByLabel = new Map<string, Family>();
for (const [family, names] of Object.entries(labels)) {
  for (const name of names.split(' ')) familyByLabel.set(name, family as Family);
}

/** windows-1252 differs from latin1 in 0x80..0x9f only. */
const high1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

export interface TextDecoderOptions {
  readonly fatal?: boolean;
  readonly ignoreBOM?: boolean;
}

function bytesOf(input: unknown): Uint8Array {
  if (input === undefined) return new Uint8Array(0);
  if (ArrayBuffer.isView(input)) {
    return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  }
  if (input instanceof ArrayBuffer || input instanceof SharedArrayBuffer)
    return new Uint8Array(input);
  const text =
    'The "list" argument must be an instance of SharedArrayBuffer, ArrayBuffer or ArrayBufferView.';
  throw nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', text);
}

/** Bytes at the end of `bytes` that begin a character and could still become a valid one. */
export function unfinishedUtf8(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= Math.min(3, length); back++) {
    const byte = bytes[length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const need =
      byte >= 0xf0 && byte <= 0xf4
        ? 4
        : byte >= 0xe0 && byte < 0xf0
          ? 3
          : byte >= 0xc2 && byte < 0xe0
            ? 2
            : 0;
    if (need <= back) return 0;
    const second = bytes[length - back + 1];
    return second === undefined || mayFollow(byte, second) ? back : 0;
  }
  return 0;
}

/** Ranges of the second byte that exclude overlong forms, surrogates and what is past U+10FFFF. */
function mayFollow(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second <= 0x9f;
  if (lead === 0xf0) return second >= 0x90;
  if (lead === 0xf4) return second <= 0x8f;
  return true;
}

/** `highAt`: which byte of a unit is its upper one. */
function unfinishedUtf16(bytes: Uint8Array, highAt: 0 | 1): number {
  const odd = bytes.length % 2;
  const lastUnit = bytes.length - odd - 2;
  const high = bytes[lastUnit + highAt];
  const splitsPair = lastUnit >= 0 && high !== undefined && (high & 0xfc) === 0xd8;
  return odd + (splitsPair ? 2 : 0);
}

function swapPairs(bytes: Uint8Array): Uint8Array {
  const swapped = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) swapped[i ^ 1] = bytes[i] as number;
  return swapped;
}

export class TextDecoder {
  readonly #family: Family;
  readonly #fatal: boolean;
  readonly #ignoreBom: boolean;
  #tail: Uint8Array = new Uint8Array(0);
  /** The next text is the first of its stream: a byte order mark in front is no text. */
  #atStart = true;

  constructor(label: unknown = 'utf-8', options: TextDecoderOptions | null = {}) {
    const name = String(label)
      .replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '')
      .toLowerCase();
    if (options !== null)
      validateObject(options, 'options', { allowArray: true, allowFunction: true });
    const family = familyByLabel.get(name);
    if (family === undefined) {
      const text = `The "${String(label)}" encoding is not supported`;
      throw nodeError(RangeError, 'ERR_ENCODING_NOT_SUPPORTED', text);
    }
    this.#family = family;
    this.#fatal = Boolean(options?.fatal);
    this.#ignoreBom = Boolean(options?.ignoreBOM);
  }

  get encoding(): string {
    if (!(#family in this)) throw invalidThis('TextDecoder');
    return this.#family;
  }
  get fatal(): boolean {
    if (!(#family in this)) throw invalidThis('TextDecoder');
    return this.#fatal;
  }
  get ignoreBOM(): boolean {
    if (!(#family in this)) throw invalidThis('TextDecoder');
    return this.#ignoreBom;
  }

  decode(input?: unknown, options: { readonly stream?: boolean } = {}): string {
    if (!(#family in this)) throw invalidThis('TextDecoder');
    const stream = Boolean(options?.stream);
    let bytes = bytesOf(input);
    if (this.#tail.length > 0) {
      const joined = new Uint8Array(this.#tail.length + bytes.length);
      joined.set(this.#tail);
      joined.set(bytes, this.#tail.length);
      bytes = joined;
      this.#tail = new Uint8Array(0);
    }
    if (stream) bytes = this.#holdTail(bytes);
    const text = this.#text(bytes, !stream);
    const hasBom = this.#atStart && !this.#ignoreBom && text.charCodeAt(0) === 0xfeff;
    if (text.length > 0) this.#atStart = false;
    if (!stream) this.#atStart = true;
    return hasBom && this.#family !== 'windows-1252' ? text.slice(1) : text;
  }

  #holdTail(bytes: Uint8Array): Uint8Array {
    const held =
      this.#family === 'utf-8'
        ? unfinishedUtf8(bytes)
        : this.#family === 'windows-1252'
          ? 0
          : unfinishedUtf16(bytes, this.#family === 'utf-16be' ? 0 : 1);
    if (held === 0) return bytes;
    this.#tail = bytes.slice(bytes.length - held);
    return bytes.subarray(0, bytes.length - held);
  }

  #text(bytes: Uint8Array, isLast: boolean): string {
    if (this.#family === 'windows-1252') {
      const text = decodeBytes(bytes, ENCODING.latin1);
      return text.replace(/[\x80-\x9f]/g, (char) => high1252[char.charCodeAt(0) - 0x80] as string);
    }
    if (this.#family === 'utf-8') {
      const text = decodeBytes(bytes, ENCODING.utf8);
      if (this.#fatal && text.includes('\ufffd')) this.#refuseReplaced(bytes, text);
      return text;
    }
    const units = bytes.subarray(0, bytes.length - (bytes.length % 2));
    const isBig = this.#family === 'utf-16be';
    const whole = decodeBytes(isBig ? swapPairs(units) : units, ENCODING.utf16le);
    const wellFormed = (whole as WellFormed).toWellFormed();
    const isBroken = wellFormed !== whole || (isLast && bytes.length % 2 === 1);
    if (isBroken && this.#fatal) this.#refuse();
    return isLast && bytes.length % 2 === 1 ? `${wellFormed}\ufffd` : wellFormed;
  }

  /** U+FFFD is an error unless the input spells it: each well-formed one is the bytes EF BF BD. */
  #refuseReplaced(bytes: Uint8Array, text: string): void {
    const spelled = decodeBytes(bytes, ENCODING.latin1).split('\xef\xbf\xbd').length;
    if (text.split('\ufffd').length !== spelled) this.#refuse();
  }

  #refuse(): never {
    this.#atStart = true;
    this.#tail = new Uint8Array(0);
    const text = `The encoded data was not valid for encoding ${this.#family}`;
    throw nodeError(TypeError, 'ERR_ENCODING_INVALID_ENCODED_DATA', text);
  }
}

/** An object that shows as an instance of `constructor_` with nothing but `members`. */
function shownAs(constructor_: unknown, members: object): object {
  return Object.assign(Object.create({ constructor: constructor_ }), members);
}

exposeInterface(TextEncoder, 'TextEncoder', (self, depth, options) => {
  if (typeof depth === 'number' && depth < 0) return '[Object]';
  // Node shows a bare object here.
  return inspectHook.inspect({ encoding: self.encoding }, options);
});
exposeInterface(TextDecoder, 'TextDecoder', (self, depth, options) => {
  if (typeof depth === 'number' && depth < 0) return '[TextDecoder]';
  const { encoding, fatal, ignoreBOM } = self;
  return inspectHook.inspect(shownAs(TextDecoder, { encoding, fatal, ignoreBOM }), options);
});
