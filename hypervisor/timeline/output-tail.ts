/** Outputs of the turns a timeline has run since it last jumped, the oldest forgotten first. */

import type { Lsn } from '../../log-format/index.ts';
import type { HeldOutput } from '../ports.ts';

export interface TurnOutputs {
  readonly turn: Lsn;
  readonly outputs: readonly HeldOutput[];
}

/** Outputs kept, at least; a request for more runs the turns again. */
const OUTPUTS_KEPT = 20_000;

export class OutputTail {
  #turns: TurnOutputs[] = [];
  #from: Lsn;
  #count = 0;

  constructor(from: Lsn) {
    this.#from = from;
  }

  /** All outputs of turns behind this lsn, up to the position, are here. */
  get from(): Lsn {
    return this.#from;
  }

  get count(): number {
    return this.#count;
  }

  restart(from: Lsn): void {
    this.#turns = [];
    this.#from = from;
    this.#count = 0;
  }

  push(turn: Lsn, outputs: readonly HeldOutput[]): void {
    if (outputs.length === 0) return;
    this.#turns.push({ turn, outputs });
    this.#count += outputs.length;
    if (this.#count < 2 * OUTPUTS_KEPT) return;
    let drop = 0;
    for (; this.#count > OUTPUTS_KEPT && drop < this.#turns.length - 1; drop++)
      this.#count -= this.#turns[drop]?.outputs.length ?? 0;
    this.#from = this.#turns[drop - 1]?.turn ?? this.#from;
    this.#turns.splice(0, drop);
  }

  since(lsn: Lsn): readonly TurnOutputs[] {
    return this.#turns.filter(({ turn }) => turn >= lsn);
  }

  /** The last `count` outputs. */
  last(count: number): readonly TurnOutputs[] {
    const found: TurnOutputs[] = [];
    let left = count;
    for (let index = this.#turns.length - 1; index >= 0 && left > 0; index--) {
      const { turn, outputs } = this.#turns[index] as TurnOutputs;
      found.unshift({ turn, outputs: outputs.slice(-left) });
      left -= outputs.length;
    }
    return found;
  }
}
