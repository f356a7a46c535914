/** What the world does to a program, drawn together with it: nothing of it is decided at run time. */

import fc from 'fast-check';

/** One thing that happens, as far as the guest's state lets it. */
export interface Step {
  readonly action: number;
  /** Which of several: connection, error, signal. */
  readonly which: number;
  /** Bytes of data or of the drain. */
  readonly size: number;
  readonly afterMicros: number;
  /** Interrupts logged together before the first of them runs. */
  readonly group: number;
}

/** A mid-turn record: at the first turn with so many ticks since its start. */
export interface Cut {
  /** Number of the turn since the boot. */
  readonly turn: number;
  readonly ticks: number;
  /** Microseconds the clock is moved forward; undefined stops the guest. */
  readonly forward: number | undefined;
}

export interface Schedule {
  readonly seed: number;
  readonly steps: readonly Step[];
  /**
   * `cuts`: mid-turn records at ticks of our choosing. `host`: as a live hypervisor makes them, at
   * whatever poll the host's clock is late or somebody wants a stop.
   */
  readonly live: 'cuts' | 'host';
  readonly cuts: readonly Cut[];
  /** How late the host's clock is at each poll, microseconds, over and over. */
  readonly lags: readonly number[];
  readonly stopAtPoll: number | undefined;
  readonly turnTicksMax: number | undefined;
}

/** Undefined nearly always. */
function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 30, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

const step: fc.Arbitrary<Step> = fc.record({
  action: fc.nat({ max: 31 }),
  which: fc.nat({ max: 7 }),
  size: fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 3000 })),
  afterMicros: fc.oneof(fc.constant(0), fc.nat({ max: 3000 })),
  group: fc.integer({ min: 1, max: 4 }),
});

const cut: fc.Arbitrary<Cut> = fc.record({
  turn: fc.nat({ max: 30 }),
  ticks: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 30_000 })),
  forward: fc.oneof(
    { weight: 60, arbitrary: fc.nat({ max: 40_000 }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
});

export const schedule: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.nat(),
  steps: fc.array(step, { minLength: 4, maxLength: 30, size: 'max' }),
  live: fc.constantFrom('cuts', 'host'),
  cuts: fc.array(cut, { maxLength: 8, size: 'max' }),
  lags: fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 30_000 })), { minLength: 1, maxLength: 6 }),
  stopAtPoll: seldom(fc.nat({ max: 40 })),
  turnTicksMax: seldom(fc.integer({ min: 3_000, max: 60_000 })),
});
