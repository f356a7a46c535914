/**
 * The protocol core of a primary: which backups have what, what may leave, when the view has to
 * change. Synchronous and without I/O: news in, effects out; never a clock, never a machine.
 *
 * It must never release an output that a replica named in the view, or in a claim not yet decided,
 * does not hold the cause of.
 */

import {
  asLsn,
  type EncodedBatch,
  type Epoch,
  type Lsn,
  type Millis,
} from '../../log-format/index.ts';
import { assert, unreachable } from '../base/assert.ts';
import { BACKUPS_MAX, HELD_BYTES_MAX, WINDOW_BYTES_MAX } from '../base/limits.ts';
import { BackupSession } from './backup-session.ts';
import { BackupSessions } from './backup-sessions.ts';
import { earliest } from './deadlines.ts';
import { DeliberateStop } from './deliberate-stop.ts';
import type { Message, ReplicaId, View } from './messages.ts';
import { protectionNotes } from './notes.ts';
import { Outlet } from './outlet.ts';
import type { PrimaryEffect, PrimaryEvent, PrimaryOptions } from './primary-events.ts';
import { Throttle } from './throttle.ts';
import { aloneAfter, NO_VIEW, nextView, wasOwn } from './view-change.ts';
import { type Decision, Views } from './views.ts';

export class PrimaryCore<T> {
  readonly #options: PrimaryOptions;
  readonly #sessions: BackupSessions;
  readonly #views: Views;
  readonly #throttle = new Throttle();
  readonly #outlet: Outlet<T>;
  #view: View;
  #live = false;
  #ended = false;
  #lsnAppended: Lsn;
  #stop: DeliberateStop | undefined;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.#views = new Views(options);
    this.#sessions = new BackupSessions((peer) => this.#named(peer));
    this.#outlet = new Outlet(options);
    this.#view = options.view ?? NO_VIEW;
    this.#lsnAppended = options.lsnAppended;
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

  /** Outputs are held and nothing but the own log keeps them back. */
  get waitsForOwnLog(): boolean {
    return this.#live && this.#outlet.gate.size > 0 && this.#sessions.lowestAck() === Infinity;
  }

  /** Buffers are full, or the own log is behind: no turn may start. */
  get throttled(): boolean {
    return this.#throttle.on || this.waitsForOwnLog;
  }

  get lsnReleased(): Lsn {
    return this.#outlet.gate.lsnReleased;
  }

  /** Some backup has not been told what has left: worth a message when nothing else is sent. */
  get untold(): boolean {
    return !this.#sessions.untold(this.lsnReleased).next().done;
  }

