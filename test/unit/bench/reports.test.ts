import { expect, test } from 'vitest';
import { summarize } from '../../../bench/failover.ts';
import { report } from '../../../bench/overhead.ts';
import { Chance } from '../../../hypervisor/cli/demo/chance.ts';

test('the overhead report has the ratios of what was measured, and says when the null pair fails', () => {
  const chance = new Chance(1);
  const around = (centre: number) => Array.from({ length: 15 }, () => centre + chance.next());
  const fair = report({ A: around(100), A2: around(100), D: around(90) }, { guest: 'kv', chance });
  expect(fair.ratios.map(({ arm, base }) => `${arm}/${base}`)).toEqual(['A2/A', 'D/A']);
  expect(fair.ratios[1]?.ratio).toBeCloseTo(0.9, 2);
  expect(fair.nullPair?.fair).toBe(true);
  expect(fair.medians).not.toHaveProperty('C');
  const unfair = report({ A: around(100), A2: around(120) }, { guest: 'kv', chance });
  expect(unfair.nullPair?.fair).toBe(false);
  expect(report({ A: around(100), D: around(90) }, { guest: 'kv', chance })).not.toHaveProperty(
    'nullPair',
  );
});

test('the failover report counts a phase over the trials that had it', () => {
  const trial = (live: number, gapMs: number | undefined) => ({
    second: 1,
    pid: 1,
    epoch: 2,
    phasesMs: { live },
    gapMs,
  });
  const { trials, phasesMs } = summarize([trial(5, 9), trial(7, undefined), trial(6, 11)]);
  expect(trials).toBe(3);
  expect(phasesMs.live).toEqual({ count: 3, p50: 6, p99: 7, max: 7 });
  expect(phasesMs.gap).toEqual({ count: 2, p50: 9, p99: 11, max: 11 });
  expect(phasesMs.suspected).toBeUndefined();
});
