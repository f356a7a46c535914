/**
 * The alarm that may ring inside a turn. Like the other one it is state, not output; what it does in
 * the middle of a turn is the machine's business, what it does between turns the ordinary alarm's.
 */

import { readNumber } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

export class PreemptDevice implements Device {
  readonly name = 'preempt';
  readonly #board: Board;
  #at: number | undefined;

  constructor(board: Board) {
    this.#board = board;
  }

  /** Microseconds since the Unix epoch, or undefined when disarmed. */
  get at(): number | undefined {
    return this.#at;
  }

  trap(): Partial<Record<'preempt', TrapHandler>> {
    return {
      preempt: (argv) => {
        const at = readNumber(this.#board.engine, argv, 0);
        this.#at = at < 0 ? undefined : at;
        return 0;
      },
    };
  }

  interrupt(): boolean {
    return true;
  }

  save(): number | undefined {
    return this.#at;
  }

  restore(state: number | null): void {
    this.#at = state ?? undefined;
  }
}
