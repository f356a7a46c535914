import { beforeEach, describe, expect, test } from 'vitest';
import {
  REDIAL_GIVEN_UP_MS,
  REDIAL_JITTER,
  REDIAL_MS,
  REDIAL_MS_MAX,
  REDIALS_MAX,
} from '../../../hypervisor/base/limits.ts';
import { Redials } from '../../../hypervisor/host/redials.ts';
import { ManualClock } from './manual-clock.ts';

const B = 'b:1';

let clock: ManualClock;
let dials: { readonly peer: string; readonly at: number }[];
let joins: boolean;
let luck: number;
let redials: Redials;

beforeEach(() => {
  clock = new ManualClock();
  dials = [];
  joins = true;
  luck = 0;
  redials = new Redials({
    clock,
    chance: () => luck,
    configured: ['configured:1'],
    dial: (peer) => {
      dials.push({ peer, at: clock.now() });
      return joins;
    },
  });
});

/** Pauses between the dials there were, all of which failed at once. */
function pausesOfDead(count: number): readonly number[] {
  redials.ask(B);
  while (dials.length <= count) {
    redials.closed(B, 'lost');
    clock.advance(REDIAL_MS_MAX);
  }
  return dials.slice(1).map(({ at }, index) => at - REDIAL_MS_MAX * index);
}

