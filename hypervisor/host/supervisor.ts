/**
 * The main thread of a primary: starts nothing itself, but keeps what must not stop while the guest
 * computes: heartbeats to the backups, signals, the watchdog, and the listener through which a fresh
 * backup asks to join.
 */

import { constants } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { asEpoch, type Epoch, type Micros } from '../../log-format/index.ts';
import { EXIT, HvError } from '../base/errors.ts';
import { HEARTBEAT_REDIAL_MS, HUNG_GUEST_MS } from '../base/limits.ts';
import type { Link, LinkHandlers } from '../ports.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import type { PrimaryOutcome } from '../replica/hooks.ts';
import type { Meters } from '../replica/meters.ts';
import { type announcementOf, announcePrimary } from './announce.ts';
import type { TakenCheckpoint } from './checkpoint-store.ts';
import { HostClock } from './clock.ts';
import { type HangState, HangWatch, hungText } from './hang-watch.ts';
import { HeartbeatSender } from './heartbeat.ts';
import { dialLink } from './link.ts';
import type { NothingToResume } from './nothing-to-resume.ts';
import type { RecoveryReport } from './recovery.ts';
import { StatusDesk, type WorkerStatus } from './status.ts';
import { terminalIsGone } from './terminal-gone.ts';
import type { LinkSecurity } from './tls.ts';
import type { Pings } from './view-pings.ts';
import { CONTROL, type FromWorker, metersOf, type ToWorker } from './worker-protocol.ts';

export interface SupervisorHooks {
  note(note: Note, at: Micros): void;
  /** Trouble with the host that ends nothing: event name and fields. */
  trouble(event: string, fields: Readonly<Record<string, unknown>>): void;
  /** A heartbeat was answered after this many milliseconds. */
  beat?(roundTripMs: number): void;
  /** A run that goes on: the machine is where its log ends. */
  recovered?(report: RecoveryReport): void;
  /** A run that was to go on, and there is nothing to go on from: it is a new one. */
  hint?(text: string): void;
  beginsEmpty?(found: NothingToResume): void;
  /** A checkpoint is on disk. */
  checkpoint?(taken: TakenCheckpoint): void;
  /** Exactly once: the replica is over. `error` when it is an error of the world. */
  ended(outcome: PrimaryOutcome | undefined, error: HvError | undefined): void;
}

const NO_LOG =
  'its log was deleted while it is written, so there is nothing to send to a fresh backup (docs/operations.md, HvLogLost)';

/** How a planned switchover went. */
export type SwitchoverResult =
  | {
      readonly type: 'handedOver';
      readonly to: ReplicaId;
      readonly epoch: Epoch;
      readonly ms: number;
    }
  | { readonly type: 'failed'; readonly reason: string };

export interface SupervisorOptions {
  /** SIGTERM hands a protected guest over instead of stopping it. */
  readonly handsOver?: boolean;
  /** For the view service, where the arbiter is one. */
  readonly announce?: ReturnType<typeof announcementOf>;
  readonly control: Int32Array;
  readonly hangLimitMs: number;
  readonly security: LinkSecurity;
  /** The process reads secrets again at SIGHUP, and does not end of it; with tokens or certificates it always does. */
  readonly readsAgain?: boolean | undefined;
}

export class Supervisor {
  readonly #worker: Worker;
  readonly #security: LinkSecurity;
  readonly #unwatch: () => void;
  readonly #control: Int32Array;
  readonly #hooks: SupervisorHooks;
  readonly #clock = new HostClock();
  readonly #senders = new Map<ReplicaId, HeartbeatSender>();
  readonly #redials = new Map<ReplicaId, NodeJS.Timeout>();
  readonly #guestSignals = new Set<number>();
  readonly #watch: HangWatch;
  readonly #onSignal = (name: NodeJS.Signals): void => this.#signalled(name);
  readonly #desk = new StatusDesk((message) => this.send(message));
  #epoch: Epoch = asEpoch(0);
  #over = false;
  #stopAsked = false;
  #stopTaken = false;
  #protected = false;
  /** The log was deleted while it is written: there is nothing to send to a fresh backup. */
  #logLost = false;
  #terminated = false;
  #switching: { readonly since: number; readonly done: (result: SwitchoverResult) => void }[] = [];
  readonly #handsOver: boolean;
  readonly #readsAgain: boolean;
  readonly #pings: Pings | undefined;

