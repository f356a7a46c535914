/** The network between clients and the guest fails. */

import { ChaosProxy } from '../support/chaos-proxy.ts';
import { mustBeFenced } from './expect.ts';
import type { Story } from './stories.ts';

/** Clients of their own behind a bad network of their own. */
async function behind(port: number, seed: number): Promise<ChaosProxy> {
  return ChaosProxy.start({ host: '127.0.0.1', port }, { seed });
}

export const CLIENT_STORIES: readonly Story[] = [
  {
    name: 'unreliable-clients',
    says: 'appends over connections that break all the time are there at most once, in order (B6, B11, B13)',
    async run(trial) {
      const { cluster, chance } = trial;
      const proxy = await behind(cluster.port, 5);
      try {
        const target = { host: '127.0.0.1', port: proxy.port };
        const clients = trial.clients({ targets: [target] });
        const breakAt = async (requests: number): Promise<void> => {
          for (let n = 0; n < requests; n += 1) {
            await trial.load(5 + chance.below(40));
            proxy.reset();
          }
        };
        await breakAt(15);
        const { primary, backup } = await cluster.protect();
        await cluster.kill(primary);
        await trial.live(backup);
        await breakAt(15);
        await clients.finish();
      } finally {
        await proxy.close();
      }
    },
  },
  {
    name: 'delayed-gets',
    says: 'a request that is under way while the view moves never hears a stale value (B14, B15)',
    async run(trial) {
      const { cluster, primary, backup } = trial;
      const proxy = await behind(cluster.port, 6);
      try {
        await trial.load(50);
        const target = { host: '127.0.0.1', port: proxy.port };
        const late = trial.clients({ targets: [target], prefix: '0:', clients: 3 });
        await late.more(20);
        // The requests of these clients reach the old primary only when it is none any more.
        proxy.cut('there');
        await trial.load(50);
        await cluster.freeze(primary);
        proxy.heal();
        await trial.live(backup);
        cluster.thaw(primary);
        await mustBeFenced(primary);
        await trial.load(100);
        await late.finish();
      } finally {
        await proxy.close();
      }
    },
  },
];
