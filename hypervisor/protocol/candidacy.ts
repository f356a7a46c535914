/**
 * A backup's way to a decision once its primary is gone: compare with the other backups where that is
 * needed (election.ts), then ask the arbiter (views.ts). While it compares, it reads the view as well:
 * the primary may have left the others out before it died, and then nobody need wait for them.
 */

import { asEpoch, asMillis, type Epoch, type Millis } from '../../log-format/index.ts';
import { PARTED_READ_MS } from '../base/limits.ts';
import type { AckRule } from './ack-level.ts';
import type { BackupEffect } from './backup-events.ts';
import { earliest } from './deadlines.ts';
import { Election, type Position, type Standing } from './election.ts';
import type { ArbiterAnswer, ReplicaId, View } from './messages.ts';
import { type Decision, Views } from './views.ts';

export interface CandidacyOptions {
  readonly vm: string;
  readonly self: ReplicaId;
  readonly rule: AckRule;
  readonly newToken: () => string;
}

export class Candidacy {
  readonly #options: CandidacyOptions;
  readonly #views: Views;
  #election: Election | undefined;
  /** The view that is to be followed by its own. */
  #after: Epoch | undefined;
  /** When the view is to be read again. */
  #readAt: Millis | undefined;

  constructor(options: CandidacyOptions) {
    this.#options = options;
    this.#views = new Views(options);
  }

  /** Epoch an open claim follows; undefined: none is open. */
  get claimed(): Epoch | undefined {
    return this.#views.pending?.expect;
  }

  /** Epoch of the view in which it stands; undefined: it has not begun, or its claim is open. */
  get standing(): Epoch | undefined {
    return this.#election === undefined ? undefined : this.#after;
  }

  /** It may have been taken into a view it has not read of yet: only the arbiter knows. */
  read(now: Millis, effects: BackupEffect[]): void {
    this.#readAt = undefined;
    effects.push({ type: 'ask', question: this.#views.read(now) });
  }

  /**
   * It is in no view that it has read of. One that takes it in may have been claimed by a primary that died before
   * the claim reached the arbiter: then nobody but this replica can go on, and nobody tells it.
   */
  readLater(now: Millis): void {
    this.#readAt = asMillis(now + PARTED_READ_MS);
  }

  /** `view` names this replica, and nothing has left that it could lack but by a quorum of others. */
  stand(view: View, own: Standing, now: Millis, effects: BackupEffect[]): void {
    const { self, rule } = this.#options;
    this.#election = new Election({ self, view, rule, own, now });
    this.#after = view.epoch;
    if (this.#election.polls)
      effects.push({ type: 'note', note: { type: 'polling', peers: this.#election.peers } });
  }

  heard(position: Position): void {
    this.#election?.heard(position);
  }

  /** Does what is due. `epoch`: the highest heard of. */
  advance(now: Millis, epoch: Epoch, effects: BackupEffect[]): void {
    const question = this.#views.due(now);
    if (question !== undefined) effects.push({ type: 'ask', question });
    if (this.#readAt !== undefined && now >= this.#readAt) this.read(now, effects);
    const step = this.#election?.next(now);
    if (step === undefined || step === 'wait') return;
    const { vm, self } = this.#options;
    if (step === 'poll') {
      const peers = this.#election?.peers ?? [];
      effects.push({ type: 'poll', peers, message: { type: 'poll', epoch, vm, candidate: self } });
      if (!this.#views.asking) this.read(now, effects);
      return;
    }
    this.#election = undefined;
    this.#views.abandon();
    const after = this.#after ?? asEpoch(0);
    const next: View = { epoch: asEpoch(after + 1), primary: self, backups: [] };
    effects.push({ type: 'ask', question: this.#views.claim(after, next, now) });
  }

  answer(token: string, answer: ArbiterAnswer, now: Millis): Decision {
    return this.#views.answer(token, answer, now);
  }

  deadline(): Millis | undefined {
    return earliest(this.#election?.deadline(), this.#views.deadline(), this.#readAt);
  }

  /** Only for a candidate that has learnt that it cannot win, or has won. */
  abandon(): void {
    this.#views.abandon();
    this.#election = undefined;
    this.#readAt = undefined;
  }
}
