/**
 * A Brotli encoder (RFC 7932) of about the strength of its quality 1: repetitions of what the same
 * flush holds, and one prefix code for each kind of symbol and block. Other qualities, windows and
 * modes are taken, and make no difference.
 */

import { BitWriter, type PrefixCode, prefixCode, writeCode, writeSymbol } from './brotli-prefix.ts';

/** As large as its length has bits in the shortest form. */
const BLOCK_BYTES = 65_536;
const WINDOW_BITS = 18;
const DISTANCE_MAX = 2 ** WINDOW_BITS - 16;
const HASH_BITS = 14;
const MATCH_MIN = 4;
const CODE_BITS_MAX = 15;

/** Of each code for a length: how many further bits it has. Lengths of the first begin at 0 and 2. */
const INSERT_EXTRA = [0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 12, 14, 24];
const COPY_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 24];
/** First command of a cell, by the upper bits of its two codes; these all have a distance. */
const CELLS = [
  [128, 192, 384],
  [256, 320, 512],
  [448, 576, 640],
] as const;

function starts(extra: readonly number[], first: number): number[] {
  let next = first;
  return extra.map((bits) => {
    const start = next;
    next += 2 ** bits;
    return start;
  });
}
const INSERT_START = starts(INSERT_EXTRA, 0);
const COPY_START = starts(COPY_EXTRA, 2);

function codeOf(length: number, table: readonly number[]): number {
  let code = table.length - 1;
  while ((table[code] as number) > length) code--;
  return code;
}

/** Literals from `at`, then a copy from `distance` before; a copy of 0 bytes ends a block. */
interface Command {
  readonly at: number;
  readonly insert: number;
  readonly copy: number;
  readonly distance: number;
  readonly insertCode: number;
  readonly copyCode: number;
  readonly symbol: number;
}

function command(at: number, insert: number, copy: number, distance: number): Command {
  const insertCode = codeOf(insert, INSERT_START);
  const copyCode = copy === 0 ? 0 : codeOf(copy, COPY_START);
  const cell = CELLS[insertCode >> 3]?.[copyCode >> 3] as number;
  const symbol = cell + ((insertCode & 7) << 3) + (copyCode & 7);
  return { at, insert, copy, distance, insertCode, copyCode, symbol };
}

interface Distance {
  readonly symbol: number;
  readonly bits: number;
  readonly extra: number;
}

function distanceOf(distance: number): Distance {
  const shifted = distance + 3;
  const bits = 30 - Math.clz32(shifted);
  const half = (shifted >> bits) & 1;
  return { symbol: 16 + 2 * (bits - 1) + half, bits, extra: shifted - ((2 + half) << bits) };
}

/** Finds repetitions: the last place of every four bytes, by their hash. */
class Matcher {
  readonly #bytes: Uint8Array;
  readonly #last = new Int32Array(2 ** HASH_BITS).fill(-1);

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  #lengthAt(at: number, before: number, end: number): number {
    const bytes = this.#bytes;
    let length = 0;
    while (at + length < end && bytes[at + length] === bytes[before + length]) length++;
    return length;
  }

  commands(start: number, end: number): Command[] {
    const bytes = this.#bytes;
    const found: Command[] = [];
    let literals = start;
    let at = start;
    while (at + MATCH_MIN <= end) {
      const four =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
      const hash = Math.imul(four, 0x1e35a7bd) >>> (32 - HASH_BITS);
      const before = this.#last[hash] as number;
      this.#last[hash] = at;
      const isNear = before >= 0 && at - before <= DISTANCE_MAX;
      const length = isNear ? this.#lengthAt(at, before, end) : 0;
      if (length < MATCH_MIN) {
        // Where nothing repeats for long, not every place is looked at.
        at += 1 + ((at - literals) >> 6);
        continue;
      }
      found.push(command(literals, at - literals, length, at - before));
      at += length;
      literals = at;
    }
    if (literals < end) found.push(command(literals, end - literals, 0, 0));
    return found;
  }
}

interface Codes {
  readonly literals: PrefixCode;
  readonly commands: PrefixCode;
  readonly distances: PrefixCode;
}

