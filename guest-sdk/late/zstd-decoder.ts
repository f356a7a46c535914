/** Decodes Zstandard (RFC 8878): frames of any encoder but those that need a dictionary. */

import { checksumOf } from './zstd-checksum.ts';
import {
  BackwardBits,
  LITERAL_LENGTHS,
  MATCH_LENGTHS,
  type Machine,
  machineOf,
  machineOfOne,
  PREDEFINED,
  ZstdError,
} from './zstd-tables.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const BLOCK_BYTES_MAX = 131_072;
/** A frame may ask for no larger window than Node's decoder allows (ZSTD_d_windowLogMax). */
const WINDOW_BYTES_MAX = 2 ** 27;

export class ZstdEnd extends Error {}

/** Bytes from the front. */
class Bytes {
  at = 0;
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  get left(): number {
    return this.bytes.length - this.at;
  }
  take(count: number): Uint8Array {
    if (this.left < count) throw new ZstdEnd();
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
  /** Little-endian. */
  number(count: number): number {
    return this.take(count).reduceRight((sum, byte) => sum * 256 + byte, 0);
  }
}

/** Symbols by so many next bits. */
interface Huffman {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
}

/** What later blocks of a frame may use again. */
interface FrameState {
  huffman: Huffman | undefined;
  readonly machines: Partial<Record<keyof typeof PREDEFINED, Machine>>;
  readonly offsets: [number, number, number];
}

function readMachine(source: Bytes, logMax: number): Machine {
  const { bytes } = source;
  let bit = source.at * 8;
  const peek = (count: number): number => {
    let value = 0;
    for (let index = 0; index < count; index++) {
      const at = bit + index;
      value |= (((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) << index;
    }
    return value;
  };
  const log = peek(4) + 5;
  bit += 4;
  if (log > logMax) throw new ZstdError('accuracy');
  const counts: number[] = [];
  let left = 2 ** log;
  while (left > 0) {
    const width = 32 - Math.clz32(left + 1);
    const low = 2 ** (width - 1) - 1;
    const threshold = 2 ** width - 2 - left;
    let value = peek(width);
    if ((value & low) < threshold) {
      value &= low;
      bit += width - 1;
    } else {
      if (value > low) value -= threshold;
      bit += width;
    }
    const count = value - 1;
    counts.push(count);
    left -= Math.abs(count);
    if (count !== 0) continue;
    for (let more = 3; more === 3; ) {
      more = peek(2);
      bit += 2;
      for (let index = 0; index < more; index++) counts.push(0);
    }
  }
  source.take(Math.ceil(bit / 8) - source.at);
  if (left < 0 || counts.length > 256) throw new ZstdError('distribution');
  return machineOf(log, counts);
}

/** Two machines in turn write the weights. */
function readWeights(bytes: Uint8Array): number[] {
  const source = new Bytes(bytes);
  const { log, states } = readMachine(source, 6);
  const bits = new BackwardBits(bytes.subarray(source.at));
  const now = [bits.read(log), bits.read(log)];
  const weights: number[] = [];
  for (let turn = 0; weights.length < 256; turn ^= 1) {
    const state = states[now[turn] ?? 0];
    weights.push(state?.symbol ?? 0);
    now[turn] = (state?.base ?? 0) + bits.read(state?.bits ?? 0);
    if (bits.left < 0) {
      weights.push(states[now[turn ^ 1] ?? 0]?.symbol ?? 0);
      break;
    }
  }
  return weights;
}

function readHuffman(source: Bytes): Huffman {
  const header = source.number(1);
  let weights: number[];
  if (header < 128) weights = readWeights(source.take(header));
  else {
    const count = header - 127;
    const packed = source.take((count + 1) >> 1);
    weights = Array.from({ length: count }, (_, index) => {
      const byte = packed[index >> 1] ?? 0;
      return index % 2 === 0 ? byte >> 4 : byte & 15;
    });
  }
  const sum = weights.reduce((total, weight) => total + (weight > 0 ? 2 ** (weight - 1) : 0), 0);
  const log = 32 - Math.clz32(sum);
  const rest = 2 ** log - sum;
  if (sum === 0 || log > 11 || (rest & (rest - 1)) !== 0) throw new ZstdError('weights');
  weights.push(32 - Math.clz32(rest));
  const symbols = new Uint8Array(2 ** log);
  const bits = new Uint8Array(2 ** log);
  let at = 0;
  for (let weight = 1; weight <= log; weight++) {
    for (const [symbol, its] of weights.entries()) {
      if (its !== weight) continue;
      const end = at + 2 ** (weight - 1);
      symbols.fill(symbol, at, end);
      bits.fill(log + 1 - weight, at, end);
      at = end;
    }
  }
  return { log, symbols, bits };
}

function decodeHuffman(huffman: Huffman, bytes: Uint8Array, target: Uint8Array): void {
  const { log, symbols, bits } = huffman;
  const source = new BackwardBits(bytes);
  const mask = 2 ** log - 1;
  let state = source.read(log);
  for (let at = 0; at < target.length; at++) {
    target[at] = symbols[state] ?? 0;
    const count = bits[state] ?? 0;
    state = ((state << count) | source.read(count)) & mask;
  }
  if (source.left !== -log) throw new ZstdError('literals');
}

function readLiterals(source: Bytes, frame: FrameState): Uint8Array {
  const first = source.bytes[source.at] ?? 0;
  const [type, form] = [first & 3, (first >> 2) & 3];
  if (type < 2) {
    const width = form % 2 === 0 ? 1 : form === 1 ? 2 : 3;
    const size = Math.floor(source.number(width) / (width === 1 ? 8 : 16));
    if (size > BLOCK_BYTES_MAX) throw new ZstdError('literals');
    return type === 0 ? source.take(size) : new Uint8Array(size).fill(source.number(1));
  }
  const width = form < 2 ? 3 : form + 2;
  const sizes = Math.floor(source.number(width) / 16);
  const unit = 2 ** (width === 3 ? 10 : width === 4 ? 14 : 18);
  const packed = new Bytes(source.take(Math.floor(sizes / unit)));
  const target = new Uint8Array(Math.min(sizes % unit, BLOCK_BYTES_MAX));
  if (type === 2) frame.huffman = readHuffman(packed);
  const { huffman } = frame;
  if (huffman === undefined) throw new ZstdError('no tree');
  if (form === 0) {
    decodeHuffman(huffman, packed.take(packed.left), target);
    return target;
  }
  const lengths = [packed.number(2), packed.number(2), packed.number(2)];
  const part = (target.length + 3) >> 2;
  for (let index = 0; index < 4; index++) {
    const bytes = packed.take(lengths[index] ?? packed.left);
    decodeHuffman(
      huffman,
      bytes,
      target.subarray(index * part, index < 3 ? (index + 1) * part : undefined),
    );
  }
  return target;
}

interface Sequences {
  readonly count: number;
  readonly machines: Readonly<Record<keyof typeof PREDEFINED, Machine>>;
  readonly bits: BackwardBits;
}

function readSequences(source: Bytes, frame: FrameState): Sequences | undefined {
  let count = source.number(1);
  if (count === 255) count = source.number(2) + 0x7f00;
  else if (count > 127) count = (count - 128) * 256 + source.number(1);
  if (count === 0) return undefined;
  const modes = source.number(1);
  const machine = (name: keyof typeof PREDEFINED, shift: number, logMax: number): Machine => {
    const mode = (modes >> shift) & 3;
    if (mode === 0) frame.machines[name] = PREDEFINED[name];
    if (mode === 1) frame.machines[name] = machineOfOne(source.number(1));
    if (mode === 2) frame.machines[name] = readMachine(source, logMax);
    const its = frame.machines[name];
    if (its === undefined) throw new ZstdError('no table');
    return its;
  };
  const machines = {
    literalLength: machine('literalLength', 6, 9),
    offset: machine('offset', 4, 8),
    matchLength: machine('matchLength', 2, 9),
  };
  return { count, machines, bits: new BackwardBits(source.take(source.left)) };
}

/** The distance a code stands for: a new one, or one of the last three. */
function distance(value: number, literals: number, offsets: FrameState['offsets']): number {
  const [first, second, third] = offsets;
  if (value > 3) {
    offsets.splice(0, 3, value - 3, first, second);
    return value - 3;
  }
  const index = literals === 0 ? value : value - 1;
  if (index === 0) return first;
  const found = index === 1 ? second : index === 2 ? third : first - 1;
  offsets.splice(0, 3, found, first, index === 1 ? third : second);
  return found;
}

/** What a frame has become so far; a distance reaches back into it. */
class Output {
  bytes: Uint8Array = new Uint8Array(BLOCK_BYTES_MAX);
  size = 0;

  #room(count: number): void {
    if (this.size + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.size + count));
    larger.set(this.bytes.subarray(0, this.size));
    this.bytes = larger;
  }
  add(part: Uint8Array): void {
    this.#room(part.length);
    this.bytes.set(part, this.size);
    this.size += part.length;
  }
  repeat(back: number, count: number): void {
    if (back < 1 || back > this.size) throw new ZstdError('distance');
    this.#room(count);
    const { bytes, size } = this;
    if (back >= count) bytes.copyWithin(size, size - back, size - back + count);
    else for (let at = size; at < size + count; at++) bytes[at] = bytes[at - back] ?? 0;
    this.size += count;
  }
}

function decodeBlock(bytes: Uint8Array, frame: FrameState, output: Output): void {
  const source = new Bytes(bytes);
  const literals = readLiterals(source, frame);
  const sequences = readSequences(source, frame);
  let used = 0;
  if (sequences !== undefined) {
    const { count, bits, machines } = sequences;
    const { literalLength, offset, matchLength } = machines;
    let [now, its, other] = [
      bits.read(literalLength.log),
      bits.read(offset.log),
      bits.read(matchLength.log),
    ];
    for (let index = 0; index < count; index++) {
      const [lengthState, offsetState, matchState] = [
        literalLength.states[now],
        offset.states[its],
        matchLength.states[other],
      ];
      if (!lengthState || !offsetState || !matchState) throw new ZstdError('state');
      const [lengths, matches] = [
        LITERAL_LENGTHS[lengthState.symbol],
        MATCH_LENGTHS[matchState.symbol],
      ];
      if (!lengths || !matches || offsetState.symbol > 31) throw new ZstdError('code');
      const value = 2 ** offsetState.symbol + bits.read(offsetState.symbol);
      const length = matches[0] + bits.read(matches[1]);
      const before = lengths[0] + bits.read(lengths[1]);
      if (used + before > literals.length) throw new ZstdError('literals');
      output.add(literals.subarray(used, used + before));
      used += before;
      output.repeat(distance(value, before, frame.offsets), length);
      if (index === count - 1) break;
      now = lengthState.base + bits.read(lengthState.bits);
      other = matchState.base + bits.read(matchState.bits);
      its = offsetState.base + bits.read(offsetState.bits);
    }
    if (bits.left !== 0) throw new ZstdError('sequences');
  }
  output.add(literals.subarray(used));
}

interface Header {
  readonly size: number | undefined;
  readonly hasChecksum: boolean;
}

function readHeader(source: Bytes): Header {
  const descriptor = source.number(1);
  const isSingle = (descriptor & 32) !== 0;
  if ((descriptor & 8) !== 0) throw new ZstdError('reserved');
  if (!isSingle) {
    const window = source.number(1);
    const base = 2 ** (10 + (window >> 3));
    if (base + (base / 8) * (window & 7) > WINDOW_BYTES_MAX) throw new ZstdError('window');
  }
  const dictionary = source.number([0, 1, 2, 4][descriptor & 3] ?? 0);
  if (dictionary !== 0) throw new ZstdError('dictionary');
  const width = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const size = width === 0 ? undefined : source.number(width) + (width === 2 ? 256 : 0);
  return { size, hasChecksum: (descriptor & 4) !== 0 };
}

/** The content of all frames in `bytes`. ZstdEnd when there is not all of one. */
export function decodeZstd(bytes: Uint8Array): Uint8Array[] {
  const source = new Bytes(bytes);
  const parts: Uint8Array[] = [];
  do {
    const magic = source.number(4);
    if ((magic & ~15) >>> 0 === SKIPPABLE) {
      source.take(source.number(4));
      continue;
    }
    if (magic !== MAGIC) throw new ZstdError('magic');
    const { size, hasChecksum } = readHeader(source);
    const frame: FrameState = { huffman: undefined, machines: {}, offsets: [1, 4, 8] };
    const output = new Output();
    for (let isLast = false; !isLast; ) {
      const header = source.number(3);
      isLast = (header & 1) === 1;
      const [kind, length] = [(header >> 1) & 3, header >> 3];
      if (kind === 3 || length > BLOCK_BYTES_MAX) throw new ZstdError('block');
      if (kind === 1) output.add(new Uint8Array(length).fill(source.number(1)));
      else if (kind === 0) output.add(source.take(length));
      else decodeBlock(source.take(length), frame, output);
    }
    const content = output.bytes.subarray(0, output.size);
    if (size !== undefined && size !== content.length) throw new ZstdError('size');
    if (hasChecksum && source.number(4) !== checksumOf(content)) throw new ZstdError('checksum');
    parts.push(content);
  } while (source.left > 0);
  return parts;
}
