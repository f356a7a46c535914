/** One simulated history: a cluster, clients, faults, healing, and the verdict. All from one seed. */

import { Checker } from './checker.ts';
import { Edge } from './edge.ts';
import { FAULTS, type Fault, healAll, strike } from './faults.ts';
import { type Cluster, Host } from './host.ts';
import { Network } from './network.ts';
import { arbiterTap, handoverTap, networkTap, type Sabotage } from './sabotage.ts';
import { describeView, SimArbiter } from './sim-arbiter.ts';
import { World } from './world.ts';

export interface HistoryOptions {
  readonly seed: number;
  readonly sabotage?: Sabotage | undefined;
  /** Keep one line per event. */
  readonly trace?: boolean;
}

export interface History {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly events: number;
  readonly released: number;
  readonly epochs: number;
  readonly faults: readonly Fault[];
  /** How it ended: all answered, the guest ended, or nobody was left who could go on. */
  readonly end: 'answered' | 'stopped' | 'nobody left' | 'violation';
}

/** Virtual milliseconds the healed cluster has: longer than a handshake may take to time out. */
const GRACE_MS = 8_000;

export function runHistory(options: HistoryOptions): History {
  const world = new World(options.seed);
  if (options.trace) world.trace = [];
  const cluster = build(world, options.sabotage);
  const faults: Fault[] = [];
  let end: History['end'] = 'violation';
  try {
    start(cluster);
    plan(cluster, faults);
    end = finish(cluster);
  } catch (error) {
    cluster.checker.fail(`threw: ${error instanceof Error ? error.message : String(error)}`);
    if (options.trace && error instanceof Error) world.note('throw', error.stack ?? '');
  }
  const { violations, released } = cluster.checker;
  return {
    seed: options.seed,
    violations,
    trace: world.trace ?? [],
    events: world.events,
    released,
    epochs: cluster.arbiter.view?.epoch ?? 0,
    faults,
    end: violations.length > 0 ? 'violation' : end,
  };
}

function build(world: World, sabotage: Sabotage | undefined): Cluster {
  const { random } = world;
  const checker = new Checker(world);
  const network = new Network(world, {
    delayMs: random.between(0.05, 2),
    jitterMs: random.between(0, 2),
    tap: networkTap(sabotage),
  });
  const edge = new Edge(
    world,
    {
      clients: random.integer(1, 3),
      requests: random.integer(4, 16),
      thinkMs: random.pick([0, 2, 12]),
      exits: random.chance(0.15),
      resetChance: random.pick([0, 0, 0.5]),
    },
    (what) => checker.fail(what),
  );
  const arbiter = new SimArbiter(
    world,
    (view, before) => checker.decided(view, before),
    arbiterTap(sabotage),
  );
  return {
    world,
    network,
    arbiter,
    edge,
    checker,
    hosts: new Map(),
    backupsWanted: random.pick([1, 1, 2]),
    replayMs: random.pick([0.2, 1, 8]),
    resyncChance: random.pick([0, 0.3, 1]),
    mangle: handoverTap(sabotage),
  };
}

function start(cluster: Cluster): void {
  const names = ['a', 'b', 'c'].slice(0, cluster.world.random.integer(2, 3));
  for (const name of names) new Host(cluster, name);
  for (const [name, host] of cluster.hosts) {
    if (name === 'a') host.startPrimary();
    else host.startBackup();
  }
}

/** Up to four faults around the time the clients are busy, and a fresh host for every one lost. */
function plan(cluster: Cluster, faults: Fault[]): void {
  const { world } = cluster;
  const { random } = world;
  const count = random.integer(0, 4);
  for (let index = 0; index < count; index++) {
    const fault = random.pick(FAULTS);
    const forMs = random.between(5, 150);
    faults.push(fault);
    world.at(random.between(8, 160), undefined, () => strike(cluster, fault, forMs));
  }
  if (random.chance(0.08)) {
    world.at(random.between(20, 160), undefined, () => {
      for (const host of cluster.hosts.values()) {
        if (host.process.running) host.primary?.stop(0, 'operator');
      }
    });
  }
  let fresh = 0;
  const refill = (): void => {
    const alive = [...cluster.hosts.values()].filter((host) => host.process.alive);
    if (alive.length < 2 && fresh < 6 && !stopped(cluster)) {
      fresh += 1;
      new Host(cluster, `f${fresh}`).startBackup();
    }
    world.at(world.now + 25, undefined, refill);
  };
  world.at(25, undefined, refill);
}

function finish(cluster: Cluster): History['end'] {
  const { world, edge, checker } = cluster;
  const over = (): boolean => checker.violations.length > 0 || edge.done || stopped(cluster);
  world.run(170, over);
  healAll(cluster);
  // Everything that was under way has been told by then; what is decided is decided.
  world.run(world.now + 5);
  const survivor = survives(cluster);
  world.run(world.now + GRACE_MS, over);
  // What was sent last may still be under way.
  world.run(world.now + 30, () => checker.violations.length > 0);
  if (checker.violations.length > 0) return 'violation';
  const leader = [...cluster.hosts.values()].find(
    (host) => host.process.alive && host.primary?.core.live,
  );
  if (leader?.store !== undefined && leader.machine !== undefined) {
    checker.replays(leader.store, leader.machine);
  }
  if (stopped(cluster)) return 'stopped';
  if (edge.done) return 'answered';
  if (!survivor) return 'nobody left';
  checker.fail(
    `healed, with somebody left, and no answers (${describeView(cluster.arbiter.view)})`,
  );
  return 'violation';
}

/** A guest that was stopped on purpose, or exited, is not expected to answer. */
function stopped(cluster: Cluster): boolean {
  for (const { ended } of cluster.hosts.values()) if (ended?.type === 'stopped') return true;
  return false;
}

/** Somebody who may go on: the primary of the view, or a backup named in it that has its copy. */
function survives(cluster: Cluster): boolean {
  const { view } = cluster.arbiter;
  for (const host of cluster.hosts.values()) {
    if (!host.process.alive || host.ended !== undefined) continue;
    if (view === undefined) {
      if (host.primary !== undefined) return true;
      continue;
    }
    if (host.primary !== undefined && view.primary === host.name) return true;
    const phase = host.backup?.core.phase;
    const holds = phase === 'following' || phase === 'deciding';
    if (holds && view.backups.includes(host.name)) return true;
  }
  return false;
}
