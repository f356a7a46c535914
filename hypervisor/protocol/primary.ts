/**
 * The protocol core of a primary: which backups have what, what may leave, when the view has to
 * change. Synchronous and without I/O: news in, effects out; never a clock, never a machine.
 *
 * It must never release an output that a replica named in the view, or in a claim not yet decided,
 * does not hold the cause of.
 */

import { asLsn, type Epoch, type Lsn, type Millis } from '../../log-format/index.ts';
import { assert, unreachable } from '../base/assert.ts';
import { BACKUPS_MAX, HELD_BYTES_MAX } from '../base/limits.ts';
import type { AckLevel } from './ack-level.ts';
import type { BackupSession } from './backup-session.ts';
import { earliest } from './deadlines.ts';
import { DeliberateStop } from './deliberate-stop.ts';
import type { ReplicaId, View } from './messages.ts';
import { ProtectionNews } from './notes.ts';
import { Outlet } from './outlet.ts';
import type { PrimaryEffect, PrimaryEvent, PrimaryOptions } from './primary-events.ts';
import { lacksBackups, releaseLimit } from './release-limit.ts';
import { Replication } from './replication.ts';
import { Switchover, switchoverTarget } from './switchover.ts';
import { Throttle } from './throttle.ts';
import { aloneAfter, NO_VIEW, nextView, wasOwn } from './view-change.ts';
import { type Decision, Views } from './views.ts';

