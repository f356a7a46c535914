/**
 * Virtual clock. Frozen at the time logged with the turn's interrupt, advanced by ticks inside the
 * turn, moved forward by a resync record in long ones; it never runs backwards, also not across a
 * failover. Reading it therefore costs no log record.
 */

import type { InterruptRecord } from '../../../log-format/index.ts';
import { TICKS_PER_MICRO } from '../../base/limits.ts';
import { newNumber } from '../values.ts';
import type { Board, Device, TrapHandler } from './device.ts';

interface ClockState {
  readonly base: number;
  readonly baseTicks: number;
}

export class ClockDevice implements Device {
  readonly name = 'clock';
  readonly #board: Pick<Board, 'engine'>;
  readonly #ticks: () => number;
  #base: number;
  #baseTicks = 0;

  /** `startedAt`: microseconds, what the clock shows while the firmware boots. */
  constructor(board: Pick<Board, 'engine'>, ticks: () => number, startedAt: number) {
    this.#board = board;
    this.#ticks = ticks;
    this.#base = startedAt;
  }

  /** Microseconds since the Unix epoch, fractional. */
  now(): number {
    return this.#base + (this.#ticks() - this.#baseTicks) / TICKS_PER_MICRO;
  }

  trap(): Partial<Record<'now', TrapHandler>> {
    return { now: () => newNumber(this.#board.engine, this.now()) };
  }

  interrupt(record: InterruptRecord): boolean {
    this.moveTo(record.time);
    return true;
  }

  /** Sets the clock to `time` unless it is already past it. */
  moveTo(time: number): void {
    const now = this.now();
    this.#base = Math.max(Math.ceil(now), time);
    this.#baseTicks = this.#ticks();
  }

  save(): ClockState {
    return { base: this.#base, baseTicks: this.#baseTicks };
  }

  restore(state: ClockState): void {
    this.#base = state.base;
    this.#baseTicks = state.baseTicks;
  }
}
