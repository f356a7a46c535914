/**
 * The protocol core of a backup: it follows one primary at a time, acknowledges what it holds, and
 * when the primary is gone asks the arbiter whether it may go live. It never releases an output.
 *
 * idle        no log; waits for a primary's hello
 * following   a link is open, the log grows
 * deciding    the link is gone; the other backups or the arbiter are asked who goes live
 * parted      it may not be primary now: keeps what it has, waits for a primary to dial, looks at the view
 * diverged    the replay differs; waits for the primary to know, which leaves it out
 * ended       promoted, stopped or diverged: a new core is needed
 */

import { asEpoch, asLsn, type Epoch, type Lsn, type Millis } from '../../log-format/index.ts';
import { assert, unreachable } from '../base/assert.ts';
import {
  ackOf,
  answered,
  type BackupPhase,
  type Copy,
  deposed,
  differed,
  isSole,
  isSynced,
  type Known,
  meet,
  newCopy,
  obstacle,
  passedOn,
  restart,
  type Stop,
  sameRun,
  standingOf,
  succeeds,
  tookIn,
  won,
} from './backup-copy.ts';
import type { BackupEffect, BackupEvent, BackupOptions, Hello } from './backup-events.ts';
import type { Message, ReplicaId, View } from './messages.ts';
import type { Decision } from './views.ts';

export class BackupCore {
  readonly #options: BackupOptions;
  #phase: BackupPhase = 'idle';
  #copy: Copy | undefined;
  /** Highest epoch ever heard of; survives a reset, so that a deposed primary stays refused. */
  #epoch: Epoch = asEpoch(0);

  constructor(options: BackupOptions) {
    this.#options = options;
  }

