/**
 * Who of the backups asks the arbiter first. Where outputs waited for all of them, each one holds
 * everything that has left and the order is mere preference: who ranks lower waits a little. Where a
 * quorum was enough, one alone may lack what others have, so they compare their logs first, and only
 * the most advanced of enough of them claims (as an election of Raft does with its votes; Ongaro 2014,
 * 3.6.1). Who has answered has parted from the old primary: nothing more can leave there by its acks.
 */

import { asMillis, type Epoch, type Lsn, type Millis } from '../../log-format/index.ts';
import { CLAIM_STAGGER_MS, POLL_RETRY_MS } from '../base/limits.ts';
import { type AckRule, electionQuorum } from './ack-level.ts';
import type { Message, ReplicaId, View } from './messages.ts';

export type Position = Message & { readonly type: 'position' };
export type ElectionStep = 'wait' | 'poll' | 'claim';

/** How far a log goes, as Raft compares logs: by the epoch of its last record, then by length. */
export interface Standing {
  readonly logEpoch: Epoch;
  readonly lsnReceived: Lsn;
}

export interface ElectionOptions {
  readonly self: ReplicaId;
  /** The newest in this replica's log, or a newer one that the arbiter has; names it as a backup. */
  readonly view: View;
  readonly rule: AckRule;
  /** Of this replica's log, whatever the arbiter says: a view that its primary never heard of tells nothing of logs. */
  readonly own: Standing;
  readonly now: Millis;
}

export class Election {
  readonly peers: readonly ReplicaId[];
  readonly #options: ElectionOptions;
  readonly #needed: number;
  readonly #positions = new Map<ReplicaId, Position>();
  #due: Millis;

  constructor(options: ElectionOptions) {
    const { self, view, rule, now } = options;
    const { backups } = view;
    this.#options = options;
    this.peers = backups.filter((peer) => peer !== self);
    this.#needed = electionQuorum(rule, backups.length) - 1;
    const rank = Math.max(0, backups.indexOf(self));
    this.#due = asMillis(this.#needed > 0 ? now : now + rank * CLAIM_STAGGER_MS);
  }

  /** The others are asked before one claims. */
  get polls(): boolean {
    return this.#needed > 0;
  }

  heard(position: Position): void {
    if (this.peers.includes(position.replica)) this.#positions.set(position.replica, position);
  }

  deadline(): Millis {
    return this.#due;
  }

  /** What to do at `now`: each `poll` asks everybody anew. */
  next(now: Millis): ElectionStep {
    if (this.polls && this.#elected) return 'claim';
    if (now < this.#due) return 'wait';
    if (!this.polls) return 'claim';
    this.#due = asMillis(now + POLL_RETRY_MS);
    return 'poll';
  }

  get #elected(): boolean {
    const { self, view, own } = this.#options;
    let answers = 0;
    for (const [peer, position] of this.#positions) {
      if (position.follows) continue;
      answers += 1;
      const order = compare(position, own);
      if (order > 0) return false;
      if (order === 0 && view.backups.indexOf(peer) < view.backups.indexOf(self)) return false;
    }
    return answers >= this.#needed;
  }
}

function compare(left: Standing, right: Standing): number {
  return left.logEpoch - right.logEpoch || left.lsnReceived - right.lsnReceived;
}
