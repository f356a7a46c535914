/**
 * A planned change of the primary, step by step: the guest stands still, its outputs leave, one backup
 * has replayed everything and has it on its disk, and only then the arbiter makes that backup the primary.
 * Nothing is lost or sent twice, because nothing is under way when the view changes.
 *
 * The disk is asked when the guest stands still, so that somebody has to answer: a host that has died
 * without a word has acknowledged everything, too, and may come back with less.
 */

import { asMillis, type Lsn, type Millis } from '../../log-format/index.ts';
import { SWITCHOVER_TIMEOUT_MS } from '../base/limits.ts';
import type { AckRule } from './ack-level.ts';
import type { BackupSession } from './backup-session.ts';
import type { BackupSessions } from './backup-sessions.ts';
import type { ReplicaId, View } from './messages.ts';
import { lacksBackups } from './release-limit.ts';
import { aloneAfter } from './view-change.ts';
import type { Question, Views } from './views.ts';

export type SwitchoverStep =
  | { readonly type: 'wait' }
  /** The target is to say that its disk has everything. */
  | { readonly type: 'sync' }
  | { readonly type: 'ask'; readonly question: Question }
  | { readonly type: 'failed'; readonly reason: string };

const WAIT: SwitchoverStep = { type: 'wait' };

export interface SwitchoverFacts {
  readonly now: Millis;
  readonly view: View;
  readonly sessions: BackupSessions;
  /** Outputs in the gate. */
  readonly held: number;
  readonly lsnAppended: Lsn;
  /** Where the arbiter is asked; nothing is while another question is open. */
  readonly views: Views;
}

export class Switchover {
  readonly target: ReplicaId;
  readonly #by: Millis;
  #paused = false;
  #arbiter: 'unknown' | 'asked' | 'answers' = 'unknown';
  /** What the target's disk was asked for last, and how many acks had come before. */
  #synced: { readonly lsn: Lsn; readonly acks: number } | undefined;
  /** The claim is made: from here on only the arbiter says how it ends. */
  #claimed = false;

  constructor(target: ReplicaId, now: Millis) {
    this.target = target;
    this.#by = asMillis(now + SWITCHOVER_TIMEOUT_MS);
  }

  /** The guest stands still. */
  get still(): boolean {
    return this.#arbiter === 'answers';
  }

  get claimed(): boolean {
    return this.#claimed;
  }

  paused(): void {
    this.#paused = true;
  }

  /** The arbiter has answered: a claim will be decided soon, and the guest does not stand still for long. */
  probed(): void {
    this.#arbiter = 'answers';
  }

  deadline(): Millis | undefined {
    return this.#claimed ? undefined : this.#by;
  }

  /** What to do now. The arbiter is read once, the target's disk asked once for each end of the log. */
  next(facts: SwitchoverFacts): SwitchoverStep {
    if (this.#claimed) return WAIT;
    const { view, views, lsnAppended, now } = facts;
    const session = facts.sessions.get(this.target);
    if (session?.state !== 'gated' || !view.backups.includes(this.target))
      return { type: 'failed', reason: `${this.target} is no backup in step any more` };
    if (now >= this.#by) {
      const what = this.#arbiter === 'asked' ? 'the arbiter' : this.target;
      return { type: 'failed', reason: `${what} was not ready in time` };
    }
    if (views.asking) return WAIT;
    if (this.#arbiter === 'unknown') {
      this.#arbiter = 'asked';
      return { type: 'ask', question: views.read(now) };
    }
    if (this.#arbiter !== 'answers' || !this.#paused) return WAIT;
    if (this.#synced === undefined || this.#synced.lsn < lsnAppended) {
      this.#synced = { lsn: lsnAppended, acks: session.acks };
      return { type: 'sync' };
    }
    if (facts.held > 0 || !this.#isReady(session, lsnAppended)) return WAIT;
    this.#claimed = true;
    const next = aloneAfter(view.epoch, this.target);
    return { type: 'ask', question: views.claim(view.epoch, next, now) };
  }

  #isReady(session: BackupSession, lsn: Lsn): boolean {
    if (session.window.lsnReplayed < lsn || session.lsnDurable < lsn) return false;
    return session.acks > (this.#synced?.acks ?? Infinity);
  }
}

/** Whom to hand over to, if that is possible: `to`, or who is nearest. */
export function switchoverTarget(
  to: ReplicaId | undefined,
  view: View,
  sessions: BackupSessions,
  rule: AckRule,
): { readonly peer: ReplicaId; readonly failed: string | undefined } {
  const peer = to ?? nearest(view, sessions);
  if (peer === undefined) return { peer: '', failed: 'there is no backup in step' };
  if (lacksBackups(rule, view))
    return { peer, failed: 'outputs are held until there are more backups' };
  const able = sessions.get(peer)?.state === 'gated' && view.backups.includes(peer);
  return { peer, failed: able ? undefined : `${peer} is no backup in step` };
}

/** The backup to hand over to: one that can run, of the highest rank, then the nearest to the end. */
function nearest(view: View, sessions: BackupSessions): ReplicaId | undefined {
  const able: BackupSession[] = [];
  for (const peer of view.backups) {
    const session = sessions.get(peer);
    if (session?.state === 'gated' && !session.cold) able.push(session);
  }
  able.sort(
    (left, right) =>
      right.priority - left.priority || right.window.lsnReplayed - left.window.lsnReplayed,
  );
  return able[0]?.peer;
}
