/** Distinguished Encoding Rules (X.690), as far as keys and certificates go. */

import { bitLength, concat, ofInteger, toInteger } from './bytes.ts';

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  nothing: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
} as const;

/** What is not of the form a reader expects. Whoever reads says what that means. */
export class DerError extends Error {}

export interface Element {
  readonly tag: number;
  readonly body: Uint8Array;
  /** With tag and length. */
  readonly whole: Uint8Array;
}

/** Tags of more than one byte appear in no key. Indefinite lengths are not DER. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Tag of what comes next, or undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** Throws DerError unless an element with this tag comes next. */
  next(tag?: number): Element {
    const start = this.#at;
    const bytes = this.#bytes;
    const found = bytes[start];
    if (found === undefined || (tag !== undefined && found !== tag)) throw new DerError('tag');
    const first = bytes[start + 1];
    if (first === undefined) throw new DerError('length');
    const size = first < 0x80 ? 0 : first & 0x7f;
    if (first === 0x80 || size > 4) throw new DerError('length');
    const head = start + 2 + size;
    const length = size === 0 ? first : Number(toInteger(bytes.subarray(start + 2, head)));
    if (head + length > bytes.length) throw new DerError('length');
    this.#at = head + length;
    return {
      tag: found,
      body: bytes.subarray(head, this.#at),
      whole: bytes.subarray(start, this.#at),
    };
  }

  /** What comes next if it has this tag. */
  optional(tag: number): Element | undefined {
    return this.nextTag === tag ? this.next() : undefined;
  }

  sequence(): DerReader {
    return new DerReader(this.next(TAG.sequence).body);
  }

  integer(): bigint {
    const { body } = this.next(TAG.integer);
    const value = toInteger(body);
    return ((body[0] as number) & 0x80) === 0 ? value : value - (1n << BigInt(body.length * 8));
  }

  oid(): string {
    return oidText(this.next(TAG.oid).body);
  }

  octets(): Uint8Array {
    return this.next(TAG.octets).body;
  }

  /** A whole number of bytes. */
  bits(): Uint8Array {
    const { body } = this.next(TAG.bits);
    if (body[0] !== 0) throw new DerError('bits');
    return body.subarray(1);
  }

  end(): void {
    if (!this.isAtEnd) throw new DerError('rest');
  }
}

export function oidText(body: Uint8Array): string {
  const parts: number[] = [];
  let value = 0;
  for (const byte of body) {
    value = value * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (parts.length > 0) parts.push(value);
    else {
      const first = Math.min(2, Math.floor(value / 40));
      parts.push(first, value - first * 40);
    }
    value = 0;
  }
  return parts.join('.');
}

function encode(tag: number, body: Uint8Array): Uint8Array {
  const { length } = body;
  if (length < 0x80) return concat(Uint8Array.of(tag, length), body);
  const size = ofInteger(BigInt(length));
  return concat(Uint8Array.of(tag, 0x80 | size.length), size, body);
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encode(TAG.sequence, concat(...parts));
}

/** Of a number that is not negative. */
export function integer(value: bigint | number): Uint8Array {
  const number = BigInt(value);
  return encode(TAG.integer, ofInteger(number, Math.floor(bitLength(number) / 8) + 1));
}

export function octets(bytes: Uint8Array): Uint8Array {
  return encode(TAG.octets, bytes);
}

export function bits(bytes: Uint8Array): Uint8Array {
  return encode(TAG.bits, concat(Uint8Array.of(0), bytes));
}

export function nothing(): Uint8Array {
  return encode(TAG.nothing, new Uint8Array());
}

/** An element of a structure told by its number. */
export function context(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return encode(0xa0 | number, concat(...parts));
}

export function oid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes: number[] = [];
  for (const part of [first * 40 + second, ...rest]) {
    const digits = [part % 128];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift((left % 128) | 0x80);
    }
    bytes.push(...digits);
  }
  return encode(TAG.oid, Uint8Array.from(bytes));
}
