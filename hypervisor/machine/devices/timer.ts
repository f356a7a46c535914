/**
 * One alarm. The guest keeps its own heap of timers and arms the earliest; when it falls due the
 * host interrupts. A set alarm is state, not output: nothing of it is visible outside.
 */

import type { InterruptRecord } from '../../../log-format/index.ts';
import { INTERRUPT } from '../../../log-format/index.ts';
import { readNumber } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

export class TimerDevice implements Device {
  readonly name = 'timer';
  readonly #board: Board;
  #alarmAt: number | undefined;

  constructor(board: Board) {
    this.#board = board;
  }

  /** Microseconds since the Unix epoch, or undefined when disarmed. */
  get alarmAt(): number | undefined {
    return this.#alarmAt;
  }

  trap(): Partial<Record<'alarm', TrapHandler>> {
    return {
      alarm: (argv) => {
        const at = readNumber(this.#board.engine, argv, 0);
        this.#alarmAt = at < 0 ? undefined : at;
        return 0;
      },
    };
  }

  interrupt(record: InterruptRecord): boolean {
    if (record.kind === INTERRUPT.alarm) this.#alarmAt = undefined;
    return true;
  }

  save(): number | undefined {
    return this.#alarmAt;
  }

  restore(state: number | null): void {
    this.#alarmAt = state ?? undefined;
  }
}
