/**
 * Whoever starts the processes again: a primary goes on from its own log where that is safe to ask for,
 * everybody else comes back as a backup without a copy.
 */

import type { Cluster } from './cluster.ts';
import { Host } from './host.ts';

/** Starts a process for a dead host again, on its disk. */
export function revive(cluster: Cluster, dead: Host): void {
  const { world, hosts } = cluster;
  if (dead.process.alive || hosts.get(dead.name) !== dead) return;
  if (goesOn(cluster, dead) && resume(cluster, dead)) return;
  // A log that ends with a stop, or whose guest has ended: nobody starts that again.
  if (dead.ended?.type === 'stopped') return;
  world.coverage.count('process.restart');
  const host = new Host(cluster, dead.name, dead.disk);
  // A log that another disk error may have holes in, or whose replay differs, is not kept.
  const kept = dead.death !== 'disk' && dead.ended?.type !== 'diverged';
  if (kept && dead.store !== undefined && world.random.chance(0.6))
    host.inherit(dead.store, { power: dead.death === 'host lost' });
  host.startBackup();
}

/** Brings everybody back who was in the view. */
export function reviveAll(cluster: Cluster): void {
  for (const host of [...cluster.hosts.values()]) revive(cluster, host);
}

/**
 * What was acknowledged is in the log: it was a primary whose process died, or whose host did while
 * outputs waited for its disk. A backup may have more, but nothing of that has led to an output.
 */
function goesOn({ ownLog }: Cluster, { death, primary, store }: Host): boolean {
  if (primary === undefined || store === undefined || store.sealed) return false;
  if (death === 'host lost') return ownLog === 'durable';
  return death === 'killed';
}

function resume(cluster: Cluster, dead: Host): boolean {
  const { store } = dead;
  if (store === undefined) return false;
  const host = new Host(cluster, dead.name, dead.disk);
  if (host.resume(store, { power: dead.death === 'host lost' })) {
    cluster.world.coverage.count('process.resume');
    return true;
  }
  host.process.kill();
  cluster.hosts.set(dead.name, dead);
  return false;
}
