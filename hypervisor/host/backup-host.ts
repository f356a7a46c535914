/**
 * The main thread of a backup: listener, heartbeats, log copy and the shell around the protocol core;
 * the machine replays in a worker. When the backup wins a view, the worker becomes a primary and this
 * thread its supervisor; the listener stays and takes requests to join.
 */

import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
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
import { refusalOf } from '../replica/refusal.ts';
import { dialable, formatAddress } from './addresses.ts';
import { absoluteArbiterUrl, openArbiter } from './arbiters.ts';
import { HostClock } from './clock.ts';
import { makeDirectory } from './directories.ts';
import { HeartbeatResponder } from './heartbeat.ts';
import { type IncomingLink, LinkListener } from './link.ts';
import { headText, type LogPosition } from './log-cursor.ts';
import { type DirectoryLock, lockDirectory, rotateAside } from './log-lock.ts';
import { FileLogStore } from './log-store.ts';
import { engineParts, MACHINE_VERSION } from './machine-factory.ts';
import { RemoteMachine } from './remote-machine.ts';
import { signKey } from './sign-keys.ts';
import { commonStatus } from './status.ts';
import { Supervisor, type SupervisorHooks } from './supervisor.ts';
import { HV_VERSION } from './version.ts';
import { watchedArbiter } from './watched-arbiter.ts';
import type { PrimarySettings } from './worker-protocol.ts';

export interface BackupHostOptions {
  /** `host:port` to listen on; port 0 for any. */
  readonly listen: string;
  /** Where copies of logs go, one directory per guest. */
  readonly dir: string;
  /** Overrides the arbiter named by the primary. */
  readonly arbiter: string | undefined;
  /** Silence of a machine at work that ends it by force; Infinity: none does. */
  readonly hangLimitMs: number;
  readonly note: SupervisorHooks['note'];
  readonly trouble: SupervisorHooks['trouble'];
  /** The replay has caught up with the log, for the first time since this backup joined. */
  inStep(epoch: Epoch): void;
  /** Exactly once. */
  ended(outcome: BackupOutcome | PrimaryOutcome | undefined, error: HvError | undefined): void;
}

export class BackupHost {
  readonly #options: BackupHostOptions;
  readonly #clock = new HostClock();
  readonly #responders = new Set<HeartbeatResponder>();
  readonly #locks = new Map<string, DirectoryLock>();
  #listener: LinkListener | undefined;
  #replica: BackupReplica;
  #store: FileLogStore | undefined;
  /** The newest one; its thread is the supervisor's after a takeover. */
  #machine: RemoteMachine | undefined;
  #guestName = 'guest';
  #inStep = false;
  /** Backups of the last view before this replica claimed its own. */
  #viewBackups: readonly string[] = [];
  #supervisor: Supervisor | undefined;

  private constructor(options: BackupHostOptions) {
    this.#options = options;
    this.#replica = this.#newReplica();
  }

