/**
 * One process of the cluster: the composition root of the simulation. Runs the real shells over
 * simulated ports, promotes a backup when it has won, and lets live primaries look for backups.
 */

import type {
  BackupMachine,
  Entropy,
  HeldOutput,
  Link,
  LinkHandlers,
  Output,
  ReopenedCopy,
} from '../../hypervisor/ports.ts';
import { PROTOCOL_VERSION } from '../../hypervisor/protocol/messages.ts';
import type { Note } from '../../hypervisor/protocol/notes.ts';
import { BackupReplica } from '../../hypervisor/replica/backup.ts';
import { GroupSplitter, lastLsnOf } from '../../hypervisor/replica/group-splitter.ts';
import { type Handover, NOTHING_RAN } from '../../hypervisor/replica/handover.ts';
import type {
  BackupOutcome,
  PrimaryConfig,
  PrimaryOutcome,
} from '../../hypervisor/replica/hooks.ts';
import { PrimaryReplica } from '../../hypervisor/replica/primary.ts';
import { refusalOf } from '../../hypervisor/replica/refusal.ts';
import { asLsn, asMillis, INTERRUPT, type Lsn } from '../../log-format/index.ts';
import type { Checker } from './checker.ts';
import { type Edge, EdgeBackend } from './edge.ts';
import type { Network } from './network.ts';
import { describeView, type SimArbiter } from './sim-arbiter.ts';
import { SimStore, STARTED_AT } from './sim-store.ts';
import { causeOf, ToyMachine } from './toy-machine.ts';
import { SimProcess, type World } from './world.ts';

const BEAT_MS = 10;
const RECRUIT_MS = 12;
const DETECT_MS = 40;
const IDENTITY = { hvVersion: '0.0.0', engineHash: '', helperHash: '', machineVersion: 1 };

export interface Cluster {
  readonly world: World;
  readonly network: Network;
  readonly arbiter: SimArbiter;
  readonly edge: Edge;
  readonly checker: Checker;
  readonly hosts: Map<string, Host>;
  readonly backupsWanted: number;
  /** How long a replayed group keeps a backup's machine busy, at most. */
  readonly replayMs: number;
  readonly resyncChance: number;
  /** A planted bug at the handover. */
  readonly mangle: ((handover: Handover) => Handover) | undefined;
}

export class Host {
  readonly process: SimProcess;
  readonly #cluster: Cluster;
  primary: PrimaryReplica | undefined;
  backup: BackupReplica | undefined;
  store: SimStore | undefined;
  machine: ToyMachine | undefined;
  ended: PrimaryOutcome | BackupOutcome | undefined;
  /** Where messages of each backup go: a scenario forges some. */
  readonly handlers: Map<string, LinkHandlers> = new Map();
  /** A scenario has flipped a bit of its machine: a divergence is expected. */
  corrupted = false;
  #entropy: Entropy;

  constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.process = new SimProcess(cluster.world, name);
    this.#entropy = { bytes: (length) => cluster.world.random.bytes(length) };
    cluster.hosts.set(name, this);
    this.#every(BEAT_MS, () => this.#beat());
    this.#every(RECRUIT_MS, () => this.#recruit());
  }

  get name(): string {
    return this.process.name;
  }

  startPrimary(): void {
    this.store = this.#newStore();
    this.machine = this.#newMachine();
    this.#runPrimary(this.store, this.machine, undefined);
    const payload = new Uint8Array(2);
    this.primary?.push({ kind: INTERRUPT.boot, id: 0, num: 0, payload });
  }

  startBackup(): void {
    const { arbiter, world } = this.#cluster;
    this.backup = new BackupReplica({
      ports: {
        clock: this.process.clock(),
        entropy: this.#entropy,
        openArbiter: () => arbiter.for(this.process),
        openStore: () => {
          this.store = this.#newStore();
          return this.store;
        },
        openMachine: () => {
          this.machine = this.#newMachine();
          return this.#replaying(this.machine);
        },
        reopen: (_hello, { from, lsnReleased }, done) => this.#reopen(from, lsnReleased, done),
        join: () => {
          throw new Error('simulated primaries keep no snapshots');
        },
        dial: (peer, handlers) => this.#dialBackup(peer, handlers),
        retain: () => {},
      },
      config: {
        refuses: (hello) => refusalOf(hello, IDENTITY),
        priority: 0,
        hidden: false,
        cold: false,
        standing: () => undefined,
      },
      hooks: {
        note: (note) => this.#note(note),
        promoted: (handover) => this.#promote(handover),
        ended: (outcome) => this.#end(outcome),
      },
    });
    world.note(this.name, 'waits as a backup');
  }

  /** `silent`: the whole host is gone. */
  crash(options: { readonly silent: boolean }): void {
    this.#cluster.world.note(this.name, options.silent ? 'host dies' : 'is killed');
    this.process.kill();
    this.#cluster.network.died(this.process, options);
  }

  #newStore(): SimStore {
    const store = new SimStore(this.process);
    this.#cluster.checker.opened(this.name, store);
    return store;
  }

  #newMachine(): ToyMachine {
    const machine = new ToyMachine();
    const { world, resyncChance } = this.#cluster;
    const clock = this.process.clock();
    machine.liveResync = () => (world.random.chance(resyncChance) ? clock.wall() : undefined);
    return machine;
  }

  /** Cuts the copy and replays what is left of it with another machine. */
  #reopen(from: Lsn, lsnReleased: Lsn, done: (copy: ReopenedCopy | undefined) => void): void {
    const { store } = this;
    if (store === undefined) {
      done(undefined);
      return;
    }
    const { world } = this.#cluster;
    world.at(world.now + world.random.between(0.5, 3), this.process, () => {
      store.cut(from);
      const machine = this.#newMachine();
      this.machine = machine;
      const splitter = new GroupSplitter();
      const held: HeldOutput[] = [];
      let lsnReplayed = asLsn(0);
      let state = NOTHING_RAN;
      let outputsCrc = 0;
      for (const batch of store.decoded())
        for (const group of splitter.push(batch))
          machine.replay(group, (result, divergence) => {
            if (divergence !== undefined) throw new Error('a copy does not replay');
            held.push(...result.outputs.filter(({ lsn }) => lsn > lsnReleased));
            lsnReplayed = lastLsnOf(group);
            state = result;
            outputsCrc = result.end.outputsCrc;
          });
      const { base, history } = store;
      const { timeLast } = splitter;
      const tail = splitter.tail();
      const at = { lsnReplayed, outputsCrc, timeLast, state, tail, held };
      done({ store, base, machine: this.#replaying(machine), history, ...at });
    });
  }

  #dialBackup(peer: string, handlers: LinkHandlers): Link {
    const { hosts, network } = this.#cluster;
    const host = hosts.get(peer);
    if (host === undefined) throw new Error(`no host ${peer}`);
    return network.dial(this.process, host.process, handlers, (link) => host.backup?.accept(link));
  }

  /** On another thread: the answer comes later, unless the machine is gone. */
  #replaying(machine: ToyMachine): BackupMachine {
    const { world, replayMs } = this.#cluster;
    let disposed = false;
    return {
      replay: (group, done) => {
        const at = world.now + world.random.between(0.02, replayMs);
        machine.replay(group, (result, divergence) => {
          world.at(at, this.process, () => {
            if (!disposed) done(result, divergence);
          });
        });
      },
      dispose: () => {
        disposed = true;
      },
    };
  }

  #promote(handover: Handover): void {
    const { store, machine } = this;
    if (store === undefined || machine === undefined) throw new Error('promoted without a copy');
    this.backup = undefined;
    const given = this.#cluster.mangle?.(handover) ?? handover;
    this.#runPrimary(store, machine, given);
  }

  #runPrimary(store: SimStore, machine: ToyMachine, handover: Handover | undefined): void {
    const { edge, arbiter } = this.#cluster;
    const config: PrimaryConfig = {
      id: this.name,
      vm: 'toy-00000000',
      detectMs: DETECT_MS,
      ownLog: 'written',
      rule: { level: 'received', quorum: 0, onLoss: 'continue' },
      startedAt: STARTED_AT,
      hello: {
        protocol: PROTOCOL_VERSION,
        name: 'toy',
        arbiter: 'sim:',
        imageHash: '',
        spares: [],
        ...IDENTITY,
      },
    };
    const net = new EdgeBackend(this.process, edge, {
      onInterrupt: (interrupt) => this.primary?.push(interrupt),
      onRelease: (output) => this.#left(store, output),
    });
    this.primary = new PrimaryReplica({
      ports: {
        clock: this.process.clock(),
        store,
        arbiter: arbiter.for(this.process),
        machine,
        net,
        console: {
          release: (output) => this.#left(store, output),
          throttle: () => undefined,
        },
        entropy: this.#entropy,
      },
      config,
      hooks: {
        note: (note) => this.#note(note),
        ended: (outcome) => this.#end(outcome),
      },
      ...(handover === undefined ? {} : { handover }),
    });
    this.primary.start();
  }

  #left(store: SimStore, output: Output): void {
    const { world, checker } = this.#cluster;
    if (world.trace !== undefined) {
      const what = output.device === 'net' ? output.op : output.device;
      world.note(this.name, `releases ${what} of lsn ${causeOf.get(output)}`);
    }
    checker.outputLeft(this.name, this.#epoch(), store, output);
  }

  #epoch(): number {
    return this.primary?.core.view.epoch ?? 0;
  }

  #end(outcome: PrimaryOutcome | BackupOutcome): void {
    this.#cluster.world.note(this.name, `ended ${outcome.type}`);
    this.ended = outcome;
    if (outcome.type === 'diverged' && !this.corrupted) {
      this.#cluster.checker.fail(`${this.name} diverged ${outcome.report}`);
    }
    this.process.kill();
    this.#cluster.network.died(this.process, { silent: false });
  }

  #note(note: Note): void {
    const { world } = this.#cluster;
    if (world.trace === undefined) return;
    const view = 'view' in note ? ` ${describeView(note.view)}` : '';
    const peer = 'peer' in note ? ` ${note.peer}` : '';
    const reason = 'reason' in note ? ` (${note.reason})` : '';
    world.note(this.name, `${note.type}${peer}${view}${reason} lsn=${this.store?.lsnLast ?? 0}`);
  }

  #every(ms: number, run: () => void): void {
    const clock = this.process.clock();
    const tick = (): void => {
      run();
      clock.setTimer(asMillis(clock.now() + ms), tick);
    };
    const { world } = this.process;
    clock.setTimer(asMillis(world.now + world.random.next() * ms), tick);
  }

  #beat(): void {
    const { hosts } = this.#cluster;
    if (this.primary !== undefined) {
      for (const { peer, state } of this.primary.core.sessions) {
        if (state === 'lost') continue;
        this.#send(hosts.get(peer), (to) => to.backup?.heartbeat());
      }
    }
    const following = this.backup?.following;
    if (following !== undefined) {
      this.#send(hosts.get(following), (to) => to.primary?.heartbeat(this.name));
    }
  }

  #send(to: Host | undefined, arrive: (to: Host) => void): void {
    if (to === undefined) return;
    this.#cluster.network.datagram(this.process, to.process, () => arrive(to));
  }

  /** Dials whoever waits; a refusal is part of the game. */
  #recruit(): void {
    const { primary } = this;
    const { hosts, backupsWanted, world } = this.#cluster;
    if (primary === undefined || !primary.core.live) return;
    for (const host of hosts.values()) {
      if (primary.core.sessions.length >= backupsWanted) return;
      if (host === this || !host.process.alive || host.backup === undefined) continue;
      // A backup that follows somebody is dialled now and then, to see that it refuses.
      const { phase } = host.backup.core;
      if (phase !== 'idle' && phase !== 'parted' && !world.random.chance(0.1)) continue;
      primary.addBackup(host.name, (handlers) => this.#dial(host, handlers));
    }
  }

  #dial(host: Host, handlers: LinkHandlers): Link {
    this.handlers.set(host.name, handlers);
    return this.#cluster.network.dial(this.process, host.process, handlers, (link) =>
      host.backup?.accept(link),
    );
  }
}