export class PrimaryCore<T> {
  readonly #options: PrimaryOptions;
  readonly #backups: Replication<T>;
  readonly #views: Views;
  readonly #throttle = new Throttle();
  readonly #outlet: Outlet<T>;
  readonly #news = new ProtectionNews();
  #view: View;
  #live = false;
  #ended = false;
  #lsnAppended: Lsn;
  #stop: DeliberateStop | undefined;
  #switchover: Switchover | undefined;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.#lsnAppended = options.lsnAppended;
    this.#views = new Views(options);
    this.#backups = new Replication({
      detectMs: options.detectMs,
      level: options.rule.level,
      hello: options.hello,
      view: () => this.#view,
      lsnAppended: () => this.#lsnAppended,
      lsnReleased: () => this.lsnReleased,
      named: (peer) => this.#named(peer),
    });
    this.#outlet = new Outlet(options);
    this.#view = options.view ?? NO_VIEW;
  }

  get view(): View {
    return this.#view;
  }

  /** May run the guest: it has won a view and not lost it again. */
  get live(): boolean {
    return this.#live && !this.#ended;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Outputs are held, and no ack of a backup can let them out: the own log will, or (`stop`) a view with
   * more backups. The end of their group may not be in the log before them, or a resume that
   * finds no mark beside it (released-mark.ts) would take them for having left.
   */
  get holdsAlone(): boolean {
    if (!this.#live || this.#outlet.gate.size === 0) return false;
    return this.#lacksBackups || this.#limit(this.#level) === Infinity;
  }

  get #lacksBackups(): boolean {
    return lacksBackups(this.#options.rule, this.#view);
  }

  /** Buffers are full, the own log is behind, or there are too few backups: no turn may start. */
  get throttled(): boolean {
    return this.#throttle.on || this.holdsAlone || (this.#switchover?.still ?? false);
  }

  /** A planned switchover is under way. */
  get switchingOver(): ReplicaId | undefined {
    return this.#switchover?.target;
  }

  get lsnReleased(): Lsn {
    return this.#outlet.gate.lsnReleased;
  }

  /** Some backup has not been told what has left: worth a message when nothing else is sent. */
  get untold(): boolean {
    return this.#backups.sessions.isUntold(this.lsnReleased);
  }

  /** Every replica that could take over has the log up to here. */
  get lsnDurable(): Lsn {
    return asLsn(Math.min(this.#backups.sessions.lowestAck(), this.#lsnAppended));
  }

  get heldBytes(): number {
    return this.#outlet.gate.bytes;
  }

  get sessions(): readonly BackupSession[] {
    return [...this.#backups.sessions.all()];
  }

  /**
   * Whether a state transfer to `peer` may begin. Not while any view or open claim names it: its
   * old copy of the log may still win that view, and a hello would make it drop the copy.
   */
  canLink(peer: ReplicaId): boolean {
    if (!this.live || this.#stop !== undefined || this.#switchover !== undefined) return false;
    if (peer === this.#options.id) return false;
    return (
      this.#backups.sessions.get(peer) === undefined &&
      !this.#named(peer) &&
      this.#backups.sessions.size < BACKUPS_MAX
    );
  }

  step(event: PrimaryEvent<T>, effects: PrimaryEffect<T>[]): void {
    if (this.#ended) return;
    this.#take(event, effects);
    // A heartbeat changes nothing but what silence means.
    if (this.live && event.type !== 'beat') this.#advance(event.now, effects);
  }

  /** When to step with `deadline`; undefined if nothing is awaited. */
  deadline(): Millis | undefined {
    if (this.#ended) return undefined;
    const stop = this.#live ? this.#stop?.deadline() : undefined;
    return earliest(
      this.#views.deadline(),
      this.#backups.sessions.deadline(),
      stop,
      this.#switchover?.deadline(),
    );
  }

  #take(event: PrimaryEvent<T>, effects: PrimaryEffect<T>[]): void {
    const now = event.now;
    switch (event.type) {
      case 'start':
        if (this.#options.view !== undefined) this.#goLive(effects);
        else this.#claimAlone(this.#options.epochLast, now, effects);
        return;
      case 'linked':
        assert(this.canLink(event.peer), 'a backup is greeted only when it may join');
        this.#backups.greet(event.peer, now, effects);
        return;
      case 'message':
        this.#backups.hear(event.peer, event.message, now, effects);
        return;
      case 'closed':
        this.#backups.lose(event.peer, `link closed: ${event.reason}`, effects, { linked: false });
        return;
      case 'suspect':
        this.#backups.lose(event.peer, event.reason, effects);
        return;
      case 'beat':
        this.#backups.sessions.get(event.peer)?.detector.beat(event.at);
        return;
      case 'streamed':
        this.#backups.streamed(event, effects);
        this.#backups.askDisks(this.#outlet.lsnDurableWanted, effects);
        return;
      case 'appended':
        this.#appended(event, effects);
        return;
      case 'produced':
        this.#outlet.produced(event.outputs, event.lsn);
        if (event.end) this.#backups.groupEnded(event.end, this.#outlet);
        return;
      case 'written':
        this.#outlet.written(event.lsn, event);
        return;
      case 'commit':
        this.#outlet.commit(event);
        if (event.level === 'durable') this.#backups.askDisks(event.lsn, effects);
        return;
      case 'switchover':
        this.#switchOver(event.to, now, effects);
        return;
      case 'paused':
        this.#switchover?.paused();
        return;
      case 'idle':
        this.#backups.tellReleased(effects);
        return;
      case 'answer':
        this.#decide(this.#views.answer(event.token, event.answer, now), now, effects);
        return;
      case 'deposed':
        this.#halt(event.view, effects);
        return;
      case 'deadline':
        this.#expire(now, effects);
        return;
      case 'stop':
        this.#stop ??= new DeliberateStop(event, now);
        if (this.#view.epoch === 0)
          this.#finish(this.#stop, effects, { confirmed: this.#options.epochLast === 0 });
        return;
      default:
        unreachable(event);
    }
  }

  #appended(event: PrimaryEvent<T> & { type: 'appended' }, effects: PrimaryEffect<T>[]): void {
    const { batch } = event;
    assert(batch.firstLsn === this.#lsnAppended + 1, 'the log has no gap');
    this.#lsnAppended = batch.lastLsn;
    if (event.stop) this.#stop?.appended(batch.lastLsn);
    this.#backups.ship(batch, event.now, effects);
  }

  #claimAlone(expect: Epoch, now: Millis, effects: PrimaryEffect<T>[]): void {
    const next = aloneAfter(expect, this.#options.id);
    effects.push({ type: 'ask', question: this.#views.claim(expect, next, now) });
  }

  /** Fenced: no output leaves any more, and the replica ends. */
  #halt(view: View | undefined, effects: PrimaryEffect<T>[]): void {
    const discarded = this.#outlet.discard();
    this.#ended = true;
    effects.push({ type: 'note', note: { type: 'fenced', view, discarded } });
    effects.push({ type: 'halt', view, discarded });
  }

  #goLive(effects: PrimaryEffect<T>[]): void {
    this.#live = true;
    effects.push({ type: 'appendView', view: this.#view });
    effects.push({ type: 'note', note: { type: 'primaryLive', view: this.#view } });
  }

  #expire(now: Millis, effects: PrimaryEffect<T>[]): void {
    const question = this.#views.due(now);
    if (question !== undefined) effects.push({ type: 'ask', question });
    this.#backups.expire(now, effects);
  }

  #decide(decision: Decision, now: Millis, effects: PrimaryEffect<T>[]): void {
    if (decision.type === 'open') return;
    if (decision.type === 'current') {
      this.#switchover?.probed();
      effects.push({ type: 'pause', on: true });
      return;
    }
    if (decision.type === 'lost') {
      const { view } = decision;
      if (!this.#live && wasOwn(view, this.#options)) this.#claimAlone(view.epoch, now, effects);
      else this.#halt(view, effects);
      return;
    }
    if (this.#switchover?.claimed === true) {
      this.#handOver(decision.view, effects);
      return;
    }
    const before = this.#view;
    this.#view = decision.view;
    effects.push({ type: 'note', note: { type: 'claimed', view: this.#view } });
    if (!this.#live) {
      this.#goLive(effects);
      return;
    }
    effects.push({ type: 'appendView', view: this.#view });
    this.#backups.viewChanged(effects);
    for (const note of this.#news.changed(before, this.#view, this.#options.rule))
      effects.push({ type: 'note', note });
  }

  get #level(): AckLevel {
    return this.#options.rule.level;
  }

  readonly #limit = (level: AckLevel): number =>
    releaseLimit(level, {
      rule: this.#options.rule,
      view: this.#view,
      pending: this.#views.pending?.next,
      sessions: this.#backups.sessions,
      lsnReleased: this.lsnReleased,
    });

  /** What follows from the state, whatever brought it about. */
  #advance(now: Millis, effects: PrimaryEffect<T>[]): void {
    const { lsnReleased } = this;
    const facts = { level: this.#level, lsnAppended: this.#lsnAppended, limit: this.#limit };
    this.#outlet.advance(facts, effects);
    if (this.lsnReleased > lsnReleased) this.#backups.forgetHashes();
    // A guest that stands still until a backup is back takes no more input either.
    const isHeld = this.#lacksBackups && this.holdsAlone;
    for (const note of this.#news.holding(this.#view, isHeld)) effects.push({ type: 'note', note });
    const still = isHeld ? Infinity : 0;
    const { gate } = this.#outlet;
    const fill = Math.max(gate.bytes / HELD_BYTES_MAX, this.#backups.sessions.fill(), still);
    if (this.#throttle.update(fill)) effects.push({ type: 'throttle', on: this.#throttle.on });
    // One that is given up may have kept a newcomer out of the view.
    if (this.#switchover !== undefined) this.#advanceSwitchover(this.#switchover, now, effects);
    if (!this.#views.asking) this.#changeView(now, effects);
    if (this.#stop !== undefined) this.#advanceStop(this.#stop, now, effects);
  }

  #switchOver(to: ReplicaId | undefined, now: Millis, effects: PrimaryEffect<T>[]): void {
    if (!this.live || this.#stop !== undefined || this.#switchover !== undefined) return;
    const { rule } = this.#options;
    const { peer, failed } = switchoverTarget(to, this.#view, this.#backups.sessions, rule);
    if (failed !== undefined) {
      effects.push({ type: 'note', note: { type: 'switchoverFailed', peer, reason: failed } });
      return;
    }
    this.#switchover = new Switchover(peer, now);
    effects.push({ type: 'note', note: { type: 'switchingOver', peer } });
  }

  #advanceSwitchover(switchover: Switchover, now: Millis, effects: PrimaryEffect<T>[]): void {
    const { target } = switchover;
    const step = switchover.next({
      now,
      view: this.#view,
      sessions: this.#backups.sessions,
      held: this.#outlet.gate.size,
      lsnAppended: this.#lsnAppended,
      views: this.#views,
    });
    if (step.type === 'ask') effects.push(step);
    if (step.type === 'sync') this.#backups.askDisk(target, this.#lsnAppended, effects);
    if (step.type !== 'failed') return;
    const { reason } = step;
    this.#switchover = undefined;
    if (this.#views.pending === undefined) this.#views.abandon();
    effects.push({ type: 'note', note: { type: 'switchoverFailed', peer: target, reason } });
    effects.push({ type: 'pause', on: false });
  }

  #handOver(view: View, effects: PrimaryEffect<T>[]): void {
    this.#outlet.discard();
    this.#ended = true;
    this.#backups.tellAll({ type: 'view', epoch: view.epoch, view }, effects);
    effects.push({ type: 'note', note: { type: 'handedOver', peer: view.primary, view } });
    effects.push({ type: 'handedOver', view });
  }

  /** Named in the view in force or in one that may be: its acks are needed, gone or not. */
  #named(peer: ReplicaId): boolean {
    return (
      this.#view.backups.includes(peer) ||
      (this.#views.pending?.next.backups.includes(peer) ?? false)
    );
  }

  /**
   * Outputs wait for a newcomer's acks from before the claim, not from the answer on: the arbiter
   * may have decided while the answer is under way, and then the newcomer may go live at once.
   */
  #changeView(now: Millis, effects: PrimaryEffect<T>[]): void {
    const next = nextView({
      rule: this.#options.rule,
      current: this.#view,
      sessions: this.#backups.sessions,
      lsnReleased: this.lsnReleased,
      stopping: this.#stop !== undefined || this.#switchover !== undefined,
    });
    if (next === undefined) return;
    effects.push({ type: 'ask', question: this.#views.claim(this.#view.epoch, next, now) });
  }

  #advanceStop(stop: DeliberateStop, now: Millis, effects: PrimaryEffect<T>[]): void {
    const { code, reason } = stop;
    const { sessions } = this.#backups;
    const held = this.#outlet.gate.size;
    const facts = { now, held, lowestAck: sessions.lowestAck(), decided: !this.#views.asking };
    const step = stop.next(facts);
    if (step === 'append') effects.push({ type: 'appendStop', code, reason });
    if (step === 'append' || step === 'wait') return;
    this.#finish(stop, effects, { confirmed: step === 'confirmed' });
  }

  #finish(
    { code, reason }: DeliberateStop,
    effects: PrimaryEffect<T>[],
    { confirmed }: { readonly confirmed: boolean },
  ): void {
    this.#outlet.discard();
    this.#ended = true;
    this.#backups.tellAll({ type: 'bye', epoch: this.#view.epoch, code, reason }, effects);
    effects.push({ type: 'note', note: { type: 'stopped', code, confirmed } });
    effects.push({ type: 'finish', code, reason, confirmed });
  }
}
