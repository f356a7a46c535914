/**
 * The shell of a primary: brings the protocol core, the log, the machine and the world together.
 * Runs in the machine's thread. Order of one round: take what waits in the inbox, stamp it, append
 * and ship it, and only then run it; outputs wait in the core's gate. Callbacks only, never a wait.
 */

import {
  asEpoch,
  asLsn,
  asMillis,
  type Lsn,
  type Micros,
  type StopRecord,
  toHex,
  type ViewRecord,
} from '../../log-format/index.ts';
import { assert, unreachable } from '../base/assert.ts';
import { END_IDLE_MS } from '../base/limits.ts';
import type {
  HostInterrupt,
  MachineDivergence,
  Output,
  TimerHandle,
  TurnsResult,
} from '../ports.ts';
import { EpochHistory } from '../protocol/history.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import type { Gated } from '../protocol/output-gate.ts';
import { PrimaryCore } from '../protocol/primary.ts';
import type { PrimaryEffect, PrimaryEvent } from '../protocol/primary-events.ts';
import { ask } from './ask.ts';
import { BackupLinks, type Dial } from './backup-links.ts';
import { Brake } from './brake.ts';
import { divergenceReport } from './divergence-report.ts';
import { awaitsReplay, commitsOf, committed, leaves, pendingCommits } from './guest-commits.ts';
import { type Handover, type MachineState, NOTHING_RAN } from './handover.ts';
import {
  helloFor,
  type PrimaryFacts,
  type PrimaryOutcome,
  type PrimaryPorts,
  type PrimarySetup,
} from './hooks.ts';
import { Journal } from './journal.ts';
import { gated, releaseAll, retain } from './output-release.ts';
import { ReleasedMark } from './released-mark.ts';
import { StateTransfer } from './state-transfer.ts';
import { Stepper } from './stepper.ts';
import { replayRest, urgentInterrupts } from './takeover.ts';
import { TurnRunner } from './turn-runner.ts';
import { VirtualClock } from './virtual-clock.ts';

const TOKEN_BYTES = 16;

export class PrimaryReplica {
  readonly #setup: PrimarySetup;
  readonly #ports: PrimaryPorts;
  readonly #core: PrimaryCore<Output>;
  readonly #stepper: Stepper<PrimaryEvent<Output>, PrimaryEffect<Output>>;
  readonly #journal: Journal;
  readonly #clock: VirtualClock;
  readonly #turns: TurnRunner;
  readonly #links: BackupLinks;
  readonly #brake: Brake;
  readonly #mark: ReleasedMark;
  #stopping = false;
  #ended = false;
  #released = false;
  #lsnDurable: Lsn = asLsn(0);
  #idle: TimerHandle | undefined;