  get phase(): BackupPhase {
    return this.#phase;
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /** The primary at the other end of the link. */
  get following(): ReplicaId | undefined {
    return this.#phase === 'following' ? this.#copy?.hello.primary : undefined;
  }

  get view(): View | undefined {
    return this.#copy?.view;
  }

  /** Named in the newest view of its log: a death of the primary makes it claim. */
  get synced(): boolean {
    return isSynced(this.#copy);
  }

  get lsnReceived(): Lsn {
    return this.#copy?.lsnReceived ?? asLsn(0);
  }

  /** What to tell the primary now; undefined when there is none to tell. */
  ack(): { readonly link: number; readonly message: Message } | undefined {
    const copy = this.#copy;
    if (copy === undefined || this.#phase !== 'following') return undefined;
    return { link: copy.link, message: ackOf(copy, this.#epoch) };
  }

  get #known(): Known {
    return { phase: this.#phase, copy: this.#copy, epoch: this.#epoch };
  }

  step(event: BackupEvent, effects: BackupEffect[]): void {
    if (event.type === 'message' && event.message.type === 'hello') {
      this.#greeted(event.message, event.link, event.now, effects);
      return;
    }
    const copy = this.#copy;
    if (event.type === 'message' && event.message.type === 'poll') {
      effects.push(...answered(event.message, event.link, this.#known));
      return;
    }
    if (copy === undefined) return;
    if (this.#phase === 'ended') {
      // The last replay before a promotion: the log goes on with another machine.
      if (event.type === 'diverged') effects.push(differed(copy, event));
      return;
    }
    const now = event.now;
    switch (event.type) {
      case 'message':
        if (event.link === copy.link) this.#hear(copy, event.message, now, effects);
        return;
      case 'closed':
        if (event.link === copy.link)
          this.#parted(copy, `link closed: ${event.reason}`, now, effects);
        return;
      case 'suspect':
        this.#suspect(copy, event.reason, now, effects);
        return;
      case 'beat':
        copy.detector.beat(event.at);
        return;
      case 'logged':
        this.#logged(copy, event, effects);
        return;
      case 'replayed':
        copy.lsnReplayed = event.lsn;
        copy.outputsCrc = event.outputsCrc;
        return;
      case 'durable':
        copy.lsnDurable = event.lsn;
        effects.push({ type: 'ack' });
        return;
      case 'position':
        copy.candidacy.heard(event.position);
        if (this.#phase === 'deciding') copy.candidacy.advance(now, this.#epoch, effects);
        return;
      case 'force':
        this.#send(copy.link, deposed(event.view), effects);
        this.#win(copy, event.view, effects, 'operator');
        return;
      case 'diverged':
        this.#diverge(copy, event, effects);
        return;
      case 'lost':
        if (this.#phase === 'following') this.#reset(copy, event.reason, effects);
        return;
      case 'damaged':
        this.#reset(copy, event.reason, effects, 'refuse');
        return;
      case 'answer':
        this.#decide(copy, copy.candidacy.answer(event.token, event.answer, now), now, effects);
        return;
      case 'deadline':
        this.#expire(copy, now, effects);
        return;
      default:
        unreachable(event);
    }
  }

  deadline(): Millis | undefined {
    if (this.#phase === 'deciding' || this.#phase === 'parted')
      return this.#copy?.candidacy.deadline();
    const hears = this.#phase === 'following' || this.#phase === 'diverged';
    return hears ? this.#copy?.detector.deadline() : undefined;
  }

  #greeted(hello: Hello, link: number, now: Millis, effects: BackupEffect[]): void {
    const { isDue, reason } = obstacle(hello, this.#known, this.#options.refuses);
    if (reason !== undefined) {
      this.#send(link, { type: 'refuse', epoch: this.#epoch, reason }, effects);
      effects.push({ type: 'close', link, reason });
      const note = { type: 'declined', peer: hello.primary, reason } as const;
      if (isDue && hello.epoch > 0) effects.push({ type: 'note', note });
      return;
    }
    if (this.#phase === 'deciding' && this.#copy?.divergence !== undefined) {
      effects.push({ type: 'close', link, reason: 'its copy differs and is made anew' });
      this.#fail(this.#copy, effects);
      return;
    }
    const old = this.#leave(hello, effects);
    const meeting = meet(hello, old, this.#options.standing);
    const { from, how } = meeting;
    this.#epoch = hello.epoch;
    this.#phase = 'following';
    const { newToken, priority, hidden, cold } = this.#options;
    this.#copy = newCopy(hello, meeting, { link, now, newToken, old });
    effects.push({ type: 'open', hello, from, how });
    effects.push({ type: 'note', note: { type: 'following', peer: hello.primary } });
    if (from > 0)
      effects.push({ type: 'note', note: { type: 'continuing', peer: hello.primary, lsn: from } });
    const kind = { lsnReceived: from, priority, hidden: hidden || hello.relay, cold };
    this.#send(link, { type: 'welcome', epoch: this.#epoch, ...kind }, effects);
  }

  /** Ends what there was with another primary; returns the copy if it may be of the same run. */
  #leave(hello: Hello, effects: BackupEffect[]): Copy | undefined {
    const old = this.#copy;
    if (old === undefined) return undefined;
    if (!sameRun(old.hello, hello)) {
      this.#reset(old, 'a primary of another guest dialled', effects);
      return undefined;
    }
    if (this.#phase === 'following')
      effects.push({ type: 'close', link: old.link, reason: 'a newer primary dialled' });
    old.candidacy.abandon();
    return old;
  }

  #hear(copy: Copy, message: Message, now: Millis, effects: BackupEffect[]): void {
    if (message.epoch < this.#epoch) return;
    copy.detector.heard(now);
    if (this.#phase === 'diverged') {
      if (message.type === 'view' || message.type === 'bye') this.#fail(copy, effects);
      return;
    }
    if (this.#phase !== 'following') return;
    this.#epoch = message.epoch;
    switch (message.type) {
      case 'transfer':
        effects.push(...restart(copy, message));
        return;
      case 'view':
        this.#viewed(copy, message.view, now, effects);
        return;
      case 'bye':
        this.#finish(copy.stop ?? message, effects);
        return;
      default:
        effects.push(...passedOn(message));
    }
  }

  /** News of a view from the primary itself: this replica is out of it, or its head. */
  #viewed(copy: Copy, view: View, now: Millis, effects: BackupEffect[]): void {
    if (succeeds(copy, view)) {
      this.#win(copy, view, effects, 'switchover');
      return;
    }
    if (!view.backups.includes(copy.hello.backup))
      this.#part(copy, 'not in the view any more', now, effects);
  }

  #logged(copy: Copy, event: BackupEvent & { type: 'logged' }, effects: BackupEffect[]): void {
    const wasSynced = this.synced;
    copy.lsnReceived = event.lastLsn;
    copy.history = event.history;
    if (event.stop !== undefined) copy.stop = event.stop;
    if ((event.view?.epoch ?? 0) > copy.hello.epoch) copy.view = event.view;
    effects.push({ type: 'ack' });
    if (copy.hello.rule.level === 'durable') effects.push({ type: 'sync' });
    if (copy.view !== undefined && this.synced && !wasSynced)
      effects.push({ type: 'note', note: { type: 'synced', view: copy.view } });
  }

  #expire(copy: Copy, now: Millis, effects: BackupEffect[]): void {
    if (this.#phase === 'deciding' || this.#phase === 'parted') {
      copy.candidacy.advance(now, this.#epoch, effects);
      return;
    }
    if (this.#phase !== 'following' && this.#phase !== 'diverged') return;
    const peer = copy.hello.primary;
    const verdict = copy.detector.check(now);
    if (verdict === 'tilted') effects.push({ type: 'note', note: { type: 'tilted', peer } });
    if (verdict === 'suspect') this.#suspect(copy, 'silent', now, effects);
  }

  /** Parts on its own accord. The link is closed first: an ack after the claim would be a lie. */
  #suspect(copy: Copy, reason: string, now: Millis, effects: BackupEffect[]): void {
    if (this.#phase !== 'following' && this.#phase !== 'diverged') return;
    effects.push({ type: 'close', link: copy.link, reason });
    this.#parted(copy, reason, now, effects);
  }

  #parted(copy: Copy, reason: string, now: Millis, effects: BackupEffect[]): void {
    if (this.#phase === 'diverged' && (copy.stop !== undefined || !isSole(copy))) {
      this.#fail(copy, effects);
      return;
    }
    if (this.#phase !== 'following' && this.#phase !== 'diverged') return;
    // The log has its end: what follows a deliberate stop is no failure.
    if (copy.stop !== undefined) {
      this.#finish(copy.stop, effects);
      return;
    }
    effects.push({ type: 'note', note: { type: 'suspected', peer: copy.hello.primary, reason } });
    if (this.#phase === 'following' && (this.#options.hidden || copy.hello.relay)) {
      this.#part(copy, 'it is never in a view', now, effects);
      return;
    }
    if (this.synced && copy.view !== undefined) {
      this.#stand(copy, copy.view, now, effects);
      return;
    }
    this.#phase = 'deciding';
    copy.candidacy.read(now, effects);
  }

  #stand(copy: Copy, view: View, now: Millis, effects: BackupEffect[]): void {
    this.#phase = 'deciding';
    copy.candidacy.stand(view, standingOf(copy), now, effects);
    copy.candidacy.advance(now, this.#epoch, effects);
  }

  #decide(copy: Copy, decision: Decision, now: Millis, effects: BackupEffect[]): void {
    if (decision.type === 'open') return;
    const { view } = decision;
    if (this.#phase === 'parted') {
      if (!this.#called(copy, view, now, effects)) copy.candidacy.readLater(now);
      return;
    }
    assert(this.#phase === 'deciding', 'only a candidate asks the arbiter');
    // As it was when it stood: it goes on comparing.
    if (decision.type === 'current' && (view?.epoch ?? 0) <= (copy.candidacy.standing ?? -1))
      return;
    if (decision.type === 'won') {
      this.#win(copy, decision.view, effects);
      return;
    }
    if (this.#called(copy, view, now, effects)) return;
    effects.push({ type: 'note', note: { type: 'lost', view } });
    if (copy.divergence !== undefined) this.#fail(copy, effects);
    else this.#part(copy, 'another replica is primary', now, effects);
  }

  /** True: a view that it has not read of before makes it primary, or lets it stand. */
  #called(copy: Copy, view: View | undefined, now: Millis, effects: BackupEffect[]): boolean {
    if (view === undefined) return false;
    if (view.epoch > this.#epoch) this.#epoch = view.epoch;
    if (succeeds(copy, view)) {
      this.#win(copy, view, effects);
      return true;
    }
    if (!tookIn(copy, view)) return false;
    this.#stand(copy, view, now, effects);
    return true;
  }

  #win(copy: Copy, view: View, effects: BackupEffect[], by?: 'switchover' | 'operator'): void {
    if (view.epoch > this.#epoch) this.#epoch = view.epoch;
    copy.candidacy.abandon();
    this.#phase = 'ended';
    effects.push(...won(copy, view, by));
  }

  /** Not to be primary now. What it has of the log stays good for the next primary that dials. */
  #part(copy: Copy, reason: string, now: Millis, effects: BackupEffect[]): void {
    if (this.#phase === 'following') effects.push({ type: 'close', link: copy.link, reason });
    copy.candidacy.abandon();
    this.#phase = 'parted';
    if (!this.#options.hidden && !copy.hello.relay) copy.candidacy.readLater(now);
    effects.push({ type: 'note', note: { type: 'parted', reason } });
  }

  #diverge(copy: Copy, event: BackupEvent & { type: 'diverged' }, effects: BackupEffect[]): void {
    const { lsn, report } = event;
    effects.push(differed(copy, event));
    if (this.#phase !== 'following') {
      if (!this.#needed(copy)) this.#fail(copy, effects);
      return;
    }
    this.#phase = 'diverged';
    this.#send(copy.link, { type: 'diverged', epoch: this.#epoch, lsn, report }, effects);
  }

  /**
   * A replay that differs tells of the machine and not of the log. While there is a primary, or another backup that
   * may go live, this replica is thrown away. Where there is none, or its claim is out already and may be won, the
   * log goes on with a new machine.
   */
  #needed(copy: Copy): boolean {
    if (this.#phase !== 'deciding') return false;
    return copy.candidacy.claimed !== undefined || isSole(copy);
  }

  #fail(copy: Copy, effects: BackupEffect[]): void {
    this.#phase = 'ended';
    copy.candidacy.abandon();
    if (copy.divergence !== undefined) effects.push({ type: 'fail', ...copy.divergence });
  }

  #finish({ code, reason }: Stop, effects: BackupEffect[]): void {
    this.#phase = 'ended';
    effects.push({ type: 'finish', code, reason });
  }

  #reset(copy: Copy, reason: string, effects: BackupEffect[], how?: 'refuse'): void {
    if (this.#phase === 'following') {
      if (how) this.#send(copy.link, { type: 'refuse', epoch: this.#epoch, reason }, effects);
      effects.push({ type: 'close', link: copy.link, reason });
    }
    copy.candidacy.abandon();
    this.#copy = undefined;
    this.#phase = 'idle';
    effects.push({ type: 'reset', reason }, { type: 'note', note: { type: 'reset', reason } });
  }

  #send(link: number, message: Message, effects: BackupEffect[]): void {
    effects.push({ type: 'send', link, message });
  }
}
