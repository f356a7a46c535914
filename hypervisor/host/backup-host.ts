/**
 * The main thread of a backup: listener, heartbeats, log copy and the shell around the protocol core;
 * the machine replays in a worker. When the backup wins a view, the worker becomes a primary and this
 * thread its supervisor; the listener stays and takes requests to join.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { assert, defined } from '../base/assert.ts';
import type { HvError } from '../base/errors.ts';
import type { LinkHandlers } from '../ports.ts';
import type { Hello } from '../protocol/backup-events.ts';
import { BackupReplica } from '../replica/backup.ts';
import type { Handover } from '../replica/handover.ts';
import type { BackupOutcome, Estate, PrimaryOutcome } from '../replica/hooks.ts';
import { Meters } from '../replica/meters.ts';
import { formatAddress, parseAddress } from './addresses.ts';
import type { ReplicaActions } from './admin-actions.ts';
import { announcementOf } from './announce.ts';
import { answerJoin, whyNoPrimary } from './answer-join.ts';
import { checkArbiterAccess } from './arbiter-access.ts';
import { ArbiterDesk } from './arbiter-desk.ts';
import type { BackupHostOptions, Succession } from './backup-options.ts';
import { backupStatus } from './backup-status.ts';
import { HostClock } from './clock.ts';
import { CopyDirectory, faultOf } from './copy-directory.ts';
import { makeDirectory, safeName } from './directories.ts';
import { type ForceOptions, type ForceReport, factsOf, forcePromotion } from './force.ts';
import { HeartbeatDesk } from './heartbeat-desk.ts';
import { hostRefusal } from './hello-refusal.ts';
import { dialLink, type IncomingLink, LinkListener, type ListenerCounters } from './link.ts';
import { lookFirst } from './look-first.ts';
import { engineParts } from './machine-factory.ts';
import { startMeters } from './meters-clock.ts';
import { Outreach } from './outreach.ts';
import {
  type ForcedFacts,
  type Promotion,
  promotionOf,
  settingsAfter,
  worldError,
} from './promotion.ts';
import { Reclones } from './reclones.ts';
import { Relay, refuseLink } from './relay.ts';
import type { RemoteMachine } from './remote-machine.ts';
import { StepWatch } from './step-watch.ts';
import { Supervisor } from './supervisor.ts';
import { type LinkSecurity, LOCAL_ONLY } from './tls.ts';

export class BackupHost {
  readonly #options: BackupHostOptions;
  readonly #security: LinkSecurity;
  readonly #clock = new HostClock();
  readonly #meters = startMeters(new Meters());
  readonly #heartbeats: HeartbeatDesk;
  readonly #directories = new Map<string, CopyDirectory>();
  /** Of the guest that is followed. */
  #at: CopyDirectory | undefined;
  #listener: LinkListener | undefined;
  readonly #arbiter: ArbiterDesk;
  /** Host of the peer whose message is being taken, and why nothing can be kept of its guest. */
  #speaker = '';
  #shut: string | undefined;
  #replica: BackupReplica;
  /** The newest one; its thread is the supervisor's after a takeover. */
  #machine: RemoteMachine | undefined;
  #guestName = 'guest';
  /** The newest that was taken. */
  #hello: Hello | undefined;
  readonly #steps: StepWatch;
  /** Backups of the last view before this replica claimed its own. */
  #viewBackups: readonly string[] = [];
  #supervisor: Supervisor | undefined;
  /** The view is won: the rest is a matter of time. */
  #taking = false;
  #forced: ForcedFacts | undefined;
  readonly #relay: Relay;
  #outreach: Outreach | undefined;
  #address = '';
  /** Replicas that followed this one when it won. */
  #followers: readonly string[] = [];
  readonly #reclones: Reclones;

  private constructor(options: BackupHostOptions) {
    this.#options = options;
    this.#security = options.security ?? LOCAL_ONLY;
    this.#reclones = new Reclones((event, fields) => options.trouble(event, fields));
    this.#steps = new StepWatch({
      replica: () => this.#replica,
      cold: options.member.cold,
      over: () => this.primary,
      inStep: (epoch) => options.inStep(epoch),
    });
    this.#replica = this.#newReplica();
    this.#arbiter = new ArbiterDesk((reason) => options.trouble('arbiter.unavailable', { reason }));
    this.#heartbeats = new HeartbeatDesk({
      clock: this.#clock,
      epoch: () => this.#replica.core.epoch,
      beat: () => {
        options.heard?.();
        this.#replica.heartbeat();
      },
    });
    this.#relay = new Relay({
      clock: this.#clock,
      dial: (peer, path, handlers) => dialLink(peer, path, handlers, { security: this.#security }),
      epoch: () => this.#replica.core.epoch,
      copy: () => this.#replica.passable,
      trouble: (event, fields) => options.trouble(event, fields),
    });
  }

  /** Listens. Rejects with HV_E_PORT_IN_USE, HV_E_PLAIN_LINK, HV_E_ARBITER or HV_E_USAGE. */
  static async start(options: BackupHostOptions): Promise<BackupHost> {
    // Compiled now, while nothing waits: the first machine of this thread's workers needs it warm.
    engineParts();
    (options.security ?? LOCAL_ONLY).checkListen(options.listen);
    if (options.arbiter !== undefined) checkArbiterAccess(options.arbiter);
    makeDirectory(options.dir);
    const host = new BackupHost(options);
    host.#listener = await LinkListener.listen(options.listen, {
      onLink: (incoming) => host.#accept(incoming),
      security: host.#security,
    });
    host.#address = host.address;
    host.#reachOut();
    return host;
  }

  /** As bound. */
  get address(): string {
    assert(this.#listener !== undefined, 'a backup host listens');
    return formatAddress(this.#listener.address);
  }

  /** What a process needs to go on as a backup after this one's reign; undefined: it shall end. */
  get succession(): Succession | undefined {
    const { settings } = this;
    const vm = this.#outreach?.vm;
    const ends = this.#supervisor?.terminated === true || vm === undefined;
    return ends || !settings ? undefined : { ...settings, address: this.#address, vm };
  }

  get actions(): ReplicaActions {
    return {
      switchOver: (to) => this.#supervisor?.switchOver(to),
      protect: (peer) =>
        this.#supervisor === undefined
          ? 'this replica is no primary'
          : this.#supervisor.addBackup(peer),
    };
  }

  /** What the listener has seen. */
  get linkCounters(): ListenerCounters {
    return defined(this.#listener, 'a backup host listens').counters;
  }

  /** Name of the guest that is followed; a word for it before one is. */
  get guestName(): string {
    return this.#guestName;
  }

  /** Who decides the view, and what silence makes a peer suspect; undefined before a primary came. */
  get settings(): { readonly arbiter: string; readonly detectMs: number } | undefined {
    const hello = this.#hello;
    return hello && { arbiter: this.#options.arbiter ?? hello.arbiter, detectMs: hello.detectMs };
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
    backupStatus(
      {
        name: this.#guestName,
        replica: this.#replica,
        ...{ machine: this.#machine, supervisor: this.#supervisor },
        logDir: this.#at?.dir,
        arbiter: this.#arbiter.figures(),
        links: this.linkCounters,
        followers: this.#relay.figures(),
        ...{ member: this.#options.member, hello: this.#hello },
      },
      done,
    );
  }

  /**
   * Makes this replica primary by the word of its operator; resolves when the view is taken, and the guest
   * goes live then. Rejects with HV_E_USAGE when there is nothing to promote, or nothing at `at`.
   */
  promote(options: ForceOptions): Promise<ForceReport> {
    const copy = (): CopyDirectory => defined(this.#at, 'a copy has a directory');
    return forcePromotion(options, {
      facts: () => ({ primary: this.#taking, ...factsOf(this.#replica) }),
      dir: () => copy().dir,
      written: (done) => defined(copy().store, 'a copy has a store').log.write(done),
      arbiter: () => this.#arbiter.current,
      now: () => this.#clock.wall(),
      delay: this.#options.member.delay,
      prepare: (facts) => {
        this.#forced = facts;
      },
      force: (view) => this.#replica.force(view),
    });
  }

  #newReplica(): BackupReplica {
    const { arbiter } = this.#options;
    return new BackupReplica({
      ports: {
        clock: this.#clock,
        meters: this.#meters,
        entropy: { bytes: (length) => new Uint8Array(randomBytes(length)) },
        openArbiter: (address) => this.#arbiter.open(arbiter ?? address),
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
          this.#steps.noted(note);
          // The newest view of the dead primary, before the claim replaces it.
          if (note.type === 'suspected') this.#viewBackups = this.#replica.core.view?.backups ?? [];
          if (note.type === 'following')
            this.#arbiter.probe(defined(this.#hello, 'it was said').vm);
          this.#outreach?.noted(note);
          // Nothing comes any more: followers may find somebody to whom it does.
          if (note.type === 'parted') this.#relay.closeAll('this replica follows no primary');
          this.#options.note(note, at);
        },
        promoted: (handover, estate) => this.#promoted(handover, estate),
        ended: (outcome) => this.#over(outcome),
      },
    });
  }

  /** A copy that differs is kept as evidence and made anew: its host may be well all the same. */
  #over(outcome: BackupOutcome): void {
    const verdict = this.#reclones.take(this.#at, outcome);
    if (verdict.type === 'end') this.#end(verdict.outcome, verdict.error);
    if (verdict.type === 'end') return;
    this.#replica = this.#newReplica();
    this.#outreach?.noted({ type: 'parted', reason: 'its copy differed' });
  }

  #reachOut(): void {
    this.#outreach = new Outreach({
      ...{ ...this.#options, own: this.#address, security: this.#security },
      hello: () => this.#hello,
      core: () => this.#replica.core,
      openArbiter: (url) => this.#arbiter.open(url),
      promoted: () => this.#replica.suspect('the view service has made this replica primary'),
    });
  }

  #refuses(hello: Hello): string | undefined {
    const reason = this.#shut ?? hostRefusal(hello, this.#speaker, this.#options);
    if (reason === undefined) this.#hello = hello;
    return reason;
  }

  /** Locked at the first hello of its guest. Throws HV_E_NAME_IN_USE. */
  #directory(hello: Hello): CopyDirectory {
    this.#guestName = hello.name;
    const dir = join(this.#options.dir, safeName(hello.name));
    this.#at = this.#directories.get(dir);
    if (this.#at !== undefined) return this.#at;
    const { member, hangLimitMs } = this.#options;
    const directory = new CopyDirectory({
      dir,
      cold: member.cold,
      warm: member.warm ? { delay: member.delay } : undefined,
      hangLimitMs,
      mounts: this.#options.mounts ?? [],
      onStore: (store, at) => this.#relay.follow(store, at),
      meters: this.#meters,
      onError: (error) => this.#end(undefined, error),
      onLost: () => this.#replica.lost('its files were deleted'),
      onMachine: (machine) => {
        this.#machine = machine;
      },
      trouble: (event, fields) => this.#options.trouble(event, fields),
    });
    this.#directories.set(dir, directory);
    this.#at = directory;
    return directory;
  }

  #accept(incoming: IncomingLink): LinkHandlers {
    const { link, path } = incoming;
    if (path === '/heartbeat') return this.#heartbeats.accept(link);
    if (path !== '/link') return answerJoin(incoming, (peer) => this.#takeIn(peer, path));
    if (this.#taking) return refuseLink(link, 'this replica is primary itself');
    const { host } = parseAddress(incoming.remoteAddress, { what: 'the address of a peer' });
    return lookFirst(this.#replica.accept(link), {
      taking: () => {
        this.#speaker = host;
      },
      // What the disk has of a guest's log is known before its primary is answered.
      before: (message) => {
        const looks = message.type === 'hello' && this.#replica.core.phase === 'idle';
        this.#shut = undefined;
        if (!looks || this.#refuses(message) !== undefined) return undefined;
        this.#shut = faultOf(() => this.#directory(message));
        return this.#shut === undefined ? this.#at?.inspect() : undefined;
      },
    });
  }

  /** Why `peer` is not dialled; undefined: it is. */
  #takeIn(peer: string, path: IncomingLink['path']): string | undefined {
    if (this.#supervisor !== undefined) return this.#supervisor.addBackup(peer);
    const why = whyNoPrimary(this.#replica.core, { guest: this.#guestName, path });
    return why ?? this.#relay.add(peer);
  }

  #promoted(handover: Handover, estate: Estate): void {
    this.#taking = true;
    this.#followers = this.#relay.peers;
    this.#relay.closeAll('this replica becomes primary');
    const directory = defined(this.#at, 'a winner has a directory');
    promotionOf(directory, handover, estate, this.#forced?.at).then(
      (promotion) => this.#goLive(promotion),
      (error: unknown) => this.#end(undefined, worldError(error)),
    );
  }

  #goLive({ handover, machine, position, quarantine }: Promotion): void {
    if (quarantine !== undefined)
      this.#options.trouble('copy.quarantined', { ...quarantine, lsn: handover.lsnReceived });
    const settings = settingsAfter(handover, {
      arbiter: this.#options.arbiter,
      security: this.#security.material,
      mounts: this.#options.mounts ?? [],
      forced: this.#forced,
    });
    const { control } = machine;
    const { hangLimitMs, readsAgain } = this.#options;
    const supervisor = new Supervisor(
      machine.release(),
      {
        ...{ control, hangLimitMs, readsAgain, security: this.#security, handsOver: true },
        announce: announcementOf(handover.id, settings, { vm: handover.vm, wants: 1 }),
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
    this.#arbiter.stop();
    this.#outreach?.stop();
    const former = this.#forced?.backups ?? this.#viewBackups;
    const others = new Set([...former, ...this.#followers]);
    others.delete(handover.id);
    supervisor.send({ type: 'promote', handover, position, settings, others: [...others] });
  }

  #end(outcome: BackupOutcome | PrimaryOutcome | undefined, error: HvError | undefined): void {
    for (const directory of this.#directories.values()) directory.release();
    this.#heartbeats.stop();
    this.#outreach?.stop();
    this.#arbiter.stop();
    void this.#listener?.close();
    this.#options.ended(outcome, error);
  }
}