const count = (table: Uint32Array, symbol: number): void => {
  table[symbol] = (table[symbol] as number) + 1;
};

function codesFor(bytes: Uint8Array, commands: readonly Command[]): Codes {
  const [literals, symbols, distances] = [256, 704, 64].map((size) => new Uint32Array(size)) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  for (const { at, insert, copy, distance, symbol } of commands) {
    count(symbols, symbol);
    for (let i = at; i < at + insert; i++) count(literals, bytes[i] as number);
    if (copy > 0) count(distances, distanceOf(distance).symbol);
  }
  return {
    literals: prefixCode(literals, CODE_BITS_MAX),
    commands: prefixCode(symbols, CODE_BITS_MAX),
    distances: prefixCode(distances, CODE_BITS_MAX),
  };
}

/** The stream of one encoder; blocks of it end where bytes do only after a flush. */
export class BrotliStream {
  readonly #writer = new BitWriter();
  #hasHeader = false;

  /** Bytes of the stream that are whole once `bytes` are in it. */
  encode(bytes: Uint8Array, ends: 'nowhere' | 'at a byte' | 'for good'): Uint8Array {
    const writer = this.#writer;
    if (!this.#hasHeader) {
      this.#hasHeader = true;
      writer.write(1 | ((WINDOW_BITS - 17) << 1), 4);
    }
    const matcher = new Matcher(bytes);
    for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
      this.#block(bytes, matcher, start, Math.min(start + BLOCK_BYTES, bytes.length));
    }
    if (ends === 'at a byte') {
      // A block of no metadata: not the last, no length, nothing reserved, nothing skipped.
      writer.write(0b000110, 6);
      writer.align();
    } else if (ends === 'for good') {
      writer.write(0b11, 2);
      writer.align();
    }
    return writer.take();
  }

  #block(bytes: Uint8Array, matcher: Matcher, start: number, end: number): void {
    const writer = this.#writer;
    const commands = matcher.commands(start, end);
    writer.write(0, 1);
    writer.write(0, 2);
    writer.write(end - start - 1, 16);
    const copied = commands.reduce((sum, { copy }) => sum + copy, 0);
    if (copied === 0 && isDense(bytes.subarray(start, end))) {
      writer.write(1, 1);
      writer.align();
      writer.append(bytes.subarray(start, end));
      return;
    }
    writer.write(0, 1);
    // One type of block of each kind, plain distances, the first literal context, one code each.
    writer.write(0, 3 + 6 + 2 + 2);
    const codes = codesFor(bytes, commands);
    writeCode(writer, codes.literals, 8);
    writeCode(writer, codes.commands, 10);
    writeCode(writer, codes.distances, 6);
    for (const one of commands) this.#command(bytes, one, codes);
  }

  #command(bytes: Uint8Array, one: Command, codes: Codes): void {
    const writer = this.#writer;
    const { at, insert, insertCode, copy, copyCode } = one;
    writeSymbol(writer, codes.commands, one.symbol);
    const inserts = INSERT_EXTRA[insertCode] as number;
    writer.write(insert - (INSERT_START[insertCode] as number), inserts);
    if (copy > 0) {
      writer.write(copy - (COPY_START[copyCode] as number), COPY_EXTRA[copyCode] as number);
    }
    for (let i = at; i < at + insert; i++) writeSymbol(writer, codes.literals, bytes[i] as number);
    if (copy === 0) return;
    const { symbol, bits, extra } = distanceOf(one.distance);
    writeSymbol(writer, codes.distances, symbol);
    writer.write(extra, bits);
  }
}

/** True when a prefix code would hardly make the bytes shorter. */
function isDense(bytes: Uint8Array): boolean {
  const counts = new Uint32Array(256);
  for (const byte of bytes) count(counts, byte);
  const { lengths, only } = prefixCode(counts, CODE_BITS_MAX);
  if (only >= 0) return false;
  const bits = counts.reduce((sum, times, byte) => sum + times * (lengths[byte] as number), 0);
  return bits / 8 + 128 > bytes.length;
}
