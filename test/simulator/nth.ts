/**
 * G14: The n-th message, sync, append, answer or event of a story goes wrong, for n = 1, 2, 3 ... until the
 * story ends before its n-th: then everything that can be hit has been. Once each, and again with all
 * that follow going wrong too, until the cluster is healed.
 */

import { Checker } from './checker.ts';
import type { Cluster } from './cluster.ts';
import { Edge } from './edge.ts';
import { type History, keepStaffed, live } from './history.ts';
import { Host } from './host.ts';
import { type MessageFault, Network } from './network.ts';
import { revive } from './operator.ts';
import { DEFAULT_RULE, PLAIN } from './protection.ts';
import { SimArbiter } from './sim-arbiter.ts';
import { TOY } from './toy-machine.ts';
import { World } from './world.ts';

export const MESSAGE_FAULTS: readonly MessageFault[] = ['drop', 'duplicate', 'delay', 'corrupt'];

export type Nth =
  | MessageFault
  | 'failSync'
  | 'diskFull'
  | 'loseAnswer'
  | 'crashA'
  | 'crashB'
  | 'pauseA';
export const NTH_KINDS: readonly Nth[] = [
  ...MESSAGE_FAULTS,
  'failSync',
  'diskFull',
  'loseAnswer',
  'crashA',
  'crashB',
  'pauseA',
];

/** Somebody who was killed starts again after this. */
const REVIVE_MS = 15;
const PAUSE_MS = 70;

interface Story {
  readonly hosts: readonly string[];
  readonly backupsWanted: number;
  script(cluster: Cluster): void;
}

/** Part of a story that may be over before. */
function at(cluster: Cluster, ms: number, run: () => void): void {
  cluster.world.at(ms, undefined, () => {
    if (!cluster.calm) run();
  });
}

function host(cluster: Cluster, name: string): Host | undefined {
  return cluster.hosts.get(name);
}

export const STORIES: Readonly<Record<string, Story>> = {
  /** A backup joins, requests are answered. */
  serve: { hosts: ['a', 'b'], backupsWanted: 1, script: () => {} },
  /** The primary dies among requests and comes back. */
  failover: {
    hosts: ['a', 'b'],
    backupsWanted: 1,
    script: (cluster) => {
      const first = host(cluster, 'a');
      at(cluster, 24, () => first?.crash({ silent: false }));
      at(cluster, 40, () => {
        if (first !== undefined) revive(cluster, first);
      });
    },
  },
  /** The link breaks, and the backup joins again. */
  rejoin: {
    hosts: ['a', 'b'],
    backupsWanted: 1,
    script: (cluster) =>
      at(cluster, 22, () => {
        const [a, b] = [host(cluster, 'a'), host(cluster, 'b')];
        if (a !== undefined && b !== undefined) cluster.network.break(a.process, b.process);
      }),
  },
  /** The host of the primary is gone without a word; two backups are left. */
  three: {
    hosts: ['a', 'b', 'c'],
    backupsWanted: 2,
    script: (cluster) => at(cluster, 30, () => host(cluster, 'a')?.crash({ silent: true })),
  },
  /** The operator stops the guest. */
  stop: {
    hosts: ['a', 'b'],
    backupsWanted: 1,
    script: (cluster) =>
      at(cluster, 26, () => {
        for (const one of cluster.hosts.values()) if (one.process.running) one.stop();
      }),
  },
  /** A primary without a backup is killed and goes on from its log. */
  alone: {
    hosts: ['a'],
    backupsWanted: 0,
    script: (cluster) => {
      const first = host(cluster, 'a');
      at(cluster, 14, () => first?.crash({ silent: false }));
      at(cluster, 20, () => {
        if (first !== undefined) revive(cluster, first);
      });
    },
  },
};

export interface NthOptions {
  readonly story: string;
  readonly kind: Nth;
  readonly n: number;
  /** Everything from the n-th on, until the cluster is healed. */
  readonly persistent: boolean;
  readonly seed?: number;
  readonly trace?: boolean;
}

export interface NthRun {
  readonly history: History;
  /** The story came to its n-th. */
  readonly struck: boolean;
}

/** Counts what happens and says which of it goes wrong. */
class Counter {
  readonly #options: NthOptions;
  #count = 0;
  struck = false;
  over = false;

  constructor(options: NthOptions) {
    this.#options = options;
  }

