/** The network between the replicas fails; the replicas do not. */

import { isProtected, type Member } from '../support/cluster.ts';
import { must, mustBeFenced, mustNotSay } from './expect.ts';
import type { Story } from './stories.ts';
import type { Trial } from './trial.ts';

/** The bad network between the first primary and its backup. */
function network({ backup }: Trial): NonNullable<Member['proxy']> {
  if (backup.proxy === undefined) throw new Error('a backup has a proxy');
  return backup.proxy;
}

/**
 * After a break in which both may have claimed: one has won, the other is deposed or has dropped its
 * copy. Then the network is healed, and the winner gets a backup and dies.
 */
async function oneWins(trial: Trial): Promise<void> {
  const { cluster, primary, backup } = trial;
  await cluster.until(
    'a decision',
    () =>
      backup.process.events.some(({ evt }) => evt === 'live') ||
      primary.process.events.some(({ evt }) => evt === 'unprotected'),
  );
  const backupWon = backup.process.events.some(({ evt }) => evt === 'live');
  cluster.note(`${backupWon ? 'the backup' : 'the primary'} has won`);
  if (backupWon) await mustBeFenced(primary);
  else mustNotSay(backup, 'live');
  network(trial).heal();
  await trial.load(100);
  const next = await cluster.protect();
  await trial.moment();
  await cluster.kill(next.primary);
  await trial.live(next.backup);
  await trial.load(100);
}

/** Nobody may suspect anybody, and the failover after it is a clean one. */
async function nobodySuspects(trial: Trial): Promise<void> {
  const { cluster, primary, backup } = trial;
  await trial.load(200);
  mustNotSay(primary, 'unprotected', 'fenced');
  mustNotSay(backup, 'live', 'reset');
  must(isProtected(primary.process.events), 'the primary is still protected');
  network(trial).heal();
  await cluster.kill(primary);
  await trial.live(backup);
  await trial.load(100);
}

export const LINK_STORIES: readonly Story[] = [
  {
    name: 'blackhole',
    says: 'a silent cut of both ways ends with one primary (G5, P2)',
    async run(trial) {
      await trial.moment();
      network(trial).blackhole();
      await oneWins(trial);
    },
  },
  {
    name: 'cut-there',
    says: 'a cut from the primary to the backup only ends with one primary (G5)',
    async run(trial) {
      await trial.moment();
      network(trial).cut('there');
      await oneWins(trial);
    },
  },
  {
    name: 'cut-back',
    says: 'a cut from the backup to the primary only ends with one primary (G5)',
    async run(trial) {
      await trial.moment();
      network(trial).cut('back');
      await oneWins(trial);
    },
  },
  {
    name: 'half-open',
    says: 'a middlebox that forgets the connections, one way, ends with one primary',
    async run(trial) {
      await trial.moment();
      network(trial).halfOpen(trial.chance.below(2) === 0 ? 'there' : 'back');
      await oneWins(trial);
    },
  },
  {
    name: 'reset',
    says: 'a reset of every link at once ends with one primary (G5)',
    async run(trial) {
      await trial.moment();
      network(trial).reset();
      await oneWins(trial);
    },
  },
  {
    name: 'refuse',
    says: 'links that are reset and refused from then on end with one primary (G5)',
    async run(trial) {
      await trial.moment();
      const link = network(trial);
      await link.refuse();
      link.reset();
      await oneWins(trial);
    },
  },
  {
    name: 'corrupt',
    says: 'a flipped bit on the link is never taken for data (G14)',
    async run(trial) {
      await trial.moment();
      // One bit may hit a heartbeat, or a length, and cost nothing; by and by one counts.
      network(trial).impair({ there: { corruptOneIn: 2_000 } });
      await oneWins(trial);
    },
  },
  {
    name: 'corrupt-acks',
    says: 'a flipped bit on the way back never acknowledges anything',
    async run(trial) {
      await trial.moment();
      network(trial).impair({ back: { corruptOneIn: 2_000 } });
      await oneWins(trial);
    },
  },
  {
    name: 'delay',
    says: 'a link of tens of milliseconds with jitter is no reason to suspect anybody',
    async run(trial) {
      await trial.moment();
      const slow = { delayMs: 5 + trial.chance.below(20), jitterMs: 10 };
      network(trial).impair({ there: slow, back: slow });
      await nobodySuspects(trial);
    },
  },
  {
    name: 'slow-line',
    says: 'a line slower than the log makes the guest wait, and is no reason to suspect anybody',
    async run(trial) {
      await trial.moment();
      network(trial).impair({ there: { bytesPerSecond: 30_000, queueBytesMax: 8_192 } });
      await nobodySuspects(trial);
    },
  },
];