  /** Every replica that could take over has the log up to here. */
  get lsnDurable(): Lsn {
    return asLsn(Math.min(this.#sessions.lowestAck(), this.#lsnAppended));
  }

  /** Bytes of outputs that wait for acks. */
  get heldBytes(): number {
    return this.#outlet.gate.bytes;
  }

  get sessions(): readonly BackupSession[] {
    return [...this.#sessions.all()];
  }

  /**
   * Whether a state transfer to `peer` may begin. Not while any view or open claim names it: its
   * old copy of the log may still win that view, and a hello would make it drop the copy.
   */
  canLink(peer: ReplicaId): boolean {
    if (!this.live || this.#stop !== undefined || peer === this.#options.id) return false;
    return (
      this.#sessions.get(peer) === undefined &&
      !this.#named(peer) &&
      this.#sessions.size < BACKUPS_MAX
    );
  }

  step(event: PrimaryEvent<T>, effects: PrimaryEffect<T>[]): void {
    if (this.#ended) return;
    this.#take(event, effects);
    if (this.live) this.#advance(event.now, effects);
  }

  /** When to step with `deadline`; undefined if nothing is awaited. */
  deadline(): Millis | undefined {
    if (this.#ended) return undefined;
    const stop = this.#live ? this.#stop?.deadline() : undefined;
    return earliest(this.#views.deadline(), this.#sessions.deadline(), stop);
  }

  #take(event: PrimaryEvent<T>, effects: PrimaryEffect<T>[]): void {
    const now = event.now;
    switch (event.type) {
      case 'start':
        this.#start(now, effects);
        return;
      case 'linked':
        this.#greet(event.peer, now, effects);
        return;
      case 'message':
        this.#hear(event.peer, event.message, now, effects);
        return;
      case 'closed':
        this.#lose(event.peer, `link closed: ${event.reason}`, effects, { linked: false });
        return;
      case 'suspect':
        this.#lose(event.peer, event.reason, effects);
        return;
      case 'beat':
        this.#sessions.get(event.peer)?.detector.beat(event.at);
        return;
      case 'streamed':
        this.#streamed(event, effects);
        return;
      case 'appended':
        this.#ship(event, effects);
        return;
      case 'produced':
        this.#outlet.produced(event.outputs, event.lsn);
        return;
      case 'written':
        this.#outlet.written(event.lsn);
        return;
      case 'idle':
        for (const { peer, message } of this.#sessions.news(this.#view.epoch, this.lsnReleased))
          this.#send(peer, message, effects);
        return;
      case 'answer':
        this.#decide(this.#views.answer(event.token, event.answer, now), now, effects);
        return;
      case 'deadline':
        this.#expire(now, effects);
        return;
      case 'stop':
        this.#stop ??= new DeliberateStop(event, now);
        if (this.#view.epoch === 0) this.#finish(this.#stop, effects, { confirmed: true });
        return;
      default:
        unreachable(event);
    }
  }

  #start(now: Millis, effects: PrimaryEffect<T>[]): void {
    if (this.#options.view !== undefined) {
      this.#goLive(effects);
      return;
    }
    this.#claimAlone(this.#options.epochLast, now, effects);
  }

  #claimAlone(expect: Epoch, now: Millis, effects: PrimaryEffect<T>[]): void {
    const next = aloneAfter(expect, this.#options.id);
    effects.push({ type: 'ask', question: this.#views.claim(expect, next, now) });
  }

  #goLive(effects: PrimaryEffect<T>[]): void {
    this.#live = true;
    effects.push({ type: 'appendView', view: this.#view });
    effects.push({ type: 'note', note: { type: 'primaryLive', view: this.#view } });
  }

  #greet(peer: ReplicaId, now: Millis, effects: PrimaryEffect<T>[]): void {
    assert(this.canLink(peer), 'a backup is greeted only when it may join');
    const options = { detectMs: this.#options.detectMs, now };
    this.#sessions.add(new BackupSession(peer, options));
    this.#send(peer, this.#options.hello(peer, this.#view.epoch), effects);
  }

  #hear(peer: ReplicaId, message: Message, now: Millis, effects: PrimaryEffect<T>[]): void {
    const session = this.#sessions.get(peer);
    if (session === undefined || session.state === 'lost') return;
    session.detector.heard(now);
    if (message.type === 'refuse') {
      effects.push({ type: 'note', note: { type: 'refused', peer, reason: message.reason } });
      this.#lose(peer, `refused: ${message.reason}`, effects);
      return;
    }
    // An ack of an earlier view must not release an output of this one. Nothing is lost by it: the
    // view record of this epoch is on its way, and its ack covers all before it.
    if (message.epoch !== this.#view.epoch) return;
    switch (message.type) {
      case 'welcome':
        if (session.state !== 'greeting') {
          this.#lose(peer, 'a second welcome', effects);
          return;
        }
        session.welcomed(now);
        effects.push({ type: 'stream', peer });
        effects.push({ type: 'note', note: { type: 'joining', peer } });
        return;
      case 'ack':
        if (session.live && !session.acked(message.lsnReceived, message.lsnReplayed)) {
          this.#lose(peer, 'acknowledged what was never sent', effects);
        }
        return;
      case 'diverged': {
        const { lsn, report } = message;
        effects.push({ type: 'note', note: { type: 'diverged', peer, lsn, report } });
        // It is told the outcome: it must not take the close for a death of the primary.
        this.#lose(peer, 'diverged', effects, { linked: true });
        return;
      }
      default:
    }
  }

  #streamed(event: PrimaryEvent<T> & { type: 'streamed' }, effects: PrimaryEffect<T>[]): void {
    const session = this.#sessions.get(event.peer);
    if (session === undefined || session.state !== 'streaming') return;
    if (event.failure !== undefined) {
      this.#lose(event.peer, `log not streamed: ${event.failure}`, effects);
      return;
    }
    for (const batch of session.streamed(event.lastLsn, this.#lsnAppended)) {
      this.#sendBatch(session, batch, effects);
    }
  }

  #ship(event: PrimaryEvent<T> & { type: 'appended' }, effects: PrimaryEffect<T>[]): void {
    const { batch } = event;
    assert(batch.firstLsn === this.#lsnAppended + 1, 'the log has no gap');
    this.#lsnAppended = batch.lastLsn;
    if (event.stop) this.#stop?.appended(batch.lastLsn);
    for (const session of this.#sessions.all()) {
      if (session.state === 'streaming') session.keep(batch);
      else if (session.live) this.#sendBatch(session, batch, effects);
      // One that is needed throttles the guest; one that is not costs memory only and has to go.
      if (session.pendingBytes > WINDOW_BYTES_MAX && !this.#sessions.needed(session)) {
        this.#lose(session.peer, 'joins more slowly than the guest writes', effects);
      }
    }
  }

  #sendBatch(session: BackupSession, batch: EncodedBatch, effects: PrimaryEffect<T>[]): void {
    const { epoch } = this.#view;
    const { lsnReleased } = this;
    session.window.shipped(batch);
    session.lsnReleasedSent = lsnReleased;
    this.#send(session.peer, { type: 'batch', epoch, lsnReleased, batch }, effects);
  }

  #expire(now: Millis, effects: PrimaryEffect<T>[]): void {
    const question = this.#views.due(now);
    if (question !== undefined) effects.push({ type: 'ask', question });
    for (const { peer, verdict } of this.#sessions.overdue(now)) {
      if (verdict === 'tilted') effects.push({ type: 'note', note: { type: 'tilted', peer } });
      else this.#lose(peer, verdict, effects);
    }
  }

  #lose(
    peer: ReplicaId,
    reason: string,
    effects: PrimaryEffect<T>[],
    options: { readonly linked?: boolean } = {},
  ): void {
    const session = this.#sessions.get(peer);
    if (session === undefined) return;
    if (session.linked && options.linked === undefined) {
      effects.push({ type: 'close', peer, reason });
    }
    if (session.state !== 'lost') {
      effects.push({ type: 'note', note: { type: 'suspected', peer, reason } });
    }
    session.lose({ linked: options.linked ?? false });
    if (!this.#named(peer)) this.#forget(session, effects);
  }

  #forget(session: BackupSession, effects: PrimaryEffect<T>[]): void {
    const { peer } = session;
    this.#sessions.delete(peer);
    if (!session.linked) return;
    this.#send(peer, { type: 'view', epoch: this.#view.epoch, view: this.#view }, effects);
    effects.push({ type: 'close', peer, reason: 'not in the view' });
  }

  #decide(decision: Decision, now: Millis, effects: PrimaryEffect<T>[]): void {
    if (decision.type === 'open' || decision.type === 'current') return;
    if (decision.type === 'lost') {
      const { view } = decision;
      if (!this.#live && wasOwn(view, this.#options)) {
        this.#claimAlone(view.epoch, now, effects);
        return;
      }
      const discarded = this.#outlet.discard();
      this.#ended = true;
      effects.push({ type: 'note', note: { type: 'fenced', view, discarded } });
      effects.push({ type: 'halt', view, discarded });
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
    for (const session of this.#sessions.all()) {
      if (session.state === 'lost' && !this.#named(session.peer)) this.#forget(session, effects);
    }
    for (const note of protectionNotes(before, this.#view)) effects.push({ type: 'note', note });
  }

  /** What follows from the state, whatever brought it about. */
  #advance(now: Millis, effects: PrimaryEffect<T>[]): void {
    const lowestAck = this.#sessions.lowestAck();
    this.#outlet.advance({ lowestAck, lsnAppended: this.#lsnAppended }, effects);
    const fill = Math.max(this.#outlet.gate.bytes / HELD_BYTES_MAX, this.#sessions.fill());
    if (this.#throttle.update(fill)) effects.push({ type: 'throttle', on: this.#throttle.on });
    if (!this.#views.asking) this.#changeView(now, effects);
    if (this.#stop !== undefined) this.#advanceStop(this.#stop, now, effects);
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
      current: this.#view,
      sessions: this.#sessions,
      lsnReleased: this.lsnReleased,
      stopping: this.#stop !== undefined,
    });
    if (next === undefined) return;
    effects.push({ type: 'ask', question: this.#views.claim(this.#view.epoch, next, now) });
  }

  #advanceStop(stop: DeliberateStop, now: Millis, effects: PrimaryEffect<T>[]): void {
    const { code, reason } = stop;
    const step = stop.next({
      now,
      held: this.#outlet.gate.size,
      lowestAck: this.#sessions.lowestAck(),
      decided: !this.#views.asking,
    });
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
    for (const { peer, linked } of this.#sessions.all()) {
      if (linked) this.#send(peer, { type: 'bye', epoch: this.#view.epoch, code, reason }, effects);
    }
    effects.push({ type: 'note', note: { type: 'stopped', code, confirmed } });
    effects.push({ type: 'finish', code, reason, confirmed });
  }

  #send(peer: ReplicaId, message: Message, effects: PrimaryEffect<T>[]): void {
    effects.push({ type: 'send', peer, message });
  }
}
