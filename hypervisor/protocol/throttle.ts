/** Stops the guest when a buffer is full and lets it go on when there is room again. */

/** Half empty, not just below full: a full window must not flap with every ack. */
const FILL_RESUME = 0.5;

export class Throttle {
  #on = false;

  get on(): boolean {
    return this.#on;
  }

  /** `fill`: of the fullest buffer, 1 is full. True if the answer has changed. */
  update(fill: number): boolean {
    const on = this.#on ? fill > FILL_RESUME : fill > 1;
    const changed = on !== this.#on;
    this.#on = on;
    return changed;
  }
}
