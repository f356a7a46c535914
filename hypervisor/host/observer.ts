/**
 * What the main thread of a replica knows of its life from the notes it hears: role, view, protection,
 * and how often what has happened. Decides nothing. Times are wall clock, in milliseconds, unless a
 * name says otherwise.
 */

import type { Micros } from '../../log-format/index.ts';
import { HEARTBEAT_INTERVAL_MS } from '../base/limits.ts';
import type { View } from '../protocol/messages.ts';
import type { Note } from '../protocol/notes.ts';
import { Distribution, SECONDS_BOUNDS } from '../replica/distribution.ts';
import type { TakenCheckpoint } from './checkpoint-store.ts';
import { FAILOVER_PHASES, type FailoverPhase, FailoverPhases } from './failover-phases.ts';

const seconds = (): Distribution => Distribution.own(SECONDS_BOUNDS);

export class Observer {
  #role: 'primary' | 'backup';
  #view: View | undefined;
  #live = false;
  #synced = false;
  #protectedSince: number | undefined;
  #unprotectedSince: number;
  readonly #phases = new FailoverPhases();
  readonly #joining = new Map<string, number>();
  /** When `peer` was lost, until it is back. */
  readonly #lost = new Map<string, { readonly at: number; readonly reason: string }>();

  readonly heartbeat: Distribution = seconds();
  heartbeatsMissed = 0;
  readonly transfer: Distribution = seconds();
  readonly checkpointPause: Distribution = seconds();
  checkpointBytes = 0;
  /** The last snapshot could not be kept. */
  checkpointFailing = false;
  /** The log was deleted while it is written. */
  logLost = false;
  readonly failover: Readonly<Record<FailoverPhase, Distribution>> = Object.fromEntries(
    FAILOVER_PHASES.map((phase) => [phase, seconds()]),
  ) as Record<FailoverPhase, Distribution>;
  failovers = 0;
  divergences = 0;
  /** From protected to running alone. */
  degradations = 0;
  backupsLost = 0;
  backupsRefused = 0;

  constructor(role: 'primary' | 'backup', now: number) {
    this.#role = role;
    this.#unprotectedSince = now;
  }

  get role(): 'primary' | 'backup' {
    return this.#role;
  }

  get epoch(): number {
    return this.#view?.epoch ?? 0;
  }

  get view(): View | undefined {
    return this.#view;
  }

  /** A primary that may let outputs out. */
  get live(): boolean {
    return this.#live;
  }

  /** A backup that is in the view its log has reached. */
  get synced(): boolean {
    return this.#synced;
  }

  /** The log of this guest is on another replica, or on this one if it is a backup. */
  get protection(): { readonly protected: boolean; readonly since: number } {
    return this.#protectedSince === undefined
      ? { protected: false, since: this.#unprotectedSince }
      : { protected: true, since: this.#protectedSince };
  }

  /** Backups that were lost and are not back, newest last. */
  get lost(): readonly { readonly peer: string; readonly at: number; readonly reason: string }[] {
    return [...this.#lost].map(([peer, { at, reason }]) => ({ peer, at, reason }));
  }

  get lastFailover(): FailoverPhases['result'] {
    return this.#phases.result;
  }

  /** `at`: wall clock. */
  note(note: Note, at: Micros): void {
    const now = at / 1000;
    const ended = this.#phases.note(note, now);
    if (ended !== undefined) this.failover[ended.phase].observe(ended.ms / 1000);
    if ('view' in note && note.view !== undefined) this.#view = note.view;
    if (this.#role === 'backup') this.#backupNote(note, now);
    else this.#primaryNote(note, now);
    if (note.type === 'diverged') this.divergences += 1;
  }

  /** A backup: the primary has given a sign of life. */
  heard(now: number): void {
    this.#phases.heard(now);
  }

  /** A heartbeat was answered. */
  beat(roundTripMs: number): void {
    this.heartbeat.observe(roundTripMs / 1000);
    if (roundTripMs > HEARTBEAT_INTERVAL_MS) this.heartbeatsMissed += 1;
  }

  checkpoint({ bytes, pauseMs }: Pick<TakenCheckpoint, 'bytes' | 'pauseMs'>): void {
    this.checkpointPause.observe(pauseMs / 1000);
    this.checkpointBytes = bytes;
  }

  /** What is told of by event only. */
  event(evt: string): void {
    if (evt === 'log.lost') this.logLost = true;
    if (evt === 'checkpoint.failed') this.checkpointFailing = true;
    if (evt === 'checkpoint.again') this.checkpointFailing = false;
  }

  #backupNote(note: Note, now: number): void {
    // Whatever is followed from here on is written to a file that was there or is new.
    if (note.type === 'following') this.logLost = false;
    if (note.type === 'synced') {
      if (!this.#synced) this.#protect(now);
      this.#synced = true;
    }
    if (note.type === 'reset' || note.type === 'parted') {
      this.#synced = false;
      this.#expose(now);
    }
    // Whether it is a failover is known once the view is won; until then nothing has changed.
    if (note.type !== 'promoted') return;
    this.#role = 'primary';
    this.#synced = false;
    this.#live = true;
    this.failovers += 1;
    this.#expose(now);
    if (note.view.backups.length > 0) this.#protect(now);
  }

  #primaryNote(note: Note, now: number): void {
    switch (note.type) {
      case 'primaryLive':
      case 'resumed':
        this.#live = true;
        return;
      case 'joining':
        this.#joining.set(note.peer, now);
        return;
      case 'backupJoined': {
        const began = this.#joining.get(note.peer);
        if (began !== undefined) this.transfer.observe((now - began) / 1000);
        this.#joining.delete(note.peer);
        this.#lost.delete(note.peer);
        return;
      }
      case 'protected':
        this.#protect(now);
        return;
      case 'unprotected':
        // One that goes on without a backup has not lost it in this life.
        if (this.#protectedSince !== undefined) this.degradations += 1;
        this.#expose(now);
        return;
      case 'suspected':
        this.#joining.delete(note.peer);
        // Redials of a dead host are no further losses, and who was never there cannot be lost.
        if (this.#lost.has(note.peer) || !this.#view?.backups.includes(note.peer)) return;
        this.backupsLost += 1;
        this.#lost.set(note.peer, { at: now, reason: note.reason });
        return;
      case 'refused':
        this.backupsRefused += 1;
        return;
      case 'fenced':
      case 'handedOver':
        this.#live = false;
        return;
      default:
    }
  }

  #protect(now: number): void {
    this.#protectedSince = now;
  }

  #expose(now: number): void {
    if (this.#protectedSince === undefined) return;
    this.#protectedSince = undefined;
    this.#unprotectedSince = now;
  }
}
