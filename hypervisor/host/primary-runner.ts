/**
 * A primary in its worker: builds the real ports around the shell and keeps the backups it was asked
 * for coming back. Used for a fresh run and for a promoted backup alike.
 */

import { randomBytes } from 'node:crypto';
import { asMillis, INTERRUPT, type LogHeader } from '../../log-format/index.ts';
import type { HvErrorCode } from '../base/errors.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../base/limits.ts';
import { LocalMachine } from '../machine/local-machine.ts';
import type { Machine } from '../machine/machine.ts';
import { outputBytes } from '../machine/output-bytes.ts';
import type { LogStore } from '../ports.ts';
import { PROTOCOL_VERSION, type ReplicaId, type View } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import { lacksBackups } from '../protocol/release-limit.ts';
import type { Handover } from '../replica/handover.ts';
import type { PrimaryOutcome } from '../replica/hooks.ts';
import { PrimaryReplica } from '../replica/primary.ts';
import type { FileCheckpointer } from './checkpointer.ts';
import { HostClock } from './clock.ts';
import { HostConsole } from './console.ts';
import { silentClose, unreached } from './dial-words.ts';
import { noteBusy } from './hang-watch.ts';
import { JoinSource } from './join-source.ts';
import { dialLink } from './link.ts';
import { MACHINE_VERSION } from './machine-factory.ts';
import { bootWith, mountsOf } from './mounted-guest.ts';
import type { Mounts } from './mounts.ts';
import { DirectNet } from './net-direct.ts';
import { arbiterOf } from './primary-arbiter.ts';
import { Roster } from './roster.ts';
import { shownUrl } from './server-urls.ts';
import type { PrimaryFigures } from './status.ts';
import { LinkSecurity } from './tls.ts';
import { HV_VERSION } from './version.ts';
import { WatchedArbiter } from './watched-arbiter.ts';
import {
  CONTROL,
  type FromWorker,
  metersOf,
  type PrimarySettings,
  type ToWorker,
} from './worker-protocol.ts';

export interface PrimaryRunnerOptions {
  readonly header: LogHeader;
  readonly settings: PrimarySettings;
  readonly control: Int32Array;
  readonly machine: Machine;
  readonly store: LogStore;
  readonly checkpoints: FileCheckpointer | undefined;
  /** Undefined: no log is kept. */
  readonly logDir: string | undefined;
  /** From a promoted backup. */
  readonly handover: Handover | undefined;
  /** Backups the guest waits for before it boots. */
  readonly backups: readonly ReplicaId[];
  /** JSON of the BootConfig; undefined when the log has the boot already. */
  readonly boot: Uint8Array | undefined;
  post(message: FromWorker): void;
}

export class PrimaryRunner {
  readonly #options: PrimaryRunnerOptions;
  readonly #clock = new HostClock();
  readonly #console: HostConsole;
  readonly #arbiter: WatchedArbiter;
  readonly #security: LinkSecurity;
  readonly #replica: PrimaryReplica;
  readonly #awaited: Set<ReplicaId>;
  readonly #roster: Roster;
  readonly #mounts: Mounts | undefined;
  #booted = false;
  #live = false;
  #arbiterTrouble: string | undefined;
  #over = false;

