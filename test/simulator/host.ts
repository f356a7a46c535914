/**
 * One process of the cluster: the composition root of the simulation. Runs the real shells over
 * simulated ports, promotes a backup when it has won, and lets live primaries look for backups.
 */

import { defined } from '../../hypervisor/base/assert.ts';
import type {
  BackupMachine,
  Entropy,
  Link,
  LinkHandlers,
  Output,
  ReopenedCopy,
  ReplayGroup,
  SnapshotReceiver,
} from '../../hypervisor/ports.ts';
import { PROTOCOL_VERSION, type SnapshotFile } from '../../hypervisor/protocol/messages.ts';
import type { Note } from '../../hypervisor/protocol/notes.ts';
import { BackupReplica } from '../../hypervisor/replica/backup.ts';
import { lastLsnOf } from '../../hypervisor/replica/group-splitter.ts';
import { type Handover, NOTHING_RAN } from '../../hypervisor/replica/handover.ts';
import type {
  BackupOutcome,
  PrimaryConfig,
  PrimaryOutcome,
} from '../../hypervisor/replica/hooks.ts';
import { PrimaryReplica } from '../../hypervisor/replica/primary.ts';
import { refusalOf } from '../../hypervisor/replica/refusal.ts';
import { asLsn, asMillis, INTERRUPT, type Lsn } from '../../log-format/index.ts';
import type { Cluster, Death } from './cluster.ts';
import { noteKind } from './coverage.ts';
import { EdgeBackend } from './edge.ts';
import { type Member, mayJoin } from './protection.ts';
import { replayLater } from './replay-later.ts';
import { type BuildMachine, replayCopy, startBefore } from './replayed-copy.ts';
import { describeView } from './sim-arbiter.ts';
import { causeOf, type MachineWorld, type SimMachine } from './sim-machine.ts';
import { type Recovered, recover } from './sim-recovery.ts';
import { receiveSnapshot, SimCheckpoints, type SimSnapshot, snapshotOf } from './sim-snapshots.ts';
import { SimDisk, SimStore, STARTED_AT } from './sim-store.ts';
import { plantInCopy, plantInStore } from './store-bugs.ts';
import { SimProcess } from './world.ts';

/** The reason of a backup that is dropped by its primary. */
const NOT_IN_VIEW = 'not in the view any more';
const BEAT_MS = 10;
const RECRUIT_MS = 12;
const IDENTITY = { hvVersion: '0.0.0', engineHash: '', helperHash: '', machineVersion: 1 };

export class Host {
  readonly process: SimProcess;
  readonly disk: SimDisk;
  readonly #cluster: Cluster;
  primary: PrimaryReplica | undefined;
  backup: BackupReplica | undefined;
  store: SimStore | undefined;
  machine: SimMachine | undefined;
  ended: PrimaryOutcome | BackupOutcome | undefined;
  death: Death | undefined;
  /** Goes on from its own log, and has not heard yet that it may. */
  resumed = false;
  /** Where messages of each backup go: a scenario forges some. */
  readonly handlers: Map<string, LinkHandlers> = new Map();
  /** A bit of its machine has been flipped: a divergence is expected. */
  corrupted = false;
  /** A bit flips at its next replay. */
  flipsNext = false;
  readonly #recruitPhase: number;
  #entropy: Entropy;

