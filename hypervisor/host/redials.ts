/**
 * Whom a primary dials, and when: one dial or one timer an address, however often and by whomever it is
 * asked for. A lost backup is dialled for as long as the primary lives, itself or a fresh process at its
 * address; only one that refused, or whose replay keeps differing, has to ask.
 */

import { asMillis, type Millis } from '../../log-format/index.ts';
import {
  REDIAL_GIVEN_UP_MS,
  REDIAL_JITTER,
  REDIAL_MS,
  REDIAL_MS_MAX,
  REDIALS_MAX,
} from '../base/limits.ts';
import type { Clock, TimerHandle } from '../ports.ts';
import type { ReplicaId } from '../protocol/messages.ts';

export interface RedialsOptions {
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly chance: () => number;
  /** Opens a link; its end is told by `closed`, also during the call. False: it cannot join now. */
  readonly dial: (peer: ReplicaId) => boolean;
  /** Named by the operator: never forgotten. */
  readonly configured: readonly ReplicaId[];
}

/** An address that is dialled, or no more, and has no link now. */
export interface FailedDial {
  readonly peer: ReplicaId;
  /** Why the last link to it ended, or never came. */
  readonly reason: string;
  /** Links that ended since it was in a view. */
  readonly tries: number;
  /** It is not dialled any more unless somebody asks. */
  readonly givenUp: boolean;
}

interface Entry {
  attempt: number;
  tries: number;
  reason: string | undefined;
  dialledAt: Millis | undefined;
  /** A link is open, or being opened. */
  linked: boolean;
  givenUp: boolean;
  timer: TimerHandle | undefined;
}

export class Redials {
  readonly #options: RedialsOptions;
  readonly #entries = new Map<ReplicaId, Entry>();
  #over = false;

  constructor(options: RedialsOptions) {
    this.#options = options;
  }

  /** Somebody wants `peer` to be dialled: itself, the operator, or the view service. */
  ask(peer: ReplicaId): void {
    if (this.#over) return;
    const entry = this.#entry(peer);
    if (entry.linked || (entry.givenUp && entry.timer !== undefined)) return;
    const pause = entry.givenUp ? REDIAL_GIVEN_UP_MS : REDIAL_MS;
    const at = entry.dialledAt === undefined ? 0 : entry.dialledAt + pause;
    this.#dialAt(peer, entry, asMillis(Math.max(at, this.#options.clock.now())));
  }

  /** What keeps replicas away that somebody wants to be here. */
  get failed(): readonly FailedDial[] {
    const failed: FailedDial[] = [];
    for (const [peer, { linked, reason, tries, givenUp }] of this.#entries)
      if (!linked && reason !== undefined) failed.push({ peer, reason, tries, givenUp });
    return failed;
  }

  /** The link to `peer` is gone, or never came. */
  closed(peer: ReplicaId, reason: string): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined || this.#over) return;
    entry.linked = false;
    entry.tries += 1;
    // What it said when it refused tells more than that it hung up then.
    entry.reason ??= reason;
    const lived = this.#options.clock.now() - (entry.dialledAt ?? 0);
    if (lived > REDIAL_MS_MAX) entry.attempt = 0;
    if (!entry.givenUp) this.#later(peer, entry);
  }

  /** It is in the view: whatever comes later is a new story. */
  joined(peer: ReplicaId): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    entry.attempt = 0;
    entry.tries = 0;
    entry.reason = undefined;
    entry.givenUp = false;
  }

  /** It refused, or differs again and again: it is not dialled any more unless somebody asks. */
  giveUp(peer: ReplicaId, reason: string): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    entry.givenUp = true;
    entry.reason = reason;
    entry.timer?.cancel();
    entry.timer = undefined;
  }

  /**
   * Nobody wants it any more. A link that is open stays, and is not dialled again when it ends. That it was
   * given up is remembered.
   */
  forget(peer: ReplicaId): void {
    if (this.#entries.get(peer)?.givenUp !== true) this.#remove(peer);
  }

  #remove(peer: ReplicaId): void {
    this.#entries.get(peer)?.timer?.cancel();
    this.#entries.delete(peer);
  }

  stop(): void {
    this.#over = true;
    for (const { timer } of this.#entries.values()) timer?.cancel();
    this.#entries.clear();
  }

  #dial(peer: ReplicaId, entry: Entry): void {
    entry.linked = true;
    entry.reason = undefined;
    entry.dialledAt = this.#options.clock.now();
    if (this.#options.dial(peer) || this.#over) return;
    entry.linked = false;
    if (entry.timer === undefined && !entry.givenUp) this.#later(peer, entry);
  }

  #later(peer: ReplicaId, entry: Entry): void {
    const { clock, chance } = this.#options;
    const full = Math.min(REDIAL_MS * 2 ** entry.attempt, REDIAL_MS_MAX);
    entry.attempt += 1;
    this.#dialAt(peer, entry, asMillis(clock.now() + full * (1 - REDIAL_JITTER * chance())));
  }

  /** Never a second timer, and never a dial that is later than one already due. */
  #dialAt(peer: ReplicaId, entry: Entry, at: Millis): void {
    entry.timer?.cancel();
    entry.timer = undefined;
    if (at <= this.#options.clock.now()) {
      this.#dial(peer, entry);
      return;
    }
    entry.timer = this.#options.clock.setTimer(at, () => {
      entry.timer = undefined;
      this.#dial(peer, entry);
    });
  }

  #entry(peer: ReplicaId): Entry {
    const known = this.#entries.get(peer);
    if (known !== undefined) return known;
    this.#makeRoom();
    const entry: Entry = {
      attempt: 0,
      tries: 0,
      reason: undefined,
      dialledAt: undefined,
      linked: false,
      givenUp: false,
      timer: undefined,
    };
    this.#entries.set(peer, entry);
    return entry;
  }

  /** Backups that come back at another port every time leave an address behind each time. */
  #makeRoom(): void {
    if (this.#entries.size < REDIALS_MAX) return;
    let oldest: ReplicaId | undefined;
    for (const [peer, { linked, dialledAt }] of this.#entries) {
      if (linked || this.#options.configured.includes(peer)) continue;
      const before = oldest === undefined ? Infinity : (this.#entries.get(oldest)?.dialledAt ?? 0);
      if ((dialledAt ?? 0) < before) oldest = peer;
    }
    if (oldest !== undefined) this.#remove(oldest);
  }
}
