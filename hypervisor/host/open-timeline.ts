/** A timeline on a log on disk, with the checkpoints that lie beside it. */

import { asLsn, type Lsn } from '../../log-format/index.ts';
import { unreachable } from '../base/assert.ts';
import { CHECKPOINT_BYTES_MAX } from '../base/limits.ts';
import type { Machine } from '../machine/machine.ts';
import {
  type Checkpoints,
  LayeredCheckpoints,
  MemoryCheckpoints,
} from '../timeline/checkpoints.ts';
import { Timeline } from '../timeline/timeline.ts';
import { DiskCheckpoints } from './disk-checkpoints.ts';
import type { Target } from './inspect-words.ts';
import { LogIndex } from './log-index.ts';
import { openLog } from './log-reader.ts';
import { startAtOldest } from './replay-start.ts';

export interface OpenTimelineOptions {
  readonly path: string;
  /** Asked before every turn: true ends the move where it is. */
  readonly shouldStop: () => boolean;
  /** Undefined: those beside the log and, as it moves, some in memory. */
  readonly checkpoints?: Checkpoints | undefined;
}

export interface OpenedTimeline {
  readonly timeline: Timeline;
  /** The timeline's own: to be saved between moves, never to be run. */
  readonly machine: Machine;
  readonly index: LogIndex;
  /** Snapshots beside the log. */
  readonly snapshots: number;
}

/**
 * The timeline stands at the first place there is: before the first record, or at the oldest usable
 * checkpoint of a log that was trimmed. Throws what `openLog` and `buildMachine` throw.
 */
export function openTimeline(options: OpenTimelineOptions): OpenedTimeline {
  const { path, shouldStop } = options;
  const log = openLog(path);
  const start = startAtOldest(log, {});
  const index = new LogIndex(log, { firstLsn: asLsn(start.lsn + 1) });
  const disk = log.isDirectory ? new DiskCheckpoints(path, log.header) : undefined;
  const { machine } = start;
  return {
    machine,
    timeline: new Timeline({
      machine,
      log: index,
      startedAt: log.header.startedAt,
      checkpoints: options.checkpoints ?? checkpointsOf(disk, start.lsn, index.lastLsn),
      now: () => performance.now(),
      shouldStop,
    }),
    index,
    snapshots: disk?.lsns.length ?? 0,
  };
}

function checkpointsOf(disk: DiskCheckpoints | undefined, start: Lsn, last: Lsn): Checkpoints {
  const memory = new MemoryCheckpoints(CHECKPOINT_BYTES_MAX);
  if (disk === undefined) return memory;
  // A log that has lost its end may have snapshots of places it does not reach any more.
  return new LayeredCheckpoints(memory, disk.within({ first: start, last }));
}

/** The lsn that a target without ticks means. */
export function lsnOfTarget(
  target: Exclude<Target, { type: 'tick' }>,
  { timeline, index }: Pick<OpenedTimeline, 'timeline' | 'index'>,
): Lsn {
  const { start, end } = timeline;
  switch (target.type) {
    case 'lsn':
      return asLsn(target.lsn);
    case 'time':
      return asLsn(Math.min(Math.max(index.lsnAt(target.micros), start), end));
    case 'fraction':
      return asLsn(start + Math.round(target.fraction * (end - start)));
    case 'start':
      return start;
    case 'end':
      return end;
    default:
      return unreachable(target);
  }
}
