import { describe, expect, it } from 'vitest';
import { LONG } from '../support/long.ts';
import { loopNth, NTH_KINDS, type NthTotals, runNth, STORIES } from './nth.ts';

/** `npm run sim -- --nth` leaves nothing out. */
const STRIDE = LONG ? 1 : 5;

describe('the n-th of everything', () => {
  for (const story of Object.keys(STORIES)) {
    it(`goes wrong in the story ${story}, once and from then on, and no promise is broken`, () => {
      const totals: NthTotals = { runs: 0, reached: new Map(), failures: [] };
      for (const kind of NTH_KINDS) {
        for (const persistent of [false, true])
          loopNth({ story, kind, persistent }, { stride: STRIDE }, totals);
      }
      expect(totals.failures.slice(0, 3)).toEqual([]);
      expect(totals.runs).toBeGreaterThan(100);
      if (story !== 'alone') expect(Math.min(...totals.reached.values())).toBeGreaterThan(0);
    });
  }

  it('a loop ends when the story does', () => {
    expect(runNth({ story: 'serve', kind: 'drop', n: 1, persistent: false }).struck).toBe(true);
    expect(runNth({ story: 'serve', kind: 'drop', n: 9_999, persistent: false }).struck).toBe(
      false,
    );
  });
});
