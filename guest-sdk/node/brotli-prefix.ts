/** Bits and prefix codes of a Brotli stream (RFC 7932, sections 1.5.1 and 3). */

/** Bits from the lowest on, as bytes. */
export class BitWriter {
  #bytes: number[] = [];
  #pending = 0;
  #count = 0;

  /** `value` in `bits` bits, at most 24 at once. */
  write(value: number, bits: number): void {
    this.#pending |= value << this.#count;
    this.#count += bits;
    while (this.#count >= 8) {
      this.#bytes.push(this.#pending & 0xff);
      this.#pending >>>= 8;
      this.#count -= 8;
    }
  }

  /** Zero bits up to the next byte. */
  align(): void {
    if (this.#count > 0) this.write(0, 8 - this.#count);
  }

  /** Whole bytes, at a boundary of them. */
  append(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte);
  }

  /** The whole bytes so far, which are given out once. */
  take(): Uint8Array {
    const bytes = Uint8Array.from(this.#bytes);
    this.#bytes = [];
    return bytes;
  }
}

export interface PrefixCode {
  readonly lengths: Uint8Array;
  /** Bits in the order they are written. */
  readonly codes: Uint16Array;
  /** The only symbol, which takes no bits; -1 when there are more. */
  readonly only: number;
}

interface Node {
  readonly weight: number;
  readonly symbol: number;
  readonly left?: Node;
  readonly right?: Node;
}

function setDepths(node: Node, depth: number, lengths: Uint8Array): number {
  if (node.left === undefined || node.right === undefined) {
    lengths[node.symbol] = depth;
    return depth;
  }
  const left = setDepths(node.left, depth + 1, lengths);
  return Math.max(left, setDepths(node.right, depth + 1, lengths));
}

/** The lighter of the heads of two sorted queues. */
function lighter(leaves: Node[], inner: Node[]): Node {
  const [leaf, node] = [leaves.at(-1), inner[0]];
  const takesLeaf = node === undefined || (leaf !== undefined && leaf.weight <= node.weight);
  return (takesLeaf ? leaves.pop() : inner.shift()) as Node;
}

/** Lengths of Huffman's code of at least two symbols, none above `limit`. */
function huffman(counts: Uint32Array, limit: number): Uint8Array {
  const lengths = new Uint8Array(counts.length);
  // Raising the smallest weights makes the tree flatter, until it is flat enough.
  for (let least = 1; ; least *= 2) {
    const leaves: Node[] = [];
    counts.forEach((count, symbol) => {
      if (count > 0) leaves.push({ weight: Math.max(count, least), symbol });
    });
    leaves.sort((a, b) => b.weight - a.weight || b.symbol - a.symbol);
    const inner: Node[] = [];
    while (leaves.length + inner.length > 1) {
      const left = lighter(leaves, inner);
      const right = lighter(leaves, inner);
      inner.push({ weight: left.weight + right.weight, symbol: -1, left, right });
    }
    if (setDepths(inner[0] as Node, 0, lengths) <= limit) return lengths;
  }
}

function reversed(code: number, length: number): number {
  let result = 0;
  for (let i = 0; i < length; i++) result |= ((code >>> i) & 1) << (length - 1 - i);
  return result;
}

/** The code for symbols that occur `counts` times. */
export function prefixCode(counts: Uint32Array, limit: number): PrefixCode {
  const used = counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
  const codes = new Uint16Array(counts.length);
  if (used < 2) {
    const only = Math.max(
      0,
      counts.findIndex((count) => count > 0),
    );
    return { lengths: new Uint8Array(counts.length), codes, only };
  }
  const lengths = huffman(counts, limit);
  let code = 0;
  for (let length = 1; length <= limit; length++) {
    lengths.forEach((own, symbol) => {
      if (own === length) codes[symbol] = reversed(code++, length);
    });
    code <<= 1;
  }
  return { lengths, codes, only: -1 };
}

const LIMIT_OF_LENGTHS = 5;
/** The order in which the lengths of the code of lengths are written, and how: value and bits. */
const LENGTH_ORDER = [1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const LENGTH_CODES = [
  [0, 2],
  [7, 4],
  [3, 3],
  [2, 2],
  [1, 2],
  [15, 4],
] as const;
const ZEROS = 17;

/** Lengths up to the last used one; three to ten zeros are one symbol with what is above three. */
function lengthSymbols(lengths: Uint8Array): [symbol: number, above: number][] {
  const symbols: [number, number][] = [];
  const end = lengths.findLastIndex((length) => length > 0) + 1;
  for (let at = 0; at < end; ) {
    let zeros = 0;
    // Two runs in a row would mean another count: one zero stands between them.
    const follows = symbols.at(-1)?.[0] === ZEROS;
    while (!follows && zeros < 10 && lengths[at + zeros] === 0) zeros++;
    if (zeros >= 3) {
      symbols.push([ZEROS, zeros - 3]);
      at += zeros;
    } else {
      symbols.push([lengths[at] as number, 0]);
      at++;
    }
  }
  return symbols;
}

/** Writes the code itself, of an alphabet whose symbols have `symbolBits` bits. */
export function writeCode(writer: BitWriter, code: PrefixCode, symbolBits: number): void {
  if (code.only >= 0) {
    // A simple code of one symbol.
    writer.write(1, 2);
    writer.write(0, 2);
    writer.write(code.only, symbolBits);
    return;
  }
  const symbols = lengthSymbols(code.lengths);
  const counts = new Uint32Array(18);
  for (const [symbol] of symbols) counts[symbol] = (counts[symbol] as number) + 1;
  // A code of one length alone has no bits at all; a second one that is not used keeps it simple.
  if (counts.filter((count) => count > 0).length < 2) counts[counts[0] === 0 ? 0 : 1] = 1;
  const ofLengths = prefixCode(counts, LIMIT_OF_LENGTHS);
  writer.write(0, 2);
  let space = 32;
  for (const symbol of LENGTH_ORDER) {
    if (space === 0) break;
    const length = ofLengths.lengths[symbol] as number;
    const [value, bits] = LENGTH_CODES[length] as readonly [number, number];
    writer.write(value, bits);
    if (length > 0) space -= 32 >> length;
  }
  for (const [symbol, above] of symbols) {
    writeSymbol(writer, ofLengths, symbol);
    if (symbol === ZEROS) writer.write(above, 3);
  }
}

export function writeSymbol(writer: BitWriter, code: PrefixCode, symbol: number): void {
  if (code.only < 0) writer.write(code.codes[symbol] as number, code.lengths[symbol] as number);
}
