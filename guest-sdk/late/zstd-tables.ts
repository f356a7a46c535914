/** Tables of Zstandard (RFC 8878): codes of lengths, and the finite state machines of its entropy coder. */

/** Of each code above those that are the length itself: its first value, and its extra bits. */
type Codes = readonly (readonly [first: number, bits: number])[];

function codes(plain: number, first: number, bits: readonly number[]): Codes {
  const list: [number, number][] = Array.from({ length: plain }, (_, code) => [code + first, 0]);
  let next = plain + first;
  for (const count of bits) {
    list.push([next, count]);
    next += 2 ** count;
  }
  return list;
}

export const LITERAL_LENGTHS: Codes = codes(
  16,
  0,
  [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);
export const MATCH_LENGTHS: Codes = codes(
  32,
  3,
  [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);

/** A state: what it stands for, and the bits and base of the next one. */
export interface State {
  readonly symbol: number;
  readonly bits: number;
  readonly base: number;
}

export interface Machine {
  /** Bits of a state. */
  readonly log: number;
  readonly states: readonly State[];
}

/** RFC 8878, 4.1.1: from how often each symbol comes; -1 is less than once. */
export function machineOf(log: number, counts: readonly number[]): Machine {
  const size = 2 ** log;
  const symbols = new Uint16Array(size);
  const next = [...counts];
  let high = size;
  for (const [symbol, count] of counts.entries()) {
    if (count !== -1) continue;
    symbols[--high] = symbol;
    next[symbol] = 1;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  for (const [symbol, count] of counts.entries()) {
    for (let index = 0; index < count; index++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  }
  const states = Array.from(symbols, (symbol): State => {
    const turn = next[symbol] ?? 1;
    next[symbol] = turn + 1;
    const bits = log - (31 - Math.clz32(turn));
    return { symbol, bits, base: turn * 2 ** bits - size };
  });
  return { log, states };
}

/** A machine of one state. */
export function machineOfOne(symbol: number): Machine {
  return { log: 0, states: [{ symbol, bits: 0, base: 0 }] };
}

const ones = (count: number, value = 1): number[] => Array.from({ length: count }, () => value);

/** Those a block may use without bringing its own. */
export const PREDEFINED = {
  literalLength: machineOf(6, [
    ...[4, 3],
    ...ones(11, 2),
    ...ones(3),
    ...ones(9, 2),
    ...[3, 2],
    ...ones(5),
    ...ones(4, -1),
  ]),
  offset: machineOf(5, [...ones(6), ...ones(3, 2), ...ones(15), ...ones(5, -1)]),
  matchLength: machineOf(6, [1, 4, 3, ...ones(6, 2), ...ones(37), ...ones(7, -1)]),
} as const;

export class ZstdError extends Error {}

/** Bits from the end of `bytes` backwards, behind the last bit that is set. Before the first, zeros. */
export class BackwardBits {
  readonly #bytes: Uint8Array;
  /** How many are left; below zero when more were read than there were. */
  left: number;

  constructor(bytes: Uint8Array) {
    const last = bytes.at(-1) ?? 0;
    if (last === 0) throw new ZstdError('no end of a bit stream');
    this.#bytes = bytes;
    this.left = bytes.length * 8 - Math.clz32(last) + 23;
  }

  /** `count`: at most 31. */
  read(count: number): number {
    let value = 0;
    this.left -= count;
    for (let got = 0; got < count; ) {
      const at = this.left + got;
      if (at < 0) {
        got += Math.min(-at, count - got);
        continue;
      }
      const take = Math.min(8 - (at & 7), count - got);
      const part = ((this.#bytes[at >> 3] ?? 0) >> (at & 7)) & ((1 << take) - 1);
      value += part * 2 ** got;
      got += take;
    }
    return value;
  }
}