  hits(): boolean {
    if (this.over) return false;
    this.#count += 1;
    const { n, persistent } = this.#options;
    const hit = persistent ? this.#count >= n : this.#count === n;
    if (hit) this.struck = true;
    return hit;
  }
}

export function runNth(options: NthOptions): NthRun {
  const { kind } = options;
  const story = STORIES[options.story];
  if (story === undefined) throw new Error(`no story '${options.story}'`);
  const world = new World(options.seed ?? 1);
  if (options.trace) world.trace = [];
  const counter = new Counter(options);
  const cluster = build(world, { kind, counter, backupsWanted: story.backupsWanted });
  const history = live(cluster, () => {
    for (const name of story.hosts) new Host(cluster, name);
    for (const [name, one] of cluster.hosts) {
      if (name === story.hosts[0]) one.startPrimary();
      else one.startBackup();
    }
    story.script(cluster);
    if (story.backupsWanted > 0) keepStaffed(cluster);
  });
  return { history, struck: counter.struck };
}

function build(
  world: World,
  {
    kind,
    counter,
    backupsWanted,
  }: { readonly kind: Nth; readonly counter: Counter; readonly backupsWanted: number },
): Cluster {
  const checker = new Checker(world, TOY);
  const messageFault = MESSAGE_FAULTS.find((fault) => fault === kind);
  const cluster: Cluster = {
    world,
    network: new Network(world, {
      delayMs: 1,
      jitterMs: 0.2,
      faults: () => (messageFault !== undefined && counter.hits() ? messageFault : undefined),
    }),
    arbiter: new SimArbiter(world, {
      onClaim: (token, name) => checker.claimed(token, name),
      onView: (view, before, winner, token) => checker.decided(view, before, winner, token),
      losesAnswer: () => kind === 'loseAnswer' && counter.hits(),
    }),
    edge: new Edge(
      world,
      { clients: 2, requests: 8, thinkMs: 4, exits: false, resetChance: 0 },
      (what) => checker.fail(what),
    ),
    checker,
    hosts: new Map(),
    machines: TOY,
    backupsWanted,
    replayMs: 0.5,
    resyncChance: 0.3,
    checkpointEvery: 0,
    ownLog: kind === 'failSync' ? 'durable' : 'written',
    detectMs: 40,
    writeMs: 0,
    clock: () => undefined,
    bugs: {},
    rule: DEFAULT_RULE,
    member: () => PLAIN,
    stopped: false,
    calm: false,
    onHost: (one) => attach(cluster, one, { kind, counter }),
    onCalm: () => {
      counter.over = true;
    },
  };
  return cluster;
}

function attach(
  cluster: Cluster,
  one: Host,
  { kind, counter }: { readonly kind: Nth; readonly counter: Counter },
): void {
  const { world } = cluster;
  one.disk.failsSync = () => kind === 'failSync' && counter.hits();
  one.disk.isFull = () => kind === 'diskFull' && counter.hits();
  const victim = { crashA: 'a', crashB: 'b', pauseA: 'a' } as Partial<Record<Nth, string>>;
  if (victim[kind] !== one.name) return;
  one.process.onEvent = () => {
    if (!counter.hits()) return;
    if (kind === 'pauseA') {
      one.process.pause();
      world.at(world.now + PAUSE_MS, undefined, () => one.process.resume());
      return;
    }
    one.crash({ silent: false });
    world.at(world.now + REVIVE_MS, undefined, () => revive(cluster, one));
  };
}

export interface NthTotals {
  runs: number;
  /** For each story and fault the largest n that was reached. */
  readonly reached: Map<string, number>;
  readonly failures: { readonly options: NthOptions; readonly violations: readonly string[] }[];
}

/** Runs n = 1, 1 + stride, ... until the story ends untouched. */
export function loopNth(
  base: Omit<NthOptions, 'n'>,
  { stride }: { readonly stride: number },
  totals: NthTotals,
): void {
  for (let n = 1; ; n += stride) {
    const options = { ...base, n };
    const { history, struck } = runNth(options);
    totals.runs += 1;
    if (history.violations.length > 0)
      totals.failures.push({ options, violations: history.violations });
    if (struck) continue;
    totals.reached.set(
      `${base.story} ${base.kind} ${base.persistent ? 'from' : 'at'} n`,
      n - stride,
    );
    return;
  }
}