  /** Listens. Rejects with HV_E_PORT_IN_USE or HV_E_USAGE. */
  static async start(options: BackupHostOptions): Promise<BackupHost> {
    // Compiled now, while nothing waits: the first machine of this thread's workers needs it warm.
    engineParts();
    if (options.arbiter !== undefined) absoluteArbiterUrl(options.arbiter);
    makeDirectory(options.dir);
    const host = new BackupHost(options);
    host.#listener = await LinkListener.listen(options.listen, {
      onLink: (incoming) => host.#accept(incoming),
    });
    return host;
  }

  /** As bound. */
  get address(): string {
    assert(this.#listener !== undefined, 'a backup host listens');
    return formatAddress(this.#listener.address);
  }

  /** Name of the guest that is followed; a word for it before one is. */
  get guestName(): string {
    return this.#guestName;
  }

  /** True once this replica has taken over. */
  get primary(): boolean {
    return this.#supervisor !== undefined;
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
      done({ name: this.#guestName, role: 'backup', pid: process.pid, phase: core.phase });
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
      };
      done({
        ...commonStatus({ role, header: machine.header, logDir, hang, worker }),
        replication: role === 'primary' ? (worker?.primary ?? null) : copy,
      });
    });
  }

  #newReplica(): BackupReplica {
    const { arbiter, dir, hangLimitMs } = this.#options;
    return new BackupReplica({
      ports: {
        clock: this.#clock,
        entropy: { bytes: (length) => new Uint8Array(randomBytes(length)) },
        openArbiter: (address) =>
          watchedArbiter(openArbiter(arbiter ?? address), (reason) =>
            this.#options.trouble('arbiter.unavailable', { reason }),
          ),
        openStore: (hello) => {
          this.#guestName = hello.name;
          return this.#openStore(join(dir, safeName(hello.name)));
        },
        openMachine: (base) => {
          this.#machine = new RemoteMachine(base, {
            hangLimitMs,
            onFailure: (error) => this.#end(undefined, error),
          });
          return this.#machine;
        },
        retain: () => undefined,
      },
      config: { refuses: (hello) => this.#refuses(hello) },
      hooks: {
        note: (note, at) => {
          if (note.type === 'synced') this.#awaitStep();
          // The newest view of the dead primary, before the claim replaces it.
          if (note.type === 'suspected') this.#viewBackups = this.#replica.core.view?.backups ?? [];
          if (note.type === 'reset') this.#inStep = false;
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

  #refuses(hello: Hello): string | undefined {
    const { engineHash, helperHash } = engineParts();
    return refusalOf(hello, {
      hvVersion: HV_VERSION,
      engineHash,
      helperHash,
      machineVersion: MACHINE_VERSION,
    });
  }

  #openStore(dir: string): FileLogStore {
    if (!this.#locks.has(dir)) {
      this.#locks.set(dir, lockDirectory(dir));
      rotateAside(dir);
    } else {
      // Our own copy of an earlier state transfer: the new one starts from the beginning.
      rmSync(dir, { recursive: true, force: true });
    }
    this.#store = FileLogStore.fromFrames(dir, {
      onError: (error) => this.#end(undefined, error),
      onSealed: (head) => {
        if (signKey() !== undefined) this.#options.trouble('log.sealed', { head: headText(head) });
      },
    });
    return this.#store;
  }

  #accept(incoming: IncomingLink): LinkHandlers {
    const { link, path } = incoming;
    if (path === '/heartbeat') return this.#answerHeartbeats(link);
    if (path === '/join') return this.#answerJoin(incoming);
    if (this.#supervisor !== undefined) return refuseLink(link, 'this replica is primary itself');
    return this.#replica.accept(link);
  }

  #answerHeartbeats(link: Link): LinkHandlers {
    const responder = new HeartbeatResponder(link, {
      clock: this.#clock,
      epoch: () => this.#replica.core.epoch,
      hooks: {
        onBeat: ({ epoch }) => {
          if (epoch >= this.#replica.core.epoch) this.#replica.heartbeat();
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
    const store = this.#store;
    assert(machine instanceof RemoteMachine, 'machines of this host are remote');
    assert(store !== undefined && store === estate.store, 'a winner has its store');
    const hello = defined(handover.hello, 'who was promoted followed a primary');
    const others = this.#viewBackups.filter((peer) => peer !== handover.id);
    const settings: PrimarySettings = {
      id: handover.id,
      arbiter: this.#options.arbiter ?? hello.arbiter,
      detectMs: hello.detectMs,
      ownLog: 'written',
      checkpoint: { type: 'auto' },
      keep: { type: 'all' },
      recordOutputs: false,
      movesPorts: false,
    };
    store.handover((position: LogPosition | undefined) => {
      if (position === undefined) {
        this.#end(undefined, new HvError('HV_E_INTERNAL', 'the copy of the log cannot go on'));
        return;
      }
      const { control } = machine;
      const { hangLimitMs } = this.#options;
      const supervisor = new Supervisor(
        machine.release(),
        { control, hangLimitMs },
        {
          note: (note, at) => this.#options.note(note, at),
          trouble: (event, fields) => this.#options.trouble(event, fields),
          ended: (outcome, error) => this.#end(outcome, error),
        },
      );
      this.#supervisor = supervisor;
      supervisor.send({ type: 'promote', handover, position, settings, others });
    });
  }

  #end(outcome: BackupOutcome | PrimaryOutcome | undefined, error: HvError | undefined): void {
    for (const lock of this.#locks.values()) lock.release();
    for (const responder of this.#responders) responder.stop();
    void this.#listener?.close();
    this.#options.ended(outcome, error);
  }
}

function refuseLink(link: Link, reason: string): LinkHandlers {
  link.send({ type: 'refuse', epoch: asEpoch(0), reason });
  link.close();
  return { onMessage: () => undefined, onClose: () => undefined };
}

/** A guest's name as one path component. */
function safeName(name: string): string {
  const cleaned = name.replace(/[^A-Za-z0-9._-]/g, '_');
  return cleaned === '' || cleaned.startsWith('.') ? `_${cleaned}` : cleaned;
}
