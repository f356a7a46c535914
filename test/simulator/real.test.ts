import { describe, expect, it } from 'vitest';
import { Coverage } from './coverage.ts';
import { runHistory } from './history.ts';
import { RealMachines } from './real-machine.ts';

/** `npm run sim -- --machine real --seeds 300` runs more of them. */
const SEEDS = 40;
/** One in fifty flips a bit. */
const FLIP_SEEDS = 300;

describe('simulated histories of the real machine', () => {
  it('keep every promise', () => {
    const machines = new RealMachines();
    const coverage = new Coverage();
    let released = 0;
    let epochs = 0;
    const wanted = (seed: number): boolean =>
      seed <= SEEDS || (seed <= FLIP_SEEDS && coverage.of('memory.flip') === 0);
    for (let seed = 1; wanted(seed); seed++) {
      const history = runHistory({ seed, machines });
      machines.recycle();
      const again = `npm run sim -- --machine real --seed ${seed} --trace`;
      expect(history.violations, again).toEqual([]);
      coverage.add(history.coverage);
      released += history.released;
      epochs += history.epochs;
    }
    expect(released).toBeGreaterThan(10 * SEEDS);
    expect(epochs).toBeGreaterThan(SEEDS);
    expect(coverage.of('memory.flip')).toBeGreaterThan(0);
  });

  it('find a difference that is passed over', () => {
    const machines = new RealMachines();
    let found: string | undefined;
    for (let seed = 1; seed <= 60 && found === undefined; seed++) {
      found = runHistory({ seed, machines, sabotage: 'divergenceIgnored' }).violations[0];
      machines.recycle();
    }
    expect(found).toBeDefined();
  });
});