  constructor(cluster: Cluster, name: string, disk?: SimDisk) {
    this.#cluster = cluster;
    this.process = new SimProcess(cluster.world, name, cluster.clock());
    this.disk = disk ?? new SimDisk(cluster.writeMs);
    const { random } = cluster.world;
    this.#entropy = {
      bytes: (length) =>
        cluster.bugs.sameToken === true ? new Uint8Array(length) : random.bytes(length),
    };
    cluster.hosts.set(name, this);
    cluster.onHost?.(this);
    this.#every(BEAT_MS, this.#phase(BEAT_MS), () => this.#beat());
    this.#recruitPhase = this.#phase(RECRUIT_MS);
  }

  get name(): string {
    return this.process.name;
  }

  /** What it is as a backup. */
  get member(): Member {
    return this.#cluster.member(this.name);
  }

  startPrimary(): void {
    this.store = this.#newStore();
    this.machine = this.#newMachine();
    this.#runPrimary(this.store, this.machine, undefined);
    this.#boot();
  }

  #boot(): void {
    const payload = this.#cluster.machines.boot;
    this.primary?.push({ kind: INTERRUPT.boot, id: 0, num: 0, payload });
  }

  /** `hv run --resume`: goes on from what a dead process left. False: there is nothing to go on with. */
  resume(dead: SimStore, options: { readonly power: boolean }): boolean {
    const store = this.#newStore();
    store.load(dead, dead.afterCrash(options));
    const forgets = this.#cluster.bugs.forgetsMark === true;
    const mark = forgets ? undefined : dead.markAfterCrash(options);
    const build: BuildMachine = (at) => this.#newMachine(at);
    const recovered = recover(store, { name: this.name, mark, build });
    if (recovered === undefined) return false;
    const { world } = this.#cluster;
    world.note(this.name, `resumes at lsn ${recovered.handover.lsnReceived}`);
    if (store.snapshots.length > 0) world.coverage.count('snapshot.resumed');
    if (mark !== undefined) store.marks.push(mark);
    this.store = store;
    this.machine = recovered.machine;
    this.resumed = true;
    const handover = { ...recovered.handover, id: this.name };
    this.#runPrimary(store, recovered.machine, handover, recovered);
    return true;
  }

  /** Finds what a dead process has left of a log; a primary may let it go on from there. */
  inherit(dead: SimStore, options: { readonly power: boolean }): void {
    const batches = dead.afterCrash(options);
    if (batches.length === 0 && dead.origin === undefined) return;
    this.store = this.#newStore();
    this.store.load(dead, batches);
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
          return plantInCopy(this.store, this.#cluster.bugs);
        },
        openMachine: () => {
          this.machine = this.#newMachine();
          return this.#replaying(this.machine);
        },
        reopen: (_hello, { from, lsnReleased }, done) => this.#reopen(from, lsnReleased, done),
        join: (_hello, { files }, done) => this.#join(files, done),
        dial: (peer, handlers) => this.#dialBackup(peer, handlers),
        retain: () => {},
      },
      config: {
        refuses: (hello) => refusalOf(hello, IDENTITY),
        ...this.member,
        // Its own copy, or what an earlier process has left on this disk.
        standing: () => this.store?.history,
      },
      hooks: {
        note: (note) => this.#note(note),
        promoted: (handover, { machine }) => this.#promote(handover, machine === undefined),
        ended: (outcome) => this.#end(outcome),
      },
    });
    world.note(this.name, 'waits as a backup');
  }

  /** The operator wants the guest stopped. */
  stop(): void {
    this.#cluster.checker.stopping = true;
    this.primary?.stop(0, 'operator');
  }

  /** `silent`: the whole host is gone. */
  crash(options: { readonly silent: boolean }): void {
    this.#cluster.world.note(this.name, options.silent ? 'host dies' : 'is killed');
    this.#die(options.silent ? 'host lost' : 'killed');
  }

  #die(death: Death): void {
    this.death ??= death;
    this.process.kill();
    this.#cluster.network.died(this.process, { silent: death === 'host lost' });
  }

  #newStore(): SimStore {
    const { checker, machines, world } = this.#cluster;
    const store = new SimStore(this.process, {
      disk: this.disk,
      header: machines.header,
      frames: machines.frames,
      onAppend: (batch, epochBefore) => checker.appended(batch, epochBefore),
      // As every process of hv does: it has no log any more, so it ends.
      onError: (kind) => {
        world.note(this.name, `ends: ${kind}`);
        this.#die('disk');
      },
    });
    checker.opened(this.name, store);
    if (this.member.cold) store.onPlace = (lsn) => this.#keepWarm(store, lsn);
    return store;
  }

  /** Another machine runs the copy to where it stands now and again, so that less is left for a promotion. */
  #keepWarm(store: SimStore, lsn: Lsn): void {
    const { world } = this.#cluster;
    world.at(world.now + world.random.between(1, 10), this.process, () => {
      // It has grown, or is a primary's by now.
      if (store.lsnLast !== lsn || this.store !== store || this.backup === undefined) return;
      const view = store.placeAt(lsn);
      if (view === undefined) return;
      const at = store.snapshots.at(-1);
      const build: BuildMachine = (start) => this.#newMachine(start);
      const { machine, timeLast: time } = replayCopy(store, at, { build, lsnReleased: lsn });
      const snapshot = snapshotOf(machine, store, { lsn, time, view });
      if (snapshot !== undefined) store.keep(snapshot);
    });
  }

  /** As it was at a snapshot, or one that has run nothing. */
  #newMachine(at?: SimSnapshot): SimMachine {
    const { world, resyncChance, machines } = this.#cluster;
    const clock = this.process.clock();
    const given: MachineWorld = {
      wall: () => clock.wall(),
      resync: () => (world.random.chance(resyncChance) ? clock.wall() : undefined),
    };
    if (at === undefined) return machines.build(given);
    return defined(machines.restore?.(given, at.machine), 'what was saved can be restored');
  }

  /** Takes a snapshot in; the log goes on behind it at once, the machine comes later. */
  #join(
    files: readonly SnapshotFile[],
    done: (copy: ReopenedCopy | undefined) => void,
  ): SnapshotReceiver {
    const { world } = this.#cluster;
    // What was there has made room for it.
    this.store = undefined;
    this.machine = undefined;
    return receiveSnapshot(files, (snapshot) => {
      world.at(world.now + world.random.between(0.3, 2), this.process, () => {
        world.coverage.count('snapshot.joined');
        const store = this.#newStore();
        store.begin(snapshot);
        this.store = store;
        done(this.#joined(plantInCopy(store, this.#cluster.bugs), snapshot));
      });
    });
  }

  #joined(store: SimStore, snapshot: SimSnapshot): ReopenedCopy {
    const { world } = this.#cluster;
    const { base, history } = store;
    const nothing = { outputsCrc: 0, state: NOTHING_RAN, tail: undefined, held: [] };
    if (this.member.cold) {
      const at = { machine: undefined, lsnReplayed: asLsn(0), timeLast: STARTED_AT };
      return { store, base, history, ...nothing, ...at };
    }
    const machine = this.#newMachine(snapshot);
    this.machine = machine;
    const { lsn: lsnReplayed, time: timeLast, outputsCrc, state } = snapshot;
    const at = { machine: this.#replaying(machine), lsnReplayed, timeLast };
    const restoring: ReopenedCopy['restoring'] = (told) =>
      world.at(world.now + world.random.between(0.3, 5), this.process, () => {
        store.replayed(lsnReplayed);
        told({ outputsCrc, state, held: [] });
      });
    return { store, base, history, ...nothing, ...at, restoring };
  }

  /** Where it is as good to begin as anywhere before `lsnReleased`; with a planted bug, anywhere. */
  #startFor(store: SimStore, lsnReleased: Lsn): SimSnapshot | undefined {
    const newest = this.#cluster.bugs.startsAtNewest === true;
    const at = newest ? store.snapshots.at(-1) : startBefore(store, lsnReleased);
    if (at !== undefined) this.#cluster.world.coverage.count('snapshot.reopened');
    return at;
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
      const { base, history } = store;
      if (this.member.cold) {
        const nothing = { lsnReplayed: asLsn(0), outputsCrc: 0, timeLast: STARTED_AT };
        const at = { ...nothing, state: NOTHING_RAN, tail: undefined, held: [] };
        done({ store, base, machine: undefined, history, ...at });
        return;
      }
      const { machine, ...at } = replayCopy(store, this.#startFor(store, lsnReleased), {
        build: (start) => this.#newMachine(start),
        lsnReleased,
      });
      this.machine = machine;
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
  #replaying(machine: SimMachine): BackupMachine {
    return replayLater(machine, {
      process: this.process,
      replayMs: this.#cluster.replayMs,
      ignoresDivergence: this.#cluster.bugs.divergenceIgnored === true,
      flips: () => {
        const flips = this.flipsNext;
        this.flipsNext = false;
        this.corrupted ||= flips;
        return flips;
      },
      replayed: (group) => this.#replayed(machine, group),
      ran: ({ outputs }) => {
        if (this.#cluster.bugs.backupReleases !== true) return;
        for (const { output } of outputs) this.#left(this.store, output);
      },
    });
  }

  /** A place where the primary took a snapshot is one for a backup's own. */
  #replayed(machine: SimMachine, group: ReplayGroup): void {
    const { store } = this;
    const lsn = lastLsnOf(group);
    store?.replayed(lsn);
    const view = store?.placeAt(lsn);
    const mark = group.records.at(-2);
    if (store === undefined || view === undefined || mark?.type !== 'checkpoint') return;
    const snapshot = snapshotOf(machine, store, { lsn, time: mark.time, view });
    if (snapshot !== undefined) store.keep(snapshot);
  }

  /** `bare`: without a machine, for there is none, or it has proved to differ. */
  #promote(handover: Handover, bare: boolean): void {
    const { store, machine } = this;
    if (store === undefined) throw new Error('promoted without a copy');
    this.backup = undefined;
    if (bare) {
      const { world } = this.#cluster;
      if (this.member.cold) world.coverage.count('backup.coldPromoted');
      else world.note(this.name, 'runs its log with another machine');
      this.corrupted = false;
      this.#revive(handover, store);
      return;
    }
    if (machine === undefined) throw new Error('promoted without a machine');
    if (this.corrupted) this.#cluster.checker.fail(`${this.name} differs and is promoted`);
    const given = this.#cluster.bugs.mangle?.(handover) ?? handover;
    this.#runPrimary(store, machine, given);
  }

  /** What nothing has run is run from the disk, and only then it goes live. */
  #revive(handover: Handover, store: SimStore): void {
    const { world } = this.#cluster;
    world.at(world.now + world.random.between(0.5, 3), this.process, () => {
      const { lsnReleased } = handover;
      const { state, machine, ...at } = replayCopy(store, this.#startFor(store, lsnReleased), {
        build: (start) => this.#newMachine(start),
        lsnReleased,
      });
      this.machine = machine;
      const revived = { ...handover, ...at, machine: state, groups: [] };
      this.#runPrimary(store, machine, this.#cluster.bugs.mangle?.(revived) ?? revived);
    });
  }

  #runPrimary(
    store: SimStore,
    machine: SimMachine,
    handover: Handover | undefined,
    recovered?: Recovered,
  ): void {
    const { edge, arbiter, ownLog, rule, bugs } = this.#cluster;
    const config: PrimaryConfig = {
      id: this.name,
      vm: 'toy-00000000',
      detectMs: this.#cluster.detectMs,
      ownLog,
      rule: bugs.rule?.(rule) ?? rule,
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
    const { checkpointEvery: every } = this.#cluster;
    const released = (): Lsn => this.primary?.core.lsnReleased ?? asLsn(0);
    const checkpoints =
      every > 0 && machine.save !== undefined
        ? new SimCheckpoints({ process: this.process, store, machine, every, released })
        : undefined;
    this.primary = new PrimaryReplica({
      ports: {
        checkpoints,
        snapshots: checkpoints,
        clock: this.process.clock(),
        store: plantInStore(store, this.#cluster.bugs),
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
        note: (note) => {
          this.#note(note);
          if (note.type === 'guestExited') this.#cluster.checker.stopping = true;
          if (note.type === 'resumed') this.resumed = false;
          if (note.type === 'resumed' && recovered?.booted === false) this.#boot();
        },
        ended: (outcome) => this.#end(outcome),
      },
      ...(handover === undefined ? {} : { handover }),
    });
    this.primary.start();
    this.#every(RECRUIT_MS, this.#recruitPhase, () => this.#recruit());
  }

  #left(store: SimStore | undefined, output: Output): void {
    const { world, checker } = this.#cluster;
    if (store === undefined) return;
    if (world.trace !== undefined) {
      const what = output.device === 'net' ? output.op : output.device;
      world.note(this.name, `releases ${what} of lsn ${causeOf(output)}`);
    }
    checker.outputLeft(this.name, this.#epoch(), store, output);
  }

  #epoch(): number {
    return this.primary?.core.view.epoch ?? 0;
  }

  #end(outcome: PrimaryOutcome | BackupOutcome): void {
    const { world, checker } = this.#cluster;
    world.note(this.name, `ended ${outcome.type}`);
    this.ended = outcome;
    if (outcome.type === 'diverged' && !this.corrupted)
      checker.fail(`${this.name} diverged ${outcome.report}`);
    if (outcome.type === 'stopped') this.#cluster.stopped = true;
    if (outcome.type === 'stopped')
      checker.stopped(this.name, 'confirmed' in outcome && outcome.confirmed);
    if (outcome.type === 'fenced') checker.fenced(this.name, this.resumed);
    this.#die('ended');
  }

  #note(note: Note): void {
    const { world, checker } = this.#cluster;
    const told = noteKind(note);
    if (told !== undefined) world.coverage.count(told);
    if ((note.type === 'parted' || note.type === 'reset') && note.reason === NOT_IN_VIEW)
      checker.gaveUp(this.name);
    if (world.trace === undefined) return;
    const view = 'view' in note ? ` ${describeView(note.view)}` : '';
    const peer = 'peer' in note ? ` ${note.peer}` : '';
    const reason = 'reason' in note ? ` (${note.reason})` : '';
    world.note(this.name, `${note.type}${peer}${view}${reason} lsn=${this.store?.lsnLast ?? 0}`);
  }

  /** When it does for the first time what it does every `ms`, by its own clock. */
  #phase(ms: number): number {
    const { world } = this.process;
    return this.process.clock().now() + world.random.next() * ms;
  }

  /** From the first time of `phase` on that is still to come. */
  #every(ms: number, phase: number, run: () => void): void {
    const clock = this.process.clock();
    const tick = (): void => {
      run();
      clock.setTimer(asMillis(clock.now() + ms), tick);
    };
    const missed = Math.max(0, Math.ceil((clock.now() - phase) / ms));
    clock.setTimer(asMillis(phase + missed * ms), tick);
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
    const { hosts, backupsWanted, rule, world } = this.#cluster;
    if (primary === undefined || !primary.core.live) return;
    for (const host of hosts.values()) {
      const { sessions } = primary.core;
      const wanted =
        host.member.hidden || sessions.filter(({ hidden }) => !hidden).length < backupsWanted;
      if (!wanted || primary.core.sessions.some(({ peer }) => peer === host.name)) continue;
      if (host === this || !host.process.alive || host.backup === undefined) continue;
      // One that this rule cannot use is dialled now and then, too.
      const useless = host.member.cold && !host.member.hidden && !mayJoin(host.member, rule);
      if (useless && !world.random.chance(0.02)) continue;
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
