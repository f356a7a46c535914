/**
 * The protocol core of a backup: it follows one primary at a time, acknowledges what it holds, and
 * when the primary is gone asks the arbiter whether it may go live. It never releases an output.
 *
 * idle        no log; waits for a primary's hello
 * following   a link is open, the log grows
 * deciding    the link is gone; a question to the arbiter is open
 * diverged    the replay differs; waits for the primary to know, is never promoted
 * ended       promoted, stopped or diverged: a new core is needed
 */

import { asEpoch, asLsn, type Epoch, type Lsn, type Millis } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import type { BackupEffect, BackupEvent, Hello } from './backup-events.ts';
import { FaultDetector } from './fault-detector.ts';
import type { Message, ReplicaId, View } from './messages.ts';
import { type Decision, Views } from './views.ts';

export interface BackupOptions {
  readonly newToken: () => string;
  /** Why this host cannot shadow the guest of a hello; undefined if it can. */
  readonly refuses: (hello: Hello) => string | undefined;
}

export type BackupPhase = 'idle' | 'following' | 'deciding' | 'diverged' | 'ended';

/** One life of a copy of the log, from hello to reset. */
interface Copy {
  readonly hello: Hello;
  readonly link: number;
  readonly views: Views;
  readonly detector: FaultDetector;
  /** The newest view in the log. */
  view: View | undefined;
  lsnReceived: Lsn;
  lsnReplayed: Lsn;
  stop: { readonly code: number; readonly reason: string } | undefined;
  divergence: { readonly lsn: Lsn; readonly report: string } | undefined;
}

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
    const copy = this.#copy;
    return copy?.view?.backups.includes(copy.hello.backup) ?? false;
  }

  get lsnReceived(): Lsn {
    return this.#copy?.lsnReceived ?? asLsn(0);
  }

  /** What to tell the primary now; undefined when there is none to tell. */
  ack(): { readonly link: number; readonly message: Message } | undefined {
    const copy = this.#copy;
    if (copy === undefined || this.#phase !== 'following') return undefined;
    const { lsnReceived, lsnReplayed, link } = copy;
    return { link, message: { type: 'ack', epoch: this.#epoch, lsnReceived, lsnReplayed } };
  }

  step(event: BackupEvent, effects: BackupEffect[]): void {
    if (event.type === 'message' && event.message.type === 'hello') {
      this.#greeted(event.message, event.link, event.now, effects);
      return;
    }
    const copy = this.#copy;
    if (copy === undefined || this.#phase === 'ended') return;
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
        return;
      case 'diverged':
        this.#diverge(copy, event, effects);
        return;
      case 'damaged':
        this.#giveUp(copy, event.reason, effects);
        return;
      case 'answer':
        this.#decide(copy, copy.views.answer(event.token, event.answer, now), now, effects);
        return;
      case 'deadline':
        this.#expire(copy, now, effects);
        return;
      default:
        unreachable(event);
    }
  }

  deadline(): Millis | undefined {
    if (this.#phase === 'deciding') return this.#copy?.views.deadline();
    return this.#phase === 'following' ? this.#copy?.detector.deadline() : undefined;
  }

  /**
   * A hello makes this replica drop what it has, so it must come from a later reign than any in
   * which its copy could still win: a primary never dials a backup that a view or an open claim of
   * its own names.
   */
  #outdates(hello: Hello): boolean {
    const copy = this.#copy;
    if (this.#phase === 'ended' || this.#phase === 'diverged') return false;
    if (copy === undefined) return hello.epoch >= this.#epoch;
    if (this.synced) return hello.epoch > this.#epoch;
    const claimed = copy.views.pending?.expect ?? asEpoch(0);
    if (hello.epoch <= claimed) return false;
    const again = hello.primary === copy.hello.primary && hello.epoch === this.#epoch;
    return again || hello.epoch > this.#epoch;
  }

  #greeted(hello: Hello, link: number, now: Millis, effects: BackupEffect[]): void {
    const reason = this.#outdates(hello)
      ? this.#options.refuses(hello)
      : `follows a primary of epoch ${this.#epoch} already`;
    if (reason !== undefined) {
      this.#send(link, { type: 'refuse', epoch: this.#epoch, reason }, effects);
      effects.push({ type: 'close', link, reason });
      return;
    }
    const old = this.#copy;
    if (old !== undefined) this.#reset(old, 'a newer primary dialled', effects);
    this.#epoch = hello.epoch;
    this.#phase = 'following';
    const detector = new FaultDetector(hello.detectMs);
    detector.start(now);
    this.#copy = {
      hello,
      link,
      views: new Views({ vm: hello.vm, newToken: this.#options.newToken }),
      detector,
      view: undefined,
      lsnReceived: asLsn(0),
      lsnReplayed: asLsn(0),
      stop: undefined,
      divergence: undefined,
    };
    effects.push({ type: 'open', hello });
    effects.push({ type: 'note', note: { type: 'following', peer: hello.primary } });
    const welcome = { type: 'welcome', epoch: this.#epoch, lsnReceived: asLsn(0) } as const;
    this.#send(link, welcome, effects);
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
      case 'frames':
        effects.push({ type: 'intake', bytes: message.bytes });
        return;
      case 'batch':
        effects.push({ type: 'append', batch: message.batch });
        effects.push({ type: 'forget', lsn: message.lsnReleased });
        return;
      case 'released':
        effects.push({ type: 'forget', lsn: message.lsnReleased });
        return;
      case 'view':
        if (!message.view.backups.includes(copy.hello.backup)) {
          this.#giveUp(copy, 'not in the view any more', effects);
        }
        return;
      case 'bye':
        this.#finish(copy.stop ?? message, effects);
        return;
      default:
        return;
    }
  }

  #logged(copy: Copy, event: BackupEvent & { type: 'logged' }, effects: BackupEffect[]): void {
    const wasSynced = this.synced;
    copy.lsnReceived = event.lastLsn;
    if (event.stop !== undefined) copy.stop = event.stop;
    if (event.view !== undefined) copy.view = event.view;
    effects.push({ type: 'ack' });
    if (copy.view !== undefined && this.synced && !wasSynced) {
      effects.push({ type: 'note', note: { type: 'synced', view: copy.view } });
    }
  }

  #expire(copy: Copy, now: Millis, effects: BackupEffect[]): void {
    if (this.#phase === 'deciding') {
      const question = copy.views.due(now);
      if (question !== undefined) effects.push({ type: 'ask', question });
      return;
    }
    const peer = copy.hello.primary;
    const verdict = copy.detector.check(now);
    if (verdict === 'tilted') effects.push({ type: 'note', note: { type: 'tilted', peer } });
    if (verdict === 'suspect') this.#suspect(copy, 'silent', now, effects);
  }

  /** Parts on its own accord. The link is closed first: an ack after the claim would be a lie. */
  #suspect(copy: Copy, reason: string, now: Millis, effects: BackupEffect[]): void {
    if (this.#phase !== 'following') return;
    effects.push({ type: 'close', link: copy.link, reason });
    this.#parted(copy, reason, now, effects);
  }

  #parted(copy: Copy, reason: string, now: Millis, effects: BackupEffect[]): void {
    if (this.#phase === 'diverged') {
      this.#fail(copy, effects);
      return;
    }
    if (this.#phase !== 'following') return;
    // The log has its end: what follows a deliberate stop is no failure.
    if (copy.stop !== undefined) {
      this.#finish(copy.stop, effects);
      return;
    }
    effects.push({ type: 'note', note: { type: 'suspected', peer: copy.hello.primary, reason } });
    this.#phase = 'deciding';
    if (copy.view === undefined) {
      this.#giveUp(copy, 'no complete log', effects);
      return;
    }
    if (this.synced) {
      this.#claim(copy, copy.view.epoch, now, effects);
      return;
    }
    // It may have been taken into a view it has not read of yet: only the arbiter knows.
    effects.push({ type: 'ask', question: copy.views.read(now) });
  }

  #claim(copy: Copy, expect: Epoch, now: Millis, effects: BackupEffect[]): void {
    const next = { epoch: asEpoch(expect + 1), primary: copy.hello.backup, backups: [] };
    effects.push({ type: 'ask', question: copy.views.claim(expect, next, now) });
  }

  #decide(copy: Copy, decision: Decision, now: Millis, effects: BackupEffect[]): void {
    if (decision.type === 'open') return;
    const { view } = decision;
    if (view !== undefined && view.epoch > this.#epoch) this.#epoch = view.epoch;
    if (decision.type === 'won') {
      this.#phase = 'ended';
      effects.push({ type: 'note', note: { type: 'claimed', view: decision.view } });
      effects.push({ type: 'promote', view: decision.view });
      return;
    }
    // A later view of the same primary that names this replica: the primary died before the view
    // record arrived. Its outputs have waited for this replica's acks since before it claimed that
    // view, so this copy lacks nothing that has left.
    const named = view?.backups.includes(copy.hello.backup) ?? false;
    if (view !== undefined && named && view.primary === copy.hello.primary) {
      this.#claim(copy, view.epoch, now, effects);
      return;
    }
    effects.push({ type: 'note', note: { type: 'lost', view } });
    this.#giveUp(copy, 'another replica is primary', effects);
  }

  #diverge(copy: Copy, event: BackupEvent & { type: 'diverged' }, effects: BackupEffect[]): void {
    const { lsn, report } = event;
    copy.divergence = { lsn, report };
    const peer = copy.hello.backup;
    effects.push({ type: 'note', note: { type: 'diverged', peer, lsn, report } });
    if (this.#phase !== 'following') {
      this.#fail(copy, effects);
      return;
    }
    this.#phase = 'diverged';
    this.#send(copy.link, { type: 'diverged', epoch: this.#epoch, lsn, report }, effects);
  }

  #fail(copy: Copy, effects: BackupEffect[]): void {
    this.#phase = 'ended';
    if (copy.divergence !== undefined) effects.push({ type: 'fail', ...copy.divergence });
  }

  #finish(stop: { readonly code: number; readonly reason: string }, effects: BackupEffect[]): void {
    this.#phase = 'ended';
    effects.push({ type: 'finish', code: stop.code, reason: stop.reason });
  }

  #giveUp(copy: Copy, reason: string, effects: BackupEffect[]): void {
    if (this.#phase === 'following') {
      this.#send(copy.link, { type: 'refuse', epoch: this.#epoch, reason }, effects);
    }
    this.#reset(copy, reason, effects);
  }

  #reset(copy: Copy, reason: string, effects: BackupEffect[]): void {
    if (this.#phase === 'following') effects.push({ type: 'close', link: copy.link, reason });
    copy.views.abandon();
    this.#copy = undefined;
    this.#phase = 'idle';
    effects.push({ type: 'reset', reason });
    effects.push({ type: 'note', note: { type: 'reset', reason } });
  }

  #send(link: number, message: Message, effects: BackupEffect[]): void {
    effects.push({ type: 'send', link, message });
  }
}
