/** Replicas that die, freeze, come and go; the network is whole. */

import { mustBeFenced, mustNotSay, mustRefuse } from './expect.ts';
import type { Story } from './stories.ts';

export const PROCESS_STORIES: readonly Story[] = [
  {
    name: 'kill-primary',
    says: 'a killed primary loses and doubles nothing, and what it knew survives the next kill too (B4, B8, B9, B10)',
    async run(trial) {
      const { cluster } = trial;
      await trial.load();
      for (let round = 0; round < 2; round += 1) {
        const { primary, backup } = await cluster.protect();
        await trial.moment();
        await cluster.kill(primary);
        await trial.live(backup);
        await trial.load(100);
      }
    },
  },
  {
    name: 'kill-backup',
    says: 'the primary goes on without its backup, and a fresh one has everything (B2, B7)',
    async run(trial) {
      const { cluster, primary, backup } = trial;
      await trial.moment();
      await cluster.kill(backup);
      await cluster.event(primary, 'unprotected');
      await trial.load(100);
      const fresh = (await cluster.protect()).backup;
      await trial.moment();
      await cluster.kill(primary);
      await trial.live(fresh);
      await trial.load(100);
    },
  },
  {
    name: 'solo-resumed',
    says: 'a primary alone that is killed goes on from its own log; a fresh replica never does (B1, B5, P4)',
    async run(trial) {
      const { cluster, primary, backup } = trial;
      await trial.moment();
      await cluster.kill(backup);
      await cluster.event(primary, 'unprotected');
      await trial.load(100);
      await cluster.kill(primary);
      const fresh = await cluster.startBackup();
      await mustRefuse(cluster.port);
      mustNotSay(fresh, 'live', 'following');
      await cluster.resumePrimary(primary);
      await trial.load(100);
    },
  },
  {
    name: 'kill-both',
    says: 'when both die at once nobody who lacks the state serves (B5)',
    async run(trial) {
      const { cluster, primary, backup } = trial;
      await trial.moment();
      await Promise.all([cluster.kill(primary), cluster.kill(backup)]);
      const fresh = await cluster.startBackup();
      await mustRefuse(cluster.port);
      mustNotSay(fresh, 'live', 'following');
      // Two failures at once are more than one backup protects from: what was acknowledged may be gone.
      trial.abandon();
    },
  },
  {
    name: 'freeze-primary',
    says: 'a primary that was frozen and wakes up says nothing to anybody and ends fenced (G6, B14)',
    async run(trial) {
      const { cluster, primary, backup } = trial;
      await trial.moment();
      await cluster.freeze(primary);
      await trial.live(backup);
      cluster.thaw(primary);
      await mustBeFenced(primary);
      await trial.load(100);
    },
  },
  {
    name: 'frozen-comes-back',
    says: 'a deposed primary comes back as a backup by itself and takes over, and is still the process that was started (F7)',
    cluster: { rejoin: true },
    async run(trial) {
      const { cluster, primary, backup } = trial;
      for (const [old, next] of [
        [primary, backup],
        [backup, primary],
      ] as const) {
        await trial.moment();
        const from = next.process.events.length;
        const before = old.process.events.length;
        await cluster.freeze(old);
        await trial.live(next, from);
        const back = next.process.events.length;
        cluster.thaw(old);
        await cluster.event(old, 'fenced', before);
        await cluster.event(next, 'protected', back);
        await trial.load(100);
      }
      const from = backup.process.events.length;
      await cluster.kill(primary);
      await trial.live(backup, from);
      await trial.load(100);
    },
  },
  {
    name: 'freeze-primary-then-kill-next',
    says: 'a deposed primary does not serve even when its successor dies as well (B15)',
    async run(trial) {
      const { cluster, primary, backup } = trial;
      await trial.moment();
      await cluster.freeze(primary);
      await trial.live(backup);
      const spare = await cluster.startBackup();
      await cluster.join(backup, spare);
      await cluster.event(spare, 'in.step');
      await cluster.kill(backup);
      await trial.live(spare);
      cluster.thaw(primary);
      await mustBeFenced(primary);
      await trial.load(100);
    },
  },
  {
    name: 'freeze-backup',
    says: 'the primary drops a frozen backup, which never takes over and comes back by itself (G9)',
    async run(trial) {
      const { cluster, primary, backup } = trial;
      await trial.moment();
      await cluster.freeze(backup);
      await cluster.event(primary, 'unprotected');
      await trial.load(100);
      const from = primary.process.events.length;
      cluster.thaw(backup);
      await cluster.event(primary, 'protected', from);
      mustNotSay(backup, 'live');
      await trial.moment();
      await cluster.kill(primary);
      await trial.live(backup);
      await trial.load(100);
    },
  },
  {
    name: 'two-backups',
    says: 'one of two backups wins, the other follows it, and both kills lose nothing',
    cluster: { backups: 2 },
    async run(trial) {
      const { cluster, primary } = trial;
      await Promise.all(cluster.members.slice(1).map((one) => cluster.event(one, 'synced')));
      await trial.moment();
      await cluster.kill(primary);
      const winner = await cluster.solePrimary();
      await cluster.event(winner, 'protected');
      await trial.moment();
      await cluster.kill(winner);
      await cluster.solePrimary();
      await trial.load(100);
    },
  },
  {
    name: 'storm',
    says: 'every new primary may be killed as soon as it is protected (G12, B12)',
    async run(trial) {
      const { cluster } = trial;
      for (let round = 0; round < 6; round += 1) {
        const { primary, backup } = await cluster.protect();
        // The load never waits for the storm to be over; the storm does not wait for the load either.
        if (round === 0) await trial.load(50);
        await cluster.kill(primary);
        await trial.live(backup);
      }
      await trial.load(100);
    },
  },
];
