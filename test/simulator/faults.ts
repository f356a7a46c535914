/** What may go wrong in a history, drawn before it starts so that a seed tells all of it. */

import { unreachable } from '../../hypervisor/base/assert.ts';
import type { Cluster } from './cluster.ts';
import type { Host } from './host.ts';
import { revive } from './operator.ts';
import { ARBITER_MOODS } from './sim-arbiter.ts';
import type { DiskMood } from './sim-store.ts';
import { injectStale, STALE_KINDS, type StaleKind } from './stale.ts';

export const FAULTS = [
  'killPrimary',
  'killBackup',
  'killAll',
  'loseHost',
  'pausePrimary',
  'pauseBackup',
  'breakLinks',
  'halfOpen',
  'cutOneWay',
  'cutBothWays',
  'isolate',
  'slowLinks',
  'stale',
  'arbiter',
  'stepClock',
  'slowTimers',
  'disk',
  'flip',
  'switchover',
] as const;
export type Fault = (typeof FAULTS)[number];

const DISK_MOODS: readonly DiskMood[] = ['slow', 'full', 'failsSync', 'failsSync', 'failsWrite'];

export interface Strike {
  readonly forMs: number;
  /** Who dies starts again after so long; undefined: not before all is healed. */
  readonly reviveMs: number | undefined;
  /** A planted bug: nobody compares the epoch of these messages. */
  readonly epochUnchecked: StaleKind | undefined;
}

interface Targets {
  readonly alive: readonly Host[];
  readonly primaries: readonly Host[];
  readonly backups: readonly Host[];
}

function targets({ hosts }: Cluster): Targets {
  const alive = [...hosts.values()].filter((host) => host.process.alive);
  return {
    alive,
    primaries: alive.filter((host) => host.primary !== undefined),
    backups: alive.filter((host) => host.backup !== undefined),
  };
}

/** Does it now, to whoever fits; undone after `forMs` where it can be. */
export function strike(cluster: Cluster, fault: Fault, how: Strike): void {
  const { world } = cluster;
  world.note('faults', fault);
  const found = targets(cluster);
  switch (fault) {
    case 'killPrimary':
    case 'killBackup':
    case 'killAll':
    case 'loseHost':
      kill(cluster, fault, found, how);
      return;
    case 'pausePrimary':
    case 'pauseBackup':
      pause(cluster, fault === 'pausePrimary' ? found.primaries : found.backups, how.forMs);
      return;
    case 'breakLinks':
    case 'halfOpen':
    case 'cutOneWay':
    case 'cutBothWays':
    case 'slowLinks':
      parted(cluster, fault, found, how.forMs);
      return;
    case 'isolate':
      if (found.alive.length > 0) isolate(cluster, world.random.pick(found.alive), how.forMs);
      return;
    case 'stale': {
      const kind = how.epochUnchecked ?? world.random.pick(STALE_KINDS);
      const current = how.epochUnchecked !== undefined;
      for (const primary of found.primaries) {
        if (injectStale(cluster, { primary, kind, current })) world.coverage.count('net.stale');
      }
      return;
    }
    case 'arbiter':
      cluster.arbiter.mood = world.random.pick(ARBITER_MOODS.slice(1));
      later(cluster, how.forMs, () => {
        cluster.arbiter.mood = 'well';
      });
      return;
    case 'stepClock':
      if (found.alive.length > 0) stepClock(cluster, world.random.pick(found.alive));
      return;
    case 'slowTimers':
    case 'disk':
      if (found.alive.length > 0) weaken(cluster, fault, found, how.forMs);
      return;
    case 'flip':
      if (found.backups.length > 0) world.random.pick(found.backups).flipsNext = true;
      return;
    case 'switchover':
      for (const { primary } of found.primaries) primary?.switchOver(undefined);
      return;
    default:
      unreachable(fault);
  }
}

function later(cluster: Cluster, forMs: number, undo: () => void): void {
  cluster.world.at(cluster.world.now + forMs, undefined, undo);
}

