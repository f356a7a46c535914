/**
 * The CPU's clockwork: exact ticks from the engine's interrupt counter, slices, and the one way
 * into the middle of a turn. A tick is one interrupt poll retired: a jump, a call, a construction.
 *
 * The engine counts down and calls `poll` when it reaches zero, after reloading 10,000. We write
 * the counter ourselves, never above 9,999, so that (a) the next poll happens at a tick of our
 * choosing and (b) a poll of the regular expression engine, which leaves the counter alone, is
 * told apart: only our polls see 10,000. Guest state is touched in our polls only.
 */

import type { Lsn, MidTurnRecord, Ticks } from '../../log-format/index.ts';
import { assert } from '../base/assert.ts';
import { SLICE_TICKS_MAX } from '../base/limits.ts';
import type { Budget } from './budget.ts';
import type { Engine } from './engine.ts';
import { POLL_RELOAD } from './engine-abi.ts';

/** Where a mid-turn record comes from: the world on a live machine, the log on a replaying one. */
export interface MidTurnSource {
  /** The tick of the next record of this turn, or Infinity when none is known. */
  nextTicks(): number;
  /** Called at each poll; returns what applies at exactly this tick, already logged. */
  poll(ticks: Ticks): { readonly record: MidTurnRecord; readonly lsn: Lsn } | undefined;
}

export interface CpuHooks {
  /** A mid-turn record applies now, at the current tick. */
  onMidTurn(record: MidTurnRecord, lsn: Lsn): void;
  /** Called at every poll of either kind: proof of life for the watchdog. */
  onAlive(): void;
  /** The budget is used up at the current tick: stop the guest. */
  onLimit(reason: string): void;
}

export class Cpu {
  readonly #engine: Engine;
  readonly #hooks: CpuHooks;
  #base = 0;
  #written = POLL_RELOAD;
  #source: MidTurnSource | undefined;
  #budget: Budget | undefined;
  #stopping = false;

  /** `ticks`: retired before this engine's memory was saved; 0 for one that was just booted. */
  constructor(engine: Engine, hooks: CpuHooks, ticks = 0) {
    this.#engine = engine;
    this.#hooks = hooks;
    this.#base = ticks;
    engine.counter = POLL_RELOAD;
  }

  /** The engine's memory was put back to a time when it had retired `ticks`. */
  restore(ticks: number): void {
    this.#base = ticks;
    this.#written = POLL_RELOAD;
    this.#engine.counter = POLL_RELOAD;
    this.#stopping = false;
  }

  /** Ticks retired since boot; exact at any trap and between turns. */
  get ticks(): Ticks {
    return (this.#base + this.#written - this.#engine.counter) as Ticks;
  }

  /** The guest is being stopped: whatever it still runs ends at its next poll. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** From now on turns end at the limits of `budget`. */
  limit(budget: Budget): void {
    this.#budget = budget.limited ? budget : undefined;
  }

  /** Opens a turn. The counter is rewritten, so that its phase never depends on the past. */
  beginTurn(source: MidTurnSource): void {
    this.#source = source;
    this.#budget?.beginTurn(this.ticks);
    this.#arm();
  }

  endTurn(): void {
    this.#base = this.ticks;
    this.#budget?.look(this.#base);
    this.#written = POLL_RELOAD;
    this.#engine.counter = POLL_RELOAD;
    this.#source = undefined;
  }

  /** Ends the guest at its next poll: an exception it cannot catch. */
  stop(): void {
    this.#stopping = true;
    this.#base = this.ticks;
    this.#written = 1;
    this.#engine.counter = 1;
  }

  /** In a poll, before guest code runs on top of it: that is bound by the same limits and records. */
  rearm(): void {
    this.#arm();
  }

  /** The engine's interrupt handler; 1 stops the guest. */
  poll(): number {
    this.#hooks.onAlive();
    if (this.#engine.counter !== POLL_RELOAD) return this.#regexPoll();
    this.#base += this.#written;
    this.#written = POLL_RELOAD;
    if (this.#stopping || this.#overBudget()) return 1;
    const due = this.#source?.poll(this.#base as Ticks);
    if (due !== undefined) {
      assert(due.record.ticks === this.#base, 'a mid-turn record applies at its own tick');
      this.#hooks.onMidTurn(due.record, due.lsn);
      if (this.#stopping) return 1;
    }
    this.#arm();
    return 0;
  }

  /** Touches no guest state but the counter, whose next poll may have to come sooner. */
  #regexPoll(): number {
    if (this.#stopping) return 1;
    if (this.#budget === undefined || this.#source === undefined) return 0;
    this.#budget.chargeRegex();
    if (this.#overBudget()) return 1;
    this.#arm();
    return 0;
  }

  #overBudget(): boolean {
    // Outside a turn the firmware boots.
    if (this.#budget === undefined || this.#source === undefined) return false;
    const reason = this.#budget.exceeded(this.ticks);
    if (reason === undefined) return false;
    this.#hooks.onLimit(reason);
    return this.#stopping;
  }

  #arm(): void {
    const now = this.ticks;
    const next = this.#source?.nextTicks() ?? Number.POSITIVE_INFINITY;
    // A recorded tick that has passed belongs to a machine that took another path: it can no longer
    // apply, and the divergence shows at the turn's end.
    const left = next > now ? next - now : Number.POSITIVE_INFINITY;
    this.#base = now;
    this.#written = Math.min(SLICE_TICKS_MAX, left);
    if (this.#budget !== undefined)
      this.#written = Math.min(this.#written, Math.max(1, this.#budget.limitAt() - now));
    this.#engine.counter = this.#written;
  }
}
