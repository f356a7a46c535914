/** Checks of single decoded fields: each returns the value with its type, or throws a FormatError. */

import { FormatError } from './faults.ts';

export function asArray(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new FormatError('not an array');
  return value;
}

/** An array with `min` to `max` elements. */
export function asTuple(
  value: unknown,
  size: { readonly min: number; readonly max: number },
): readonly unknown[] {
  const array = asArray(value);
  if (array.length < size.min || array.length > size.max) {
    throw new FormatError('array with a wrong number of fields');
  }
  return array;
}

export function asInteger(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new FormatError('not an integer');
  }
  return value;
}

/** A non-negative integer below 2^53. */
export function asCount(value: unknown): number {
  const number = asInteger(value);
  if (number < 0) throw new FormatError('negative count');
  return number;
}

/** A positive integer below 2^53: an lsn, an epoch, a segment number. */
export function asPosition(value: unknown): number {
  const number = asInteger(value);
  if (number < 1) throw new FormatError('position below 1');
  return number;
}

export function asUint32(value: unknown): number {
  const number = asCount(value);
  if (number > 0xffffffff) throw new FormatError('number beyond 32 bits');
  return number;
}

export function asText(value: unknown): string {
  if (typeof value !== 'string') throw new FormatError('not a text');
  return value;
}

export function asBytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new FormatError('not bytes');
  return value;
}

export function asBoolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new FormatError('not a boolean');
  return value;
}

const HEX_HASH = /^[0-9a-f]{64}$/;

export function isHexHash(value: string): boolean {
  return HEX_HASH.test(value);
}

/** Hex, 32 bytes, lower case. */
export function asHexHash(value: unknown): string {
  const text = asText(value);
  if (!isHexHash(text)) throw new FormatError('not 32 bytes in hex');
  return text;
}
