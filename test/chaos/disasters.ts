/** The arbiter is away, and everything at once. */

import { mustNotSay } from './expect.ts';
import type { Story } from './stories.ts';
import type { Trial } from './trial.ts';

type Blow = (trial: Trial) => Promise<void>;

/** Each leaves the cluster with one primary, or with a decision under way. */
const BLOWS: readonly Blow[] = [
  async ({ cluster }) => {
    const { primary } = await cluster.protect();
    await cluster.kill(primary);
  },
  async ({ cluster }) => {
    const { backup } = await cluster.protect();
    await cluster.kill(backup);
  },
  async (trial) => {
    const { primary, backup } = await trial.cluster.protect();
    await trial.cluster.freeze(primary);
    await trial.live(backup);
    trial.cluster.thaw(primary);
  },
  async (trial) => {
    const { backup } = await trial.cluster.protect();
    backup.proxy?.blackhole();
    await trial.cluster.until('a suspicion', () =>
      backup.process.events.some(({ evt }) => evt === 'suspected' || evt === 'reset'),
    );
    backup.proxy?.heal();
  },
  async (trial) => {
    const { backup } = await trial.cluster.protect();
    backup.proxy?.reset();
  },
  async (trial) => {
    const { backup } = await trial.cluster.protect();
    backup.proxy?.impair({ there: { delayMs: 10, jitterMs: 20 } });
    await trial.load(30);
    backup.proxy?.heal();
  },
];

export const DISASTERS: readonly Story[] = [
  {
    name: 'arbiter-away',
    says: 'without an arbiter the service goes on, and no view changes (P1, B3)',
    async run(trial) {
      const { cluster, primary, backup } = trial;
      await trial.moment();
      cluster.takeArbiter();
      await trial.load(300);
      mustNotSay(primary, 'unprotected', 'arbiter.unavailable');
      mustNotSay(backup, 'live');
      await cluster.kill(primary);
      await cluster.event(backup, 'arbiter.unavailable');
      mustNotSay(backup, 'live');
      cluster.returnArbiter();
      await trial.live(backup);
      await trial.load(100);
    },
  },
  {
    name: 'arbiter-away-partition',
    says: 'without an arbiter a partition promotes nobody and answers nobody; with it one goes on (P2)',
    async run(trial) {
      const { cluster, primary, backup } = trial;
      await trial.moment();
      cluster.takeArbiter();
      backup.proxy?.blackhole();
      await Promise.all([primary, backup].map((one) => cluster.event(one, 'arbiter.unavailable')));
      mustNotSay(primary, 'unprotected');
      mustNotSay(backup, 'live');
      cluster.returnArbiter();
      await cluster.solePrimary();
      backup.proxy?.heal();
      await trial.load(100);
    },
  },
  {
    name: 'mixed',
    says: 'any faults in any order lose and double nothing (B12, B13)',
    async run(trial) {
      await trial.load(50);
      for (let n = 0; n < 6; n += 1) {
        const blow = BLOWS[trial.chance.below(BLOWS.length)];
        trial.cluster.note(`blow ${blow === undefined ? '' : BLOWS.indexOf(blow)}`);
        await blow?.(trial);
        await trial.moment();
      }
      await trial.cluster.solePrimary();
      await trial.load(100);
    },
  },
];
