/**
 * The main thread of a backup: listener, heartbeats, log copy and the shell around the protocol core;
 * the machine replays in a worker. When the backup wins a view, the worker becomes a primary and this
 * thread its supervisor; the listener stays and takes requests to join.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { asEpoch, type Epoch } from '../../log-format/index.ts';
import { assert, defined } from '../base/assert.ts';
import { HvError } from '../base/errors.ts';
import { IN_STEP_POLL_MS, LAG_RECORDS_FREE } from '../base/limits.ts';
import type { Link, LinkHandlers } from '../ports.ts';
import type { Hello } from '../protocol/backup-events.ts';
import { BackupReplica } from '../replica/backup.ts';
import type { Handover } from '../replica/handover.ts';
import type { BackupOutcome, Estate, PrimaryOutcome } from '../replica/hooks.ts';
import { Meters } from '../replica/meters.ts';
import { refusalOf } from '../replica/refusal.ts';
import { dialable, formatAddress, parseAddress } from './addresses.ts';
import type { ReplicaActions } from './admin-actions.ts';
import { announceBackup, type BackupStanding } from './announce.ts';
import { absoluteArbiterUrl, openArbiter } from './arbiters.ts';
import { HostClock } from './clock.ts';
import { arbiterRefusal } from './colocation.ts';
import { CopyDirectory } from './copy-directory.ts';
import { makeDirectory, safeName } from './directories.ts';
import { HeartbeatResponder } from './heartbeat.ts';
import { dialLink, type IncomingLink, LinkListener, type ListenerCounters } from './link.ts';
import type { LogPosition } from './log-cursor.ts';
import { lookFirst } from './look-first.ts';
import { engineParts, MACHINE_VERSION } from './machine-factory.ts';
import { startMeters } from './meters-clock.ts';
import { RemoteMachine } from './remote-machine.ts';
import { seekPrimary } from './seek-primary.ts';
import { commonStatus } from './status.ts';
import { Supervisor, type SupervisorHooks } from './supervisor.ts';
import { type LinkSecurity, LOCAL_ONLY } from './tls.ts';
import { HV_VERSION } from './version.ts';
import type { Pings } from './view-pings.ts';
import { WatchedArbiter } from './watched-arbiter.ts';
import type { PrimarySettings } from './worker-protocol.ts';

export interface BackupHostOptions {
  /** `host:port` to listen on; port 0 for any. */
  readonly listen: string;
  /** Where copies of logs go, one directory per guest. */
  readonly dir: string;
  /** Overrides the arbiter named by the primary. */
  readonly arbiter: string | undefined;
  /** The run whose primary is to be looked for at the arbiter from the start. */
  readonly seeks?: string | undefined;
  /** Also one that dies with the host of a replica. */
  readonly arbiterMayBeColocated: boolean;
  /** Silence of a machine at work that ends it by force; Infinity: none does. */
  readonly hangLimitMs: number;
  /** How links are authenticated; by default plain, and to this machine only. */
  readonly security?: LinkSecurity;
  readonly member: { readonly priority: number; readonly hidden: boolean; readonly cold: boolean };
  readonly note: SupervisorHooks['note'];
  readonly trouble: SupervisorHooks['trouble'];
  /** The primary has given a sign of life. */
  heard?(): void;
  /** See `SupervisorHooks`; after a takeover. */
  readonly beat?: SupervisorHooks['beat'];
  readonly checkpoint?: SupervisorHooks['checkpoint'];
  /** The replay has caught up with the log, for the first time since this backup joined. */
  inStep(epoch: Epoch): void;
  /** Exactly once. */
  ended(outcome: BackupOutcome | PrimaryOutcome | undefined, error: HvError | undefined): void;
}

export class BackupHost {
  readonly #options: BackupHostOptions;
  readonly #security: LinkSecurity;
  readonly #clock = new HostClock();
  readonly #meters = startMeters(new Meters());
  readonly #responders = new Set<HeartbeatResponder>();
  readonly #directories = new Map<string, CopyDirectory>();
  /** Of the guest that is followed. */
  #at: CopyDirectory | undefined;
  #listener: LinkListener | undefined;
  #arbiter: WatchedArbiter | undefined;
  #arbiterUrl = '';
  #address = '';
  /** Host of the peer whose message is being taken. */
  #speaker = '';
  #replica: BackupReplica;
  /** The newest one; its thread is the supervisor's after a takeover. */
  #machine: RemoteMachine | undefined;
  #guestName = 'guest';
  #hello: Hello | undefined;
  #inStep = false;
  /** Backups of the last view before this replica claimed its own. */
  #viewBackups: readonly string[] = [];
  #supervisor: Supervisor | undefined;
  /** Ends the search for a primary. */
  #seeking: (() => void) | undefined;
  #pings: Pings | undefined;

