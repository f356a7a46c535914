/**
 * The watchdog of a machine's thread, for the thread beside it. A guest that computes polls all the
 * time; a built-in that never polls can only be ended by force, and without a watch it would hold a
 * replica for ever. Looks at the shared control words and never touches the machine.
 */

import { CONTROL } from './worker-protocol.ts';

/** Looks per limit: the watch is late by at most one of them. */
const LOOKS_PER_LIMIT = 10;
const LOOK_MS_MAX = 1_000;

/** Lsn of the turn under way, or 0; how long it has run, and how long without a sign of life. */
export interface HangState {
  readonly limitMs: number;
  readonly turn: number;
  readonly busyMs: number;
  readonly silentMs: number;
}

/** Counts the silence of a machine that is at work. Times are milliseconds of a monotonic clock. */
export class HangDetector {
  readonly #control: Int32Array;
  readonly #limitMs: number;
  readonly #lookMs: number;
  #alive = 0;
  #turn = 0;
  #lookedAt: number | undefined;
  #silentMs = 0;
  #busyMs = 0;

  constructor(control: Int32Array, options: { readonly limitMs: number; readonly lookMs: number }) {
    this.#control = control;
    this.#limitMs = options.limitMs;
    this.#lookMs = options.lookMs;
  }

  /** As of the last look, for a turn that is still the same; nothing is known of a later one. */
  get state(): HangState {
    const limitMs = this.#limitMs;
    const turn = busyTurn(this.#control);
    if (turn !== this.#turn) return { limitMs, turn: 0, busyMs: 0, silentMs: 0 };
    return { limitMs, turn, busyMs: this.#busyMs, silentMs: this.#silentMs };
  }

  /** Lsn of the turn that has run into the limit; undefined while there is none. */
  look(now: number): number | undefined {
    const alive = Atomics.load(this.#control, CONTROL.alive);
    const turn = busyTurn(this.#control);
    // A process that was stopped, or a host that slept, could not look: that was nobody's silence.
    const passed = Math.min(now - (this.#lookedAt ?? now), 2 * this.#lookMs);
    this.#lookedAt = now;
    const silent = turn !== 0 && turn === this.#turn && alive === this.#alive;
    this.#silentMs = silent ? this.#silentMs + passed : 0;
    this.#busyMs = turn !== 0 && turn === this.#turn ? this.#busyMs + passed : 0;
    this.#turn = turn;
    this.#alive = alive;
    return this.#silentMs >= this.#limitMs ? turn : undefined;
  }
}

/** Lsn of the turn a machine is at; 0 between turns. */
export function busyTurn(control: Int32Array): number {
  if (Atomics.load(control, CONTROL.busy) === 0) return 0;
  return (control[CONTROL.turnHigh] ?? 0) * 2 ** 32 + ((control[CONTROL.turnLow] ?? 0) >>> 0);
}

/** The machine's side: it begins the turn of `lsn`, or with 0 has nothing to do. */
export function noteBusy(control: Int32Array, lsn: number): void {
  control[CONTROL.turnLow] = lsn | 0;
  control[CONTROL.turnHigh] = Math.floor(lsn / 2 ** 32);
  Atomics.store(control, CONTROL.busy, lsn === 0 ? 0 : 1);
}

/** Watches until `stop`. `limitMs` Infinity: nothing is a hang. */
export class HangWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #detector: HangDetector;

  constructor(control: Int32Array, limitMs: number, onHung: (lsn: number) => void) {
    const lookMs = Math.min(limitMs / LOOKS_PER_LIMIT, LOOK_MS_MAX);
    const detector = new HangDetector(control, { limitMs, lookMs });
    this.#detector = detector;
    this.#timer = setInterval(() => {
      const lsn = detector.look(performance.now());
      if (lsn === undefined) return;
      this.stop();
      onHung(lsn);
    }, lookMs);
    this.#timer.unref();
  }

  get state(): HangState {
    return this.#detector.state;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** What to tell about a turn that was ended by force. */
export function hungText(lsn: number, limitMs: number): string {
  return `turn ${lsn} gave no sign of life for ${limitMs / 1000} s (--hang-limit): the guest is inside a built-in that cannot be interrupted; it was stopped by force`;
}
