/**
 * Takes in spares where backups are missing, those that the view service offers and those that the operator
 * named (`--spare`): one at a time, and the next one when that does not come. A backup that was lost, or is
 * only about to join, has a moment to come first.
 */

import { asMillis } from '../../log-format/index.ts';
import { RECRUIT_MS } from '../base/limits.ts';
import type { Clock, TimerHandle } from '../ports.ts';
import type { ReplicaId } from '../protocol/messages.ts';

export interface RecruiterOptions {
  readonly clock: Clock;
  /** Named by the operator. */
  readonly spares: readonly ReplicaId[];
  /** How many backups there should be. */
  readonly wanted: number;
  /** Those there are, and those on their way into the view. */
  readonly present: () => readonly ReplicaId[];
  readonly ask: (spare: ReplicaId) => void;
  /** It is not wanted any more: another one is asked. */
  readonly forget: (spare: ReplicaId) => void;
}

export class Recruiter {
  readonly #options: RecruiterOptions;
  /** Idle and alive, says the view service. */
  #offered: readonly ReplicaId[] = [];
  /** Those that had their turn since the last one was missing. */
  readonly #tried = new Set<ReplicaId>();
  #timer: TimerHandle | undefined;
  #asked: ReplicaId | undefined;

  constructor(options: RecruiterOptions) {
    this.#options = options;
  }

  /** The view service knows these, best first. They replace those of the last offer. */
  offer(spares: readonly ReplicaId[]): void {
    this.#offered = spares;
    this.look();
  }

  /** A backup is lost, or there is a new primary. */
  look(): void {
    const { clock } = this.#options;
    if (this.#candidates.length === 0) return;
    this.#timer ??= clock.setTimer(asMillis(clock.now() + RECRUIT_MS), () => {
      this.#timer = undefined;
      this.#recruit();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  get #candidates(): readonly ReplicaId[] {
    const { spares } = this.#options;
    return [...this.#offered, ...spares.filter((spare) => !this.#offered.includes(spare))];
  }

  #recruit(): void {
    const { wanted, ask, forget } = this.#options;
    const present = this.#options.present();
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked !== undefined && !present.includes(asked)) forget(asked);
    if (present.length >= wanted) {
      this.#tried.clear();
      // By the next time they may be dead: the service will say.
      this.#offered = [];
      return;
    }
    const idle = this.#candidates.filter((one) => !present.includes(one));
    if (idle.every((one) => this.#tried.has(one))) this.#tried.clear();
    const spare = idle.find((one) => !this.#tried.has(one));
    if (spare === undefined) return;
    this.#tried.add(spare);
    this.#asked = spare;
    ask(spare);
    this.look();
  }
}