  private constructor(options: BackupHostOptions) {
    this.#options = options;
    this.#security = options.security ?? LOCAL_ONLY;
    this.#replica = this.#newReplica();
  }

  /** Listens. Rejects with HV_E_PORT_IN_USE, HV_E_PLAIN_LINK or HV_E_USAGE. */
  static async start(options: BackupHostOptions): Promise<BackupHost> {
    // Compiled now, while nothing waits: the first machine of this thread's workers needs it warm.
    engineParts();
    (options.security ?? LOCAL_ONLY).checkListen(options.listen);
    if (options.arbiter !== undefined) absoluteArbiterUrl(options.arbiter);
    makeDirectory(options.dir);
    const host = new BackupHost(options);
    host.#listener = await LinkListener.listen(options.listen, {
      onLink: (incoming) => host.#accept(incoming),
      security: host.#security,
    });
    host.#address = host.address;
    if (options.seeks !== undefined) host.#seek();
    if (options.arbiter !== undefined) host.#announce(options.arbiter);
    return host;
  }

  /** As bound. */
  get address(): string {
    assert(this.#listener !== undefined, 'a backup host listens');
    return formatAddress(this.#listener.address);
  }

  /** As bound, also when the listener is closed. */
  get lastAddress(): string {
    return this.#address;
  }

  /** What the listener has seen. */
  get linkCounters(): ListenerCounters {
    assert(this.#listener !== undefined, 'a backup host listens');
    return this.#listener.counters;
  }

  /** Name of the guest that is followed; a word for it before one is. */
  get guestName(): string {
    return this.#guestName;
  }

  /** Who decides the view, and what silence makes a peer suspect; undefined before a primary came. */
  get settings(): { readonly arbiter: string; readonly detectMs: number } | undefined {
    const hello = this.#hello;
    if (hello === undefined) return undefined;
    return { arbiter: this.#options.arbiter ?? hello.arbiter, detectMs: hello.detectMs };
  }

  /** Of the log that is kept, or was asked for; undefined before any. */
  get vm(): string | undefined {
    return this.#hello?.vm ?? this.#options.seeks;
  }

  /** See `Supervisor.terminated`. */
  get terminated(): boolean {
    return this.#supervisor?.terminated === true;
  }

  get actions(): ReplicaActions {
    return {
      switchOver: (to) => this.#supervisor?.switchOver(to),
      protect: (peer) => {
        this.#supervisor?.addBackup(peer);
        return this.primary;
      },
    };
  }

  /** True once this replica has taken over. */
  get primary(): boolean {
    return this.#supervisor !== undefined;
  }

  /** What this replica counts in the role it has now. */
  get meters(): Meters {
    return this.#supervisor?.meters ?? this.#meters;
  }

  /** Stops on purpose: a backup just goes; a primary stops its guest first. */
  stop(code: number, reason: string): void {
    if (this.#supervisor !== undefined) this.#supervisor.stop(code, reason);
    else this.#end({ type: 'stopped', code, reason }, undefined);
  }

  /** What `hv status` prints, as plain data. Calls back soon, whatever the machine does. */
  status(done: (status: object) => void): void {
    const machine = this.#machine;
    const { core, lsnReplayed } = this.#replica;
    if (machine === undefined) {
      const links = this.linkCounters;
      done({ name: this.#guestName, role: 'backup', pid: process.pid, phase: core.phase, links });
      return;
    }
    const logDir = join(this.#options.dir, safeName(machine.header.name));
    const role = this.primary ? 'primary' : 'backup';
    (this.#supervisor ?? machine).status((hang, worker) => {
      const { phase, epoch, synced, lsnReceived } = core;
      const copy = {
        phase,
        epoch,
        synced,
        lsnReceived,
        lsnReplayed,
        lag: lsnReceived - lsnReplayed,
        arbiter: this.#arbiter?.figures(),
      };
      done({
        ...commonStatus({ role, header: machine.header, logDir, hang, worker }),
        replication: role === 'primary' ? (worker?.primary ?? null) : copy,
        links: this.linkCounters,
      });
    });
  }

  #newReplica(): BackupReplica {
    const { arbiter } = this.#options;
    return new BackupReplica({
      ports: {
        clock: this.#clock,
        meters: this.#meters,
        entropy: { bytes: (length) => new Uint8Array(randomBytes(length)) },
        openArbiter: (address) => this.#openArbiter(arbiter ?? address),
        openStore: (hello) => this.#directory(hello).fresh(),
        openMachine: (base) => defined(this.#at, 'a copy has a directory').openMachine(base),
        reopen: (hello, { from, lsnReleased }, done) =>
          void this.#directory(hello).reopen(from, lsnReleased).then(done),
        join: (hello, snapshot, done) => this.#directory(hello).join(snapshot, done),
        dial: (peer, handlers) => dialLink(peer, '/link', handlers, { security: this.#security }),
        retain: () => undefined,
      },
      config: {
        refuses: (hello) => this.#refuses(hello),
        ...this.#options.member,
        standing: (hello) => this.#directory(hello).standing(hello),
      },
      hooks: {
        note: (note, at) => {
          if (note.type === 'synced') this.#awaitStep();
          // The newest view of the dead primary, before the claim replaces it.
          if (note.type === 'suspected') this.#viewBackups = this.#replica.core.view?.backups ?? [];
          if (note.type === 'following') {
            this.#inStep = false;
            this.#seeking?.();
          }
          if (note.type === 'parted') this.#seek();
          this.#pings?.now();
          this.#options.note(note, at);
        },
        promoted: (handover, estate) => this.#promoted(handover, estate),
        ended: (outcome) => this.#end(outcome, undefined),
      },
    });
  }

  /** In the view it holds the log; in step it has replayed it too, and a takeover takes no time. */
  #awaitStep(): void {
    if (this.#inStep || this.#supervisor !== undefined) return;
    const replica = this.#replica;
    if (replica.core.lsnReceived - replica.lsnReplayed <= LAG_RECORDS_FREE) {
      this.#inStep = true;
      this.#options.inStep(replica.core.epoch);
    } else setTimeout(() => this.#awaitStep(), IN_STEP_POLL_MS).unref();
  }

  /** Lets a primary know that there is a backup to dial. */
  #seek(): void {
    const { vm } = this;
    const url = this.#options.arbiter ?? this.#hello?.arbiter;
    this.#seeking?.();
    if (vm === undefined || url === undefined || this.primary) return;
    const arbiter = this.#openArbiter(url);
    this.#seeking = seekPrimary({ arbiter, vm, own: this.address, security: this.#security });
  }

  #announce(url: string): void {
    this.#pings ??= announceBackup({
      url,
      replica: this.#hello?.backup ?? this.address,
      standing: () => this.#standing(),
      promoted: () => this.#replica.suspect('the view service has made this replica primary'),
      trouble: (event, fields) => this.#options.trouble(event, fields),
    });
  }

  #standing(): BackupStanding | undefined {
    const { core } = this.#replica;
    const hello = this.#hello;
    if (hello === undefined || core.phase === 'idle') return undefined;
    const { priority, hidden } = this.#options.member;
    const follows = core.phase === 'following';
    const epoch = core.view?.epoch ?? asEpoch(0);
    const { synced, lsnReceived: lsn } = core;
    return { vm: hello.vm, epoch, synced, follows, lsn, priority, hidden };
  }

  /** The same one for the same URL: a copy that is made anew needs no new connections. */
  #openArbiter(url: string): WatchedArbiter {
    if (this.#arbiter === undefined || this.#arbiterUrl !== url) {
      this.#arbiter?.stop();
      this.#arbiterUrl = url;
      this.#arbiter = new WatchedArbiter(openArbiter(url), {
        onTrouble: (reason) => this.#options.trouble('arbiter.unavailable', { reason }),
      });
    }
    return this.#arbiter;
  }

  #refuses(hello: Hello): string | undefined {
    const { arbiter, arbiterMayBeColocated: mayBeColocated } = this.#options;
    const misplaced = arbiterRefusal(arbiter ?? hello.arbiter, this.#speaker, { mayBeColocated });
    if (misplaced !== undefined) return misplaced;
    const { engineHash, helperHash } = engineParts();
    return refusalOf(hello, {
      hvVersion: HV_VERSION,
      engineHash,
      helperHash,
      machineVersion: MACHINE_VERSION,
    });
  }

  /** Locked at the first hello of its guest. Throws HV_E_NAME_IN_USE. */
  #directory(hello: Hello): CopyDirectory {
    this.#guestName = hello.name;
    this.#hello = hello;
    this.#announce(this.#options.arbiter ?? hello.arbiter);
    const dir = join(this.#options.dir, safeName(hello.name));
    const known = this.#directories.get(dir);
    this.#at = known;
    if (known !== undefined) return known;
    const { member, hangLimitMs } = this.#options;
    const directory = new CopyDirectory({
      dir,
      cold: member.cold,
      hangLimitMs,
      meters: this.#meters,
      onError: (error) => this.#end(undefined, error),
      onMachine: (machine) => {
        this.#machine = machine;
        this.#arbiter?.probe(machine.header.vm);
      },
      trouble: (event, fields) => this.#options.trouble(event, fields),
    });
    this.#directories.set(dir, directory);
    this.#at = directory;
    return directory;
  }

  #accept(incoming: IncomingLink): LinkHandlers {
    const { link, path } = incoming;
    if (path === '/heartbeat') return this.#answerHeartbeats(link);
    if (path === '/join') return this.#answerJoin(incoming);
    if (this.#supervisor !== undefined) return refuseLink(link, 'this replica is primary itself');
    const { host } = parseAddress(incoming.remoteAddress, { what: 'the address of a peer' });
    return lookFirst(this.#replica.accept(link), {
      speaks: () => {
        this.#speaker = host;
      },
      look: (hello) => {
        if (this.#replica.core.phase !== 'idle' || this.#refuses(hello) !== undefined)
          return undefined;
        return this.#directory(hello).inspect();
      },
    });
  }

  #answerHeartbeats(link: Link): LinkHandlers {
    const responder = new HeartbeatResponder(link, {
      clock: this.#clock,
      epoch: () => this.#replica.core.epoch,
      hooks: {
        onBeat: ({ epoch }) => {
          if (epoch < this.#replica.core.epoch) return;
          this.#options.heard?.();
          this.#replica.heartbeat();
        },
        onLate: () => undefined,
        onClose: () => this.#responders.delete(responder),
      },
    });
    this.#responders.add(responder);
    return responder;
  }

  #answerJoin({ link, remoteAddress }: IncomingLink): LinkHandlers {
    return {
      onMessage: (message) => {
        if (message.type !== 'join') return link.close();
        if (this.#supervisor === undefined) {
          const reason = 'this replica is no primary';
          link.send({ type: 'bye', epoch: asEpoch(0), code: 1, reason });
        } else this.#supervisor.addBackup(dialable(message.address, remoteAddress));
        link.close();
      },
      onClose: () => undefined,
    };
  }

  #promoted(handover: Handover, estate: Estate): void {
    const { machine } = estate;
    assert(machine instanceof RemoteMachine, 'machines of this host are remote');
    const hello = defined(handover.hello, 'who was promoted followed a primary');
    const store = defined(this.#directory(hello).store, 'a winner has its store');
    const others = this.#viewBackups.filter((peer) => peer !== handover.id);
    const settings: PrimarySettings = {
      id: handover.id,
      arbiter: this.#options.arbiter ?? hello.arbiter,
      detectMs: hello.detectMs,
      ownLog: hello.rule.level === 'durable' ? 'durable' : 'written',
      rule: hello.rule,
      spares: hello.spares,
      checkpoint: { type: 'auto' },
      keep: { type: 'all' },
      recordOutputs: false,
      movesPorts: false,
      security: this.#security.material,
    };
    store.log.handover((position: LogPosition | undefined) => {
      if (position === undefined) {
        this.#end(undefined, new HvError('HV_E_INTERNAL', 'the copy of the log cannot go on'));
        return;
      }
      const { control } = machine;
      const { hangLimitMs } = this.#options;
      const supervisor = new Supervisor(
        machine.release(),
        {
          ...{ control, hangLimitMs, security: this.#security, handsOver: true },
          announce: {
            ...{ url: settings.arbiter ?? '', vm: hello.vm, replica: handover.id },
            ...{
              rule: hello.rule,
              wants: Math.max(1, hello.rule.quorum, this.#viewBackups.length),
            },
          },
        },
        {
          note: (note, at) => this.#options.note(note, at),
          trouble: (event, fields) => this.#options.trouble(event, fields),
          beat: (roundTripMs) => this.#options.beat?.(roundTripMs),
          checkpoint: (taken) => this.#options.checkpoint?.(taken),
          ended: (outcome, error) => this.#end(outcome, error),
        },
      );
      this.#supervisor = supervisor;
      this.#arbiter?.stop();
      this.#pings?.stop();
      this.#seeking?.();
      supervisor.send({ type: 'promote', handover, position, settings, others });
    });
  }

  #end(outcome: BackupOutcome | PrimaryOutcome | undefined, error: HvError | undefined): void {
    for (const directory of this.#directories.values()) directory.release();
    for (const responder of this.#responders) responder.stop();
    this.#seeking?.();
    this.#pings?.stop();
    this.#arbiter?.stop();
    void this.#listener?.close();
    this.#options.ended(outcome, error);
  }
}

function refuseLink(link: Link, reason: string): LinkHandlers {
  link.send({ type: 'refuse', epoch: asEpoch(0), reason });
  link.close();
  return { onMessage: () => undefined, onClose: () => undefined };
}
