/**
 * What a primary and its backups say to each other: greeting, state transfer, batches, acks, goodbyes.
 * It knows what every backup has; what follows from that for outputs and views is the core's to decide.
 */

import {
  asLsn,
  type EncodedBatch,
  type Epoch,
  type Lsn,
  type Millis,
} from '../../log-format/index.ts';
import { WINDOW_BYTES_MAX } from '../base/limits.ts';
import { type AckLevel, needsReplay } from './ack-level.ts';
import { BackupSession, type Welcome } from './backup-session.ts';
import { BackupSessions } from './backup-sessions.ts';
import type { Message, ReplicaId, View } from './messages.ts';
import type { PrimaryEffect, PrimaryEvent } from './primary-events.ts';
import { Verifier } from './verifier.ts';

/** What the core knows and this file has to ask for. */
export interface ReplicationFacts {
  readonly detectMs: number;
  readonly level: AckLevel;
  readonly hello: (backup: ReplicaId, epoch: Epoch) => Message;
  view(): View;
  lsnAppended(): Lsn;
  lsnReleased(): Lsn;
  /** The view in force, or one that may be, names this backup. */
  named(peer: ReplicaId): boolean;
}

export class Replication<T> {
  readonly sessions: BackupSessions;
  readonly verifier: Verifier = new Verifier();
  readonly #facts: ReplicationFacts;
  /** The newest end of a group, appended or not, and the one before. */
  #lsnEnded: Lsn = asLsn(0);
  #lsnEndedBefore: Lsn = asLsn(0);

  constructor(facts: ReplicationFacts) {
    this.#facts = facts;
    this.sessions = new BackupSessions((peer) => facts.named(peer));
    // A guest that waits for its first backup has ended no group, and put nothing out: that is confirmed.
    if (facts.level === 'verified' && facts.lsnAppended() === 0) this.verifier.ended(asLsn(0), 0);
  }

