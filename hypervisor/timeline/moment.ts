/**
 * A place inside a turn: while the machine runs the turn, a copy of its memory and its stack pointer
 * are taken at an exact tick. The extra stop leaves no trace: the counter's phase is not state.
 */

import type { Ticks } from '../../log-format/index.ts';
import type { MidTurnSource } from '../machine/cpu.ts';
import type { Machine } from '../machine/machine.ts';
import { copySource, type InspectionSource } from '../machine/spare-engine.ts';

export class Moment {
  #machine: Machine | undefined;
  #ticks: Ticks | undefined;
  #source: InspectionSource | undefined;

  /** Undefined when the position is not inside a turn. */
  get ticks(): Ticks | undefined {
    return this.#source && this.#ticks;
  }

  /** The machine at that tick. Valid until `clear` or the next `plan`. */
  get source(): InspectionSource | undefined {
    return this.#source;
  }

  clear(): void {
    this.#machine = undefined;
    this.#source = undefined;
    this.#ticks = undefined;
  }

  /** The next turn `machine` runs is to be caught at `ticks`, which has not passed. */
  plan(ticks: Ticks, machine: Machine): void {
    this.#ticks = ticks;
    this.#machine = machine;
    this.#source = undefined;
    if (machine.ticks === ticks) this.#take(machine);
  }

  /** What the turn takes in its middle, with the stop added if one is planned. */
  around(recorded: MidTurnSource): MidTurnSource {
    const machine = this.#machine;
    const at = this.#ticks;
    if (machine === undefined || at === undefined) return recorded;
    let passed = false;
    return {
      nextTicks: () => (passed ? recorded.nextTicks() : Math.min(recorded.nextTicks(), at)),
      poll: (ticks) => {
        if (ticks === at && !passed) this.#take(machine);
        passed ||= ticks >= at;
        return recorded.poll(ticks);
      },
    };
  }

  #take(machine: Machine): void {
    this.#source = copySource(machine.inspectionSource());
    this.#machine = undefined;
  }
}
