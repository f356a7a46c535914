/**
 * How much CPU a guest may use: ticks of one turn, and ticks of all turns within one second of the
 * guest's clock. A pure function of records and ticks, so that every replica and every replay stops
 * the guest at the same tick, without a record of it.
 *
 * Seconds are counted from the log's start. A second has the ticks that are retired while the clock
 * shows it: its budget begins where a turn, a record or the ticks themselves bring the clock into it.
 * The clock moves a microsecond each TICKS_PER_MICRO ticks, so that no second can have more than
 * 128,000,000; a larger limit stops nothing.
 */

import { TICKS_PER_MICRO } from '../base/limits.ts';

const MICROS_PER_SECOND = 1_000_000;
/** What a poll of the regular expression engine costs: the steps between two of them. They retire no ticks. */
const REGEX_POLL_TICKS = 10_000;

export interface BudgetLimits {
  /** 0: no limit, for both. */
  readonly turnTicksMax: number;
  readonly secondTicksMax: number;
  /** Microseconds: where the first second begins. */
  readonly startedAt: number;
}

/** The clock stood at `base` microseconds, a whole number, when `baseTicks` had been retired. */
export interface ClockPosition {
  readonly base: number;
  readonly baseTicks: number;
}

/** Between turns. `secondTicks`: the tick at which the budget of `second` began. */
export interface BudgetState {
  readonly second: number;
  readonly secondTicks: number;
}

export class Budget {
  readonly #limits: BudgetLimits;
  readonly #position: () => ClockPosition;
  readonly limited: boolean;
  #turnTicks = 0;
  #second = 0;
  #secondTicks: number;

  /** `ticks`: where the machine stands, before its first turn. */
  constructor(limits: BudgetLimits, position: () => ClockPosition, ticks: number) {
    this.#limits = limits;
    this.#position = position;
    this.#secondTicks = ticks;
    this.limited = limits.turnTicksMax > 0 || limits.secondTicksMax > 0;
  }

  /** A turn starts at `ticks`; the clock shows its time already. */
  beginTurn(ticks: number): void {
    this.#turnTicks = ticks;
    this.look(ticks);
  }

  /** Call at `ticks` before and after the clock is moved, and when a turn ends. */
  look(ticks: number): void {
    if (this.#limits.secondTicksMax === 0) return;
    const { base, baseTicks } = this.#position();
    const micros =
      base - this.#limits.startedAt + Math.floor((ticks - baseTicks) / TICKS_PER_MICRO);
    const second = Math.floor(micros / MICROS_PER_SECOND);
    if (second <= this.#second) return;
    this.#second = second;
    this.#secondTicks = Math.max(baseTicks, this.#beginningOf(second));
  }

  /** The regular expression engine polled: its steps count, though they are no ticks. */
  chargeRegex(): void {
    this.#turnTicks -= REGEX_POLL_TICKS;
    this.#secondTicks -= REGEX_POLL_TICKS;
  }

  /** The tick at which this turn must end if nothing moves the clock before; Infinity: at none. */
  limitAt(): number {
    return Math.min(this.#turnLimit(), this.#secondLimit());
  }

  /** Which limit `ticks` has reached, in words for the guest's user. */
  exceeded(ticks: number): string | undefined {
    this.look(ticks);
    const { turnTicksMax, secondTicksMax } = this.#limits;
    if (ticks >= this.#turnLimit()) return `one turn used ${grouped(turnTicksMax)} ticks (--cpu)`;
    if (secondTicksMax === 0 || ticks < this.#secondTicks + secondTicksMax) return undefined;
    return `one second of its clock used ${grouped(secondTicksMax)} ticks (--cpu)`;
  }

  save(): BudgetState {
    return { second: this.#second, secondTicks: this.#secondTicks };
  }

  restore(state: BudgetState): void {
    this.#second = state.second;
    this.#secondTicks = state.secondTicks;
  }

  #turnLimit(): number {
    const { turnTicksMax } = this.#limits;
    return turnTicksMax === 0 ? Number.POSITIVE_INFINITY : this.#turnTicks + turnTicksMax;
  }

  #secondLimit(): number {
    const { secondTicksMax } = this.#limits;
    if (secondTicksMax === 0) return Number.POSITIVE_INFINITY;
    const limit = this.#secondTicks + secondTicksMax;
    const next = this.#beginningOf(this.#second + 1);
    if (limit < next) return limit;
    // Ticks carry the clock into the next second first. They never fill a whole one that allows so many.
    return secondTicksMax < MICROS_PER_SECOND * TICKS_PER_MICRO
      ? next + secondTicksMax
      : Number.POSITIVE_INFINITY;
  }

  /** The tick at which the clock, left alone, comes into `second`. */
  #beginningOf(second: number): number {
    const { base, baseTicks } = this.#position();
    const ahead = this.#limits.startedAt + second * MICROS_PER_SECOND - base;
    return baseTicks + ahead * TICKS_PER_MICRO;
  }
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
