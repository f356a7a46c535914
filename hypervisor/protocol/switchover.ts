/**
 * A planned change of the primary, step by step: the guest stands still, its outputs leave, one backup
 * has replayed everything, and only then the arbiter makes that backup the primary. Nothing is lost or
 * sent twice, because nothing is under way when the view changes.
 */

import { asMillis, type Lsn, type Millis } from '../../log-format/index.ts';
import { SWITCHOVER_TIMEOUT_MS } from '../base/limits.ts';
import type { BackupSession } from './backup-session.ts';
import type { BackupSessions } from './backup-sessions.ts';
import type { ReplicaId, View } from './messages.ts';

export type SwitchoverStep = 'wait' | 'probe' | 'claim' | { readonly failed: string };

export interface SwitchoverFacts {
  readonly now: Millis;
  readonly view: View;
  readonly sessions: BackupSessions;
  /** Outputs in the gate. */
  readonly held: number;
  readonly lsnAppended: Lsn;
  /** No claim is open. */
  readonly decided: boolean;
}

export class Switchover {
  readonly target: ReplicaId;
  readonly #by: Millis;
  #paused = false;
  #arbiter: 'unknown' | 'asked' | 'answers' = 'unknown';
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

  /** What to do now; `probe` and `claim` are said once. */
  next(facts: SwitchoverFacts): SwitchoverStep {
    if (this.#claimed) return 'wait';
    const session = facts.sessions.get(this.target);
    if (session?.state !== 'gated' || !facts.view.backups.includes(this.target))
      return { failed: `${this.target} is no backup in step any more` };
    if (facts.now >= this.#by) {
      const what = this.#arbiter === 'asked' ? 'the arbiter' : this.target;
      return { failed: `${what} was not ready in time` };
    }
    if (this.#arbiter === 'unknown' && facts.decided) {
      this.#arbiter = 'asked';
      return 'probe';
    }
    if (this.#arbiter !== 'answers' || !this.#paused || !facts.decided || facts.held > 0)
      return 'wait';
    if (session.window.lsnReplayed < facts.lsnAppended) return 'wait';
    this.#claimed = true;
    return 'claim';
  }
}

/** Whom to hand over to, if that is possible: `to`, or who is nearest. */
export function switchoverTarget(
  to: ReplicaId | undefined,
  view: View,
  sessions: BackupSessions,
): { readonly peer: ReplicaId; readonly failed: string | undefined } {
  const peer = to ?? nearest(view, sessions);
  if (peer === undefined) return { peer: '', failed: 'there is no backup in step' };
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
