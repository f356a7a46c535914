import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { turnAfter } from '../../../hypervisor/timeline/log-groups.ts';
import type { Timeline } from '../../../hypervisor/timeline/timeline.ts';
import { lsn, openGolden, placeOf, straight, timelineOf } from './timeline-world.ts';

const kv = openGolden('kv');
const kvStraight = straight(kv);

describe('a timeline', () => {
  test.each(['counter', 'kv-killed', 'failover', 'turn-ticks', 'uncaught-error'])(
    'of %s is at every position what a straight replay is there, forward and backward',
    (name) => {
      const world = openGolden(name);
      const expected = straight(world);
      const timeline = timelineOf(world);
      const positions = [...expected.keys()].filter((_, index) => index % 7 === 0 || index < 20);
      for (const position of [...positions, ...positions.toReversed()]) {
        expect(timeline.goto(lsn(position))).toBe('arrived');
        expect(placeOf(timeline), `at ${position}`).toBe(expected.get(position));
      }
      expect(timeline.goto(timeline.end)).toBe('arrived');
      expect(placeOf(timeline)).toBe(expected.get(world.index.lastLsn));
      expect(timeline.divergence).toBeUndefined();
    },
  );

  test('walked at random is at each place what a straight replay is there', () => {
    const timeline = timelineOf(kv, { bytes: 12 * 1024 * 1024 });
    const last = kv.index.lastLsn;
    const move = fc.oneof(
      fc.integer({ min: 0, max: last }).map((to) => (on: Timeline) => void on.goto(lsn(to))),
      fc.integer({ min: 1, max: 30 }).map((count) => (on: Timeline) => void on.step(count)),
      fc.integer({ min: 1, max: 30 }).map((count) => (on: Timeline) => void on.back(count)),
      fc.integer({ min: 1, max: 5 }).map((count) => (on: Timeline) => void on.outputsLast(count)),
      fc.integer({ min: 1, max: last }).map((from) => (on: Timeline) => {
        const turn = turnAfter(kv.index, lsn(from - 1));
        if (turn !== undefined) on.gotoTick(turn.lsn, 0, { relative: true });
      }),
      fc.constant((on: Timeline) => void on.nextStretch()),
      fc.constant((on: Timeline) => void on.next(({ record }) => record.id === 4)),
    );
    fc.assert(
      fc.property(fc.array(move, { minLength: 1, maxLength: 12 }), (moves) => {
        for (const go of moves) {
          go(timeline);
          const { lsn: at } = timeline.position;
          const [ticks, , memory] = placeOf(timeline).split(' ');
          const [, , expected] = kvStraight.get(at)?.split(' ') ?? [];
          expect(memory, `at ${at}`).toBe(expected);
          expect(ticks).toBeDefined();
        }
      }),
      { numRuns: 40 },
    );
    expect(timeline.checkpoints.lsns().length).toBeGreaterThan(1);
  });
});
