/** One simulated history: a cluster, clients, faults, healing, and the verdict. All from one seed. */

import { type AckRule, electionQuorum } from '../../hypervisor/protocol/ack-level.ts';
import type { View } from '../../hypervisor/protocol/messages.ts';
import { Checker } from './checker.ts';
import type { Cluster } from './cluster.ts';
import type { Coverage } from './coverage.ts';
import { Edge } from './edge.ts';
import { FAULTS, type Fault, healAll, strike } from './faults.ts';
import { Host } from './host.ts';
import { Network } from './network.ts';
import { revive, reviveAll } from './operator.ts';
import { backupsNeeded, drawMember, drawRule, mayJoin, PLAIN } from './protection.ts';
import { type Bugs, type Sabotage, sabotaged } from './sabotage.ts';
import { describeView, SimArbiter } from './sim-arbiter.ts';
import type { MachineKind } from './sim-machine.ts';
import { BUSY_TOY } from './toy-machine.ts';
import { type ClockFaults, World } from './world.ts';

export interface HistoryOptions {
  readonly seed: number;
  readonly sabotage?: Sabotage | undefined;
  /** Keep one line per event. */
  readonly trace?: boolean;
  /** What runs in the simulated shell; the toy if not said. */
  readonly machines?: MachineKind | undefined;
}

export interface History {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  readonly events: number;
  readonly released: number;
  readonly epochs: number;
  readonly coverage: Coverage;
  /** How it ended: all answered, the guest ended, or nobody was left who could go on. */
  readonly end: 'answered' | 'stopped' | 'nobody left' | 'violation';
}

/** Virtual milliseconds the healed cluster has: longer than a handshake may take to time out. */
const GRACE_MS = 8_000;
/** What a slow arbiter was asked before, it has decided after this, be the asker dead. */
const UNDER_WAY_MS_MAX = 90;
/** Longer than a healed network, and an edge, keep anything. */
const LAST_MS = 10;
/** Hosts that may take the place of lost ones. */
const FRESH_MAX = 9;
/** Faults strike up to here. */
const HEALED_MS = 170;

export function runHistory(options: HistoryOptions): History {
  const world = new World(options.seed);
  if (options.trace) world.trace = [];
  const bugs = sabotaged(options.sabotage, world);
  return live(build(world, options.machines ?? BUSY_TOY, bugs), (cluster) => {
    start(cluster);
    plan(cluster, bugs);
  });
}

