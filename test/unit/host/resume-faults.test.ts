import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { logKey, useLogKeys } from '../../../hypervisor/host/log-keys.ts';
import { openLog, verifyLog } from '../../../hypervisor/host/log-reader.ts';
import { Random } from '../../simulator/random.ts';
import { Life, type LifeEnd, Lives, type LivesOptions } from '../../support/lives.ts';
import { LONG } from '../../support/long.ts';
import { LIFE_FAULTS, type LifeFault, MortalDisk } from '../../support/platter.ts';

/**
 * Cases per test, spread evenly over the operations of a life and the faults; `HV_FAULTS=900` is every
 * one of them.
 */
const CASES = Number(process.env.HV_FAULTS ?? 2);
const OPERATIONS = 150;
const STEPS = 12;
const KEPT: LivesOptions['keep'] = { type: 'records', amount: 16 };

interface Case {
  readonly seed: number;
  /** Operation of the first life that fails; 0: none, and the second life fails first. */
  readonly first: number;
  readonly second: number;
  readonly fault: LifeFault;
  /** The power fails after each life that ends badly. */
  readonly power: boolean;
  readonly options: LivesOptions;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lives one after the other in one directory: how many met their fault. Rejects with what is wrong. */
async function live(one: Case): Promise<number> {
  const random = new Random(one.seed);
  const lives = new Lives(one.options);
  const { platter } = lives;
  const story: string[] = [];
  const ends: LifeEnd[] = [];
  let hit = 0;
  const next = async (at: number, end: 'kill' | 'stop', steps: number): Promise<void> => {
    const disk = new MortalDisk(platter, at, one.fault);
    const life = new Life(lives, disk, (ms) => vi.advanceTimersByTime(ms));
    let how: LifeEnd | 'broken' = 'broken';
    try {
      how = await life.run(steps, end);
    } finally {
      story.push(`fault ${at}: ${how} at ${disk.operations.at(at - 1) ?? 'no operation'}`);
    }
    ends.push(how);
    if (disk.hit) hit += 1;
    if (life.started) lives.forgive = false;
    if (!one.power || how === 'stopped') return;
    const worst = random.chance(0.5);
    story.push(worst ? 'power cut' : 'power cut, some kept');
    platter.cutPower(worst ? { type: 'worst' } : { type: 'some', random: () => random.next() });
    if (one.options.ownLog === 'written') lives.forgive = true;
  };
  try {
    await next(one.first, random.chance(0.5) ? 'kill' : 'stop', STEPS);
    await next(one.second, 'kill', STEPS);
    await next(1 + random.integer(0, 59), 'stop', 4);
    await next(0, 'stop', 3);
    expect(ends.at(-1)).toBe('stopped');
    expect(verifyLog(openLog(lives.dir))).toMatchObject({ sealed: true, tornBytes: 0 });
    await next(0, 'kill', 0);
  } catch (error) {
    const text = `${JSON.stringify(one)}\n${story.join('\n')}\n${String(error)}`;
    throw new Error(text, { cause: error });
  } finally {
    lives.remove();
  }
  return hit;
}
const VARIANTS: readonly (Pick<Case, 'power' | 'options'> & {
  readonly name: string;
  readonly sealed?: true;
})[] = [
  { name: 'killed', power: false, options: { ownLog: 'written', keep: { type: 'all' } } },
  { name: 'killed, forgetting', power: false, options: { ownLog: 'written', keep: KEPT } },
  {
    name: 'without power, --ack durable',
    power: true,
    options: { ownLog: 'durable', keep: KEPT },
  },
  {
    name: 'without power',
    power: true,
    options: { ownLog: 'written', keep: KEPT },
  },
  {
    name: 'killed, with a sealed log',
    power: false,
    options: { ownLog: 'written', keep: KEPT },
    sealed: true,
  },
  {
    name: 'without power, --ack durable, with a sealed log',
    power: true,
    options: { ownLog: 'durable', keep: KEPT },
    sealed: true,
  },
];

/** A seal changes every byte that is written and nothing of the order: what holds with one, holds without. */
const variants = LONG ? VARIANTS : VARIANTS.filter(({ sealed, power }) => sealed && power);

describe.each(variants)('a process $name', ({ power, options, sealed }) => {
  beforeEach(() => {
    const keys = [logKey(new Uint8Array(32).fill(9))];
    if (sealed) useLogKeys({ keys, file: 'in this test', plain: 'refused' });
  });
  afterEach(() => useLogKeys(undefined));

  test('at any operation of its disk resumes with all that was acknowledged', {
    timeout: 3_600_000,
  }, async () => {
    const random = new Random(7);
    const broken: unknown[] = [];
    let hits = 0;
    for (let n = 0; n < CASES; n++) {
      const at = 1 + Math.floor(((n + random.next()) * OPERATIONS) / CASES);
      const atOnce = random.chance(0.5);
      const one = {
        seed: random.integer(0, 1e9),
        first: atOnce ? at : 0,
        second: atOnce ? random.integer(1, 40) : at,
        fault: LIFE_FAULTS[n % LIFE_FAULTS.length] ?? 'error',
        power,
        options,
      };
      await live(one).then(
        (hit) => {
          hits += hit;
        },
        (error: unknown) => broken.push(error),
      );
    }
    expect(broken).toEqual([]);
    expect(hits).toBeGreaterThan(CASES);
  });
});
