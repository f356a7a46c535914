/**
 * When a checkpoint is due. Pure: the caller counts records, bytes and times, and hands them in. `auto`
 * lets a replay from the newest checkpoint take about as long as one can wait for an answer, and never
 * lets checkpoints take more than a small share of the time, unless a replay would come to take long.
 */

import { unreachable } from '../base/assert.ts';
import {
  CHECKPOINT_COST_SHARE,
  CHECKPOINT_REPLAY_MS,
  CHECKPOINT_REPLAY_MS_MAX,
} from '../base/limits.ts';

export type CheckpointEvery =
  | { readonly type: 'off' }
  | { readonly type: 'auto' }
  /** Records of the log. */
  | { readonly type: 'records'; readonly every: number }
  /** Bytes of the log. */
  | { readonly type: 'bytes'; readonly every: number }
  /** Microseconds of the guest's clock. */
  | { readonly type: 'virtual'; readonly every: number };

/** What has happened since the last checkpoint, or since the boot if there was none. */
export interface SinceCheckpoint {
  readonly records: number;
  readonly bytes: number;
  /** Microseconds the guest's clock has moved. */
  readonly virtualMicros: number;
  /** Milliseconds the machine has run: the sum over its turns, which a replay repeats. */
  readonly runMs: number;
  /** Milliseconds on the host's clock, idle time included. */
  readonly elapsedMs: number;
  /** Milliseconds the last checkpoint took: pause and work on this thread. 0: there was none. */
  readonly lastCostMs: number;
  /** The guest has said that one would be welcome. */
  readonly isWelcome: boolean;
}

/** Nothing has changed without a record, so nothing is due without one. */
export function isCheckpointDue(every: CheckpointEvery, since: SinceCheckpoint): boolean {
  if (since.records === 0) return false;
  const isCheap = since.lastCostMs < CHECKPOINT_COST_SHARE * since.elapsedMs;
  // A hint only: a guest that gives it at every turn does not get to spend its time on checkpoints.
  if (since.isWelcome && isCheap && every.type !== 'off') return true;
  switch (every.type) {
    case 'off':
      return false;
    case 'records':
      return since.records >= every.every;
    case 'bytes':
      return since.bytes >= every.every;
    case 'virtual':
      return since.virtualMicros >= every.every;
    case 'auto':
      return (
        since.runMs >= CHECKPOINT_REPLAY_MS_MAX || (since.runMs >= CHECKPOINT_REPLAY_MS && isCheap)
      );
    default:
      return unreachable(every);
  }
}
