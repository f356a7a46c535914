import { describe, expect, test } from 'vitest';
import { HostClock } from '../../../hypervisor/host/clock.ts';
import { asMillis } from '../../../log-format/index.ts';

/** Wall and monotonic clocks that move as told. */
function source(wallMs: number) {
  const state = { monotonic: 500.25, wall: wallMs };
  const clock = new HostClock({
    monotonic: () => state.monotonic,
    wall: () => Math.floor(state.wall),
  });
  return { state, clock };
}

describe('the wall clock', () => {
  test('counts microseconds between two milliseconds of the system clock', () => {
    const { state, clock } = source(1_700_000_000_000);
    const first = clock.wall();
    state.monotonic += 0.25;
    state.wall += 0.25;
    expect(clock.wall() - first).toBe(250);
  });

  test('never differs from the system clock by a millisecond or more', () => {
    const { state, clock } = source(1_700_000_000_000.7);
    for (let step = 0; step < 1_000; step++) {
      // The wall clock runs 5 % slow: far more than NTP would ever slew it.
      state.monotonic += 0.4;
      state.wall += 0.38;
      const difference = clock.wall() - Math.floor(state.wall) * 1_000;
      expect(difference).toBeGreaterThanOrEqual(0);
      expect(difference).toBeLessThan(1_000);
    }
  });

  test.each([3_600_000, -3_600_000])('follows a step of %i ms at once', (step) => {
    const { state, clock } = source(1_700_000_000_000);
    const before = clock.wall();
    state.wall += step;
    expect(Math.abs(clock.wall() - before - step * 1_000)).toBeLessThan(1_000);
  });

  test('is the time of day', () => {
    const clock = new HostClock();
    const before = Date.now();
    const wall = clock.wall() / 1_000;
    expect(wall).toBeGreaterThanOrEqual(before);
    expect(wall).toBeLessThan(Date.now() + 1);
  });
});

describe('a timer', () => {
  test('runs at or after its time, earlier ones first', async () => {
    const clock = new HostClock();
    const start = clock.now();
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      const at = (ms: number, name: string): void => {
        clock.setTimer(asMillis(start + ms), () => {
          order.push(name);
          expect(clock.now()).toBeGreaterThanOrEqual(start + ms);
          if (order.length === 3) resolve();
        });
      };
      at(12.6, 'third');
      at(-5, 'first');
      at(6.2, 'second');
    });
    expect(order).toEqual(['first', 'second', 'third']);
  });

  test('that is early by a fraction waits on', async () => {
    let now = 0;
    const clock = new HostClock({ monotonic: () => now, wall: () => 0 });
    let ran = 0;
    await new Promise<void>((resolve) => {
      clock.setTimer(asMillis(1), () => {
        ran = now;
        resolve();
      });
      setTimeout(() => {
        now = 0.9;
        setTimeout(() => {
          now = 1;
        }, 2);
      }, 2);
    });
    expect(ran).toBe(1);
  });

  test('does not run once cancelled', async () => {
    const clock = new HostClock();
    let ran = false;
    clock
      .setTimer(clock.now(), () => {
        ran = true;
      })
      .cancel();
    await new Promise<void>((resolve) => clock.setTimer(asMillis(clock.now() + 3), resolve));
    expect(ran).toBe(false);
  });

  test('a deadline in years is not now', async () => {
    const clock = new HostClock();
    let ran = false;
    const timer = clock.setTimer(asMillis(clock.now() + 1e11), () => {
      ran = true;
    });
    await new Promise<void>((resolve) => clock.setTimer(asMillis(clock.now() + 3), resolve));
    expect(ran).toBe(false);
    timer.cancel();
  });
});

test('defer runs after events that wait already', async () => {
  const clock = new HostClock();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    clock.defer(() => {
      order.push('deferred');
      resolve();
    });
    queueMicrotask(() => order.push('microtask'));
    order.push('now');
  });
  expect(order).toEqual(['now', 'microtask', 'deferred']);
});