  constructor(setup: PrimarySetup) {
    const { ports, config, handover } = setup;
    this.#setup = setup;
    this.#ports = ports;
    this.#brake = new Brake(ports);
    const lsnReleased = handover?.lsnReleased ?? asLsn(0);
    this.#mark = new ReleasedMark(ports.store, lsnReleased, ports.mounts);
    const history = handover?.history ?? new EpochHistory();
    this.#journal = new Journal({ ...ports, startedAt: config.startedAt, history });
    this.#clock = new VirtualClock(handover?.timeLast ?? config.startedAt);
    this.#turns = new TurnRunner({
      ...ports,
      virtual: this.#clock,
      journal: this.#journal,
      recordOutput: config.recordOutput,
      view: () => this.#core.view,
      outputsWait: () => this.#core.holdsAlone,
      mayRun: () => this.#core.live && !this.#core.throttled,
      flush: () => this.#flush(),
      produced: (result, lsn) => {
        for (const event of commitsOf(result, this.#now())) this.#step(event);
        this.#produced(result, lsn);
      },
      halted: (code, reason) => this.#halted(code, reason),
    });
    this.#core = new PrimaryCore<Output>({
      id: config.id,
      vm: config.vm,
      detectMs: config.detectMs,
      newToken: () => toHex(ports.entropy.bytes(TOKEN_BYTES)),
      hello: (backup, epoch) =>
        helloFor(config, this.#journal.history, { backup, epoch, lsnSettled: this.#lsnSettled }),
      view: handover?.view,
      epochLast: handover?.epochLast ?? asEpoch(0),
      formerIds: handover?.formerIds ?? [],
      ownLog: config.ownLog,
      rule: config.rule,
      lsnAppended: handover?.lsnReceived ?? asLsn(0),
      lsnReleased,
    });
    this.#stepper = new Stepper({
      clock: ports.clock,
      core: this.#core,
      perform: (effect) => this.#perform(effect),
      deadline: (now) => ({ type: 'deadline', now }),
      settled: () => this.#settled(),
    });
    this.#links = new BackupLinks({
      meters: ports.meters,
      onMessage: (peer, message) =>
        this.#step({ type: 'message', now: this.#now(), peer, message }),
      onClose: (peer, reason) => this.#step({ type: 'closed', now: this.#now(), peer, reason }),
    });
  }

  get core(): PrimaryFacts {
    return this.#core;
  }

  /** Last record of the log. */
  get lsn(): Lsn {
    return this.#journal.lsnLast;
  }

  /** Claims a view, or takes over from a dead primary with the one it has won. Call once. */
  start(): void {
    const { handover } = this.#setup;
    if (handover?.view !== undefined) this.#takeOver(handover);
    else {
      if (handover === undefined) this.#turns.begin(NOTHING_RAN);
      this.#step({ type: 'start', now: this.#now() });
    }
  }

  /** Something happened outside. Runs when the replica is live, in the order of the calls. */
  push(interrupt: HostInterrupt): void {
    this.#turns.push(interrupt);
  }

  /** Starts a state transfer to `peer`. False if it cannot join now: try again later. */
  addBackup(peer: ReplicaId, dial: Dial): boolean {
    if (!this.#core.canLink(peer)) return false;
    this.#links.open(peer, dial);
    this.#step({ type: 'linked', now: this.#now(), peer });
    return true;
  }

  heartbeat(peer: ReplicaId): void {
    this.#step({ type: 'beat', now: this.#now(), peer, at: this.#now() });
  }

  /** The supervisor has given `peer` up. */
  suspect(peer: ReplicaId, reason: string): void {
    this.#step({ type: 'suspect', now: this.#now(), peer, reason });
  }

  /** The arbiter names another primary: this one is fenced. */
  deposed(view: PrimaryFacts['view']): void {
    this.#step({ type: 'deposed', now: this.#now(), view });
  }

  /** Hands the guest over to `to`, or to the backup that is nearest; notes say how it goes. */
  switchOver(to: ReplicaId | undefined): void {
    this.#step({ type: 'switchover', now: this.#now(), to });
  }

  /** Ends the run on purpose: outputs leave, the backups learn it, the log is sealed. */
  stop(code: number, reason: string): void {
    if (this.#stopping || this.#ended) return;
    this.#stopping = true;
    this.#turns.close();
    this.#step({ type: 'stop', now: this.#now(), code, reason });
  }

  #now(): ReturnType<PrimaryPorts['clock']['now']> {
    return this.#ports.clock.now();
  }

  #step(event: PrimaryEvent<Output>): void {
    if (!this.#ended) this.#stepper.step(event);
  }

  #settled(): void {
    const lsn = this.#core.lsnDurable;
    if (lsn > this.#lsnDurable) {
      this.#lsnDurable = lsn;
      this.#ports.net.durable(lsn);
      this.#ports.meters?.settled(this.#now(), lsn, this.#core.view.backups.length);
    }
    this.#mark.left(this.#core.lsnReleased, { seen: false });
    this.#turns.schedule();
    if (this.#core.holdsAlone) return;
    if (!this.#journal.empty || this.#core.untold) this.#armIdle();
  }

  #perform(effect: PrimaryEffect<Output>): void {
    switch (effect.type) {
      case 'send':
        this.#links.send(effect.peer, effect.message);
        return;
      case 'close':
        this.#links.close(effect.peer);
        return;
      case 'stream':
        this.#stream(effect.peer, effect.from);
        return;
      case 'ask':
        ask(this.#ports.arbiter, effect.question, (token, answer) =>
          this.#step({ type: 'answer', now: this.#now(), token, answer }),
        );
        return;
      case 'appendView':
        this.#mark.begin(effect.view.epoch);
        this.#appendControl((time) => ({ type: 'view', time, ...effect.view }));
        return;
      case 'appendStop':
        this.#appendControl((time) => ({ ...effect, type: 'stop', time }));
        return;
      case 'write':
        this.#journal.write(effect, (lsn) =>
          this.#step({ type: 'written', now: this.#now(), lsn, durable: effect.durable }),
        );
        return;
      case 'release':
        this.#release(effect.outputs);
        return;
      case 'throttle':
        this.#brake.set('full', effect.on);
        return;
      case 'pause':
        this.#pause(effect.on);
        return;
      case 'committed':
        this.#turns.push(committed(effect.id));
        return;
      case 'handedOver':
        this.#end({ type: 'handedOver', view: effect.view });
        return;
      case 'finish':
        this.#end({ ...effect, type: 'stopped' });
        return;
      case 'halt':
        this.#end({ type: 'fenced', view: effect.view });
        return;
      case 'note':
        this.#note(effect.note);
        return;
      default:
        unreachable(effect);
    }
  }

  /** The group under way is the last one; nothing of the log stays behind. */
  #pause(on: boolean): void {
    this.#brake.set('paused', on);
    if (on)
      this.#turns.betweenGroups(() => {
        this.#flush();
        this.#step({ type: 'paused', now: this.#now() });
      });
  }

  #note(note: Note): void {
    this.#setup.hooks.note(note, this.#ports.clock.wall());
    // Only who has won runs the rest of its own log: another may have gone on meanwhile.
    const { handover } = this.#setup;
    if (note.type === 'primaryLive' && handover !== undefined && handover.view === undefined)
      this.#takeOver(handover);
  }

  /** A control record lies between groups: one under way is closed first. */
  #appendControl(record: (time: Micros) => ViewRecord | StopRecord): void {
    this.#turns.betweenGroups(() => {
      const { clock } = this.#ports;
      const control = record(this.#clock.stamp(clock.wall(), clock.now()));
      // In a batch of its own: a run that is continued cuts the stop off, and nothing else.
      if (control.type === 'stop') this.#flush();
      this.#journal.add(control);
      this.#flush({ stop: control.type === 'stop' });
    });
  }

  #flush(options: { readonly stop: boolean } = { stop: false }): void {
    const batch = this.#journal.flush(this.#core.view.epoch);
    if (batch === undefined) return;
    this.#step({ type: 'appended', now: this.#now(), batch, stop: options.stop });
  }

  get #lsnSettled(): Lsn {
    return this.#core.heldBytes === 0 ? this.lsn : this.#core.lsnReleased;
  }

  #stream(peer: ReplicaId, from: Lsn): void {
    const link = this.#links.stream(peer);
    if (link === undefined) return;
    const transfer = new StateTransfer(this.#ports, link, {
      epoch: () => this.#core.view.epoch,
      lsnSettled: () => this.#lsnSettled,
      done: (lastLsn, failure) =>
        this.#step({ type: 'streamed', now: this.#now(), peer, lastLsn, failure }),
    });
    transfer.start(from);
  }

  #release(outputs: readonly Gated<Output>[]): void {
    const [first] = outputs;
    if (!this.#released && first !== undefined) this.#note({ type: 'firstOutput', lsn: first.lsn });
    this.#released = true;
    releaseAll(outputs, this.#ports, this.#mark);
    this.#ports.meters?.released(this.#now(), this.#core.lsnReleased, outputs.length);
  }

  #produced(result: TurnsResult, lsn: Lsn): void {
    for (const { output } of result.outputs) retain(output, this.#ports);
    const outputs = result.outputs.filter(leaves).map(gated);
    const end = { lsn: this.#journal.lsnLast, outputsCrc: result.end.outputsCrc };
    this.#step({ type: 'produced', now: this.#now(), lsn, outputs, end });
    const { config, ports } = this.#setup;
    if (!this.#core.holdsAlone && awaitsReplay(config.rule.level, ports.machine)) this.#flush();
  }

  #halted(code: number, reason: string): void {
    if (this.#ended) return;
    this.#note({ type: 'guestExited', code, reason });
    this.stop(code, reason);
  }

  #armIdle(): void {
    if (this.#ended) return;
    this.#idle ??= this.#ports.clock.setTimer(asMillis(this.#now() + END_IDLE_MS), () => {
      this.#idle = undefined;
      this.#mark.flush();
      if (!this.#core.holdsAlone) this.#flush();
      this.#step({ type: 'idle', now: this.#now() });
    });
  }

  /** Replays what is left of the dead primary's log, then goes live. */
  #takeOver(handover: Handover): void {
    for (const { output } of handover.held) retain(output, this.#ports);
    const outputs = handover.held.map(gated);
    this.#step({ type: 'produced', now: this.#now(), lsn: handover.lsnReplayed, outputs });
    replayRest(handover, this.#ports.machine, {
      replayed: (result, lsn) => this.#produced(result, lsn),
      midTurn: (record) => this.#turns.midTurn(record),
      settled: (result) => this.#journal.add({ type: 'end', ...result.end }),
      diverged: (divergence) => this.#diverged(divergence),
      done: (state) => this.#goLive(handover, state),
    });
  }

  #diverged(divergence: MachineDivergence): void {
    const differs = { lsn: divergence.lsn, report: divergenceReport(divergence) };
    this.#note({ type: 'diverged', peer: this.#setup.config.id, ...differs });
    this.#end({ type: 'diverged', ...differs });
  }

  #goLive(handover: Handover, state: MachineState): void {
    if (this.#ended) return;
    this.#note({ type: 'tailReplayed', lsn: this.#journal.lsnLast });
    const { view } = this.#core;
    for (const interrupt of urgentInterrupts(this.#ports, view.epoch, state))
      this.#turns.pushUrgent(interrupt);
    const { view: won, lsnReceived } = handover;
    if (won === undefined) this.#note({ type: 'resumed', view, lsn: lsnReceived });
    else {
      this.#note({ type: 'promoted', view, lsnReceived });
      this.#step({ type: 'start', now: this.#now() });
    }
    this.#turns.begin(state);
    for (const event of pendingCommits(this.#ports.machine, this.lsn, this.#now()))
      this.#step(event);
  }

  #end(outcome: PrimaryOutcome): void {
    assert(!this.#ended, 'a replica ends once');
    this.#ended = true;
    this.#turns.close();
    this.#idle?.cancel();
    this.#stepper.close();
    const { net, store } = this.#ports;
    net.close();
    const done = (): void => this.#setup.hooks.ended(outcome);
    if (outcome.type === 'stopped') store.seal(done);
    else store.close(done);
    this.#links.closeAll();
  }
}
