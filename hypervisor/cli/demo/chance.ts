/** Seeded chance: the same seed gives the same kills and the same resampling. Not for secrets. */

export class Chance {
  #state: number;

  /** Any number seeds it; seeds that differ in one bit give unrelated sequences. */
  constructor(seed: number) {
    this.#state = scramble(seed >>> 0);
  }

  /** 0 <= value < 1, with 32 bits. */
  next(): number {
    // A Weyl sequence never gets stuck, and scrambling it makes neighbours unrelated.
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return scramble(this.#state) / 0x1_0000_0000;
  }

  /** A whole number, 0 <= value < `below`. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }
}

/** Mixes all bits of a 32-bit number: multiply-xorshift with odd constants, a bijection. */
function scramble(value: number): number {
  let x = value ^ (value >>> 16);
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