  /** Takes over `worker`, which runs (or is about to become) a primary. */
  constructor(worker: Worker, options: SupervisorOptions, hooks: SupervisorHooks) {
    const { control, hangLimitMs, security } = options;
    this.#worker = worker;
    this.#handsOver = options.handsOver === true;
    this.#readsAgain = options.readsAgain === true || security.mode !== 'plain';
    this.#pings = options.announce && this.#announce(options.announce);
    this.#security = security;
    this.#unwatch = security.watch((material) => this.send({ type: 'security', material }));
    this.#control = control;
    this.#hooks = hooks;
    this.#watch = new HangWatch(control, hangLimitMs, (lsn) =>
      this.#end(undefined, new HvError('HV_E_GUEST_HUNG', hungText(lsn, hangLimitMs))),
    );
    worker.on('message', (message: FromWorker) => this.#take(message));
    worker.on('error', (error) =>
      this.#end(undefined, new HvError('HV_E_INTERNAL', error.stack ?? error.message)),
    );
    worker.on('exit', () =>
      this.#end(undefined, new HvError('HV_E_INTERNAL', 'the worker ended without a reason')),
    );
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, this.#onSignal);
  }

  /** What the machine's thread counts, at any time. */
  get meters(): Meters {
    return metersOf(this.#control);
  }

  send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** What the machine's thread says of itself, in time or not at all, and what the watch has seen. */
  status(done: (hang: HangState, worker: WorkerStatus | undefined) => void): void {
    this.#desk.ask((worker) => done(this.#watch.state, worker));
  }

  /** A fresh backup listens at `peer` and wants to join. Returns why it is not dialled; undefined: it is. */
  addBackup(peer: ReplicaId): string | undefined {
    if (this.#logLost) return NO_LOG;
    this.send({ type: 'addBackup', peer });
    return undefined;
  }

  #announce(given: NonNullable<SupervisorOptions['announce']>): Pings {
    return announcePrimary({
      ...given,
      epoch: () => this.#epoch,
      recruit: (spares) => this.send({ type: 'recruit', spares }),
      trouble: (event, fields) => this.#hooks.trouble(event, fields),
    });
  }

  /** Somebody wants this process to end, whatever becomes of the guest. */
  get terminated(): boolean {
    return this.#terminated;
  }

  /** Hands the guest over to `to`, or to the backup that is nearest to a takeover. */
  switchOver(to: ReplicaId | undefined): Promise<SwitchoverResult> {
    return new Promise((done) => {
      this.#switching.push({ since: performance.now(), done });
      this.send({ type: 'switchOver', to });
    });
  }

  /** Stops the guest on purpose: at its next poll if it is busy, between turns otherwise. */
  stop(code: number, reason: string): void {
    if (this.#stopAsked) return;
    this.#stopAsked = true;
    Atomics.store(this.#control, CONTROL.stopCode, code);
    Atomics.store(this.#control, CONTROL.stop, 1);
    this.send({ type: 'stop', code, reason });
    setTimeout(() => this.#checkHung(), HUNG_GUEST_MS).unref();
  }

  /**
   * A stop that was taken ends by itself (the protocol bounds its wait for the backups). One that was
   * not means that the guest is inside a built-in that never polls: only force ends that.
   */
  #checkHung(): void {
    if (this.#over || this.#stopTaken) return;
    const text =
      'the guest is inside a built-in that cannot be interrupted; it was stopped by force';
    this.#end(undefined, new HvError('HV_E_GUEST_HUNG', text));
  }

  #take(message: FromWorker): void {
    if (this.#over) return;
    switch (message.type) {
      case 'note':
        this.#noted(message.note);
        this.#hooks.note(message.note, message.at);
        return;
      case 'recovered':
        this.#hooks.recovered?.(message.report);
        return;
      case 'checkpoint':
        this.#hooks.checkpoint?.(message.taken);
        return;
      case 'stopping':
        this.#stopTaken = true;
        return;
      case 'unlinked':
        this.#forget(message.peer);
        return;
      case 'signal':
        this.#listen(message.number, message.on);
        return;
      case 'ended':
        this.#end(message.outcome, undefined);
        return;
      case 'failed': {
        const { code, details } = message;
        this.#end(undefined, new HvError(code, message.message, { details }));
        return;
      }
      case 'trouble':
        if (message.event === 'log.lost') this.#logLost = true;
        this.#hooks.trouble(message.event, message.fields);
        return;
      case 'status':
        this.#desk.take(message);
        return;
      case 'replayed':
        return;
    }
  }

  #noted(note: Note): void {
    if ('view' in note && note.view !== undefined) {
      this.#epoch = note.view.epoch;
      this.#pings?.now();
    }
    if (note.type === 'joining') this.#beat(note.peer);
    if (note.type === 'protected') this.#protected = true;
    if (note.type === 'unprotected') this.#protected = false;
    if (note.type === 'switchoverFailed')
      this.#switched(() => ({ type: 'failed', reason: note.reason }));
    if (note.type === 'handedOver') {
      const { peer: to, view } = note;
      this.#switched((ms) => ({ type: 'handedOver', to, epoch: view.epoch, ms }));
    }
  }

  #switched(result: (ms: number) => SwitchoverResult): void {
    for (const { since, done } of this.#switching.splice(0))
      done(result(performance.now() - since));
  }

  /** Whoever stops this process does not want the guest to end where it can go on. */
  async #handOver(): Promise<void> {
    const result = await this.switchOver(undefined);
    if (result.type === 'failed') this.#stopHere(`not handed over: ${result.reason}`);
  }

  /** Nobody takes the guest over: it ends, and goes on from its log when somebody wants it to. */
  #stopHere(reason: string): void {
    if (this.#stopAsked || this.#over) return;
    this.#hooks.trouble('stopping.alone', { reason });
    this.stop(128 + constants.signals.SIGTERM, 'SIGTERM');
  }

  #beat(peer: ReplicaId): void {
    this.#forget(peer);
    const security = this.#security;
    const open = (handlers: LinkHandlers): Link =>
      dialLink(peer, '/heartbeat', handlers, { security });
    const sender = new HeartbeatSender(open, {
      clock: this.#clock,
      epoch: () => this.#epoch,
      hooks: {
        onBeat: ({ roundTripMs }) => {
          if (roundTripMs !== undefined) this.#hooks.beat?.(roundTripMs);
          this.send({ type: 'heartbeat', peer });
        },
        onLate: () => undefined,
        onClose: () => {
          if (this.#senders.get(peer) !== sender || this.#over) return;
          // The link itself says whether the peer is dead; a lost heartbeat connection is redialled
          // until the replica gives the peer up.
          this.#redials.set(
            peer,
            setTimeout(() => this.#beat(peer), HEARTBEAT_REDIAL_MS),
          );
        },
      },
    });
    this.#senders.set(peer, sender);
  }

  #forget(peer: ReplicaId): void {
    const sender = this.#senders.get(peer);
    this.#senders.delete(peer);
    sender?.stop();
    clearTimeout(this.#redials.get(peer));
    this.#redials.delete(peer);
  }

  #listen(number: number, on: boolean): void {
    if (on) this.#guestSignals.add(number);
    else this.#guestSignals.delete(number);
    const name = signalName(number);
    if (name === undefined || isOwn(name)) return;
    process.off(name, this.#onSignal);
    if (on) process.on(name, this.#onSignal);
  }

  #signalled(name: NodeJS.Signals): void {
    const number = constants.signals[name];
    const handsOver = name === 'SIGTERM' && this.#handsOver && this.#protected;
    if (handsOver && !this.#stopAsked && this.#switching.length === 0) {
      this.#terminated = true;
      void this.#handOver();
      return;
    }
    if (this.#guestSignals.has(number) && !this.#stopAsked) {
      this.send({ type: 'signal', number });
      return;
    }
    if (name === 'SIGHUP' && this.#readsAgain && !terminalIsGone()) return;
    if (this.#stopAsked) process.exit(EXIT.failed);
    if (name === 'SIGTERM' && !this.#protected)
      this.#stopHere('there was no backup to hand over to');
    this.stop(128 + number, name);
  }

  #end(outcome: PrimaryOutcome | undefined, error: HvError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#pings?.stop();
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, this.#onSignal);
    this.#switched(() => ({ type: 'failed', reason: error?.message ?? 'the replica has ended' }));
    this.#watch.stop();
    this.#unwatch();
    for (const peer of [...this.#senders.keys()]) this.#forget(peer);
    // What waits for no poll waits for no message either.
    if (error?.code === 'HV_E_GUEST_HUNG') void this.#worker.terminate();
    this.#hooks.ended(outcome, error);
  }
}

function isOwn(name: NodeJS.Signals): boolean {
  return name === 'SIGINT' || name === 'SIGTERM' || name === 'SIGHUP';
}

function signalName(number: number): NodeJS.Signals | undefined {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] as NodeJS.Signals | undefined;
}
