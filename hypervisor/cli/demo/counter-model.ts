/**
 * What must hold for a client of the counter guest: on one connection every number comes once and
 * the next is one more; over all connections it never falls. Pure: sockets are in counter-client.ts.
 */

import type { Tally } from './tally.ts';

export class CounterCheck {
  readonly #client: string;
  readonly #tally: Tally;
  /** Highest number seen on any connection: the guest has told it, so it must not forget it. */
  #highest = 0;
  /** Last number on this connection; undefined before its first line. */
  #last: number | undefined;

  constructor(client: string, tally: Tally) {
    this.#client = client;
    this.#tally = tally;
  }

  connected(): void {
    this.#last = undefined;
  }

  /** Takes one line; true when it answers a question of the client (or greets it). */
  line(text: string): boolean {
    const [, kind, digits] = /^(now|count) (\d+)$/.exec(text) ?? [];
    if (kind === undefined) {
      this.#tally.fault('wrong', 1, `${this.#client} got "${text}"`);
      return false;
    }
    const value = Number(digits);
    if (kind === 'count') this.#step(value);
    else this.#tell(value);
    this.#last = value;
    return kind === 'now';
  }

  #step(value: number): void {
    if (this.#last !== undefined && value !== this.#last + 1) {
      const fault = value > this.#last ? 'lost' : value === this.#last ? 'doubled' : 'outOfOrder';
      this.#tally.fault(fault, 1, `${this.#client} got count ${value} after ${this.#last}`);
    }
    this.#rise(value);
  }

  #tell(value: number): void {
    if (this.#last !== undefined && value !== this.#last) {
      this.#tally.fault('wrong', 1, `${this.#client} was told ${value} after count ${this.#last}`);
    }
    this.#rise(value);
  }

  #rise(value: number): void {
    const fallen = this.#highest - value;
    if (fallen > 0) {
      this.#tally.fault('lost', fallen, `${this.#client} saw ${value} after ${this.#highest}`);
    }
    // After a fall the lower number is what the guest goes on from: it is counted once.
    this.#highest = value;
  }
}