describe('one address', () => {
  test('asked for a hundred times is dialled once, and nothing is left to fall due', () => {
    for (let n = 0; n < 100; n++) redials.ask(B);
    clock.advance(60_000);
    expect(dials).toEqual([{ peer: B, at: 0 }]);
    expect(clock.timers).toBe(0);
  });

  test('asked for a hundred times while it is lost has one timer and is dialled once', () => {
    redials.ask(B);
    redials.closed(B, 'lost');
    for (let n = 0; n < 100; n++) {
      redials.ask(B);
      expect(clock.timers).toBe(1);
    }
    clock.advance(60_000);
    expect(dials.map(({ at }) => at)).toEqual([0, REDIAL_MS]);
  });

  test('that cannot be taken yet is tried again, one timer at a time, however often it asks', () => {
    joins = false;
    for (let n = 0; n < 20; n++) {
      redials.ask(B);
      expect(clock.timers).toBe(1);
      clock.advance(100);
    }
    const gaps = dials.slice(1).map(({ at }, index) => at - (dials[index]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(REDIAL_MS);
    joins = true;
    clock.advance(REDIAL_MS_MAX);
    const taken = dials.length;
    clock.advance(60_000);
    expect(dials).toHaveLength(taken);
  });

  test('that asks is dialled sooner than its pause, but never twice within the shortest', () => {
    redials.ask(B);
    for (let n = 0; n < 6; n++) {
      redials.closed(B, 'lost');
      clock.advance(REDIAL_MS_MAX);
    }
    redials.closed(B, 'lost');
    const before = dials.length;
    clock.advance(REDIAL_MS);
    expect(dials).toHaveLength(before);
    redials.ask(B);
    expect(dials).toHaveLength(before + 1);
    redials.closed(B, 'lost');
    redials.ask(B);
    expect(dials).toHaveLength(before + 1);
    clock.advance(REDIAL_MS);
    expect(dials).toHaveLength(before + 2);
  });
});

describe('the pauses between dials of a dead backup', () => {
  test('double up to the bound, and the dials never end', () => {
    expect(pausesOfDead(8)).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
  });

  test('are shorter by chance, by a bounded share', () => {
    luck = 0.999_999;
    const full = [250, 500, 1000, 2000, 4000, 5000, 5000, 5000];
    for (const [nth, pause] of pausesOfDead(8).entries())
      expect(pause).toBeCloseTo((full[nth] ?? 0) * (1 - REDIAL_JITTER), 1);
  });

  test('begin anew when it was in the view, or when its link lived for long', () => {
    for (const recovers of [() => redials.joined(B), () => clock.advance(2 * REDIAL_MS_MAX)]) {
      pausesOfDead(dials.length + 6);
      recovers();
      redials.closed(B, 'lost');
      const { length } = dials;
      clock.advance(REDIAL_MS);
      expect(dials).toHaveLength(length + 1);
    }
  });
});

describe('a backup that was given up', () => {
  test('is not dialled again by itself', () => {
    redials.ask(B);
    redials.giveUp(B, 'refused');
    redials.closed(B, 'lost');
    clock.advance(10 * REDIAL_GIVEN_UP_MS);
    expect(dials).toHaveLength(1);
  });

  test('is dialled when it asks, at most once in the long pause', () => {
    redials.ask(B);
    redials.giveUp(B, 'refused');
    redials.closed(B, 'lost');
    for (let n = 0; n < 3 * 60; n++) {
      redials.ask(B);
      expect(clock.timers).toBeLessThanOrEqual(1);
      clock.advance(REDIAL_GIVEN_UP_MS / 60);
      redials.closed(B, 'lost');
    }
    expect(dials.map(({ at }) => at)).toEqual([0, 1, 2, 3].map((n) => n * REDIAL_GIVEN_UP_MS));
  });

  test('is one like any other again once it is in the view', () => {
    redials.ask(B);
    redials.giveUp(B, 'refused');
    redials.joined(B);
    redials.closed(B, 'lost');
    clock.advance(REDIAL_MS);
    expect(dials).toHaveLength(2);
  });
});

describe('what is told of an address without a link', () => {
  test('is the reason of its last link and how many ended, and nothing while it is dialled', () => {
    redials.ask(B);
    expect(redials.failed).toEqual([]);
    redials.closed(B, 'ECONNREFUSED');
    expect(redials.failed).toEqual([{ peer: B, reason: 'ECONNREFUSED', tries: 1, givenUp: false }]);
    clock.advance(REDIAL_MS);
    expect(redials.failed).toEqual([]);
    redials.closed(B, 'timed out');
    expect(redials.failed).toMatchObject([{ reason: 'timed out', tries: 2 }]);
    redials.joined(B);
    expect(redials.failed).toEqual([]);
  });

  test('is why it refused, not that it hung up then; and later why it is away', () => {
    redials.ask(B);
    redials.giveUp(B, 'another engine');
    redials.closed(B, 'closed by the peer');
    expect(redials.failed).toEqual([
      { peer: B, reason: 'another engine', tries: 1, givenUp: true },
    ]);
    redials.ask(B);
    clock.advance(REDIAL_GIVEN_UP_MS);
    redials.closed(B, 'ECONNREFUSED');
    expect(redials.failed).toMatchObject([{ reason: 'ECONNREFUSED', tries: 2 }]);
  });
});

test('addresses do not pile up: the one not reached for longest is forgotten, a configured one never', () => {
  const dead = (peer: string): void => {
    redials.ask(peer);
    redials.closed(peer, 'lost');
  };
  dead('configured:1');
  for (let n = 0; n < 10 * REDIALS_MAX; n++) {
    dead(`fresh:${n}`);
    clock.advance(1);
    expect(clock.timers).toBeLessThanOrEqual(REDIALS_MAX);
  }
  dials.length = 0;
  redials.closed('configured:1', 'lost');
  clock.advance(2 * REDIAL_MS_MAX);
  const dialled = new Set(dials.map(({ peer }) => peer));
  expect(dialled).toContain('configured:1');
  expect(dialled).toContain(`fresh:${10 * REDIALS_MAX - 1}`);
  expect(dialled).not.toContain('fresh:0');
});

test('a primary that has ended dials nobody', () => {
  redials.ask(B);
  redials.closed(B, 'lost');
  redials.stop();
  redials.ask('c:1');
  redials.closed(B, 'lost');
  clock.advance(60_000);
  expect(dials).toHaveLength(1);
  expect(clock.timers).toBe(0);
});