  constructor(options: PrimaryRunnerOptions) {
    this.#options = options;
    // Who takes over serves at once; its backups come when they can.
    this.#awaited = new Set(options.handover === undefined ? options.backups : []);
    const { header, settings, control, handover } = options;
    this.#security = new LinkSecurity(settings.security);
    this.#roster = this.#newRoster();
    this.#mounts = mountsOf(options, (interrupt) => this.#replica.push(interrupt));
    this.#console = new HostConsole({
      onInterrupt: (interrupt) => this.#replica.push(interrupt),
      onSignal: (number, on) => options.post({ type: 'signal', number, on }),
      onLost: (error) =>
        options.post({ type: 'trouble', event: 'console.lost', fields: { reason: error.message } }),
    });
    const net = new DirectNet({
      onInterrupt: (interrupt) => this.#replica.push(interrupt),
      onNote: (event, fields) => options.post({ type: 'trouble', event, fields }),
      movesPorts: settings.movesPorts,
    });
    this.#arbiter = new WatchedArbiter(arbiterOf(settings), {
      onView: (view) => this.#heardOf(view),
      onTrouble: (reason) => {
        this.#arbiterTrouble = reason;
        if (this.#live)
          options.post({ type: 'trouble', event: 'arbiter.unavailable', fields: { reason } });
      },
    });
    this.#replica = new PrimaryReplica({
      ports: {
        clock: this.#clock,
        store: options.store,
        arbiter: this.#arbiter,
        machine: new LocalMachine(options.machine, {
          wall: () => this.#clock.wall(),
          busy: (lsn) => noteBusy(control, lsn),
          stopRequested: () =>
            Atomics.load(control, CONTROL.stop) === 0
              ? undefined
              : {
                  code: Atomics.load(control, CONTROL.stopCode),
                  reason: 'stopped by its operator',
                },
        }),
        net,
        console: this.#console,
        mounts: this.#mounts,
        checkpoints: options.checkpoints,
        meters: metersOf(control),
        snapshots: this.#joinSource(),
        entropy: { bytes: (length) => new Uint8Array(randomBytes(length)) },
      },
      config: {
        id: settings.id,
        vm: header.vm,
        detectMs: settings.detectMs,
        ownLog: settings.ownLog,
        rule: settings.rule,
        recordOutput: settings.recordOutputs ? outputBytes : undefined,
        startedAt: header.startedAt,
        hello: {
          protocol: PROTOCOL_VERSION,
          hvVersion: HV_VERSION,
          name: header.name,
          engineHash: header.engineHash,
          helperHash: header.helperHash,
          machineVersion: MACHINE_VERSION,
          imageHash: header.imageHash,
          arbiter: settings.arbiter ?? '',
          spares: settings.spares,
        },
      },
      hooks: {
        note: (note, at) => {
          options.post({ type: 'note', note, at });
          this.#noted(note);
        },
        ended: (outcome) => this.#ended(outcome),
      },
      ...(handover === undefined ? {} : { handover }),
    });
  }

  #ended(outcome: PrimaryOutcome): void {
    const { machine, post } = this.#options;
    this.#over = true;
    this.#roster.stop();
    this.#arbiter.stop();
    this.#console.close();
    this.#mounts?.close(machine.halted !== undefined);
    post({ type: 'ended', outcome });
  }

  start(): void {
    this.#replica.start();
    const { handover, settings } = this.#options;
    // A promoted backup has won already; anybody else is not started without an answer.
    if (handover?.view !== undefined) return;
    this.#clock.setTimer(asMillis(this.#clock.now() + HANDSHAKE_TIMEOUT_MS), () => {
      if (this.#live) return;
      const why = this.#arbiterTrouble ?? 'it does not answer';
      this.#fail(
        'HV_E_ARBITER',
        `the arbiter ${shownUrl(settings.arbiter ?? '')} decided no view: ${why}`,
      );
    });
  }

  take(message: ToWorker): void {
    switch (message.type) {
      case 'addBackup':
        this.#roster.add(message.peer);
        return;
      case 'recruit':
        // Backups the guest waits for are on their way, however long their hosts take.
        if (this.#awaited.size === 0) this.#roster.offer(message.spares);
        return;
      case 'heartbeat':
        this.#replica.heartbeat(message.peer);
        return;
      case 'switchOver':
        this.#replica.switchOver(message.to);
        return;
      case 'suspect':
        this.#replica.suspect(message.peer, message.reason);
        return;
      case 'signal':
        this.#replica.push({
          kind: INTERRUPT.signal,
          id: message.number,
          num: 0,
          payload: undefined,
        });
        return;
      case 'status': {
        const status = { meter: this.#options.machine.meter(), primary: this.#figures() };
        this.#options.post({ type: 'status', id: message.id, status });
        return;
      }
      case 'security':
        this.#security.replace(message.material);
        return;
      case 'stop':
        this.#options.post({ type: 'stopping' });
        this.#replica.stop(message.code, message.reason);
        return;
      // Told by the copy's store before it was handed over; nobody waits for it any more.
      case 'placed':
        return;
      case 'replay':
      case 'keep':
      case 'promote':
        throw new Error(`a primary takes no ${message.type}`);
    }
  }

  #joinSource(): JoinSource | undefined {
    const { checkpoints, header, logDir, post } = this.#options;
    if (checkpoints === undefined || logDir === undefined) return undefined;
    return new JoinSource({
      dir: logDir,
      owner: header,
      checkpoints,
      lsnLast: () => this.#replica.lsn,
      trouble: (event, fields) => post({ type: 'trouble', event, fields }),
    });
  }

  #figures(): PrimaryFigures {
    const { core, lsn } = this.#replica;
    const { view, live, throttled, lsnDurable, lsnReleased, heldBytes } = core;
    const { connections, listeners } = this.#options.machine.netTable();
    const { rule } = this.#options.settings;
    return {
      ...{ rule, lacksBackups: lacksBackups(rule, view) },
      ...{ view, live, throttled, lsnDurable, lsnReleased, heldBytes },
      lsnAppended: lsn,
      lsnCheckpoint: this.#options.checkpoints?.lsnTaken,
      arbiter: this.#options.settings.arbiter === undefined ? undefined : this.#arbiter.figures(),
      connections: connections.length,
      listeners: listeners.length,
      backups: core.sessions.map(
        ({ peer, state, hidden, cold, window: { lsnAcked, lsnReplayed } }) => ({
          ...{ peer, state, hidden, cold, lsnAcked, lsnReplayed },
          lag: lsn - (cold ? lsnAcked : lsnReplayed),
        }),
      ),
      failedDials: this.#roster.failed,
    };
  }

  /** Nobody may compete for a guest without an arbiter, so there is nothing to probe. */
  #goLive(): void {
    this.#live = true;
    const { header, settings } = this.#options;
    if (settings.arbiter !== undefined) this.#arbiter.probe(header.vm);
  }

  /**
   * A primary that nobody has to ask the arbiter about, such as one without backups, hears here that another
   * replica was made primary by force. What it holds dies with this process.
   */
  #heardOf(view: View): void {
    const { core } = this.#replica;
    const later = view.epoch > core.view.epoch && view.primary !== this.#options.settings.id;
    if (!this.#live || !later || core.switchingOver !== undefined || core.ended) return;
    this.#replica.deposed(view);
  }

  #noted(note: Note): void {
    if (note.type === 'primaryLive') this.#goLive();
    if (note.type === 'primaryLive' && this.#options.handover === undefined) {
      for (const peer of this.#options.backups) this.#roster.add(peer);
      this.#bootIfReady();
    }
    if (note.type === 'promoted' || note.type === 'resumed') {
      this.#adoptProcessState();
      for (const peer of this.#options.backups) this.#roster.add(peer);
      this.#bootIfReady();
      if (note.type === 'resumed' && this.#options.boot === undefined) this.#tellAlone();
    }
    this.#roster.noted(note);
    if (note.type === 'backupJoined' || (note.type === 'joining' && this.#observes(note.peer))) {
      this.#awaited.delete(note.peer);
      this.#bootIfReady();
    }
    if (note.type === 'refused' && this.#awaited.has(note.peer))
      this.#fail('HV_E_BACKUP_REFUSED', `backup ${note.peer} refused: ${note.reason}`);
  }

  /** It will never be in a view: there is nothing to wait for. */
  #observes(peer: ReplicaId): boolean {
    return this.#replica.core.sessions.some((one) => one.peer === peer && one.hidden);
  }

  /**
   * The host of the dead primary listened to signals; now this one does. Standard input died with its
   * terminal: this process has another one, and its end would look like the end of the old.
   */
  #adoptProcessState(): void {
    const { stdin, signals } = this.#options.machine.processState();
    if (stdin)
      this.#options.post({
        type: 'trouble',
        event: 'stdin.lost',
        fields: { meaning: 'the guest waits for input that died with the old primary' },
      });
    for (const number of signals) this.#console.release({ device: 'signal', number, on: true });
  }

  #bootIfReady(): void {
    const { boot } = this.#options;
    if (this.#booted || this.#awaited.size > 0 || boot === undefined || this.#over) return;
    this.#booted = true;
    this.#tellAlone();
    bootWith(this.#mounts, {
      push: (interrupt) => this.#replica.push(interrupt),
      boot: { kind: INTERRUPT.boot, id: 0, num: 0, payload: boot },
      failed: (error) => this.#fail(error.code, error.message),
    });
  }

  /** The guest runs, and its operator named backups: so far none of them protects it. */
  #tellAlone(): void {
    const { view } = this.#replica.core;
    if (this.#options.backups.length === 0 || view.backups.length > 0) return;
    this.#options.post({
      type: 'note',
      note: { type: 'unprotected', view },
      at: this.#clock.wall(),
    });
  }

  #newRoster(): Roster {
    const { settings, backups, post } = this.#options;
    return new Roster({
      clock: this.#clock,
      settings,
      configured: backups,
      sessions: () => this.#replica.core.sessions,
      dial: (peer) => this.#dial(peer),
      refuse: (peer, reason) => {
        const note = { type: 'refused', peer, reason } as const;
        post({ type: 'note', note, at: this.#clock.wall() });
        this.#noted(note);
      },
    });
  }

  #dial(peer: ReplicaId): boolean {
    let isSilent = true;
    return this.#replica.addBackup(peer, (handlers) =>
      dialLink(
        peer,
        '/link',
        {
          onMessage: (message) => {
            isSilent = false;
            // Somebody knows of a later primary; whether it is one, the arbiter says.
            if (message.epoch > this.#replica.core.view.epoch && this.#live) this.#goLive();
            handlers.onMessage(message);
          },
          onClose: (said) => {
            const reason = isSilent ? silentClose(said) : said;
            handlers.onClose(reason);
            this.#options.post({ type: 'unlinked', peer });
            if (this.#awaited.has(peer)) this.#fail(...unreached(peer, reason));
            else this.#roster.closed(peer, reason);
          },
        },
        { security: this.#security },
      ),
    );
  }

  #fail(code: HvErrorCode, message: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#roster.stop();
    this.#options.post({ type: 'failed', code, message, details: {} });
  }
}
