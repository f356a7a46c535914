/** What follows when the replica that `hv up` has started ends. Pure. */

import { constants } from 'node:os';
import { EXIT } from '../../base/errors.ts';
import { UP_RESTART_MS, UP_RESTART_MS_MAX, UP_STEADY_MS } from '../../base/tool-limits.ts';
import type { Plan } from './plan.ts';

export interface ChildEnd {
  readonly role: Exclude<Plan['type'], 'refused'>;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Names of the lifecycle events it has written. */
  readonly said: ReadonlySet<string>;
  /** `hv up` was told to end. */
  readonly stopping: boolean;
}

export type Next =
  | { readonly type: 'end'; readonly code: number; readonly why: string }
  /** Ask who is primary, and be what this host should be then. */
  | { readonly type: 'again'; readonly why: string };

export function nextAfter(end: ChildEnd): Next {
  const { role, code, signal, said, stopping } = end;
  const status = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  if (stopping) return { type: 'end', code: status, why: 'told to stop' };
  if (said.has('stopped'))
    return { type: 'end', code: status, why: 'the guest was stopped on purpose, or has ended' };
  if (said.has('handed.over')) return { type: 'again', why: 'it has handed over' };
  if (code === EXIT.fenced) return { type: 'again', why: 'it was fenced' };
  const wasUp = said.has('started') || said.has('listening');
  if (code === EXIT.usage || (code === EXIT.failed && !wasUp))
    return { type: 'end', code: status, why: 'it cannot start like this' };
  // The log of this host is the one to go on from, and it cannot be: a person has to look.
  const wasPrimary = role !== 'backup' && !said.has('fenced');
  if (wasPrimary && (code === EXIT.diverged || code === EXIT.logDamaged))
    return { type: 'end', code: status, why: 'its log cannot be gone on from' };
  const how = signal === null ? `with status ${status}` : `by ${signal}`;
  return { type: 'again', why: `it ended ${how}` };
}

/** How long to wait before the next start: longer while one after the other fails soon. */
export class Backoff {
  #failures = 0;

  /** `livedMs`: of the replica that has just ended. */
  next(livedMs: number): number {
    if (livedMs >= UP_STEADY_MS) this.#failures = 0;
    const waitMs = Math.min(UP_RESTART_MS * 2 ** this.#failures, UP_RESTART_MS_MAX);
    this.#failures += 1;
    return waitMs;
  }
}