function kill(
  cluster: Cluster,
  fault: 'killPrimary' | 'killBackup' | 'killAll' | 'loseHost',
  { alive, primaries, backups }: Targets,
  { reviveMs }: Strike,
): void {
  const { world } = cluster;
  const from = { killPrimary: primaries, killBackup: backups, killAll: alive, loseHost: alive };
  if (from[fault].length === 0) return;
  const victims = fault === 'killAll' ? from.killAll : [world.random.pick(from[fault])];
  const silent = fault === 'loseHost';
  if (victims.length > 1) world.coverage.count('process.killAll');
  for (const victim of victims) {
    world.coverage.count(silent ? 'process.hostLost' : 'process.kill');
    victim.crash({ silent });
    if (reviveMs !== undefined) later(cluster, reviveMs, () => revive(cluster, victim));
  }
}

function pause(cluster: Cluster, victims: readonly Host[], forMs: number): void {
  if (victims.length === 0) return;
  const { process } = cluster.world.random.pick(victims);
  cluster.world.coverage.count('process.pause');
  process.pause();
  later(cluster, forMs, () => process.resume());
}

/** Something between a primary, if there is one, and somebody else. */
function parted(
  cluster: Cluster,
  fault: 'breakLinks' | 'halfOpen' | 'cutOneWay' | 'cutBothWays' | 'slowLinks',
  { alive, primaries }: Targets,
  forMs: number,
): void {
  const { world, network } = cluster;
  if (alive.length < 2) return;
  const first = world.random.pick(primaries.length > 0 ? primaries : alive);
  const second = world.random.pick(alive.filter((host) => host !== first));
  const [a, b] = world.random.chance(0.5)
    ? [first.process, second.process]
    : [second.process, first.process];
  switch (fault) {
    case 'breakLinks':
      network.break(a, b);
      return;
    case 'halfOpen':
      network.halfOpen(a, b);
      return;
    case 'slowLinks':
      network.slow(a, b, world.random.between(5, 60));
      break;
    case 'cutOneWay':
      network.cut(a, b);
      break;
    case 'cutBothWays':
      network.cut(a, b, 'net.partition');
      network.cut(b, a, 'net.partition');
  }
  later(cluster, forMs, () => {
    network.heal(a, b);
    network.heal(b, a);
  });
}

/** Cut off from everybody, the arbiter included; only its clients still reach it. */
function isolate(cluster: Cluster, { process }: Host, forMs: number): void {
  const { network, arbiter, hosts } = cluster;
  const others = [...hosts.values()].map((host) => host.process).filter((one) => one !== process);
  for (const other of others) {
    network.cut(process, other, 'net.isolated');
    network.cut(other, process, 'net.isolated');
  }
  arbiter.unreachable.add(process.name);
  later(cluster, forMs, () => {
    arbiter.unreachable.delete(process.name);
    for (const other of others) {
      network.heal(process, other);
      network.heal(other, process);
    }
  });
}

/** Something on one host gets worse: its timers, or its disk. */
function weaken(
  cluster: Cluster,
  fault: 'slowTimers' | 'disk',
  { alive, primaries }: Targets,
  forMs: number,
): void {
  const { random } = cluster.world;
  if (fault === 'slowTimers') {
    const { process } = random.pick(alive);
    process.timerLagMs = random.between(1, 40);
    later(cluster, forMs, () => {
      process.timerLagMs = 0;
    });
    return;
  }
  const mood = random.pick(DISK_MOODS);
  // Only a primary waits for its disk.
  const { disk } = random.pick(mood === 'failsSync' && primaries.length > 0 ? primaries : alive);
  disk.mood = mood;
  later(cluster, forMs, () => {
    disk.mood = 'well';
  });
}

function stepClock(cluster: Cluster, { process }: Host): void {
  const { world } = cluster;
  const step = world.random.integer(-300_000, 100_000);
  world.coverage.count(step < 0 ? 'clock.jumpBack' : 'clock.jumpAhead');
  process.wallSkew += step;
}

/** Ends every fault that has an end. */
export function healAll(cluster: Cluster): void {
  cluster.world.note('faults', 'all healed');
  cluster.arbiter.mood = 'well';
  cluster.arbiter.unreachable.clear();
  cluster.network.healAll();
  for (const host of cluster.hosts.values()) {
    host.process.resume();
    host.process.timerLagMs = 0;
    host.disk.mood = 'well';
    host.flipsNext = false;
  }
}
