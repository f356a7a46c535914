/** Something that may be done a number of times, and then no more. */

export class Allowance {
  #left: number;

  constructor(times: number) {
    this.#left = times;
  }

  /** Takes one; false: there is none left. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }
}
