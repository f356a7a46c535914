/**
 * Encodes Zstandard (RFC 8878), about as strongly as its fastest levels without their entropy coding
 * of literals: repetitions within a block are found by a hash of four bytes and written with the
 * predefined tables; what repeats nothing is written as it is. Levels make no difference.
 */

import { LITERAL_LENGTHS, MATCH_LENGTHS, type Machine, PREDEFINED } from './zstd-tables.ts';

const BLOCK_BYTES = 131_072;
const HASH_BITS = 14;
const MATCH_BYTES_MIN = 4;
/** Magic number; no checksum, no size; a window of 2 MiB. */
const HEADER = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];

interface Sequence {
  readonly literals: number;
  readonly back: number;
  readonly length: number;
}

/** Bits in the order they are written; the reader begins at the end. */
class ForwardBits {
  readonly bytes: number[] = [];
  #pending = 0;
  #count = 0;

  write(value: number, count: number): void {
    let [rest, left] = [value, count];
    while (left > 0) {
      const take = Math.min(8 - this.#count, left);
      this.#pending |= (rest % 2 ** take) << this.#count;
      this.#count += take;
      rest = Math.floor(rest / 2 ** take);
      left -= take;
      if (this.#count < 8) continue;
      this.bytes.push(this.#pending);
      this.#pending = 0;
      this.#count = 0;
    }
  }
}

/** The code of a value, and what its extra bits hold. */
function codeOf(table: typeof MATCH_LENGTHS, value: number): readonly [number, number, number] {
  const code = table.findLastIndex(([first]) => first <= value);
  const [first = 0, bits = 0] = table[code] ?? [];
  return [code, value - first, bits];
}

type Field = readonly [value: number, bits: number];

/** Fields of one machine: the first state, and the steps to each next one. */
function statesOf(machine: Machine, symbols: readonly number[]): { first: Field; steps: Field[] } {
  const steps: Field[] = [];
  let next: number | undefined;
  for (const symbol of symbols.toReversed()) {
    const wanted = next;
    const at = machine.states.findIndex(
      (one) =>
        one.symbol === symbol &&
        (wanted === undefined || (wanted >= one.base && wanted < one.base + 2 ** one.bits)),
    );
    const state = machine.states[at];
    if (wanted !== undefined && state) steps.push([wanted - state.base, state.bits]);
    next = at;
  }
  return { first: [next ?? 0, machine.log], steps: steps.reverse() };
}

/** Repetitions, greedily; the literals after the last are the rest. */
function sequencesOf(bytes: Uint8Array): Sequence[] {
  const table = new Int32Array(2 ** HASH_BITS).fill(-1);
  const found: Sequence[] = [];
  let from = 0;
  for (let at = 0; at + MATCH_BYTES_MIN <= bytes.length; ) {
    const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    const key = Math.imul(a | (b << 8) | (c << 16) | (d << 24), 0x9e3779b1) >>> (32 - HASH_BITS);
    const before = table[key] ?? -1;
    table[key] = at;
    let length = 0;
    if (before >= 0) {
      while (at + length < bytes.length && bytes[before + length] === bytes[at + length]) length++;
    }
    if (length < MATCH_BYTES_MIN) {
      at++;
      continue;
    }
    found.push({ literals: at - from, back: at - before, length });
    at += length;
    from = at;
  }
  return found;
}

function literalsOf(bytes: Uint8Array, sequences: readonly Sequence[]): number[] {
  const parts: number[] = [];
  let at = 0;
  for (const { literals, length } of sequences) {
    for (const byte of bytes.subarray(at, at + literals)) parts.push(byte);
    at += literals + length;
  }
  for (const byte of bytes.subarray(at)) parts.push(byte);
  return parts;
}

function literalsHeader(size: number): number[] {
  if (size < 32) return [size << 3];
  if (size < 4096) return [((size & 15) << 4) | 4, size >> 4];
  return [((size & 15) << 4) | 12, (size >> 4) & 255, size >> 12];
}

function countHeader(count: number): number[] {
  if (count < 128) return [count];
  if (count < 0x7f00) return [(count >> 8) + 128, count & 255];
  return [255, (count - 0x7f00) & 255, (count - 0x7f00) >> 8];
}

function joined(parts: readonly ArrayLike<number>[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A block with repetitions; undefined where there are none. */
function compressed(bytes: Uint8Array): Uint8Array | undefined {
  const sequences = sequencesOf(bytes);
  if (sequences.length === 0) return undefined;
  const literals = literalsOf(bytes, sequences);
  const lengths = sequences.map((one) => codeOf(LITERAL_LENGTHS, one.literals));
  const matches = sequences.map((one) => codeOf(MATCH_LENGTHS, one.length));
  const offsets = sequences.map(({ back }) => 31 - Math.clz32(back + 3));
  const [length, offset, match] = [
    statesOf(
      PREDEFINED.literalLength,
      lengths.map(([code]) => code),
    ),
    statesOf(PREDEFINED.offset, offsets),
    statesOf(
      PREDEFINED.matchLength,
      matches.map(([code]) => code),
    ),
  ];
  const fields: Field[] = [length.first, offset.first, match.first];
  for (const [index, { back }] of sequences.entries()) {
    const code = offsets[index] ?? 0;
    const [, lengthRest = 0, lengthBits = 0] = lengths[index] ?? [];
    const [, matchRest = 0, matchBits = 0] = matches[index] ?? [];
    fields.push([back + 3 - 2 ** code, code], [matchRest, matchBits], [lengthRest, lengthBits]);
    for (const { steps } of [length, match, offset]) {
      const step = steps[index];
      if (step !== undefined) fields.push(step);
    }
  }
  const bits = new ForwardBits();
  for (const [value, count] of fields.toReversed()) bits.write(value, count);
  bits.write(1, 1);
  bits.write(0, 7);
  return joined([
    literalsHeader(literals.length),
    literals,
    [...countHeader(sequences.length), 0],
    bits.bytes,
  ]);
}

function blockOf(bytes: Uint8Array, isLast: boolean): Uint8Array {
  const packed = compressed(bytes);
  const isSmaller = packed !== undefined && packed.length < bytes.length;
  const content = isSmaller ? packed : bytes;
  const header = (content.length << 3) | (isSmaller ? 4 : 0) | (isLast ? 1 : 0);
  return joined([[header & 255, (header >> 8) & 255, header >> 16], content]);
}

/** One frame, a piece after the other. */
export class ZstdStream {
  #isBegun = false;

  /** All of `bytes` as blocks; with `isLast` the frame ends. */
  encode(bytes: Uint8Array, isLast: boolean): Uint8Array[] {
    const parts: Uint8Array[] = this.#isBegun ? [] : [Uint8Array.from(HEADER)];
    this.#isBegun = true;
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const end = Math.min(at + BLOCK_BYTES, bytes.length);
      parts.push(blockOf(bytes.subarray(at, end), isLast && end === bytes.length));
    }
    if (isLast && bytes.length === 0) parts.push(blockOf(bytes, true));
    return parts;
  }
}