/** Lets a cluster live through what `begin` plans, heals it, and judges. */
export function live(cluster: Cluster, begin: (cluster: Cluster) => void): History {
  const { world } = cluster;
  let end: History['end'] = 'violation';
  try {
    begin(cluster);
    end = finish(cluster);
  } catch (error) {
    cluster.checker.fail(`threw: ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof Error) world.note('throw', error.stack ?? '');
  }
  const { violations, released } = cluster.checker;
  return {
    seed: world.seed,
    violations,
    trace: world.trace ?? [],
    events: world.events,
    released,
    epochs: cluster.arbiter.view?.epoch ?? 0,
    coverage: world.coverage,
    end: violations.length > 0 ? 'violation' : end,
  };
}

function build(world: World, machines: MachineKind, bugs: Bugs): Cluster {
  const { random } = world;
  const { tap, ghostAcks = false, arbiterTap, edgeBugs, hostBugs, focus = {} } = bugs;
  const backupsWanted = focus.backupsWanted ?? random.pick([0, 1, 1, 1, 2, 2]);
  const rule = focus.rule ?? drawRule(random, backupsWanted);
  const lossy = rule.level === 'async';
  if (world.trace !== undefined) world.note('rule', ruleOf(rule));
  const checker = new Checker(world, machines, rule);
  const hosts = new Map<string, Host>();
  const members = new Map(
    ['b', 'c'].map((name) => [name, { ...drawMember(random), ...focus.kind }]),
  );
  const network = new Network(world, {
    delayMs: random.between(0.05, 2),
    jitterMs: random.between(0, 2),
    beatChance: random.pick([0, 0, 0.03]),
    tap,
    ghostAcks,
  });
  const edge = new Edge(
    world,
    {
      clients: random.integer(1, 3),
      requests: random.integer(3, 10),
      thinkMs: random.pick([0, 6, 20, 40]),
      callMs: random.pick([1, 40]),
      exits: random.chance(0.15),
      // A connection that outlives the loss of what it has sent is no connection.
      resetChance: lossy ? 1 : random.pick([0, 0, 0.5]),
      lossy,
      net: machines.net,
      bugs: edgeBugs,
    },
    (what) => checker.fail(what),
  );
  const arbiter = new SimArbiter(world, {
    onClaim: (token, name) => checker.claimed(token, name),
    onView: (view, before, winner, token) => {
      checker.decided(view, before, winner, token);
      for (const name of view.backups)
        if (members.get(name)?.hidden) checker.fail(`${name} is hidden and named in a view`);
      if (winner !== view.primary) {
        // It has answered that its disk has everything, and died before the claim was decided.
        checker.givenToDead = hosts.get(view.primary)?.backup?.following !== winner;
        return;
      }
      const former = hosts.get(before?.primary ?? '')?.primary?.core.sessions;
      const session = former?.find(({ peer }) => peer === view.primary);
      if (session !== undefined) checker.reported(view.primary, session.window.lsnAcked);
    },
    tap: arbiterTap,
  });
  const drifts = random.chance(0.3);
  return {
    world,
    network,
    arbiter,
    edge,
    checker,
    hosts,
    machines,
    backupsWanted,
    rule,
    member: (name) => members.get(name) ?? PLAIN,
    replayMs: random.pick([0.2, 1, 8]),
    resyncChance: random.pick([0, 0.3, 1]),
    checkpointEvery: random.pick([0, 0, 3, 12]),
    ownLog: rule.level === 'durable' ? 'durable' : random.pick(['written', 'written', 'durable']),
    detectMs: random.pick([4, 12, 40]),
    writeMs: random.pick([0, 0, 0.3, 3]),
    clock: () => (drifts ? drift(world) : undefined),
    bugs: hostBugs,
    stopped: false,
    calm: false,
    ...focus,
  };
}

/** As `hv run` is told. */
function ruleOf({ level, quorum, onLoss }: AckRule): string {
  return `--ack ${level} --quorum ${quorum === 0 ? 'all' : quorum} --on-backup-loss ${onLoss}`;
}

/** A monotonic clock of its own: another origin, and up to two per cent too fast or too slow. */
function drift(world: World): ClockFaults {
  world.coverage.count('clock.drift');
  return { origin: world.random.integer(0, 1_000_000), rate: world.random.between(0.98, 1.02) };
}

function start(cluster: Cluster): void {
  const names = ['a', 'b', 'c'].slice(0, cluster.world.random.integer(1, 3));
  for (const name of names) new Host(cluster, name);
  for (const [name, host] of cluster.hosts) {
    if (name === 'a') host.startPrimary();
    else host.startBackup();
  }
}

/** Up to five faults around the time the clients are busy, and a fresh host for every one lost. */
function plan(cluster: Cluster, { epochUnchecked, focus }: Bugs): void {
  const { world } = cluster;
  const { random } = world;
  const count = random.integer(0, 5);
  for (let index = 0; index < count; index++) {
    const fault: Fault = random.pick(focus?.faults ?? FAULTS);
    const forMs = random.between(5, 150);
    const reviveMs = random.chance(0.6) ? random.between(1, 120) : undefined;
    const how = { forMs, reviveMs, epochUnchecked };
    world.at(random.between(8, 160), undefined, () => {
      if (!cluster.calm) strike(cluster, fault, how);
    });
  }
  if (random.chance(0.08)) {
    world.at(random.between(20, 160), undefined, () => {
      if (cluster.calm) return;
      for (const host of cluster.hosts.values()) if (host.process.running) host.stop();
    });
  }
  keepStaffed(cluster);
}

function mayComeBack({ ended }: Host): boolean {
  return ended?.type === 'fenced' || ended?.type === 'diverged' || ended?.type === 'handedOver';
}

/** There are two processes at least, and who lost its place comes back as a backup. */
export function keepStaffed(cluster: Cluster): void {
  const { world } = cluster;
  let fresh = 0;
  const refill = (): void => {
    const all = [...cluster.hosts.values()];
    const alive = all.filter((host) => host.process.alive);
    // Who was fenced, or has differed, comes back without what it had.
    for (const host of all) {
      if (mayComeBack(host)) revive(cluster, host);
    }
    const able = alive.filter(({ member }) => mayJoin(member, cluster.rule));
    const enough = 1 + Math.max(1, backupsNeeded(cluster.rule));
    if (able.length < enough && fresh < FRESH_MAX && !cluster.stopped) {
      fresh += 1;
      new Host(cluster, `f${fresh}`).startBackup();
    }
    world.at(world.now + 25, undefined, refill);
  };
  world.at(25, undefined, refill);
}

function finish(cluster: Cluster): History['end'] {
  const { world, edge, checker } = cluster;
  const failed = (): boolean => checker.violations.length > 0;
  world.run(HEALED_MS, () => failed() || edge.done || cluster.stopped);
  cluster.calm = true;
  cluster.onCalm?.();
  healAll(cluster);
  reviveAll(cluster);
  // Nothing that was asked is undecided then; what is decided is decided.
  world.run(world.now + UNDER_WAY_MS_MAX, () => failed() || cluster.arbiter.underWay === 0);
  const survivor = (): boolean => survived && !checker.givenToDead;
  const survived = survives(cluster);
  const over = (): boolean => failed() || (edge.done && isProtected(cluster)) || cluster.stopped;
  world.run(world.now + GRACE_MS, over);
  const whole = isProtected(cluster);
  // What was sent last may still be under way.
  world.run(world.now + LAST_MS, failed);
  if (failed()) return 'violation';
  const leader = leaderOf(cluster);
  if (leader?.store !== undefined && leader.machine !== undefined)
    checker.replays(leader.store, leader.machine);
  if (cluster.stopped) return 'stopped';
  if (whole) settle(cluster);
  if (edge.done && (whole || !survivor())) return 'answered';
  if (!survivor()) return 'nobody left';
  const what = edge.done ? 'no protection' : 'no answers';
  checker.fail(`healed, with somebody left, and ${what} (${describeView(cluster.arbiter.view)})`);
  return 'violation';
}

/** Whatever the guest waits for has its answer, or an error: never silence. */
function settle(cluster: Cluster): void {
  const { world, checker } = cluster;
  // Of whoever leads by then: a switchover may be under way.
  const waits = (): string | undefined => {
    const machine = leaderOf(cluster)?.machine;
    const [commit] = machine?.pendingCommits() ?? [];
    if (commit !== undefined) return `a commit '${commit.level}' is never answered`;
    return (machine?.callsOpen ?? 0) > 0 ? 'a call neither answers nor fails' : undefined;
  };
  // A backup that is slow at replaying has to catch up with all there is.
  world.run(world.now + GRACE_MS, () => checker.violations.length > 0 || waits() === undefined);
  const what = waits();
  if (what !== undefined) checker.fail(what);
}

/** A deposed one that has not heard of it yet is none: it lets nothing out, and knows no answer. */
function leaderOf({ hosts }: Cluster): Host | undefined {
  let leader: Host | undefined;
  for (const host of hosts.values()) {
    if (!host.process.alive || host.primary?.core.live !== true) continue;
    const { epoch } = host.primary.core.view;
    if (epoch > (leader?.primary?.core.view.epoch ?? 0)) leader = host;
  }
  return leader;
}

/** The primary of the view serves, and a backup of the view follows it. */
function isProtected({ arbiter, hosts, backupsWanted }: Cluster): boolean {
  const { view } = arbiter;
  if (view === undefined || !hosts.get(view.primary)?.primary?.core.live) return false;
  if (backupsWanted === 0) return true;
  return view.backups.some((name) => hosts.get(name)?.backup?.following === view.primary);
}

/**
 * Somebody who may go on: the primary of the view, or as many of the backups named in it that have their
 * copies as have to compare them.
 */
function survives(cluster: Cluster): boolean {
  const { arbiter, hosts, rule } = cluster;
  const { view } = arbiter;
  let able = 0;
  for (const host of hosts.values()) {
    // A replica that differs finds out at its next end, and ends: it goes on for nobody.
    if (!host.process.alive || host.ended !== undefined || host.corrupted) continue;
    if (view === undefined) {
      if (host.primary !== undefined) return true;
      continue;
    }
    if (host.primary !== undefined && view.primary === host.name && knows(host, view)) return true;
    const phase = host.backup?.core.phase;
    const holds = phase === 'following' || phase === 'deciding';
    if (holds && view.backups.includes(host.name)) able += 1;
  }
  return view !== undefined && able >= electionQuorum(rule, view.backups.length);
}

/**
 * Whoever goes on from a log without the view that it has won with backups, just before it was killed, is
 * fenced by itself: a copy of that log would look the same, and might lack more. Its operator decides.
 */
function knows({ primary, resumed, store }: Host, view: View): boolean {
  const isLive = !resumed || primary?.core.live === true;
  return isLive || view.backups.length === 0 || store?.epochs.at(-1) === view.epoch;
}
