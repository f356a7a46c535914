import { describe, expect, test } from 'vitest';
import { busyTurn, HangDetector, noteBusy } from '../../../hypervisor/host/hang-watch.ts';
import { CONTROL, newControl } from '../../../hypervisor/host/worker-protocol.ts';

const LIMIT = { limitMs: 1000, lookMs: 100 };

/** Looks every 100 ms until `untilMs`; the first turn found hung. */
function watch(
  detector: HangDetector,
  untilMs: number,
  before: (now: number) => void = () => undefined,
): number | undefined {
  for (let now = 0; now <= untilMs; now += 100) {
    before(now);
    const found = detector.look(now);
    if (found !== undefined) return found;
  }
  return undefined;
}

describe('a hang', () => {
  test('is a turn without a poll for as long as the limit', () => {
    const control = newControl();
    noteBusy(control, 7);
    expect(watch(new HangDetector(control, LIMIT), 900)).toBeUndefined();
    expect(watch(new HangDetector(control, LIMIT), 1100)).toBe(7);
  });

  test('is no machine that has nothing to do, nor one that polls or goes from turn to turn', () => {
    const control = newControl();
    expect(watch(new HangDetector(control, LIMIT), 60_000)).toBeUndefined();
    noteBusy(control, 7);
    const polls = (now: number): void => {
      if (now % 900 === 0) Atomics.add(control, CONTROL.alive, 1);
    };
    expect(watch(new HangDetector(control, LIMIT), 60_000, polls)).toBeUndefined();
    const turns = (now: number): void => noteBusy(control, 8 + Math.floor(now / 900));
    expect(watch(new HangDetector(control, LIMIT), 60_000, turns)).toBeUndefined();
  });

  test('is no process that was stopped: what was not looked at does not count', () => {
    const control = newControl();
    noteBusy(control, 7);
    const detector = new HangDetector(control, LIMIT);
    detector.look(0);
    expect(detector.look(3_600_000)).toBeUndefined();
    expect(detector.state.silentMs).toBeLessThanOrEqual(200);
  });
});

test('the turn a machine is at fits two words, whatever its lsn', () => {
  const control = newControl();
  for (const lsn of [1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 45 + 12_345]) {
    noteBusy(control, lsn);
    expect(busyTurn(control)).toBe(lsn);
  }
  noteBusy(control, 0);
  expect(busyTurn(control)).toBe(0);
});
