/** What may go wrong in a history, drawn before it starts so that a seed tells all of it. */

import type { Cluster, Host } from './host.ts';
import type { ArbiterMood } from './sim-arbiter.ts';

export const FAULTS = [
  'killPrimary',
  'killBackup',
  'loseHost',
  'pausePrimary',
  'pauseBackup',
  'breakLinks',
  'cutOneWay',
  'cutBothWays',
  'arbiter',
  'stepClock',
] as const;
export type Fault = (typeof FAULTS)[number];

const MOODS: readonly ArbiterMood[] = ['slow', 'down', 'ambiguous', 'deaf'];

/** Does it now, to whoever fits; undone after `forMs` where it can be. */
export function strike(cluster: Cluster, fault: Fault, forMs: number): void {
  const { world, network, arbiter } = cluster;
  const alive = [...cluster.hosts.values()].filter((host) => host.process.alive);
  const primaries = alive.filter((host) => host.primary !== undefined);
  const backups = alive.filter((host) => host.backup !== undefined);
  const later = (undo: () => void): void => {
    world.at(world.now + forMs, undefined, undo);
  };
  const pair = (): readonly [Host, Host] | undefined => {
    if (alive.length < 2) return undefined;
    const first = primaries.length > 0 ? world.random.pick(primaries) : world.random.pick(alive);
    return [first, world.random.pick(alive.filter((host) => host !== first))];
  };
  world.note('faults', fault);
  switch (fault) {
    case 'killPrimary':
    case 'killBackup': {
      const victims = fault === 'killPrimary' ? primaries : backups;
      if (victims.length > 0) world.random.pick(victims).crash({ silent: false });
      return;
    }
    case 'loseHost':
      if (alive.length > 0) world.random.pick(alive).crash({ silent: true });
      return;
    case 'pausePrimary':
    case 'pauseBackup': {
      const victims = fault === 'pausePrimary' ? primaries : backups;
      if (victims.length === 0) return;
      const { process } = world.random.pick(victims);
      process.pause();
      later(() => process.resume());
      return;
    }
    case 'breakLinks': {
      const two = pair();
      if (two !== undefined) network.break(two[0].process, two[1].process);
      return;
    }
    case 'cutOneWay':
    case 'cutBothWays': {
      const two = pair();
      if (two === undefined) return;
      const [a, b] = world.random.chance(0.5) ? two : [two[1], two[0]];
      network.cut(a.process, b.process);
      if (fault === 'cutBothWays') network.cut(b.process, a.process);
      later(() => {
        network.heal(a.process, b.process);
        network.heal(b.process, a.process);
      });
      return;
    }
    case 'arbiter':
      arbiter.mood = world.random.pick(MOODS);
      later(() => {
        arbiter.mood = 'well';
      });
      return;
    case 'stepClock':
      if (alive.length > 0) {
        world.random.pick(alive).process.wallSkew += world.random.integer(-300_000, 100_000);
      }
      return;
  }
}

/** Ends every fault that has an end. */
export function healAll(cluster: Cluster): void {
  cluster.world.note('faults', 'all healed');
  cluster.arbiter.mood = 'well';
  cluster.network.healAll();
  for (const { process } of cluster.hosts.values()) process.resume();
}
