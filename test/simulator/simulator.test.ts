import { describe, expect, it } from 'vitest';
import { Coverage } from './coverage.ts';
import { runHistory } from './history.ts';
import { SABOTAGE_NAMES, SABOTAGES } from './sabotage.ts';

const SEEDS = 800;
/** Every planted bug shows within this many histories; most within a few dozen. */
const SABOTAGE_SEEDS = 4_000;

describe('simulated histories', () => {
  it('keep every promise under faults, and every kind of fault has struck', () => {
    const ends: Record<string, number> = {};
    const coverage = new Coverage();
    let epochs = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const history = runHistory({ seed });
      const { violations, end } = history;
      expect(violations, `npm run sim -- --seed ${seed} --trace`).toEqual([]);
      ends[end] = (ends[end] ?? 0) + 1;
      coverage.add(history.coverage);
      epochs += history.epochs;
    }
    // Histories in which nothing happens would keep every promise too.
    expect(coverage.missing()).toEqual([]);
    expect(ends.answered ?? 0).toBeGreaterThan(SEEDS / 2);
    expect(epochs).toBeGreaterThan(2 * SEEDS);
  });

  it('are a function of the seed', () => {
    const once = runHistory({ seed: 11, trace: true });
    const again = runHistory({ seed: 11, trace: true });
    expect(once.trace.length).toBeGreaterThan(20);
    expect(again.trace).toEqual(once.trace);
  });

  for (const sabotage of SABOTAGE_NAMES) {
    it(`show when ${SABOTAGES[sabotage]} (${sabotage})`, () => {
      let found: string | undefined;
      for (let seed = 1; seed <= SABOTAGE_SEEDS && found === undefined; seed++) {
        found = runHistory({ seed, sabotage }).violations[0];
      }
      expect(found).toBeDefined();
    });
  }
});