  greet(peer: ReplicaId, now: Millis, effects: PrimaryEffect<T>[]): void {
    const options = { detectMs: this.#facts.detectMs, now, level: this.#facts.level };
    this.sessions.add(new BackupSession(peer, options));
    this.#send(peer, this.#facts.hello(peer, this.#facts.view().epoch), effects);
  }

  hear(peer: ReplicaId, message: Message, now: Millis, effects: PrimaryEffect<T>[]): void {
    const session = this.sessions.get(peer);
    if (session === undefined || session.state === 'lost') return;
    session.detector.heard(now);
    if (message.type === 'refuse') {
      effects.push({ type: 'note', note: { type: 'refused', peer, reason: message.reason } });
      this.lose(peer, `refused: ${message.reason}`, effects);
      return;
    }
    // An ack of an earlier view must not release an output of this one. Nothing is lost by it: the
    // view record of this epoch is on its way, and its ack covers all before it.
    if (message.epoch !== this.#facts.view().epoch) return;
    switch (message.type) {
      case 'welcome':
        this.#welcomed(session, message, now, effects);
        return;
      case 'ack': {
        if (!session.live) {
          session.early(message);
          return;
        }
        const verdict = session.acked(message, now, (lsn) => this.verifier.outputsCrc(lsn));
        if (verdict === 'untrue') this.lose(peer, 'acknowledged what was never sent', effects);
        if (verdict === 'differs') this.#differs(peer, message.lsnReplayed, effects);
        return;
      }
      case 'diverged': {
        const { lsn, report } = message;
        effects.push({ type: 'note', note: { type: 'diverged', peer, lsn, report } });
        // It is told the outcome: it must not take the close for a death of the primary.
        this.lose(peer, 'diverged', effects, { linked: true });
        return;
      }
      default:
    }
  }

  #welcomed(
    session: BackupSession,
    welcome: Welcome,
    now: Millis,
    effects: PrimaryEffect<T>[],
  ): void {
    const { peer } = session;
    const { lsnReceived } = welcome;
    const reason = this.#unwelcome(session, welcome);
    if (reason !== undefined) {
      this.lose(peer, reason, effects);
      return;
    }
    session.welcomed(welcome, now);
    effects.push({ type: 'stream', peer, from: lsnReceived });
    effects.push({ type: 'note', note: { type: 'joining', peer } });
  }

  #unwelcome(session: BackupSession, welcome: Welcome): string | undefined {
    if (session.state !== 'greeting') return 'a second welcome';
    if (welcome.lsnReceived > this.#facts.lsnAppended()) return 'has more of the log than there is';
    if (welcome.cold && !welcome.hidden && needsReplay(this.#facts.level))
      return 'runs nothing, and outputs wait for its replay';
    return undefined;
  }

  /** Its outputs have another hash: it may be the primary that is wrong, but nobody can tell. */
  #differs(peer: ReplicaId, lsn: Lsn, effects: PrimaryEffect<T>[]): void {
    const report = `its outputs up to lsn ${lsn} have another hash`;
    effects.push({ type: 'note', note: { type: 'diverged', peer, lsn, report } });
    this.lose(peer, 'diverged', effects, { linked: true });
  }

  streamed(event: PrimaryEvent<T> & { type: 'streamed' }, effects: PrimaryEffect<T>[]): void {
    const session = this.sessions.get(event.peer);
    if (session === undefined || session.state !== 'streaming') return;
    if (event.failure !== undefined) {
      this.lose(event.peer, `log not streamed: ${event.failure}`, effects);
      return;
    }
    const target = { lsnReceived: this.#facts.lsnAppended(), lsnReached: this.#lsnJoined };
    for (const batch of session.streamed(event.lastLsn, target)) {
      this.#sendBatch(session, batch, event.now, effects);
    }
    // The last ack of an idle guest may have come before the stream was known to be over.
    const early = session.takeEarly();
    if (early !== undefined) this.hear(event.peer, early, event.now, effects);
  }

  /** What a newcomer has to reach at the run's level: of a group without its end nothing can be replayed. */
  get #lsnJoined(): Lsn {
    const lsnAppended = this.#facts.lsnAppended();
    if (!needsReplay(this.#facts.level)) return lsnAppended;
    return this.#lsnEnded <= lsnAppended ? this.#lsnEnded : this.#lsnEndedBefore;
  }

  ship(batch: EncodedBatch, now: Millis, effects: PrimaryEffect<T>[]): void {
    for (const session of this.sessions.all()) {
      if (session.state === 'streaming') session.keep(batch);
      else if (session.live) this.#sendBatch(session, batch, now, effects);
      // One that is needed throttles the guest; one that is not costs memory only and has to go.
      if (session.pendingBytes > WINDOW_BYTES_MAX && !this.sessions.needed(session)) {
        this.lose(session.peer, 'joins more slowly than the guest writes', effects);
      }
    }
  }

  #sendBatch(
    session: BackupSession,
    batch: EncodedBatch,
    now: Millis,
    effects: PrimaryEffect<T>[],
  ): void {
    const { epoch } = this.#facts.view();
    const lsnReleased = this.#facts.lsnReleased();
    session.shipped(batch, now);
    session.lsnReleasedSent = lsnReleased;
    this.#send(session.peer, { type: 'batch', epoch, lsnReleased, batch }, effects);
  }

  lose(
    peer: ReplicaId,
    reason: string,
    effects: PrimaryEffect<T>[],
    options: { readonly linked?: boolean } = {},
  ): void {
    const session = this.sessions.get(peer);
    if (session === undefined) return;
    if (session.linked && options.linked === undefined) {
      effects.push({ type: 'close', peer, reason });
    }
    if (session.state !== 'lost') {
      effects.push({ type: 'note', note: { type: 'suspected', peer, reason } });
    }
    session.lose({ linked: options.linked ?? false });
    if (!this.#facts.named(peer)) this.#forget(session, effects);
  }

  #forget(session: BackupSession, effects: PrimaryEffect<T>[]): void {
    const { peer } = session;
    this.sessions.delete(peer);
    if (!session.linked) return;
    this.#send(
      peer,
      { type: 'view', epoch: this.#facts.view().epoch, view: this.#facts.view() },
      effects,
    );
    effects.push({ type: 'close', peer, reason: 'not in the view' });
  }

  /**
   * `verifies`: a commit waits for the backups' hashes. Where nobody does none are kept, not even old
   * ones: they would be taken for those of what comes behind them.
   */
  groupEnded(
    end: { readonly lsn: Lsn; readonly outputsCrc: number },
    { verifies }: { readonly verifies: boolean },
  ): void {
    this.#lsnEndedBefore = this.#lsnEnded;
    this.#lsnEnded = end.lsn;
    if (verifies || this.#facts.level === 'verified') this.verifier.ended(end.lsn, end.outputsCrc);
    else this.verifier.clear();
  }

  forgetHashes(): void {
    if (!this.verifier.empty) this.verifier.forget(this.sessions.lowestReplayed());
  }

  /** `undefined`: nothing waits for them. */
  askDisks(lsn: Lsn | undefined, effects: PrimaryEffect<T>[]): void {
    if (lsn === undefined) return;
    for (const session of this.sessions.all())
      if (session.live) this.askDisk(session.peer, lsn, effects);
  }

  askDisk(peer: ReplicaId, lsn: Lsn, effects: PrimaryEffect<T>[]): void {
    this.#send(peer, { type: 'sync', epoch: this.#facts.view().epoch, lsn }, effects);
  }

  /** Tells those who have not been told what has left. */
  tellReleased(effects: PrimaryEffect<T>[]): void {
    const { epoch } = this.#facts.view();
    for (const { peer, message } of this.sessions.news(epoch, this.#facts.lsnReleased()))
      this.#send(peer, message, effects);
  }

  /** Gives up whoever should have been heard of by now. */
  expire(now: Millis, effects: PrimaryEffect<T>[]): void {
    for (const { peer, verdict } of this.sessions.overdue(now)) {
      if (verdict === 'tilted') effects.push({ type: 'note', note: { type: 'tilted', peer } });
      else this.lose(peer, verdict, effects);
    }
  }

  /** A view has been decided: who is lost and not in it has no place here any more. */
  viewChanged(effects: PrimaryEffect<T>[]): void {
    for (const session of this.sessions.all())
      if (session.state === 'lost' && !this.#facts.named(session.peer))
        this.#forget(session, effects);
  }

  /** The last word to everybody who can still hear it. */
  tellAll(message: Message, effects: PrimaryEffect<T>[]): void {
    for (const { peer, linked } of this.sessions.all())
      if (linked) this.#send(peer, message, effects);
  }

  #send(peer: ReplicaId, message: Message, effects: PrimaryEffect<T>[]): void {
    effects.push({ type: 'send', peer, message });
  }
}
