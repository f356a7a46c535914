/** Which backups a primary should have, and what it does to have them: lost ones dialled, spares taken in. */

import { RECLONES_MAX } from '../base/limits.ts';
import type { Clock } from '../ports.ts';
import type { BackupSession } from '../protocol/backup-session.ts';
import type { ReplicaId } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import { notAnAddress } from './addresses.ts';
import { Allowance } from './allowance.ts';
import { Recruiter } from './recruiter.ts';
import { type FailedDial, Redials } from './redials.ts';
import type { PrimarySettings } from './worker-protocol.ts';

export interface RosterOptions {
  readonly clock: Clock;
  readonly settings: Pick<PrimarySettings, 'id' | 'spares' | 'rule'>;
  /** Backups the operator named, or those of the primary before this one. */
  readonly configured: readonly ReplicaId[];
  readonly sessions: () => readonly Pick<BackupSession, 'peer' | 'state' | 'hidden'>[];
  /** Opens a link, whose end is told by `closed`. False: it cannot join now. */
  readonly dial: (peer: ReplicaId) => boolean;
  /** It cannot be dialled at all. Ends in a note `refused`. */
  readonly refuse: (peer: ReplicaId, reason: string) => void;
}

/** States of a backup that has answered and is not lost. */
const PRESENT: ReadonlySet<string> = new Set(['streaming', 'catchingUp', 'gated']);

export class Roster {
  readonly #options: RosterOptions;
  readonly #redials: Redials;
  readonly #recruiter: Recruiter;
  readonly #forgiven = new Map<ReplicaId, Allowance>();

  constructor(options: RosterOptions) {
    const { clock, configured, settings } = options;
    this.#options = options;
    const dial = (peer: ReplicaId): boolean => this.#dial(peer);
    this.#redials = new Redials({ clock, chance: Math.random, configured, dial });
    this.#recruiter = new Recruiter({
      clock,
      spares: settings.spares.filter((spare) => spare !== settings.id),
      wanted: Math.max(1, settings.rule.quorum, configured.length),
      present: () => this.#present(),
      ask: (spare) => this.#redials.ask(spare),
      forget: (spare) => this.#redials.forget(spare),
    });
  }

  /** Dials `peer` now, or as soon as the protocol can take it. */
  add(peer: ReplicaId): void {
    if (peer !== this.#options.settings.id) this.#redials.ask(peer);
  }

  /** Spares that the view service knows, best first: taken in only where one is missing for a while. */
  offer(spares: readonly ReplicaId[]): void {
    this.#recruiter.offer(spares.filter((spare) => spare !== this.#options.settings.id));
  }

  /** A backup that was lost is welcome back, itself or a fresh process at its address. */
  closed(peer: ReplicaId, reason: string): void {
    this.#redials.closed(peer, reason);
  }

  /** Backups that are wanted and have no link, with the reason. */
  get failed(): readonly FailedDial[] {
    return this.#redials.failed;
  }

  noted(note: Note): void {
    switch (note.type) {
      case 'backupJoined':
        this.#redials.joined(note.peer);
        return;
      case 'refused':
        this.#redials.giveUp(note.peer, note.reason);
        return;
      case 'diverged':
        if (!this.#forgive(note.peer))
          this.#redials.giveUp(note.peer, 'its replay differed again and again');
        return;
      case 'suspected':
      case 'promoted':
        this.#recruiter.look();
        return;
      default:
    }
  }

  stop(): void {
    this.#recruiter.stop();
    this.#redials.stop();
  }

  #dial(peer: ReplicaId): boolean {
    const wrong = notAnAddress(peer);
    if (wrong === undefined) return this.#options.dial(peer);
    this.#options.refuse(peer, wrong);
    return false;
  }

  /** A backup that differs is made anew, a few times. */
  #forgive(peer: ReplicaId): boolean {
    const allowance = this.#forgiven.get(peer) ?? new Allowance(RECLONES_MAX);
    this.#forgiven.set(peer, allowance);
    return allowance.next();
  }

  /** Backups of the view, and those on their way into it. */
  #present(): readonly ReplicaId[] {
    return this.#options
      .sessions()
      .filter(({ state, hidden }) => !hidden && PRESENT.has(state))
      .map(({ peer }) => peer);
  }
}
